"""Tables as text: UTF-8 without BOM, comma, dot, LF, an empty cell for what is missing; and a second kind for Excel.

Guard: a text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that begins
with apostrophes before such a text; `read_csv` takes one away again, so nothing is lost.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from reader_app.session.model import Scale
from segmentation.errors import StudyError
from study_admin.tables.columns import Column, Table, rows_of, table
from study_admin.tables.scores import long_columns

_GUARDED = re.compile(r"'*[=+\-@＝＋－＠]")  # full-width ones too: Excel in East Asia runs them


def write_csv(table: Table, path: Path) -> None:
    """A table for programs."""
    _write(table, path, encoding="utf-8", delimiter=",", decimal=".", end="\n")


def write_excel_csv(table: Table, path: Path) -> None:
    """A table for an Excel whose list separator is the semicolon, and so its decimal mark the comma."""
    _write(table, path, encoding="utf-8-sig", delimiter=";", decimal=",", end="\r\n")


def _write(table: Table, path: Path, *, encoding: str, delimiter: str, decimal: str, end: str) -> None:
    path.write_bytes(csv_text(table, delimiter=delimiter, decimal=decimal, end=end).encode(encoding))


def csv_text(table: Table, *, delimiter: str = ",", decimal: str = ".", end: str = "\n") -> str:
    """A table as the text of its file; for programs, unless said otherwise."""
    file = StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(table.frame.columns)
    for row in rows_of(table.frame):
        writer.writerow([_cell(row[column.name], column, decimal) for column in table.columns])
    return file.getvalue()


def _cell(value: object, column: Column, decimal: str) -> str:
    if value is None:
        return ""
    if column.is_number:
        return str(value).replace(".", decimal)
    return guarded(str(value))


def guarded(text: str) -> str:
    """Text that no spreadsheet runs.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("'tis small")
    ("'=1+1", "''=1+1", "'tis small")
    """
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text


def write_long(long: Table, scale: Scale, path: Path) -> None:
    """The long table for programs; StudyError unless it reads again as what it is, for all others follow from it."""
    write_csv(long, path)
    if not read_long(path, scale).equals(long.frame):
        what = "The long table does not read again as it was written; no table was kept."
        raise StudyError(what, file=path.name, remedy="Check the drive and try again; if it stays so, report it.")


def read_long(path: Path, scale: Scale) -> pd.DataFrame:
    """The long table as it was written, with the same types; raises StudyError for anything else."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *lines = csv.reader(file, strict=True)
    except (OSError, ValueError, csv.Error) as error:
        raise _unusable(path, f"it cannot be read ({error})") from error
    has_source = "source" in head
    columns = long_columns(("", "") if has_source else (), scale)
    names = [column.name for column in columns]
    if head != names:
        raise _unusable(path, f"its columns are not {', '.join(names)}")
    return table("long", "", columns, (_row(line, columns, path, n) for n, line in enumerate(lines, 2))).frame


def _row(line: Sequence[str], columns: Iterable[Column], path: Path, number: int) -> dict[str, object]:
    try:
        return {column.name: _value(cell, column) for column, cell in zip(columns, line, strict=True)}
    except ValueError as error:
        raise _unusable(path, f"line {number} does not fit its columns") from error


def _value(cell: str, column: Column) -> object:
    if not cell:
        return None
    if not column.is_number:
        return unguarded(cell)
    return int(cell) if column.kind == "integer" else float(cell)


def _unusable(path: Path, why: str) -> StudyError:
    remedy = "Take the long.csv that Blindread wrote; a spreadsheet that saved it may have changed it."
    return StudyError(f"This is no long table: {why}.", file=path, remedy=remedy)
