"""Two-way bootstrap: readers and exams drawn anew inside each group, for medians and shares (row 8).

Not for a primary p: too wide where the arms differ little between readers, too narrow where they differ much
(statistics.md, section 4). Owen, Ann Appl Stat 2007;1:386.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import Interval, NotEstimable
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.pairs import Pairs

BOOTSTRAP = "two-way bootstrap, readers and exams drawn within group, percentiles"
_AT_ONCE = 1000  # draws held in memory together

# A statistic of weighted values: (sorted distinct values, weights of each draw: draws × values) → one a draw
Statistic = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Bootstrap:
    """`p` is two-sided, for the statistic being 0, never smaller than 1 / (draws + 1)."""

    method: str
    estimate: float
    se: float
    ci95: Interval
    p: float
    draws: int
    seed: int


def weighted_mean(values: Array, weights: Array) -> Array:
    return np.asarray(weights @ values / weights.sum(axis=1))


def weighted_median(values: Array, weights: Array) -> Array:
    """The median of values that occur `weights` times; between two middle ones, their mean."""
    total = np.cumsum(weights, axis=1)
    half = total[:, -1:] / 2
    lower = np.argmax(total >= half, axis=1)
    upper = np.argmax(total > half, axis=1)
    return np.asarray((values[lower] + values[upper]) / 2)


def share_positive(values: Array, weights: Array) -> Array:
    """P(value > 0) with ties half, less 1/2: of differences, the win probability's distance from even."""
    return weighted_mean((np.sign(values) + 1) / 2, weights) - 0.5


def bootstrap(
    pairs: Pairs, statistic: Statistic, *, values: Array | None = None, draws: int = 10_000, seed: int = 20200715
) -> Bootstrap | NotEstimable:
    """The statistic of the differences (or of `values`, one for each complete pair) over this many draws."""
    table = pairs.complete
    d = table.difference if values is None else values
    if min(len(table.readers), len(table.exams)) < 2:
        return NotEstimable(BOOTSTRAP, "it takes two readers and two exams with both scores")
    distinct, place = np.unique(d, return_inverse=True)
    cells = np.eye(len(distinct))[place]
    random = np.random.default_rng(seed)
    found: list[Array] = []
    for start in range(0, draws, _AT_ONCE):
        size = min(_AT_ONCE, draws - start)
        times = _times(random, table.group_of_reader, size)[:, table.reader]
        times *= _times(random, table.group_of_exam, size)[:, table.exam]
        weights = times @ cells
        found.append(statistic(distinct, weights[weights.sum(axis=1) > 0]))
    drawn = np.concatenate(found)
    low, high = np.quantile(drawn, [0.025, 0.975])
    tail = min(int(np.sum(drawn <= 0)), int(np.sum(drawn >= 0)))
    return Bootstrap(
        method=BOOTSTRAP, estimate=float(statistic(distinct, cells.sum(axis=0)[None])[0]),
        se=float(drawn.std(ddof=1)), ci95=(float(low), float(high)), p=min(1.0, 2 * (tail + 1) / (len(drawn) + 1)),
        draws=len(drawn), seed=seed,
    )  # fmt: skip


def exact_variance(pairs: Pairs) -> float | NotEstimable:
    """The bootstrap variance of the mean over infinitely many draws, where each group is a full square (row 8).

    (1 / N^2) sum over groups of (1 - 1/J)(1 - 1/K) T^2 + (1 - 1/J) sum C^2 + (1 - 1/K) sum R^2 + sum D^2 - T^2.
    """
    table = pairs.complete
    d = table.difference
    readers, exams = np.bincount(table.group_of_reader), np.bincount(table.group_of_exam)
    if (np.bincount(table.group) != readers * exams).any():
        return NotEstimable(BOOTSTRAP, "readings are missing")
    j, k = 1 - 1 / readers, 1 - 1 / exams
    total = np.bincount(table.group, d) ** 2
    by_exam = np.bincount(table.group_of_exam, np.bincount(table.exam, d) ** 2)
    by_reader = np.bincount(table.group_of_reader, np.bincount(table.reader, d) ** 2)
    squares = np.bincount(table.group, d**2)
    return float(np.sum(j * k * total + j * by_exam + k * by_reader + squares - total)) / len(table) ** 2


def _times(random: np.random.Generator, group: Codes, draws: int) -> Array:
    """How often each unit is drawn, as many draws in each group as it has units: draws × units."""
    times = np.empty((draws, len(group)))
    for number in np.unique(group):
        here = group == number
        size = int(here.sum())
        times[:, here] = random.multinomial(size, np.full(size, 1 / size), draws)
    return times
