"""A study's SQLite file: told from others before it is touched, opened, backed up, made as a whole or not at all."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from reader_app.session.canonical import FormatError
from reader_app.session.files import flush_folder, write_whole
from segmentation.errors import StudyError
from study_admin import migrations
from study_admin.database.errors import damaged, no_study
from study_admin.database.structure import check_structure
from study_admin.schema import APPLICATION_ID

# Held while this process has the file open. To close one handle of a file frees SQLite's locks on it (fcntl(2)), and
# SQLite knows only of its own handles: a look at the header would let others into a transaction of another thread.
IN_USE = RLock()
_WAIT_S = 10.0
_SETTINGS = (
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "foreign_keys = ON",
    "synchronous = EXTRA",  # waits for the folder, too, once the journal is gone
    "fullfsync = ON",  # macOS: through the disk's own cache
    "temp_store = MEMORY",
    "mmap_size = 0",
)


def file_engine(path: Path) -> Engine:
    """Connections to an existing file. What a transaction begins with is in its execution option "begin"."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_WAIT_S)
        try:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()["begin"])


def check_header(path: Path) -> None:
    """Whose file it is and of which version, from its first 100 bytes; StudyError if not ours, or too new.

    Before SQLite sees the file, which would follow a journal that lies beside it.
    """
    if not path.is_file():
        raise StudyError("There is no study database.", file=path, remedy="Give the folder of a study.")
    try:
        with IN_USE, path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        what = f"The study database can't be read ({error.strerror})."
        raise StudyError(what, file=path, remedy="Allow reading and writing it, or copy it elsewhere.") from error
    if not header.startswith(b"SQLite format 3\0") or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise no_study(str(path))
    check_version(int.from_bytes(header[60:64], "big"), str(path))
    if header[18:20] != b"\1\1":
        what = "Another program has switched this file to write-ahead logging."
        raise StudyError(what, file=path, remedy="Switch it back there with PRAGMA journal_mode = DELETE.")


def check_version(version: int, name: str) -> int:
    """The version, if this program can read or upgrade it."""
    if version > migrations.newest():
        what = f"This study was made by a newer Blindread (version {version} of its database)."
        raise StudyError(what, file=name, remedy="Install the current version.")
    if version < 1:
        raise no_study(name)
    return version


def check_file(connection: Connection, path: Path) -> int:
    """Its version; StudyError unless every page is sound and the tables are those that the version makes."""
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
        raise no_study(str(path))
    version = check_version(int(connection.exec_driver_sql("PRAGMA user_version").scalar_one()), str(path))
    try:
        check_structure(connection, version)
    except FormatError as error:
        raise damaged(str(path), str(error)) from error
    if migrations.version_of(connection) != version:
        raise damaged(str(path), "the version of its tables is not that of the file")
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
        raise damaged(str(path), "its pages are not whole")
    return version


def upgrade_file(connection: Connection) -> None:
    """Bring an empty file, or an older one, to the newest version, in the transaction that `connection` is in."""
    version = migrations.newest()
    migrations.upgrade(connection, version)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID:d}")
    connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")


def back_up(connection: Connection, path: Path, version: int) -> None:
    """Copy the file as it is; nobody else can write, since `connection` is in a writing transaction."""
    backup = path.with_name(f"{path.stem}.backup-{version:04}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{path.suffix}")
    raw: Any = connection.connection.driver_connection
    try:
        write_whole(backup, raw.serialize())
    except OSError as error:
        what = f"The study has to be brought to this version, but no backup can be made ({error.strerror})."
        raise StudyError(what, file=backup, remedy="Make room for it; nothing was changed.") from error


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """An empty file beside a path, which gets that name at the end, or is gone if the block fails."""
    _refuse_to_replace(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        what = f"No study can be written into this folder ({error.strerror})."
        raise StudyError(what, file=path.parent, remedy="Choose a folder of your own.") from error
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        _refuse_to_replace(path)
        draft.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        what = f"The study can't be written ({error.strerror})."
        raise StudyError(what, file=path, remedy="Check the disk, then try again.") from error
    finally:
        for left in (draft, Path(f"{draft}-journal")):
            with suppress(OSError):
                left.unlink()


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise StudyError("There is a file already.", file=path, remedy="Choose another name or folder.")
