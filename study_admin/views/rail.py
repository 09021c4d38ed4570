"""The rail: the seven stages of a study, each with its number, its state in a sign and a word, and one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from reader_app.views import theme
from study_admin.standing import State

WIDTH = 264
_MARGIN, _GAP = 14, 3
_SIGNS = {State.EMPTY: "○ not yet", State.READY: "● ready", State.DONE: "✓ done"}
_PROBLEM = "⚠ problem"


@dataclass(frozen=True)
class RailEntry:
    """A stage as the rail shows it."""

    name: str
    state: State
    sentence: str
    is_problem: bool = False

    @property
    def state_words(self) -> str:
        """A sign and a word: colour alone says nothing to many."""
        return _PROBLEM if self.is_problem else _SIGNS[self.state]


class StageButton(QAbstractButton):
    """One stage of the rail."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._entry = RailEntry("", State.EMPTY, "")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_entry(self, entry: RailEntry) -> None:
        self._entry = entry
        self.setText(entry.name)
        self.setAccessibleName(f"Stage {self._number}, {entry.name}: {entry.state_words[2:]}")
        self.setAccessibleDescription(entry.sentence)
        self.setToolTip(entry.sentence)
        self.updateGeometry()
        self.update()

    def _fonts(self) -> tuple[QFont, QFont]:
        name, small = QFont(self.font()), QFont(self.font())
        name.setBold(True)
        return name, small

    def _sentence_height(self, width: float) -> float:
        _, small = self._fonts()
        box = QRectF(0, 0, width, 1000)
        return QFontMetricsF(small).boundingRect(box, Qt.TextFlag.TextWordWrap, self._entry.sentence or " ").height()

    def heightForWidth(self, width: int) -> int:
        name, small = self._fonts()
        lines = QFontMetricsF(name).height() + QFontMetricsF(small).height() + self._sentence_height(width - 50)
        return int(lines + 2 * _GAP + 16)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, self.heightForWidth(WIDTH))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.isChecked() or self.underMouse():
            painter.fillRect(self.rect(), QColor(theme.RAISED if self.isChecked() else theme.BASE))
        if self.isChecked():
            painter.fillRect(0, 0, 4, self.height(), QColor(theme.ACCENT))
        name, small = self._fonts()
        left, width = 36.0, self.width() - 50.0
        line, small_line = QFontMetricsF(name).height(), QFontMetricsF(small).height()
        top = 8.0
        painter.setFont(name)
        painter.setPen(QColor(theme.TEXT if self._entry.state is not State.EMPTY else theme.QUIET))
        painter.drawText(QRectF(_MARGIN, top, 22, line), str(self._number))
        painter.drawText(QRectF(left, top, width, line), self._entry.name)
        top += line + _GAP
        painter.setFont(small)
        painter.setPen(QColor(self._state_colour()))
        painter.drawText(QRectF(left, top, width, small_line), self._entry.state_words)
        top += small_line + _GAP
        painter.setPen(QColor(theme.QUIET))
        box = QRectF(left, top, width, self._sentence_height(width))
        painter.drawText(box, Qt.TextFlag.TextWordWrap, self._entry.sentence)

    def _state_colour(self) -> str:
        if self._entry.is_problem:
            return theme.AMBER
        return theme.QUIET if self._entry.state is State.EMPTY else theme.ACCENT


class RailView(QWidget):
    """All stages; a click, or the arrow keys and Enter, goes to one."""

    chosen = Signal(int)  # index of the stage

    def __init__(self, entries: Sequence[RailEntry]) -> None:
        super().__init__()
        theme.paint(self, ground=theme.BASE)
        self.setFixedWidth(WIDTH)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 8, 0, 10)
        self.column.setSpacing(2)
        self.buttons = [StageButton(number) for number in range(1, len(entries) + 1)]
        for index, button in enumerate(self.buttons):
            button.clicked.connect(lambda _=False, index=index: self.chosen.emit(index))
            self.column.addWidget(button)
        self.column.addStretch(1)
        self.show_entries(entries)

    def show_entries(self, entries: Sequence[RailEntry]) -> None:
        for button, entry in zip(self.buttons, entries, strict=True):
            button.show_entry(entry)

    def mark(self, index: int) -> None:
        """Show which stage is on the screen."""
        for number, button in enumerate(self.buttons):
            button.setChecked(number == index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
        focused = next((n for n, button in enumerate(self.buttons) if button.hasFocus()), None)
        if focused is None:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.buttons[focused].click()
        elif step:
            self.buttons[(focused + step) % len(self.buttons)].setFocus()
        else:
            super().keyPressEvent(event)
