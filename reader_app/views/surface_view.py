"""A side's surface in 3-D: rendered off-screen and painted as a picture; turned by dragging, both sides together."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from reader_app.images import ExamImages
from reader_app.session.model import Side
from reader_app.state import ViewState
from reader_app.views import theme

if TYPE_CHECKING:  # OpenGL's part of VTK is imported when it is first asked for
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    from reader_app.surface import Surfaces

_DEG_PER_PX = 0.5
_ZOOM_PER_STEP = 1.15 ** (1 / 120)
_WAIT = "Making the surfaces …"
_NO_OPENGL = "This computer cannot draw 3-D surfaces: OpenGL is missing. The slices (F3) show everything."
_AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
_AXIS_PX, _FAINT = 26.0, 0.35


class SurfaceSource(QObject):
    """Both sides' surfaces of an exam, made in a worker; `text` says why there are none."""

    ready = Signal()
    _made = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.surfaces: Surfaces | None = None
        self.text = _WAIT
        self._exam: ExamImages | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="surface")
        self._made.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def ask(self, exam: ExamImages) -> None:
        """Have the surfaces of an exam made, unless they are there or under way."""
        if exam is self._exam:
            return
        self.clear()
        self._exam = exam
        future = self._worker.submit(_make, exam)
        future.add_done_callback(lambda done: self._report(exam, done))

    def clear(self) -> None:
        if self.surfaces:
            self.surfaces.close()
        self.surfaces, self._exam, self.text = None, None, _WAIT

    def close(self) -> None:
        """End the worker; called when the window goes."""
        self.clear()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _report(self, exam: ExamImages, done: Future[dict[Side, vtkPolyData] | None]) -> None:
        if not done.cancelled():
            self._made.emit(exam, done)

    def _take(self, exam: ExamImages, done: Future[dict[Side, vtkPolyData] | None]) -> None:
        if exam is not self._exam:
            return
        meshes = done.result()
        if meshes is None:
            self.text = _NO_OPENGL
        else:
            from reader_app.surface import Surfaces

            self.surfaces = Surfaces(exam, meshes)
        self.ready.emit()


def _make(exam: ExamImages) -> dict[Side, vtkPolyData] | None:
    from reader_app.surface import is_available, meshes_of

    return meshes_of(exam) if is_available() else None


class SurfaceView(QWidget):
    """3-D pane of one side."""

    def __init__(self, state: ViewState, side: Side, source: SurfaceSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self._state, self._source = state, source
        self._last: QPointF | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        source.ready.connect(self.update)

    @property
    def is_ready(self) -> bool:
        """Whether there is a surface, or a reason why there is none."""
        return self._source.surfaces is not None or self._source.text != _WAIT

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        surfaces, state = self._source.surfaces, self._state
        if surfaces is None:
            painter.setPen(QColor(theme.QUIET))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(20, 20, -20, -20), flags, self._source.text)
        else:
            dpr = self.devicePixelRatioF()
            size = math.floor(self.width() * dpr + 1e-6), math.floor(self.height() * dpr + 1e-6)
            if state.is_overlay_shown:
                pixels = surfaces.picture(self.side, *size, state.surface_turn_deg, state.zoom)
                image = QImage(pixels.data, *size, pixels.strides[0], QImage.Format.Format_RGB888)
                image.setDevicePixelRatio(dpr)
                painter.drawImage(0, 0, image)
            self._draw_axes(painter)
        painter.end()

    def _draw_axes(self, painter: QPainter) -> None:
        """Small letters that turn with the surface; those that point away are fainter."""
        around, up = (math.radians(deg) for deg in self._state.surface_turn_deg)
        centre = QPointF(_AXIS_PX + 14, self.height() - _AXIS_PX - 14)
        for letter, (x, y, z) in _AXES.items():
            right = x * math.cos(around) + y * math.sin(around)
            away = -x * math.sin(around) + y * math.cos(around)
            above, away = z * math.cos(up) + away * math.sin(up), away * math.cos(up) - z * math.sin(up)
            painter.setOpacity(_FAINT if away > 0.01 else 1.0)
            painter.setPen(QColor(theme.TEXT))
            place = centre + QPointF(right, -above) * _AXIS_PX
            painter.drawText(place + QPointF(-4, 5), letter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._last = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is not None and event.buttons():
            moved = (event.position() - self._last) * _DEG_PER_PX
            self._state.turn_surface(-moved.x(), moved.y())
            self._last = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        self._state.zoom_by(_ZOOM_PER_STEP ** event.angleDelta().y())
