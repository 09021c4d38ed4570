"""Chance-corrected agreement on the scale of scores: Krippendorff's alpha and weighted kappa."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from study_admin.statistics.estimates import NotEstimable

Matrix = NDArray[np.float64]  # exams x readers; nan: not scored
LEVELS = tuple(range(11))


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha of one table of scores, twice: distances between ranks, and between points."""

    ordinal: float
    interval: float
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
    weights = 1 / (counts.sum(axis=1) - 1)
    coincidences = np.einsum("u,ua,ub->ab", weights, counts, counts) - np.diag(weights @ counts)
    used = coincidences.sum(axis=1)
    ranks = np.cumsum(used) - used / 2  # of the middle of each level
    return Alpha(
        ordinal=_alpha(coincidences, used, np.subtract.outer(ranks, ranks) ** 2),
        interval=_alpha(coincidences, used, np.subtract.outer(levels, levels) ** 2),
        exams=len(paired),
    )


def _alpha(coincidences: Matrix, used: Matrix, distances: Matrix) -> float:
    observed = (coincidences * distances).sum()
    expected = (np.outer(used, used) * distances).sum()
    return float(1 - (used.sum() - 1) * observed / expected)


def weighted_kappa(scores: Matrix, levels: Sequence[int] = LEVELS) -> WeightedKappa | NotEstimable:
    """Mean weighted kappa over the pairs of a group's readers, each over the exams that both scored.

    `levels` is the whole scale: levels that nobody used still count in the weights.
    """
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
