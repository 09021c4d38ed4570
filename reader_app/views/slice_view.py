"""One slice of one layer with one side's segmentation: painted from the scene's pictures, moved by the mouse.

Pictures are made at the screen's own pixels and painted without scaling; letters and crosshair are Qt's.
"""

import math
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QHideEvent, QImage, QMouseEvent, QNativeGestureEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from reader_app.images import ExamImages
from reader_app.layout import Plane
from reader_app.placement import Placement, place
from reader_app.scene import OverlayLook, Patch, Scene
from reader_app.session.model import Side
from reader_app.state import ViewState
from reader_app.views import slice_marks
from reader_app.views.slice_drag import Drag, start_drag
from reader_app.views.slice_marks import Marks
from reader_app.window import Window

_WHEEL_STEP = 120  # eighths of a degree; a touchpad sends less and is added up
_ZOOM_PER_STEP = 1.15


@dataclass(frozen=True)
class Drawn:
    """What a view painted last, but for the side: equal for A and B, and the tests hold us to it."""

    layer: str
    index: int
    placement: Placement
    window: Window
    is_interpolated: bool
    look: OverlayLook | None
    cursor: tuple[float, float] | None


class SliceView(QWidget):
    """A view of the state; `show_slice` says which slice it is."""

    def __init__(self, state: ViewState, side: Side, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self.layer = ""
        self.plane = Plane.AXIAL
        self.drawn: Drawn | None = None
        self._state = state
        self._scene: Scene | None = None
        self._exam: ExamImages | None = None
        self._drag: Drag | None = None
        self._wheel_rest = 0
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMouseTracking(True)

    def show_slice(self, scene: Scene, exam: ExamImages, layer: str, plane: Plane) -> None:
        self._scene, self._exam, self.layer, self.plane = scene, exam, layer, plane
        self.update()

    def clear(self) -> None:
        """Forget the exam, so that its memory is free."""
        self._scene = self._exam = self._drag = None

    @property
    def pixel_size(self) -> QSize:
        """In pixels of the screen."""
        dpr = self.devicePixelRatioF()
        return QSize(math.floor(self.width() * dpr + 1e-6), math.floor(self.height() * dpr + 1e-6))

    def placement(self) -> Placement:
        assert self._exam
        return place(self._state, self._exam, self.plane, self.pixel_size.width(), self.pixel_size.height())

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._scene and self._exam and self._state.exam is self._exam:
            self._onto_screen_pixels(painter)
            self._paint_slice(painter, self._scene)
        else:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.end()

    def _onto_screen_pixels(self, painter: QPainter) -> None:
        """Draw in screen pixels from a whole one on: at a scale like 1.5 a view may start in the middle of one."""
        dpr = self.devicePixelRatioF()
        painter.scale(1 / dpr, 1 / dpr)
        start = painter.deviceTransform().map(QPointF(0, 0))
        painter.translate(round(start.x()) - start.x(), round(start.y()) - start.y())

    def _paint_slice(self, painter: QPainter, scene: Scene) -> None:
        state, placement, dpr = self._state, self.placement(), self.devicePixelRatioF()
        cursor = state.cursor_vox
        index, window = cursor[self.plane.normal_axis], state.windows[self.layer]
        grey = scene.grey(self.layer, index, placement, window, state.is_interpolated)
        _fill_around(painter, placement, grey)
        _draw_patch(painter, grey)
        look = OverlayLook(state.overlay_style, state.opacity, max(1, round(dpr))) if state.is_overlay_shown else None
        if look:
            _draw_patch(painter, scene.overlay(self.side, index, placement, look))
        if state.is_crosshair_shown:
            slice_marks.draw_crosshair(painter, placement, cursor, dpr)
        slice_marks.draw_marks(painter, placement, self.marks(), dpr)
        slice_marks.draw_slider(painter, placement, self._slider_at(index), dpr)
        at = placement.pixel_of(cursor) if state.is_crosshair_shown else None
        self.drawn = Drawn(self.layer, index, placement, window, state.is_interpolated, look, at)

    def marks(self) -> Marks:
        """The words over the picture."""
        assert self._exam
        index = self._state.cursor_vox[self.plane.normal_axis]
        (left, right), v_letters = self._exam.letters[self.plane.u_axis], self._exam.letters[self.plane.v_axis]
        top, bottom = v_letters if self.plane.v_sign > 0 else v_letters[::-1]
        count = self._exam.shape[self.plane.normal_axis]
        return Marks(f"{self.layer} {self.plane.value}", f"{index + 1} / {count}", left, right, top, bottom)

    def _slider_at(self, index: int) -> float:
        assert self._exam
        return index / max(self._exam.shape[self.plane.normal_axis] - 1, 1)

    # --- mouse ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._exam or (self._drag and event.buttons() & self._drag.button):
            return
        typed_in = QApplication.focusWidget()
        if isinstance(typed_in, QLineEdit):
            typed_in.clearFocus()  # looking ends typing: the next digit is a score, not a word
        self._state.set_layer(self.layer)
        placement, dpr = self.placement(), self.devicePixelRatioF()
        self._drag = start_drag(
            self._state, self.layer, placement, dpr, event.position(), event.button(), event.modifiers()
        )
        if self._drag:
            self._drag.move(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag and not event.buttons() & self._drag.button:
            self._drag = None  # the button went up where this view did not hear of it
        if self._drag and self._exam:
            self._drag.move(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag and event.button() == self._drag.button:
            self._drag = None

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._exam or event.button() != Qt.MouseButton.LeftButton:
            return
        dpr = self.devicePixelRatioF()
        if slice_marks.is_on_slider(event.position().x() * dpr, self.placement(), dpr):
            return
        if self._state.maximised:
            self._state.restore_layout()
        else:
            self._state.maximise(self.layer, self.plane)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        delta = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._state.zoom_by(_ZOOM_PER_STEP ** (delta / _WHEEL_STEP))
            return
        if delta * self._wheel_rest < 0:
            self._wheel_rest = 0
        steps = int((self._wheel_rest + delta) / _WHEEL_STEP)
        self._wheel_rest += delta - steps * _WHEEL_STEP
        self._state.scroll(self.plane, steps)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self._state.zoom_by(max(1 + event.value(), 0.1))
            return True
        return super().event(event)


def _draw_patch(painter: QPainter, patch: Patch | None) -> None:
    if patch is None:
        return
    height, width = patch.pixels.shape
    kind = QImage.Format.Format_RGB32 if patch.is_opaque else QImage.Format.Format_ARGB32_Premultiplied
    image = QImage(patch.pixels.data, width, height, patch.pixels.strides[0], kind)  # over numpy's own memory
    painter.drawImage(patch.x, patch.y, image)


def _fill_around(painter: QPainter, placement: Placement, patch: Patch | None) -> None:
    """Black where the patch is not: a view is half air, and filling it under the head as well costs a millisecond."""
    beyond = 2  # a scale like 1.5 can leave a part of a pixel at the end
    width, height = placement.width + beyond, placement.height + beyond
    if patch is None:
        painter.fillRect(-beyond, -beyond, width + beyond, height + beyond, Qt.GlobalColor.black)
        return
    bottom, right = patch.y + patch.pixels.shape[0], patch.x + patch.pixels.shape[1]
    for x, y, end_x, end_y in (
        (-beyond, -beyond, width, patch.y),
        (-beyond, bottom, width, height),
        (-beyond, patch.y, patch.x, bottom),
        (right, patch.y, width, bottom),
    ):
        painter.fillRect(x, y, end_x - x, end_y - y, Qt.GlobalColor.black)
