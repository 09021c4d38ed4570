"""What the events of a trail add up to, and which event may come next: the rules of the study, in one place.

The store asks before it writes an event, and every reading of a session or of results goes through the same rules.
"""

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reader_app.session.canonical import FormatError, canonical_json
from reader_app.session.forms import (
    HASH,
    design_from_form,
    identifier,
    matching,
    members,
    profile_from_form,
    text,
    whole,
)
from reader_app.session.model import (
    Answer,
    ClosingAnswer,
    ClosingQuestion,
    ReaderProfile,
    ReadingAnswers,
    Revision,
    Side,
    Status,
)
from reader_app.session.trail import Event, genesis

COMMENT, CANNOT_SCORE = "comment", "cannot_score"
SCORES = {"score_set", "score_changed", "score_cleared"}
ANSWERS = {*SCORES, COMMENT, CANNOT_SCORE, "closing_answer", "profile"}
_AFTER_SIGN_OFF = {"install", "session_start", "session_end", "clock_back", "crash_recovered", "restored", "export"}


@dataclass
class Answers:
    """All answers as they stand; equal if every answer is."""

    scores: dict[tuple[str, Side], int] = field(default_factory=dict)
    remarks: dict[tuple[str, Side | None, str], str] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    closing: dict[str, ClosingAnswer] = field(default_factory=dict)
    profile: ReaderProfile | None = None

    def copy(self) -> "Answers":
        return Answers(dict(self.scores), dict(self.remarks), set(self.frozen), dict(self.closing), self.profile)

    def of(self, reading_id: str) -> ReadingAnswers:
        return ReadingAnswers(
            a=self._side(reading_id, Side.A),
            b=self._side(reading_id, Side.B),
            comment=self.remarks.get((reading_id, None, COMMENT), ""),
            cannot_score=self.remarks.get((reading_id, None, CANNOT_SCORE)),
        )

    def _side(self, reading_id: str, side: Side) -> Answer:
        return Answer(
            score=self.scores.get((reading_id, side)),
            cannot_score=self.remarks.get((reading_id, side, CANNOT_SCORE)),
            comment=self.remarks.get((reading_id, side, COMMENT), ""),
        )


class Projection:
    """The state after the events so far. `add` refuses, by FormatError, what the store would never have written."""

    def __init__(self, first: Event) -> None:
        if first.type != "created" or first.seq != 1:
            raise FormatError("its trail does not begin with the design")
        self.design_form = _value(first.new)
        # names that a newer minor version added are let pass here; the signed manifest holds this event's hash
        self.design = design_from_form(self.design_form, is_newer=True)
        if replace(first, new=None, hash="") != replace(genesis(self.design), new=None, hash=""):
            raise FormatError("row 1 of its trail was altered")
        self._readings = {reading.reading_id: reading for reading in self.design.readings}
        self._questions = {q.question_id: q for q in self.design.protocol.closing_questions}
        self.answers = Answers()
        self.last = first
        self.last_answer: Event | None = None
        self.signed: Event | None = None
        self.public_keys: set[str] = set()
        self.is_sitting_open = False

    # --- questions ---

    def current(self, kind: str, reading_id: str | None, side: Side | None, field: str | None) -> Any:
        """The JSON value that an answer event of this kind would replace."""
        found: Any
        if kind in SCORES:
            return None if side is None else self.answers.scores.get((reading_id or "", side))
        if kind in (COMMENT, CANNOT_SCORE):
            return self.answers.remarks.get((reading_id or "", side, kind))
        found = self.answers.profile if kind == "profile" else self.answers.closing.get(field or "")
        return found and asdict(found)

    def is_known(self, reading_id: str) -> bool:
        return reading_id in self._readings

    def question(self, question_id: str | None) -> ClosingQuestion | None:
        return self._questions.get(question_id or "")

    def is_freezable(self, reading_id: str) -> bool:
        """An exam with a gap stays open, or the study could never be signed off."""
        until_next = self.design.protocol.revision is Revision.UNTIL_NEXT
        return until_next and self.answers.of(reading_id).status is Status.SCORED

    def gaps(self) -> list[str]:
        """What a sign-off still wants, one phrase each."""
        readings = self.design.study_readings
        gaps = [f"exam {r.position}" for r in readings if self.answers.of(r.reading_id).status is not Status.SCORED]
        opened = [n for n, question_id in enumerate(self._questions, 1) if question_id not in self.answers.closing]
        return gaps + [f"closing question {number}" for number in opened]

    # --- events ---

    def after(self, events: Sequence[Event]) -> "Projection":
        """The state after more events; this one stays as it is. Raises FormatError if one may not come next."""
        later = copy(self)
        later.answers = self.answers.copy()
        later.public_keys = set(self.public_keys)
        for event in events:
            later.add(event)
        return later

    def add(self, event: Event) -> None:
        """Take the next event. Raises FormatError if it may not come next."""
        try:
            self._check_frame(event)
            if event.type in ANSWERS:
                self._check_answer(event)
            self._put(event)
        except FormatError as error:
            raise FormatError(f"row {event.seq} of its trail is impossible: {error}") from error
        self.last = event
        if event.type in ANSWERS:
            self.last_answer = event

    def _check_frame(self, event: Event) -> None:
        identifier(event.sitting, "sitting")
        owner = (self.design.reader_code, self.design.protocol.version)
        if event.type == "created" or (event.reader, event.protocol_version) != owner:
            raise FormatError("it is of another session")
        if self.signed and event.type not in _AFTER_SIGN_OFF:
            raise FormatError("it comes after the sign-off")
        if event.reading_id is not None and not self.is_known(event.reading_id):
            raise FormatError("its exam is unknown")

    def _check_answer(self, event: Event) -> None:
        side = Side(event.side) if event.side else None
        old = self.current(event.type, event.reading_id, side, event.field)
        if event.old != json_text(old) or event.new == event.old:
            raise FormatError("it does not follow from the rows before")

    def _put(self, event: Event) -> None:
        match event.type:
            case "score_set" | "score_changed" | "score_cleared":
                self._put_score(event)
            case "comment" | "cannot_score":
                self._put_remark(event)
            case "closing_answer":
                self._put_closing_answer(event)
            case "profile":
                self.answers.profile = profile_from_form(_value(event.new))
            case "frozen":
                self._put_frozen(event)
            case "sign_off":
                self._put_sign_off(event)
            case "install":
                keys = members(_value(event.new), ("public_key", "system"), "the key")
                self.public_keys.add(matching(keys["public_key"], HASH, "the key"))
            case "session_start" | "session_end":
                self.is_sitting_open = event.type == "session_start"

    def _put_score(self, event: Event) -> None:
        reading_id = self._changeable(event)
        if event.side is None or event.field != "score" or event.type != score_event(event.old, event.new):
            raise FormatError("it is no score of a side")
        key, new = (reading_id, Side(event.side)), _value(event.new)
        if new is None:
            del self.answers.scores[key]
        else:
            scale = self.design.protocol.scale
            self.answers.scores[key] = whole(new, scale.minimum, scale.maximum, "the score")

    def _put_remark(self, event: Event) -> None:
        key = (self._changeable(event), Side(event.side) if event.side else None, event.type)
        new = _value(event.new)
        if event.field != event.type:
            raise FormatError("it is no remark")
        if new is None:
            del self.answers.remarks[key]
        else:
            self.answers.remarks[key] = text(new, event.type)

    def _changeable(self, event: Event) -> str:
        """The exam of an answer that may still be given."""
        if event.reading_id is None or event.reading_id in self.answers.frozen:
            raise FormatError("its exam may not change any more")
        return event.reading_id

    def _put_closing_answer(self, event: Event) -> None:
        question = self.question(event.field)
        form = members(_value(event.new), ("choice", "confidence"), "the answer")
        answer = ClosingAnswer(form["choice"], form["confidence"])
        if question is None or question.reading_id != event.reading_id or not is_offered(question, answer):
            raise FormatError("it answers no question")
        self.answers.closing[question.question_id] = answer

    def _put_frozen(self, event: Event) -> None:
        reading_id = self._changeable(event)
        if not self.is_freezable(reading_id):
            raise FormatError("its exam does not end with Next")
        self.answers.frozen.add(reading_id)

    def _put_sign_off(self, event: Event) -> None:
        form = members(_value(event.new), ("name", "meaning", "count"), "the sign-off")
        text(form["name"], "name", 200)
        text(form["meaning"], "meaning")
        count = len(self.design.study_readings)
        whole(form["count"], count, count, "the count")
        if self.gaps():
            raise FormatError("answers are missing")
        self.signed = event


def score_event(old: str | None, new: str | None) -> str:
    """The type of a score's event."""
    return "score_cleared" if new is None else "score_set" if old is None else "score_changed"


def is_offered(question: ClosingQuestion, answer: ClosingAnswer) -> bool:
    """Whether a question has this choice, and this confidence; being sure or not may be left open."""
    return answer.choice in question.choices and answer.confidence in (None, *question.confidence_choices)


def project(events: Sequence[Event]) -> Projection:
    """What a verified trail adds up to."""
    if not events:
        raise FormatError("its trail is empty")
    projection = Projection(events[0])
    for event in events[1:]:
        projection.add(event)
    return projection


def json_text(value: object) -> str | None:
    """A value as `old` and `new` hold it; None stays None."""
    return None if value is None else canonical_json(value).decode()


def _value(content: str | None) -> Any:
    """The value of an `old` or `new`; what is not canonical JSON was not written by the store."""
    if content is None:
        return None
    try:
        value = json.loads(content)
        is_canonical = json_text(value) == content  # `null` is not: it would be None
    except (ValueError, RecursionError) as error:
        raise FormatError("its value is not readable") from error
    if not is_canonical:
        raise FormatError("its value is not readable")
    return value
