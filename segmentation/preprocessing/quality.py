"""Pictures to judge each step by: three planes in grey, outlines in colour; one sheet an exam, one page a cohort.

Slices are shown as radiologists do: the patient's right on the left of the picture, the nose up or to the left.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]
Index = tuple[int, int, int]
Colour = tuple[int, int, int]
Outline = tuple[Mask, Colour]
_MM_PER_PIXEL = 0.8
_GAP, _TEXT = 6, 15
_LINE = 1.3
TUMOUR, BRAIN = (255, 80, 60), (255, 210, 0)


@dataclass(frozen=True, eq=False)
class Plate:
    """One step's picture: a heading, what to look for, and rows of panels of one size each."""

    name: str
    heading: str
    rows: Sequence[Sequence[Image.Image]]


def where_to_look(brain: Mask, tumour: Mask | None) -> Index:
    """The voxel whose three slices are shown: where the tumour is widest, else the middle of the brain."""
    mask = tumour if tumour is not None and tumour.any() else brain
    if not mask.any():
        i, j, k = (count // 2 for count in mask.shape)
        return i, j, k
    areas = [mask.sum(axis=tuple(n for n in range(3) if n != axis)) for axis in range(3)]
    if mask is tumour:
        i, j, k = (int(area.argmax()) for area in areas)
    else:
        i, j, k = (int(np.average(np.arange(area.size), weights=area)) for area in areas)
    return i, j, k


def grey(values: npt.NDArray, window: tuple[float, float] | None = None) -> npt.NDArray[np.uint8]:
    """Values to 0-255; without a window, between the 0.5th and the 99.5th percentile of what isn't 0."""
    if window is None:
        shown = values[values != 0]
        window = tuple(np.percentile(shown, [0.5, 99.5])) if shown.size else (0.0, 1.0)
    low, high = window
    return (np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)


def planes(
    picture: npt.NDArray[np.uint8],
    spacing_mm: Spacing,
    at: Index,
    outlines: Sequence[Outline] = (),
) -> list[Image.Image]:
    """Axial, coronal and sagittal slice of a grey or (last axis of 3) coloured image, to scale, with outlines."""
    panels = []
    for axis in (2, 1, 0):
        rest = [n for n in range(3) if n != axis]
        width, height = (max(1, round(picture.shape[n] * spacing_mm[n] / _MM_PER_PIXEL)) for n in rest)
        size = width, height
        slice_ = _upright(picture.take(at[axis], axis), axis)
        panel = Image.fromarray(slice_).convert("RGB").resize(size, Image.Resampling.BILINEAR)
        pixels = np.array(panel)
        for mask, colour in outlines:
            pixels[_outline(_upright(mask.take(at[axis], axis), axis), size)] = colour
        panels.append(Image.fromarray(pixels))
    return panels


def two_colours(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Two grey images in one: the first in cyan, the second in orange-red; borders that fit have no coloured fringe."""
    return np.stack([second, (0.75 * first + 0.25 * second).astype(np.uint8), first], axis=-1)


def save_plate(plate: Plate, path: Path) -> None:
    """The plate as PNG."""
    picture = _drawn(plate)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=False)


def save_sheet(plates: Sequence[Plate], title: str, warnings: Sequence[str], path: Path) -> None:
    """All plates of an exam, one below another, under its name and warnings."""
    drawn = [_drawn(plate) for plate in plates]
    width = max(picture.width for picture in drawn)
    lines = [title, *(f"! {line}" for warning in warnings for line in _wrapped(warning, width))]
    top = _GAP + len(lines) * round(_TEXT * _LINE) + _GAP
    sheet = Image.new("RGB", (width, top + sum(picture.height for picture in drawn)), "black")
    pen = ImageDraw.Draw(sheet)
    for n, line in enumerate(lines):
        colour = "white" if n == 0 else TUMOUR
        pen.text((_GAP, _GAP + n * round(_TEXT * _LINE)), line, fill=colour, font=ImageFont.load_default(_TEXT))
    for picture in drawn:
        sheet.paste(picture, (0, top))
        top += picture.height
    sheet.save(path)


def save_index(rows: Sequence[tuple[str, str, Sequence[str]]], title: str, folder: Path) -> None:
    """The cohort on one page: (exam, address of its sheet or "", warnings or the failure), those to look at first."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(rows, key=lambda row: (bool(row[1]), not row[2], row[0]))
    body = "".join(_article(*row) for row in ordered)
    style = (
        "body{font:15px/1.4 sans-serif;background:#111;color:#eee;margin:2em}img{max-width:100%}"
        "article{border-top:1px solid #555;padding:1em 0}li{color:#ff8a75}h2{font-size:1.1em;margin:0 0 .5em}"
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{style}</style><h1>{html.escape(title)}</h1>{body}</html>\n"
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _article(exam: str, sheet: str, remarks: Sequence[str]) -> str:
    name = html.escape(exam)
    items = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    image = f'<img loading="lazy" src="{html.escape(sheet)}" alt="Pictures of each step of {name}">' if sheet else ""
    return f'<article id="{name}"><h2>{name}</h2>{f"<ul>{items}</ul>" if items else ""}{image}</article>'


def _upright(slice_: npt.ArrayLike, axis: int) -> npt.NDArray:
    """Rows and columns of the screen from a slice of a grid in the order left, back, head."""
    turned = np.swapaxes(np.asarray(slice_), 0, 1)
    return np.ascontiguousarray(turned if axis == 2 else turned[::-1])


def _outline(mask: Mask, size: tuple[int, int]) -> Mask:
    """The border of a mask's slice, a pixel wide on the enlarged picture."""
    large = np.array(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)) > 127
    return large & ~ndimage.binary_erosion(large)


def _drawn(plate: Plate) -> Image.Image:
    heading = _GAP + round(_TEXT * _LINE)
    width = max(sum(panel.width + _GAP for panel in row) for row in plate.rows) + _GAP
    lines = _wrapped(plate.heading, width)
    heading = _GAP + len(lines) * round(_TEXT * _LINE)
    height = heading + sum(max(panel.height for panel in row) + _GAP for row in plate.rows) + _GAP
    picture = Image.new("RGB", (width, height), "black")
    pen = ImageDraw.Draw(picture)
    for n, line in enumerate(lines):
        place = (_GAP, _GAP // 2 + n * round(_TEXT * _LINE))
        pen.text(place, line, fill="white", font=ImageFont.load_default(_TEXT))
    y = heading
    for row in plate.rows:
        x = _GAP
        for panel in row:
            picture.paste(panel, (x, y))
            x += panel.width + _GAP
        y += max(panel.height for panel in row) + _GAP
    return picture


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines that fit."""
    font, lines = ImageFont.load_default(_TEXT), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width - 2 * _GAP:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
