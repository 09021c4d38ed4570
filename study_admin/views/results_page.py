"""Stage 7: the score tables and the report, written into a new folder each time."""

from collections.abc import Sequence
from pathlib import Path

from reader_app.views import theme
from study_admin import conduct
from study_admin.records import Stage
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, button, fill, table
from study_admin.views.walk import Walk

_NOT_OPEN = "Opens when the study does (stage 3)."
_BLIND = "Until the unblinding the tables show sides A and B, and not which method stood where."
_OPEN = "The tables name the two methods. Written anew each time, into a folder of their own; none is ever replaced."


class ResultsPage(StagePage):
    """Tables and report; above the buttons the files of the folder that was written last."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Results")
        self.place = theme.paragraph("")
        self.files = table(("File", "Size", "Folder"), "Files that were written")
        self.body.addWidget(self.place)
        self.body.addWidget(self.files, 1)
        self.write_button = button("Write the tables", self.write)
        self.folder_button = button("Open the folder", self._open_folder)
        self.report_button = button("Write the report", self.write_report)
        self.add_steps(self.write_button, self.folder_button, self.report_button)
        self._folder: Path | None = None
        self.show_study(None)

    def show_study(self, snapshot: Snapshot | None) -> None:
        is_open = snapshot is not None and snapshot.opening is not None
        is_unblinded = snapshot is not None and snapshot.stage is Stage.UNBLINDED
        self.sentence.setText(_NOT_OPEN if not is_open else _OPEN if is_unblinded else _BLIND)
        self.write_button.setEnabled(is_open)
        self.write_button.setText("Write the tables" if is_unblinded or not is_open else "Write the blinded tables")
        self.report_button.setEnabled(is_unblinded)
        self.report_button.setToolTip("" if is_unblinded else "After the unblinding.")
        self._show_newest()

    def _show_newest(self) -> None:
        """The folder that was written last, whoever wrote it."""
        homes = (self.walk.folder.tables, self.walk.folder.reports) if self.walk.folder else ()
        found = [entry for home in homes if home.is_dir() for entry in home.iterdir() if entry.is_dir()]
        found = [entry for entry in found if not entry.name.startswith(".")]
        self._folder = max(found, key=lambda entry: (entry.stat().st_mtime, entry.name), default=None)
        self.folder_button.setEnabled(self._folder is not None)
        self.place.setText(f"Written last: {self._folder}" if self._folder else "Nothing is written yet.")
        paths = [path for path in self._folder.rglob("*") if path.is_file()] if self._folder else []
        fill(self.files, [_row(path, self._folder) for path in sorted(paths, key=_place)])

    def _open_folder(self) -> None:
        if self._folder:
            self.show_folder(self._folder)

    def write(self) -> None:
        """Write all tables into a new folder."""
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Writing tables",
            lambda progress: conduct.write_tables(folder, who=who, progress=progress),
            self._tell,
            cancelled="Cancelled; no table was written.",
        )

    def write_report(self) -> None:
        """Write the page, its results and its figures into a new folder."""
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Writing the report",
            lambda progress: conduct.write_report(folder, who=who, progress=progress),
            self._tell_report,
            cancelled="Cancelled; no report was written.",
        )

    def _tell_report(self, written: Sequence[Path]) -> None:
        from study_admin.report.pdf import obstacle  # loads fonts and more, which no earlier stage needs

        (page,) = (path for path in written if path.suffix == ".html")
        why = obstacle()
        told = f"The report is written: open {page.name} in its folder with a browser."
        self.walk.told.emit(f"{told} {why}" if why else told)

    def _tell(self, written: Sequence[Path]) -> None:
        self.walk.told.emit(f"{len(written)} files are written. README.txt in their folder says what is what.")


def _place(path: Path) -> tuple[int, str]:
    """Files before those of sub-folders."""
    return len(path.parts), str(path)


def _row(path: Path, folder: Path | None) -> tuple[str, str, str]:
    where = path.parent.relative_to(folder).as_posix() if folder else ""
    size = path.stat().st_size
    return path.name, f"{size / 1024:.0f} kB" if size >= 1024 else f"{size} bytes", "" if where == "." else where
