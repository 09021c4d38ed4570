"""What an exam must be before any work is spent on it (step 2): readable, three-dimensional, plausible, on one grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation import consensus, volumes
from segmentation.errors import StudyError
from segmentation.exams import ExamFiles, Technician
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]
_MIN_SLICES = 10  # of a head: thicker slices than 15 mm are no exam of a tumour
_MIN_FIELD_MM = 80.0
_FIELD_OF_A_HEAD_MM = (130.0, 130.0, 100.0)  # left, front, head
_MAX_SPACING_MM = 10.0
_SAME_MM = 0.01  # drawing programs round a header's numbers
_EXPORT_AGAIN = "Export it again as a 3-D NIfTI image (.nii.gz)."


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """One technician's compartment, on the grid and over the image it was drawn on."""

    volume: Volume
    compartment: str
    is_on_flair: bool


@dataclass(frozen=True, eq=False)
class Loaded:
    """All of an exam in memory; `masks` holds the compartments of each technician."""

    t1c: Volume
    flair: Volume
    masks: tuple[tuple[DrawnMask, ...], ...]
    brain: Volume | None
    warnings: tuple[str, ...]


def check_image(volume: Volume, name: Path | str) -> tuple[str, ...]:
    """Warnings about one image; raises StudyError if it can't be one of a head."""
    size = " x ".join(str(count) for count in volume.shape)
    if min(volume.shape) < _MIN_SLICES:
        raise StudyError(f"The image has {size} voxels, which is too few for a head.", file=name, remedy=_EXPORT_AGAIN)
    if max(volume.spacing_mm) > _MAX_SPACING_MM:
        what = f"The voxels are {max(volume.spacing_mm):.3g} mm long, too long to find a tumour's border."
        raise StudyError(what, file=name, remedy="Check the voxel size in the header.")
    field = [count * step for count, step in zip(volume.shape, volume.spacing_mm, strict=True)]
    if min(field) < _MIN_FIELD_MM:
        what = f"The field of view is {' x '.join(f'{mm:.0f}' for mm in field)} mm, too small for a head."
        raise StudyError(what, file=name, remedy="Check the voxel size in the header.")
    if volume.array.min() == volume.array.max():
        raise StudyError("All voxels have the same value.", file=name, remedy="Export it again.")
    main_axes = np.abs(volume.world_from_voxel[:3, :3]).argmax(0)  # left, front, head of each voxel axis
    if any(mm < _FIELD_OF_A_HEAD_MM[axis] for mm, axis in zip(field, main_axes, strict=True)):
        return (f"{name}: the field of view of {' x '.join(f'{mm:.0f}' for mm in field)} mm may cut the head.",)
    return ()


def load(exam: ExamFiles, t1c: Volume, flair: Volume) -> Loaded:
    """Check both images, and read the masks, each of which has to lie on the grid of one of them."""
    warnings = [*check_image(t1c, exam.t1c), *check_image(flair, exam.flair)]
    if t1c.shape == flair.shape and np.array_equal(t1c.array, flair.array):
        raise StudyError("T1c and FLAIR are the same image.", file=exam.flair, remedy="Give the FLAIR.")
    masks = tuple(_drawn(technician, t1c, flair) for technician in exam.masks)
    if masks and not any(drawn.volume.array.any() for compartments in masks for drawn in compartments):
        warnings.append("All masks are empty.")
    brain = None
    if exam.brain_mask is not None:
        brain = _as_mask(volumes.load(exam.brain_mask), 0.5)  # 0.99999997 is 1, and so may be resampled edges
        volumes.check_same_grid(t1c, brain, exam.t1c.name, str(exam.brain_mask))
        if not brain.array.any():
            raise StudyError("The brain mask is empty.", file=exam.brain_mask, remedy="Draw it again, or remove it.")
    return Loaded(t1c, flair, masks, brain, tuple(warnings))


def agreed_tumour(masks: Sequence[Mapping[str, Mask]]) -> Mask:
    """One mask of all that the technicians drew, by compartment: first the consensus of each, then the union (2.1).

    Where they did not all draw the same compartments, each one's whole tumour takes part in the consensus.
    """
    drawn = {frozenset(compartments) for compartments in masks}
    if len(drawn) == 1:
        agreed = [consensus.consensus([compartments[name] for compartments in masks]) for name in sorted(*drawn)]
        return consensus.whole_tumour(agreed)
    return consensus.consensus([consensus.whole_tumour(list(compartments.values())) for compartments in masks])


def _drawn(technician: Technician, t1c: Volume, flair: Volume) -> tuple[DrawnMask, ...]:
    found = []
    for file in technician.compartments:
        mask = _as_mask(volumes.load(file.path), 0.0)
        on_t1c, on_flair = (volumes.is_same_grid(image, mask, _SAME_MM) for image in (t1c, flair))
        if not (on_t1c or on_flair):
            remedy = "Save it again on the grid of the image it was drawn on."
            what = "The mask lies neither on the grid of the T1c nor on the FLAIR's."
            raise StudyError(what, file=file.path, remedy=remedy)
        found.append(DrawnMask(mask, file.compartment, on_flair and (file.is_on_flair or not on_t1c)))
    return tuple(found)


def _as_mask(volume: Volume, above: float) -> Volume:
    return Volume(volume.array > above, volume.world_from_voxel)
