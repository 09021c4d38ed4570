"""The study that the window has open, and the acts on it: each runs in the background, and the study is read anew."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from segmentation.errors import StudyError
from study_admin.study_folder import StudyFolder, user
from study_admin.views.background import Background, CancelledError, Progress
from study_admin.views.snapshot import Snapshot, take_snapshot


class Walk(QObject):
    """What all stage pages hold: the study as it stands, and the way to do something about it."""

    changed = Signal()  # the study was read anew
    troubled = Signal(object)  # a StudyError
    told = Signal(str)  # something went well, or was cancelled
    act_begun = Signal()  # what was said of the act before is over
    stage_wanted = Signal(int)  # a page sends the coordinator to another stage
    rail_changed = Signal()  # a page has a problem, or has none any more
    power_wanted = Signal()  # how likely the study, as its form or its folder has it, is to find a difference

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.background = Background(self)
        self.folder: StudyFolder | None = None
        self.snapshot: Snapshot | None = None
        self.who = user()
        self.is_unwritten = False  # the form of stage 1 holds changes to the study that aren't written

    def begin_new(self) -> None:
        """A study that isn't written yet."""
        self.folder, self.snapshot = None, None
        self.changed.emit()

    def open(self, path: Path, then: Callable[[], None]) -> None:
        """Read a study's folder; `then` follows if that goes well, else the study before stays."""
        folder = StudyFolder(path.absolute())

        def take(done: "Future[Snapshot]") -> None:
            try:
                snapshot = done.result()
            except StudyError as error:
                self.troubled.emit(error)
                return
            self.folder, self.snapshot = folder, snapshot
            self.changed.emit()
            then()

        self.background.run("Opening the study", lambda _: take_snapshot(folder), take, is_cancellable=False)

    def do(
        self,
        what: str,
        act: Callable[[Progress], Any],
        then: Callable[[Any], None],
        *,
        cancelled: str | Callable[[], str] = "Cancelled; nothing was changed.",
        failed: Callable[[StudyError], None] | None = None,
        is_cancellable: bool = True,
    ) -> None:
        """Do something to the study, read it anew, and hand the result to `then`.

        `cancelled` is what is said after a cancel, or makes it from the study as it was read then. `failed` gets a
        StudyError that the page shows itself; without it the window does. In both cases the study is read anew, for
        part of the work may have been done.
        """

        def work(progress: Progress) -> tuple[Any, StudyError | None, Snapshot | None]:
            result: Any = None
            trouble: StudyError | None = None
            try:
                result = act(progress)
            except CancelledError:
                trouble = _CancelledActError("")
            except StudyError as error:
                trouble = error
            return result, trouble, take_snapshot(self.folder) if self.folder else None

        def take(done: "Future[tuple[Any, StudyError | None, Snapshot | None]]") -> None:
            try:
                result, trouble, snapshot = done.result()
            except StudyError as error:  # the study itself can't be read any more
                self.troubled.emit(error)
                return
            if snapshot is not None:
                self.snapshot = snapshot
                self.changed.emit()
            if trouble is None:
                then(result)
            elif isinstance(trouble, _CancelledActError):
                self.told.emit(cancelled if isinstance(cancelled, str) else cancelled())
            else:
                (failed or self.troubled.emit)(trouble)

        self.background.run(what, work, take, is_cancellable=is_cancellable)


class _CancelledActError(StudyError):
    """Said plainly, but nothing went wrong."""
