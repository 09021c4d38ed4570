"""SQLite as one reader's session needs it: one connection, every commit on the disk, and failures as sentences.

The settings are measured ones: with SQLite's defaults an acknowledged score can be lost in a power cut.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reader_app.session.contents import damaged
from segmentation.errors import StudyError

_SETTINGS = (
    "locking_mode = EXCLUSIVE",  # before the first read
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "foreign_keys = ON",
    "synchronous = EXTRA",  # waits for the folder, too, once the journal is gone
    "fullfsync = ON",  # macOS: through the disk's own cache
    "checkpoint_fullfsync = ON",
    "temp_store = MEMORY",
    "mmap_size = 0",
)
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NOT_OPENED = "The session cannot be opened"
_REASONS = {
    sqlite3.SQLITE_FULL: ("the disk is full.", "Free some space, then try again."),
    sqlite3.SQLITE_READONLY: (
        "the file cannot be written, or the folder was moved.",
        "Put the folder back, or close Blindread and open the package where it is now.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the folder has vanished or cannot be written.",
        "Put the drive or the folder back, then close Blindread and open the package again.",
    ),
    sqlite3.SQLITE_BUSY: ("another program has the file open.", "Close that program, then try again."),
}


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing session for this process alone. Raises StudyError."""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise disk_error(error, path, _NOT_OPENED) from error
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")  # the lock is taken now, not at the first save
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.close()
        raise disk_error(error, path, _NOT_OPENED) from error
    except UnicodeDecodeError as error:  # SQLite quotes the damaged text in its own message
        connection.close()
        raise damaged(path, "its tables cannot be read") from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing; ends after COMMIT. A failure of the disk is a StudyError, and the connection stays usable."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise disk_error(error, path) from error
        raise


def disk_error(error: sqlite3.Error, path: Path, deed: str = "This was NOT saved") -> StudyError:
    """SQLite's failure as a sentence; its own words are added where they are all there is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code
    if code in _DAMAGE:
        return damaged(path, str(error))
    fallback = (f"the disk does not take it ({error}).", "Check the drive, then try again.")
    what, remedy = _REASONS.get(code, fallback)
    return StudyError(f"{deed}: {what}", file=path, remedy=remedy)
