"""Simulated readers at work: they read packages through the real session store, and send their results as people would.

    python -m study_admin.rehearsal.sitting PACKAGE SCRIPT

reads a package in a process of its own, which can be killed: it says on its standard output what has been saved, a line
a score, as a screen would.
"""

import json
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reader_app import __version__
from reader_app.session.clock import UTC_FORMAT, Moment, as_datetime
from reader_app.session.model import ClosingQuestion, ReaderProfile, Reading, Side, Status
from reader_app.session.package import open_package
from reader_app.session.results import write_results
from reader_app.session.store import SessionStore

Scores = Callable[[int, Side], int | None]  # position of a study exam, side; None: "cannot score"
Saved = Callable[[Reading, Side], None]
MEANING = "These are my own scores"
FIRST_DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
PRACTICE_SCORES = {Side.A: 3, Side.B: 4}
WHOLE_HEAD = [[0, 4095]]  # slices on the screen: simulated readers look at all of them
_EXPOSURE = {layer: dict.fromkeys(("axial", "coronal", "sagittal"), WHOLE_HEAD) for layer in ("T1c", "FLAIR")}


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
    profile: ReaderProfile,
    active_ms: Callable[[Reading], int],
    exposure: Mapping[str, Mapping[str, object]] = _EXPOSURE,
    sign_off: bool = True,
    exams: int | None = None,
    clock: DeskClock | None = None,
    comment: Callable[[int, Side], str] = lambda position, side: "",
    closing_choice: Callable[[ClosingQuestion], str] = lambda question: question.choices[-1],
    to: Path | None = None,
    saved: Saved = lambda reading, side: None,
) -> Path:
    """Read what is unread, practice first, and write the results file (into the package, or into the folder `to`).

    With `exams` the reader stops after so many study exams; calling again goes on, a day later by the default clock.
    Practice is scored 3 and 4. `saved` is told of each score once it is on the disk.
    """
    package = open_package(folder)
    clock = clock or DeskClock(_next_morning(package.session))
    visit = _Visit(scores, comment, active_ms, exposure, clock, saved)
    with SessionStore.open(package.session, package.manifest, app_version=__version__, clock=clock) as store:
        if store.profile is None:
            store.record_profile(profile)
        for reading in _to_read(store, exams):
            visit.read(store, reading)
        if not store.gaps() or all(gap.startswith("closing") for gap in store.gaps()):
            for question in store.protocol.closing_questions:
                confidence = next(iter(question.confidence_choices), None)
                store.record_closing_answer(question.question_id, closing_choice(question), confidence)
        if sign_off and not store.gaps() and not store.is_signed_off:
            store.sign_off(store.profile.name if store.profile else "", MEANING)
        return write_results(store, to or folder)


def _next_morning(session: Path) -> datetime:
    with closing(sqlite3.connect(f"{session.as_uri()}?mode=ro", uri=True)) as connection:
        (last,) = connection.execute("SELECT max(utc) FROM event").fetchone()
    return max(FIRST_DAY, as_datetime(last) + timedelta(days=1))


def _to_read(store: SessionStore, exams: int | None) -> list[Reading]:
    unread = [r for r in store.readings if store.status(r.reading_id) is not Status.SCORED]
    return [r for r in unread if r.is_practice or exams is None or r.position <= exams]


class _Visit:
    """What a reader does with one exam after the other."""

    def __init__(
        self, scores: Scores, comment: Callable[[int, Side], str], active_ms: Callable[[Reading], int],
        exposure: Mapping[str, Mapping[str, object]], clock: DeskClock, saved: Saved,
    ) -> None:  # fmt: skip
        self._scores, self._comment, self._active_ms = scores, comment, active_ms
        self._exposure, self._clock, self._saved = exposure, clock, saved

    def read(self, store: SessionStore, reading: Reading) -> None:
        """One visit: opened, looked at, scored, left with Next; events as the app writes them."""
        active = self._active_ms(reading)
        store.record_event("exam_opened", reading_id=reading.reading_id, new='{"visit":1}')
        self._clock.go_on(active)
        for side in Side:
            self._score(store, reading, side)
        left = {"visit": 1, "left": "next", "duration_ms": active + 1_500, "first_score_ms": active,
                "active_ms": active, "idle_ms": 1_500, "paused_ms": 0, "exposure": self._exposure}  # fmt: skip
        store.record_event("exam_left", reading_id=reading.reading_id, new=json.dumps(left, sort_keys=True))
        store.mark_left(reading.reading_id)

    def _score(self, store: SessionStore, reading: Reading, side: Side) -> None:
        score = PRACTICE_SCORES[side] if reading.is_practice else self._scores(reading.position, side)
        if score is None:
            store.record_cannot_score(reading.reading_id, side, "motion artefact")
        else:
            store.record_score(reading.reading_id, side, score, how="key")
            self._saved(reading, side)
        if not reading.is_practice and self._comment(reading.position, side):
            store.record_comment(reading.reading_id, side, self._comment(reading.position, side))


def main(package: Path, script: Path) -> None:
    """Read without signing, by a script {"profile": [...], "readings": {position: [A, B, milliseconds]}}."""
    plan = json.loads(script.read_text(encoding="utf-8"))
    given = {int(position): values for position, values in plan["readings"].items()}
    read_package(
        package, lambda position, side: given[position][side is Side.B], profile=ReaderProfile(*plan["profile"]),
        active_ms=lambda reading: given[reading.position][2], sign_off=False, to=script.parent,
        saved=lambda reading, side: print(reading.reading_id, side.value, flush=True),
    )  # fmt: skip


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is answered by the process that started this one
    main(Path(sys.argv[1]), Path(sys.argv[2]))
