"""All exams in one table before the signature: scores, remarks, gaps; a row leads to its exam."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout

from reader_app.session.model import Answer, Reading, ReadingAnswers, Side, Status
from reader_app.sitting import Sitting
from reader_app.views import theme
from reader_app.views.page import Page, step_button

_HEADS = ("Exam", "A", "B", "Remarks")
GAP = "⚠ no score"


class ReviewPage(Page):
    """Shows what is on the disk; passes on where the reader wants to go."""

    title = "Review"
    chosen = Signal(Reading)
    continued = Signal()
    back = Signal()

    def __init__(self, sitting: Sitting) -> None:
        super().__init__()
        self._sitting = sitting
        self._heading = theme.heading("Review")
        self._words = theme.paragraph("")
        self.table = self._make_table()
        self._next = theme.primary(step_button("", self._go_on))
        steps = QHBoxLayout()
        steps.addWidget(step_button("Back to the exams", self.back.emit))
        steps.addStretch()
        steps.addWidget(self._next)
        column = QVBoxLayout(self)
        column.setContentsMargins(48, 24, 48, 20)
        column.setSpacing(12)
        for widget in (self._heading, self._words):
            column.addWidget(widget)
        column.addWidget(self.table, 1)
        column.addLayout(steps)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_HEADS))
        table.setHorizontalHeaderLabels(list(_HEADS))
        table.setAccessibleName("All exams and their scores")
        table.verticalHeader().hide()
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 7)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for column, width in enumerate((190, 150, 150)):
            table.setColumnWidth(column, width)
        header.setSectionResizeMode(len(_HEADS) - 1, QHeaderView.ResizeMode.Stretch)
        table.cellClicked.connect(self._choose)
        table.cellActivated.connect(self._choose)
        return table

    def show_state(self) -> None:
        """Fill the table; the highlighted step leads to the first gap, else onward."""
        readings = self._sitting.readings
        self.table.setRowCount(len(readings))
        for row, reading in enumerate(readings):
            self._fill(row, reading)
        gaps = len(self._sitting.gaps())
        if self._sitting.is_read_only:
            self._words.setText("Signed. The scores can be looked at, but not changed any more.")
            self._next.setText("Back to the receipt")
        elif gaps:
            count = "One exam still wants" if gaps == 1 else f"{gaps} exams still want"
            self._words.setText(f"{count} a score, or a reason why there is none.")
            self._next.setText("Go to the first of them" if gaps > 1 else "Go to it")
        else:
            self._words.setText("Every exam has both scores, or a reason. Click a row to look at it once more.")
            self._next.setText("Continue")
        self.table.setCurrentCell(0, 0)
        self.table.clearSelection()

    def start_focus(self) -> QTableWidget | None:
        return None

    def acts(self) -> dict[str, Callable[[], None]]:
        return {"next": self._next.click, "back": self.back.emit}

    def _fill(self, row: int, reading: Reading) -> None:
        answers = self._sitting.store.answers(reading.reading_id)
        is_gap = self._sitting.status(reading) is not Status.SCORED and not reading.is_practice
        remarks = _remarks(answers)
        if self._sitting.is_unreadable(reading):
            remarks = "; ".join(filter(None, ["images cannot be shown", remarks]))
        cells = [self._sitting.title(reading), *(_cell(answers.side(side), answers) for side in Side), remarks]
        for column, words in enumerate(cells):
            missing = is_gap and not words and column in (1, 2)
            item = QTableWidgetItem(GAP if missing else words or ("–" if column in (1, 2) else ""))
            if missing:
                item.setForeground(QColor(theme.AMBER))
            elif reading.is_practice:
                item.setForeground(QColor(theme.QUIET))
            self.table.setItem(row, column, item)

    def _choose(self, row: int, _column: int) -> None:
        self.chosen.emit(self._sitting.readings[row])

    def _go_on(self) -> None:
        gaps = self._sitting.gaps()
        if gaps and not self._sitting.is_read_only:
            self.chosen.emit(gaps[0])
        else:
            self.continued.emit()


def _cell(answer: Answer, answers: ReadingAnswers) -> str:
    """A score, or that there is a reason for none; nothing for a gap."""
    if answer.score is not None:
        return str(answer.score)
    return "cannot score" if answer.cannot_score or answers.cannot_score else ""


def _remarks(answers: ReadingAnswers) -> str:
    parts = [answers.cannot_score, answers.comment]
    for side in Side:
        answer = answers.side(side)
        parts += [f"{side}: {text}" for text in (answer.cannot_score, answer.comment) if text]
    return "; ".join(part for part in parts if part)
