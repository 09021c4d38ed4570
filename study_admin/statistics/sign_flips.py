"""Exact sign-flip tests: the sign of each cluster's summed difference is a coin (row 9).

By readers it holds for these exams only, by groups for both but with few patterns; by pairs it ignores the clustering.
"""

from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.likelihood import Codes
from study_admin.statistics.pairs import Pairs

SIGN_FLIP = "exact sign flips"


@dataclass(frozen=True)
class SignFlip:
    """`statistic` is the sum of all differences; `p` is two-sided, from all 2^units patterns by convolution."""

    method: str
    units: int
    statistic: float
    p: float


def sign_flip(pairs: Pairs, units: Codes, what: str) -> SignFlip | NotEstimable:
    """Flip the complete pairs' differences together that have the same code in `units`; scores are whole numbers."""
    method = f"{SIGN_FLIP} of {what}"
    d = pairs.complete.difference
    if not len(d):
        return NotEstimable(method, "no reading has both scores")
    if np.any(d != np.round(d)):
        return NotEstimable(method, "some scores are not whole numbers")
    sums = np.bincount(units, d)
    chance = np.ones(1)
    for size in np.abs(sums).astype(int):
        shift = np.zeros(size)
        chance = (np.concatenate([chance, shift, shift]) + np.concatenate([shift, shift, chance])) / 2
    reach = len(chance) // 2
    values = np.arange(-reach, reach + 1)
    p = float(chance[np.abs(values) >= abs(round(sums.sum()))].sum())
    return SignFlip(method, len(sums), float(sums.sum()), min(p, 1.0))
