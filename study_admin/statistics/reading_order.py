"""Did the side, the place in the list or the exam before matter? Checks that hold whatever the arms are worth.

All with readers and exams random (statistics.md, rows 19 to 21); complete pairs, but for the seconds.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from study_admin.statistics.crossed import Crossed, crossed
from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.pairs import Pairs

SIDE = "side bias: difference ~ side + position, readers and exams random"
POSITION = "learning: score ~ arm × position, readers, exams and their pairings random"
CARRY_OVER = "carry-over of the reading before, readers and exams random"
SECONDS = "time: log seconds ~ position, readers and exams random"


@dataclass(frozen=True)
class SideBias:
    """`side_a` is what standing on side A is worth, in points, whichever arm stands there."""

    side_a: Estimate | NotEstimable
    position_slope: Estimate | NotEstimable  # of the difference of the arms, points a place, beside the side
    arms: Estimate | NotEstimable  # the difference of the arms, side and place taken into account
    a_minus_b: Estimate | NotEstimable  # as if readings were independent
    first_on_a: int  # readings
    first_on_b: int


@dataclass(frozen=True)
class Learning:
    """Points a place in the list: how each arm's scores drift, and whether they drift apart."""

    first: Estimate | NotEstimable
    second: Estimate | NotEstimable
    both: Estimate | NotEstimable  # mean of the two
    apart: Estimate | NotEstimable  # second minus first


@dataclass(frozen=True)
class CarryOver:
    """What one point more in the reader's reading before adds now."""

    difference: Estimate | NotEstimable  # of the difference of the arms
    mean: Estimate | NotEstimable  # of the mean of both scores


@dataclass(frozen=True)
class ReadingTime:
    """Seconds from opening an exam to both scores; `log_slope` is of their natural logarithm, a place."""

    readings: int
    left_out: int  # without seconds, or with 0
    median: float
    quartiles: tuple[float, float]  # interpolated, as numpy and R's type 7
    geometric_mean: float
    log_slope: Estimate | NotEstimable
    percent_a_place: float | None
    percent_ci95: tuple[float, float] | None
    fitted_first: float | None  # seconds at the first place
    spearman_with_difference: float | None  # of seconds and |difference|


def side_bias(pairs: Pairs) -> SideBias | NotEstimable:
    """d ~ s + position, s = 1 with the first arm on side A, -1 on side B; side A is worth -coef(s)."""
    table = pairs.complete
    table = table.where((table.side_of_first != "") & ~np.isnan(table.position))
    if not len(table):
        return NotEstimable(SIDE, "the sides or the order of the readings are not known")
    s = np.where(table.side_of_first == "A", 1.0, -1.0)
    d = table.difference
    columns = [np.ones_like(d)]
    has_sides, has_places = bool(np.ptp(s)), bool(np.ptp(table.position))
    columns += [s] if has_sides else []
    columns += [table.position - table.position.mean()] if has_places else []
    model = _crossed(SIDE, d, np.column_stack(columns), table)
    zeros = [0.0] * len(columns)
    return SideBias(
        side_a=_contrast(model, [0.0, -1.0, *zeros[2:]]) if has_sides else NotEstimable(SIDE, "sides never changed"),
        position_slope=_contrast(model, [*zeros[:-1], 1.0])
        if has_places
        else NotEstimable(SIDE, "places never changed"),
        arms=_contrast(model, [1.0, *zeros[1:]]),
        a_minus_b=_naive(-s * d),
        first_on_a=int((s > 0).sum()),
        first_on_b=int((s < 0).sum()),
    )


def learning(pairs: Pairs) -> Learning | NotEstimable:
    """score ~ arm * position with the random effects of the model of both scores (row 4); takes half pairs too."""
    table = pairs.where(~np.isnan(pairs.position))
    if not len(table) or not np.ptp(table.position):
        return NotEstimable(POSITION, "the order of the readings is not known")
    arm = np.repeat([0, 1], len(table))
    scores = np.concatenate([table.first, table.second])
    reader, exam, pair, place = (
        np.tile(codes, 2) for codes in (table.reader, table.exam, np.arange(len(table)), table.position)
    )
    given = ~np.isnan(scores)
    if len(np.unique(arm[given])) < 2:
        return NotEstimable(POSITION, "an arm has no score")
    place = place - place[given].mean()
    factors = {"reader": reader, "exam": exam, "reader:exam": pair, "reader:arm": 2 * reader + arm}
    factors["exam:arm"] = 2 * exam + arm
    if len(table.readers) == 1:
        del factors["reader:arm"]  # is the arm itself
    if len(table.exams) == 1:
        del factors["exam:arm"]
    x = np.column_stack([np.ones_like(scores), arm, place, arm * place])
    model = crossed(POSITION, scores[given], x[given], {name: codes[given] for name, codes in factors.items()})
    weights = ([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.0, 1.0])
    return Learning(*(_contrast(model, each) for each in weights))


def carry_over(pairs: Pairs) -> CarryOver | NotEstimable:
    """d ~ d of the reader's complete pair before, and the same for mean scores.

    A reader's first has none before it. A check, not a measurement: both readings share the reader's own level.
    """
    table = pairs.complete
    table = table.where(~np.isnan(table.position))
    order = np.lexsort((table.position, table.reader))
    follows = np.flatnonzero(np.diff(table.reader[order]) == 0)
    if not len(follows):
        return NotEstimable(CARRY_OVER, "no reader has two readings whose order is known")
    now, before = order[follows + 1], order[follows]
    mean = (table.first + table.second) / 2
    return CarryOver(*(_carried(table, values, now, before) for values in (table.difference, mean)))


def _carried(table: Pairs, values: Array, now: Codes, before: Codes) -> Estimate | NotEstimable:
    if not np.ptp(values[before]):
        return NotEstimable(CARRY_OVER, "the readings before are all equal")
    x = np.column_stack([np.ones(len(now)), values[before]])
    factors = {"reader": table.reader[now], "exam": table.exam[now]}
    return _contrast(crossed(CARRY_OVER, values[now], x, factors), [0.0, 1.0])


def reading_time(pairs: Pairs) -> ReadingTime | NotEstimable:
    """log(seconds) ~ (position - 1), over all readings with seconds, scored or not."""
    table = pairs.where(pairs.seconds > 0)
    if not len(table):
        return NotEstimable(SECONDS, "no reading has its time")
    logs = np.log(table.seconds)
    slope, first = _time_model(pairs.where((pairs.seconds > 0) & ~np.isnan(pairs.position)))
    low, median, high = (float(q) for q in np.quantile(table.seconds, [0.25, 0.5, 0.75]))
    return ReadingTime(
        readings=len(table),
        left_out=len(pairs) - len(table),
        median=median,
        quartiles=(low, high),
        geometric_mean=float(np.exp(logs.mean())),
        log_slope=slope,
        percent_a_place=_percent(slope.estimate) if isinstance(slope, Estimate) else None,
        percent_ci95=(_percent(slope.ci95[0]), _percent(slope.ci95[1])) if isinstance(slope, Estimate) else None,
        fitted_first=first,
        spearman_with_difference=_spearman(table.complete),
    )


def _naive(d: Array) -> Estimate | NotEstimable:
    se = float(d.std(ddof=1)) / len(d) ** 0.5 if len(d) > 1 else 0.0
    return t_estimate("A minus B, paired t", float(d.mean()), se, len(d) - 1, ignores_clustering=True)


def _time_model(table: Pairs) -> tuple[Estimate | NotEstimable, float | None]:
    if not len(table) or not np.ptp(table.position):
        return NotEstimable(SECONDS, "the order of the readings is not known"), None
    x = np.column_stack([np.ones(len(table)), table.position - 1])
    model = _crossed(SECONDS, np.log(table.seconds), x, table)
    first = None if isinstance(model, NotEstimable) else float(np.exp(model.fit.beta[0]))
    return _contrast(model, [0.0, 1.0]), first


def _spearman(table: Pairs) -> float | None:
    distance = np.abs(table.difference)
    if len(table) < 3 or not np.ptp(distance) or not np.ptp(table.seconds):
        return None
    return float(stats.spearmanr(table.seconds, distance).statistic)


def _percent(log_slope: float) -> float:
    return float(100 * np.expm1(log_slope))


def _crossed(method: str, y: Array, x: Array, table: Pairs) -> Crossed | NotEstimable:
    return crossed(method, y, x, {"reader": table.reader, "exam": table.exam})


def _contrast(model: Crossed | NotEstimable, weights: list[float]) -> Estimate | NotEstimable:
    return model if isinstance(model, NotEstimable) else model.contrast(weights)
