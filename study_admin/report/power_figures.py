"""Figure of a plan's power: over designs of more groups, readers or exams, and over a range of variances."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from study_admin.power.answer import Answer
from study_admin.power.designs import Grid, Growing, Route
from study_admin.power.in_words import LARGER, cell, ends, per_cent, size, wanted
from study_admin.report.canvas import FIRST, GREEN, GREY, INK, PALE, SECOND, SMALL, Figure, draw

_LINES: Mapping[Growing, tuple[str, str, str]] = {
    Growing.GROUPS: (SECOND, "-", "o"),
    Growing.READERS: (GREEN, "--", "s"),
    Growing.EXAMS: (FIRST, ":", "D"),
}
_HEIGHT_IN = 3.5


def power_over_designs(answer: Answer) -> Figure:
    """Left: power along three ways to a larger study, with the range of variances. Right: each size of the groups."""

    def paint(sheet: Sheet) -> None:
        left, right = sheet.subplots(1, 2, width_ratios=(1, 1))
        _ways(left, answer)
        _sizes(right, answer.grid, answer)

    return draw("power", _HEIGHT_IN, paint, _caption(answer), _alt(answer))


def _ways(axes: Axes, answer: Answer) -> None:
    plan, found = answer.plan, answer.range
    groups = answer.routes[0]
    axes.fill_between(
        groups.readings, 100 * np.array(groups.low), 100 * np.array(groups.high), color=PALE, linewidth=0, zorder=0
    )
    for route in answer.routes:
        _line(axes, route)
    axes.axhline(100 * answer.wanted, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.plot([plan.readings] * 2, [100 * found.low, 100 * found.high], color=INK, linewidth=2, zorder=4)
    axes.plot([plan.readings], [100 * answer.result.power], "*", color="white", markersize=13, markeredgecolor=INK,
              markeredgewidth=1.2, zorder=5, label="this plan")  # fmt: skip
    axes.set(ylim=(0, 102), ylabel="Power, %", xlabel="Readings in all", xlim=(0.2 * plan.readings, 4 * plan.readings))
    axes.set_xscale("log")
    ticks = [round(plan.readings * step) for step in (0.25, 0.5, 1, 2, 4)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(tick) for tick in ticks])
    axes.yaxis.grid(True)
    axes.set_title("Three ways to a larger study", loc="left")
    axes.legend(loc="center left" if answer.result.power < 0.35 else "lower right", handlelength=2.6)


def _line(axes: Axes, route: Route) -> None:
    colour, style, marker = _LINES[route.growing]
    every = max(len(route.sizes) // 8, 1)
    axes.plot(route.readings, [100 * value for value in route.power], style, color=colour, linewidth=1.6,
              label=LARGER[route.growing], marker=marker, markersize=4, markevery=every, markeredgecolor=INK,
              markeredgewidth=0.4)  # fmt: skip


def _sizes(axes: Axes, grid: Grid, answer: Answer) -> None:
    """Numbers in cells; the darker, the more power, as print in grey shows it, too."""
    plan = answer.plan
    shares = np.array(grid.power)
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.6, origin="lower", aspect="auto")
    for row, powers in enumerate(grid.power):
        for column, share in enumerate(powers):
            is_enough = share >= answer.wanted
            axes.text(column, row, cell(share), ha="center", va="center", fontsize=SMALL,
                      fontweight="bold" if is_enough else "normal")  # fmt: skip
    at = grid.exams_per_group.index(plan.exams_per_group), grid.readers_per_group.index(plan.readers_per_group)
    axes.add_patch(_frame(at))
    axes.set_xticks(range(len(grid.exams_per_group)), [str(exams) for exams in grid.exams_per_group])
    axes.set_yticks(range(len(grid.readers_per_group)), [str(readers) for readers in grid.readers_per_group])
    axes.tick_params(length=0)
    axes.set(xlabel="Exams in each group", ylabel="Readers in each group")
    groups = "one group" if plan.groups == 1 else f"{plan.groups} groups"
    axes.set_title(f"Power, %, with {groups}", loc="left")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _frame(at: tuple[int, int]) -> Rectangle:
    return Rectangle((at[0] - 0.5, at[1] - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=2)


def _caption(answer: Answer) -> str:
    plan, found = answer.plan, answer.range
    margin = "" if plan.margin is None else f", margin {plan.margin:g} points"
    return (
        f"Power for {plan.goal.value} (true difference {plan.delta:g} points{margin}, alpha {plan.alpha:g}) of the "
        f"primary analysis, a mixed model with readers and exams random. Star: {size(plan)} Its bar, and the grey band "
        f"along more groups: {found.because}. Dotted: the wanted {wanted(answer)}; in the table bold where it "
        "is reached, framed the plan. "
        f"Variances {answer.variances.source}: readers {answer.variances.reader:.3g}, exams "
        f"{answer.variances.exam:.3g}, residual {answer.variances.residual:.3g}."
    )


def _alt(answer: Answer) -> str:
    low, high = per_cent(answer.range.low), per_cent(answer.range.high)
    return (
        f"Two panels. The plan has {answer.plan.readings} readings and a power of {per_cent(answer.result.power)} "
        f"({low} to {high} over the range of variances). {ends(answer)}."
    )
