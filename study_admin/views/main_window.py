"""The window: the start page, then the rail of stages with the chosen stage beside it; notices above, work below."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QPushButton, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from reader_app.views.focus_ring import FocusRing
from segmentation.errors import StudyError
from study_admin.power.plan import Plan, plan_like
from study_admin.records import Stage
from study_admin.standing import State
from study_admin.views.act_dialog import ActDialog
from study_admin.views.audit_dialog import AuditDialog
from study_admin.views.collect_page import CollectPage
from study_admin.views.desk import Desk
from study_admin.views.exams_page import ExamsPage
from study_admin.views.groups_page import GroupsPage
from study_admin.views.notice import NoticeBar, WorkBar
from study_admin.views.progress_page import ProgressPage
from study_admin.views.rail import RailEntry, RailView
from study_admin.views.results_page import ResultsPage
from study_admin.views.seal_page import SealPage
from study_admin.views.stage_page import StagePage
from study_admin.views.start_page import StartPage
from study_admin.views.unblind_page import UnblindPage
from study_admin.views.walk import Walk

if TYPE_CHECKING:
    from study_admin.views.power_page import PowerPage

STAGES = ("Exams", "Readers & groups", "Seal & hand out", "Progress", "Collect", "Unblind", "Results")
_FIRST = "Choose the exams and describe the study."
_LATER = "Opens when the study is written."
_GOES_ON = "Work is still going on. Cancel it or wait for its end, then close the window."
_UNWRITTEN = "What was filled in on stage 1 isn't written yet. It is lost if you go on."
_PREFILLED = "The sizes are those of this study; groups of different sizes are evened out."
_TAKEN = "The numbers are in the form. Choose the exams, then look."
_TAKEN_BY_DRAFT = "The numbers are in the form. Look, then write the changes."
_AT = {Stage.DRAFT: 1, Stage.OPEN: 2, Stage.LOCKED: 5, Stage.UNBLINDED: 6}  # where a study that is opened goes on


class MainWindow(QMainWindow):
    """Shows one study at a time; what may be done and when is decided by `study_admin.conduct`."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.walk = Walk(self)
        self.walk.who = desk.who or self.walk.who
        self.notice, self.work = NoticeBar(), WorkBar()
        self.rail = RailView(self._entries())
        self.pages: tuple[StagePage, ...] = tuple(
            page(self.walk)
            for page in (ExamsPage, GroupsPage, SealPage, ProgressPage, CollectPage, UnblindPage, ResultsPage)
        )
        self._stack, self._stages = QStackedWidget(), QStackedWidget()
        self._start: StartPage | None = None
        self._before_power: QWidget | None = None
        self._focused: QWidget | None = None  # where typing went before the work began
        self._lay_out()
        self._ring = FocusRing(self)
        self._connect()
        self.show_start()
        self._place()

    def _lay_out(self) -> None:
        self.setMinimumSize(1024, 640)
        for page in self.pages:
            self._stages.addWidget(page)
        self._add_rail_buttons()
        study = QWidget()
        row = QHBoxLayout(study)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(self._stages, 1)
        self._stack.addWidget(study)
        self._study = study
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self._stack, 1)
        column.addWidget(self.work)
        self.setCentralWidget(whole)

    def _add_rail_buttons(self) -> None:
        self.audit = QPushButton("Audit trail…")
        self.audit.clicked.connect(self._show_audit)
        self.home = QPushButton("Other studies")
        self.home.clicked.connect(lambda: self._leave_form(self.show_start))
        row = QHBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        for made in (self.audit, self.home, self.work.cancel):
            made.setAutoDefault(True)  # Enter presses it while it has the focus
        for made in (self.audit, self.home):
            row.addWidget(made)
        self.rail.column.addLayout(row)

    def _connect(self) -> None:
        walk, background = self.walk, self.walk.background
        walk.changed.connect(self._show_rail)
        walk.troubled.connect(self.notice.show_error)
        walk.told.connect(self.notice.tell)
        walk.act_begun.connect(self.notice.clear)
        walk.stage_wanted.connect(self.show_stage)
        walk.power_wanted.connect(self._plan_study)
        walk.rail_changed.connect(lambda: self.rail.show_entries(self._entries()))
        self.rail.chosen.connect(self.show_stage)
        background.started.connect(self._begin_work)
        background.renamed.connect(self.work.rename)
        background.progressed.connect(self.work.show_progress)
        background.ended.connect(self._end_work)
        self.work.cancelled.connect(background.cancel)

    def _place(self) -> None:
        """Where the window was last time, else most of the screen."""
        kept = self._desk.geometry
        if kept is not None and self.restoreGeometry(kept):
            return
        screen = self.screen().availableGeometry()
        self.resize(min(screen.width(), 1600), min(screen.height() - 40, 1000))

    # --- pages ---

    def show_start(self) -> None:
        """The start page, with the studies that were opened here by now."""
        if self.walk.background.is_busy:
            return
        self.notice.clear()
        if self._start:
            self._stack.removeWidget(self._start)
            self._start.deleteLater()
        self._start = StartPage(self._desk.recent, self.walk.who)
        self._start.new_wanted.connect(self.begin_new)
        self._start.study_chosen.connect(self.open_study)
        self._start.power_wanted.connect(self._plan_first)
        self._start.name_given.connect(self._take_name)
        self._stack.addWidget(self._start)
        self._stack.setCurrentWidget(self._start)
        self._start.start_focus().setFocus()
        self.setWindowTitle("Blindread · coordinator")

    def _leave_form(self, then: Callable[[], object]) -> None:
        """Go where the form of stage 1 is lost, but not before the coordinator gives it up."""
        if not self._exams.is_unwritten:
            then()
            return

        def discard() -> None:
            self._exams.discard()
            then()

        dialog = ActDialog(self, "The form is not written", "Discard it", (_UNWRITTEN,))
        dialog.leave.setText("Keep it")
        dialog.ask(lambda: None, discard)

    def _take_name(self, name: str) -> None:
        if name:
            self.walk.who = self._desk.who = name

    def _has_name(self) -> bool:
        """Whether the audit trail would get a name; else that is said."""
        assert self._start
        name = self._start.who.text().strip()
        self._take_name(name)
        if not name:
            self.notice.show_error(StudyError("Your name is empty.", remedy="Give it: the audit trail records it."))
            self._start.who.setFocus()
        return bool(name)

    def begin_new(self) -> None:
        """The walk of a study that isn't written yet."""
        self.notice.clear()
        if not self._has_name():
            return
        self.walk.begin_new()
        self._stack.setCurrentWidget(self._study)
        self.show_stage(0)

    # --- planning ---

    @cached_property
    def power(self) -> "PowerPage":
        """Made when it is first wanted, for statistics take a second that the window's start doesn't need."""
        from study_admin.views.power_page import PowerPage

        page = PowerPage(self.walk)
        page.left.connect(self._leave_power)
        page.taken.connect(self._take_plan)
        self._stack.addWidget(page)
        return page

    def _plan_first(self) -> None:
        """Planning comes before any study: with the paper's numbers, or those that were there before."""
        self._show_power(self.power.form.plan(), "", "New study with these numbers…", "Back")

    def _plan_study(self) -> None:
        """From within a study: with its design, or with what its form holds as long as that can be changed."""
        snapshot, form = self.walk.snapshot, self._exams.form
        is_draft = snapshot is None or snapshot.stage is Stage.DRAFT
        try:
            if snapshot is None or self._exams.is_unwritten:
                plan = form.plan()
            else:
                study = snapshot.study
                sizes = [(size.readers, size.exams) for size in study.group_sizes]
                plan = plan_like(sizes, study.alpha, study.non_inferiority_margin)
        except StudyError as error:
            self.notice.show_error(error)
            return
        take = "Put these numbers into the form" if is_draft else ""
        self._show_power(plan, _PREFILLED, take, "Back to the study")

    def _show_power(self, plan: Plan, note: str, take_words: str, back_words: str) -> None:
        self.notice.clear()
        self._before_power = self._stack.currentWidget()
        self._stack.setCurrentWidget(self.power)
        self.power.come_up(plan, note, take_words, back_words)

    def _leave_power(self) -> None:
        self.notice.clear()
        if self._before_power is self._study:
            self._stack.setCurrentWidget(self._study)
        else:
            self.show_start()

    def _take_plan(self, plan: Plan) -> None:
        """Into the form of the study that is shown, or of a new one."""
        self._leave_power()
        if self._stack.currentWidget() is not self._study:
            self.begin_new()
        if self._stack.currentWidget() is self._study:  # else a name is missing, and that was said
            self.show_stage(0)
            self._exams.take_plan(plan)
            self.notice.tell(_TAKEN_BY_DRAFT if self.walk.snapshot else _TAKEN)

    @property
    def _exams(self) -> ExamsPage:
        page = self.pages[0]
        assert isinstance(page, ExamsPage)
        return page

    # --- a study ---

    def open_study(self, folder: Path) -> None:
        """Open a study's folder and go to where it stands; trouble comes up on the page that was shown."""
        if self.walk.background.is_busy:
            return
        self.notice.clear()
        if self._has_name():
            self.walk.open(folder, self._go_on)

    def _go_on(self) -> None:
        assert self.walk.snapshot
        self._stack.setCurrentWidget(self._study)
        self.show_stage(_AT[self.walk.snapshot.stage])

    def show_stage(self, index: int) -> None:
        self.notice.clear()
        self.rail.mark(index)
        self._stages.setCurrentIndex(index)
        self.rail.buttons[index].setFocus()
        self.pages[index].come_up()

    def _show_rail(self) -> None:
        folder = self.walk.folder
        self.rail.show_entries(self._entries())
        self.audit.setEnabled(folder is not None)
        name = folder.path.name if folder else "new study"
        self.setWindowTitle(f"{name} · Blindread · coordinator")
        if folder:
            self._desk.remember(folder.path)

    def _entries(self) -> Sequence[RailEntry]:
        snapshot = self.walk.snapshot
        if snapshot is None:
            first = RailEntry(STAGES[0], State.READY, _FIRST)
            entries = [first, *(RailEntry(name, State.EMPTY, _LATER) for name in STAGES[1:])]
        else:
            entries = [RailEntry(stage.name, stage.state, stage.sentence) for stage in snapshot.stages]
        problems = [page.problem for page in getattr(self, "pages", ())] or [""] * len(entries)
        return [
            RailEntry(entry.name, entry.state, problem or entry.sentence, is_problem=bool(problem))
            for entry, problem in zip(entries, problems, strict=True)
        ]

    def _show_audit(self) -> None:
        self.notice.clear()
        if self.walk.folder:
            try:
                AuditDialog(self, self.walk.folder).open()
            except StudyError as error:
                self.notice.show_error(error)

    # --- work ---

    def _begin_work(self, what: str, is_cancellable: bool) -> None:
        self.notice.clear()
        self._focused = self.focusWidget()
        self._stack.setEnabled(False)
        self.work.begin(what, is_cancellable)

    def _end_work(self) -> None:
        self.work.end()
        self._stack.setEnabled(True)
        if self._focused and isValid(self._focused):  # the page may have been made anew
            self._focused.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.walk.background.is_busy:
            self.notice.show_error(StudyError(_GOES_ON))
            event.ignore()
            return
        if self._exams.is_unwritten:
            event.ignore()
            self._leave_form(self.close)
            return
        self._desk.geometry = self.saveGeometry()
        for page in self.pages:
            page.stop()
        self.walk.background.close()
        event.accept()
