"""Stage 5: take results back. Each file is verified; what fails is refused whole, with the reason."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.collection import Verdict
from study_admin.records import Stage
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, ask_folder, button, caption, fill, table
from study_admin.views.walk import Walk

_NOT_OPEN = "Opens when the study does (stage 3)."
_OPEN = "Drop here the results-….json that each reader sent, or whole folders. A file can come twice; it counts once."
_OVER = "The study is locked: nothing is collected any more."


class DropBox(QFrame):
    """A place to drop files and folders, with buttons that do the same."""

    dropped = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAcceptDrops(True)
        self.last: Path | None = None  # folder that was used last
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 18, 20, 18)
        row.addWidget(theme.paragraph("Drop results files or folders here, or"), 1)
        self.files = button("Choose files…", self._choose_files)
        self.folder = button("Choose a folder…", self._choose_folder)
        for widget in (self.files, self.folder):
            row.addWidget(widget)

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self, "Choose results files", str(self.last or Path.home()), "Results (*.json)"
        )
        if names:
            self.last = Path(names[0]).parent
            self.dropped.emit([Path(name) for name in names])

    def _choose_folder(self) -> None:
        folder = ask_folder(self, "Choose a folder with results", self.last)
        if folder:
            self.last = folder
            self.dropped.emit([folder])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.dropped.emit(paths)


class CollectPage(StagePage):
    """The box, the verdicts of this sitting, and who is still missing."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Collect")
        self.box = DropBox()
        self.box.dropped.connect(self.collect)
        self.body.addWidget(self.box)
        self.body.addWidget(caption("What became of each file"))
        self.verdicts = table(("", "Verdict"), "Verdicts on the files")
        self.verdicts.setWordWrap(True)
        self.body.addWidget(self.verdicts, 3)
        self.missing = theme.paragraph("")
        self.body.addWidget(self._people(), 2)
        self.go_on = button("Go on: lock the study…", lambda: walk.stage_wanted.emit(5))
        self.add_steps(self.go_on)
        self._said: list[Verdict] = []
        self.show_study(None)

    def _people(self) -> QWidget:
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(caption("What is in the study"))
        column.addWidget(self.missing)
        self.collected = table(("Reader", "Signed off", "Collected", "By", "File"), "Results in the study")
        column.addWidget(self.collected, 1)
        return made

    def show_study(self, snapshot: Snapshot | None) -> None:
        opening = snapshot.opening if snapshot else None
        is_open = snapshot is not None and snapshot.stage is Stage.OPEN
        self.sentence.setText(_NOT_OPEN if opening is None else _OPEN if is_open else _OVER)
        self.box.setEnabled(is_open)
        self.go_on.setEnabled(is_open)
        missing = snapshot.missing if snapshot else ()
        theme.mark(self.go_on, is_open and not missing)
        theme.mark(self.box.files, is_open and bool(missing))
        total = len(snapshot.readers) if snapshot and opening else 0
        complete = f"All {total} readers are there, and signed off." if total else ""
        self.missing.setText(f"Missing: {', '.join(missing)}." if missing else complete)
        rows = [
            (item.reader, "no" if item.results.is_incomplete else "✓ yes",
             f"{item.utc.astimezone():%Y-%m-%d %H:%M}", item.who, item.file_name)
            for item in (snapshot.collected if snapshot else ())
        ]  # fmt: skip
        fill(self.collected, sorted(rows))
        self._say_problem()

    def forget(self) -> None:
        self._said.clear()
        fill(self.verdicts, [])

    def collect(self, paths: Sequence[Path]) -> None:
        """Verify files and take those that are sound."""
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Verifying results",
            lambda progress: conduct.collect(folder, paths, who=who, progress=progress),
            self._show_verdicts,
            cancelled="Cancelled. Files that were taken before stay; drop them all again to go on.",
        )

    def _show_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        self._said = [*verdicts, *self._said]
        fill(self.verdicts, [(_sign(verdict), verdict.sentence) for verdict in self._said])
        for row, verdict in enumerate(self._said):
            for column in range(2) if verdict.is_refused else ():
                if item := self.verdicts.item(row, column):
                    item.setForeground(QColor(theme.AMBER))
        self.verdicts.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.verdicts.scrollToTop()
        self._say_problem()
        self.walk.rail_changed.emit()
        taken = sum(verdict.is_taken for verdict in verdicts)
        refused = sum(verdict.is_refused for verdict in verdicts)
        words = f"{taken} taken, {refused} refused, {len(verdicts) - taken - refused} there already."
        if refused:
            self.walk.troubled.emit(StudyError(words, remedy="Each refused file says why, and what to do."))
        else:
            self.walk.told.emit(words)

    def _say_problem(self) -> None:
        """A refused file stays a problem until a sound one was taken from the same place, or the study is locked."""
        latest = {verdict.path: verdict for verdict in reversed(self._said)}
        refused = [verdict.path.name for verdict in latest.values() if verdict.is_refused]
        is_open = self.walk.snapshot is not None and self.walk.snapshot.stage is Stage.OPEN
        self.problem = (
            f"Refused: {', '.join(refused[:2])}{' …' if len(refused) > 2 else ''}." if refused and is_open else ""
        )


def _sign(verdict: Verdict) -> str:
    if verdict.is_taken:
        return "✓ taken"
    return "⚠ refused" if verdict.is_refused else "= known"
