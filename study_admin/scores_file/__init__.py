"""A file of scores that came from anywhere, as paired scores: the tables of Blindread, and others by a mapping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmentation.errors import StudyError
from study_admin.scores_file.cells import read_cells
from study_admin.scores_file.columns import layout, mapping_of
from study_admin.scores_file.readings import readings
from study_admin.statistics.pairs import Pairs, pairs

__all__ = ["ScoresFile", "mapping_of", "read_scores"]

SCALE = (0, 10)  # of the paper's study, and the least surprise elsewhere
_WIDEST = 1000  # points; weighted kappa has a table of all levels


@dataclass(frozen=True, eq=False)
class ScoresFile:
    """Scores and how they were read. Differences are the second arm minus the first.

    `shape` is long (one row a score) or wide (one row a reading); `sha256` is of the file; `notes` are sentences about
    what was read in a way that a reader should know.
    """

    name: str
    pairs: Pairs
    scale: tuple[int, int]
    shape: str
    sha256: str
    notes: tuple[str, ...]

    @property
    def arms(self) -> tuple[str, str]:
        return self.pairs.arms


def read_scores(
    path: Path,
    columns: Mapping[str, str] | None = None,
    scale: tuple[int, int] | None = None,
    arms: Sequence[str] | None = None,
) -> ScoresFile:
    """The paired scores of a table: CSV (comma, semicolon, tab), a workbook of Excel, or a file of SPSS.

    Blindread's long.csv and wide_pairs.csv are known by their columns; `columns` maps roles to other names. `arms` are
    the first and the second, of those in the table; without it, in the order in which it has them. The scale goes from
    0 to 10 unless it is given. Raises StudyError, with lines and the remedy, for all that can't be read as it stands.
    """
    is_given, scale = scale is not None, scale or SCALE
    if not 0 < scale[1] - scale[0] <= _WIDEST:
        what = f"A scale from {scale[0]} to {scale[1]} has {'no' if scale[0] >= scale[1] else 'too many'} levels."
        remedy = f"Give the lowest and then the highest score, at most {_WIDEST} apart, such as --scale 0 10."
        raise StudyError(what, remedy=remedy)
    cells = read_cells(path)
    plan = layout(cells, columns or {}, arms)
    found, both, notes = readings(cells, plan, scale)
    has_groups = "group" in plan.places
    table = pairs(
        [one.reader for one in found], [one.exam for one in found], [one.first for one in found],
        [one.second for one in found], group=[one.group for one in found] if has_groups else None,
        position=[one.position for one in found], seconds=[one.seconds for one in found],
        side_of_first=[one.side_of_first for one in found], arms=both,
    )  # fmt: skip
    told = (*cells.notes, *plan.notes, *notes)
    if not is_given:
        told += _doubts(table)
    if arms is None:
        told += (f"The table has {both[0]} before {both[1]}, so the difference is {both[1]} minus {both[0]}.",)
    if not has_groups:
        told += ("The table names no groups: readers and exams that hang together by readings are taken as one group.",)
    return ScoresFile(path.name, table, scale, plan.shape, cells.sha256, told)


def _doubts(table: Pairs) -> tuple[str, ...]:
    """A study from 1 to 5 reads well from 0 to 10, and all that knows of the scale's ends would be wrong."""
    given = [score for score in (*table.first, *table.second) if not np.isnan(score)]
    if not given or max(given) > SCALE[1] / 2:
        return ()
    return (
        f"No score is above {max(given):g}, though the scale is taken to go from {SCALE[0]} to {SCALE[1]}; if it is "
        "another, give it, such as --scale 1 5.",
    )
