"""Effect sizes of the paired scores; there are several d, so each says which it is (row 22)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs

EFFECTS = "effect sizes"


@dataclass(frozen=True)
class EffectSizes:
    """None where a denominator is 0. Westfall's d is with the model of both scores (`mixed.BothScores`)."""

    method: str
    d_z: float | None  # mean difference / SD of the differences
    d_av: float | None  # / mean of both SDs
    d_av_pooled: float | None  # / root of the mean variance
    hedges_g: float | None  # d_av_pooled, corrected for few pairs by 1 - 3 / (4 (N - 1) - 1)
    d_rm: float | None  # d_z sqrt(2 (1 - r))
    rank_biserial: float | None  # matched pairs: (V+ - V-) / (V+ + V-), zeros dropped
    common_language: float  # P(second arm scores higher), ties half


def effect_sizes(pairs: Pairs) -> EffectSizes | NotEstimable:
    """All of them from the complete pairs (Lakens 2013; Kerby 2014; McGraw & Wong 1992)."""
    table = pairs.complete
    d, n = table.difference, len(table)
    if n < 2:
        return NotEstimable(EFFECTS, "fewer than two readings have both scores")
    mean, sd_d = float(d.mean()), float(d.std(ddof=1))
    sd_1, sd_2 = float(table.first.std(ddof=1)), float(table.second.std(ddof=1))
    pooled = _over(mean, sqrt((sd_1**2 + sd_2**2) / 2))
    d_z = _over(mean, sd_d)
    r = float(np.corrcoef(table.first, table.second)[0, 1]) if sd_1 * sd_2 > 0 else None
    return EffectSizes(
        method=EFFECTS, d_z=d_z, d_av=_over(mean, (sd_1 + sd_2) / 2), d_av_pooled=pooled,
        hedges_g=None if pooled is None else (1 - 3 / (4 * (n - 1) - 1)) * pooled,
        d_rm=None if r is None or d_z is None else d_z * sqrt(2 * (1 - r)),
        rank_biserial=_rank_biserial(d), common_language=float(np.mean(d > 0) + np.mean(d == 0) / 2),
    )  # fmt: skip


def _over(mean: float, sd: float) -> float | None:
    return mean / sd if sd > 0 else None


def _rank_biserial(d: Array) -> float | None:
    changed = d[d != 0]
    ranks = stats.rankdata(np.abs(changed))
    return float(ranks @ np.sign(changed) / ranks.sum()) if len(changed) else None
