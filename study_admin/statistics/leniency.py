"""Who scores high and who scores low: readers beside those of their own group, who read the same exams."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.crossed import crossed
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.pairs import Pairs

METHOD = "leniency, from the mixed model of mean scores with groups fixed"
Z_SCORED = "mixed model of the differences in units of each reader's SD, REML, Satterthwaite df"


@dataclass(frozen=True)
class Leniency:
    """In points; compare inside a group only, as groups read different exams."""

    raw: Mapping[str, float]  # the reader's mean score minus that of the group
    shrunken: Mapping[str, float] | NotEstimable  # BLUP of the reader, exams taken into account
    z_scored: Estimate | NotEstimable  # the primary test, with every reader's scale stretched to the same SD
    without_scale: tuple[str, ...]  # readers who gave one score throughout: not in `z_scored`


def leniency(pairs: Pairs) -> Leniency | NotEstimable:
    """Over the mean of both arms' scores, complete pairs (statistics.md, row 18)."""
    table = pairs.complete
    if not len(table):
        return NotEstimable(METHOD, "no reading has both scores")
    mean = (table.first + table.second) / 2
    by_reader = np.bincount(table.reader, mean) / np.bincount(table.reader)
    by_group = np.bincount(table.group, mean) / np.bincount(table.group)
    raw = by_reader - by_group[table.group_of_reader]
    z_scored, without_scale = _z_scored(table)
    return Leniency(dict(zip(table.readers, map(float, raw), strict=True)), _shrunken(table), z_scored, without_scale)


def _shrunken(table: Pairs) -> Mapping[str, float] | NotEstimable:
    if len(table.readers) <= len(table.groups):
        return NotEstimable(METHOD, "no group has more than one reader")
    x = np.eye(len(table.groups))[table.group]
    model = crossed(METHOD, (table.first + table.second) / 2, x, {"reader": table.reader, "exam": table.exam})
    if isinstance(model, NotEstimable):
        return model
    if "reader" not in model.factors:
        return NotEstimable(METHOD, "readers have one reading each")
    effects = model.fit.effects(model.factors.index("reader"))
    return dict(zip(table.readers, map(float, effects), strict=True))


def _z_scored(table: Pairs) -> tuple[Estimate | NotEstimable, tuple[str, ...]]:
    scores = [np.concatenate([table.first[mine], table.second[mine]]) for mine in _readings(table)]
    sd = np.array([float(each.std(ddof=1)) for each in scores])
    without = tuple(name for name, spread in zip(table.readers, sd, strict=True) if spread == 0)
    left = table.where(sd[table.reader] > 0)
    if len(left.readers) < 2:
        return NotEstimable(Z_SCORED, "fewer than two readers gave scores that differ"), without
    z = left.difference / sd[sd > 0][left.reader]
    model = crossed(Z_SCORED, z, np.ones((len(left), 1)), {"reader": left.reader, "exam": left.exam})
    return (model if isinstance(model, NotEstimable) else model.contrast([1.0])), without


def _readings(table: Pairs) -> list[np.ndarray]:
    return [table.reader == code for code in range(len(table.readers))]
