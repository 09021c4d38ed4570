"""A simulated technician: an outline with the faults of a hand, made from a known truth. Never a person's work.

What a hand does, in the order it is put on: it draws axial slice by axial slice and rounds each (smoothing in the
slice, corners and thin fingers go), it sees the border a little too far out or in (bias), it wanders along it (a
random field with a correlation length), each slice is drawn anew (jitter from slice to slice), thin parts and small
end slices are left out. How large wander, bias and jitter are is set by one number, the Dice overlap with the
truth, so that large and small tumours get outlines of equal quality.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.phantom.anatomy import Field, Grid, smooth_noise
from segmentation.volumes import Volume, reorient

Mask = npt.NDArray[np.bool_]
_MARGIN_MM = 15.0
_HALVINGS = 14


@dataclass(frozen=True)
class Technician:
    """The hand of one simulated technician; lengths in mm, wander and bias before their common scaling."""

    dice: float  # of the outline with the truth
    wander_mm: float  # standard deviation of the border's error
    correlation_mm: float  # along the border and across slices
    bias_mm: float  # above 0 draws too much
    jitter_mm: float  # standard deviation from slice to slice
    rounding_mm: float  # smoothing within a slice
    thinnest_mm: float  # parts thinner than this are missed
    smallest_slice_mm2: float

    def as_dict(self) -> dict[str, Any]:
        """For the record beside the outline."""
        return asdict(self)


def draw_technician(rng: np.random.Generator) -> Technician:
    """A technician at random; Dice 0.82 to 0.92, as between experts on whole tumours (mean 0.85; Menze 2015)."""
    return Technician(
        dice=float(rng.uniform(0.82, 0.92)),
        wander_mm=1.0,
        correlation_mm=float(rng.uniform(7, 16)),
        bias_mm=float(rng.uniform(-0.8, 0.8)),
        jitter_mm=float(rng.uniform(0.1, 0.4)),
        rounding_mm=float(rng.uniform(0.8, 1.6)),
        thinnest_mm=float(rng.uniform(2, 5)),
        smallest_slice_mm2=float(rng.uniform(10, 60)),
    )


def outline(truth: Volume, technician: Technician, seed: int | list[int], brain: Mask | None = None) -> Volume:
    """Draw the outline of `truth` (above 0) on its own grid: 0 and 1, uint8; the same seed gives the same outline.

    Nothing is drawn outside `brain`. Raises StudyError if the truth is empty.
    """
    if not (truth.array > 0).any():
        raise StudyError("The mask is empty, so there is nothing to outline.", remedy="Give a mask with a tumour.")
    upright = reorient(truth, "LPS")  # slices are drawn along the last axis
    whole = upright.array > 0
    part = _around(whole, upright.spacing_mm)
    allowed = None if brain is None else reorient(Volume(brain, truth.world_from_voxel), "LPS").array[part] > 0
    drawn = np.zeros(whole.shape, np.uint8)
    drawn[part] = _draw(whole[part], technician, upright.spacing_mm, np.random.default_rng(seed), allowed)
    back = reorient(Volume(drawn, upright.world_from_voxel), _code_of(truth))
    return Volume(back.array, truth.world_from_voxel)


def _code_of(volume: Volume) -> str:
    from nibabel.orientations import aff2axcodes

    return "".join(aff2axcodes(volume.world_from_voxel))


def _around(mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[slice, ...]:
    """The mask's box and a margin to err in."""
    found = []
    for axis, step in enumerate(spacing_mm):
        at = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        margin = int(np.ceil(_MARGIN_MM / step))
        found.append(slice(max(0, at[0] - margin), at[-1] + margin + 1))
    return tuple(found)


def _draw(
    truth: Mask,
    technician: Technician,
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
    allowed: Mask | None,
) -> Mask:
    """Scale the hand's error, by halving, until the overlap is the technician's."""
    seen = _without_thin_parts(_without_holes(truth), technician.thinnest_mm, spacing_mm)
    distance_mm = _rounded(_inside_mm(seen, spacing_mm), technician.rounding_mm, spacing_mm)
    grid = _Patch(spacing_mm, truth.shape)
    error_mm = technician.wander_mm * smooth_noise(rng, grid, technician.correlation_mm) + technician.bias_mm
    error_mm = error_mm + technician.jitter_mm * rng.standard_normal(truth.shape[2])

    def drawn(scale: float) -> Mask:
        mask = distance_mm + scale * error_mm > 0
        mask &= mask.sum((0, 1)) * spacing_mm[0] * spacing_mm[1] >= technician.smallest_slice_mm2
        return mask if allowed is None else mask & allowed

    low, high = 0.0, _MARGIN_MM / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _overlap(drawn(middle), truth) > technician.dice else (low, middle)
    return drawn(low)


def _overlap(a: Mask, b: Mask) -> float:
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / total


def _without_holes(mask: Mask) -> Mask:
    """Filled slice by slice: a hand draws closed lines."""
    from scipy import ndimage

    return np.stack([ndimage.binary_fill_holes(mask[..., k]) for k in range(mask.shape[2])], axis=2)


def _without_thin_parts(mask: Mask, thinnest_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Opening in each slice by a disc, through distances: what no disc of that width fits into goes."""
    from scipy import ndimage

    flat_mm = (*spacing_mm[:2], 1e4)  # so far apart that slices do not see each other
    core = ndimage.distance_transform_edt(mask, sampling=flat_mm) > thinnest_mm / 2
    if not core.any():
        return mask
    return mask & (ndimage.distance_transform_edt(~core, sampling=flat_mm) <= thinnest_mm / 2)


def _inside_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> Field:
    """Distance to the border, above 0 inside."""
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    half = min(spacing_mm) / 2
    return np.where(mask, inside - half, half - outside).astype(np.float32)


def _rounded(distance_mm: Field, rounding_mm: float, spacing_mm: tuple[float, float, float]) -> Field:
    from scipy import ndimage

    sigma = (rounding_mm / spacing_mm[0], rounding_mm / spacing_mm[1], 0)
    return ndimage.gaussian_filter(distance_mm, sigma, output=np.float32)


@dataclass(frozen=True)
class _Patch(Grid):
    size: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = self.size
        return i, j, k
