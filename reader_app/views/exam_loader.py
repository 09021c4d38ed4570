"""Brings the images of the exam that is open onto the screen, as soon as they are decoded."""

from concurrent.futures import Future
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from reader_app.images import ExamImages
from reader_app.session.model import Reading
from reader_app.views.looking import Looking
from segmentation.errors import StudyError

LOADING = "Loading the images…"
GO_ON = "You can go on with the other exams."


class ExamSource(Protocol):
    """Where decoded exams come from; `reader_app.prefetch` is one."""

    def get(self, reading_id: str) -> "Future[ExamImages]": ...


class ExamLoader(QObject):
    """One exam is wanted at a time; what arrives for another one is passed over."""

    failed = Signal(Reading, StudyError)
    _arrived = Signal(object)

    def __init__(self, source: ExamSource, looking: Looking) -> None:
        super().__init__(looking)
        self._source, self._looking = source, looking
        self._reading: Reading | None = None
        self._wanted: Future[ExamImages] | None = None
        self._view: dict[str, Any] | None = None
        self._arrived.connect(self._show)

    def load(self, reading: Reading, view: dict[str, Any] | None = None) -> None:
        """Show an exam, as the hanging protocol says or as `view` kept it."""
        self._reading, self._view = reading, view
        self._wanted = wanted = self._source.get(reading.reading_id)
        if wanted.done():
            self._show(wanted)
        else:
            self._looking.show_message(LOADING)
            wanted.add_done_callback(self._arrived.emit)

    def stop(self) -> None:
        """Show nothing that arrives from now on."""
        self._wanted = None

    def _show(self, done: "Future[ExamImages]") -> None:
        if done is not self._wanted or done.cancelled():
            return
        self._wanted = None
        try:
            images = done.result()
        except StudyError as error:
            self._looking.show_message(f"{error}\n\n{GO_ON}")
            assert self._reading
            self.failed.emit(self._reading, error)
            return
        self._looking.show_exam(images)
        if self._view:
            self._looking.state.restore(self._view)
