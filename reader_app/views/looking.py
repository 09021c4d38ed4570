"""Both viewers with their strip, and the keys of looking; the reading and the closing page share one."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from reader_app.images import ExamImages
from reader_app.state import Layout, Plane, ViewState
from reader_app.views.look_strip import LookStrip
from reader_app.views.viewer import ViewersView

_OPACITY_STEP = 0.05
_ZOOM_STEP = 1.15


class Looking(QWidget):
    """Everything about looking. `settled` comes once per turn of the event loop in which the view changed."""

    settled = Signal()

    def __init__(self, state: ViewState, *, is_surface_allowed: bool) -> None:
        super().__init__()
        self.state = state
        self.viewers = ViewersView(state)
        self.viewers.is_surface_allowed = is_surface_allowed
        self._is_surface_allowed = is_surface_allowed
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addWidget(self.viewers, 1)
        inside.addWidget(LookStrip(state))
        self._settling = QTimer(self, singleShot=True, interval=0)
        self._settling.timeout.connect(self.settled)
        # what was replaced before it could be painted was not on the screen: only the last of a burst counts
        self._unsubscribe = state.subscribe(self._settling.start)
        self.destroyed.connect(self._unsubscribe)

    def show_exam(self, images: ExamImages) -> None:
        self.state.open_exam(images)
        self.viewers.show_exam(images)

    def show_message(self, text: str) -> None:
        """Words in place of the pictures."""
        self.state.close_exam()
        self.viewers.show_exam(None)
        self.viewers.show_message(text)

    def acts(self) -> dict[str, Callable[[], None]]:
        state = self.state
        return self._place_acts() | {
            "layer": state.toggle_layer,
            "overlay": state.toggle_overlay,
            "style": state.toggle_style,
            "fainter": lambda: state.set_opacity(state.opacity - _OPACITY_STEP),
            "stronger": lambda: state.set_opacity(state.opacity + _OPACITY_STEP),
            "auto-window": lambda: state.auto_window(state.layer),
            "next-preset": lambda: state.next_preset(state.layer),
            "interpolation": state.toggle_interpolation,
            "crosshair": state.toggle_crosshair,
            "layout": state.cycle_layout,
            "layout-both": partial(state.set_layout, Layout.BOTH),
            "layout-one": partial(state.set_layout, Layout.ONE),
            "layout-plane": partial(state.set_layout, Layout.PLANE),
            "layout-surface": self._show_surface,
            "maximise": self._maximise,
            "reset": state.reset,
        }

    def _place_acts(self) -> dict[str, Callable[[], None]]:
        state = self.state
        return {
            "left": lambda: state.move_by(self._plane, -1, 0),
            "right": lambda: state.move_by(self._plane, 1, 0),
            "up": lambda: state.move_by(self._plane, 0, -1),
            "down": lambda: state.move_by(self._plane, 0, 1),
            "slice-up": lambda: state.scroll(self._plane, 1),
            "slice-down": lambda: state.scroll(self._plane, -1),
            "zoom-in": lambda: state.zoom_by(_ZOOM_STEP),
            "zoom-out": lambda: state.zoom_by(1 / _ZOOM_STEP),
            "centre": state.centre_on_cursor,
            "start-slice": state.go_to_start,
        }

    @property
    def _plane(self) -> Plane:
        return self.viewers.active_plane()

    def _show_surface(self) -> None:
        if self._is_surface_allowed:
            self.state.set_layout(Layout.SURFACE)

    def _maximise(self) -> None:
        if self.state.maximised:
            self.state.restore_layout()
        else:
            self.state.maximise(self.state.layer, self._plane)
