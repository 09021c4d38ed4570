"""The database behind a study: a SQLite file, or a PostgreSQL by URL; made, checked, upgraded, and its transactions.

Each transaction has a connection of its own, so that any thread may use a store, and a file that was moved or deleted
is missed at the next step. Writers stand in a queue from the beginning of their transaction.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from segmentation.errors import StudyError
from study_admin import migrations
from study_admin.database.errors import as_study_error
from study_admin.database.sqlite_file import (
    IN_USE,
    back_up,
    check_file,
    check_header,
    check_version,
    draft_of,
    file_engine,
    upgrade_file,
)
from study_admin.schema import APPLICATION_ID


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
            database = cls(_server_engine(place), _shown(place))
            with database.writing() as connection:
                if migrations.version_of(connection):
                    remedy = "Make a new database for this one."
                    raise StudyError("This database holds a study already.", file=database.name, remedy=remedy)
                migrations.upgrade(connection, migrations.newest())
                yield connection
            return
        with draft_of(place) as draft, cls(file_engine(draft), str(place)).writing() as connection:
            upgrade_file(connection)
            yield connection

    @classmethod
    def open(cls, where: str | Path) -> Self:
        """The database of a study, checked, and brought to the newest version: a file after a backup of it.

        What isn't ours, is of a newer version, or is damaged stays as it is, to the byte.
        """
        place = as_place(where)
        if isinstance(place, URL):
            database = cls(_server_engine(place), _shown(place))
        else:
            check_header(place)
            database = cls(file_engine(place), str(place))
        with database.reading() as connection:
            version = database._version(connection, place)
        if version < migrations.newest():
            with database.writing() as connection:
                database._upgrade(connection, place)
        return database

    def _version(self, connection: Connection, place: Path | URL) -> int:
        if isinstance(place, Path):
            return check_file(connection, place)
        return check_version(migrations.version_of(connection), self.name)

    def _upgrade(self, connection: Connection, place: Path | URL) -> None:
        version = self._version(connection, place)  # again: another program may have been quicker
        if version == migrations.newest():
            return
        if isinstance(place, Path):
            back_up(connection, place, version)
            upgrade_file(connection)
        else:
            migrations.upgrade(connection, migrations.newest())

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
        is_file = self._engine.dialect.name == "sqlite"
        options = {"begin": begin} if is_file else {"isolation_level": isolation}
        try:
            with IN_USE if is_file else nullcontext(), self._engine.execution_options(**options).begin() as connection:
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
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database and url.database != ":memory:":
        return Path(url.database).absolute()
    if url.get_backend_name() == "postgresql":
        return url
    remedy = "Use a SQLite file or a PostgreSQL server; the history is safe from changes in these two."
    raise StudyError("A study can't be kept in this kind of database.", file=_shown(url), remedy=remedy)


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


# --- PostgreSQL ---


def _server_engine(url: URL) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        what = f"The program that speaks with this database is not installed ({error})."
        raise StudyError(what, file=_shown(url), remedy="Install psycopg and write postgresql+psycopg://…") from error


def _queue(connection: Connection) -> None:
    """Wait until no other writes; the lock's number is ours by convention, as an application_id is."""
    connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID:d})")
