"""How far each reader is, from packages, results files and the database; no score, and nothing that tells one.

Sessions are looked at without any lock, as their readers may be at work: the bytes are copied, and what the copy holds
has to be sound in itself.
"""

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from reader_app.session.canonical import without_unshowable
from reader_app.session.clock import as_datetime
from reader_app.session.contents import SESSION, read_contents, read_session_bytes
from reader_app.session.files import files_below, read_plain
from reader_app.session.manifest import read_manifest
from reader_app.session.model import Status
from reader_app.session.projection import Projection, project
from reader_app.session.results import read_results
from reader_app.session.trail import Event, common_rows
from segmentation.errors import StudyError
from study_admin.records import HandedOut, ReaderRecord, ReadingRecord
from study_admin.store import StudyStore

_FOLDERS_DEEP = 3
_TRIES, _PAUSE_S = 5, 0.05
_MOST_JOURNAL = 1 << 30


@dataclass(frozen=True)
class ReaderProgress:
    """One row of the table."""

    reader: str
    group: int | None
    site: str  # as the reader gave it
    practice_done: int
    practice_due: int
    scored: int  # study exams in which each side has a score, or a reason why not
    due: int
    last_activity: datetime | None
    median_active_s: float | None  # per scored study exam, all its visits together
    is_signed_off: bool
    is_collected: bool  # all that is counted here is in the database
    source: str  # of the newest state: "database", "results file", "package", or empty
    note: str


@dataclass(frozen=True)
class _State:
    source: str
    events: tuple[Event, ...]
    path: Path | None = None  # none of the database


@dataclass
class _Sightings:
    """What was seen of one package."""

    states: list[_State] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def progress(store: StudyStore, folders: Sequence[Path] = ()) -> tuple[ReaderProgress, ...]:
    """A row for each reader, in the study's order. The newest state counts, wherever it is.

    `folders` hold packages or results files; of what belongs to other studies nothing is said. Raises StudyError for
    a folder that cannot be read.
    """
    handed = {item.package_id: item for item in store.handed_out()}
    seen = {package_id: _Sightings() for package_id in handed}
    for item in store.collected():
        seen[item.package_id].states.append(_State("database", item.results.events))
    for folder in folders:
        for path in files_below(Path(folder), SESSION, _FOLDERS_DEEP):
            _look(path, handed, seen)
        for path in files_below(Path(folder), "results-*.json", _FOLDERS_DEEP):
            _look(path, handed, seen)
    readings: dict[str, list[ReadingRecord]] = {}
    for reading in store.readings():
        readings.setdefault(reading.reader, []).append(reading)
    packages = {item.reader: seen[item.package_id] for item in handed.values()}
    return tuple(_row(each, readings.get(each.code, []), packages.get(each.code)) for each in store.readers())


def _look(path: Path, handed: dict[str, HandedOut], seen: dict[str, _Sightings]) -> None:
    """Add what a file tells to the package it belongs to."""
    is_session = path.name == SESSION
    try:
        events = _session_events(path) if is_session else read_results(path).events
    except StudyError as error:
        package_id = _package_around(path) if is_session else ""
        if package_id in seen:
            seen[package_id].notes.append(f"{_shown(path)}: {error.what}")
        return
    package_id = project(events[:1]).design.package_id
    if package_id not in handed:
        return
    if events[0].hash != handed[package_id].trail_head:
        what = "This is not of the package that was handed out."
        seen[package_id].notes.append(f"{_shown(path)}: {what}")
    elif len(events) > 1:  # else nobody has opened it: the coordinator's own copy stays so
        seen[package_id].states.append(_State("package" if is_session else "results file", events, path))


def _shown(path: Path) -> str:
    """The path in one line, whatever its names hold."""
    return " ".join(without_unshowable(str(path)).splitlines())


def _package_around(session: Path) -> str:
    """The id of the package a session file lies in; empty if that cannot be told."""
    try:
        return read_manifest(session.parent).package_id
    except StudyError:
        return ""


# --- a session that may be in use ---


def _session_events(path: Path) -> tuple[Event, ...]:
    """The trail of a session file as of its last complete save. Raises StudyError if no sound state can be got."""
    before: bytes | None = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        data = read_session_bytes(path)
        # after the data: pages of a save that began meanwhile are undone by the journal, not taken for damage
        journal = _hot_journal(path)
        try:
            return _events_of(data, journal)
        except (ValueError, sqlite3.Error) as error:
            if data == before:  # nobody is writing
                raise StudyError("Its session file is damaged.", file=path) from error
            before = data
    raise StudyError("Its session is being saved just now; look again.", file=path)


def _hot_journal(path: Path) -> bytes:
    """What SQLite would undo an unfinished save with; empty if there is none."""
    journal = path.with_name(f"{path.name}-journal")
    if not journal.is_file():
        return b""
    try:
        data = read_plain(journal, _MOST_JOURNAL, "")
    except StudyError:  # the save ended, and its journal went
        return b""
    return data if any(data[:8]) else b""


def _events_of(data: bytes, journal: bytes) -> tuple[Event, ...]:
    """From copies: SQLite undoes the unfinished save there, and the reader's own file stays untouched."""
    if not journal:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(data)
            return _checked(connection)
    with tempfile.TemporaryDirectory(prefix="blindread-") as folder:
        copy = Path(folder) / SESSION
        copy.write_bytes(data)
        copy.with_name(f"{SESSION}-journal").write_bytes(journal)
        with closing(sqlite3.connect(copy)) as connection:
            return _checked(connection)


def _checked(connection: sqlite3.Connection) -> tuple[Event, ...]:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return read_contents(connection).events


# --- a row of the table ---


def _row(reader: ReaderRecord, readings: Sequence[ReadingRecord], seen: _Sightings | None) -> ReaderProgress:
    states = seen.states if seen else []
    newest = max(states, key=lambda state: len(state.events), default=None)
    collected = next((state for state in states if state.source == "database"), None)
    state = project(newest.events) if newest else None
    done = _done(state)
    profile = state.answers.profile if state else None
    due = {reading.reading_id for reading in readings if not reading.is_practice}
    return ReaderProgress(
        reader=reader.code,
        group=reader.group,
        site=profile.site_code if profile else "",
        practice_done=len(done - due),
        practice_due=len(readings) - len(due),
        scored=len(done & due),
        due=len(due),
        last_activity=as_datetime(newest.events[-1].utc) if newest else None,
        median_active_s=_median_active_s(newest.events if newest else (), done & due),
        is_signed_off=state is not None and state.signed is not None,
        is_collected=_is_collected(state, collected),
        source=newest.source if newest else "",
        note=" ".join(_notes(seen, newest, collected)),
    )


def _done(state: Projection | None) -> set[str]:
    """Ids of the readings that are complete."""
    if state is None:
        return set()
    ids = [reading.reading_id for reading in state.design.readings]
    return {reading_id for reading_id in ids if state.answers.of(reading_id).status is Status.SCORED}


def _is_collected(state: Projection | None, collected: _State | None) -> bool:
    """The events that only tell of looking, closing or exporting need not have come back."""
    if state is None or collected is None:
        return False
    last = state.signed or state.last_answer
    return last is None or last.seq <= len(collected.events)


def _notes(seen: _Sightings | None, newest: _State | None, collected: _State | None) -> Iterator[str]:
    if seen is None:
        yield "No package yet."
        return
    if newest is None and not seen.notes:
        yield "Nothing seen of it since it was handed out."
    yield from dict.fromkeys(seen.notes)
    if newest and collected and (common := common_rows(newest.events, collected.events)) < len(collected.events):
        where = _shown(newest.path) if newest.path else newest.source
        yield f"{where}: From row {common + 1} on the trail in this {newest.source} differs from what was collected."


def _median_active_s(events: Iterable[Event], scored: set[str]) -> float | None:
    """Of the scored study exams, over those with a visit that was ended."""
    spent: dict[str, int] = {}
    for event in events:
        if event.type == "exam_left" and event.reading_id in scored:
            spent[event.reading_id] = spent.get(event.reading_id, 0) + _active_ms(event.new)
    return statistics.median(spent.values()) / 1000 if spent else None


def _active_ms(content: str | None) -> int:
    """Of one visit; 0 where the trail, which takes any JSON here, does not tell."""
    try:
        active = json.loads(content or "{}")["active_ms"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return active if type(active) is int and active >= 0 else 0
