"""Tables as the files of statistics programs: SPSS, SAS transport, Parquet, and a workbook of all."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyreadstat
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from study_admin.tables.columns import Kind, Table, rows_of

_SPSS_FORMATS = {Kind.WHOLE: "F8.0", Kind.DECIMAL: "F10.3"}
_WIDEST_CELL = 50


def write_sav(table: Table, path: Path) -> None:
    """An SPSS file, labels and levels of measurement included; also what JASP and jamovi open best."""
    pyreadstat.write_sav(
        _plain(table),
        path,
        file_label=table.label[:64],
        column_labels={column.name: column.label for column in table.columns},
        variable_value_labels={c.name: dict(c.value_labels.items()) for c in table.columns if c.value_labels},
        variable_measure={column.name: column.measure.value for column in table.columns},
        variable_format={column.name: _SPSS_FORMATS[column.kind] for column in table.columns if column.is_number},
    )


def write_xpt(table: Table, path: Path, member: str) -> None:
    """A SAS transport file of version 5, which everything reads: 8-letter names, texts of 200 bytes, so no remarks."""
    kept = [(c, alias) for c, alias in zip(table.columns, table.aliases, strict=True) if not c.is_remark]
    frame = _plain(table)[[column.name for column, _ in kept]]
    for column, _ in kept:
        if not column.is_number:
            frame[column.name] = [_cut(text, 200) for text in frame[column.name]]
    frame.columns = pd.Index([alias for _, alias in kept])
    labels: dict[str, str | None] = {alias: _cut(column.label, 40) for column, alias in kept}
    pyreadstat.write_xport(
        frame, path, file_label=table.label[:40], column_labels=labels, table_name=member, file_format_version=5
    )


def _cut(text: str, longest: int) -> str:
    """At most so many bytes of UTF-8."""
    return text.encode()[:longest].decode(errors="ignore")


def _plain(table: Table) -> pd.DataFrame:
    """Floats with nan and texts with '' for what is missing: the only missing values that these formats know."""
    series = {
        column.name: table.frame[column.name].astype("float64")
        if column.is_number
        else table.frame[column.name].fillna("").astype(object)
        for column in table.columns
    }
    return pd.DataFrame(series)


def write_parquet(table: Table, path: Path) -> None:
    """For Python, R's arrow and DuckDB: the types of the codebook, nulls for what is missing."""
    table.frame.to_parquet(path, engine="pyarrow", index=False)


def write_workbook(tables: Sequence[Table], path: Path) -> None:
    """One sheet a table. Texts are texts, whatever they begin with: no cell is a formula, also after an edit."""
    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table.name)
        sheet.freeze_panes = "A2"
        lines = rows_of(table.frame)
        for number, column in enumerate(table.columns, 1):
            longest = max((len(str(line[column.name])) for line in lines), default=0)
            width = min(max(longest, len(column.name)) + 2, _WIDEST_CELL)
            sheet.column_dimensions[get_column_letter(number)].width = width
        sheet.append([_text(sheet, column.name, is_bold=True) for column in table.columns])
        for line in lines:
            values = (line[column.name] for column in table.columns)
            sheet.append([_text(sheet, value) if isinstance(value, str) else value for value in values])
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{len(lines) + 1}"
    book.save(path)


def _text(sheet: WriteOnlyWorksheet, text: str, *, is_bold: bool = False) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    if is_bold:
        cell.font = Font(bold=True)
    return cell
