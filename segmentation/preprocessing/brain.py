"""What is true of a brain mask, however it was found, and the brain of an image that is stripped already (step 7)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmentation.errors import StudyError
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice, slice]
PLAUSIBLE_ML = (1000.0, 2000.0)  # adults' intracranial brain, with room for tumour and atrophy
_MIN_ML = 50.0  # below this it is no brain at all
_LARGE_PART = 0.05  # a second piece of more than this is worth a look
_CUT_FACE_MM2 = 400.0  # brain over such an area of an outer face: it goes on outside
_CUT_BELOW_MM2 = 2500.0  # brain stem and tonsils pass the lowest slice of many an exam: up to 1500 in 32
_OUTSIDE = 0.02  # share of the tumour outside the automatic mask
_CLOSING_MM = 3.0


@dataclass(frozen=True, eq=False)
class Brain:
    """The mask, which share of the tumour it would have cut away, and what is to be looked at."""

    mask: Mask
    outside: float
    warnings: tuple[str, ...]


def from_background(volume: Volume) -> Mask:
    """The brain of an image that is stripped already: all that differs from its background, holes filled.

    The background is the value of most of the outer faces' voxels. Raises StudyError if no value is.
    """
    array = volume.array
    faces = np.concatenate([array.take(end, axis).ravel() for axis in range(3) for end in (0, -1)])
    found, counts = np.unique(faces, return_counts=True)
    background = found[counts.argmax()]
    inside = largest_part(array != background)
    if counts.max() < 0.5 * faces.size or inside.mean() > 0.8:
        what = "There is no even background, so this image is not skull-stripped."
        raise StudyError(what, remedy="Leave out --skull-stripped, or give a brain mask.")
    return fill_holes(inside)


def largest_part(mask: Mask) -> Mask:
    """The largest connected piece; an empty mask stays empty."""
    parts, count = ndimage.label(mask)
    if count <= 1:
        return mask
    return parts == np.bincount(parts.ravel())[1:].argmax() + 1


def fill_holes(mask: Mask) -> Mask:
    """Without holes, in 3-D."""
    box = ndimage.find_objects(mask.astype(np.uint8))
    filled = mask.copy()
    if box:
        filled[box[0]] = ndimage.binary_fill_holes(mask[box[0]])
    return filled


def with_tumour(brain: Mask, tumour: Mask, spacing_mm: tuple[float, float, float]) -> Brain:
    """The brain and the tumour, the latter closed and without holes: a tumour at the surface is never cut away.

    deepbet leaves out up to a sixth of a dark tumour at the surface.
    """
    outside = float((tumour & ~brain).sum() / max(1, tumour.sum()))
    mask = fill_holes(brain | fill_holes(_closed(tumour, spacing_mm))) if outside > 0 else brain
    warnings = []
    if outside > _OUTSIDE:
        warnings.append(f"{outside:.0%} of the tumour lies outside the brain mask that was found.")
    return Brain(mask, outside, tuple(warnings))


def judge(mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[str, ...]:
    """What is implausible about a brain mask; raises StudyError if it is no brain at all."""
    volume_ml = float(mask.sum() * np.prod(spacing_mm) / 1000)
    if volume_ml < _MIN_ML:
        what = f"The brain that was found has {volume_ml:.0f} ml."
        raise StudyError(what, remedy="Look at the T1c, or give a brain mask (brain_mask.nii.gz).")
    warnings = []
    low, high = PLAUSIBLE_ML
    if not low <= volume_ml <= high:
        warnings.append(f"The brain has {volume_ml:.0f} ml; {low:.0f} to {high:.0f} ml are usual.")
    parts, count = ndimage.label(mask)
    sizes = np.sort(np.bincount(parts.ravel(), minlength=count + 1)[1:])
    if count > 1 and sizes[-2] > _LARGE_PART * sizes.sum():
        warnings.append("The brain mask consists of several large pieces.")
    if cut := _cut_faces(mask, spacing_mm):
        warnings.append(f"The field of view cuts the brain off ({', '.join(cut)}).")
    return tuple(warnings)


def _cut_faces(mask: Mask, spacing_mm: tuple[float, float, float]) -> list[str]:
    """The outer faces, of a grid in the order left, back, head, that the brain reaches over a large area."""
    names = (("right", "left"), ("front", "back"), ("below", "above"))
    found = []
    for axis, ends in enumerate(names):
        area = np.prod([spacing_mm[n] for n in range(3) if n != axis])
        for end, name in zip((0, -1), ends, strict=True):
            limit = _CUT_BELOW_MM2 if name == "below" else _CUT_FACE_MM2
            if mask.take(end, axis).sum() * area > limit:
                found.append(name)
    return found


def ball(radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """The voxels within a distance of the one in the middle."""
    reach = [int(radius_mm / spacing) for spacing in spacing_mm]
    offsets = np.meshgrid(*[np.arange(-r, r + 1) * s for r, s in zip(reach, spacing_mm, strict=True)], indexing="ij")
    return np.asarray(sum(offset**2 for offset in offsets) <= radius_mm**2)


def box_of(mask: Mask, margin_mm: float, spacing_mm: tuple[float, float, float]) -> Box:
    """The slices of the smallest box around a mask, with a margin where there is room; all, if the mask is empty."""
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return slice(None), slice(None), slice(None)
    margins = [round(margin_mm / spacing) for spacing in spacing_mm]
    i, j, k = (slice(max(0, s.start - m), s.stop + m) for s, m in zip(found[0], margins, strict=True))
    return i, j, k


def _closed(mask: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """Closed with a ball: clefts are filled."""
    body = ball(_CLOSING_MM, spacing_mm)
    reach = [count // 2 for count in body.shape]
    closed = ndimage.binary_closing(np.pad(mask, [(r, r) for r in reach]), body)
    return closed[tuple(slice(r, -r or None) for r in reach)]
