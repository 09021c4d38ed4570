"""Figures of the estimates with their intervals, reader by reader, and of how far their tests can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Polygon

from study_admin.report.canvas import (
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    SECOND,
    SMALL,
    VERMILION,
    Figure,
    draw,
    interval,
    number,
    zero_line,
)
from study_admin.report.methods import FalseAlarms, MethodRow, Row
from study_admin.statistics.by_unit import Unit, Units
from study_admin.statistics.estimates import Estimate, Interval, NotEstimable

_ROW_IN = 0.185


@dataclass(frozen=True)
class _Line:
    """A row of the forest; `kind` is reader, group or pooled."""

    label: str
    kind: str
    estimate: float
    ci95: Interval | None
    y: float


def forest(readers: Units, groups: Units, pooled: Row, arms: tuple[str, str], scale: tuple[int, int]) -> Figure:
    """Each reader's mean difference, by group, and the primary estimate below."""
    lines = _lines(readers, groups, pooled)
    limit = _limit(lines, float(scale[1] - scale[0]))

    def paint(sheet: Sheet) -> None:
        axes = sheet.subplots()
        zero_line(axes, is_vertical=True)
        for line in lines:
            _estimate(axes, line, limit)
        if isinstance(pooled, MethodRow) and pooled.estimate is not None:
            axes.axvline(pooled.estimate, color=INK, linewidth=0.8, linestyle=":", zorder=1)
        axes.set_yticks([line.y for line in lines], [line.label for line in lines])
        for text, line in zip(axes.get_yticklabels(), lines, strict=True):
            text.set_fontweight("normal" if line.kind == "reader" else "bold")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlim=(-limit, limit), ylim=(lines[-1].y - 0.8, 0.9), xlabel=_directions(arms))
        axes.annotate(
            "Mean (95 % CI)", (1, 1), (6, 2), "axes fraction", textcoords="offset points", va="bottom", fontsize=SMALL,
            annotation_clip=False,
        )  # fmt: skip

    some = [line.estimate for line in lines if line.kind == "reader"]
    mean = "" if isinstance(pooled, NotEstimable) or pooled.estimate is None else f" {number(pooled.estimate)}"
    spread = "" if isinstance(pooled, NotEstimable) or pooled.ci95 is None else f" (95 % CI {interval(pooled.ci95)})"
    model = "from the mixed model with readers and exams random"
    primary = f"; diamond: the primary estimate{mean}{spread}, {model}" if mean else ""
    caption = (
        f"Mean difference ({arms[1]} minus {arms[0]}) of each reader with the 95 % confidence interval of a t test "
        f"over the reader’s exams; squares: each group’s mean, interval by t over its readers’ means{primary}. Arrow "
        "heads: the interval goes on."
    )
    alt = (
        f"Forest plot of {len(some)} readers. Means run from {number(min(some))} to {number(max(some))} points; "
        f"{sum(m > 0 for m in some)} are above 0 and {sum(m < 0 for m in some)} below."
        + (f" Primary estimate{mean}{spread}." if mean else "")
    )
    return draw("forest", 0.95 + _ROW_IN * -lines[-1].y, paint, caption, alt)


def false_alarms(rows: Mapping[str, tuple[str, FalseAlarms]]) -> Figure:
    """How often tests find a difference where there is none: the scenarios of the stored simulation, method by method.

    `rows` has, by the method's name in results.json, a short name and the rates.
    """
    scenarios = list(next(iter(rows.values()))[1].rates)
    any_row = next(iter(rows.values()))[1]

    def paint(sheet: Sheet) -> None:
        axes = sheet.subplots()
        axes.axhspan(4, 6, color=PALE, zorder=0, label="4 to 6 %")
        for place, (method, (name, alarms)) in enumerate(rows.items()):
            fill, edge, marker = _METHODS[method]
            at = np.arange(len(scenarios)) + 0.14 * (place - (len(rows) - 1) / 2)
            rates = [100 * alarms.rates[scenario] for scenario in scenarios]
            axes.plot(
                at, rates, marker, color=fill, label=name, markersize=6, markeredgecolor=edge,
                markeredgewidth=0.6 if edge == INK else 1.5,
            )  # fmt: skip
        axes.set_xticks(range(len(scenarios)), [scenario.replace(" ", "\n") for scenario in scenarios])
        axes.set(
            ylabel="Studies called significant, %", xlabel="How much readers and exams vary in the true difference"
        )
        axes.set_ylim(0, None)
        axes.yaxis.grid(True)
        sheet.legend(loc="outside right center")

    worst = max(rows.values(), key=lambda row: row[1].highest)
    caption = (
        f"False alarms at a nominal {100 * any_row.nominal:g} %, each over {any_row.studies} simulated studies without "
        "a true difference (5 groups × 4 readers × 20 exams). Tests that take readings as independent call up to "
        f"{100 * worst[1].highest:.0f} % of them significant."
    )
    ranges = "; ".join(f"{name} {100 * a.lowest:.1f} to {100 * a.highest:.1f} %" for name, a in rows.values())
    return draw("false_alarms", 3.2, paint, caption, f"Points: false alarms in {len(scenarios)} scenarios: {ranges}.")


_METHODS = {  # filled: knows of readers and exams; open: does not
    "primary": (SECOND, INK, "o"), "obuchowski_rockette": (GREEN, INK, "s"), "u_statistic": (PURPLE, INK, "D"),
    "paired_t": ("white", VERMILION, "^"), "wilcoxon": ("white", VERMILION, "v"),
}  # fmt: skip


def _lines(readers: Units, groups: Units, pooled: Row) -> Sequence[_Line]:
    lines: list[_Line] = []
    y = 0.0
    several = len(groups.units) > 1
    for group in groups.units:
        for unit in (unit for unit in readers.units if unit.group == group.name):
            lines.append(_Line(unit.name, "reader", unit.mean, _ci(unit), y))
            y -= 1
        if several:
            lines.append(_Line(group.name, "group", group.mean, _ci(group), y))
            y -= 1.4
    if isinstance(pooled, MethodRow) and pooled.estimate is not None:
        lines.append(_Line("All", "pooled", pooled.estimate, pooled.ci95, y - 0.1))
    return lines


def _ci(unit: Unit) -> Interval | None:
    return unit.test.ci95 if isinstance(unit.test, Estimate) else None


def _limit(lines: Sequence[_Line], scale: float) -> float:
    """Half the width of the plot: room for all means and readers' intervals, but no more than the scale has."""
    ends = [abs(line.estimate) for line in lines]
    ends += [abs(end) for line in lines if line.kind != "group" and line.ci95 for end in line.ci95]
    return max(min(1.12 * max(ends), scale), 0.5)


def _estimate(axes: Axes, line: _Line, limit: float) -> None:
    low, high = line.ci95 or (line.estimate, line.estimate)
    if line.kind == "pooled":
        corners = [(low, line.y), (line.estimate, line.y + 0.42), (high, line.y), (line.estimate, line.y - 0.42)]
        axes.add_patch(Polygon(corners, facecolor=INK, edgecolor=INK, linewidth=0.6, zorder=3))
    else:
        colour = SECOND if line.kind == "reader" else GREY
        shown = [max(low, -limit), min(high, limit)]
        axes.plot(shown, [line.y] * 2, color=colour, linewidth=1.3, solid_capstyle="butt", zorder=2)
        for end, inside, head in ((low, shown[0], "<"), (high, shown[1], ">")):
            if end != inside:
                axes.plot([inside], [line.y], head, color=colour, markersize=5, clip_on=False, zorder=3)
        marker = {"reader": "o", "group": "s"}[line.kind]
        axes.plot([line.estimate], [line.y], marker, color=colour, markersize=5, markeredgecolor=INK, zorder=4,
                  markeredgewidth=0.5)  # fmt: skip
    text = number(line.estimate) + (f"  ({interval(line.ci95)})" if line.ci95 else "")
    axes.annotate(
        text, (1, line.y), (6, 0), ("axes fraction", "data"), textcoords="offset points", va="center", fontsize=SMALL,
        fontweight="normal" if line.kind == "reader" else "bold", annotation_clip=False,
    )  # fmt: skip


def _directions(arms: tuple[str, str]) -> str:
    sides = (f"← {arms[0]} scored higher", f"{arms[1]} scored higher →")
    between = "        " if sum(map(len, sides)) < 65 else "\n"
    return f"Mean difference, points\n{between.join(sides)}"
