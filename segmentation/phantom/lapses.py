"""What a simulated technician takes for tumour, where that is not the truth: lapses of the eye, not of the hand.

Each was seen in practice: a satellite missed; enhancement missed because only the FLAIR was looked at (both methods in
exam B of Mitchell et al. 2020, figure 2); hyperintense white matter about the ventricles taken for oedema (exam A).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
_REACH_MM = 25.0  # hyperintensities further from the tumour are not mistaken for it
_SMALLEST_ML = 0.3  # a part of the tumour smaller than this is a crumb, not a satellite


@dataclass(frozen=True)
class Parts:
    """What the eye could be misled by, on the grid of the truth."""

    oedema: Mask
    hyperintensity: Mask


class Habits(Protocol):
    """How often a technician errs, as probabilities for an exam."""

    @property
    def misses_satellite(self) -> float: ...
    @property
    def misses_enhancement(self) -> float: ...
    @property
    def includes_hyperintensity(self) -> float: ...


def believed(
    truth: Mask,
    habits: Habits,
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
    parts: Parts | None = None,
) -> Mask:
    """The extent a technician has in mind before drawing; never empty."""
    satellite, enhancement, hyperintensity = rng.random(3)
    seen = truth
    if satellite < habits.misses_satellite:
        seen = _without_satellites(seen, float(np.prod(spacing_mm)) / 1000)
    if parts is None:
        return seen
    if enhancement < habits.misses_enhancement:
        only_flair = filled(parts.oedema & seen)
        seen = only_flair if only_flair.any() else seen
    if hyperintensity < habits.includes_hyperintensity:
        seen = seen | _nearby(parts.hyperintensity, seen, spacing_mm)
    return seen


def _without_satellites(mask: Mask, voxel_ml: float) -> Mask:
    """The largest connected part, and crumbs."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    is_kept = (sizes * voxel_ml < _SMALLEST_ML) & (sizes > 0)
    is_kept[sizes.argmax()] = True
    return is_kept[labels]


def filled(mask: Mask) -> Mask:
    """Without holes, slice by slice: a hand draws closed lines, and takes along what they enclose."""
    from scipy import ndimage

    return np.stack([ndimage.binary_fill_holes(mask[..., k]) for k in range(mask.shape[2])], axis=2)


def _nearby(mask: Mask, tumour: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """What of a mask lies close to the tumour."""
    from scipy import ndimage

    return mask & (ndimage.distance_transform_edt(~tumour, sampling=spacing_mm) < _REACH_MM)
