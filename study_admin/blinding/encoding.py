"""One exam made ready for a reader: checked, on one grid, and each file in the one form that tells nothing.

Both masks go through the same lines of code; what made them can't be told from the files, only from the voxels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.volumes import Volume
from study_admin.design import Exam, MaskRule, StudyProblemsError

ORIENTATION = "LPS"  # the order the reader app shows; masks may come in any other and lose nothing
_SAME_GRID = "Save the segmentation on the exact grid of the T1c."
_PREPROCESS = "Bring the two onto one grid with `segmentation preprocess`."


@dataclass(frozen=True)
class EncodedExam:
    """The four files of an exam as bytes; the masks are equally long, in the order of the study's arms."""

    t1c: bytes
    flair: bytes
    masks: tuple[bytes, bytes]


def encode_exam(
    exam: Exam, arms: tuple[str, str], *, rule: MaskRule = MaskRule.BINARY, are_empty_masks_allowed: bool = False
) -> EncodedExam:
    """Check an exam and encode it; raises `StudyProblemsError` with everything that's wrong with it."""
    problems: list[StudyError] = []
    t1c = _load(exam.t1c, problems)
    flair = _load(exam.flair, problems)
    masks = [_load(exam.masks[arm], problems) for arm in arms]
    for image, path in ((t1c, exam.t1c), (flair, exam.flair)):
        if image is not None and image.array.min() == image.array.max():
            what = f"The image has the value {image.array.flat[0]:g} everywhere."
            problems.append(StudyError(what, file=path, remedy="Give the exam's own image."))
    if t1c is not None and flair is not None:
        _check_grid(t1c, flair, exam.flair, _PREPROCESS, problems)
    ready = []
    for arm, mask in zip(arms, masks, strict=True):
        if mask is not None:
            if t1c is not None:
                _check_grid(t1c, mask, exam.masks[arm], _SAME_GRID, problems)
            ready.append(_binary(mask.array, exam.masks[arm], rule, are_empty_masks_allowed, problems))
    if problems or t1c is None or flair is None:
        raise StudyProblemsError(problems)
    return _encode(t1c, flair, ready)


def _load(path: Path, problems: list[StudyError]) -> Volume | None:
    try:
        return volumes.reorient(volumes.load(path), ORIENTATION)
    except StudyError as error:
        problems.append(error)
        return None


def _check_grid(t1c: Volume, other: Volume, path: Path, remedy: str, problems: list[StudyError]) -> None:
    if t1c.shape != other.shape:
        sizes = " and ".join("×".join(str(count) for count in image.shape) for image in (other, t1c))
        what = f"It has another number of voxels than the exam's T1c ({sizes})."
    elif not volumes.is_same_grid(t1c, other):
        what = f"By its header it lies {_farthest_mm(t1c, other):.3g} mm away from the exam's T1c."
    else:
        return
    problems.append(StudyError(what, file=path, remedy=remedy))


def _farthest_mm(a: Volume, b: Volume) -> float:
    """Largest distance between the same corner voxel of two grids of one shape."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(a.shape) - 1)
    apart = np.c_[corners, np.ones(8)] @ (a.world_from_voxel - b.world_from_voxel).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())


def _binary(
    array: npt.NDArray, path: Path, rule: MaskRule, is_empty_allowed: bool, problems: list[StudyError]
) -> npt.NDArray[np.uint8]:
    """0 and 1 as uint8. Values off a whole number by a rounding (0.99999997) count as that number."""
    labels = np.rint(array) if array.dtype.kind == "f" else array
    found = len(problems)
    if labels is not array and np.abs(labels - array).max() > 1e-3:
        remedy = "Cut the probabilities at a threshold first, and save 0 and 1."
        problems.append(StudyError("The mask holds fractions, not labels.", file=path, remedy=remedy))
    elif labels.min() < 0:
        problems.append(StudyError("The mask holds labels below 0.", file=path, remedy="Save it again with 0 and 1."))
    elif rule is MaskRule.BINARY and labels.max() > 1:
        values = [f"{value:g}" for value in np.unique(labels)]
        listed = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
        remedy = "If every label above 0 is tumour, say so with --mask-rule nonzero; else save the mask with 0 and 1."
        problems.append(StudyError(f"The mask holds the labels {listed}.", file=path, remedy=remedy))
    mask = (labels > 0).astype(np.uint8)
    if len(problems) == found and not is_empty_allowed and not mask.any():
        remedy = "Check the file; if nothing was to be found there, allow it with --allow-empty-masks."
        problems.append(StudyError("The mask is empty.", file=path, remedy=remedy))
    return mask


def _encode(t1c: Volume, flair: Volume, masks: list[npt.NDArray[np.uint8]]) -> EncodedExam:
    """All four with the geometry of the T1c, so that headers differ neither between masks nor from the image."""
    place = t1c.world_from_voxel
    first, second = (volumes.encode(Volume(mask, place), dtype=np.uint8) for mask in masks)
    length = max(len(first), len(second))
    return EncodedExam(
        _encode_image(t1c.array, place),
        _encode_image(flair.array, place),
        (volumes.pad_gzip(first, length), volumes.pad_gzip(second, length)),
    )


def _encode_image(array: npt.NDArray, place: npt.NDArray[np.float64]) -> bytes:
    """int16 where that changes no value, float32 else."""
    try:
        return volumes.encode(Volume(array, place), dtype=np.int16)
    except StudyError:
        return volumes.encode(Volume(array, place), dtype=np.float32)
