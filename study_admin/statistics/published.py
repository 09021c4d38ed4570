"""The tests of the paper as published (rows 1 and 2): each takes the readings as independent, which they are not.

Kept to reproduce the paper, and marked `ignores_clustering`: the share of false alarms measured for this design is in
`type_one_error`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs

PAIRED_T = "paired t test (ignores clustering)"
WILCOXON = "Wilcoxon signed-rank test, zeros dropped (ignores clustering)"
PRATT = "Wilcoxon signed-rank test, zeros ranked by Pratt (ignores clustering)"


@dataclass(frozen=True)
class Wilcoxon:
    """Normal approximation, corrected for ties, not for continuity. `estimate` is the median of all Walsh averages
    (Hodges-Lehmann), zeros among them; `p_corrected` is with the continuity correction of R's wilcox.test."""

    method: str
    estimate: float
    z: float
    p: float
    p_corrected: float
    v_plus: float  # sums of ranks, zeros dropped
    v_minus: float
    zeros: int
    pairs: int
    ignores_clustering: bool = True


def paired_t(pairs: Pairs) -> Estimate | NotEstimable:
    """Mean difference over s / sqrt N on N - 1 df (row 1)."""
    d = pairs.complete.difference
    if len(d) < 2:
        return NotEstimable(PAIRED_T, "fewer than two readings have both scores")
    return t_estimate(PAIRED_T, float(d.mean()), _se(d), len(d) - 1, ignores_clustering=True)


def wilcoxon(pairs: Pairs) -> Wilcoxon | NotEstimable:
    """Pairs without a difference are dropped before ranking (row 2), as scipy and R do by default."""
    return _wilcoxon(pairs.complete.difference, WILCOXON, "wilcox")


def wilcoxon_pratt(pairs: Pairs) -> Wilcoxon | NotEstimable:
    """Pairs without a difference are ranked, then dropped (Pratt 1959): the other common rule for zeros (row 2)."""
    return _wilcoxon(pairs.complete.difference, PRATT, "pratt")


def wilcoxon_p(d: Array, zero_rule: str, *, is_corrected: bool = False) -> float:
    """The two-sided p alone; 1 where no pair has a difference. `zero_rule` is scipy's: wilcox or pratt."""
    if not d.any():
        return 1.0
    return float(stats.wilcoxon(d, zero_method=zero_rule, method="asymptotic", correction=is_corrected).pvalue)


def _wilcoxon(d: Array, method: str, zero_rule: str) -> Wilcoxon | NotEstimable:
    changed = d[d != 0]
    if not len(changed):
        return NotEstimable(method, "there is no pair with a difference")
    p = wilcoxon_p(d, zero_rule)
    ranks = stats.rankdata(np.abs(changed))
    plus, minus = float(ranks[changed > 0].sum()), float(ranks[changed < 0].sum())
    z = float(stats.norm.isf(p / 2)) * (1 if _favours_second(d, zero_rule) else -1)
    return Wilcoxon(
        method=method, estimate=_walsh_median(d), z=z, p=p, p_corrected=wilcoxon_p(d, zero_rule, is_corrected=True),
        v_plus=plus, v_minus=minus, zeros=len(d) - len(changed), pairs=len(d),
    )  # fmt: skip


def _favours_second(d: Array, zero_rule: str) -> bool:
    ranked = d if zero_rule == "pratt" else d[d != 0]
    return float(stats.rankdata(np.abs(ranked)) @ np.sign(ranked)) >= 0


def _walsh_median(d: Array) -> float:
    rows, columns = np.triu_indices(len(d))
    return float(np.median((d[rows] + d[columns]) / 2))


def _se(d: Array) -> float:
    return float(d.std(ddof=1) / np.sqrt(len(d)))
