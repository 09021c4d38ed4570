"""How far two masks of one exam agree: overlap, volumes, distances of their surfaces; and the numbers of Table 3.

One mask is the reference (in the paper, the technicians'), the other is held against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmentation.errors import StudyError

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Overlap:
    """Shares from 0 to 1, and the volumes they are of. `has_empty` says that 0/0 was settled by the rule of `dice`."""

    dice: float
    recall: float
    precision: float
    reference_ml: float
    other_ml: float
    has_empty: bool


@dataclass(frozen=True)
class SurfaceDistances:
    """Between two surfaces, both directions taken together, in mm."""

    mean_mm: float
    percentile_95_mm: float


@dataclass(frozen=True)
class Summary:
    """A row of Table 3. Quartiles interpolated (numpy, R's type 7); `sd` and `se` are None for a single value."""

    n: int
    mean: float
    sd: float | None
    se: float | None
    median: float
    quartiles: Interval
    minimum: float
    maximum: float


def dice(a: Mask, b: Mask) -> float:
    """Overlap of two masks on one grid: 2|a∩b| / (|a|+|b|), from 0 to 1 (Dice 1945).

    Two empty masks score 1: with nothing to find, finding nothing is right, and nan would silently drop lesion-free
    exams from every mean. Raises StudyError if the shapes differ.

    >>> dice(np.array([1, 1, 0], bool), np.array([0, 1, 1], bool))
    0.5
    """
    both, in_a, in_b = _counts(a, b)
    return 2 * both / (in_a + in_b) if in_a + in_b else 1.0


def recall(reference: Mask, other: Mask) -> float:
    """How much of the reference the other mask holds.

    If one mask is empty and the other isn't, it is 0, and so is the precision: else drawing nothing would be rewarded.

    >>> recall(np.array([1, 1, 1, 1], bool), np.array([0, 0, 0, 1], bool))
    0.25
    """
    both, in_reference, in_other = _counts(reference, other)
    return both / in_reference if in_reference else float(in_other == 0)


def precision(reference: Mask, other: Mask) -> float:
    """How much of the other mask lies in the reference; empty masks as in `recall`."""
    return recall(other, reference)


def volume_ml(mask: Mask, spacing_mm: Spacing) -> float:
    """Voxels times their size.

    >>> volume_ml(np.ones((10, 10, 10), bool), (1.0, 1.0, 2.0))
    2.0
    """
    return float(np.count_nonzero(mask) * np.prod(spacing_mm) / 1000)


def overlap(reference: Mask, other: Mask, spacing_mm: Spacing) -> Overlap:
    """All of the above, from one count. Raises StudyError if the shapes differ."""
    both, in_reference, in_other = _counts(reference, other)
    ml = float(np.prod(spacing_mm)) / 1000
    total = in_reference + in_other
    nothing = float(total == 0)
    return Overlap(
        dice=2 * both / total if total else 1.0,
        recall=both / in_reference if in_reference else nothing,
        precision=both / in_other if in_other else nothing,
        reference_ml=in_reference * ml,
        other_ml=in_other * ml,
        has_empty=not (in_reference and in_other),
    )


def surface_distances(a: Mask, b: Mask, spacing_mm: Spacing) -> SurfaceDistances | None:
    """Distances from the surface voxels of each mask to the nearest of the other's; None if just one mask is empty.

    A surface voxel has one of its six neighbours outside the mask, or outside the image. Distances run between voxel
    centres, those of both directions in one list; other programs take the larger of two 95th percentiles, one for each
    direction, which is never less. Two empty masks are 0 apart, as their Dice is 1. Raises StudyError as `dice`.
    """
    _, in_a, in_b = _counts(a, b)
    if not (in_a and in_b):
        return None if in_a or in_b else SurfaceDistances(0.0, 0.0)
    (box,) = ndimage.find_objects((a | b).astype(np.uint8))
    surfaces = [_surface(mask[box]) for mask in (a, b)]
    to_a, to_b = (ndimage.distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces)
    apart_mm = np.concatenate([to_b[surfaces[0]], to_a[surfaces[1]]])
    return SurfaceDistances(float(apart_mm.mean()), float(np.percentile(apart_mm, 95)))


def summary(values: Sequence[float]) -> Summary | None:
    """Mean ± standard error, median and spread over exams; None without any."""
    x = np.asarray(values, float)
    if not len(x):
        return None
    sd = float(x.std(ddof=1)) if len(x) > 1 else None
    low, median, high = (float(q) for q in np.quantile(x, [0.25, 0.5, 0.75]))
    return Summary(
        n=len(x), mean=float(x.mean()), sd=sd, se=None if sd is None else sd / len(x) ** 0.5, median=median,
        quartiles=(low, high), minimum=float(x.min()), maximum=float(x.max()),
    )  # fmt: skip


def _counts(a: Mask, b: Mask) -> tuple[int, int, int]:
    """Voxels in both, in a, in b."""
    if a.dtype != np.bool_ or b.dtype != np.bool_:
        raise ValueError("A mask is True and False")
    if a.shape != b.shape:
        sizes = " and ".join("×".join(str(count) for count in mask.shape) for mask in (a, b))
        raise StudyError(f"The masks to compare have different sizes ({sizes}).", remedy="Save them on one grid.")
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a)), int(np.count_nonzero(b))


def _surface(mask: Mask) -> Mask:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))
