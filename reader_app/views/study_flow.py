"""The way of one reader through one study: which page comes up, and what is kept along the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSize, QTimer, Signal

from reader_app.desk import Desk, Recent
from reader_app.session.model import ClosingQuestion, ReaderProfile, Reading
from reader_app.session.results import write_results
from reader_app.sitting import Sitting, Stage
from reader_app.state import Layout, ViewState
from reader_app.views.closing_page import ClosingPage
from reader_app.views.ending_pages import ReceiptPage, SignOffPage
from reader_app.views.exam_loader import ExamLoader, ExamSource
from reader_app.views.introduction_page import IntroductionPage
from reader_app.views.looking import Looking
from reader_app.views.page import Page
from reader_app.views.profile_page import ProfilePage
from reader_app.views.reading_page import ReadingPage
from reader_app.views.review_page import ReviewPage
from reader_app.views.welcome_page import DIFFERS, WelcomePage
from segmentation.errors import StudyError

_KEEP_AFTER_MS = 500
_HINTS_SEEN = "hints_seen"
_ROOMY = QSize(2400, 1300)


class StudyFlow(QObject):
    """From the first look at the package to the receipt."""

    page_changed = Signal(Page)
    trouble = Signal(StudyError, bool)  # whether trying again can help
    cleared = Signal()  # nothing is wrong any more
    left = Signal()

    def __init__(
        self, sitting: Sitting, source: ExamSource, desk: Desk, act: Callable[[str], None], *, is_kiosk: bool
    ) -> None:
        super().__init__()
        self.sitting, self._desk, self._is_kiosk = sitting, desk, is_kiosk
        self.state = ViewState()
        self.looking = Looking(self.state, is_surface_allowed=sitting.protocol.is_surface_allowed)
        self._loader = ExamLoader(source, self.looking)
        self.reading_page = ReadingPage(sitting, self._loader, self.looking, act)
        self._review_page = ReviewPage(sitting)
        self._closing_page = ClosingPage()
        self._results: Path | None = None
        self._stage = Stage.READING
        self._keeping = QTimer(self, singleShot=True, interval=_KEEP_AFTER_MS)
        self._connect()

    def _connect(self) -> None:
        self._keeping.timeout.connect(self.keep)
        self._loader.failed.connect(lambda reading, error: self.sitting.mark_unreadable(reading, str(error)))
        page = self.reading_page
        page.opened.connect(self.keep)
        page.changed.connect(self._keep_soon)
        page.saved.connect(self.cleared)
        page.ended.connect(self._after_last)
        page.trouble.connect(lambda error: self.trouble.emit(error, True))
        self._review_page.chosen.connect(self.read)
        self._review_page.continued.connect(self._after_review)
        self._review_page.back.connect(lambda: self.read(self.sitting.readings[-1]))
        self._closing_page.answered.connect(self._answer_closing)
        self._closing_page.postponed.connect(self._review)

    @property
    def kept_pages(self) -> tuple[Page, ...]:
        """Those that come up again and again."""
        return self.reading_page, self._review_page, self._closing_page

    # --- pages ---

    def start(self) -> None:
        """Go on where the reader stopped."""
        self._choose_layout()
        stage = self.sitting.stage()
        if stage is Stage.PROFILE:
            self._welcome()
        elif stage is Stage.INTRODUCTION:
            self._introduce()
        elif stage is Stage.READING:
            self.read(self.sitting.resume_point(), self.sitting.view())
        else:
            {Stage.CLOSING: self._ask_closing, Stage.REVIEW: self._review, Stage.DONE: self._show_receipt}[stage]()
        self._remember()

    def _choose_layout(self) -> None:
        """Until the reader chooses: both layers where a screen has room for twelve views, else one."""
        room = self.looking.screen().availableGeometry().size()
        if room.width() >= _ROOMY.width() and room.height() >= _ROOMY.height():
            self.state.set_layout(Layout.BOTH)

    def _welcome(self) -> None:
        practice = sum(reading.is_practice for reading in self.sitting.readings)
        counts = practice, len(self.sitting.readings) - practice
        fingerprint = self.sitting.package.fingerprint
        page = WelcomePage(self.sitting.protocol, self.sitting.store.reader_code, counts, fingerprint)
        page.accepted.connect(self._ask_profile)
        page.differs.connect(self._refuse)
        self.page_changed.emit(page)

    def _refuse(self) -> None:
        what = "This package is not from the study's coordinator."
        error = StudyError(what, file=self.sitting.package.folder, remedy=DIFFERS)
        self.left.emit()
        self.trouble.emit(error, False)

    def _ask_profile(self) -> None:
        page = ProfilePage(self.sitting.store.profile)
        page.completed.connect(self._take_profile)
        self.page_changed.emit(page)

    def _take_profile(self, profile: ReaderProfile) -> None:
        if self._saved(lambda: self.sitting.store.record_profile(profile)):
            self._introduce()

    def _introduce(self) -> None:
        is_practice = self.sitting.resume_point().is_practice
        begin = "Begin with practice" if is_practice else "Begin with exam 1"
        page = IntroductionPage(self.sitting.protocol, begin)
        page.finished.connect(self._begin)
        self.page_changed.emit(page)

    def _begin(self) -> None:
        self.sitting.keep(is_introduced=True)
        self.read(self.sitting.resume_point())

    def read(self, reading: Reading, kept: dict[str, Any] | None = None) -> None:
        """Show an exam."""
        self._stage = Stage.READING
        self.reading_page.open(reading, kept)
        self.page_changed.emit(self.reading_page)
        if not self._desk.get(_HINTS_SEEN):
            QTimer.singleShot(0, self.reading_page, self._show_hints)

    def _show_hints(self) -> None:
        if not self._desk.get(_HINTS_SEEN):
            self.reading_page.show_callouts()

    def dismiss_hints(self) -> None:
        """Any key or click; for good."""
        if self.reading_page.callouts.are_shown:
            self.reading_page.callouts.dismiss()
            self._desk.put(_HINTS_SEEN, True)

    def _after_last(self) -> None:
        self.keep()
        self.sitting.leave("finished")
        if not self.sitting.is_read_only and self.sitting.stage_after_last() is Stage.CLOSING:
            self._ask_closing()
        else:
            self._review()

    def _ask_closing(self) -> None:
        self._stage = Stage.CLOSING
        question = next(iter(self.sitting.open_questions()), None)
        if question is None:
            self._review()
            return
        asked = self.sitting.protocol.closing_questions
        reading = self._show_exam_of(question)
        title = self.sitting.title(reading) if reading else ""
        place = asked.index(question) + 1, len(asked)
        self._closing_page.ask(question, place, title, self.looking if reading else None)
        self.page_changed.emit(self._closing_page)
        self.keep()

    def _show_exam_of(self, question: ClosingQuestion) -> Reading | None:
        reading = next((r for r in self.sitting.readings if r.reading_id == question.reading_id), None)
        if reading:
            self.sitting.open(reading)
            self._loader.load(reading)
        else:
            self.looking.hide()
        return reading

    def _answer_closing(self, question_id: str, choice: str, confidence: str | None) -> None:
        if self._saved(lambda: self.sitting.answer_closing(question_id, choice, confidence)):
            self.sitting.leave("closing question answered")
            self._ask_closing()

    def _review(self) -> None:
        self._stage = Stage.REVIEW
        self.sitting.leave("review")
        self._review_page.show_state()
        self.page_changed.emit(self._review_page)
        self.keep()

    def _after_review(self) -> None:
        if self.sitting.is_read_only:
            self._show_receipt()
        elif self.sitting.open_questions():
            self._ask_closing()
        else:
            profile = self.sitting.store.profile
            page = SignOffPage(profile.name if profile else "", self.sitting.progress()[1])
            page.signed.connect(self._sign)
            page.back.connect(self._review)
            self.page_changed.emit(page)

    def _sign(self, name: str, meaning: str) -> None:
        if self._saved(lambda: self.sitting.sign_off(name, meaning)):
            self._show_receipt()
            self._remember()

    def _show_receipt(self) -> None:
        self._stage = Stage.DONE
        self._results = self._write(self.sitting.package.folder)
        receipt = self.sitting.store.receipt
        assert receipt
        page = ReceiptPage(receipt, self._results, is_kiosk=self._is_kiosk)
        page.copied.connect(self._write)
        page.reviewed.connect(self._review)
        page.closed.connect(self.left)
        self.page_changed.emit(page)

    def _write(self, place: Path) -> Path | None:
        """The results file; None, and the reason on the screen, if it could not be written."""
        try:
            return write_results(self.sitting.store, place)
        except StudyError as error:
            self.trouble.emit(error, False)
            return None

    # --- keeping ---

    def _keep_soon(self) -> None:
        """At most half a second of looking is lost if the process dies; answers never wait for this."""
        if not self._keeping.isActive():
            self._keeping.start()

    def keep(self) -> None:
        """Store what the next start should show, and save answers that could not be saved before."""
        self._keeping.stop()
        if self.sitting.unsaved:
            self.retry()
        fields = self.reading_page.kept() if self._stage is Stage.READING else {}
        self.sitting.keep(stage=str(self._stage), **fields)

    def retry(self) -> None:
        """Try to save again what could not be saved."""
        if self._saved(self.sitting.retry):
            self.cleared.emit()
        self.reading_page.show_state()

    def _saved(self, save: Callable[[], object]) -> bool:
        try:
            save()
        except StudyError as error:
            self.trouble.emit(error, True)
            return False
        return True

    def _remember(self) -> None:
        done, total = self.sitting.progress()
        folder = str(self.sitting.package.folder)
        title = self.sitting.protocol.title
        self._desk.remember(Recent(folder, title, self.sitting.store.reader_code, done, total))

    def close(self) -> None:
        """End the sitting; raises StudyError if an answer is still not on the disk."""
        self.sitting.retry()
        self.keep()
        self._loader.stop()
        self._remember()
        self.sitting.close()
