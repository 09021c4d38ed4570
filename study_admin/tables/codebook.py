"""The codebook: one line for each column of each table."""

from collections.abc import Iterable, Mapping

from study_admin.tables.columns import Column, Table, table

_COLUMNS = (
    Column("table", "Table, and file without its ending"),
    Column("variable", "Name of the column"),
    Column("label", "What it holds"),
    Column("type", "Type of its values", values="text; integer; decimal; time"),
    Column("unit", "Unit", missing="empty = none"),
    Column("values", "Values it can take", missing="empty = any"),
    Column("missing", "When a cell is empty"),
    Column("measure", "Level of measurement", values="nominal; ordinal; scale"),
    Column("alias", "Its name in SAS transport files", missing="empty = not in these files"),
    Column("value_labels", "Words for its values, also in those tables that are files of SPSS", missing="empty = none"),
)


def codebook(tables: Iterable[Table], transported: Iterable[str]) -> Table:
    """The codebook of these tables; `transported` names those that are also written as SAS transport files."""
    names = set(transported)
    rows = (
        _row(each.name, column, alias if each.name in names and not column.is_remark else None)
        for each in tables
        for column, alias in zip(each.columns, each.aliases, strict=True)
    )
    return table("codebook", "What the columns of all tables mean", _COLUMNS, rows)


def _row(name: str, column: Column, alias: str | None) -> Mapping[str, object]:
    labels = "; ".join(column.value_labels.values())
    return {
        "table": name,
        "variable": column.name,
        "label": column.label,
        "type": column.kind.value,
        "unit": column.unit,
        "values": column.values,
        "missing": column.missing,
        "measure": column.measure.value,
        "alias": alias,
        "value_labels": labels,
    }
