"""Stage 4: how far each reader is. No score, no side, and nothing that tells one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QCheckBox, QHBoxLayout, QLineEdit, QTableView

from reader_app.views import theme
from study_admin import conduct
from study_admin.progress import ReaderProgress
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, ask_folder, button
from study_admin.views.walk import Walk

Index = QModelIndex | QPersistentModelIndex
_NOT_OPEN = "Opens when the study does (stage 3)."
_OPEN = (
    "From the packages' folder, from the folders you add, and from what was collected. Nothing is locked by looking."
)
_NOBODY = QModelIndex()


@dataclass(frozen=True)
class _Column:
    """A column: what it says of a reader, and by what it sorts."""

    name: str
    words: Callable[[ReaderProgress], str]
    key: Callable[[ReaderProgress], Any]


def _when(utc: datetime | None) -> str:
    return f"{utc.astimezone():%Y-%m-%d %H:%M}" if utc else "–"


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


COLUMNS = (
    _Column("Reader", lambda r: r.reader, lambda r: r.reader),
    _Column("Group", lambda r: str(r.group or "–"), lambda r: r.group or 0),
    _Column("Site", lambda r: r.site or "–", lambda r: r.site),
    _Column("Practice", lambda r: f"{r.practice_done} of {r.practice_due}", lambda r: r.practice_done),
    _Column("Scored", lambda r: f"{r.scored} of {r.due}", lambda r: r.scored),
    _Column("Last active", lambda r: _when(r.last_activity), lambda r: _when(r.last_activity)),
    _Column("Per exam", lambda r: _minutes(r.median_active_s), lambda r: r.median_active_s or 0.0),
    _Column("Signed", lambda r: "✓ yes" if r.is_signed_off else "no", lambda r: r.is_signed_off),
    _Column("Collected", lambda r: "✓ yes" if r.is_collected else "no", lambda r: r.is_collected),
    _Column("Seen in", lambda r: "; ".join(filter(None, (r.source or "nothing yet", r.note))), lambda r: r.source),
)  # fmt: skip


class ProgressModel(QAbstractTableModel):
    """One row a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[ReaderProgress, ...] = ()

    def show_rows(self, rows: Sequence[ReaderProgress]) -> None:
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: Index = _NOBODY) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOBODY) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].name
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return column.words(row)
        return column.key(row) if role == Qt.ItemDataRole.UserRole else None


class _Filter(QSortFilterProxyModel):
    """Rows with the typed words in any column; and, if wished, only readers who aren't done."""

    def __init__(self, model: ProgressModel) -> None:
        super().__init__()
        self._model, self._words, self._is_open_only = model, "", False
        self.setSourceModel(model)
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def narrow(self, words: str, is_open_only: bool) -> None:
        self.beginFilterChange()
        self._words, self._is_open_only = words.casefold().strip(), is_open_only
        self.endFilterChange()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        row = self._model.rows[source_row]
        if self._is_open_only and row.is_signed_off:
            return False
        return any(self._words in column.words(row).casefold() for column in COLUMNS)


class ProgressPage(StagePage):
    """A table that sorts by its headings and narrows to what is typed."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Progress")
        self.model = ProgressModel()
        self.filter = _Filter(self.model)
        self.summary = theme.paragraph("")
        self.words = QLineEdit()
        self.words.setPlaceholderText("Show only rows with…")
        self.words.setAccessibleName("Show only rows with these words")
        self.only_open = QCheckBox("only readers who haven't signed off")
        self.words.textChanged.connect(self._narrow)
        self.only_open.toggled.connect(self._narrow)
        row = QHBoxLayout()
        row.addWidget(self.words, 1)
        row.addWidget(self.only_open)
        self.body.addWidget(self.summary)
        self.body.addLayout(row)
        self.table = self._table()
        self.body.addWidget(self.table, 1)
        self.places: list[Path] = []
        self.shown_places = theme.paragraph("", is_quiet=True)
        self.body.addWidget(self.shown_places)
        self.again = button("Look again", self.look)
        self.add = button("Look into another folder…", self._add_place, "Sessions or results that readers sent back")
        self.add_steps(self.again, self.add)
        self.show_study(None)

    def _table(self) -> QTableView:
        made = QTableView()
        made.setAccessibleName("Progress of the readers")
        made.setModel(self.filter)
        made.setSortingEnabled(True)
        made.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        made.setAlternatingRowColors(True)
        made.setShowGrid(False)
        made.setTabKeyNavigation(False)
        made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        made.verticalHeader().hide()
        made.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        made.horizontalHeader().setStretchLastSection(True)
        return made

    def _narrow(self) -> None:
        self.filter.narrow(self.words.text(), self.only_open.isChecked())

    def show_study(self, snapshot: Snapshot | None) -> None:
        is_open = snapshot is not None and snapshot.opening is not None
        self.sentence.setText(_OPEN if is_open else _NOT_OPEN)
        for widget in (self.table, self.words, self.only_open, self.again, self.add):
            widget.setEnabled(is_open)

    def forget(self) -> None:
        self.model.show_rows(())
        self.places.clear()
        for label in (self.summary, self.shown_places, self.words):
            label.clear()

    def come_up(self) -> None:
        if self.walk.snapshot and self.walk.snapshot.opening:
            self.look()

    def look(self) -> None:
        """Read all sessions that can be reached, in the background."""
        folder, places = self.walk.folder, tuple(self.places)
        assert folder
        self.walk.do("Looking at the sessions", lambda _: conduct.follow(folder, places), self._show_rows,
                     is_cancellable=False)  # fmt: skip

    def _show_rows(self, rows: Sequence[ReaderProgress]) -> None:
        self.model.show_rows(rows)
        self.table.resizeColumnsToContents()
        done, due = sum(row.scored for row in rows), sum(row.due for row in rows)
        signed = sum(row.is_signed_off for row in rows)
        self.summary.setText(f"{done} of {due} exams scored; {signed} of {len(rows)} readers have signed off.")

    def _add_place(self) -> None:
        folder = ask_folder(self, "Choose a folder with sessions or results that were sent back")
        if folder:
            self.places.append(folder)
            self.shown_places.setText("Also looked into: " + ", ".join(str(place) for place in self.places))
            self.look()
