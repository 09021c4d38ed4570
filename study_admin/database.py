"""The database behind a study: a SQLite file, or a PostgreSQL by URL; made, checked, upgraded, and its transactions.

Each transaction has a connection of its own, so that any thread may use a store and a file that was moved or deleted
is missed at the next step. Writers stand in a queue from the beginning of their transaction.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from reader_app.session.canonical import FormatError
from reader_app.session.files import flush_folder, write_whole
from segmentation.errors import StudyError
from study_admin import migrations
from study_admin.database_errors import NOT_OURS, as_study_error, damaged
from study_admin.schema import APPLICATION_ID
from study_admin.structure import check_structure

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


class Database:
    """Where a study is stored. `create` and `open` raise StudyError for all that can be wrong with the place."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name  # for messages: the path, or the URL without its password
        self._engine = engine

    @classmethod
    @contextmanager
    def create(cls, where: str | Path) -> Iterator[Connection]:
        """The one transaction in which a new database gets its tables and first rows; whole or not at all."""
        place = as_place(where)
        if isinstance(place, URL):
            with cls(*_server(place)).writing() as connection:
                _refuse_a_second_study(connection, _shown(place))
                migrations.upgrade(connection, migrations.newest())
                yield connection
            return
        if place.exists():
            raise StudyError("There is a file already.", file=place, remedy="Choose another name or folder.")
        with _draft_of(place) as draft, cls(_engine_of(draft), str(place)).writing() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            _upgrade_file(connection)
            yield connection

    @classmethod
    def open(cls, where: str | Path) -> Self:
        """The database of a study, checked, and brought to the newest version with a backup of the file before.

        What isn't ours, is of a newer version, or is damaged stays as it is, to the byte.
        """
        place = as_place(where)
        database = cls(*_server(place)) if isinstance(place, URL) else cls(_engine_of(place), str(place))
        if isinstance(place, Path):
            _check_header(place)
            with database.reading() as connection:
                version = _check_file(connection, place)
        else:
            with database.reading() as connection:
                version = _check_version(migrations.version_of(connection), database.name)
        if version < migrations.newest():
            with database.writing() as connection:
                database._upgrade(connection, place)
        return database

    def _upgrade(self, connection: Connection, place: Path | URL) -> None:
        if isinstance(place, URL):
            migrations.upgrade(connection, migrations.newest())
            return
        version = _check_file(connection, place)  # again: another program may have been quicker
        if version < migrations.newest():
            _back_up(connection, place, version)
            _upgrade_file(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the study."""
        with self._transaction("BEGIN", "REPEATABLE READ") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on the disk when the block has ended, and leaves nothing behind if it fails."""
        with self._transaction("BEGIN IMMEDIATE", "READ COMMITTED") as connection:
            if connection.dialect.name != "sqlite":
                _queue(connection)
            yield connection

    @contextmanager
    def _transaction(self, begin: str, isolation: str) -> Iterator[Connection]:
        is_sqlite = self._engine.dialect.name == "sqlite"
        options = {"begin": begin} if is_sqlite else {"isolation_level": isolation}
        try:
            with self._engine.execution_options(**options).begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
            raise as_study_error(error, self.name) from error


def as_place(where: str | Path) -> Path | URL:
    """A path stays one; of the URLs those of SQLite become one, and those of PostgreSQL are let pass."""
    if isinstance(where, Path) or "://" not in where:
        return Path(where).absolute()
    try:
        url = make_url(where)
    except (ArgumentError, ValueError) as error:
        remedy = "Write postgresql+psycopg://user@host/name, or the path of a .sqlite file."
        raise StudyError("This is no address of a database.", remedy=remedy) from error
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database not in (None, "", ":memory:"):
        assert url.database
        return Path(url.database).absolute()
    if url.get_backend_name() == "postgresql":
        return url
    remedy = "Use a SQLite file or a PostgreSQL server; in others the history could be changed."
    raise StudyError("Studies are not kept in this kind of database.", file=_shown(url), remedy=remedy)


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


# --- SQLite ---


def _engine_of(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_WAIT_S)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()["begin"])


def _check_header(path: Path) -> None:
    """Whose file it is and of which version, before SQLite may touch it.

    Through SQLite and not by opening the file: to close any other handle of a file frees SQLite's locks on it
    (fcntl(2)), and another thread may be writing. "immutable" takes no locks, no journal and writes nothing.
    """
    if not path.is_file():
        raise StudyError("There is no study database.", file=path, remedy="Give the folder of a study.")
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
        try:
            ((application_id,),) = connection.execute("PRAGMA application_id")
            ((version,),) = connection.execute("PRAGMA user_version")
            ((journal,),) = connection.execute("PRAGMA journal_mode")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise as_study_error(error, str(path)) from error
    if application_id != APPLICATION_ID:
        raise StudyError("This file holds no study of Blindread.", file=path, remedy=NOT_OURS)
    _check_version(version, str(path))
    if journal == "wal":
        what = "Another program has switched this file to write-ahead logging."
        raise StudyError(what, file=path, remedy="Switch it back there with PRAGMA journal_mode = DELETE.")


def _check_version(version: int, name: str) -> int:
    if version > migrations.newest():
        what = f"This study was made by a newer Blindread (version {version} of its database)."
        raise StudyError(what, file=name, remedy="Install the current version.")
    if version < 1:
        raise StudyError("This database holds no study of Blindread.", file=name, remedy=NOT_OURS)
    return version


def _check_file(connection: Connection, path: Path) -> int:
    """Its version; StudyError unless every page is sound and the tables are those that the version makes."""
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
        raise StudyError("This file holds no study of Blindread.", file=path, remedy=NOT_OURS)
    if _check_version(version, str(path)) != migrations.version_of(connection):
        raise damaged(str(path), "the version of its tables is not that of the file")
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
        raise damaged(str(path), "its pages are not whole")
    try:
        check_structure(connection, version)
    except FormatError as error:
        raise damaged(str(path), str(error)) from error
    return version


def _upgrade_file(connection: Connection) -> None:
    version = migrations.newest()
    migrations.upgrade(connection, version)
    connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")


def _back_up(connection: Connection, path: Path, version: int) -> None:
    """Copy the file as it is; nobody can write while `connection` is in its transaction."""
    backup = path.with_name(f"{path.stem}.backup-{version:04}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{path.suffix}")
    raw: Any = connection.connection.driver_connection
    try:
        if backup.exists():
            raise FileExistsError(17, "a file of this name is there")
        write_whole(backup, raw.serialize())
    except OSError as error:
        what = f"The study has to be brought to this version, but no backup can be made ({error.strerror})."
        raise StudyError(what, file=backup, remedy="Make room for it; nothing was changed.") from error


@contextmanager
def _draft_of(path: Path) -> Iterator[Path]:
    """An empty file beside a path, which gets that name at the end, or is gone if the block fails."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        what = f"No study can be written into this folder ({error.strerror})."
        raise StudyError(what, file=path.parent, remedy="Choose a folder of your own.") from error
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        if path.exists():
            raise StudyError("There is a file already.", file=path, remedy="Choose another name or folder.")
        draft.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        what = f"The study can't be written ({error.strerror})."
        raise StudyError(what, file=path, remedy="Check the disk, then try again.") from error
    finally:
        for left in (draft, Path(f"{draft}-journal")):
            with suppress(OSError):
                left.unlink()


# --- PostgreSQL ---


def _server(url: URL) -> tuple[Engine, str]:
    try:
        return create_engine(url, poolclass=NullPool), _shown(url)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        what = f"The program that speaks with this database is not installed ({error})."
        raise StudyError(what, file=_shown(url), remedy="Install psycopg and write postgresql+psycopg://…") from error


def _queue(connection: Connection) -> None:
    """Wait until no other writes; the number is ours alone by convention, as an application_id is."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")


def _refuse_a_second_study(connection: Connection, name: str) -> None:
    if migrations.version_of(connection):
        raise StudyError("This database holds a study already.", file=name, remedy="Make a new database for this one.")
