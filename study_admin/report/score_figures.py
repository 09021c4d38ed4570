"""Figures of the scores themselves: their distribution, each reader's differences, wins, and Bland-Altman."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from study_admin.report.canvas import (
    FIRST,
    FIRST_HATCH,
    FIRST_LINE,
    FIRST_MARKER,
    INK,
    PALE,
    SECOND,
    SECOND_LINE,
    SECOND_MARKER,
    SMALL,
    Figure,
    draw,
    interval,
    label,
    number,
    zero_line,
)
from study_admin.report.results import NetBenefit
from study_admin.statistics.bland_altman import LimitsOfAgreement
from study_admin.statistics.by_unit import Unit, Units
from study_admin.statistics.descriptives import Descriptives, Summary
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.pairs import Pairs

_BARS, _WORDS, _BOXES_A_ROW = 25, 9, 20


def scores(described: Descriptives, arms: tuple[str, str], scale: tuple[int, int]) -> Figure:
    """How often each score was given to each arm; means with clustered intervals above (Fig 4 of the paper)."""
    least, greatest = scale
    width = ceil((greatest - least + 1) / _BARS)
    starts = np.arange(least, greatest + 1, width)

    def paint(sheet: Sheet) -> None:
        strip, axes = sheet.subplots(2, 1, sharex=True, height_ratios=(1, 5))
        axes.set_xlim(starts[0] - 0.6 * width, starts[-1] + width - 0.4 * width)
        names: list[str] = []
        for place, (arm, summary) in enumerate(zip(arms, (described.first, described.second), strict=True)):
            is_first = place == 0
            colour, marker = (FIRST, FIRST_MARKER) if is_first else (SECOND, SECOND_MARKER)
            heights = 100 * _shares(summary, starts, width)
            names.append(f"{arm}, mean {number(summary.mean)}{_mean(strip, summary, 1 - place, colour, marker)}")
            at = starts + (width - 1) / 2 + width * (-0.2 if is_first else 0.2)
            hatch = {"hatch": FIRST_HATCH} if is_first else {}
            axes.bar(at, heights, 0.38 * width, color=colour, edgecolor=INK, linewidth=0.6, label=names[place], **hatch)
        strip.set(ylim=(-0.7, 1.7), yticks=())
        strip.spines[["left", "bottom"]].set_visible(False)
        strip.tick_params(length=0, labelbottom=False)
        axes.set(xlabel=f"Score ({least} lowest, {greatest} highest)", ylabel="Readings, %")
        shown = starts[:: 1 if width == 1 else ceil(len(starts) / _WORDS)]
        texts = [str(s) if width == 1 else f"{s}–{min(s + width - 1, greatest)}" for s in shown]
        axes.set_xticks(shown + (width - 1) / 2, texts)
        axes.yaxis.grid(True)
        sheet.legend(loc="outside upper center", ncols=2 if sum(map(len, names)) < 90 else 1)

    parts = [_in_words(arm, each) for arm, each in zip(arms, (described.first, described.second), strict=True)]
    caption = (
        f"Scores given to each arm in {described.first.n} readings with both scores. {parts[0]} {parts[1]} Above the "
        "bars: means of the readers’ means with 95 % confidence intervals that take readers and exams as random "
        "(Obuchowski-Rockette)."
    )
    alt = f"Bars: how often each score from {least} to {greatest} was given, the arms side by side. " + " ".join(parts)
    return draw("scores", 3.6, paint, caption, alt)


def differences_by_reader(readers: Units, arms: tuple[str, str]) -> Figure:
    """A box for each reader, readers of a group together (Fig 7 of the paper, with the sign turned)."""
    by_group: dict[str, list[Unit]] = {}
    for unit in readers.units:
        by_group.setdefault(unit.group, []).append(unit)
    rows = _rows([len(units) for units in by_group.values()])
    groups = list(by_group.items())

    def paint(sheet: Sheet) -> None:
        ends = [v for unit in readers.units for v in (unit.box.low_whisker, unit.box.high_whisker, *unit.box.outliers)]
        margin = 0.06 * max(max(ends) - min(ends), 1.0)
        for part, row in zip(sheet.subfigures(len(rows), 1, squeeze=False).flat, rows, strict=True):
            shown = [groups[g] for g in row]
            sizes = [len(units) for _, units in shown]
            spare = max(max(sum(len(groups[g][1]) for g in each) for each in rows) - sum(sizes), 0)
            ratios = [*sizes, spare] if spare else sizes
            every = part.subplots(1, len(ratios), sharey=True, width_ratios=ratios, squeeze=False)[0]
            for axes, (name, units) in zip(every, shown, strict=False):
                _boxes(axes, name, units, 0.6 * min(1, sum(ratios) / 8))
                axes.set_ylim(min(ends) - margin, max(ends) + margin)
            for axes in every[len(shown) :]:
                axes.axis("off")
            every[0].set_ylabel(label(f"{arms[1]} minus {arms[0]}, points"))

    caption = (
        f"Differences of each reader’s two scores of an exam ({arms[1]} minus {arms[0]}: above 0, {arms[1]} was scored "
        "higher), by group; readers of a group read the same exams. Boxes run between Tukey’s hinges (the medians of "
        "the lower and the upper half, the median itself in both where the number is odd), bold lines are medians, "
        "diamonds means; whiskers reach the last value within 1.5 box lengths of the box, circles are values beyond."
    )
    medians = [unit.box.median for unit in readers.units]
    alt = (
        f"Boxplots of {len(readers.units)} readers in {len(groups)} groups. Medians run from {number(min(medians), 1)} "
        f"to {number(max(medians), 1)} points; {sum(m > 0 for m in medians)} are above 0, "
        f"{sum(m < 0 for m in medians)} below."
    )
    return draw("differences_by_reader", 0.4 + 2.9 * len(rows), paint, caption, alt)


def win_tie_loss(net: NetBenefit, pairs: Pairs) -> Figure:
    """Shares of pairs in which either arm scored higher: of all, and by group."""
    arms, table = pairs.arms, pairs.complete
    signs = np.sign(table.difference)
    bars = [("All", (net.losses, net.ties, net.wins))]
    if len(table.groups) > 1:
        by_group = [signs[table.group == code] for code in range(len(table.groups))]
        for name, own in zip(table.groups, by_group, strict=True):
            bars.append((name, (int((own < 0).sum()), int((own == 0).sum()), int((own > 0).sum()))))
    words = (f"{arms[0]} higher", "equal", f"{arms[1]} higher")

    def paint(sheet: Sheet) -> None:
        axes = sheet.subplots()
        for place, (_, counts) in enumerate(bars):
            _bar(axes, -place - (0.3 if place else 0), counts)
        axes.set_yticks([-place - (0.3 if place else 0) for place in range(len(bars))], [name for name, _ in bars])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlim=(0, 100), xlabel="Pairs, %")
        keys = [Patch(facecolor=c, edgecolor=INK, hatch=h, label=w) for w, (c, _, h) in zip(words, _LOOKS, strict=True)]
        sheet.legend(handles=keys, loc="outside upper center", ncols=3)

    n = net.wins + net.ties + net.losses
    limits = "" if isinstance(net.ci95, NotEstimable) else f" (95 % CI {interval(net.ci95)})"
    caption = (
        f"Pairs in which either arm was scored higher, of all {n}" + (" and by group" if len(bars) > 1 else "") + ". "
        f"{arms[1]} was higher in {net.wins}, equal in {net.ties}, lower in {net.losses}: net benefit "
        f"{number(net.net_benefit)}{limits}, readers and exams random."
    )
    alt = (
        f"Stacked bars. Of {n} pairs {arms[1]} was scored higher in {_percent(net.wins, n)} %, equal in "
        f"{_percent(net.ties, n)} %, lower in {_percent(net.losses, n)} %."
    )
    return draw("win_tie_loss", 1.1 + 0.3 * len(bars), paint, caption, alt)


def bland_altman(limits: LimitsOfAgreement, pairs: Pairs) -> Figure:
    """Difference over mean of the two scores of each reading; equal points lie in one, as large as there are many."""
    table, arms = pairs.complete, pairs.arms
    points = np.column_stack([(table.first + table.second) / 2, table.difference])
    places, counts = np.unique(points, axis=0, return_counts=True)
    means, d = places.T
    is_clustered = not isinstance(limits.limits, NotEstimable)
    ends = limits.limits_naive if isinstance(limits.limits, NotEstimable) else limits.limits
    middle = sum(ends) / 2

    def paint(sheet: Sheet) -> None:
        axes = sheet.subplots()
        areas = counts * min(14, 500 / counts.max())
        axes.scatter(means, d, areas, color=SECOND, alpha=0.55, edgecolor=INK, linewidth=0.5, zorder=3)
        zero_line(axes)
        for y, word, line in ((middle, "bias", "-"), (ends[0], "lower limit", "--"), (ends[1], "upper limit", "--")):
            axes.axhline(y, color=INK, linewidth=1.1, linestyle=line, zorder=2)
            axes.annotate(
                f"{word} {number(y)}", (1, y), (4, 0), ("axes fraction", "data"), textcoords="offset points",
                va="bottom" if word == "bias" else "center", fontsize=SMALL, annotation_clip=False,
            )  # fmt: skip
        axes.set(xlabel="Mean of the two scores", ylabel=label(f"{arms[1]} minus {arms[0]}, points"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(0.07)

    how = "with readers and exams random" if is_clustered else "as if readings were independent"
    caption = (
        f"Difference of the two scores of a reading over their mean (Bland-Altman), {len(table)} readings; the area of "
        f"a point grows with the number of readings in it. Lines: bias {number(middle)} and 95 % limits of agreement "
        f"{interval(ends)}, {how}."
    )
    alt = (
        f"Scatter of differences over means. Bias {number(middle)}, limits of agreement {interval(ends)}; "
        f"{int(((table.difference < ends[0]) | (table.difference > ends[1])).sum())} of {len(table)} readings lie "
        "outside."
    )
    return draw("bland_altman", 3.6, paint, caption, alt)


_LOOKS = ((FIRST, INK, FIRST_HATCH), (PALE, INK, ""), (SECOND, "white", ""))  # colour, text, hatch


def _shares(summary: Summary, starts: np.ndarray, width: int) -> np.ndarray:
    """Of readings in each bar; a score between two whole numbers counts with the nearer."""
    counts = np.zeros(len(starts))
    for value, count in summary.counts.items():
        place = int((value - starts[0] + 0.5) // width)
        counts[min(max(place, 0), len(starts) - 1)] += count
    return np.asarray(counts / summary.n)


def _mean(strip: Axes, summary: Summary, y: int, colour: str, marker: str) -> str:
    """Draws it, and returns its interval in words."""
    mean, half, words = summary.mean, [[0.0], [0.0]], ""
    if not isinstance(summary.clustered, NotEstimable):
        test = summary.clustered.test
        mean, (low, high) = test.estimate, test.ci95
        half, words = [[mean - low], [high - mean]], f" ({interval(test.ci95)})"
    line = FIRST_LINE if marker == FIRST_MARKER else SECOND_LINE
    _, _, (bar,) = strip.errorbar(
        [mean], [y], xerr=half, color=colour, marker=marker, markersize=6, markeredgecolor=INK, markeredgewidth=0.6,
        ecolor=INK, elinewidth=1.4, capsize=3,
    )  # fmt: skip
    bar.set_linestyle(line)
    return words


def _in_words(arm: str, summary: Summary) -> str:
    naive = "" if isinstance(summary.naive, NotEstimable) else f" ± {number(summary.naive.se)}"
    clustered = summary.clustered
    wide = "" if isinstance(clustered, NotEstimable) else f" (SE with clustering {number(clustered.test.se)})"
    return f"{arm}: median {summary.box.median:g}, mean {number(summary.mean)}{naive}{wide}."


def _rows(sizes: Sequence[int]) -> list[list[int]]:
    """Groups by row, whole groups only, as even as whole groups can be."""
    wanted = ceil(sum(sizes) / _BOXES_A_ROW)
    limit = max(ceil(sum(sizes) / wanted), *sizes)
    rows: list[list[int]] = [[]]
    for group, size in enumerate(sizes):
        if rows[-1] and sum(sizes[g] for g in rows[-1]) + size > limit:
            rows.append([])
        rows[-1].append(group)
    return rows


def _boxes(axes: Axes, name: str, units: Sequence[Unit], width: float) -> None:
    zero_line(axes)
    boxes = [
        {
            "label": unit.name, "med": unit.box.median, "q1": unit.box.low_hinge, "q3": unit.box.high_hinge,
            "whislo": unit.box.low_whisker, "whishi": unit.box.high_whisker, "fliers": list(unit.box.outliers),
            "mean": unit.mean,
        }
        for unit in units
    ]  # fmt: skip
    axes.bxp(
        boxes, widths=width, patch_artist=True, showmeans=True,
        boxprops={"facecolor": "#BFD9EA", "edgecolor": INK, "linewidth": 0.8},
        medianprops={"color": INK, "linewidth": 2.2, "solid_capstyle": "butt"},
        whiskerprops={"color": INK, "linewidth": 0.8}, capprops={"color": INK, "linewidth": 0.8},
        flierprops={"marker": "o", "markersize": 3.2, "markerfacecolor": "none", "markeredgecolor": INK},
        meanprops={"marker": "D", "markersize": 3.6, "markerfacecolor": "white", "markeredgecolor": INK},
    )  # fmt: skip
    axes.set_title(name)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.grid(True)
    if max(len(unit.name) for unit in units) > 3:
        axes.tick_params(axis="x", labelrotation=90)


def _bar(axes: Axes, y: float, counts: tuple[int, int, int]) -> None:
    total, left = sum(counts), 0.0
    for count, (colour, ink, hatch) in zip(counts, _LOOKS, strict=True):
        share = 100 * count / total if total else 0.0
        axes.barh(y, share, 0.72, left=left, color=colour, edgecolor=INK, linewidth=0.6, hatch=hatch)
        if share >= 10:
            plate = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
            text = f"{count} ({_percent(count, total)} %)"
            axes.text(left + share / 2, y, text, ha="center", va="center", color=ink, fontsize=SMALL, bbox=plate)
        left += share


def _percent(part: int, whole: int) -> int:
    """Halves are rounded up, so that 42.25, 32.5 and 25.25 make 100."""
    return (200 * part + whole) // (2 * whole)
