"""The page of planning: how likely a study is to show what it is made for, while its sizes are turned."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin.power import in_words
from study_admin.power.answer import Answer, answer
from study_admin.power.plan import Plan
from study_admin.power.simulation import STUDIES, Simulated, simulate
from study_admin.power.variances import Variances, from_pilot
from study_admin.views.background import CancelledError, Progress
from study_admin.views.fields import scrolled
from study_admin.views.power_chart import PowerChart, PowerTable
from study_admin.views.power_form import PowerForm
from study_admin.views.stage_page import button, caption
from study_admin.views.walk import Walk

_TITLE = "How many readers and exams?"
_WHAT = "Change the numbers: the answer follows. Nothing is written into a study before you say so."
_BY_COMMAND = "What needs options can be measured by `study-admin power --pilot`: type here the variances it prints."
_FORM_WIDTH = 330
_LATE_MS = 60  # several changes in a row are answered once


class PowerPage(QWidget):
    """Fields at the left, the answer at the right; knows of no study but the numbers it was given."""

    left = Signal()
    taken = Signal(object)  # a Plan

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self._walk = walk
        self.answer: Answer | None = None
        self._simulated: Simulated | None = None
        self.form, self.chart, self.table = PowerForm(), PowerChart(), PowerTable()
        self.note = theme.paragraph("", is_quiet=True)
        self._make_words()
        self._make_buttons()
        self._lay_out()
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_LATE_MS)
        self._late.timeout.connect(self.refresh)
        self.form.edited.connect(self._late.start)
        self.form.pilot_wanted.connect(self._choose_pilot)
        self.table.sizes_chosen.connect(self.form.put_sizes)
        self.refresh()

    def _make_words(self) -> None:
        self.headline, self.verdict = theme.heading(""), theme.paragraph("")
        self.details, self.promise, self.simulated = (theme.paragraph("") for _ in range(3))
        self.ways, self.others = theme.paragraph(""), theme.paragraph("")
        self.warnings = theme.paragraph("")
        theme.sized(self.headline, 1.3)
        theme.sized(self.verdict, 1.1, is_bold=True)
        theme.paint(self.promise, text=theme.QUIET)
        theme.paint(self.warnings, text=theme.AMBER)

    def _make_buttons(self) -> None:
        self.back = button("Back", self.left.emit)
        self.check = button(
            "Check by simulation", self.simulate, f"{STUDIES} made-up studies, analysed as yours will be"
        )
        self.save = button("Save picture and numbers…", self._choose_folder)
        self.take = theme.primary(button("", self._take))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        column.addWidget(theme.heading(_TITLE))
        column.addWidget(theme.paragraph(_WHAT, is_quiet=True))
        column.addWidget(self.note)
        row = QHBoxLayout()
        row.setSpacing(18)
        fields = scrolled(self.form)
        fields.setFixedWidth(_FORM_WIDTH)
        row.addWidget(fields)
        row.addWidget(scrolled(self._answer_side()), 1)
        column.addLayout(row, 1)
        steps = QHBoxLayout()
        steps.setSpacing(10)
        for quiet in (self.back, self.check, self.save):
            steps.addWidget(quiet)
        steps.addStretch()
        steps.addWidget(self.take)
        column.addLayout(steps)

    def _answer_side(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(6)
        for words in (self.headline, self.verdict, self.details, self.promise, self.simulated):
            column.addWidget(words)
        self._pictures = QWidget()
        pictures = QGridLayout(self._pictures)
        pictures.setContentsMargins(0, 0, 0, 0)
        pictures.setHorizontalSpacing(18)
        pictures.addWidget(caption("Three ways to a larger study"), 0, 0)
        pictures.addWidget(caption("Readers (down) × exams (across) in each group"), 0, 1)
        pictures.addWidget(self.chart, 1, 0)
        pictures.addWidget(self.table, 1, 1)
        self._ways_title = caption("")
        pictures.addWidget(self._ways_title, 2, 0)
        pictures.addWidget(caption("If scores differ otherwise"), 2, 1)
        for place, words in enumerate((self.ways, self.others)):
            words.setAlignment(Qt.AlignmentFlag.AlignTop)
            pictures.addWidget(words, 3, place)  # it fills its cell, for an aligned one keeps the height of older words
            pictures.setColumnStretch(place, 1)
        pictures.setRowStretch(1, 1)
        column.addWidget(self._pictures, 100)
        column.addWidget(self.warnings)
        column.addStretch(1)
        return side

    # --- showing ---

    def come_up(self, plan: Plan, note: str, take_words: str, back_words: str) -> None:
        """Begin with a plan; without `take_words` there is no study that could take the numbers over."""
        self.form.show_plan(plan)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.take.setText(take_words)
        self.take.setVisible(bool(take_words))
        self.back.setText(back_words)
        self.refresh()
        self.form.groups.setFocus()
        self.form.groups.selectAll()

    def refresh(self) -> None:
        """Answer what is filled in now."""
        self._late.stop()
        self._simulated = None
        self.simulated.hide()
        try:
            self.answer = answer(self.form.plan(), self.form.variances(), self.form.wanted_power())
        except StudyError as error:
            self._show_trouble(error)
        else:
            self._show_answer(self.answer)

    def _show_trouble(self, error: StudyError) -> None:
        self.answer = None
        self.headline.setText(f"⚠ {error}")
        theme.paint(self.headline, text=theme.AMBER)
        for words in (self.verdict, self.details, self.promise, self.ways, self.others, self.warnings):
            words.clear()
        self._show_pictures()

    def _show_answer(self, found: Answer) -> None:
        theme.paint(self.headline, text=theme.TEXT)
        self.headline.setText(in_words.headline(found))
        self.verdict.setText(in_words.verdict(found))
        theme.paint(self.verdict, text=theme.ACCENT if found.result.power >= found.wanted else theme.AMBER)
        self.details.setText(f"{in_words.size(found.plan)} {in_words.precision(found)}")
        self.promise.setText(in_words.promise(found))
        self._ways_title.setText(f"What would reach {in_words.wanted(found)}")
        self.ways.setText("\n".join(in_words.way(found, way) for way in found.ways))
        cases = [f"{in_words.per_cent(case.result.power)} if {case.words}" for case in found.what_if]
        self.others.setText("\n".join((in_words.spread(found), *cases)))
        self.warnings.setText("\n".join(f"⚠ {words}" for words in in_words.warnings(found)))
        self._show_pictures()

    def _show_pictures(self) -> None:
        self._pictures.setVisible(self.answer is not None)
        self.chart.show_answer(self.answer)
        self.table.show_answer(self.answer)
        for acting in (self.check, self.save, self.take):
            acting.setEnabled(self.answer is not None)

    # --- acts ---

    def _current(self) -> Answer | None:
        """The answer to what is filled in, though a change may be a moment old."""
        if self._late.isActive():
            self.refresh()
        return self.answer

    def _take(self) -> None:
        found = self._current()
        if found:
            self.taken.emit(found.plan)

    def simulate(self) -> None:
        """Ask made-up studies whether the formula is right."""
        found = self._current()
        if found is None:
            return

        def work(progress: Progress) -> Simulated:
            return simulate(found.plan, found.variances, STUDIES, progress=progress)

        self._run(f"Simulating {STUDIES} studies", work, self._show_simulated, "Cancelled; the simulation is not used.")

    def _show_simulated(self, simulated: Simulated) -> None:
        assert self.answer
        self._simulated = simulated
        self.simulated.setText(in_words.simulated(self.answer, simulated))
        self.simulated.show()

    def _choose_pilot(self) -> None:
        kinds = "Tables (*.csv *.tsv *.txt *.xlsx *.sav);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self, "Choose the table of a pilot's scores", str(Path.home()), kinds)
        if name:
            self.read_pilot(Path(name))

    def read_pilot(self, path: Path) -> None:
        """Take the variances from a pilot's scores."""

        def work(progress: Progress) -> Variances:
            from study_admin.scores_file import read_scores  # pandas takes a second that no other number needs

            try:
                table = read_scores(path)
            except StudyError as error:
                raise StudyError(error.what, file=error.file, remedy=f"{error.remedy} {_BY_COMMAND}") from error
            return from_pilot(table.pairs, table.name)

        self._run("Reading the pilot", work, self.form.show_variances, "", is_cancellable=False)

    def _choose_folder(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Name a new folder for the plan", str(Path.home() / "plan"))
        if name:
            self.write(Path(name))

    def write(self, folder: Path) -> None:
        """Write picture, numbers and table into a new folder."""
        found, simulated = self._current(), self._simulated
        if found is None:
            return

        def work(progress: Progress) -> Path:
            from study_admin.report.power_files import write_power  # so does matplotlib

            write_power(found, folder, simulated)
            return folder

        told = self._walk.told.emit
        self._run("Writing the plan", work, lambda place: told(f"The plan is in {place}."), "", is_cancellable=False)

    def _run(
        self, what: str, work: Callable[[Progress], Any], then: Callable[[Any], None], cancelled: str, *,
        is_cancellable: bool = True,
    ) -> None:  # fmt: skip
        def take(done: "Future[Any]") -> None:
            try:
                result = done.result()
            except CancelledError:
                self._walk.told.emit(cancelled)
            except StudyError as error:
                self._walk.troubled.emit(error)
            else:
                then(result)

        self._walk.background.run(what, work, take, is_cancellable=is_cancellable)
