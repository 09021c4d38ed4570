"""Everything about looking, in one slim strip for both sides: layer, layout, window, segmentation, and the cursor."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from reader_app.images import ExamImages
from reader_app.layout import Layout, OverlayStyle, Plane
from reader_app.state import ViewState
from reader_app.views import theme
from reader_app.views.icons import set_icon
from reader_app.views.keys import tip
from reader_app.window import PRESETS, Window

_BY_HAND = "by hand"
_ICON_PX = 20
_LAYOUT_BUTTONS = (
    (Layout.BOTH, "grid-four", "layout-both"),
    (Layout.ONE, "layout", "layout-one"),
    (Layout.PLANE, "square", "layout-plane"),
    (Layout.SURFACE, "cube", "layout-surface"),
)


class LookStrip(QWidget):
    """Shows the state's looks and passes on what the reader wants; nothing here belongs to one side."""

    def __init__(self, state: ViewState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._shown: object = None
        self._rounded = (0.0, 0.0)  # level and width as the numbers show them
        self._layer_buttons: list[QToolButton] = []
        self._layer_row = _row()
        self._layouts = {
            layout: self._button(icon, act, partial(state.set_layout, layout), is_switch=True)
            for layout, icon, act in _LAYOUT_BUTTONS
        }
        self._plane = self._choice([plane.value for plane in Plane], "Plane", lambda name: state.set_plane(Plane(name)))
        self._level, self._width = self._number("Level"), self._number("Width")
        self._preset = self._choice([*PRESETS, _BY_HAND], tip("next-preset"), self._choose_preset)
        self._overlay = self._button("eye", "overlay", state.toggle_overlay, is_switch=True)
        self._style = self._button("selection", "style", state.toggle_style, is_switch=True)
        self._opacity = self._slider()
        self._interpolation = self._button("drop-half", "interpolation", state.toggle_interpolation, is_switch=True)
        self._crosshair = self._button("crosshair", "crosshair", state.toggle_crosshair, is_switch=True)
        self._reset = self._button("arrow-counter-clockwise", "reset", state.reset)
        self.readout = _Readout(state, self)
        self._lay_out()
        self.destroyed.connect(state.subscribe(self._refresh))
        self._refresh()

    def _lay_out(self) -> None:
        row = _row()
        row.setContentsMargins(8, 2, 8, 2)
        row.addLayout(self._layer_row)
        row.addSpacing(12)
        for group in (
            [*self._layouts.values(), self._plane],
            [_label("L"), self._level, _label("W"), self._width, self._preset],
            [self._overlay, self._style, self._opacity],
            [self._interpolation, self._crosshair, self._reset],
        ):
            for widget in group:
                row.addWidget(widget)
            row.addSpacing(12)
        row.addStretch(1)
        row.addWidget(self.readout)
        self.setLayout(row)

    # --- parts ---

    def _button(self, icon: str, act: str, intent: Callable[[], None], *, is_switch: bool = False) -> QToolButton:
        button = _Switch()
        button.setAccessibleName(tip(act))
        button.setToolTip(tip(act))
        button.setCheckable(is_switch)
        button.setAutoRaise(True)
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFixedSize(_ICON_PX + 12, _ICON_PX + 10)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self._do(intent))
        set_icon(button, icon)
        return button

    def _choice(self, names: list[str], text: str, intent: Callable[[str], None]) -> QComboBox:
        choice = QComboBox()
        choice.addItems(names)
        choice.setToolTip(text)
        choice.setAccessibleName(text)
        choice.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        choice.textActivated.connect(intent)
        return choice

    def _number(self, text: str) -> QDoubleSpinBox:
        number = QDoubleSpinBox()
        number.setRange(-1e7, 1e7)
        number.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        number.setKeyboardTracking(False)
        number.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        number.setFixedWidth(68)
        number.setToolTip(f"{text} of the layer in front; also by dragging with the right button")
        number.setAccessibleName(text)
        number.editingFinished.connect(self._take_window)
        return number

    def _slider(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFixedWidth(90)
        slider.setToolTip(f"Opacity of both segmentations. {tip('fainter')}, {tip('stronger')}")
        slider.setAccessibleName("Opacity of both segmentations")
        slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        slider.valueChanged.connect(lambda percent: self._state.set_opacity(percent / 100))
        return slider

    # --- intents ---

    def _do(self, intent: Callable[[], None]) -> None:
        intent()
        self._refresh(is_forced=True)  # a click on a button that was down already lifts it, though nothing changed

    def _choose_preset(self, name: str) -> None:
        if name in PRESETS:
            self._state.set_preset(self._state.layer, name)
        self._refresh(is_forced=True)

    def _take_window(self) -> None:
        """A number that was typed; the other one stays as it is, not as it was rounded for showing."""
        before = self._state.windows.get(self._state.layer)
        typed = self._level.value(), self._width.value()
        if before and typed != self._rounded:
            level = typed[0] if typed[0] != self._rounded[0] else before.level
            width = typed[1] if typed[1] != self._rounded[1] else before.width
            self._state.set_window(self._state.layer, Window(level, width))
        self._refresh(is_forced=True)
        for number in (self._level, self._width):
            number.clearFocus()

    # --- showing ---

    def _refresh(self, *, is_forced: bool = False) -> None:
        """Bring the controls in line; at a mere move of the cursor only the read-out changes."""
        self.readout.update()
        state = self._state
        looks = {name: value for name, value in state.to_dict().items() if name not in ("cursor_vox", "zoom", "pan_mm")}
        shown = (looks, state.layers, state.is_surface_allowed)
        if shown != self._shown or is_forced:
            self._shown = shown
            self._show(state)

    def _show(self, state: ViewState) -> None:
        self.setEnabled(state.exam is not None)
        self._show_layers()
        for layout, button in self._layouts.items():
            button.setChecked(layout is state.layout and not state.maximised)
        self._layouts[Layout.SURFACE].setVisible(state.is_surface_allowed)
        self._plane.setVisible(state.layout is Layout.PLANE)
        self._plane.setCurrentText(state.plane.value)
        self._overlay.setChecked(state.is_overlay_shown)
        self._style.setChecked(state.overlay_style is OverlayStyle.OUTLINE)
        self._interpolation.setChecked(state.is_interpolated)
        self._crosshair.setChecked(state.is_crosshair_shown)
        with QSignalBlocker(self._opacity):
            self._opacity.setValue(round(state.opacity * 100))
        if state.layer in state.windows:
            self._show_window(state.windows[state.layer])

    def _show_window(self, window: Window) -> None:
        self._preset.setCurrentText(self._state.preset_name(self._state.layer) or _BY_HAND)
        decimals = 0 if window.width >= 50 else 2  # some images are z-scores
        for number, value in ((self._level, window.level), (self._width, window.width)):
            number.setDecimals(decimals)
            number.setValue(value)
        self._rounded = self._level.value(), self._width.value()

    def _show_layers(self) -> None:
        if [button.text() for button in self._layer_buttons] != list(self._state.layers):
            for button in self._layer_buttons:
                button.deleteLater()
            self._layer_buttons = [self._layer_button(name) for name in self._state.layers]
            for button in self._layer_buttons:
                self._layer_row.addWidget(button)
        for button in self._layer_buttons:
            button.setChecked(button.text() == self._state.layer)

    def _layer_button(self, name: str) -> QToolButton:
        button = _Switch()
        button.setText(name)
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.setFixedHeight(_ICON_PX + 10)
        button.setToolTip(tip("layer"))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self._do(partial(self._state.set_layer, name)))
        return button


class _Switch(QToolButton):
    """A button that says by a line of the accent colour that it is on; Fusion's own sunken grey is hard to see."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            painter.fillRect(4, self.height() - 3, self.width() - 8, 2, QColor(theme.ACCENT))
            painter.end()


class _Readout(QWidget):
    """Where the crosshair is in the patient, and the grey values there. Nothing of a segmentation."""

    def __init__(self, state: ViewState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        theme.sized(self, 0.9)
        metrics = self.fontMetrics()
        self.setFixedSize(metrics.horizontalAdvance("R 888.8   A 888.8   S 888.8 mm") + 8, 2 * metrics.height() + 2)
        self.setToolTip(
            "The crosshair's place in the patient (R right, L left, A front, P back, S head, I feet), "
            "and the grey value of each layer there"
        )

    def lines(self) -> tuple[str, str]:
        exam, cursor = self._state.exam, self._state.cursor_vox
        if not isinstance(exam, ExamImages):
            return "", ""
        position = exam.position_mm(cursor)
        words = [
            f"{'RL'[mm >= 0] if n == 0 else 'AP'[mm >= 0] if n == 1 else 'IS'[mm >= 0]} {abs(mm):.1f}"
            for n, mm in enumerate(position)
        ]
        values = [f"{layer} {_short(exam.intensity(layer, cursor))}" for layer in exam.layer_names]
        return "   ".join(words) + " mm", "   ".join(values)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        half = self.height() // 2
        for n, (text, colour) in enumerate(zip(self.lines(), (theme.TEXT, theme.QUIET), strict=True)):
            painter.setPen(QColor(colour))
            painter.drawText(0, n * half, self.width(), half, Qt.AlignmentFlag.AlignRight, text)
        painter.end()


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def _label(text: str) -> QLabel:
    label = QLabel(text)
    theme.paint(label, text=theme.QUIET)
    return label


def _row() -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    return row
