"""session.sqlite, made and open: events go onto the disk here, each with the rows it changes, in one transaction."""

import contextlib
import json
import platform
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from reader_app.session.canonical import FormatError
from reader_app.session.clock import Clock, boot_id
from reader_app.session.contents import (
    BACKUP,
    Contents,
    check_session,
    damaged,
    read_contents,
    read_events,
    read_session_bytes,
)
from reader_app.session.database import connect, disk_error, transaction
from reader_app.session.files import write_whole
from reader_app.session.forms import Design, design_form, design_from_form
from reader_app.session.lock import SessionLock
from reader_app.session.manifest import Manifest
from reader_app.session.model import Protocol, Reading, Side
from reader_app.session.projection import Projection, json_text
from reader_app.session.reader_key import reader_key
from reader_app.session.schema import create_tables
from reader_app.session.tables import write_design, write_event, write_view
from reader_app.session.trail import Event, genesis, sealed
from segmentation.errors import StudyError


def create_session(
    path: Path, *, package_id: str, reader_code: str, protocol: Protocol, readings: Sequence[Reading]
) -> str:
    """Write a session nobody has opened yet; returns the hash of its one event.

    Equal arguments give equal bytes (with one version of SQLite): the event bears a constant time, and the file is
    vacuumed. Raises StudyError if the file is there already, or for a design that no reader could open.
    """
    design = Design(package_id, reader_code, protocol, tuple(readings))
    try:
        design_from_form(json.loads(json.dumps(design_form(design))))
    except FormatError as error:
        remedy = "Correct the study's texts and exams, and make the packages again."
        raise StudyError(f"No session can be made of this: {error}.", file=path, remedy=remedy) from error
    if path.exists():
        raise StudyError("There is a session already.", file=path, remedy="Choose an empty folder.")
    first = genesis(design)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA page_size = 4096")
            connection.execute("PRAGMA synchronous = EXTRA")
            with transaction(connection, path):
                create_tables(connection)
                write_design(connection, design)
                write_event(connection, first, Projection(first).answers)
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise disk_error(error, path) from error
    return first.hash


@dataclass(frozen=True)
class Draft:
    """An event before it has its place in the trail."""

    type: str
    reading_id: str | None = None
    side: Side | None = None
    field: str | None = None
    old: str | None = None
    new: str | None = None
    reason: str | None = None


class SessionFile:
    """A session that this process alone has open. `projection` is what has been committed, never more."""

    def __init__(
        self, path: Path, lock: SessionLock, connection: sqlite3.Connection, contents: Contents, app_version: str,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.path, self._lock, self._connection = path, lock, connection
        self.projection = contents.projection
        self.view = contents.view
        self._app_version, self._clock = app_version, clock
        self._boot_id, self._sitting = boot_id(), uuid.uuid4().hex[:16]
        self._key = reader_key(self.projection.design.package_id)
        self._identity = self._identify()
        self._is_doubtful = False  # after a failure: what is on the disk may be more than is known here
        self._backed_up: Event | None = None
        self._is_closed = False

    @classmethod
    def open(cls, path: Path, manifest: Manifest, app_version: str, clock: Clock) -> Self:
        """Lock, then check, then begin a sitting; the file of a newer version stays untouched."""
        lock = SessionLock(path.parent)
        connection = None
        try:
            read_session_bytes(path)
            connection = connect(path)
            file = cls(path, lock, connection, check_session(connection, manifest, path), app_version, clock)
            file.begin_sitting()
        except BaseException:
            if connection:
                connection.close()
            lock.release()
            raise
        return file

    def begin_sitting(self) -> None:
        drafts = []
        if self.projection.is_sitting_open:
            drafts.append(Draft("crash_recovered", new=json_text({"sitting": self.projection.last.sitting})))
        if self.public_key not in self.projection.public_keys:
            new = {"public_key": self.public_key, "system": platform.system()}
            drafts.append(Draft("install", new=json_text(new)))
        versions = {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}
        self.write(*drafts, Draft("session_start", new=json_text(versions)))

    def close(self) -> None:
        """End the sitting and free the file. A failing disk is no error here: the next opening records the break."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            with contextlib.suppress(StudyError):
                self.settle()
                self.write(Draft("session_end"))
                self.back_up()
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._lock.release()

    @property
    def public_key(self) -> str:
        """Hex, of the key that signs results on this computer."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        """The reader's signature, hex."""
        return self._key.sign(data).hex()

    def events(self) -> tuple[Event, ...]:
        """The trail as it stands on the disk."""
        return tuple(read_events(self._connection))

    def settle(self) -> None:
        """After a failure, see what the disk took: a save may have succeeded though its end was not heard."""
        if self._is_doubtful:
            self._read_again()

    def keep_view(self, data: dict[str, Any]) -> None:
        """Replace what is kept of the screen."""
        content = json.dumps(data, allow_nan=False)
        self._check_place()
        with transaction(self._connection, self.path):
            write_view(self._connection, content)
        self.view = json.loads(content)

    def write(self, *drafts: Draft) -> None:
        """Events and the rows they change, in one transaction. On failure nothing here has changed."""
        events = self._chain(drafts)
        later = self.projection.after(events)
        self._is_doubtful = True
        self._check_place()
        with transaction(self._connection, self.path):
            for event in events:
                write_event(self._connection, event, later.answers)
        self._check_place()
        self._is_doubtful = False
        self.projection = later

    def _chain(self, drafts: Sequence[Draft]) -> list[Event]:
        moment = self._clock()
        last = self.projection.last
        if moment.utc < last.utc:
            drafts = [Draft("clock_back", old=json_text(last.utc), new=json_text(moment.utc)), *drafts]
        design = self.projection.design
        events: list[Event] = []
        for seq, draft in enumerate(drafts, last.seq + 1):
            given = vars(draft) | {"side": draft.side and draft.side.value}
            prev_hash = events[-1].hash if events else last.hash
            event = Event(
                seq, *moment, self._boot_id, self._sitting, design.reader_code, self._app_version,
                design.protocol.version, **given, prev_hash=prev_hash,
            )  # fmt: skip
            events.append(sealed(event))
        return events

    def _identify(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _check_place(self) -> None:
        """A file that was deleted or moved takes every write without an error, and keeps none."""
        if self._identify() != self._identity:
            error = sqlite3.OperationalError()
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise disk_error(error, self.path)

    def _read_again(self) -> None:
        self._check_place()
        try:
            self.projection = read_contents(self._connection).projection
        except (ValueError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise disk_error(error, self.path) from error
            raise damaged(self.path, str(error)) from error
        self._is_doubtful = False

    def back_up(self) -> None:
        """Renew the backup, whole or not at all, if there are new answers; without room for it, the old one stays."""
        if self._backed_up is not self.projection.last_answer:
            with contextlib.suppress(OSError):
                write_whole(self.path.with_name(BACKUP), self._connection.serialize())
                self._backed_up = self.projection.last_answer
