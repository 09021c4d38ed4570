"""The scores as tables, and analysis.R beside them: so the main numbers of a report can be had again from R."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study_admin.statistics.pairs import Pairs
from study_admin.tables.codebook import codebook
from study_admin.tables.columns import Column, Kind, Measure, Table, table
from study_admin.tables.csv_files import csv_text
from study_admin.tables.scores import EXAM, GROUP, POSITION, READER, SECONDS
from study_admin.tables.scripts import r_script
from study_admin.tables.wide import source_names

SCRIPT, WIDE, LONG, CODEBOOK = "analysis.R", "wide_pairs.csv", "long.csv", "codebook.csv"
_OTHER = {"A": "B", "B": "A", "": ""}


def for_r(pairs: Pairs, alpha: float, margin: float | None) -> dict[str, bytes]:
    """wide_pairs.csv, and the script that reads it, by their names."""
    return {SCRIPT: r_script(pairs.arms, alpha, margin).encode(), WIDE: csv_text(_wide(pairs)).encode()}


def as_tables(pairs: Pairs) -> dict[str, bytes]:
    """long.csv, and the codebook of it and of wide_pairs.csv."""
    long = _long(pairs)
    return {LONG: csv_text(long).encode(), CODEBOOK: csv_text(codebook([long, _wide(pairs)], ())).encode()}


def _wide(pairs: Pairs) -> Table:
    first, second = source_names(pairs.arms)
    columns = (
        READER, GROUP, EXAM, _fitting(POSITION, pairs.position), _side(f"side_of_{first}", pairs.arms[0]),
        _score(f"score_{first}", f"Score of {pairs.arms[0]}", pairs.first),
        _score(f"score_{second}", f"Score of {pairs.arms[1]}", pairs.second), SECONDS,
    )  # fmt: skip
    rows = (
        {**row, f"side_of_{first}": side, f"score_{first}": a, f"score_{second}": b} for row, side, a, b in _rows(pairs)
    )
    return table("wide_pairs", "One row a reading; a score may be empty", columns, rows)


def _long(pairs: Pairs) -> Table:
    """Two rows a reading, the first arm's first."""
    columns = (
        READER, GROUP, EXAM, _fitting(POSITION, pairs.position),
        Column("source", "Method that made the segmentation", values="; ".join(pairs.arms)),
        _side("side", "the segmentation"),
        _score("score", "Score of the segmentation", np.concatenate([pairs.first, pairs.second])), SECONDS,
    )  # fmt: skip
    rows = (
        {**row, "source": arm, "side": on, "score": score}
        for row, side, a, b in _rows(pairs)
        for arm, on, score in zip(pairs.arms, (side, _OTHER[side]), (a, b), strict=True)
    )
    return table("long", "One row a score", columns, rows)


def _rows(pairs: Pairs) -> Iterator[tuple[dict[str, Any], str, float | None, float | None]]:
    """What both tables have of a reading, the first arm's side, and both scores."""
    for n in range(len(pairs)):
        row = {
            "reader": pairs.readers[pairs.reader[n]], "group": pairs.groups[pairs.group[n]],
            "exam": pairs.exams[pairs.exam[n]], "position": _known(pairs.position[n]),
            "seconds": _known(pairs.seconds[n]),
        }  # fmt: skip
        yield row, str(pairs.side_of_first[n]), _known(pairs.first[n]), _known(pairs.second[n])


def _side(name: str, what: str) -> Column:
    return Column(name, f"Side on which {what} stood", values="A; B", missing="empty = not known")


def _score(name: str, label: str, scores: NDArray[np.float64]) -> Column:
    column = Column(name, label, measure=Measure.ORDINAL, unit="points", missing="empty = not scored")
    return _fitting(column, scores)


def _fitting(column: Column, numbers: NDArray[np.float64]) -> Column:
    """A column of whole numbers, if they all are."""
    is_whole = bool(np.all(np.isnan(numbers) | (numbers == np.round(numbers))))
    return replace(column, kind=Kind.WHOLE if is_whole else Kind.DECIMAL)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
