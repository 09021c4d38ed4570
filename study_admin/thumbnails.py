"""A small picture of an exam: its T1c in the middle of the tumour, and one outline around what either arm has drawn.

The outline is that of all masks together, so that no picture of the coordinator's window shows one arm alone.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.volumes import Volume, is_same_grid, load, reorient
from study_admin.design import Exam

SIZE = 240  # pixels
_OUTLINE = (255, 64, 64)
_FAINT, _MARGIN = 0.08, 1.05  # share of the brightness that is head, and how much wider than it the picture is
_LOW_PERCENT, _HIGH_PERCENT = 1.0, 99.5

Picture = npt.NDArray[np.uint8]  # (row, column, RGB): the patient's right at the left, the front above


def exam_thumbnail(exam: Exam, size: int = SIZE) -> Picture:
    """The picture of an exam, `size` pixels wide and high."""
    arms = [[path for files in compartments for path in files] for compartments in exam.masks.values()]
    return thumbnail(exam.t1c, arms, size)


def thumbnail(t1c: Path, arms: Sequence[Sequence[Path]], size: int = SIZE) -> Picture:
    """The axial slice in the middle of the union of the arms' masks; the middle of the image if one arm has none.

    Raises StudyError for a file that is no image, and for a mask that isn't on the T1c's grid.
    """
    image = load(t1c)
    drawn_by = [_union(image, t1c, paths) for paths in arms]
    # the outline of what a single arm has drawn would be that arm's
    union = np.logical_or.reduce(drawn_by) & all(drawn.any() for drawn in drawn_by)
    shown = reorient(image, "LPS")
    drawn = reorient(Volume(union.astype(np.uint8), image.world_from_voxel), "LPS").array > 0
    at = _middle(drawn)
    values = shown.array[:, :, at].astype(np.float32).T
    grey = _windowed(values)
    rows, columns = _square(_is_head(values), (shown.spacing_mm[1], shown.spacing_mm[0]), size)
    picture = np.repeat(_between(grey, rows, columns)[:, :, None], 3, axis=2)
    picture[_edge(_nearest(drawn[:, :, at].T, rows, columns))] = _OUTLINE
    return picture.round().astype(np.uint8)


def _union(image: Volume, t1c: Path, paths: Sequence[Path]) -> npt.NDArray[np.bool_]:
    union = np.zeros(image.shape, bool)
    for path in paths:
        mask = load(path)
        if not is_same_grid(image, mask):
            raise StudyError(f"It isn't on the grid of {t1c.name}.", file=path, remedy="Save it again on that grid.")
        union |= mask.array > 0
    return union


def _middle(drawn: npt.NDArray[np.bool_]) -> int:
    """The slice that has half of the drawn voxels below it; it always holds some of them."""
    counts = drawn.sum(axis=(0, 1))
    if not counts.any():
        return drawn.shape[2] // 2
    return int(np.searchsorted(counts.cumsum(), (counts.sum() + 1) // 2))


def _windowed(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Grey values from 0 to 255: the 1st to the 99.5th percentile of what isn't the air around a stripped head."""
    head = grey[grey != grey[0, 0]]
    low, high = np.percentile(head if head.size else grey, (_LOW_PERCENT, _HIGH_PERCENT))
    return np.clip((grey - low) / max(float(high - low), 1e-6), 0, 1) * np.float32(255)


def _is_head(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """What is brighter than the air at the slice's edge; all of it if nothing is."""
    air = np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]))
    head = values > air + _FAINT * (np.percentile(values, _HIGH_PERCENT) - air)
    return head if head.any() else np.ones_like(head)


def _square(
    is_head: npt.NDArray[np.bool_], spacing_mm: tuple[float, float], size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where the rows and columns of a square picture lie among the slice's pixels; the head fills it."""
    places = [np.flatnonzero(is_head.any(axis=axis)) for axis in (1, 0)]
    box = [(int(place[0]), int(place[-1])) for place in places]
    longest_mm = max((last - first + 1) * mm for (first, last), mm in zip(box, spacing_mm, strict=True)) * _MARGIN
    steps_mm = (np.arange(size) + 0.5 - size / 2) * longest_mm / size
    rows, columns = (steps_mm / mm + (first + last) / 2 for (first, last), mm in zip(box, spacing_mm, strict=True))
    return rows, columns


def _nearest(pixels: npt.NDArray, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> npt.NDArray:
    """The nearest pixels; nothing outside the slice."""
    i, j = np.rint(rows).astype(int), np.rint(columns).astype(int)
    is_in = ((i >= 0) & (i < pixels.shape[0]))[:, None] & ((j >= 0) & (j < pixels.shape[1]))[None, :]
    return np.where(is_in, pixels[np.ix_(i.clip(0, pixels.shape[0] - 1), j.clip(0, pixels.shape[1] - 1))], 0)


def _between(
    pixels: npt.NDArray[np.float32], rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Bilinear between the pixels; black outside the slice."""
    i, j = np.floor(rows), np.floor(columns)
    down, right = (rows - i)[:, None], (columns - j)[None, :]
    above = _nearest(pixels, i, j) * (1 - right) + _nearest(pixels, i, j + 1) * right
    below = _nearest(pixels, i + 1, j) * (1 - right) + _nearest(pixels, i + 1, j + 1) * right
    return above * (1 - down) + below * down


def _edge(drawn: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The outer two pixels of what is drawn: seen in a small picture as well."""
    inside = drawn.astype(bool)
    for _ in range(2):
        padded = np.pad(inside, 1)
        inside = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return drawn.astype(bool) & ~inside
