"""Whether a SQLite file has exactly the tables, keys and triggers that a version makes, and nothing of others."""

import sqlite3
from functools import cache
from typing import Any

from sqlalchemy import Connection, create_engine

from reader_app.session.canonical import FormatError
from study_admin import migrations

Structure = frozenset[tuple[Any, ...]]


def check_structure(connection: Connection, version: int) -> None:
    """Raise FormatError for a view or trigger that isn't ours, and for a table that was made otherwise."""
    try:
        found = _structure(connection)
    except sqlite3.OperationalError as error:
        raise FormatError("its tables cannot be read") from error
    if found != _expected(str(migrations.FOLDER), version):
        raise FormatError("its tables were altered")


@cache
def _expected(_folder: str, version: int) -> Structure:
    with create_engine("sqlite://").begin() as connection:
        migrations.upgrade(connection, version)
        return _structure(connection)


def _structure(connection: Connection) -> Structure:
    """Names, columns, references and the text of triggers; the text of tables depends on who wrote it."""
    things = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_schema").all()
    tables = [name for kind, name, _, _ in things if kind == "table"]
    facts: list[tuple[Any, ...]] = [
        (kind, name, table, sql if kind == "trigger" else "") for kind, name, table, sql in things
    ]
    for pragma in ("pragma_table_xinfo", "pragma_foreign_key_list", "pragma_index_list"):
        for table in tables:
            rows = connection.exec_driver_sql(f"SELECT * FROM {pragma}(?)", (table,))
            facts += [(pragma, table, *row) for row in rows]
    return frozenset(facts)
