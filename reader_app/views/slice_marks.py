"""What is drawn over a slice: letters, name, scale bar, crosshair and the slice slider. In pixels of the screen."""

import math
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from reader_app.layout import Voxel
from reader_app.placement import Placement

SLIDER_WIDTH = 12  # logical pixels at the right edge that take hold of the slider
_TEXT = QColor("#c8c8c8")
_BOX = QColor(0, 0, 0, 150)
_CROSSHAIR = QColor(96, 138, 168)
_CENTRE_GAP = 7
_TRACK = QColor("#3a3a3a")
_THUMB = QColor("#8c8c8c")
_TEXT_PX = 13
_SCALE_STEPS_MM = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Marks:
    """The words of one view."""

    title: str
    position: str
    left: str
    right: str
    top: str
    bottom: str


def draw_marks(painter: QPainter, placement: Placement, marks: Marks, dpr: float) -> None:
    """Letters at the four edges, the view's name, slice number and scale bar in the corners."""
    width, height = placement.width, placement.height
    edge, slider = 5 * dpr, SLIDER_WIDTH * dpr
    right, bottom = width - slider - edge / 2, height - edge
    middle_x, middle_y = (width - slider) / 2, height / 2
    for text, x, y, align in (
        (marks.left, edge, middle_y, (0.0, 0.5)),
        (marks.right, right, middle_y, (1.0, 0.5)),
        (marks.top, middle_x, edge, (0.5, 0.0)),
        (marks.bottom, middle_x, bottom, (0.5, 1.0)),
        (marks.title, edge, edge, (0.0, 0.0)),
        (marks.position, right, bottom, (1.0, 1.0)),
    ):
        label = _label(text, dpr)
        painter.drawImage(round(x - label.width() * align[0]), round(y - label.height() * align[1]), label)
    _draw_scale(painter, placement, dpr)


def draw_crosshair(painter: QPainter, placement: Placement, cursor: Voxel, dpr: float) -> None:
    """Lines through the middle of the cursor's voxel, which they leave free."""
    x, y = placement.pixel_of(cursor)
    line, gap = max(1, round(dpr)), round(_CENTRE_GAP * dpr)
    left, top = math.floor(x - (line - 1) / 2), math.floor(y - (line - 1) / 2)
    for near, far in ((0, left - gap), (left + line + gap, placement.width)):
        if near < far:
            painter.fillRect(near, top, far - near, line, _CROSSHAIR)
    for near, far in ((0, top - gap), (top + line + gap, placement.height)):
        if near < far:
            painter.fillRect(left, near, line, far - near, _CROSSHAIR)


def draw_slider(painter: QPainter, placement: Placement, at: float, dpr: float) -> None:
    """The place of this slice among all, last slice on top."""
    centre = round(placement.width - SLIDER_WIDTH * dpr / 2)
    top, length = _track(placement, dpr)
    track, thumb_width, thumb_height = round(2 * dpr), round(6 * dpr), round(14 * dpr)
    painter.fillRect(centre - track // 2, round(top), track, round(length), _TRACK)
    thumb_top = round(top + (1 - at) * length) - thumb_height // 2
    painter.fillRect(centre - thumb_width // 2, thumb_top, thumb_width, thumb_height, _THUMB)


def is_on_slider(x: float, placement: Placement, dpr: float) -> bool:
    return x >= placement.width - SLIDER_WIDTH * dpr


def slider_share(y: float, placement: Placement, dpr: float) -> float:
    """The slider's place under a height of the picture: 0 the first slice, at the bottom, 1 the last."""
    top, length = _track(placement, dpr)
    return 1 - min(max((y - top) / length, 0.0), 1.0)


def _track(placement: Placement, dpr: float) -> tuple[float, float]:
    """Top and length of the slider's way."""
    ends = 12 * dpr
    return ends, max(placement.height - 2 * ends, 1.0)


def _draw_scale(painter: QPainter, placement: Placement, dpr: float) -> None:
    """The longest bar of a round length that takes no more than a quarter of the width."""
    fitting = [mm for mm in _SCALE_STEPS_MM if mm * placement.px_per_mm <= placement.width / 4]
    if not fitting:
        return
    length, line, tick = round(fitting[-1] * placement.px_per_mm), max(1, round(dpr)), round(4 * dpr)
    x, y = round(8 * dpr), round(placement.height - 10 * dpr)
    painter.fillRect(x, y, length, line, _TEXT)
    for end in (x, x + length - line):
        painter.fillRect(end, y - tick, line, tick, _TEXT)
    label = _label(f"{fitting[-1]} mm", dpr)
    painter.drawImage(x, y - tick - label.height(), label)


@lru_cache(maxsize=2000)
def _label(text: str, dpr: float) -> QImage:
    """A few words on a small dark box, drawn once; words that change with each slice cost the most of a paint."""
    font = QFont()
    font.setPixelSize(round(_TEXT_PX * dpr))
    font.setFeature(QFont.Tag("tnum"), 1)
    metrics = QFontMetricsF(font)
    pad = 3 * dpr
    width, height = round(metrics.horizontalAdvance(text) + 2 * pad), round(metrics.height())
    label = QImage(max(width, 1), height, QImage.Format.Format_ARGB32_Premultiplied)
    label.fill(_BOX if text else Qt.GlobalColor.transparent)
    painter = QPainter(label)
    painter.setFont(font)
    painter.setPen(_TEXT)
    painter.drawText(QPointF(pad, metrics.ascent()), text)
    painter.end()
    return label
