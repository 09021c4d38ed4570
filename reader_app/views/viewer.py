"""The two viewers, A left and B right: one state, one scene and one arrangement, so that they cannot differ."""

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from reader_app.images import ExamImages
from reader_app.layout import Layout, Plane
from reader_app.scene import Scene
from reader_app.session.model import Side
from reader_app.state import ViewState
from reader_app.views import theme
from reader_app.views.arrangement import arrange
from reader_app.views.slice_view import SliceView
from reader_app.views.surface_view import SurfaceSource, SurfaceView

_HEADING_HEIGHT = 24
_BETWEEN_SIDES = 8


class ViewersView(QWidget):
    """Both sides of one exam. Widgets are made once and laid out again when the layout changes."""

    exam_painted = Signal()  # another one, or none; listen by a queued connection

    def __init__(self, state: ViewState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._exam: ExamImages | None = None
        self._painted: ExamImages | None = None
        self._scene: Scene | None = None
        self._slices: dict[Side, list[SliceView]] = {side: [] for side in Side}
        self._surfaces: dict[Side, SurfaceView] = {}
        self._surface_source = SurfaceSource(self)
        self._message = QLabel(self)
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.hide()
        self.setMinimumSize(480, 280)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.destroyed.connect(state.subscribe(self._refresh))

    # --- what is shown ---

    def show_exam(self, images: ExamImages | None) -> None:
        """Show an exam; the state opens it unless it has it open already (and perhaps restored a view)."""
        self._message.hide()
        self._exam, self._scene = images, Scene(images) if images else None
        for view in self._all_slices():
            view.clear()
        self._surface_source.clear()
        if images is None:
            self._state.close_exam()
        elif self._state.exam is not images:
            self._state.open_exam(images)
        self._refresh()
        self.update()

    def show_message(self, text: str) -> None:
        """A sentence in place of images."""
        self.show_exam(None)
        self._message.setText(text)
        self._message.show()

    @property
    def is_surface_allowed(self) -> bool:
        return self._state.is_surface_allowed

    @is_surface_allowed.setter
    def is_surface_allowed(self, is_allowed: bool) -> None:
        self._state.allow_surface(is_allowed)

    def active_plane(self) -> Plane:
        """The plane under the mouse, else the only one that is shown, else axial."""
        active = self.active_view()
        return active[1] if active else Plane.AXIAL

    def active_view(self) -> tuple[str, Plane] | None:
        """Layer and plane under the mouse, else of the first view; None without an exam."""
        under_mouse = (view for view in self._all_slices() if view.isVisible() and view.underMouse())
        view = next(under_mouse, None)
        return (view.layer, view.plane) if view else next(iter(self._state.views()), None)

    def close_exam(self) -> None:
        """End what works in the background; called once, when the window closes."""
        self.show_exam(None)
        self._surface_source.close()

    def slice_views(self, side: Side) -> list[SliceView]:
        """The slices that a side shows now, in the order of `ViewState.views()`."""
        return self._slices[side][: len(self._state.views())] if self._exam else []

    def surface_view(self, side: Side) -> SurfaceView | None:
        """A side's 3-D pane, once it was asked for."""
        return self._surfaces.get(side)

    # --- arrangement ---

    def _refresh(self) -> None:
        """Bring widgets in line with the state; what did not change costs next to nothing."""
        shown = self._state.views() if self._exam and self._state.exam is self._exam else []
        frames = self._frames(len(shown)) if shown else []
        for side in Side:
            self._show_slices(side, shown, frames)
            self._show_surface(side, frames[len(shown) :])

    def _frames(self, view_count: int) -> list[QRect]:
        """Where a side's views stand, from the side's own corner."""
        layout = Layout.ONE if self._state.maximised else self._state.layout
        height = max(self.height() - _HEADING_HEIGHT, 1)
        return [QRect(*rect) for rect in arrange(layout, view_count, self._side_width, height)]

    def _show_slices(self, side: Side, shown: list[tuple[str, Plane]], frames: list[QRect]) -> None:
        views = self._slices[side]
        while len(views) < len(shown):
            views.append(SliceView(self._state, side, self))
        for view, (layer, plane), frame in zip(views, shown, frames, strict=False):
            assert self._scene and self._exam
            view.setGeometry(frame.translated(self._side_left(side), _HEADING_HEIGHT))
            view.show_slice(self._scene, self._exam, layer, plane)
            view.show()
        for view in views[len(shown) :]:
            view.hide()

    def _show_surface(self, side: Side, frames: list[QRect]) -> None:
        if not frames:
            if side in self._surfaces:
                self._surfaces[side].hide()
            return
        assert self._exam
        if side not in self._surfaces:
            self._surfaces[side] = SurfaceView(self._state, side, self._surface_source, self)
        view = self._surfaces[side]
        view.setGeometry(frames[0].translated(self._side_left(side), _HEADING_HEIGHT))
        self._surface_source.ask(self._exam)
        view.update()
        view.show()

    @property
    def _side_width(self) -> int:
        return max((self.width() - _BETWEEN_SIDES) // 2, 1)

    def _side_left(self, side: Side) -> int:
        return 0 if side is Side.A else self.width() - self._side_width

    def _all_slices(self) -> list[SliceView]:
        return [view for side in Side for view in self._slices[side]]

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._message.setGeometry(self.rect().adjusted(40, 0, -40, 0))
        self._refresh()

    @property
    def is_painted(self) -> bool:
        """Whether the exam has been on the screen."""
        return self._exam is not None and self._painted is self._exam

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._exam is not self._painted:
            self._painted = self._exam
            self.exam_painted.emit()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.BLACK))
        if self._exam:
            font = QFont(self.font())
            font.setPixelSize(17)
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(QColor(theme.TEXT))
            for side in Side:
                heading = QRect(self._side_left(side), 0, self._side_width, _HEADING_HEIGHT)
                painter.drawText(heading, Qt.AlignmentFlag.AlignCenter, side.value)
        painter.end()
