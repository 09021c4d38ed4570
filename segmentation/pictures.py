"""Slices of an exam as a radiologist hangs them, with outlines: the patient's right on the picture's left.

Every panel of a sheet has the same scale in mm, carries its letters (R, L, A, P, S, I), and one ruler stands below.
Volumes must be `upright`. Nothing of pyplot: a sheet can be drawn in any thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from segmentation.volumes import Volume, axis_letters, reorient

RED, CYAN, YELLOW = "#FF4B3E", "#3EE6FF", "#FFE14B"  # told apart on grey by brightness as well as by hue
_PIXELS_PER_MM, _DPI = 2.4, 100
_GAP_MM, _TITLE_MM, _LINE_MM, _SIDE_MM = 4.0, 9.0, 7.0, 9.0
_MARGIN_MM = 8.0  # black around the head, for the letters
_RULER_MM = 50.0
_NARROWEST_MM = 160.0  # room for the ruler and the legend
_DARK, _BRIGHT = 1.0, 99.7  # percentiles of the window: above lie vessels only
_LETTER: dict[str, Any] = {"color": "#BFD7EA", "fontsize": 8, "fontweight": "bold"}

Voxel = tuple[int, int, int]
Rgb = npt.NDArray[np.float64]


class Plane(Enum):
    """The axis that is cut (of an upright volume), and those that run to the right and to the top of the picture."""

    AXIAL = (2, 0, 1)
    CORONAL = (1, 0, 2)
    SAGITTAL = (0, 1, 2)

    @property
    def title(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Outline:
    """A border to draw: an upright mask on the image's grid."""

    mask: npt.NDArray[np.bool_]
    colour: str
    name: str


@dataclass(frozen=True)
class Panel:
    """One slice through the voxel `at`; `regions` are labels that are laid over it in the colours of `palette`."""

    image: Volume
    plane: Plane
    at: Voxel
    title: str
    outlines: tuple[Outline, ...] = ()
    regions: npt.NDArray[np.integer] | None = None
    palette: Rgb | None = None


def upright(volume: Volume) -> Volume:
    """The same voxels with axes that run to the patient's right, front and head; an oblique image stays oblique."""
    return reorient(volume, "RAS")


def centre_of(mask: npt.NDArray[np.bool_], image: npt.NDArray) -> Voxel:
    """The three slices that show most of the mask; for an empty mask, the middle of the head."""
    if mask.any():
        counts = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
        return int(counts[0].argmax()), int(counts[1].argmax()), int(counts[2].argmax())
    box = content_box(image)
    return (box[0][0] + box[0][1]) // 2, (box[1][0] + box[1][1]) // 2, (box[2][0] + box[2][1]) // 2


def content_box(array: npt.NDArray) -> tuple[tuple[int, int], ...]:
    """First voxel and the one after the last that is no air, for each axis; the whole grid if there is no other."""
    filled = array != air_of(array)
    if not filled.any():
        return tuple((0, n) for n in array.shape)
    lines = [np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return tuple((int(line[0]), int(line[-1]) + 1) for line in lines)


def air_of(array: npt.NDArray) -> float:
    """The value around the head: that of the corners. In z-scores it may be 0, which is also the brain's mean."""
    steps = tuple(slice(None, None, max(1, n - 1)) for n in array.shape)
    return float(np.median(array[steps]))


def sheet(title: str, rows: Sequence[tuple[str, Sequence[Panel]]], notes: Sequence[str] = ()) -> bytes:
    """A PNG of labelled rows of panels with a legend of the outlines, a ruler and lines of notes below."""
    sizes = [[_extent_mm(panel) for panel in panels] for _, panels in rows]
    widths = [max(row[n][0] for row in sizes if n < len(row)) for n in range(max(len(row) for row in sizes))]
    heights = [max(height for _, height in row) + _TITLE_MM for row in sizes]
    width = max(_SIDE_MM + sum(widths) + _GAP_MM * (len(widths) + 1), _NARROWEST_MM)
    below = _LINE_MM * (len(notes) + 1.6)
    height = _TITLE_MM + sum(heights) + below
    per_inch = _DPI / _PIXELS_PER_MM
    figure = Figure(figsize=(width / per_inch, height / per_inch), dpi=_DPI, facecolor="black")
    canvas = FigureCanvasAgg(figure)
    top = height - _TITLE_MM
    figure.text(_GAP_MM / width, 1 - 2 / height, title, color="white", fontsize=11, fontweight="bold", va="top")
    for (label, panels), row, row_height in zip(rows, sizes, heights, strict=True):
        middle = top - (row_height + _TITLE_MM) / 2
        figure.text(_GAP_MM / width, middle / height, label, color="white", fontsize=10, rotation=90, va="center")
        for n, (panel, (w, h)) in enumerate(zip(panels, row, strict=True)):
            left = _SIDE_MM + _GAP_MM + sum(widths[:n]) + _GAP_MM * n + (widths[n] - w) / 2
            bottom = top - _TITLE_MM - h - (row_height - _TITLE_MM - h) / 2
            axes = figure.add_axes((left / width, bottom / height, w / width, h / height))
            _paint(axes, panel)
        top -= row_height
    _write_below(figure, rows, notes, width, height)
    png = BytesIO()
    canvas.print_png(png, metadata={"Software": None})
    return png.getvalue()


def _write_below(
    figure: Figure, rows: Sequence[tuple[str, Sequence[Panel]]], notes: Sequence[str], width: float, height: float
) -> None:
    """Ruler, legend, notes; all in mm of the sheet."""
    base = _LINE_MM * (len(notes) + 0.8)
    start = _SIDE_MM + _GAP_MM
    ruler = Line2D(
        [start / width, (start + _RULER_MM) / width], [base / height] * 2, color="white", marker="|", markersize=7
    )
    figure.add_artist(ruler)
    at = start + _RULER_MM + 3
    figure.text(at / width, base / height, f"{_RULER_MM / 10:g} cm", color="white", fontsize=9, va="center")
    at += 18
    seen: dict[tuple[str, str], None] = {}
    for _, panels in rows:
        for panel in panels:
            seen.update(dict.fromkeys((outline.name, outline.colour) for outline in panel.outlines))
    for name, colour in seen:
        figure.add_artist(Line2D([at / width, (at + 8) / width], [base / height] * 2, color=colour, linewidth=1.8))
        figure.text((at + 10) / width, base / height, name, color="white", fontsize=9, va="center")
        at += 18 + 2.2 * len(name)
    for n, note in enumerate(notes):
        y = _LINE_MM * (len(notes) - n - 0.5) / height
        figure.text(start / width, y, note, color="#D0D0D0", fontsize=9, va="center")


def _limits_mm(panel: Panel) -> tuple[float, float, float, float]:
    """What is shown of a slice: the head and a margin; left, right, bottom, top in mm along the volume's axes."""
    _, across, up = panel.plane.value
    box = content_box(panel.image.array)
    limits = []
    for axis in (across, up):
        step = panel.image.spacing_mm[axis]
        limits += [box[axis][0] * step - _MARGIN_MM, box[axis][1] * step + _MARGIN_MM]
    return limits[0], limits[1], limits[2], limits[3]


def _extent_mm(panel: Panel) -> tuple[float, float]:
    left, right, bottom, top = _limits_mm(panel)
    return right - left, top - bottom


def _slice(array: npt.NDArray, panel: Panel) -> npt.NDArray:
    """Rows from the bottom, columns along the volume's axis (the axes of the picture do the turning)."""
    return np.take(array, panel.at[panel.plane.value[0]], axis=panel.plane.value[0]).T


def _paint(axes: Axes, panel: Panel) -> None:
    _, across, up = panel.plane.value
    step_x, step_y = panel.image.spacing_mm[across], panel.image.spacing_mm[up]
    cut = _slice(panel.image.array, panel)
    extent = (0.0, cut.shape[1] * step_x, 0.0, cut.shape[0] * step_y)
    dark, bright = window_of(panel.image.array)
    grey = np.where(cut == air_of(panel.image.array), dark, cut)
    axes.imshow(grey, "gray", vmin=dark, vmax=bright, extent=extent, origin="lower", interpolation="bilinear")
    if panel.regions is not None and panel.palette is not None:
        labels = _slice(panel.regions, panel)
        colours = ListedColormap(panel.palette)
        shown = np.ma.masked_equal(labels, 0)
        axes.imshow(
            shown, colours, vmin=-0.5, vmax=len(panel.palette) - 0.5, extent=extent, origin="lower",
            interpolation="nearest", alpha=0.45,
        )  # fmt: skip
    for outline in panel.outlines:
        _trace(axes, _slice(outline.mask, panel), outline.colour, step_x, step_y)
    left, right, bottom, top = _limits_mm(panel)
    axes.set_xlim(right, left)  # the patient's right, or front, to the left of the picture
    axes.set_ylim(bottom, top)
    axes.set_axis_off()
    axes.set_title(panel.title, color="white", fontsize=9, pad=3)
    _letter(axes, panel)


def _trace(axes: Axes, mask: npt.NDArray[np.bool_], colour: str, step_x: float, step_y: float) -> None:
    if not mask.any():
        return
    closed = np.pad(mask, 1).astype(np.float32)  # else a border at the image's edge would stay open
    x = (np.arange(closed.shape[1]) - 0.5) * step_x
    y = (np.arange(closed.shape[0]) - 0.5) * step_y
    axes.contour(x, y, closed, levels=[0.5], colors=[colour], linewidths=1.1)


def _letter(axes: Axes, panel: Panel) -> None:
    """Which side of the patient each edge is."""
    _, across, up = panel.plane.value
    letters = axis_letters(panel.image.world_from_voxel)
    (right, left), (bottom, top) = letters[across], letters[up]  # the picture's x axis is turned round
    for text, x, y in ((left, 0.012, 0.5), (right, 0.988, 0.5), (top, 0.5, 0.985), (bottom, 0.5, 0.015)):
        ha = {0.012: "left", 0.988: "right"}.get(x, "center")
        va = {0.985: "top", 0.015: "bottom"}.get(y, "center")
        axes.text(x, y, text, transform=axes.transAxes, ha=ha, va=va, **_LETTER)


def window_of(array: npt.NDArray) -> tuple[float, float]:
    """Darkest and brightest value shown; air doesn't count."""
    inside = array[array != air_of(array)]
    if not inside.size:
        return 0.0, 1.0
    dark, bright = (
        float(value) for value in np.percentile(inside[:: max(1, inside.size // 200_000)], [_DARK, _BRIGHT])
    )
    return (dark, bright) if bright > dark else (dark - 0.5, dark + 0.5)
