"""A damaged session put right: from its backup, and from what its own trail still proves."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from reader_app.session.canonical import FormatError
from reader_app.session.contents import BACKUP, KEEP, DamagedSessionError, check_session_bytes, read_events
from reader_app.session.files import flush_folder, read_plain, write_whole
from reader_app.session.lock import SessionLock
from reader_app.session.package import Package, open_package
from reader_app.session.projection import Projection
from reader_app.session.store import SessionStore
from reader_app.session.tables import write_event
from reader_app.session.trail import Event, event_hash
from segmentation.errors import StudyError

_MOST = 1 << 30


def restore_backup(folder: Path, *, app_version: str = "") -> Path:
    """Put the newest backup in the place of a damaged session; returns where the damaged file lies now.

    Events that the damaged file holds beyond the backup are taken over as far as they can be read and their chain
    is unbroken, so that what was saved since is not lost. Nothing is deleted, and the restoring is an event itself.
    Raises StudyError if the session is sound, if another instance has it open, or if there is no sound backup.
    """
    package = open_package(folder)
    _refuse_if_sound(package, app_version)
    session, backup = package.session, package.folder / BACKUP
    lock = SessionLock(package.folder)
    try:
        data = read_plain(backup, _MOST, f"There is nothing to restore. {KEEP}")
        projection = check_session_bytes(data, package.manifest, backup).projection
        data = _continued(data, projection, session)
        kept = _exchange(session, data)
    except OSError as error:
        what = f"The backup could not be put in place ({error.strerror})."
        raise StudyError(what, file=session, remedy=KEEP) from error
    finally:
        lock.release()
    with SessionStore.open(session, package.manifest, app_version=app_version) as store:
        store.record_restored(kept.name)
    return kept


def _refuse_if_sound(package: Package, app_version: str) -> None:
    try:
        SessionStore.open(package.session, package.manifest, app_version=app_version).close()
    except DamagedSessionError:
        return
    raise StudyError("The session is sound; there is nothing to restore.", file=package.session)


def _continued(backup: bytes, projection: Projection, session: Path) -> bytes:
    """The backup with what can be proved of the damaged file: events whose chain goes on from the backup's last."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(backup)
        for event in _readable_events(session):
            if event.seq <= projection.last.seq:
                continue
            if event.prev_hash != projection.last.hash or event.hash != event_hash(event):
                break
            try:
                projection = projection.after([event])
            except FormatError:
                break
            write_event(connection, event, projection.answers)
        return connection.serialize()


def _readable_events(session: Path) -> Iterator[Event]:
    """The damaged file's events up to the first that cannot be read."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(read_plain(session, _MOST, KEEP))
            connection.execute("PRAGMA trusted_schema = OFF")
            yield from read_events(connection)
        except (ValueError, sqlite3.Error, StudyError):
            return


def _exchange(session: Path, data: bytes) -> Path:
    """Give the damaged file, and its journal, names of their own, and put a sound one in its place.

    By renaming, as what a disk cannot read any more cannot be copied. The sound one is on the disk before.
    """
    name = f"session.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.sqlite"
    kept, draft = session.with_name(name), session.with_name(f".{name}.part")
    write_whole(draft, data)
    for suffix in ("-journal", ""):
        if (path := session.with_name(session.name + suffix)).exists():
            path.rename(kept.with_name(name + suffix))
    draft.rename(session)
    flush_folder(session.parent)
    return kept
