"""Pictures of single exams with both arms' outlines: where the masks agree least, and where the scores differ most.

Only for the time after the unblinding: each column is one arm's.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.figure import SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import AbstractPathEffect, withStroke
from scipy import ndimage

from study_admin.blinding.encoding import LoadedExam, load_exam
from study_admin.design import Study
from study_admin.report.canvas import SMALL, Figure, draw, number
from study_admin.report.overlap import MaskAgreement
from study_admin.report.results import StudyResults
from study_admin.statistics.pairs import Pairs

SHOWN = 2  # exams a figure, as in the paper
_RED, _PIXELS = "#FF2020", 300
_LOW_PERCENT, _HIGH_PERCENT, _FAINT = 1.0, 99.5, 0.08  # as in the thumbnails
_SAMPLED = 1e6  # voxels that tell the window of an image
_EDGE = [withStroke(linewidth=1.6, foreground="black")]
_RIM: list[AbstractPathEffect] = [withStroke(linewidth=1.7, foreground="black")]
_SCATTERED = 0.002  # share of a slice's voxels that may be bright though it lies outside the head
_PLANES = (("axial", 2, "R"), ("coronal", 1, "R"), ("sagittal", 0, "A"))  # LPS axis through it, letter at its left

Voxels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[float, float, float, float]  # left, right, bottom, top, mm


@dataclass(frozen=True, eq=False)
class _View:
    """One plane of an exam: grey values of both images on fine, square pixels, and what either arm drew there."""

    plane: str
    left_letter: str
    is_upright: bool  # the last row above (head), else below (back)
    greys: tuple[Voxels, Voxels]  # T1c, FLAIR
    masks: tuple[Mask, Mask]  # by arm; rows of voxels
    spacing_mm: tuple[float, float]  # of the masks' columns and rows
    box: Box


@dataclass(frozen=True, eq=False)
class _Shown:
    """An exam to be drawn; `means` are the mean scores of the arms, None if it was not scored."""

    code: str
    views: Sequence[_View]
    means: tuple[float, float] | None


def panels(study: Study, codes: Mapping[str, str], results: StudyResults) -> Mapping[str, Figure]:
    """Figs 2 and 5 of the paper: T1c and FLAIR, three planes through the middle of both masks together.

    `codes` has by the name of an exam what the results call it. What the results lack is left out. Raises StudyError
    (`StudyProblemsError`) if the files of an exam that has to be shown are gone or no longer sound.
    """
    drawn: dict[str, Figure] = {}
    if isinstance(results.overlap, MaskAgreement):
        worst = results.overlap.exams[:SHOWN]
        words = [f"{row.exam}: Dice {number(row.dice)}" for row in worst]
        drawn["lowest_dice"] = _figure(
            "lowest_dice", "The exams with the lowest Dice of the two masks.", words,
            _loaded(study, codes, [row.exam for row in worst], results.pairs), results.pairs.arms,
        )  # fmt: skip
    extremes = largest_differences(results.pairs)
    if extremes:
        first, second = results.pairs.arms
        drawn["largest_differences"] = _figure(
            "largest_differences",
            f"The exams whose mean scores differ most in favour of {second}, and of {first} ({second} minus {first}).",
            [f"{code}: {number(difference)} points" for code, difference in extremes],
            _loaded(study, codes, [code for code, _ in extremes], results.pairs), results.pairs.arms,
        )  # fmt: skip
    return drawn


def largest_differences(pairs: Pairs) -> Sequence[tuple[str, float]]:
    """The exams with the greatest and with the least mean difference of complete pairs; the first by code if tied."""
    table = pairs.complete
    if not len(table):
        return []
    means = np.bincount(table.exam, table.difference) / np.bincount(table.exam)
    places = dict.fromkeys((int(means.argmax()), int(means.argmin())))
    return [(table.exams[place], float(means[place])) for place in places]


def _loaded(study: Study, codes: Mapping[str, str], wanted: Sequence[str], pairs: Pairs) -> Sequence[_Shown]:
    arms = (study.arms[0].name, study.arms[1].name)
    exams = {codes[exam.name]: exam for exam in study.study_exams}
    table = pairs.complete

    def load(code: str) -> _Shown:
        rule, heads = study.mask_rule, study.heads
        found = load_exam(exams[code], arms, rule=rule, are_empty_masks_allowed=True, heads=heads)
        means = None
        if code in table.exams:
            rows = table.exam == table.exams.index(code)
            means = (float(table.first[rows].mean()), float(table.second[rows].mean()))
        return _Shown(code, _views(found), means)

    with ThreadPoolExecutor(SHOWN) as pool:
        return list(pool.map(load, wanted))


def _views(exam: LoadedExam) -> Sequence[_View]:
    spacing, images = exam.t1c.spacing_mm, (exam.t1c.array, exam.flair.array)
    masks = [mask > 0 for mask in exam.masks]
    union = masks[0] | masks[1]
    windows = [_window(image) for image in images]
    low, high = windows[0]
    head = _head((images[0] > low + _FAINT * (high - low)) | union)
    views = []
    for plane, axis, letter in _PLANES:
        across, up = (other for other in range(3) if other != axis)
        step, at = (spacing[across], spacing[up]), _middle(union, axis)
        t1c, flair = (
            _fine(_grey(_plane(image, axis, at), window), step) for image, window in zip(images, windows, strict=True)
        )
        first, second = (_plane(mask, axis, at) for mask in masks)
        box = _square(head, across, up, spacing)
        views.append(_View(plane, letter, axis != 2, (t1c, flair), (first, second), step, box))
    return views


def _figure(name: str, title: str, words: Sequence[str], shown: Sequence[_Shown], arms: tuple[str, str]) -> Figure:
    def paint(sheet: Sheet) -> None:
        engine = sheet.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)
        engine.set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
        for arm, column in enumerate(sheet.subfigures(1, 2, squeeze=False, width_ratios=(1.02, 1))[0]):
            column.suptitle(arms[arm], fontsize=9, fontweight="bold")
            _column(column, shown, arm)

    caption = (
        f"{title} {'; '.join(words)}. Left: masks of {arms[0]}, right: of {arms[1]}, outlined in red on the "
        "postcontrast T1 (T1c) and the FLAIR, in three planes through the middle of both masks together; the patient’s "
        "right (R) or front (A) is at the left. In the corner of the axial view: the mean score of all readers."
    )
    alt = f"Slices of {len(shown)} exams with the outlines of both arms. {title} {'; '.join(words)}."
    return draw(name, 0.35 + 2.35 * len(shown), paint, caption, alt)


def _column(column: SubFigure, shown: Sequence[_Shown], arm: int) -> None:
    """One arm: two rows an exam, a plane in each column."""
    grid = column.subplots(2 * len(shown), len(_PLANES), squeeze=False)
    for row, (each, layer) in enumerate((each, layer) for each in shown for layer in range(2)):
        for axes, view in zip(grid[row], each.views, strict=True):
            _draw(axes, view, layer, arm)
            _write(axes, 0.5, view.left_letter)
            if row == 0:
                axes.set_title(view.plane, pad=2)
        _write(grid[row][0], 0.09, ("T1c", "FLAIR")[layer])
        if layer == 0:
            _write(grid[row][0], 0.92, f"mean {number(each.means[arm])}" if each.means else "not scored", bold=True)
        if layer == arm == 0:
            grid[row][0].set_ylabel(each.code, fontweight="bold")


def _middle(union: Mask, axis: int) -> int:
    """The slice that has half of the voxels before it, which always holds some; the image's if there are none."""
    counts = union.sum(axis=tuple(other for other in range(3) if other != axis))
    if not counts.any():
        return len(counts) // 2
    return int(np.searchsorted(counts.cumsum(), (counts.sum() + 1) // 2))


def _window(array: npt.NDArray) -> tuple[float, float]:
    """What is black and what white: the 1st and 99.5th percentile of what isn't the value at the corner, the air.

    Of a large image every second or third voxel along each axis is enough to know.
    """
    step = max(round((array.size / _SAMPLED) ** (1 / 3)), 1)
    for sample in (array[::step, ::step, ::step], array):
        values = sample[sample != array[0, 0, 0]]
        if len(values):
            break
    low, high = np.percentile(values, (_LOW_PERCENT, _HIGH_PERCENT))
    return float(low), float(high)


def _grey(plane: npt.NDArray, window: tuple[float, float]) -> Voxels:
    """From 0 to 1."""
    low, high = window
    return np.asarray(np.clip((plane.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1), np.float32)


def _head(bright: Mask) -> list[tuple[int, int]]:
    """First and last slice along each axis that holds more than scattered bright voxels; all of them if none does."""
    ends = []
    for axis in range(3):
        share = bright.mean(axis=tuple(other for other in range(3) if other != axis))
        slices = np.flatnonzero(share > _SCATTERED)
        ends.append((int(slices[0]), int(slices[-1])) if len(slices) else (0, len(share) - 1))
    return ends


def _square(box: Sequence[tuple[int, int]], across: int, up: int, spacing: Sequence[float]) -> Box:
    """What a view shows, in mm from the first voxel: as wide and high as the head's longest side, so views compare."""
    side = max((last - first + 1) * mm for (first, last), mm in zip(box, spacing, strict=True)) * 1.03
    x, y = ((box[axis][0] + box[axis][1]) / 2 * spacing[axis] for axis in (across, up))
    return x - side / 2, x + side / 2, y - side / 2, y + side / 2


def _plane(array: npt.NDArray, axis: int, at: int) -> npt.NDArray:
    """Rows are the later of the two axes that are left."""
    return array[(slice(None),) * axis + (at,)].T


def _fine(grey: Voxels, spacing_mm: tuple[float, float]) -> Voxels:
    """The slice on square pixels, interpolated linearly, so that thick slices don't look like steps."""
    rows, columns = grey.shape
    across, up = spacing_mm
    factor = _PIXELS / max(columns * across, rows * up)
    return np.asarray(
        ndimage.zoom(grey, (factor * up, factor * across), order=1, grid_mode=True, mode="nearest"), np.float32
    )


def _draw(axes: Axes, view: _View, layer: int, arm: int) -> None:
    mask, (across, up) = view.masks[arm], view.spacing_mm
    rows, columns = mask.shape
    extent = (-across / 2, (columns - 0.5) * across, -up / 2, (rows - 0.5) * up)
    axes.imshow(view.greys[layer], cmap="gray", vmin=0, vmax=1, extent=extent, origin="lower", interpolation="none")
    if mask.any():
        padded = np.pad(mask, 1).astype(float)
        x, y = (np.arange(-1, n + 1) * mm for n, mm in ((columns, across), (rows, up)))
        axes.contour(x, y, padded, [0.5], colors=_RED, linewidths=0.9).set_path_effects(_RIM)
    left, right, bottom, top = view.box
    axes.set(xlim=(left, right), ylim=(bottom, top) if view.is_upright else (top, bottom), xticks=(), yticks=())
    axes.set_facecolor("black")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _write(axes: Axes, y: float, text: str, *, bold: bool = False) -> None:
    """At the left edge of the picture."""
    axes.text(
        0.03, y, text, transform=axes.transAxes, color="white", fontsize=SMALL, ha="left", va="center",
        fontweight="bold" if bold else "normal", path_effects=_EDGE,
    )  # fmt: skip
