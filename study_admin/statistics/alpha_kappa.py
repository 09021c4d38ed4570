"""Chance-corrected agreement on the scale of scores: Krippendorff's alpha and weighted kappa."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from study_admin.statistics.estimates import Interval, NotEstimable

Matrix = NDArray[np.float64]  # exams x readers; nan: not scored
LEVELS = tuple(range(11))
DRAWS, SEED = 1000, 20200715
_FEWEST_EXAMS = 5


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha of one table of scores, twice: distances between ranks, and between points.

    The intervals are percentiles over resampled exams, readers as they are; None with fewer than 5 exams.
    """

    ordinal: float
    interval: float
    ordinal_ci95: Interval | None
    interval_ci95: Interval | None
    exams: int  # with at least two scores; others say nothing of agreement


@dataclass(frozen=True)
class WeightedKappa:
    """Cohen's weighted kappa, as the mean over all pairs of readers of a group (Light 1971)."""

    linear: float
    quadratic: float
    pairs: int
    pairs_left_out: int  # no exam in common, or both gave one and the same score throughout


def krippendorff_alpha(scores: Matrix) -> Alpha | NotEstimable:
    """Alpha with whatever is missing (Krippendorff, "Computing Krippendorff's alpha-reliability", 2011).

    Own code: the library of that name is under the GPL, which this program is not. Checked against R.

    >>> krippendorff_alpha(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])).ordinal
    1.0
    """
    paired = scores[(~np.isnan(scores)).sum(axis=1) >= 2]
    if not len(paired):
        return NotEstimable("Krippendorff's alpha", "no exam was scored by two readers")
    levels = np.unique(paired[~np.isnan(paired)])
    if len(levels) == 1:
        return NotEstimable("Krippendorff's alpha", "every score is the same")
    counts = (paired[:, :, None] == levels).sum(axis=1).astype(float)  # exams x levels
    of_exam = counts[:, :, None] * counts[:, None, :] - np.eye(len(levels)) * counts[:, None, :]
    of_exam /= (counts.sum(axis=1) - 1)[:, None, None]
    ordinal, interval = (float(each[0]) for each in _alphas(of_exam.sum(axis=0)[None], levels))
    ordinal_ci95, interval_ci95 = _intervals(of_exam, levels)
    return Alpha(ordinal, interval, ordinal_ci95, interval_ci95, exams=len(paired))


def _alphas(coincidences: Matrix, levels: Matrix) -> tuple[Matrix, Matrix]:
    """Ordinal and interval alpha of tables x levels x levels."""
    used = coincidences.sum(axis=2)
    ranks = np.cumsum(used, axis=1) - used / 2  # of the middle of each level
    by_rank = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    by_points = np.subtract.outer(levels, levels)[None] ** 2
    ordinal, interval = (
        1 - (used.sum(axis=1) - 1) * _total(coincidences, each) / _total(used[:, :, None] * used[:, None, :], each)
        for each in (by_rank, by_points)
    )
    return ordinal, interval


def _total(weights: Matrix, distances: Matrix) -> Matrix:
    return np.asarray((weights * distances).sum(axis=(1, 2)))


def _intervals(of_exam: Matrix, levels: Matrix) -> tuple[Interval, Interval] | tuple[None, None]:
    """Draws in which all scores are the same have no alpha and are left out."""
    n = len(of_exam)
    if n < _FEWEST_EXAMS:
        return None, None
    draws = np.random.default_rng(SEED).multinomial(n, [1 / n] * n, DRAWS).astype(float)
    drawn = (draws @ of_exam.reshape(n, -1)).reshape(DRAWS, len(levels), len(levels))
    drawn = drawn[((drawn.sum(axis=2) > 0).sum(axis=1)) > 1]
    if not len(drawn):
        return None, None
    (a, b), (c, d) = (np.quantile(each, [0.025, 0.975]) for each in _alphas(drawn, levels))
    return (float(a), float(b)), (float(c), float(d))


def weighted_kappa(scores: Matrix, levels: Sequence[int] = LEVELS) -> WeightedKappa | NotEstimable:
    """Mean weighted kappa over the pairs of a group's readers, each over the exams that both scored.

    `levels` is the whole scale: levels that nobody used still count in the weights.
    """
    if not np.isin(scores[~np.isnan(scores)], levels).all():
        return NotEstimable("weighted kappa", "some scores are not levels of the scale")
    every = list(combinations(range(scores.shape[1]), 2))
    both = [scores[~np.isnan(scores[:, [i, j]]).any(axis=1)][:, [i, j]].astype(int) for i, j in every]
    pairs = [pair for pair in both if len(pair) and len(np.unique(pair)) > 1]
    if not pairs:
        return NotEstimable("weighted kappa", "no two readers have exams in common on which scores differ")
    return WeightedKappa(
        linear=_mean_kappa(pairs, levels, "linear"),
        quadratic=_mean_kappa(pairs, levels, "quadratic"),
        pairs=len(pairs),
        pairs_left_out=len(every) - len(pairs),
    )


def _mean_kappa(pairs: list[NDArray[np.int64]], levels: Sequence[int], weights: str) -> float:
    kappa: Callable[..., float] = cohen_kappa_score
    return float(np.mean([kappa(pair[:, 0], pair[:, 1], labels=levels, weights=weights) for pair in pairs]))
