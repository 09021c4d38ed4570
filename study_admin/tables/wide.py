"""Score tables of other shapes. All of them follow from the long table alone, so also from a long.csv read back."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reader_app.session.model import Scale
from study_admin.tables.columns import Column, Table, rows_of, table, unique_names
from study_admin.tables.scores import EXAM, GROUP, POSITION, READER, SECONDS, score_column

_KEY, _EXAM_HEAD = ("reader", "exam"), ("exam", "group")
_LONGEST_SHEET = 31  # letters in the name of a sheet of Excel
_PAIRS_LABEL = "One row a reading; a score may be empty"  # whole in SAS, which takes 40 letters


def sources_of(long: pd.DataFrame) -> tuple[str, ...]:
    """What is compared, the first one first: the arms, or the sides while the study is blinded."""
    return tuple(long["source"].unique()) if "source" in long else ("A", "B")


def source_names(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The sources as parts of names of variables and files."""
    return unique_names(sources, longest=_LONGEST_SHEET - len("wide_raters_"))


def score_tables(long: pd.DataFrame, scale: Scale) -> tuple[Table, ...]:
    """wide_pairs, and one wide_raters for each arm or side."""
    raters = (wide_raters(long, scale, source) for source in sources_of(long))
    return (wide_pairs(long, scale), *raters)


def wide_pairs(long: pd.DataFrame, scale: Scale) -> Table:
    """One row a reading that was due, for paired tests: the shape of the reference set in statistics.md.

    A score that is missing is empty, so that nobody takes the readings of this table for all that have both.
    """
    sources = sources_of(long)
    names = source_names(sources)
    is_blinded = "source" not in long
    side = Column(f"side_of_{names[0]}", f"Side on which {sources[0]} stood (A = left viewer)", values="A; B")
    what = "the segmentation on side" if is_blinded else "the segmentation by"
    scores = (score_column(f"score_{name}", f"Score of {what} {source}", scale) for name, source in zip(
        names, sources, strict=True))  # fmt: skip
    columns = (READER, GROUP, EXAM, POSITION, *(() if is_blinded else (side,)), *scores, SECONDS)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows_of(long):
        pair = rows.setdefault(tuple(row[key] for key in _KEY), {**row, "scores": {}})
        name = names[sources.index(_source(row))]
        pair[f"score_{name}"] = row["score"]
        if not is_blinded and name == names[0]:
            pair[f"side_of_{name}"] = row["side"]
    return table("wide_pairs", _PAIRS_LABEL, columns, rows.values())


def wide_raters(long: pd.DataFrame, scale: Scale, source: str) -> Table:
    """Exams in rows, readers in columns, for agreement; empty where a reader did not read the exam."""
    readers = tuple(long["reader"].unique())
    names = dict(zip(readers, unique_names([*_EXAM_HEAD, *readers])[len(_EXAM_HEAD) :], strict=True))
    missing = "empty = not scored, or not this reader's exam"
    scores = (score_column(name, f"Score by reader {reader}", scale, missing) for reader, name in names.items())
    rows: dict[str, dict[str, Any]] = {}
    for row in rows_of(long):
        if _source(row) == source:
            line = rows.setdefault(row["exam"], dict.fromkeys(names.values()) | {key: row[key] for key in _EXAM_HEAD})
            line[names[row["reader"]]] = row["score"]
    sources = sources_of(long)
    name = "wide_raters_" + (source if "source" not in long else source_names(sources)[sources.index(source)])
    columns = (EXAM, GROUP, *scores)
    return table(name, f"Exams by readers: scores of {source}", columns, (rows[exam] for exam in sorted(rows)))


def imrmc(long: pd.DataFrame, scale: Scale) -> Table:
    """The rows with a score, under the names that iMRMC wants."""
    values = "sides, as the study is blinded" if "source" not in long else "; ".join(sources_of(long))
    columns = (
        Column("readerID", READER.label),
        Column("caseID", EXAM.label, values=EXAM.values),
        Column("modalityID", "Method that made the segmentation", values=values),
        score_column("score", "Score of the segmentation", scale, "never: rows without a score are left out"),
    )
    rows: list[Mapping[str, Any]] = [
        {"readerID": row["reader"], "caseID": row["exam"], "modalityID": _source(row), "score": row["score"]}
        for row in rows_of(long)
        if row["score"] is not None
    ]
    return table("imrmc", "The input of iMRMC", columns, rows)


def _source(row: Mapping[str, Any]) -> str:
    return str(row["source"] if "source" in row else row["side"])
