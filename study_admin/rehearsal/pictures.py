"""The picture of a rehearsal: where the arms stood, and what the same study would find again and again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Patch

from study_admin.report.canvas import FIRST, GREY, INK, SECOND, SMALL, VERMILION, Figure, draw, interval, label, number

_SHOWN = 60  # intervals of repetitions; more are lines no more
_NAMED = 14  # readers whose names fit beside the rows
_HEIGHT_IN = 2.6


def overview(form: Mapping[str, Any]) -> Figure:
    """Left: a row a reader, a column an exam, coloured by side. Right: intervals around the planted effect."""

    def paint(sheet: Sheet) -> None:
        left, right = sheet.subplots(1, 2, width_ratios=(1, 1.08))
        _sides(left, form)
        _intervals(right, form)

    caption = f"Left: {_of_sides(form)} Right: {_of_intervals(form)}"
    return draw("overview", _HEIGHT_IN, paint, caption, f"Two panels. {caption}")


def _sides(axes: Axes, form: Mapping[str, Any]) -> None:
    cells, second = form["sides"]["readings_by_side"], form["design"]["arms"][1]
    readers, exams = _by_group(cells, "reader"), _by_group(cells, "exam")
    grid = np.full((len(readers), len(exams)), np.nan)
    for cell in cells:
        grid[readers.index(cell["reader"]), exams.index(cell["exam"])] = cell["second_on_a"]
    axes.pcolormesh(
        np.ma.masked_invalid(grid), cmap=ListedColormap([FIRST, SECOND]), vmin=0, vmax=1, edgecolors="white",
        linewidth=1.0 if len(exams) <= 50 else 0.3,
    )  # fmt: skip
    axes.set(xlim=(0, len(exams)), ylim=(len(readers), 0), xticks=(), xlabel=f"{len(exams)} exams")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    counts = {row["name"]: f"{row['second_on_a']} of {row['readings']}" for row in form["sides"]["by_reader"]}
    if len(readers) <= _NAMED:
        axes.set_yticks([place + 0.5 for place in range(len(readers))], readers)
        for place, name in enumerate(readers):
            axes.annotate(counts[name], (1, place + 0.5), (4, 0), ("axes fraction", "data"), va="center",
                          textcoords="offset points", fontsize=SMALL, annotation_clip=False)  # fmt: skip
    else:
        middles = _middles(cells, readers)
        axes.set_yticks(list(middles.values()), list(middles))
        axes.set_ylabel(f"{len(readers)} readers, by group")
    keys = [Patch(facecolor=SECOND, edgecolor=INK, label="A"), Patch(facecolor=FIRST, edgecolor=INK, label="B")]
    axes.legend(handles=keys, title=label(f"{second} stood on", 34), loc="lower left", bbox_to_anchor=(0, 1), ncols=2,
                title_fontsize=SMALL, alignment="left", borderaxespad=0.2)  # fmt: skip


def _middles(cells: Sequence[Mapping[str, Any]], readers: Sequence[str]) -> Mapping[str, float]:
    """Where each group's rows lie."""
    group_of = {cell["reader"]: cell["group"] for cell in cells}
    places: dict[str, list[int]] = {}
    for place, name in enumerate(readers):
        places.setdefault(group_of[name], []).append(place)
    return {group: (rows[0] + rows[-1] + 1) / 2 for group, rows in places.items()}


def _intervals(axes: Axes, form: Mapping[str, Any]) -> None:
    effect, primary, rows = form["planted"]["effect"], form["course"]["primary"], _rows(form)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.axvline(effect, color=INK, linewidth=1.2, linestyle="--", zorder=1, label=f"planted: {number(effect)} points")
    for place, (estimate, low, high) in enumerate(rows):
        is_held = low <= effect <= high
        colour = SECOND if is_held else VERMILION
        axes.plot([low, high], [place] * 2, color=colour, linewidth=1.1, solid_capstyle="butt", zorder=2)
        axes.plot(
            [estimate], [place], "o" if is_held else "X", color=colour, markersize=2.6 if is_held else 5, zorder=3
        )
    top = max(1.12 * len(rows), 2)
    if primary.get("ci"):
        axes.plot(primary["ci"], [top] * 2, color=INK, linewidth=2.4, solid_capstyle="butt", zorder=3)
        axes.plot([primary["estimate"]], [top], "D", color=INK, markersize=7, zorder=4)
    ticks = [(top, "through\nfiles")] + ([((len(rows) - 1) / 2, f"{len(rows)}\nrepeti-\ntions")] if rows else [])
    axes.set_yticks([place for place, _ in ticks], [words for _, words in ticks])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    arms = form["design"]["arms"]
    axes.set(ylim=(-0.05 * top, 1.08 * top), xlabel=label(f"Difference in points, {arms[1]} minus {arms[0]}", 46))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def _of_sides(form: Mapping[str, Any]) -> str:
    found, second = form["sides"], form["design"]["arms"][1]
    return (
        f"where {second} stood, a row a reader, a column an exam, blank where a reader is not due; on side A in "
        f"{found['second_on_a']} of {found['readings']} readings."
    )


def _of_intervals(form: Mapping[str, Any]) -> str:
    effect, primary, rows = form["planted"]["effect"], form["course"]["primary"], _rows(form)
    missed = sum(not low <= effect <= high for _, low, high in rows)
    own = f"{number(primary['estimate'])} ({interval(primary['ci'])})" if primary.get("ci") else "not estimable"
    level = 100 * form["design"]["level"]
    repeated = (
        f" Below it {len(rows)} repetitions in numbers with their {level:g}\u00a0% intervals, by estimate; an "
        f"orange-red cross where one misses the planted difference: {missed} here, {100 - level:g} in a hundred are to "
        "be expected."
        if rows
        else ""
    )
    return f"what the study finds. Diamond: the course through files, {own}.{repeated}"


def _rows(form: Mapping[str, Any]) -> Sequence[Sequence[float]]:
    repeated = form["repetitions"]
    return sorted(repeated["intervals"][:_SHOWN]) if repeated else []


def _by_group(cells: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """Readers, or exams, those of a group together."""
    return list(dict.fromkeys(cell[unit] for cell in sorted(cells, key=lambda cell: (cell["group"], cell[unit]))))
