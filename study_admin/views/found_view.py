"""What was found in the folder of exams: a table of all exams, and beside it one exam's picture and problems."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QHeaderView, QLabel, QScrollArea, QVBoxLayout, QWidget

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin.thumbnails import SIZE
from study_admin.views.exam_rows import ExamEntry
from study_admin.views.stage_page import caption, fill, table
from study_admin.views.thumbnail_view import Thumbnails

_FIRST, _LAST = ("Exam", "State"), ("Kind",)
_AIR, _MOST_WORDS = 8, 110  # pixels: between columns, of the words above the table


class FoundView(QWidget):
    """One row an exam; those with problems can be shown alone."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[ExamEntry, ...] = ()
        self._thumbnails: Thumbnails | None = None
        self.table = table(_FIRST, "Exams that were found")
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.only_problems = QCheckBox("only those with problems")
        self.only_problems.toggled.connect(self._hide_rows)
        self.words = theme.paragraph("")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAccessibleName("The study as a whole")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 8, 0, 0)
        left = QVBoxLayout()
        self._words_area = self._scrolled(self.words)
        self._words_area.hide()
        left.addWidget(self._words_area)
        left.addWidget(self.table, 1)
        left.addWidget(self.only_problems)
        row.addLayout(left, 1)
        row.addWidget(self._detail())

    def _detail(self) -> QWidget:
        detail = QWidget()
        detail.setFixedWidth(SIZE + 24)
        column = QVBoxLayout(detail)
        column.setContentsMargins(12, 0, 0, 0)
        self.name = caption("")
        self.picture = QLabel()
        self.picture.setFixedSize(SIZE, SIZE)
        self.picture.setWordWrap(True)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.paint(self.picture, text=theme.QUIET, ground=theme.BLACK)
        self.problems = theme.paragraph("")
        self.problems.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problems.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.name)
        column.addWidget(self.picture)
        column.addWidget(self._scrolled(self.problems), 1)
        return detail

    @staticmethod
    def _scrolled(words: QLabel) -> QScrollArea:
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(words)
        return area

    def watch(self, thumbnails: Thumbnails) -> None:
        """Where the pictures come from."""
        self._thumbnails = thumbnails
        thumbnails.made.connect(lambda name: self._show_picture() if name == self._chosen_name() else None)

    def show_words(self, problems: Sequence[StudyError], warnings: Sequence[str]) -> None:
        """What concerns the study as a whole: problems, then what can be done but should be known."""
        lines = [f"⚠ {problem}" for problem in problems] + [f"Note: {warning}" for warning in warnings]
        self.words.setText("\n".join(lines))
        theme.paint(self.words, text=theme.AMBER if problems else theme.QUIET)
        self._words_area.setVisible(bool(lines))
        self._fit_words()

    def _fit_words(self) -> None:
        """No higher than its words, and no higher than a few lines."""
        height = self.words.heightForWidth(max(self._words_area.viewport().width(), 300))
        self._words_area.setFixedHeight(min(height + 4, _MOST_WORDS))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_words()

    def show_exams(self, entries: Sequence[ExamEntry]) -> None:
        self.entries = tuple(entries)
        roles = list(dict.fromkeys(role for entry in entries for role in entry.files))
        columns = [*_FIRST, *(role.removeprefix("arm ") for role in roles), *_LAST]
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels(columns)
        rows = [
            [entry.name, entry.state, *(entry.files.get(role) or "–" for role in roles), _kind(entry)]
            for entry in entries
        ]
        fill(self.table, rows)
        for number, entry in enumerate(entries):
            item = self.table.item(number, 1)
            if item and entry.problems:
                item.setForeground(QColor(theme.AMBER))
                item.setToolTip("\n".join(str(problem) for problem in entry.problems))
        self._fit()
        self.only_problems.setVisible(any(entry.problems for entry in entries))
        self._hide_rows()
        first = next((n for n, entry in enumerate(entries) if entry.problems), 0)
        self.table.setCurrentCell(first if entries else -1, 0)
        self._show_chosen()

    def _fit(self) -> None:
        """Columns as wide as their words, within reason."""
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)  # else the last one keeps the width it was stretched to
        self.table.resizeColumnsToContents()
        widest = max(self.table.viewport().width() // 2, self.table.fontMetrics().averageCharWidth() * 20)
        for column in range(self.table.columnCount()):
            self.table.setColumnWidth(column, min(self.table.columnWidth(column) + _AIR, widest))
        header.setStretchLastSection(True)

    def _hide_rows(self) -> None:
        only = self.only_problems.isChecked() and not self.only_problems.isHidden()
        for number, entry in enumerate(self.entries):
            self.table.setRowHidden(number, only and not entry.problems)

    def _show_chosen(self) -> None:
        row = self.table.currentRow()
        entry = self.entries[row] if 0 <= row < len(self.entries) else None
        name = entry.name if entry else ""
        self.name.setText(self.name.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, SIZE))
        self.name.setToolTip(name)
        self.problems.setText("\n\n".join(_plain(problem) for problem in entry.problems) if entry else "")
        theme.paint(self.problems, text=theme.AMBER)
        if entry and self._thumbnails:
            self._thumbnails.want(entry)
        self._show_picture()

    def _chosen_name(self) -> str:
        row = self.table.currentRow()
        return self.entries[row].name if 0 <= row < len(self.entries) else ""

    def _show_picture(self) -> None:
        row = self.table.currentRow()
        entry = self.entries[row] if 0 <= row < len(self.entries) else None
        made = self._thumbnails.picture(entry.name) if entry and self._thumbnails else None
        if made is not None:
            self.picture.setPixmap(made)
            self.picture.setToolTip("T1c in the middle of the tumour; the outline is that of both masks together")
        elif entry and not entry.has_picture:
            self.picture.setText("No picture: it needs the T1c and the masks of both methods.")
        elif entry and self._thumbnails and self._thumbnails.trouble(entry.name):
            self.picture.setText(f"No picture: {self._thumbnails.trouble(entry.name)}")
        else:
            self.picture.setText("The picture is being made…" if entry else "")


def _kind(entry: ExamEntry) -> str:
    return "practice" if entry.is_practice else "study"


def _plain(problem: StudyError) -> str:
    """The problem at its exam: the folder needs no telling, so the file's name alone."""
    file = str(problem.file or "").replace("\\", "/").rsplit("/", 1)[-1]
    return f"⚠ {file}: {problem.what}\n{problem.remedy}".rstrip() if file else f"⚠ {problem.what}\n{problem.remedy}"
