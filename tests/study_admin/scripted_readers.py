"""Simulated readers: they read packages through the real session store and send their results, as people would."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reader_app.session.clock import UTC_FORMAT, Moment, as_datetime
from reader_app.session.contents import SESSION
from reader_app.session.model import ClosingQuestion, ReaderProfile, Reading, Side, Status
from reader_app.session.package import open_package
from reader_app.session.results import write_results
from reader_app.session.store import SessionStore

Scores = Callable[[int, Side], int | None]  # position of a study exam, side; None: "cannot score"
MEANING = "These are my own scores"
FIRST_DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
PRACTICE_SCORES = {Side.A: 3, Side.B: 4}


class DeskClock:
    """A clock that goes on by itself a quarter of a second a look, and by as much as is said."""

    def __init__(self, start: datetime = FIRST_DAY) -> None:
        self._start = self.now = start

    def __call__(self) -> Moment:
        self.now += timedelta(milliseconds=250)
        return Moment(self.now.strftime(UTC_FORMAT), 3600, int((self.now - self._start).total_seconds() * 1e9))

    def go_on(self, milliseconds: int) -> None:
        self.now += timedelta(milliseconds=milliseconds)


def read_package(
    folder: Path,
    scores: Scores,
    *,
    sign_off: bool = True,
    exams: int | None = None,
    clock: DeskClock | None = None,
    profile: ReaderProfile | None = None,
    comment: Callable[[int, Side], str] = lambda position, side: "",
    closing_choice: Callable[[ClosingQuestion], str] = lambda question: question.choices[-1],
    to: Path | None = None,
) -> Path:
    """Read what is unread, practice first, and write the results file (into the package, or into the folder `to`).

    With `exams` the reader stops after so many study exams; calling again goes on, a day later by the default clock.
    Practice is scored 3 and 4.
    """
    package = open_package(folder)
    clock = clock or DeskClock(_next_morning(package.session))
    with SessionStore.open(package.session, package.manifest, app_version="0.1", clock=clock) as store:
        if store.profile is None:
            store.record_profile(profile or profile_of(store.reader_code))
        for reading in _to_read(store, exams):
            _read(store, reading, _practice if reading.is_practice else scores, comment, clock)
        if not store.gaps() or all(gap.startswith("closing") for gap in store.gaps()):
            for question in store.protocol.closing_questions:
                confidence = next(iter(question.confidence_choices), None)
                store.record_closing_answer(question.question_id, closing_choice(question), confidence)
        if sign_off and not store.gaps() and not store.is_signed_off:
            store.sign_off(store.profile.name if store.profile else "", MEANING)
        return write_results(store, to or folder)


def profile_of(code: str) -> ReaderProfile:
    """A person who is the same whenever a code is asked for."""
    number = sum(map(ord, code))
    return ReaderProfile("Neuroradiology", 5 + number % 20, f"S{1 + number % 3}", f"Dr {code}")


def active_ms(reading: Reading) -> int:
    """How long an exam was looked at: 40 s to 104 s, the same whenever a reading is asked for."""
    return 40_000 + int(reading.reading_id[:4], 16) % 64 * 1_000


def _next_morning(session: Path) -> datetime:
    with closing(sqlite3.connect(f"{session.as_uri()}?mode=ro", uri=True)) as connection:
        (last,) = connection.execute("SELECT max(utc) FROM event").fetchone()
    return max(FIRST_DAY, as_datetime(last) + timedelta(days=1))


def _practice(position: int, side: Side) -> int:
    return PRACTICE_SCORES[side]


def _to_read(store: SessionStore, exams: int | None) -> list[Reading]:
    unread = [r for r in store.readings if store.status(r.reading_id) is not Status.SCORED]
    return [r for r in unread if r.is_practice or exams is None or r.position <= exams]


def _read(
    store: SessionStore, reading: Reading, scores: Scores, comment: Callable[[int, Side], str], clock: DeskClock
) -> None:
    """One visit: opened, looked at, scored, left with Next; events as the app writes them."""
    active = active_ms(reading)
    store.record_event("exam_opened", reading_id=reading.reading_id, new='{"visit":1}')
    clock.go_on(active)
    for side in Side:
        score = scores(reading.position, side)
        if score is None:
            store.record_cannot_score(reading.reading_id, side, "motion artefact")
        else:
            store.record_score(reading.reading_id, side, score, how="key")
        if not reading.is_practice and comment(reading.position, side):
            store.record_comment(reading.reading_id, side, comment(reading.position, side))
    exposure = {"T1c": {"axial": [[2, 5]]}, "FLAIR": {"axial": [[3, 4]]}}
    left = {"visit": 1, "left": "next", "duration_ms": active + 1_500, "first_score_ms": active, "active_ms": active,
            "idle_ms": 1_500, "paused_ms": 0, "exposure": exposure}  # fmt: skip
    store.record_event("exam_left", reading_id=reading.reading_id, new=json.dumps(left, sort_keys=True))
    store.mark_left(reading.reading_id)


def packages_in(folder: Path) -> list[Path]:
    """The package folders below a folder, by reader's code."""
    return sorted(path.parent for path in folder.rglob(SESSION))
