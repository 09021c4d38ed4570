"""The cells of a table's file as text, whichever program saved it: CSV of any kind, Excel, SPSS.

Nothing is guessed: a row of another length than the header, a letter that is not UTF-8, or a file that is no table is
refused with its line.
"""

import csv
import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from segmentation.errors import StudyError
from study_admin.tables.csv_files import unguarded

SHOWN = 5  # problems that are told at once
AS_CSV = "Export the table as “CSV UTF-8 (comma delimited)”, with the names of the columns in its first line."
_SHEETS = ("wide_pairs", "long")  # of Blindread's own workbook, study.xlsx
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Cells:
    """A table as it stands in its file: every row has a cell for each column, without blanks around it.

    `lines` are the rows' places as the program that saved them counts. `has_decimal_comma`: 7,5 may stand for 7.5.
    """

    file: Path
    sha256: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    has_decimal_comma: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sheet:
    lines: Iterable[tuple[int, Sequence[str]]]  # the header's first
    has_decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def read_cells(path: Path) -> Cells:
    """The table of a .csv, .tsv, .txt, .xlsx or .sav file; StudyError, with the line, for anything else."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StudyError(f"The table can't be read ({error.strerror}).", file=path,
                         remedy="Check its name and place.") from error  # fmt: skip
    kind = path.suffix.lower()
    if kind in (".xlsx", ".xlsm"):
        sheet = _workbook(content, path)
    elif kind in (".sav", ".zsav"):
        sheet = _spss(path)
    elif kind in (".csv", ".tsv", ".tab", ".txt", ""):
        sheet = _text(content, path)
    else:
        raise StudyError(f"Files of the kind {kind} can't be read.", file=path, remedy=AS_CSV)
    return _cells(sheet, path, hashlib.sha256(content).hexdigest())


def _cells(sheet: _Sheet, path: Path, sha256: str) -> Cells:
    rows = [(line, tuple(cell.strip() for cell in cells)) for line, cells in sheet.lines]
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if not rows:
        raise StudyError("The table is empty.", file=path, remedy=AS_CSV)
    columns, width = rows[0][1], len(rows[0][1])
    odd = [(line, len(cells)) for line, cells in rows if len(cells) < width or any(cells[width:])]
    if odd:
        told = "; ".join(f"line {line} has {found}" for line, found in odd[:SHOWN])
        more = f", and so on in {len(odd) - SHOWN} more lines" if len(odd) > SHOWN else ""
        what = f"The header names {width} column{'s'[: width != 1]}, but {told}{more}."
        remedy = "A comma inside a cell needs quotes around the cell, or a semicolon between the columns."
        if width == 1:
            remedy = "The first line must hold the names of the columns: take titles and remarks above it away."
        raise StudyError(what, file=path, remedy=remedy)
    if len(rows) == 1:
        raise StudyError("The table has names of columns and no row.", file=path, remedy=AS_CSV)
    return Cells(
        file=path, sha256=sha256, columns=columns, rows=tuple(cells[:width] for _, cells in rows[1:]),
        lines=tuple(line for line, _ in rows[1:]), has_decimal_comma=sheet.has_decimal_comma, notes=sheet.notes,
    )  # fmt: skip


# --- text ---


def _text(content: bytes, path: Path) -> _Sheet:
    text = _decoded(content, path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    said = first[:4].lower() == "sep=" and first[4:] in tuple(_DELIMITERS)  # Excel's own first line
    delimiter = first[4] if said else max(_DELIMITERS, key=first.count)
    lines = list(_lines(text, delimiter, path))
    return _Sheet(lines[1:] if said else lines, has_decimal_comma=delimiter != ",")


def _decoded(content: bytes, path: Path) -> str:
    if content.startswith(b"PK\x03\x04"):
        raise StudyError("This is a workbook under the name of a text file.", file=path, remedy=AS_CSV)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StudyError(f"Line {line} is not UTF-8, so its letters can't be known.", file=path,
                         remedy=AS_CSV) from error  # fmt: skip
    if "\0" in text:
        raise StudyError("This is no text file, or not in UTF-8.", file=path, remedy=AS_CSV)
    return text


def _lines(text: str, delimiter: str, path: Path) -> Iterable[tuple[int, Sequence[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, [unguarded(cell) for cell in cells]
            line = reader.line_num + 1  # where the next one begins: a quoted cell may hold several lines
    except csv.Error as error:
        raise StudyError(f"Line {line} can't be taken apart ({error}).", file=path,
                         remedy="Check the quotes in it.") from error  # fmt: skip


# --- workbooks and files of SPSS ---


def _workbook(content: bytes, path: Path) -> _Sheet:
    """The only sheet, or Blindread's own. A formula stays a text: what it amounts to may never have been computed."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which are no data
            book = load_workbook(BytesIO(content), read_only=True)
            sheets = {sheet.title: [[_plain(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
                      for sheet in book.worksheets}  # fmt: skip
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise StudyError("The workbook can't be opened.", file=path, remedy=AS_CSV) from error
    filled = {name: rows for name, rows in sheets.items() if any(any(row) for row in rows)}
    wanted = [name for name in _SHEETS if name in filled] or list(filled)
    if not wanted:
        raise StudyError("The workbook is empty.", file=path, remedy=AS_CSV)
    if len(wanted) > 1 and wanted[0] not in _SHEETS:
        what = f"The workbook has several sheets: {', '.join(wanted)}."
        raise StudyError(what, file=path, remedy="Save the one with the scores as CSV UTF-8.")
    notes = (f"Read from the sheet {wanted[0]}.",) if len(sheets) > 1 else ()
    return _Sheet(list(enumerate(filled[wanted[0]], 1)), notes=notes)


def _spss(path: Path) -> _Sheet:
    import pyreadstat

    try:
        frame, _ = pyreadstat.read_sav(str(path))
    except (pyreadstat.ReadstatError, ValueError) as error:
        raise StudyError("The file of SPSS can't be opened.", file=path, remedy=AS_CSV) from error
    rows = [[_plain(cell) for cell in row] for row in frame.astype(object).to_numpy().tolist()]
    return _Sheet([(0, [str(name) for name in frame.columns]), *enumerate(rows, 1)])  # numbered as SPSS does


def _plain(cell: Any) -> str:
    """7.0 is 7, as numbers of both programs are floats; what is missing is empty."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)
