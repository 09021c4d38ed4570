"""The paper that every figure of the report is drawn on: one size, one hand, the same bytes for the same numbers.

Colours are those of Okabe and Ito, chosen so that the arms differ in brightness too; each also has its own marker and
line, so that nothing is told by colour alone. Fonts are 8 points or more at 720 pixels (7.5 inches) of width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import floor, log10
from textwrap import fill
from threading import Lock
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet

from study_admin.statistics.estimates import Interval

WIDTH_IN, PNG_DPI = 7.5, 200
FIRST, SECOND = "#E69F00", "#0072B2"  # orange, blue: light and dark in grey
INK, GREY, PALE = "#222222", "#6E6E6E", "#D9D9D9"
GREEN, PURPLE, VERMILION = "#009E73", "#CC79A7", "#D55E00"
FIRST_MARKER, SECOND_MARKER = "s", "o"
FIRST_LINE, SECOND_LINE = "--", "-"
FIRST_HATCH = "////"
SMALL = 8.0
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL, "legend.fontsize": SMALL, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.8, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "xtick.major.width": 0.8, "ytick.major.width": 0.8, "axes.axisbelow": True,
    "grid.color": "#E4E4E4", "grid.linewidth": 0.7, "legend.frameon": False, "hatch.linewidth": 0.7,
    "svg.fonttype": "path", "text.parse_math": False, "path.simplify": False, "figure.dpi": 72,
}  # fmt: skip
_DRAWING = Lock()


@dataclass(frozen=True)
class Figure:
    """A drawn figure; `caption` stands below it, `alt` is read out in its place."""

    svg: bytes
    png: bytes
    caption: str
    alt: str


def draw(name: str, height_in: float, paint: Callable[[Sheet], None], caption: str, alt: str) -> Figure:
    """What `paint` puts on an empty sheet. `name` keeps the ids inside an SVG apart from those of other figures.

    May be called from any thread; one figure is drawn at a time, for matplotlib's settings belong to the process.
    """
    ours: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
    with _DRAWING, matplotlib.rc_context(ours | _STYLE | {"svg.hashsalt": name}):
        sheet = Sheet(figsize=(WIDTH_IN, height_in), layout="constrained")
        paint(sheet)
        _lay_out_once(sheet)
        svg, png = BytesIO(), BytesIO()
        sheet.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        sheet.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Figure(svg.getvalue(), png.getvalue(), caption, alt)


def _lay_out_once(sheet: Sheet) -> None:
    """Both files from one layout; else each of them is laid out, and drawn, twice."""
    engine = sheet.get_layout_engine()
    if engine is not None:
        engine.execute(sheet)
    sheet.set_layout_engine("none")


def number(value: float, digits: int = 2) -> str:
    """With a true minus sign, and none before a zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def significant(value: float, digits: int = 2) -> str:
    """To so many significant digits, never in powers of ten.

    >>> significant(0.000395)
    '0.00040'
    """
    return number(value, max(digits - 1 - floor(log10(abs(value))), 0) if value else 0)


def interval(limits: Interval, digits: int = 2) -> str:
    return f"{number(limits[0], digits)} to {number(limits[1], digits)}"


def label(text: str, width: int = 30) -> str:
    """Broken into lines, as arms may have long names."""
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


def zero_line(axes: Axes, *, is_vertical: bool = False) -> None:
    """Where there is no difference."""
    (axes.axvline if is_vertical else axes.axhline)(0, color=GREY, linewidth=0.8, zorder=1)
