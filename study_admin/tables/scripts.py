"""The scripts beside the tables: they read the CSV files into SPSS, SAS and R, labels included."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from study_admin.tables.columns import Column, Kind, Table, rows_of
from study_admin.tables.csv_files import guarded
from study_admin.tables.wide import source_names


def spss_script(tables: Sequence[Table]) -> str:
    """import.sps: one dataset a table."""
    lines = [
        "* Reads the tables into SPSS (or PSPP); one dataset for each.",
        "* First go to the folder that holds them, for instance: CD 'C:\\study\\tables'.",
        "SET DECIMAL=DOT.",
    ]
    for table in tables:
        lines += ["", *_spss_table(table)]
    lines += ["", f"DATASET ACTIVATE {tables[0].name}."]
    return "\n".join(lines) + "\n"


def _spss_table(table: Table) -> Iterator[str]:
    yield f"GET DATA /TYPE=TXT /FILE='{table.name}.csv' /ENCODING='UTF8'"
    yield "  /ARRANGEMENT=DELIMITED /DELCASE=LINE /FIRSTCASE=2 /DELIMITERS=',' /QUALIFIER='\"'"
    yield "  /VARIABLES="
    yield from (f"    {column.name} {_spss_format(column, table)}" for column in table.columns)
    yield "  ."
    yield "VARIABLE LABELS"
    yield from (f"  {column.name} {_spss_text(column.label)}" for column in table.columns)
    yield "  ."
    for column in table.columns:
        if column.value_labels:
            yield f"VALUE LABELS {column.name}"
            yield from (f"  {value} {_spss_text(words)}" for value, words in column.value_labels.items())
            yield "  ."
    yield from (f"VARIABLE LEVEL {column.name} ({column.measure.value.upper()})." for column in table.columns)
    yield "EXECUTE."
    yield f"DATASET COPY {table.name}."  # PSPP would overwrite one that is only named


def _spss_format(column: Column, table: Table) -> str:
    if column.is_number:
        return "F8.0" if column.kind is Kind.WHOLE else "F10.3"
    return f"A{_longest(column, table)}"


def _spss_text(text: str) -> str:
    """A quoted text of at most 120 letters, which fits all limits."""
    return "'" + text[:120].replace("'", "''") + "'"


def _longest(column: Column, table: Table) -> int:
    """Bytes of the longest text of a column as its CSV file holds it, 1 at least."""
    texts = (row[column.name] for row in rows_of(table.frame[[column.name]]))
    return max((len(guarded(text).encode()) for text in texts if text is not None), default=1)


def sas_script(tables: Sequence[Table]) -> str:
    """import.sas: one data step a table; run it with SAS in a UTF-8 session."""
    scales = {tuple(c.value_labels.items()) for table in tables for c in table.columns if c.value_labels}
    lines = [
        "/* Reads the tables into SAS. Set the folder that holds them, and run SAS with -encoding utf-8. */",
        "%let folder = .;",
        "options validvarname=v7;",
    ]
    for labels in sorted(scales):
        lines += ["", "proc format;", "  value points"]
        lines += [f"    {value} = {_sas_text(words)}" for value, words in labels]
        lines += ["  ;", "run;"]
    for table in tables:
        lines += ["", *_sas_table(table)]
    return "\n".join(lines) + "\n"


def _sas_table(table: Table) -> Iterator[str]:
    yield f"data {table.name};"
    yield f'  infile "&folder./{table.name}.csv"'
    yield '    dsd dlm="," firstobs=2 truncover lrecl=32767 termstr=lf encoding="utf-8";'
    yield from _wrapped("  length", (f"{c.name} {_sas_length(c, table)}" for c in table.columns))
    yield from _wrapped("  input", (f"{c.name}{'' if c.is_number else ' $'}" for c in table.columns))
    yield "  label"
    yield from (f"    {column.name} = {_sas_text(column.label)}" for column in table.columns)
    yield "  ;"
    labelled = [column.name for column in table.columns if column.value_labels]
    if labelled:
        yield from _wrapped("  format", [*labelled, "points."])
    yield "run;"


def _sas_length(column: Column, table: Table) -> str:
    return "8" if column.is_number else f"${_longest(column, table)}"


def _sas_text(text: str) -> str:
    """In single quotes, so that & and % stay letters."""
    return "'" + text[:200].replace("'", "''") + "'"


def _wrapped(start: str, words: Iterable[str]) -> Iterator[str]:
    yield start
    yield from (f"    {word}" for word in words)
    yield "  ;"


def r_script(sources: tuple[str, ...], alpha: float, margin: float | None, *, is_blinded: bool = False) -> str:
    """analysis.R, for these two sources, the first one first."""
    first, second = source_names(sources)
    note = "The study is still blinded: these are sides, and say nothing of the methods." if is_blinded else ""
    script = (files("study_admin.tables") / "analysis.R").read_text(encoding="utf-8")
    for name, value in {
        "FIRST": first,
        "SECOND": second,
        "NOTE": note,
        "ALPHA": repr(alpha),
        "MARGIN": "NA" if margin is None or is_blinded else repr(margin),
    }.items():
        script = script.replace(f"@{name}@", value)
    return "\n".join(line.rstrip() for line in script.splitlines()) + "\n"
