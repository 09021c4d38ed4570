"""Bland-Altman: within which limits do one reader's two scores of one exam differ?

Limits from the total variance of a difference, readers and exams included. Bland and Altman, Lancet 1986;327:307; with
readers and exams random: Wen and Gallas, Stat Biopharm Res 2022;14:532.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from study_admin.statistics.crossed import crossed
from study_admin.statistics.estimates import Estimate, Interval, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.pairs import Pairs

METHOD = "limits of agreement, readers and exams random, REML"
SLOPE = "slope of the difference on the mean score"
Z = float(norm.isf(0.025))


@dataclass(frozen=True)
class LimitsOfAgreement:
    """95 % limits; `limits` is the one to read, the others stand beside it for comparison."""

    bias: float
    sd: float
    limits: Interval | NotEstimable  # bias +- 1.96 root of the REML variances of reader, exam and residual
    limits_by_moments: Interval | NotEstimable  # the same from mean squares, as iMRMC's laWRBM has them
    limits_naive: Interval  # bias +- 1.96 SD, as if differences were independent
    slope: Estimate | NotEstimable  # with readers and exams random
    slope_naive: Estimate | NotEstimable  # least squares


def limits_of_agreement(pairs: Pairs) -> LimitsOfAgreement | NotEstimable:
    """Of second minus first arm, over complete pairs."""
    table = pairs.complete
    if len(table) < 3:
        return NotEstimable(METHOD, "fewer than three readings have both scores")
    d, mean = table.difference, (table.first + table.second) / 2
    bias, sd = float(d.mean()), float(d.std(ddof=1))
    factors = {"reader": table.reader, "exam": table.exam}
    model = crossed(METHOD, d, np.ones((len(d), 1)), factors)
    total = model if isinstance(model, NotEstimable) else float(sum(model.fit.variances))
    centre = model if isinstance(model, NotEstimable) else float(model.fit.beta[0])
    by_moments = _variance_by_moments(d, table.reader, table.exam)
    return LimitsOfAgreement(
        bias=bias,
        sd=sd,
        limits=_around(centre, total),
        limits_by_moments=_around(bias, by_moments),
        limits_naive=(bias - Z * sd, bias + Z * sd),
        slope=_slope(d, mean, table),
        slope_naive=_naive_slope(d, mean),
    )


def _around(centre: float | NotEstimable, variance: float | NotEstimable) -> Interval | NotEstimable:
    if isinstance(centre, NotEstimable):
        return centre
    if isinstance(variance, NotEstimable):
        return variance
    half = Z * variance**0.5
    return centre - half, centre + half


def _slope(d: Array, mean: Array, table: Pairs) -> Estimate | NotEstimable:
    if not np.ptp(mean):
        return NotEstimable(SLOPE, "all mean scores are equal")
    x = np.column_stack([np.ones_like(d), mean])
    model = crossed(SLOPE, d, x, {"reader": table.reader, "exam": table.exam})
    return model if isinstance(model, NotEstimable) else model.contrast([0.0, 1.0])


def _naive_slope(d: Array, mean: Array) -> Estimate | NotEstimable:
    method = f"{SLOPE}, least squares"
    centred = mean - mean.mean()
    squares = float(centred @ centred)
    if not squares:
        return NotEstimable(method, "all mean scores are equal")
    slope = float(centred @ d) / squares
    rest = d - d.mean() - slope * centred
    df = len(d) - 2
    return t_estimate(method, slope, float(np.sqrt(rest @ rest / df / squares)), df, ignores_clustering=True)


def _variance_by_moments(d: Array, reader: Codes, exam: Codes) -> float | NotEstimable:
    """Variance of one difference: mean squares of readers, of exams within, and of the rest, set to what is expected.

    Henderson's third method, readers first; any pattern of missing pairs. A variance below 0 is taken as it comes.
    """
    zr, zc = (np.eye(int(codes.max()) + 1)[codes] for codes in (reader, exam))
    ones = np.full((len(d), 1), len(d) ** -0.5)
    readers, both = _basis(zr), _basis(np.hstack([zr, zc]))
    df_reader, df_exam, df_rest = readers.shape[1] - 1, both.shape[1] - readers.shape[1], len(d) - both.shape[1]
    if not (df_reader and df_exam and df_rest):
        return NotEstimable(METHOD, "readers and exams are too few, or share too little, to tell their variances apart")
    total, of_mean, of_readers, of_both = d @ d, _size(ones, d), _size(readers, d), _size(both, d)
    residual = float(total - of_both) / df_rest
    within = (_size(both, zc) - _size(readers, zc)) / df_exam
    exams = ((of_both - of_readers) / df_exam - residual) / within
    in_readers = (_size(readers, zc) - _size(ones, zc)) / df_reader
    own = (_size(readers, zr) - _size(ones, zr)) / df_reader
    readers_variance = ((of_readers - of_mean) / df_reader - residual - in_readers * exams) / own
    variance = float(residual + exams + readers_variance)
    return variance if variance > 0 else NotEstimable(METHOD, "the variances come out at 0 or below")


def _basis(z: Array) -> Array:
    """Orthonormal columns that span those of z."""
    sizes, v = np.linalg.eigh(z.T @ z)
    is_in = sizes > 1e-9 * sizes[-1]
    return np.asarray(z @ (v[:, is_in] / np.sqrt(sizes[is_in])))


def _size(basis: Array, values: Array) -> float:
    """Sum of squares of what lies in the space of the basis."""
    return float(((basis.T @ values) ** 2).sum())
