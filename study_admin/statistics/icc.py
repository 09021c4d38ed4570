"""Intraclass correlations of readers who all scored the same exams, with their F intervals.

Shrout and Fleiss, Psychol Bull 1979;86:420; intervals as in McGraw and Wong, Psychol Methods 1996;1:30.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from study_admin.statistics.estimates import Interval, NotEstimable

Matrix = NDArray[np.float64]  # exams x readers; nan: not scored
ALPHA = 0.05
METHOD = "intraclass correlation"


@dataclass(frozen=True)
class Coefficient:
    """A coefficient and its 95 % confidence interval."""

    estimate: float
    ci95: Interval


@dataclass(frozen=True)
class IntraclassCorrelations:
    """Agreement of one group's readers over the exams that all of them scored.

    (2, .) is absolute agreement with readers seen as a sample, (3, .) consistency of just these readers; (., 1) is
    about one reader's score, (., k) about the mean of all k readers.
    """

    exams: int
    exams_left_out: int  # not scored by every reader
    readers: int
    icc_2_1: Coefficient
    icc_2_k: Coefficient | NotEstimable
    icc_3_1: Coefficient
    icc_3_k: Coefficient | NotEstimable
    f: float
    df1: float
    df2: float


@dataclass(frozen=True)
class _MeanSquares:
    """Two-way table without repeats: n exams, k readers."""

    n: int
    k: int
    exams: float
    readers: float
    error: float


def intraclass_correlations(scores: Matrix) -> IntraclassCorrelations | NotEstimable:
    """The four coefficients of one group, from exams x readers. Exams with a missing score are left out."""
    complete = scores[~np.isnan(scores).any(axis=1)]
    n, k = complete.shape
    if k < 2:
        return NotEstimable(METHOD, "the group has fewer than two readers")
    if n < 2:
        return NotEstimable(METHOD, "fewer than two exams were scored by all readers of the group")
    ms = _mean_squares(complete)
    if ms.error <= 1e-12:
        return NotEstimable(
            METHOD, "the readers' scores differ by a constant only, so that there is no error to compare with"
        )
    if ms.exams <= 1e-12:
        return NotEstimable(METHOD, "all exams have the same mean score")
    df1, df2 = n - 1, (n - 1) * (k - 1)
    agreement, consistency = _agreement(ms), _consistency(ms)
    return IntraclassCorrelations(
        exams=n,
        exams_left_out=len(scores) - n,
        readers=k,
        icc_2_1=agreement,
        icc_2_k=_of_mean(agreement, k),
        icc_3_1=consistency,
        icc_3_k=_of_mean(consistency, k),
        f=ms.exams / ms.error,
        df1=df1,
        df2=df2,
    )


def _mean_squares(scores: Matrix) -> _MeanSquares:
    n, k = scores.shape
    mean, by_exam, by_reader = scores.mean(), scores.mean(axis=1), scores.mean(axis=0)
    residuals = scores - by_exam[:, None] - by_reader[None, :] + mean
    return _MeanSquares(
        n=n,
        k=k,
        exams=float(k * ((by_exam - mean) ** 2).sum() / (n - 1)),
        readers=float(n * ((by_reader - mean) ** 2).sum() / (k - 1)),
        error=float((residuals**2).sum() / ((n - 1) * (k - 1))),
    )


def _consistency(ms: _MeanSquares) -> Coefficient:
    """ICC(3,1); its interval is exact: F over a quantile of F."""
    df1, df2 = ms.n - 1, (ms.n - 1) * (ms.k - 1)
    f = ms.exams / ms.error
    low = f / f_distribution.isf(ALPHA / 2, df1, df2)
    high = f * f_distribution.isf(ALPHA / 2, df2, df1)
    icc, low, high = (float((x - 1) / (x + ms.k - 1)) for x in (f, low, high))
    return Coefficient(icc, (low, high))


def _agreement(ms: _MeanSquares) -> Coefficient:
    """ICC(2,1); readers' variance takes part, so that the second df of F is Satterthwaite's (McGraw and Wong)."""
    n, k = ms.n, ms.k
    icc = (ms.exams - ms.error) / (ms.exams + (k - 1) * ms.error + k * (ms.readers - ms.error) / n)
    f_readers = ms.readers / ms.error
    own = n * (1 + (k - 1) * icc) - k * icc
    df = (n - 1) * (k - 1) * (k * icc * f_readers + own) ** 2 / ((n - 1) * k**2 * icc**2 * f_readers**2 + own**2)
    rest = k * ms.readers + (k * n - k - n) * ms.error
    down = f_distribution.isf(ALPHA / 2, n - 1, df)
    up = f_distribution.isf(ALPHA / 2, df, n - 1)
    low = n * (ms.exams - down * ms.error) / (down * rest + n * ms.exams)
    high = n * (up * ms.exams - ms.error) / (rest + n * up * ms.exams)
    return Coefficient(float(icc), (float(low), float(high)))


def _of_mean(single: Coefficient, k: int) -> Coefficient | NotEstimable:
    """The coefficient of the mean of k readers from that of one (Spearman and Brown); it has a pole at -1/(k-1)."""
    if 1 + (k - 1) * min(single.estimate, single.ci95[0]) <= 1e-12:
        return NotEstimable(METHOD, "the readers agree less than chance would have it")
    icc, low, high = (x * k / (1 + (k - 1) * x) for x in (single.estimate, *single.ci95))
    return Coefficient(icc, (low, high))
