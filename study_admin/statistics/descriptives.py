"""Means and medians of the scores, with the standard error as published and the one that knows of the clustering."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.split_plot import SplitPlot, split_plot

NAIVE_MEAN = "mean (ignores clustering)"


@dataclass(frozen=True)
class Box:
    """Five numbers by Tukey's hinges (R's boxplot.stats), quartiles by numpy's rule (type 7): they may differ.

    Whiskers end at the last value within 1.5 spreads of the hinges; what lies beyond is in `outliers`.
    """

    low_whisker: float
    low_hinge: float
    median: float
    high_hinge: float
    high_whisker: float
    outliers: tuple[float, ...]
    quartiles_type_7: tuple[float, float, float]


@dataclass(frozen=True)
class Summary:
    """Scores of an arm, or differences. `clustered` is the mean by readers with its Obuchowski-Rockette SE."""

    n: int
    mean: float
    sd: float | None
    naive: Estimate | NotEstimable
    clustered: SplitPlot | NotEstimable
    minimum: float
    maximum: float
    box: Box
    counts: Mapping[float, int]


@dataclass(frozen=True)
class Descriptives:
    """Both arms and their difference, from the complete pairs."""

    first: Summary
    second: Summary
    difference: Summary
    pearson: float | None


def describe(pairs: Pairs) -> Descriptives | NotEstimable:
    """Summaries of the complete pairs, and the correlation of the scores."""
    table = pairs.complete
    if not len(table):
        return NotEstimable("descriptives", "no reading has both scores")
    does_vary = np.ptp(table.first) > 0 and np.ptp(table.second) > 0
    return Descriptives(
        first=_summary(table, table.first), second=_summary(table, table.second),
        difference=_summary(table, table.difference),
        pearson=float(np.corrcoef(table.first, table.second)[0, 1]) if does_vary else None,
    )  # fmt: skip


def box(values: Array) -> Box:
    """The numbers of a boxplot by Tukey's hinges: the median counts in both halves of an odd number of values."""
    x = np.sort(values)
    half = (len(x) + 1) // 2
    low, high = float(np.median(x[:half])), float(np.median(x[-half:]))
    inside = x[(x >= low - 1.5 * (high - low)) & (x <= high + 1.5 * (high - low))]
    outliers = tuple(float(v) for v in values if v < inside[0] or v > inside[-1])
    q1, q2, q3 = (float(q) for q in np.quantile(x, [0.25, 0.5, 0.75]))
    return Box(float(inside[0]), low, q2, high, float(inside[-1]), outliers, (q1, q2, q3))


def _summary(table: Pairs, values: Array) -> Summary:
    n = len(values)
    sd = float(values.std(ddof=1)) if n > 1 else None
    distinct, counts = np.unique(values, return_counts=True)
    naive = (
        NotEstimable(NAIVE_MEAN, "there is one reading only")
        if sd is None
        else t_estimate(NAIVE_MEAN, float(values.mean()), sd / float(np.sqrt(n)), n - 1, ignores_clustering=True)
    )
    return Summary(
        n=n, mean=float(values.mean()), sd=sd, naive=naive, clustered=split_plot(table, values),
        minimum=float(values.min()), maximum=float(values.max()), box=box(values),
        counts={float(value): int(count) for value, count in zip(distinct, counts, strict=True)},
    )  # fmt: skip
