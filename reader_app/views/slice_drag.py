"""What a pressed mouse button does in a slice, as in ITK-SNAP but for the right button.

Left: crosshair, or the slider at the edge. Middle, or left with Shift: pan. Right: window and level (ITK-SNAP: zoom),
with Ctrl: zoom.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt

from reader_app.layout import Plane
from reader_app.placement import Placement
from reader_app.state import ViewState, Window
from reader_app.views import slice_marks

_ZOOM_DRAG_PX = 150.0  # per factor e, in logical pixels as all here
_WIDTH_DRAG_PX = 250.0  # per factor e
_LEVEL_DRAG_PX = 400.0  # per width of the window

Act = Callable[[QPointF], None]


@dataclass(frozen=True)
class Drag:
    """A drag in progress: the button that ends it, and what each place of the mouse does."""

    button: Qt.MouseButton
    move: Act


def start_drag(
    state: ViewState,
    layer: str,
    placement: Placement,
    dpr: float,
    start: QPointF,
    button: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> Drag | None:
    """The drag that a press begins, or None for buttons without a meaning."""
    plane = placement.plane
    is_shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    is_control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and is_shift):
        return Drag(button, _pan(state, plane, placement.px_per_mm / dpr, start))
    if button == Qt.MouseButton.LeftButton:
        is_slider = slice_marks.is_on_slider(start.x() * dpr, placement, dpr)
        return Drag(button, _slide(state, placement, dpr) if is_slider else _point(state, placement, dpr))
    if button == Qt.MouseButton.RightButton:
        return Drag(button, _zoom(state, start) if is_control else _window(state, layer, start))
    return None


def _point(state: ViewState, placement: Placement, dpr: float) -> Act:
    def move(at: QPointF) -> None:
        state.move_cursor(placement.voxel_at(at.x() * dpr, at.y() * dpr, state.cursor_vox))

    return move


def _slide(state: ViewState, placement: Placement, dpr: float) -> Act:
    def move(at: QPointF) -> None:
        if state.exam:
            last = state.exam.shape[placement.plane.normal_axis] - 1
            share = slice_marks.slider_share(at.y() * dpr, placement, dpr)
            state.set_slice(placement.plane, round(share * last))

    return move


def _pan(state: ViewState, plane: Plane, px_per_mm: float, start: QPointF) -> Act:
    last = start

    def move(at: QPointF) -> None:
        nonlocal last
        state.pan_by(plane, (at.x() - last.x()) / px_per_mm, (at.y() - last.y()) / px_per_mm)
        last = at

    return move


def _zoom(state: ViewState, start: QPointF) -> Act:
    last = start

    def move(at: QPointF) -> None:
        nonlocal last
        state.zoom_by(math.exp((last.y() - at.y()) / _ZOOM_DRAG_PX))
        last = at

    return move


def _window(state: ViewState, layer: str, start: QPointF) -> Act:
    """To the right more grey values (less contrast), upwards brighter."""
    before = state.windows[layer]

    def move(at: QPointF) -> None:
        right, down = at.x() - start.x(), at.y() - start.y()
        if right or down:
            width = before.width * math.exp(right / _WIDTH_DRAG_PX)
            state.set_window(layer, Window(before.level + before.width * down / _LEVEL_DRAG_PX, width))

    return move
