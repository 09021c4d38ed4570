"""The FLAIR onto the T1c: rigid, by elastix, on whole heads (Mitchell et al. 2020, 2.2, step 3).

Where elastix is not installed, or leads nowhere, SimpleITK's own registration is tried, from many starts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.preprocessing import elastix, multistart
from segmentation.preprocessing.resampling import Grid, Matrix, common_grid, coverage, resample
from segmentation.volumes import Volume

_STARTS = ("GeometricalCenter", "CenterOfGravity")  # the second where the first leads to nothing
_FAR_MM, _TURNED_DEGREES = 100.0, 45.0  # beyond these, no two images of one session
_NOTABLE_MM = 10.0
_OVERLAP = 0.5
_COARSE_MM = (4.0, 4.0, 4.0)
_BINS = 48
_WORSE = 0.002  # of mutual information: sampling noise


@dataclass(frozen=True, eq=False)
class Registered:
    """`moving_from_fixed` takes points of the fixed image's world to the moving image's, 4x4, in mm."""

    moving_from_fixed: Matrix
    findings: dict[str, Any]
    warnings: tuple[str, ...]


def register(fixed: Volume, moving: Volume) -> Registered:
    """The rigid move that fits `moving` to `fixed`; raises StudyError where no plausible one is found.

    The same images give the same result. Judged by what elastix doesn't optimise itself: how far the head moves, how
    much of it both show, and normalised mutual information (Studholme 1999) on a coarse grid, before and after.
    """
    before = similarity(fixed, moving, np.eye(4))
    troubles = []
    for parameters, fit in _ways():
        try:
            matrix = fit(fixed, moving)
            findings, warnings = _judge(fixed, moving, matrix, before)
            return Registered(matrix, {**parameters, **findings}, (*_unusual(parameters), *warnings))
        except StudyError as error:
            troubles.append(error.what)
    remedy = "Look at both images: are they of one exam? If they fit as they are, use --co-registered."
    raise StudyError(f"The FLAIR can't be fitted to the T1c. {troubles[-1]}", remedy=remedy)


def _ways() -> Iterator[tuple[dict[str, Any], Callable[[Volume, Volume], Matrix]]]:
    """What is tried in turn, with what the record says of it."""
    for start in _STARTS if elastix.is_installed() else ():
        yield {"engine": "elastix", "start": start, **elastix.PARAMETERS}, partial(elastix.rigid, start=start)
    yield {"engine": multistart.NAME, **multistart.PARAMETERS}, multistart.rigid


def _unusual(parameters: dict[str, Any]) -> tuple[str, ...]:
    if parameters["engine"] == "elastix":
        return ()
    why = "elastix led nowhere" if elastix.is_installed() else "elastix is not installed"
    return (f"The FLAIR was fitted by SimpleITK's own registration ({why}): look at the picture.",)


def similarity(fixed: Volume, moving: Volume, moving_from_fixed: Matrix) -> float:
    """Normalised mutual information (H(a) + H(b)) / H(a, b) where both have voxels: 1 for unrelated, 2 for the same."""
    grid = common_grid(fixed, _COARSE_MM)
    seen = coverage(moving, grid, moving_from_fixed) & coverage(fixed, grid)
    if not seen.any():
        return 1.0
    values = [resample(fixed, grid).array[seen], resample(moving, grid, "linear", moving_from_fixed).array[seen]]
    ranges = [np.percentile(each, [0.5, 99.5]) for each in values]
    if any(high <= low for low, high in ranges):
        return 1.0
    first, second = (each.clip(*limits) for each, limits in zip(values, ranges, strict=True))
    joint, _, _ = np.histogram2d(first, second, bins=_BINS)
    joint /= joint.sum()
    return (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / _entropy(joint.ravel())


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _judge(fixed: Volume, moving: Volume, matrix: Matrix, before: float) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the move is like; raises StudyError if it is none that a patient makes."""
    corners = Grid.of(fixed).corners()
    moved = corners @ matrix[:3, :3].T + matrix[:3, 3]
    centre_mm = float(np.linalg.norm((moved - corners).mean(0)))
    corner_mm = float(np.linalg.norm(moved - corners, axis=1).mean())
    degrees = float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1))))
    after = similarity(fixed, moving, matrix)
    overlap = float(coverage(moving, common_grid(fixed, _COARSE_MM), matrix).mean())
    findings = {
        "moved_centre_mm": round(centre_mm, 2),
        "moved_corners_mm": round(corner_mm, 2),
        "turned_degrees": round(degrees, 2),
        "field_overlap": round(overlap, 3),
        "mutual_information_before": round(before, 4),
        "mutual_information_after": round(after, 4),
    }
    if centre_mm > _FAR_MM or degrees > _TURNED_DEGREES:
        raise StudyError(f"The best fit moves it by {centre_mm:.0f} mm and turns it by {degrees:.0f} degrees.")
    if overlap < _OVERLAP:
        raise StudyError(f"After the best fit it shows only {overlap:.0%} of the T1c's field of view.")
    if after < before - _WORSE:
        raise StudyError("The best fit is worse than no move at all.")
    if corner_mm <= _NOTABLE_MM:
        return findings, ()
    return findings, (f"The FLAIR was moved by {corner_mm:.0f} mm to fit the T1c: look at the picture.",)
