"""One exam made ready for a reader: checked, on one grid, and each file in the one form that tells nothing.

Both masks go through the same lines of code; what made them can't be told from the files, only from the voxels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.consensus import consensus, whole_tumour
from segmentation.errors import StudyError
from segmentation.volumes import Volume
from study_admin.design import Exam, Heads, MaskRule, StudyProblemsError

Mask = npt.NDArray[np.bool_]
ORIENTATION = "LPS"  # the order the reader app shows; masks may come in any other and lose nothing
_SAME_GRID = "Save the segmentation on the exact grid of the T1c."
COUNT_ALL = 'in the form "every label above 0 counts" (in study.toml rule = "nonzero", or --mask-rule nonzero)'
ALLOW_EMPTY = "in the form (in study.toml allow_empty = true, or --allow-empty-masks)"
_MAKE_BRAIN = "Make it again, or show the images as they are."
_PREPROCESS = "Bring the two onto one grid with `segmentation preprocess`."


@dataclass(frozen=True)
class EncodedExam:
    """The four files of an exam as bytes; the masks are equally long, in the order of the study's arms."""

    t1c: bytes
    flair: bytes
    masks: tuple[bytes, bytes]


def encode_exam(
    exam: Exam,
    arms: tuple[str, str],
    *,
    rule: MaskRule = MaskRule.BINARY,
    are_empty_masks_allowed: bool = False,
    heads: Heads = Heads.AS_THEY_ARE,
) -> EncodedExam:
    """Check an exam and encode it; raises `StudyProblemsError` with everything that's wrong with it."""
    return _encode(load_exam(exam, arms, rule=rule, are_empty_masks_allowed=are_empty_masks_allowed, heads=heads))


@dataclass(frozen=True, eq=False)
class LoadedExam:
    """An exam's voxels as readers will see them: all on the grid of the T1c, masks 0 and 1 in the order of the arms."""

    t1c: Volume
    flair: Volume
    masks: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
    empty_files: tuple[Path, ...]  # of masks of which others make up a tumour


def load_exam(
    exam: Exam,
    arms: tuple[str, str],
    *,
    rule: MaskRule = MaskRule.BINARY,
    are_empty_masks_allowed: bool = False,
    heads: Heads = Heads.AS_THEY_ARE,
) -> LoadedExam:
    """Read and check an exam; raises `StudyProblemsError` with everything that's wrong with it."""
    problems: list[StudyError] = []
    t1c = _load(exam.t1c, problems)
    flair = _load(exam.flair, problems)
    for image, path in ((t1c, exam.t1c), (flair, exam.flair)):
        if image is not None and image.array.min() == image.array.max():
            what = f"The image has the value {image.array.flat[0]:g} everywhere."
            problems.append(StudyError(what, file=path, remedy="Give the exam's own image."))
    if t1c is not None and flair is not None:
        _check_grid(t1c, flair, exam.flair, _PREPROCESS, problems)
    masks = _Masks(rule, problems, t1c)
    first, second = (masks.of_arm(exam.masks[arm], are_empty_masks_allowed) for arm in arms)
    brain = masks.brain(exam) if heads is Heads.BRAIN_ONLY else None
    if problems or t1c is None or flair is None:
        raise StudyProblemsError(problems)
    if brain is not None:
        # with both tumours, so that no outline lies on black; of both arms alike, so that the cut tells nothing
        seen = whole_tumour([brain, first, second])
        t1c, flair = (Volume(image.array * seen, image.world_from_voxel) for image in (t1c, flair))
    return LoadedExam(t1c, flair, (first.astype(np.uint8), second.astype(np.uint8)), tuple(masks.empty))


@dataclass(frozen=True, eq=False)
class LoadedMasks:
    """The masks of an exam in the order of the arms, without its images."""

    masks: tuple[Mask, Mask]
    spacing_mm: tuple[float, float, float]


def load_masks(exam: Exam, arms: tuple[str, str], *, rule: MaskRule = MaskRule.BINARY) -> LoadedMasks:
    """The same masks as `load_exam` gives, in a fraction of the time; empty ones are let pass.

    That they lie on the grid of the T1c is known from when the exam was loaded whole; here only that they share one.
    Raises `StudyProblemsError` with everything that's wrong with them.
    """
    problems: list[StudyError] = []
    masks = _Masks(rule, problems)
    first, second = (masks.of_arm(exam.masks[arm], is_empty_allowed=True) for arm in arms)
    if problems or masks.grid is None:
        raise StudyProblemsError(problems)
    return LoadedMasks((first, second), masks.grid.spacing_mm)


class _Masks:
    """Reads the masks of one exam and checks them against its T1c, or else against the first of them."""

    def __init__(self, rule: MaskRule, problems: list[StudyError], t1c: Volume | None = None) -> None:
        self._rule, self._problems = rule, problems
        self._grid_of = "T1c" if t1c is not None else "first mask"
        self.grid = t1c
        self.empty: list[Path] = []

    def of_arm(self, compartments: Sequence[Sequence[Path]], is_empty_allowed: bool) -> npt.NDArray[np.bool_]:
        """The whole tumour; anything at all if there was a problem."""
        found = len(self._problems)
        merged = [[self._read(path, self._rule) for path in files] for files in compartments]
        if len(self._problems) > found:
            return np.zeros((1, 1, 1), np.bool_)
        tumour = whole_tumour([consensus([mask for mask in masks if mask is not None]) for masks in merged])
        files = [path for paths in compartments for path in paths]
        if not tumour.any() and not is_empty_allowed:
            what = "The mask is empty." if len(files) == 1 else f"The {len(files)} masks leave no tumour together."
            remedy = f"Check the file; if nothing was to be found there, allow it: {ALLOW_EMPTY}."
            self._problems.append(
                StudyError(what, file=files[0] if len(files) == 1 else files[0].parent, remedy=remedy)
            )
        return tumour

    def brain(self, exam: Exam) -> npt.NDArray[np.bool_]:
        """The brain; anything at all if there was a problem."""
        if exam.brain_mask is None:
            what = f"The exam {exam.name} has no brain mask to cut it out with."
            self._problems.append(StudyError(what, remedy="Say which file it is, or show the images as they are."))
            return np.zeros((1, 1, 1), np.bool_)
        brain = self._read(exam.brain_mask, MaskRule.NONZERO)
        if brain is not None and not brain.any():
            self._problems.append(StudyError("The brain mask is empty.", file=exam.brain_mask, remedy=_MAKE_BRAIN))
        return np.zeros((1, 1, 1), np.bool_) if brain is None else brain

    def _read(self, path: Path, rule: MaskRule) -> Mask | None:
        """None if there was a problem."""
        found = len(self._problems)
        try:
            mask = volumes.load(path)
        except StudyError as error:
            self._problems.append(error)
            return None
        of_labels: list[StudyError] = []
        # turned when there is one byte left of each voxel
        binary = volumes.reorient(
            Volume(_binary(mask.array, path, rule, of_labels), mask.world_from_voxel), ORIENTATION
        )
        if self.grid is not None:
            _check_grid(self.grid, binary, path, _SAME_GRID, self._problems, self._grid_of)
        self.grid = self.grid or binary
        self._problems.extend(of_labels)
        if not binary.array.any():
            self.empty.append(path)
        return None if len(self._problems) > found else binary.array


def _load(path: Path, problems: list[StudyError]) -> Volume | None:
    try:
        return volumes.reorient(volumes.load(path), ORIENTATION)
    except StudyError as error:
        problems.append(error)
        return None


def _check_grid(
    t1c: Volume, other: Volume, path: Path, remedy: str, problems: list[StudyError], name: str = "T1c"
) -> None:
    if t1c.shape != other.shape:
        sizes = " and ".join("×".join(str(count) for count in image.shape) for image in (other, t1c))
        what = f"It has another number of voxels than the exam's {name} ({sizes})."
    elif not volumes.is_same_grid(t1c, other):
        what = f"By its header it lies {_farthest_mm(t1c, other):.3g} mm away from the exam's {name}."
    else:
        return
    problems.append(StudyError(what, file=path, remedy=remedy))


def _farthest_mm(a: Volume, b: Volume) -> float:
    """Largest distance between the same corner voxel of two grids of one shape."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(a.shape) - 1)
    apart = np.c_[corners, np.ones(8)] @ (a.world_from_voxel - b.world_from_voxel).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())


def _binary(array: npt.NDArray, path: Path, rule: MaskRule, problems: list[StudyError]) -> npt.NDArray[np.bool_]:
    """What counts as segmented. Values off a whole number by a rounding (0.99999997) count as that number."""
    labels = np.rint(array) if array.dtype.kind == "f" else array
    if labels is not array and np.abs(labels - array).max() > 1e-3:
        remedy = "Cut the probabilities at a threshold first, and save 0 and 1."
        problems.append(StudyError("The mask holds fractions, not labels.", file=path, remedy=remedy))
    elif labels.min() < 0:
        problems.append(StudyError("The mask holds labels below 0.", file=path, remedy="Save it again with 0 and 1."))
    elif rule is MaskRule.BINARY and labels.max() > 1:
        values = [f"{value:g}" for value in np.unique(labels)]
        listed = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
        remedy = f"If every label above 0 is tumour, say so: {COUNT_ALL}; else save the mask with 0 and 1."
        problems.append(StudyError(f"The mask holds the labels {listed}.", file=path, remedy=remedy))
    return labels > 0


def _encode(exam: LoadedExam) -> EncodedExam:
    """All four with the geometry of the T1c, so that headers differ neither between masks nor from the image."""
    place = exam.t1c.world_from_voxel
    first, second = (volumes.encode(Volume(mask, place), dtype=np.uint8) for mask in exam.masks)
    length = max(len(first), len(second))
    return EncodedExam(
        _encode_image(exam.t1c.array, place),
        _encode_image(exam.flair.array, place),
        (volumes.pad_gzip(first, length), volumes.pad_gzip(second, length)),
    )


def _encode_image(array: npt.NDArray, place: npt.NDArray[np.float64]) -> bytes:
    """int16 where that changes no value, float32 else."""
    try:
        return volumes.encode(Volume(array, place), dtype=np.int16)
    except StudyError:
        return volumes.encode(Volume(array, place), dtype=np.float32)
