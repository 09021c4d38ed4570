"""Obuchowski-Rockette test of a split plot on a mean score, with Hillis's degrees of freedom (row 5).

Obuchowski, Gallas & Hillis, Acad Radiol 2012;19:1508; df: Hillis, Stat Med 2007;26:596. For missing readings the
covariance of two readers' means is scaled by the exams they share; complete and balanced, it is the published formula.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs

SPLIT_PLOT = "Obuchowski-Rockette split plot, Hillis df"
_ROUNDING = 1e-14  # a mean square, relative to the sum of squares, that is none
BALANCED = "analysis of variance of the balanced split plot, Satterthwaite df"


@dataclass(frozen=True)
class SplitPlot:
    """The estimate is the mean of the readers' means. `readers_shared` is Jt, the mean size of a reader's group."""

    test: Estimate
    ms_reader_in_group: float
    covariance_between_readers: float
    readers_shared: float


@dataclass(frozen=True)
class BalancedAnova:
    """Mean squares of a complete and balanced split plot (marginal-mean ANOVA: Hillis, Stat Med 2014;33:330)."""

    test: Estimate
    ms_group: float
    ms_reader: float
    ms_exam: float
    ms_error: float


def split_plot(pairs: Pairs, values: Array | None = None) -> SplitPlot | NotEstimable:
    """SE^2 = (MS + Jt max(cov, 0)) / R, df = (MS + Jt max(cov, 0))^2 / (MS^2 / (R - G)).

    `values`, one for each complete pair, stand in for the differences: an arm's own scores give its clustered SE.
    """
    table = pairs.complete
    d = table.difference if values is None else values
    readers, groups = len(table.readers), len(table.groups)
    if readers <= groups:
        return NotEstimable(SPLIT_PLOT, "no group has more than one reader with both scores")
    means = np.bincount(table.reader, d) / np.bincount(table.reader)
    group = table.group_of_reader
    sizes = np.bincount(group)
    within = means - (np.bincount(group, means) / sizes)[group]
    ms = float(within @ within) / (readers - groups)
    if ms <= _ROUNDING * max(float(d @ d), 1e-300):
        return NotEstimable(SPLIT_PLOT, "the means of the readers of a group are all equal")
    covariances = _covariances(table, d)
    if not len(covariances):
        return NotEstimable(SPLIT_PLOT, "no two readers of a group share two exams")
    covariance = float(np.mean(covariances))
    shared = float(sizes @ sizes) / readers
    total = ms + shared * max(covariance, 0.0)
    df = total**2 / (ms**2 / (readers - groups))
    test = t_estimate(SPLIT_PLOT, float(means.mean()), float(np.sqrt(total / readers)), df)
    return test if isinstance(test, NotEstimable) else SplitPlot(test, ms, covariance, shared)


def balanced_anova(pairs: Pairs) -> BalancedAnova | NotEstimable:
    """SE^2 = (MSR + MSC - MSE) / N where every group has the same full square of readers and exams (row 5).

    The same as `split_plot` to the last digit as long as its covariance is not negative; another road to its df.
    """
    table = pairs.complete
    groups = len(table.groups)
    readers, exams = len(table.readers) / groups, len(table.exams) / groups  # a group
    cells = np.bincount(table.group)
    if (cells != readers * exams).any() or readers < 2 or exams < 2:
        return NotEstimable(BALANCED, "the readings are not complete and balanced")
    d, n = table.difference, len(table)
    group_mean = np.bincount(table.group, d) / cells
    by_reader = np.bincount(table.reader, d) / exams - group_mean[table.group_of_reader]
    by_exam = np.bincount(table.exam, d) / readers - group_mean[table.group_of_exam]
    rest = d - group_mean[table.group] - by_reader[table.reader] - by_exam[table.exam]
    dfs = groups * np.array([readers - 1, exams - 1, (readers - 1) * (exams - 1)])
    squares = np.array([exams * by_reader @ by_reader, readers * by_exam @ by_exam, rest @ rest]) / dfs
    total = squares[0] + squares[1] - squares[2]
    if total <= 0:
        return NotEstimable(BALANCED, "the estimated variance is not positive")
    df = float(total**2 / np.sum(squares**2 / dfs))
    test = t_estimate(BALANCED, float(d.mean()), float(np.sqrt(total / n)), df)
    if isinstance(test, NotEstimable):
        return test
    between = float(np.sum(cells * (group_mean - d.mean()) ** 2)) / (groups - 1) if groups > 1 else 0.0
    return BalancedAnova(test, between, *(float(square) for square in squares))


def _covariances(table: Pairs, d: Array) -> list[float]:
    """Of the means of each two readers of a group. Readers without a common exam are independent: exactly 0."""
    found: list[float] = []
    for group in range(len(table.groups)):
        rows = table.group == group
        readers, reader = np.unique(table.reader[rows], return_inverse=True)
        exams, exam = np.unique(table.exam[rows], return_inverse=True)
        cells = np.full((len(readers), len(exams)), np.nan)
        cells[reader, exam] = d[rows]
        is_read = ~np.isnan(cells)
        counts = is_read.sum(axis=1)
        for i, k in combinations(range(len(readers)), 2):
            both = is_read[i] & is_read[k]
            common = int(both.sum())
            if common == 0:
                found.append(0.0)
            elif common > 1:
                a, b = cells[i, both], cells[k, both]
                covariance = float((a - a.mean()) @ (b - b.mean())) / (common - 1)
                found.append(covariance * common / float(counts[i] * counts[k]))
    return found
