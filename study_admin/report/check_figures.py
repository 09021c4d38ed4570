"""Figures of the validity of the reading: scores over the place in the list, and the blinding indices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from study_admin.report.canvas import (
    FIRST,
    FIRST_LINE,
    FIRST_MARKER,
    INK,
    SECOND,
    SECOND_LINE,
    SECOND_MARKER,
    SMALL,
    Figure,
    draw,
    interval,
    label,
    number,
    significant,
    zero_line,
)
from study_admin.statistics.blinding_indices import BlindingIndices, Index
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.reading_order import SideBias


def over_position(pairs: Pairs, bias: SideBias | NotEstimable) -> Figure | None:
    """Mean scores of both arms, and their difference, at each place in the readers' lists; None if not known."""
    table = pairs.complete
    table = table.where(~np.isnan(table.position))
    if not len(table):
        return None
    places, place = np.unique(table.position, return_inverse=True)
    slope = bias.position_slope if not isinstance(bias, NotEstimable) else bias
    arms, d = pairs.arms, table.difference

    def paint(sheet: Sheet) -> None:
        above, below = sheet.subplots(2, 1, sharex=True)
        for arm, values, (colour, marker, line) in zip(arms, (table.first, table.second), _ARMS, strict=True):
            means = np.bincount(place, values) / np.bincount(place)
            above.plot(
                places, means, color=colour, marker=marker, linestyle=line, label=arm, markersize=5, linewidth=1.3,
                markeredgecolor=INK, markeredgewidth=0.5,
            )  # fmt: skip
        above.set_ylabel("Mean score")
        above.margins(y=0.12)
        above.yaxis.grid(True)
        above.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
        _differences(below, places, place, d)
        if isinstance(slope, Estimate):
            at = np.array([places[0], places[-1]])
            fitted = d.mean() + slope.estimate * (at - table.position.mean())
            below.plot(at, fitted, color=INK, linewidth=1.4, linestyle="--", zorder=4)
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set(xlabel="Place in the reader’s list", ylabel=label(f"{arms[1]} minus {arms[0]}, points", 22))

    told = (
        f"a slope of {significant(slope.estimate)} points a place (95 % CI {_limits(slope)}), readers and exams random"
        if isinstance(slope, Estimate)
        else "no slope could be estimated"
    )
    caption = (
        "Scores over the place of an exam in the reader’s list. Above: mean scores. Below: their mean difference with "
        f"one standard error to each side, over the readers at that place; dashed: {told}."
    )
    alt = f"Two line plots over {len(places)} places. The difference of the arms has {told}."
    return draw("over_position", 4.3, paint, caption, alt)


def blinding(indices: BlindingIndices, arm: str) -> Figure:
    """Bang's index for either layout and both, James' index beside it; `arm` is the one that was to be guessed."""
    bang: list[tuple[str, Index | NotEstimable]] = [
        (f"{arm} on A", indices.bang_a), (f"{arm} on B", indices.bang_b), ("both layouts", indices.bang_both),
    ]  # fmt: skip

    def paint(sheet: Sheet) -> None:
        left, right = sheet.subplots(1, 2, width_ratios=(1.2, 1))
        left.set(xlim=(-1, 1), xticks=(-1, -0.5, 0, 0.5, 1), title="Bang’s index", xlabel="← wrong         right →")
        _indices(left, bang, 0.0)
        right.set(xlim=(0, 1), xticks=(0, 0.25, 0.5, 0.75, 1), title="James’ index")
        right.set_xlabel("← unblinded     blinded →")
        _indices(right, [("all", indices.james)], 0.5)

    parts = [f"{name} {_told(index)}" for name, index in (*bang, ("James’ index", indices.james))]
    caption = (
        f"Blinding of {indices.readers} reader{'s' * (indices.readers != 1)} by guesses at the end. Bang’s index is 0 "
        "where guesses are as by chance, 1 where all are right, −1 where all are wrong; only the mean of both layouts "
        "tells of the blinding, as a liking for one side cancels there. James’ index is 0.5 as by chance without "
        "undecided readers, 1 if nobody decides, 0 if all are right. 95 % confidence intervals with readers as the "
        "unit."
    )
    return draw("blinding", 2.3, paint, caption, "Estimates with intervals: Bang’s index, " + "; ".join(parts) + ".")


_ARMS = ((FIRST, FIRST_MARKER, FIRST_LINE), (SECOND, SECOND_MARKER, SECOND_LINE))


def _differences(axes: Axes, places: Array, place: Any, d: Array) -> None:
    zero_line(axes)
    counts = np.bincount(place)
    means = np.bincount(place, d) / counts
    errors = np.array([d[place == p].std(ddof=1) / n**0.5 if n > 1 else 0.0 for p, n in enumerate(counts)])
    axes.errorbar(
        places, means, errors, color=INK, linestyle="none", marker="D", markersize=4.5, markerfacecolor="white",
        elinewidth=1, capsize=2, zorder=3,
    )  # fmt: skip
    axes.yaxis.grid(True)


def _indices(axes: Axes, rows: Sequence[tuple[str, Index | NotEstimable]], by_chance: float) -> None:
    axes.axvline(by_chance, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks([-y for y in range(len(rows))], [label(name, 18) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    least, greatest = axes.get_xlim()
    for y, (_, index) in enumerate(rows):
        text = "not estimable"
        if isinstance(index, Index):
            limits = index.ci95_by_reader or index.ci95
            text = f"{number(index.estimate)}\n({interval(limits)})"
            axes.plot([max(limits[0], least), min(limits[1], greatest)], [-y] * 2, color=SECOND, linewidth=1.4)
            axes.plot([index.estimate], [-y], "o", color=SECOND, markersize=6, markeredgecolor=INK, markeredgewidth=0.5)
        axes.annotate(
            text, (1, -y), (6, 0), ("axes fraction", "data"), textcoords="offset points", va="center", fontsize=SMALL,
            annotation_clip=False,
        )  # fmt: skip


def _told(index: Index | NotEstimable) -> str:
    if isinstance(index, NotEstimable):
        return str(index)
    return f"{number(index.estimate)} (95 % CI {interval(index.ci95_by_reader or index.ci95)})"


def _limits(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return f"{significant(low)} to {significant(high)}"
