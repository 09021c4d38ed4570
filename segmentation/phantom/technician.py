"""A simulated technician: an outline with the faults of a hand, made from a known truth. Never a person's work.

What a hand does, in the order it is put on: it draws axial slice by axial slice, or only every second or third and
lets the program fill in between, and rounds each (smoothing in the slice, corners and thin fingers go), it sees the
border a little too far out or in (bias), it wanders along it (a random field with a correlation length), each slice is
drawn anew (jitter from slice to slice), thin parts and small end slices are left out. How large wander, bias and jitter
are is set by one number, the Dice overlap with what the technician took for tumour, so that large and small tumours
get outlines of equal quality. What a technician takes for tumour may itself be wrong: see `lapses`.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.phantom.anatomy import Field, Part, smooth_noise
from segmentation.phantom.lapses import Parts, believed, filled
from segmentation.volumes import Volume, reorient

Mask = npt.NDArray[np.bool_]
_MARGIN_MM = 15.0
_HALVINGS = 14


@dataclass(frozen=True)
class Technician:
    """The habits of one simulated technician; lengths in mm, wander and bias before their common scaling."""

    dice: float  # of the outline with what was taken for tumour
    wander_mm: float  # standard deviation of the border's error
    correlation_mm: float  # along the border and across slices
    bias_mm: float  # above 0 draws too much
    jitter_mm: float  # standard deviation from slice to slice
    rounding_mm: float  # smoothing within a slice
    thinnest_mm: float  # parts thinner than this are missed
    smallest_slice_mm2: float
    every_slice: int = 1  # every so many slices are drawn, those between are interpolated
    misses_satellite: float = 0.0  # probability, for an exam
    misses_enhancement: float = 0.0
    includes_hyperintensity: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For the record beside the outline."""
        return asdict(self)


def draw_technician(rng: np.random.Generator, errors: float = 1.0) -> Technician:
    """A technician at random; Dice 0.81 to 0.95 before lapses.

    Two experts' whole tumours overlap by 0.85, standard deviation 0.08 (Menze et al. 2015, IEEE TMI 34:1993). `errors`
    multiplies what is missing to a Dice of 1, and the probability of a lapse.
    """
    return Technician(
        dice=float(max(0.4, 1 - errors * rng.uniform(0.05, 0.19))),
        wander_mm=1.0,
        correlation_mm=float(rng.uniform(7, 16)),
        bias_mm=float(rng.uniform(-0.8, 0.8)),
        jitter_mm=float(rng.uniform(0.1, 0.4)),
        rounding_mm=float(rng.uniform(0.8, 1.6)),
        thinnest_mm=float(rng.uniform(2, 5)),
        smallest_slice_mm2=float(rng.uniform(10, 60)),
        every_slice=int(rng.choice([1, 1, 1, 2, 3])),
        misses_satellite=float(min(1, errors * rng.uniform(0, 0.5))),
        misses_enhancement=float(min(1, errors * rng.uniform(0, 0.3))),
        includes_hyperintensity=float(min(1, errors * rng.uniform(0, 0.3))),
    )


def outline(
    truth: Volume,
    technician: Technician,
    seed: int | list[int],
    brain: Mask | None = None,
    parts: Parts | None = None,
) -> Volume:
    """Draw the outline of `truth` (above 0) on its own grid: 0 and 1, uint8; the same seed gives the same outline.

    Nothing is drawn outside `brain`. Without `parts` only satellites can be missed. Raises StudyError if the truth is
    empty.
    """
    if not (truth.array > 0).any():
        raise StudyError("The mask is empty, so there is nothing to outline.", remedy="Give a mask with a tumour.")
    upright = reorient(truth, "LPS")  # slices are drawn along the last axis
    if parts is not None:
        parts = Parts(*(_upright(mask, truth) for mask in (parts.oedema, parts.hyperintensity)))
    rng = np.random.default_rng(seed)
    whole = believed(upright.array > 0, technician, upright.spacing_mm, rng, parts)
    part = _around(whole, upright.spacing_mm)
    allowed = None if brain is None else _upright(brain, truth)[part]
    drawn = np.zeros(whole.shape, np.uint8)
    drawn[part] = _draw(whole[part], technician, upright.spacing_mm, rng, allowed)
    back = reorient(Volume(drawn, upright.world_from_voxel), _code_of(truth))
    return Volume(back.array, truth.world_from_voxel)


def _upright(mask: Mask, like: Volume) -> Mask:
    return reorient(Volume(mask, like.world_from_voxel), "LPS").array > 0


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
    seen = _without_thin_parts(filled(truth), technician.thinnest_mm, spacing_mm)
    distance_mm = _rounded(_inside_mm(seen, spacing_mm), technician.rounding_mm, spacing_mm)
    grid = Part(spacing_mm, truth.shape)
    error_mm = technician.wander_mm * smooth_noise(rng, grid, technician.correlation_mm) + technician.bias_mm
    error_mm = error_mm + technician.jitter_mm * rng.standard_normal(truth.shape[2])

    def drawn(scale: float) -> Mask:
        mask = _between(distance_mm + scale * error_mm, technician.every_slice) > 0
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


def _between(field: Field, every: int) -> Field:
    """Only every so many slices kept, the others interpolated between them, as drawing programs do."""
    if every == 1:
        return field
    drawn = np.arange(0, field.shape[2], every)
    at = np.minimum(np.arange(field.shape[2]) / every, len(drawn) - 1)
    low = np.minimum(at.astype(int), len(drawn) - 2) if len(drawn) > 1 else np.zeros(len(at), int)
    weight = (at - low).astype(np.float32)
    above = np.minimum(low + 1, len(drawn) - 1)
    return field[..., drawn[low]] * (1 - weight) + field[..., drawn[above]] * weight
