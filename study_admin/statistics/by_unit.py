"""Each reader and each group by itself: mean difference, box, t test, and p values corrected together (rows 18, 23)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.descriptives import Box, box
from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array
from study_admin.statistics.mixed import MixedDifference, mixed_difference
from study_admin.statistics.multiplicity import Adjusted, adjust
from study_admin.statistics.pairs import Pairs

READER = "t of one reader's differences"
GROUP = "t of the means of a group's readers"
_EVEN = "the differences do not vary, or there are too few"


@dataclass(frozen=True)
class Unit:
    """One reader or one group; the test of a group takes its readers as the sample."""

    name: str
    group: str
    pairs: int
    mean: float
    test: Estimate | NotEstimable
    box: Box


@dataclass(frozen=True)
class Units:
    """All readers, or all groups, with the p values of those that have one corrected together."""

    units: tuple[Unit, ...]
    adjusted: Adjusted


def by_reader(pairs: Pairs) -> Units:
    """Each reader's differences."""
    table = pairs.complete
    units = []
    for code, name in enumerate(table.readers):
        d = table.difference[table.reader == code]
        units.append(
            Unit(name, table.groups[table.group_of_reader[code]], len(d), float(d.mean()), _t(READER, d), box(d))
        )
    return _together(units)


def by_group(pairs: Pairs) -> Units:
    """Each group's differences; `mean` is of its readings, the test of its readers' means."""
    table = pairs.complete
    means = np.bincount(table.reader, table.difference) / np.bincount(table.reader)
    units = []
    for code, name in enumerate(table.groups):
        d = table.difference[table.group == code]
        test = _t(GROUP, means[table.group_of_reader == code])
        units.append(Unit(name, name, len(d), float(d.mean()), test, box(d)))
    return _together(units)


def standardised_by_reader(pairs: Pairs) -> MixedDifference | NotEstimable:
    """The primary model on differences over the SD of all of a reader's scores: each uses the scale in their own way.

    Readers whose scores are all equal have no such SD and are left out.
    """
    table = pairs.complete
    spread = np.array([_spread(table, code) for code in range(len(table.readers))])
    usable = table.where(spread[table.reader] > 0)
    names = {name: code for code, name in enumerate(table.readers)}
    own = spread[[names[name] for name in usable.readers]] if len(usable) else spread[:0]
    return mixed_difference(usable, usable.difference / own[usable.reader])


def _spread(table: Pairs, code: int) -> float:
    rows = table.reader == code
    return float(np.concatenate([table.first[rows], table.second[rows]]).std(ddof=1))


def _t(method: str, d: Array) -> Estimate | NotEstimable:
    if len(d) < 2:
        return NotEstimable(method, _EVEN)
    return t_estimate(method, float(d.mean()), float(d.std(ddof=1) / np.sqrt(len(d))), len(d) - 1)


def _together(units: list[Unit]) -> Units:
    p: Mapping[str, float] = {unit.name: unit.test.p for unit in units if isinstance(unit.test, Estimate)}
    return Units(tuple(units), adjust(p))
