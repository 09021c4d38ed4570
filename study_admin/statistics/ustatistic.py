"""Gallas's U-statistic variance (joint moments) of a mean, for any pattern of missing readings (row 6).

Gallas, Pennello & Myers, JOSA A 2007;24:B70; as uStat11.jointD of iMRMC. Tested by t on min(readers, exams) - 1 degrees
of freedom: with the normal distribution it is too eager (statistics.md, section 4).
"""

from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs

U_STATISTIC = "U-statistic (Gallas, joint moments), t on min(readers, exams) - 1 df"
# Rows: two readings of different readers and exams; of different readers, one exam; of one reader; the same reading
_B = np.array([[1, -1, -1, 1], [0, 1, 0, -1], [0, 0, 1, -1], [0, 0, 0, 1]], float)


@dataclass(frozen=True)
class UStatistic:
    """`moments` and `coefficients` in the order: nothing shared, same exam, same reader, same reading."""

    test: Estimate
    moments: tuple[float, float, float, float]
    coefficients: tuple[float, float, float, float]


def u_statistic(pairs: Pairs, values: Array | None = None, method: str = U_STATISTIC) -> UStatistic | NotEstimable:
    """Var = c.M, M = (B s) / (B n), c = B n / N^2 less 1 at the first, from sums and counts of squares.

    `values`, one for each complete pair, stand in for the differences.
    """
    table = pairs.complete
    d, n = table.difference if values is None else values, len(table)
    if min(len(table.readers), len(table.exams)) < 2:
        return NotEstimable(method, "it takes two readers and two exams with both scores")
    sums = _B @ _squares(table, d)
    counts = _B @ _squares(table, np.ones(n))
    if counts[0] == 0:
        return NotEstimable(method, "no two readings are of different readers and different exams")
    # A kind of pair that does not occur has no moment, and a coefficient of 0
    moments = np.divide(sums, counts, out=np.zeros(4), where=counts > 0)
    coefficients = counts / n**2 - np.array([1, 0, 0, 0])
    variance = float(coefficients @ moments)
    if not np.ptp(d):
        return NotEstimable(method, "all differences are equal")
    if variance <= 0:
        return NotEstimable(method, "the estimated variance is not positive")
    test = t_estimate(method, float(d.mean()), float(np.sqrt(variance)), min(len(table.readers), len(table.exams)) - 1)
    if isinstance(test, NotEstimable):
        return test
    return UStatistic(test, _four(moments), _four(coefficients))


def _squares(table: Pairs, d: Array) -> Array:
    """Total squared, and the sums of squared exam totals, reader totals and readings."""
    return np.array(
        [d.sum() ** 2, np.sum(np.bincount(table.exam, d) ** 2), np.sum(np.bincount(table.reader, d) ** 2), d @ d]
    )


def _four(values: Array) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in values)
    return a, b, c, d
