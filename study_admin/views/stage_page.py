"""What the seven stages share: a heading, a sentence, the stage itself, and one highlighted next step."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin.study_folder import StudyFolder
from study_admin.views.snapshot import Snapshot
from study_admin.views.walk import Walk


class StagePage(QWidget):
    """A page of the walk. `body` is the stage's own room; `show_study` is called whenever the study was read anew."""

    def __init__(self, walk: Walk, title: str) -> None:
        super().__init__()
        self.walk = walk
        self._of: StudyFolder | None = None
        self.problem = ""  # one sentence for the rail, as long as something is wrong here
        self.sentence = theme.paragraph("", is_quiet=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        self._steps = QHBoxLayout()
        self._steps.setSpacing(10)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        column.addWidget(theme.heading(title))
        column.addWidget(self.sentence)
        column.addLayout(self.body, 1)
        column.addLayout(self._steps)
        walk.changed.connect(self._show)

    def add_steps(self, primary: QPushButton, *others: QPushButton) -> None:
        """Quiet buttons at the left, the highlighted one at the right."""
        for other in others:
            self._steps.addWidget(other)
        self._steps.addStretch()
        self._steps.addWidget(theme.primary(primary))

    def _show(self) -> None:
        self.problem = ""
        if self.walk.folder != self._of:
            self._of = self.walk.folder
            self.forget()
        self.show_study(self.walk.snapshot)

    def show_study(self, snapshot: Snapshot | None) -> None:
        """Show the study as it stands; None for one that isn't written yet. Each page has its own."""

    def forget(self) -> None:
        """Another study: nothing that was given or shown for the one before may stay."""

    def come_up(self) -> None:
        """The page was chosen: what it looks up by itself, it looks up now."""

    def show_folder(self, folder: Path) -> None:
        """Show a folder in the desktop's own window for files."""
        if not folder.is_dir() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            remedy = "Open it in your program for files."
            self.walk.troubled.emit(StudyError("The folder can't be shown from here.", file=folder, remedy=remedy))

    def stop(self) -> None:
        """The window closes: nothing of the page may go on."""


def button(text: str, act: Callable[[], object], tip: str = "") -> QPushButton:
    """A button that is large enough to hit without looking twice."""
    made = QPushButton(text)
    made.setMinimumHeight(36)
    made.setAutoDefault(True)  # Enter presses it while it has the focus
    made.setToolTip(tip)
    made.clicked.connect(lambda: act())
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def caption(text: str) -> QLabel:
    """A small heading inside a page."""
    label = QLabel(text)
    theme.sized(label, 1.1, is_bold=True)
    return label


def table(columns: Sequence[str], name: str) -> QTableWidget:
    """An empty table whose rows are chosen as a whole; `name` is for those who hear the screen."""
    made = QTableWidget(0, len(columns))
    made.setAccessibleName(name)
    made.setHorizontalHeaderLabels(list(columns))
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    made.setAlternatingRowColors(True)
    made.setShowGrid(False)
    made.setWordWrap(False)
    made.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # long names differ at their ends
    made.setTabKeyNavigation(False)
    made.verticalHeader().hide()
    made.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    made.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    made.horizontalHeader().setMinimumSectionSize(64)
    made.horizontalHeader().setStretchLastSection(True)
    return made


def fill(into: QTableWidget, rows: Sequence[Sequence[str]]) -> None:
    """Put rows of words into a table, in the place of those that were there."""
    into.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, words in enumerate(row):
            item = QTableWidgetItem(words)
            item.setToolTip(words)
            into.setItem(number, column, item)


def whole_path(line: QLineEdit) -> Path | None:
    """The path in a field, shown there with "~" spelled out; None if it is empty.

    StudyError for one that isn't whole: it would lie in whatever folder the window was started from.
    """
    words = line.text().strip()
    if not words:
        return None
    path = Path(os.path.expanduser(words))  # noqa: PTH111 - Path's own raises for a user who isn't there
    if not path.is_absolute():
        remedy = "Give it from the root of the disk on, or choose it with the button."
        raise StudyError(f"{line.accessibleName()}: this isn't a whole path.", file=words, remedy=remedy)
    if str(path) != line.text():
        line.setText(str(path))
    return path


def ask_folder(parent: QWidget, title: str, start: Path | None = None) -> Path | None:
    """A folder that is there; None if the coordinator thinks better of it."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start or Path.home()))
    return Path(chosen) if chosen else None
