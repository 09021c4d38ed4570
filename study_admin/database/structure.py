"""Whether a SQLite file has exactly the tables, keys and triggers that a version makes, and nothing of others."""

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine

from reader_app.session.canonical import FormatError
from study_admin import migrations

Structure = frozenset[tuple[Any, ...]]


def check_structure(connection: Connection, version: int) -> None:
    """Raise FormatError for a view or trigger that isn't ours, and for a table that was made otherwise.

    Asks the schema only, so that nothing of what stands there runs.
    """
    if _structure(connection) != _expected(migrations.FOLDER, version):
        raise FormatError("its tables were altered")


@cache
def _expected(_folder: Path, version: int) -> Structure:
    with create_engine("sqlite://").begin() as connection:
        migrations.upgrade(connection, version)
        return _structure(connection)


def _structure(connection: Connection) -> Structure:
    """Everything by its text, but Alembic's own table by its columns: its text is Alembic's to choose."""
    own = migrations.VERSION_TABLE
    things = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_schema").all()
    columns = connection.exec_driver_sql(f"PRAGMA table_xinfo({own})").all()
    return frozenset(tuple(row) for row in [*(thing for thing in things if thing.name != own), *columns])
