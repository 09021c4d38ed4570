"""Everything a session file holds, read in one go and checked against itself."""

import contextlib
import errno
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reader_app.session.canonical import FormatError
from reader_app.session.files import read_plain
from reader_app.session.manifest import Manifest
from reader_app.session.projection import Projection, project
from reader_app.session.schema import SCHEMA_VERSION, check_tables, version_in_header
from reader_app.session.tables import read_answers, read_design, read_view
from reader_app.session.trail import COLUMNS, Event, event_from_row, verify
from segmentation.errors import StudyError

SESSION, BACKUP = "session.sqlite", "session.backup.sqlite"
KEEP = "Keep the whole folder as it is and tell your study coordinator."
_MAX_SESSION = 1 << 30


@dataclass(frozen=True)
class Contents:
    """A session that is sound: what its trail adds up to, and the view it had."""

    projection: Projection
    events: tuple[Event, ...]
    view: dict[str, Any]


def read_contents(connection: sqlite3.Connection) -> Contents:
    """Read and check a session; raises FormatError, or sqlite3.Error where SQLite itself finds damage.

    The pages are whole, the tables ours, the chain unbroken, its events possible one after another, and the tables of
    the design and of the answers are what the events say.
    """
    check_tables(connection)
    events = tuple(read_events(connection))
    verify(events)
    projection = project(events)
    if read_design(connection) != projection.design_form:
        raise FormatError("its list of exams or its protocol was altered")
    if read_answers(connection) != projection.answers:
        raise FormatError("its answers differ from their history")
    return Contents(projection, events, read_view(connection))


def read_events(connection: sqlite3.Connection) -> Iterator[Event]:
    """The trail, first event first."""
    rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM event ORDER BY seq")
    return (event_from_row(row) for row in rows)


# --- as part of a package ---


def read_session_bytes(path: Path) -> bytes:
    """The session file's bytes. StudyError if it is of a newer version or no session file: SQLite has not seen it yet.

    Not while a store of this process has it open: closing any handle of a file ends SQLite's locks on it (fcntl(2)).
    """
    try:
        data = read_plain(path, _MAX_SESSION, KEEP)
        version = version_in_header(data[:100])
    except FormatError as error:
        raise damaged(path, str(error)) from error
    except StudyError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO:
            raise damaged(path, "the disk cannot read it any more") from error
        raise
    if version > SCHEMA_VERSION:
        what = f"This session was made by a newer Blindread (format {version})."
        raise StudyError(what, file=path, remedy="Install the current version.")
    return data


class DamagedSessionError(StudyError):
    """The session file is not as it was saved; `recovery.restore_backup` may help."""


def damaged(path: Path, what: str) -> DamagedSessionError:
    """The refusal of a session file, with what can be done."""
    remedy = KEEP
    backup = path.with_name(BACKUP)
    with contextlib.suppress(OSError):
        made = datetime.fromtimestamp(backup.stat().st_mtime).astimezone()
        remedy += f" The newest backup is {BACKUP} of {made:%d %B %Y, %H:%M}."
    return DamagedSessionError(f"The session file is damaged: {what}.", file=path, remedy=remedy)


def check_session(connection: sqlite3.Connection, manifest: Manifest, path: Path) -> Contents:
    """Read a session that belongs to a package, from any connection to it; StudyError names `path`."""
    try:
        contents = read_contents(connection)
    except (ValueError, sqlite3.Error) as error:
        raise damaged(path, str(error)) from error
    design = contents.projection.design
    if (design.package_id, design.reader_code) != (manifest.package_id, manifest.reader_code):
        what = f"This session belongs to another package, of reader {design.reader_code}."
        raise StudyError(what, file=path, remedy=KEEP)
    if contents.events[0].hash != manifest.trail_head or design != manifest.design:
        raise damaged(path, "its list of exams or its protocol is not the signed one")
    if len(contents.events) == 1 and hashlib.sha256(connection.serialize()).hexdigest() != manifest.session_sha256:
        raise damaged(path, "it is not the one that was handed out")
    return contents


def check_session_bytes(data: bytes, manifest: Manifest, path: Path) -> Contents:
    """`check_session` of bytes, without touching the file they are from."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        return check_session(connection, manifest, path)
