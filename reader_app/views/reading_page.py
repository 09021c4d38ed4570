"""The radiologist's whole day: two viewers, two scores, Previous and Next."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout

from reader_app.session.model import Reading, Side
from reader_app.sitting import Sitting
from reader_app.views import theme
from reader_app.views.bars import QuestionBar, TopBar
from reader_app.views.callouts import Callouts
from reader_app.views.exam_list import ExamList
from reader_app.views.exam_loader import ExamLoader
from reader_app.views.looking import Looking
from reader_app.views.page import Page
from reader_app.views.remark_row import CANNOT_SCORE, COMMENT, RemarkRow
from reader_app.views.scoring_area import ScoringArea
from reader_app.views.step_row import StepRow
from segmentation.errors import StudyError

TOO_EARLY = "The exam was not on the screen: what was typed is not taken. Please type the scores once more."
_BURST_S = 0.4
PAUSED = "Paused. The images are hidden and no time is counted.\n\nF9 goes on."


class ReadingPage(Page):
    """Shows one exam at a time and passes answers on to the sitting."""

    ended = Signal()  # Next after the last exam
    saved = Signal()
    trouble = Signal(StudyError)
    opened = Signal()  # another exam: kept at once, so that a crash does not send the reader back
    changed = Signal()  # something worth keeping for the next start, soon

    def __init__(self, sitting: Sitting, loader: ExamLoader, looking: Looking, act: Callable[[str], None]) -> None:
        super().__init__()
        self._sitting, self._loader, self._looking = sitting, loader, looking
        self._drafts: dict[str, object] = {}
        self._deaf_until = 0.0
        self.top_bar = TopBar(act)
        self.scoring = ScoringArea(sitting)
        self.remark = RemarkRow()
        self.question = QuestionBar()
        self.steps = StepRow(act)
        self.exam_list = ExamList(sitting, self)
        self.callouts = Callouts(self)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        paused = QLabel(PAUSED)
        paused.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.sized(paused, 1.3)
        self._pictures = QStackedWidget()
        self._pictures.addWidget(self._looking)
        self._pictures.addWidget(paused)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.top_bar)
        column.addWidget(self._pictures, 1)
        for widget in (self.scoring, self.remark, self.question, self.steps):
            column.addWidget(widget)

    def _connect(self) -> None:
        self._loader.failed.connect(lambda: self.show_state())
        self.scoring.changed.connect(self._answers_changed)
        self.scoring.failed.connect(self.trouble)
        self.remark.comment_given.connect(self._take_comment)
        self.remark.reason_given.connect(self._cannot_score)
        self.remark.closed.connect(self._close_remark)
        self.remark.changed.connect(self.changed)
        self.exam_list.chosen.connect(self.open)
        self.exam_list.closed.connect(self._close_list)
        self._looking.settled.connect(self._looked)
        self._looking.viewers.exam_painted.connect(self._looked, Qt.ConnectionType.QueuedConnection)

    @property
    def title(self) -> str:
        """'Exam 7 of 20', once its images are there to be seen."""
        reading = self._sitting.reading
        return self._sitting.title(reading) if reading and self._looking.viewers.is_painted else ""

    # --- opening ---

    def take_looking(self) -> None:
        """Have the viewers back from the page that borrowed them."""
        if self._pictures.indexOf(self._looking) < 0:
            self._pictures.insertWidget(0, self._looking)
        self._pictures.setCurrentIndex(0)
        self._looking.show()
        self.steps.setEnabled(True)

    def open(self, reading: Reading, kept: dict[str, Any] | None = None) -> None:
        """Open an exam; `kept` is how it looked when the last sitting ended."""
        self._store_remark()
        self.scoring.drop_drags()
        self.question.clear()
        self.take_looking()
        self._sitting.open(reading)
        if kept and isinstance(kept.get("drafts"), dict):
            self._drafts = kept["drafts"]
        self._loader.load(reading, (kept or {}).get("view"))
        self.show_state()
        self.remark.restore(self._drafts.get(reading.reading_id))
        self.opened.emit()

    def kept(self) -> dict[str, Any]:
        """What `open` takes to look the same again."""
        reading = self._sitting.reading
        if reading:
            self._drafts = {key: value for key, value in self._drafts.items() if key != reading.reading_id}
            if draft := self.remark.draft():
                self._drafts[reading.reading_id] = draft
        fields: dict[str, Any] = {"drafts": self._drafts}
        if self._looking.state.exam:
            fields["view"] = self._looking.state.to_dict()
        return fields

    # --- state ---

    def show_state(self) -> None:
        """Bring everything but the pictures up to date."""
        reading = self._sitting.reading
        if not reading:
            return
        title = self._sitting.title(reading)
        self.top_bar.show_progress(title, *self._sitting.progress(), is_practice=reading.is_practice)
        self._show_saved()
        self.remark.show_answers(self._sitting.answers)
        self.scoring.show_state()
        following = self._sitting.next()
        self.steps.show_state(
            has_previous=self._sitting.previous() is not None,
            next_words=_next_words(reading, following),
            is_next_framed=not self._sitting.missing_sides() or self._sitting.entry.focus is None,
            remarks=_remark_words(self._sitting),
        )

    def _show_saved(self) -> None:
        if self._sitting.unsaved:
            self.top_bar.show_unsaved(self._sitting.unsaved)
        else:
            self.top_bar.show_saved(self._sitting.store.last_saved_utc)

    def _answers_changed(self) -> None:
        self.question.clear()
        self.show_state()
        if not self._sitting.unsaved:
            self.saved.emit()
        self.changed.emit()

    @property
    def is_seen(self) -> bool:
        """Whether the exam is on the screen, painted: what cannot be seen is not scored."""
        viewers = self._looking.viewers
        return viewers.is_painted and viewers.isVisible() and not self._sitting.is_paused

    def _when_seen(self, act: Callable[[], None]) -> None:
        """A key that scores, unless it came too early; then the rest of the burst is not taken either.

        Of digits typed ahead the second must not become the score of the first side.
        """
        now = monotonic()
        if self.is_seen and now >= self._deaf_until:
            act()
            return
        self._deaf_until = now + _BURST_S
        self.question.ask(TOO_EARLY, ("Score now (Enter)", self._score_now))

    def _looked(self) -> None:
        state = self._looking.state
        self.scoring.setEnabled(self.is_seen)
        if state.exam:
            slices = [(layer, str(plane), index) for layer, plane, index in state.visible_slices()]
            self._sitting.look(slices, str(state.layout))
            self.changed.emit()

    # --- acts ---

    def acts(self) -> dict[str, Callable[[], None]]:
        if self._sitting.is_paused:
            return {"pause": self._pause}
        return {
            **self._looking.acts(),
            **{
                name: act if name.startswith("other-side") else partial(self._when_seen, act)
                for name, act in self.scoring.acts().items()
            },
            "comment": lambda: self._open_remark(COMMENT),
            "cannot-score": lambda: self._open_remark(CANNOT_SCORE),
            "next": self.go_next,
            "go-on": self._go_on,
            "previous": self._go_previous,
            "exam-list": self._open_list,
            "pause": self._pause,
            "back": self._back,
        }

    def go_next(self) -> None:
        """The next exam; past a side without a score only after asking."""
        missing = self._sitting.missing_sides()
        reading = self._sitting.reading
        if not reading or not missing or not self._sitting.may_change(reading) or self._sitting.is_unreadable(reading):
            self._go_on_to_next()
        elif not self.question.isHidden():
            self._score_now()
        else:
            words = "A and B have" if len(missing) > 1 else f"{missing[0]} has"
            self.question.ask(
                f"{words} no score yet.",
                ("Score now (Enter)", self._score_now),
                ("Cannot score (U)", lambda: self._open_remark(CANNOT_SCORE)),
                ("Go on without (G)", self._go_on_to_next),
            )

    def _score_now(self) -> None:
        self.question.clear()
        self._sitting.entry.open(self._sitting.missing_sides())
        self.show_state()

    def _go_on(self) -> None:
        """Answers the question of `go_next`; means nothing while that is not asked."""
        if not self.question.isHidden():
            self._go_on_to_next()

    def _go_on_to_next(self) -> None:
        self.question.clear()
        self._store_remark()
        self._sitting.freeze()
        following = self._sitting.next()
        if following:
            self.open(following)
        else:
            self.changed.emit()
            self.ended.emit()

    def _go_previous(self) -> None:
        before = self._sitting.previous()
        if before:
            self.open(before)

    def _pause(self) -> None:
        is_paused = self._sitting.is_paused
        self.exam_list.hide()
        (self._sitting.resume if is_paused else self._sitting.pause)()
        self._pictures.setCurrentIndex(0 if is_paused else 1)
        self.steps.setEnabled(is_paused)
        self._looked()
        self.changed.emit()

    def _back(self) -> None:
        """Esc: close what is open, else bring back all views; typing ends in any case."""
        if not self.exam_list.isHidden():
            self._close_list()
        elif self.remark.is_open:
            self._close_remark()
        elif not self.question.isHidden():
            self.question.clear()
        else:
            self._looking.state.restore_layout()
        self.setFocus()

    # --- remarks and list ---

    def _open_remark(self, kind: str) -> None:
        reading = self._sitting.reading
        if reading and self._sitting.may_change(reading):
            self._store_remark()
            self.question.clear()
            self.remark.open(kind, self._sitting.entry.focus)

    def _close_remark(self) -> None:
        """Without saving: what was typed is gone, a kept draft of it too."""
        self.remark.hide()
        if reading := self._sitting.reading:
            self._drafts.pop(reading.reading_id, None)
        self.setFocus()
        self.show_state()
        self.changed.emit()

    def _store_remark(self) -> None:
        """A comment that was typed is kept, saved with Enter or not; a reason only counts once it is given."""
        draft = self.remark.draft()
        reading = self._sitting.reading
        if draft and reading:
            is_comment = draft["kind"] == COMMENT and self._sitting.may_change(reading)
            if not (is_comment and self._comment(draft["target"], draft["words"].strip())):
                self._drafts[reading.reading_id] = draft
        self.remark.hide()

    def _comment(self, side: Side | None, words: str) -> bool:
        return self._try(lambda: self._sitting.comment(side, words))

    def _take_comment(self, side: Side | None, words: str) -> None:
        if self._comment(side, words):
            self._close_remark()

    def _cannot_score(self, side: Side | None, words: str) -> None:
        if self._try(lambda: self._sitting.cannot_score(side, words or None)):
            self._sitting.entry.open(self._sitting.missing_sides())
            self._close_remark()

    def _try(self, save: Callable[[], None]) -> bool:
        """Whether it is on the disk; if not, the window says why, and nothing takes that away but the next save."""
        try:
            save()
        except StudyError as error:
            self.show_state()
            self.changed.emit()
            self.trouble.emit(error)
            return False
        self._answers_changed()
        return True

    def _open_list(self) -> None:
        self.exam_list.open()
        self._place_list()

    def _close_list(self) -> None:
        self.exam_list.hide()
        self.setFocus()

    # --- places ---

    def show_callouts(self) -> None:
        """The three hints of the first visit."""
        a, b = (self.scoring.panels[side] for side in Side)
        middle = self._pictures.geometry().center()
        self.callouts.show_at(
            [
                QPoint(self.width() // 4, middle.y()),
                a.mapTo(self, QPoint(a.width() // 2, -6)),
                b.mapTo(self, QPoint(b.width() * 3 // 4, -6)),
            ]
        )

    def _place_list(self) -> None:
        width = min(460, self.width() // 2)
        top = self.top_bar.height()
        self.exam_list.setGeometry(self.width() - width, top, width, self.height() - top)

    def hideEvent(self, event: QHideEvent) -> None:
        """Another page, or the help, covers the exam: nothing of it is seen."""
        super().hideEvent(event)
        self._sitting.look([], "")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._looked()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_list()
        if self.callouts.are_shown:
            self.show_callouts()


def _next_words(reading: Reading, following: Reading | None) -> str:
    if following is None:
        return "Finish"
    return "Begin with exam 1" if reading.is_practice and not following.is_practice else "Next"


def _remark_words(sitting: Sitting) -> str:
    """Which remarks the open exam has, in short."""
    answers = sitting.answers
    comments = {"A": answers.a.comment, "B": answers.b.comment, "exam": answers.comment}
    words = [f"{name} commented" for name, text in comments.items() if text]
    reasons = {"A": answers.a.cannot_score, "B": answers.b.cannot_score, "exam": answers.cannot_score}
    words += [f"cannot score {name}: {reason}" for name, reason in reasons.items() if reason]
    return ", ".join(words)
