"""Figures of the two arms' masks: how large the tumours are, and how Dice goes with their size (Fig 3 of the paper)."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import MaxNLocator

from study_admin.report.canvas import INK, PALE, SECOND, SMALL, Figure, draw, interval, label, number, significant
from study_admin.report.overlap import DiceOnVolume, MaskAgreement

_MOST_BINS = 16


def dice_on_volume(agreement: MaskAgreement) -> Figure:
    """(a) volumes of the reference, (b) Dice over them with the line of least squares and its 95 % band."""
    volumes = np.array([row.volume_ml for row in agreement.exams])
    dice = np.array([row.dice for row in agreement.exams])
    line = agreement.dice_on_volume
    reference, other = agreement.arms

    def paint(sheet: Sheet) -> None:
        left, right = sheet.subplots(1, 2, width_ratios=(1, 1.25))
        edges = _histogram(left, volumes, agreement)
        right.scatter(volumes, dice, s=16, color=SECOND, alpha=0.65, edgecolor=INK, linewidth=0.4, zorder=3)
        if isinstance(line, DiceOnVolume):
            band = line.band(np.linspace(volumes.min(), volumes.max(), 80))
            right.fill_between(band.volume_ml, band.lower, band.upper, color=PALE, linewidth=0, zorder=1)
            right.plot(band.volume_ml, band.fit, color=INK, linewidth=1.5, zorder=4)
        for axes, letter in ((left, "a"), (right, "b")):
            axes.set_xlabel(label(f"Tumour volume by {reference}, ml", 38))
            axes.set_xlim(0, 1.05 * max(edges[-1], 1))
            axes.xaxis.set_major_locator(MaxNLocator(6))
            axes.set_title(letter, loc="left", fontweight="bold")
            axes.yaxis.grid(True)
        right.yaxis.set_major_locator(MaxNLocator(5))
        right.set(ylabel="Dice", ylim=(max(min(0.95, dice.min() - 0.02), -0.02), 1.005))
        left.set_ylabel("Exams")

    spread = agreement.volume_ml
    sd = "" if spread.sd is None else f" (SD {number(spread.sd)})"
    told = (
        f"slope {significant(line.slope)} a ml (95 % CI {significant(line.slope_ci95[0])} to "
        f"{significant(line.slope_ci95[1])}), r = {number(line.r)}"
        if isinstance(line, DiceOnVolume)
        else str(line)
    )
    ci = "" if not isinstance(line, DiceOnVolume) or line.r_ci95 is None else f" ({interval(line.r_ci95)})"
    caption = (
        f"(a) Tumour volumes in the masks of {reference}, {spread.n} exams: {number(spread.minimum)} to "
        f"{number(spread.maximum)} ml, mean {number(spread.mean)}{sd}, median {number(spread.median)}. (b) Dice of the "
        f"masks of {reference} and {other} over that volume; line: least squares, {told}{ci}; shaded: 95 % confidence "
        "band of the line."
    )
    alt = (
        f"Histogram of {spread.n} tumour volumes, median {number(spread.median, 0)} ml; scatter of Dice, "
        f"{number(dice.min())} to {number(dice.max())}, over volume: {told}."
    )
    return draw("dice_on_volume", 3.1, paint, caption, alt)


def _histogram(axes: Axes, volumes: np.ndarray, agreement: MaskAgreement) -> np.ndarray:
    """Bars of a round width that begin at 0; returns their edges."""
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100) if volumes.max() / s <= _MOST_BINS), volumes.max() / 10 or 1)
    edges = step * np.arange(ceil(volumes.max() / step) + 1)
    axes.hist(volumes, edges.tolist(), color="#BFD9EA", edgecolor=INK, linewidth=0.7)
    for value, line, word in (
        (agreement.volume_ml.median, "-", "median"), (agreement.volume_ml.mean, "--", "mean"),
    ):  # fmt: skip
        axes.axvline(value, color=INK, linewidth=1.2, linestyle=line, label=f"{word} {number(value, 1)}")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, fontsize=SMALL, handlelength=1.6, columnspacing=1
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return edges
