"""One reader's session, open: answers go through here onto the disk, and nowhere else.

Every answer is an event and the row it changes, in one transaction; a method that records returns after COMMIT, so
what the screen calls saved is on the disk. There is one writer, one connection, one thread.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reader_app.session.canonical import MAX_NAME, FormatError, clean_text, without_unshowable
from reader_app.session.clock import Clock, as_datetime, now
from reader_app.session.manifest import Manifest
from reader_app.session.model import ClosingAnswer, Protocol, ReaderProfile, Reading, ReadingAnswers, Side, Status
from reader_app.session.projection import CANNOT_SCORE, COMMENT, Projection, is_offered, json_text, score_event
from reader_app.session.session_file import Draft, SessionFile, create_session
from reader_app.session.trail import Event, Receipt, receipt_of
from segmentation.errors import StudyError

__all__ = ["Receipt", "SessionStore", "create_session"]

# what others may record by `record_event`; everything else has a method of its own
NOTES = {"exam_opened", "exam_left", "view", "pause", "resume", "unreadable", "save_failed"}


class SessionStore:
    """A reader's session. Make one by `open`; it is a context manager."""

    def __init__(self, file: SessionFile) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path, manifest: Manifest, *, app_version: str, clock: Clock = now) -> Self:
        """Lock, check and open a package's session, and record that a sitting begins.

        Raises StudyError if another instance has it, if it is damaged, of another package or a newer version, or if
        nothing can be written there.
        """
        return cls(SessionFile.open(Path(path).absolute(), manifest, app_version, clock))

    def close(self) -> None:
        """End the sitting and free the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- what there is ---

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def protocol(self) -> Protocol:
        return self.projection.design.protocol

    @property
    def readings(self) -> tuple[Reading, ...]:
        """In the reader's order, practice first."""
        return self.projection.design.readings

    @property
    def reader_code(self) -> str:
        return self.projection.design.reader_code

    @property
    def projection(self) -> Projection:
        """All answers, and the rules for the next."""
        return self._file.projection

    @property
    def public_key(self) -> str:
        """Hex, of the key that signs results on this computer."""
        return self._file.public_key

    def sign(self, data: bytes) -> str:
        """The reader's signature, hex."""
        return self._file.sign(data)

    @property
    def is_signed_off(self) -> bool:
        return self.projection.signed is not None

    @property
    def receipt(self) -> Receipt | None:
        """What `sign_off` returned."""
        signed = self.projection.signed
        return receipt_of(signed) if signed else None

    @property
    def profile(self) -> ReaderProfile | None:
        return self.projection.answers.profile

    @property
    def last_saved_utc(self) -> datetime | None:
        """When the last answer was saved."""
        last = self.projection.last_answer
        return as_datetime(last.utc) if last else None

    def answers(self, reading_id: str) -> ReadingAnswers:
        self._require(reading_id)
        return self.projection.answers.of(reading_id)

    def status(self, reading_id: str) -> Status:
        return self.answers(reading_id).status

    def is_frozen(self, reading_id: str) -> bool:
        """Whether Next has made its answers final."""
        return reading_id in self.projection.answers.frozen

    def closing_answers(self) -> dict[str, ClosingAnswer]:
        """By question_id; open questions are not in it."""
        return dict(self.projection.answers.closing)

    def gaps(self) -> list[str]:
        """What sign-off still wants, one phrase each."""
        return self.projection.gaps()

    def first_unscored(self) -> Reading | None:
        """The first exam with a gap; practice is passed over once an exam that counts has been begun."""
        unscored = [r for r in self.readings if self.status(r.reading_id) is not Status.SCORED]
        study = self.projection.design.study_readings
        if any(self.status(r.reading_id) is not Status.UNSCORED for r in study):
            unscored = [r for r in unscored if not r.is_practice]
        return next(iter(unscored), None)

    def events(self) -> Iterator[Event]:
        """The trail as it stands on the disk, first event first."""
        return iter(self._file.events())

    def _require(self, reading_id: str) -> None:
        if not self.projection.is_known(reading_id):
            raise ValueError(f"No such reading: {reading_id!r}")

    # --- answers ---

    def record_score(self, reading_id: str, side: Side, value: int | None, *, how: str) -> None:
        """Save a score, or clear it with None; returns after COMMIT. The same score again is no event.

        A score takes back a reason why the side, or the exam, could not have one: the last word counts.
        `how` it was given: 'slider', 'key' or 'clear'. Raises StudyError if it may not change or is not on the disk.
        """
        scale = self.protocol.scale
        if value is not None and (type(value) is not int or not scale.minimum <= value <= scale.maximum):
            raise ValueError(f"Not a score: {value!r}")
        old = self._changeable(reading_id).current("score_set", reading_id, side, "score")
        kind = score_event(json_text(old), json_text(value))
        reasons = () if value is None else (side, None)
        self._record_answer(
            *(Draft(CANNOT_SCORE, reading_id, place, CANNOT_SCORE, reason="scored") for place in reasons),
            Draft(kind, reading_id, side, "score", new=json_text(value), reason=how),
        )

    def record_comment(self, reading_id: str, side: Side | None, text: str) -> None:
        """Save a comment on a side, or with None on the exam; an empty one takes it back."""
        self._record_remark(COMMENT, reading_id, side, text)

    def record_cannot_score(self, reading_id: str, side: Side | None, reason: str | None) -> None:
        """Mark a side, or with None the exam, as not assessable; None or an empty reason takes the mark back.

        A mark clears the scores that it covers: the last word counts.
        """
        scored = () if not reason else tuple(Side) if side is None else (side,)
        cleared = (Draft("score_cleared", reading_id, each, "score", reason="cannot score") for each in scored)
        self._record_remark(CANNOT_SCORE, reading_id, side, reason or "", *cleared)

    def _record_remark(self, kind: str, reading_id: str, side: Side | None, content: str, *before: Draft) -> None:
        self._changeable(reading_id)
        content = self._clean(content, "text")
        self._record_answer(*before, Draft(kind, reading_id, side, kind, new=json_text(content or None)))

    def record_closing_answer(self, question_id: str, choice: str, confidence: str | None) -> None:
        question = self._settled().question(question_id)
        answer = ClosingAnswer(choice, confidence)
        if question is None or not is_offered(question, answer):
            raise ValueError(f"Not offered: {answer} to {question_id!r}")
        new = json_text(asdict(answer))
        self._record_answer(Draft("closing_answer", question.reading_id, None, question_id, new=new))

    def record_profile(self, profile: ReaderProfile) -> None:
        years = profile.years_since_certification
        if years is not None and not 0 <= years <= 80:
            remedy = "Give a whole number from 0 to 80, or leave it empty."
            raise StudyError(f"{years} years since certification can't be.", remedy=remedy)
        texts = (profile.specialty, profile.site_code, profile.name)
        specialty, site_code, name = (self._clean(text, "text", MAX_NAME, is_multiline=False) for text in texts)
        self._record_answer(Draft("profile", new=json_text(asdict(ReaderProfile(specialty, years, site_code, name)))))

    def _record_answer(self, *drafts: Draft) -> None:
        """Those of the drafts that change something, in one transaction."""
        projection = self._settled()
        known = [json_text(projection.current(d.type, d.reading_id, d.side, d.field)) for d in drafts]
        changes = [replace(d, old=old) for d, old in zip(drafts, known, strict=True) if d.new != old]
        if changes:
            self._file.write(*changes)

    def _changeable(self, reading_id: str) -> Projection:
        self._require(reading_id)
        projection = self._settled()
        if self.is_frozen(reading_id):
            remedy = "Go on with the next one; tell your study coordinator if something must be corrected."
            raise StudyError("This exam is final: in this study, Next ends it.", remedy=remedy)
        return projection

    def _settled(self) -> Projection:
        """The state to which something may be added."""
        self._file.settle()
        if self.projection.signed:
            utc = as_datetime(self.projection.signed.utc)
            what = f"This session was signed off on {utc:%d %B %Y at %H:%M} UTC and does not change any more."
            raise StudyError(what, remedy="Tell your study coordinator if something must be corrected.")
        return self.projection

    @staticmethod
    def _clean(text: str, what: str, limit: int = 2_000, *, is_multiline: bool = True) -> str:
        try:
            return clean_text(text, limit=limit, is_multiline=is_multiline)
        except FormatError as error:
            raise StudyError(f"This {what} cannot be saved: {error}.", remedy="Change it and try again.") from error

    # --- the rest of the trail ---

    def record_event(
        self, type: str, *, reading_id: str | None = None, side: Side | None = None, field: str | None = None,
        old: str | None = None, new: str | None = None, reason: str | None = None,
    ) -> None:  # fmt: skip
        """Add an event that is no answer (one of NOTES); `old` and `new` are JSON texts.

        After an exam that was left with new answers, the backup is renewed.
        """
        if type not in NOTES:
            raise ValueError(f"Not for record_event: {type!r}")
        for content in (old, new):
            if content is not None:
                json.loads(content)
        self._settled()
        reason = None if reason is None else without_unshowable(reason)
        self._file.write(Draft(type, reading_id, side, field, old, new, reason))
        if type == "exam_left":
            self._file.back_up()

    def mark_left(self, reading_id: str) -> None:
        """Next was pressed: under the rule until-next an exam without a gap is final from here on."""
        self._require(reading_id)
        projection = self._settled()
        if projection.is_freezable(reading_id) and not self.is_frozen(reading_id):
            self._file.write(Draft("frozen", reading_id))

    def record_export(self, new: dict[str, Any]) -> None:
        """Results are about to be written; allowed after sign-off, too."""
        self._file.settle()
        self._file.write(Draft("export", new=json_text(new)))

    def record_restored(self, kept_as: str) -> None:
        """This session was a backup until now; the damaged file lies beside it."""
        self._file.write(Draft("restored", new=json_text({"kept_as": kept_as})))

    def sign_off(self, name: str, meaning: str) -> Receipt:
        """Close the session for good; refused while an answer is missing."""
        projection = self._settled()
        gaps = projection.gaps()
        if gaps:
            shown = ", ".join(gaps[:5]) + (f" and {len(gaps) - 5} more" if len(gaps) > 5 else "")
            raise StudyError(f"Answers are missing: {shown}.", remedy="Complete them, then sign.")
        name = self._clean(name, "name", MAX_NAME, is_multiline=False)
        meaning = self._clean(meaning, "meaning")
        if not (name and meaning):
            raise StudyError("A signature needs your name and what it means.", remedy="Fill in both.")
        content = {"name": name, "meaning": meaning, "count": len(projection.design.study_readings)}
        self._file.write(Draft("sign_off", new=json_text(content)))
        self._file.back_up()
        assert self.receipt
        return self.receipt

    # --- what was on the screen ---

    def view(self) -> dict[str, Any]:
        """What `save_view` saved last; empty at first."""
        return dict(self._file.view)

    def save_view(self, data: dict[str, Any]) -> None:
        """Keep a JSON object to resume from. It is no answer: no event, and the one before is gone."""
        if data != self._file.view:
            self._file.keep_view(data)
