"""Exams that a reader scored more than once: how far do the scores of one reader differ from themselves?

Bland and Altman, "Measurement error", BMJ 1996;313:744.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from study_admin.statistics.estimates import Interval, NotEstimable

METHOD = "within-reader standard deviation"


@dataclass(frozen=True)
class Repeats:
    """`repeatability`: 95 of 100 pairs of scores of the same thing by the same reader lie closer together."""

    within_sd: float
    ci95: Interval  # from chi square, repeats taken as independent
    df: int
    repeatability: float
    repeated: int  # things scored more than once
    scores: int


def repeats(what: Sequence[Hashable], scores: Sequence[float]) -> Repeats | NotEstimable:
    """Within-reader SD; `what` says what each score is of: (reader, exam, arm). What was scored once is left out."""
    by_what: dict[Hashable, list[float]] = {}
    for key, score in zip(what, scores, strict=True):
        if not np.isnan(score):
            by_what.setdefault(key, []).append(score)
    again = [np.array(each) for each in by_what.values() if len(each) > 1]
    if not again:
        return NotEstimable(METHOD, "no reader scored an exam twice")
    df = sum(len(each) - 1 for each in again)
    squares = float(sum(((each - each.mean()) ** 2).sum() for each in again))
    sd = (squares / df) ** 0.5
    low, high = ((squares / float(chi2.isf(tail, df))) ** 0.5 for tail in (0.025, 0.975))
    return Repeats(sd, (low, high), df, 1.96 * 2**0.5 * sd, len(again), sum(map(len, again)))
