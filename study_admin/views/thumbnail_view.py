"""Pictures of the exams, made in the background: mid-tumour T1c with one outline around what both arms have drawn."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPixmap, QShowEvent
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin.thumbnails import SIZE, Picture, thumbnail
from study_admin.views.exam_rows import ExamEntry

_SMALL = 150  # pixels of a picture among others


class Thumbnails(QObject):
    """Makes each exam's picture once, one after the other, and tells when it is there."""

    made = Signal(str)  # name of the exam
    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="thumbnails")
        self._pictures: dict[str, QPixmap] = {}
        self._troubles: dict[str, str] = {}
        self._wanted: dict[str, ExamEntry] = {}
        self._is_closed = False
        self._finished.connect(self._take)

    def forget(self) -> None:
        """Other exams than before."""
        self._wanted.clear()
        self._pictures.clear()
        self._troubles.clear()

    def want(self, entry: ExamEntry) -> None:
        """Begin to make a picture, unless that was asked for before."""
        if entry.t1c is None or not entry.has_picture or self._wanted.get(entry.name) is entry:
            return
        self._wanted[entry.name] = entry
        t1c, masks = entry.t1c, entry.masks
        work = self._pool.submit(lambda: None if self._is_closed else thumbnail(t1c, masks))
        work.add_done_callback(lambda done: None if self._is_closed else self._finished.emit(entry, done))

    def _take(self, entry: ExamEntry, done: "Future[Picture | None]") -> None:
        if self._is_closed or self._wanted.get(entry.name) is not entry:
            return
        try:
            picture = done.result()
        except StudyError as error:
            self._troubles[entry.name] = str(error)
        else:
            if picture is not None:
                self._pictures[entry.name] = pixmap_of(picture)
        self.made.emit(entry.name)

    def picture(self, name: str) -> QPixmap | None:
        return self._pictures.get(name)

    def trouble(self, name: str) -> str:
        """Why there is no picture; empty if there is one, or will be."""
        return self._troubles.get(name, "")

    def close(self) -> None:
        """Wait for the picture that is being made; begin no other."""
        self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)


def pixmap_of(picture: Picture) -> QPixmap:
    """A picture for the screen; its bytes are copied."""
    height, width, _ = picture.shape
    image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image.copy())


class ThumbnailsView(QListWidget):
    """All exams as pictures; the first showing begins to make them."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._entries: tuple[ExamEntry, ...] = ()
        self._blank = QPixmap(SIZE, SIZE)
        self._blank.fill(QColor(theme.BLACK))
        self.setAccessibleName("Pictures of the exams")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(QSize(_SMALL, _SMALL))
        self.setGridSize(QSize(_SMALL + 18, _SMALL + 34))
        thumbnails.made.connect(self._show_picture)

    def show_exams(self, entries: Sequence[ExamEntry]) -> None:
        self._entries = tuple(entries)
        self.clear()
        for entry in entries:
            item = QListWidgetItem(self._thumbnails.picture(entry.name) or self._blank, entry.name)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            item.setToolTip(entry.name if entry.has_picture else f"{entry.name}: files are missing")
            self.addItem(item)
        if self.isVisible():
            self._want_all()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._want_all()

    def _want_all(self) -> None:
        for entry in self._entries:
            self._thumbnails.want(entry)

    def _show_picture(self, name: str) -> None:
        for index, entry in enumerate(self._entries):
            if entry.name == name:
                item = self.item(index)
                item.setIcon(self._thumbnails.picture(name) or self._blank)
                item.setToolTip(self._thumbnails.trouble(name) or name)
