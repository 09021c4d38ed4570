"""README.txt of a folder of tables: what is what, under which conventions, and what they were made from."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from study_admin.tables.columns import Table, one_line
from study_admin.tables.material import Material
from study_admin.tables.scores import NOT_COLLECTED

_CONVENTIONS = """\
Conventions
  CSV: UTF-8 without BOM, comma, decimal point, LF. An empty cell is missing; the codebook says what that means.
  A text that a spreadsheet would run as a formula has an apostrophe before it, in CSV files only.
  Lines of a comment are joined by " / ". Times are UTC in ISO 8601, durations seconds.
  long.csv was read again before this folder was made, and is equal to what was written; other tables follow from it.
  Practice exams are in no table. Rows of readings that were due and not scored are there, without a score: so in
  wide_pairs a row may hold one score or none.
  The seed of the draw is in no table: it is the key to the sides, and stays in the sealed key. `study-admin regenerate`
  opens that key, repeats the draw and compares it with what was sealed.
  Excel: open study.xlsx, or the files in for_excel (BOM, semicolon, decimal comma); Excel may turn other CSV files into
  dates and cut-off numbers.
  JASP, jamovi: long.sav for mixed models, wide_pairs.sav for paired tests, wide_raters_*.sav for agreement.
  SAS: the .xpt files (version 5; names of 8 letters, see "alias" in the codebook; no remarks), or import.sas.
  iMRMC: imrmc.csv."""

_FILES = (
    ("analysis.R", "the analyses of the paired scores, for R"),
    ("import.sps", "reads the score tables into SPSS or PSPP"),
    ("import.sas", "reads the score tables into SAS"),
    ("study.xlsx", "all tables and the codebook as sheets"),
    ("for_excel/", "the same CSV files as Excel wants them where the decimal mark is a comma"),
)

_LIBRARIES = ", ".join(f"{name} {version(name)}" for name in ("pandas", "pyreadstat", "openpyxl", "pyarrow"))


def readme(material: Material, tables: Sequence[Table], score_tables: Sequence[Table]) -> str:
    study, opening = material.study, material.opening
    width = max(len(table.name) for table in tables) + len(".csv")
    formats = ", ".join(table.name for table in score_tables)
    lines = [
        f"{one_line(study.title)}, version {one_line(study.version)}",
        f"Study {opening.study_id}, drawn by {opening.algorithm}; commitment {opening.commitment}",
        _state(material),
        f"Verified against the audit trail up to row {material.audit_end.seq}, hash {material.audit_end.hash}",
        *_flow(material),
        f"Significance level {study.alpha}; {_margin(study.non_inferiority_margin)}",
        "",
        "Files",
        *(f"  {table.name + '.csv':{width}}  {table.label}" for table in tables),
        *(f"  {name:{width}}  {what}" for name, what in _FILES),
        f"  .sav (SPSS, JASP, jamovi), .xpt (SAS) and .parquet: {formats}.",
        "",
        _CONVENTIONS,
        "",
        f"Made by Blindread {version('blindread')}, Python {platform.python_version()}, {_LIBRARIES}.",
    ]
    return "\n".join(lines) + "\n"


def _state(material: Material) -> str:
    if material.unblinding is None:
        return "BLINDED: the tables show sides, A and B. Nothing in them tells which method stood on which side."
    unblinding = material.unblinding
    when = f"Unblinded {unblinding.utc:%Y-%m-%d %H:%M} UTC by {one_line(unblinding.who)}"
    return when + (f", before all had signed off: {one_line(unblinding.reason)}" if unblinding.reason else "")


def _flow(material: Material) -> list[str]:
    """How much was due and came back; who has gaps, by name."""
    due, gaps, scored = len(material.readings), [], 0
    for reader in (record.code for record in material.readers):
        readings = [reading.reading_id for reading in material.readings if reading.reader == reader]
        results = material.results.get(reader)
        if results is None:
            gaps.append(f"{reader} {NOT_COLLECTED.replace('_', ' ')}")
            continue
        whole = sum(None not in (results.answers[r].a.score, results.answers[r].b.score) for r in readings)
        scored += whole
        if whole < len(readings):
            gaps.append(f"{reader} {len(readings) - whole} of {len(readings)} without both scores")
    lines = [f"Readings due {due}, with both scores {scored}."]
    return lines + ([f"Missing: {'; '.join(gaps)}."] if gaps else [])


def _margin(margin: float | None) -> str:
    return "no non-inferiority margin." if margin is None else f"non-inferiority margin {margin} points."
