"""One sitting of a reader: which exam is open, what comes next, and everything that has to be on the disk. No Qt."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from reader_app.entry import ScoreEntry
from reader_app.session.model import (
    ClosingQuestion,
    Protocol,
    Reading,
    ReadingAnswers,
    Revision,
    Side,
    Status,
)
from reader_app.session.package import Package
from reader_app.session.store import Receipt, SessionStore
from reader_app.visit import Clock, SeenSlice, Visit, monotonic_ms
from segmentation.errors import StudyError


class Stage(StrEnum):
    """Where in the study the reader stands."""

    PROFILE = "profile"
    INTRODUCTION = "introduction"
    READING = "reading"
    CLOSING = "closing"
    REVIEW = "review"
    DONE = "done"


_Field = tuple[str, str, Side | None]  # reading, what, side


@dataclass(frozen=True)
class _Unsaved:
    """An answer that is on its way to the disk."""

    value: object
    save: Callable[[], object]


class Sitting:
    """The rules of reading, on top of the session's store; the window shows what this says.

    A save that fails raises StudyError and stays in `unsaved`; the next save, or `retry`, tries it again first.
    """

    def __init__(self, store: SessionStore, package: Package, clock: Clock = monotonic_ms) -> None:
        self.store, self.package = store, package
        self._clock = clock
        self._reading: Reading | None = None
        self._visit: Visit | None = None
        self._unreadable: set[str] = set()
        self._unsaved: dict[_Field, _Unsaved] = {}
        self._notes: list[Callable[[], None]] = []
        self._failures: list[str] = []
        self.entry = ScoreEntry(self.protocol.scale)
        self._visits, ended = self._past_visits()
        self._record_interrupted_visit(ended)

    # --- what there is ---

    @property
    def protocol(self) -> Protocol:
        return self.store.protocol

    @property
    def readings(self) -> tuple[Reading, ...]:
        return tuple(self.store.readings)

    @property
    def reading(self) -> Reading | None:
        """The exam that is open."""
        return self._reading

    @property
    def answers(self) -> ReadingAnswers:
        return self.store.answers(self._opened.reading_id)

    @property
    def is_paused(self) -> bool:
        return bool(self._visit and self._visit.is_paused)

    @property
    def is_read_only(self) -> bool:
        return self.store.is_signed_off

    def title(self, reading: Reading) -> str:
        """'Exam 7 of 20', or 'Practice 1 of 2'."""
        kind = "Practice" if reading.is_practice else "Exam"
        return f"{kind} {reading.position} of {sum(r.is_practice == reading.is_practice for r in self.readings)}"

    def progress(self) -> tuple[int, int]:
        """Study exams done, and all of them; practice does not count."""
        study = [r for r in self.readings if not r.is_practice]
        return sum(self.status(r) is Status.SCORED for r in study), len(study)

    def status(self, reading: Reading) -> Status:
        return self.store.status(reading.reading_id)

    def is_unreadable(self, reading: Reading) -> bool:
        """Its images could not be shown in this sitting."""
        return reading.reading_id in self._unreadable

    def gaps(self) -> list[Reading]:
        """Study exams that still want a score or a reason."""
        return [r for r in self.readings if not r.is_practice and self.status(r) is not Status.SCORED]

    def missing_sides(self) -> list[Side]:
        """The sides of the open exam without a score or a reason."""
        answers = self.answers
        if answers.cannot_score:
            return []
        return [s for s in Side if not answers.side(s).cannot_score and self.shown_score(s) is None]

    def may_change(self, reading: Reading) -> bool:
        """Whether the protocol still lets its scores change."""
        return not (self.is_read_only or self.store.is_frozen(reading.reading_id))

    # --- the way through the study ---

    def stage(self) -> Stage:
        """Where to go on after opening."""
        if self.is_read_only:
            return Stage.DONE
        if self.store.profile is None:
            return Stage.PROFILE
        kept = self.view()
        if not kept.get("is_introduced"):
            return Stage.INTRODUCTION
        if kept.get("stage") in (Stage.CLOSING, Stage.REVIEW):
            return self.stage_after_last()
        return Stage.READING

    def stage_after_last(self) -> Stage:
        """What follows the last exam: the closing questions, unless exams or questions are not open any more."""
        return Stage.CLOSING if not self.gaps() and self.open_questions() else Stage.REVIEW

    def open_questions(self) -> list[ClosingQuestion]:
        answered = self.store.closing_answers()
        return [q for q in self.protocol.closing_questions if q.question_id not in answered]

    def resume_point(self) -> Reading:
        """The exam where the reader was, else the first unscored one, else the first."""
        kept = self.view().get("reading_id")
        was = next((r for r in self.readings if r.reading_id == kept), None)
        return was or self.store.first_unscored() or self.readings[0]

    def previous(self) -> Reading | None:
        return self._neighbour(-1)

    def next(self) -> Reading | None:
        return self._neighbour(+1)

    def _neighbour(self, step: int) -> Reading | None:
        index = self.readings.index(self._opened) + step
        return self.readings[index] if 0 <= index < len(self.readings) else None

    @property
    def _opened(self) -> Reading:
        assert self._reading is not None, "no exam is open"
        return self._reading

    # --- visits ---

    def open(self, reading: Reading) -> None:
        """Leave the open exam, if any, and begin a visit of this one."""
        if self._reading:
            self.leave("other exam")
        self._reading, self._visit = reading, Visit(self._clock)
        number = self._visits[reading.reading_id] = self._visits.get(reading.reading_id, 0) + 1
        self._note("exam_opened", new={"visit": number})
        self.entry.open(self.missing_sides())

    def leave(self, reason: str) -> None:
        """End the visit: its times, looks and exposure go into the trail."""
        if not (self._reading and self._visit):
            return
        number = self._visits[self._reading.reading_id]
        self._note("view", new={"visit": number, **self._visit.looks()})
        self._note("exam_left", new={"visit": number, "left": reason, **self._visit.record()})
        self._reading = self._visit = None

    def freeze(self) -> None:
        """Next was pressed: where the protocol says so, the scores of this exam are final."""
        if self.protocol.revision is Revision.UNTIL_NEXT and not self.is_read_only:
            reading_id = self._opened.reading_id
            with self._noting_failure():
                self.retry()  # an answer that waits for the disk comes before the end of its exam
                if not any(field[0] == reading_id for field in self._unsaved):
                    self.store.mark_left(reading_id)

    def touch(self) -> None:
        if self._visit:
            self._visit.touch()

    def look(self, slices: list[SeenSlice], layout: str) -> None:
        """These slices are on the screen from now on."""
        if self._visit:
            self._visit.look(slices, layout)

    def pause(self) -> None:
        if self._visit and not self._visit.is_paused:
            self._visit.pause()
            self._note("pause")

    def resume(self) -> None:
        if self._visit and self._visit.is_paused:
            self._visit.resume()
            self._note("resume")

    def mark_unreadable(self, reading: Reading, problem: str) -> None:
        """The images of an exam could not be shown; once a sitting in the trail."""
        if reading.reading_id not in self._unreadable:
            self._unreadable.add(reading.reading_id)
            self._note("unreadable", reading_id=reading.reading_id, reason=problem)

    def _note(
        self, type_: str, *, new: object = None, reading_id: str | None = None, reason: str | None = None
    ) -> None:
        """A row of the trail that is no answer: if the disk fails, reading goes on, and the row follows later."""
        if self.is_read_only:
            return
        reading_id = reading_id or (self._reading.reading_id if self._reading else None)
        text = None if new is None else json.dumps(new, sort_keys=True)
        self._notes.append(partial(self.store.record_event, type_, reading_id=reading_id, new=text, reason=reason))
        with self._noting_failure():
            self._write_notes()

    def _write_notes(self) -> None:
        while self._notes:
            self._notes[0]()
            del self._notes[0]

    # --- answers ---

    def score(self, side: Side, value: int | None, how: str) -> None:
        """Store a score, or take it back with None. Returns after COMMIT; raises StudyError if it failed."""
        if self._visit and value is not None:
            self._visit.score()
        reading_id = self._opened.reading_id
        save = partial(self.store.record_score, reading_id, side, value, how=how)
        self._save((reading_id, "score", side), value, save)

    def comment(self, side: Side | None, text: str) -> None:
        reading_id = self._opened.reading_id
        save = partial(self.store.record_comment, reading_id, side, text)
        self._save((reading_id, "comment", side), text, save)

    def cannot_score(self, side: Side | None, reason: str | None) -> None:
        """Mark a side, or with None the exam, as not assessable; without a reason the mark is taken back."""
        reading_id = self._opened.reading_id
        save = partial(self.store.record_cannot_score, reading_id, side, reason)
        self._save((reading_id, "cannot", side), reason, save)

    def answer_closing(self, question_id: str, choice: str, confidence: str | None) -> None:
        save = partial(self.store.record_closing_answer, question_id, choice, confidence)
        self._save(("", question_id, None), choice, save)

    @property
    def unsaved(self) -> int:
        """How many answers are on the screen but not on the disk."""
        return len(self._unsaved)

    def is_unsaved(self, side: Side) -> bool:
        """Whether the score shown for a side of the open exam is not on the disk."""
        return (self._opened.reading_id, "score", side) in self._unsaved

    def shown_score(self, side: Side) -> int | None:
        """What the reader last gave to a side of the open exam, on the disk or not."""
        waiting = self._unsaved.get((self._opened.reading_id, "score", side))
        value = waiting.value if waiting else self.answers.side(side).score
        return value if isinstance(value, int) else None

    def retry(self) -> None:
        """Save what could not be saved, oldest first; raises at the first that still fails."""
        for field, waiting in tuple(self._unsaved.items()):
            try:
                waiting.save()
            except StudyError as error:
                if error.file is None:  # not the disk: the answer itself was refused, and would be again
                    del self._unsaved[field]
                else:
                    self._note_failure(error)
                raise
            del self._unsaved[field]
        problems, self._failures = self._failures, []
        for problem in problems:
            self._note("save_failed", reason=problem)

    def _save(self, field: _Field, value: object, save: Callable[[], object]) -> None:
        self._unsaved.pop(field, None)  # the last word stands last
        self._unsaved[field] = _Unsaved(value, save)
        self.retry()

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except StudyError as error:
            self._note_failure(error)

    def _note_failure(self, error: StudyError) -> None:
        if error.what not in self._failures:
            self._failures.append(error.what)

    def sign_off(self, name: str, meaning: str) -> Receipt:
        """The end: read-only from here on."""
        self.retry()
        self.leave("sign-off")
        return self.store.sign_off(name, meaning)

    # --- resume ---

    def view(self) -> dict[str, Any]:
        """What `keep` stored."""
        return dict(self.store.view() or {})

    def keep(self, **fields: object) -> None:
        """Store what is on the screen, and the running visit in case this process dies."""
        kept = self.view() | fields
        if self._reading and self._visit:
            kept |= {"reading_id": self._reading.reading_id, "visit": self._running_visit()}
        else:
            kept.pop("visit", None)
        if not self.is_read_only:
            with self._noting_failure():
                self.store.save_view(kept)

    def _running_visit(self) -> dict[str, Any]:
        assert self._reading and self._visit
        return {
            "reading_id": self._reading.reading_id,
            "visit": self._visits[self._reading.reading_id],
            "looks": self._visit.looks(),
            **self._visit.record(),
        }

    def _record_interrupted_visit(self, ended: set[tuple[str, int]]) -> None:
        """A visit that no one could end because the process died: what was kept of it goes into the trail now."""
        visit = self.view().get("visit")
        if not isinstance(visit, dict) or (visit.get("reading_id"), visit.get("visit")) in ended:
            return
        reading_id, looks = str(visit.pop("reading_id", "")), visit.pop("looks", {})
        if reading_id in self._visits:
            self._note("view", reading_id=reading_id, new={"visit": visit.get("visit"), **looks})
            self._note("exam_left", reading_id=reading_id, new={**visit, "left": "interrupted"})

    def _past_visits(self) -> tuple[dict[str, int], set[tuple[str, int]]]:
        """How often each exam was opened, and which of these visits were ended."""
        visits: dict[str, int] = {}
        ended = set()
        for event in self.store.events():
            if event.reading_id and event.type == "exam_opened":
                visits[event.reading_id] = visits.get(event.reading_id, 0) + 1
            elif event.reading_id and event.type == "exam_left":
                ended.add((event.reading_id, visits.get(event.reading_id, 0)))
        return visits, ended

    def close(self) -> None:
        """End the visit and the session; raises StudyError if an answer can still not be saved."""
        self.retry()
        if self._reading:
            self.keep()
            self.leave("closed")
            self.keep()
        self.store.close()
