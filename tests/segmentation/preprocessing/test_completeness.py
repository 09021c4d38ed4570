"""What is wrong with an exam is said in a sentence before any work is spent on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.exams import ExamFiles, MaskFile, Technician
from segmentation.preprocessing.completeness import Loaded, check_image, load
from segmentation.volumes import Volume
from tests.segmentation.heads import PLACE, head

EXAM = ExamFiles("a", "a", Path("t1c.nii.gz"), Path("flair.nii.gz"))


def _volume(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Volume:
    values = np.random.default_rng(1).integers(0, 100, shape).astype(np.int16)
    return Volume(values, np.diag([*spacing, 1.0]))


@pytest.mark.parametrize(
    ("shape", "spacing", "sentence"),
    [
        ((200, 200, 1), (1, 1, 5), "200 x 200 x 1 voxels, which is too few"),
        ((200, 200, 12), (1, 1, 11), "11 mm long"),
        ((50, 200, 100), (1, 1, 1), "50 x 200 x 100 mm, too small"),
    ],
)
def test_no_image_of_a_head(shape: tuple[int, int, int], spacing: tuple[float, float, float], sentence: str) -> None:
    with pytest.raises(StudyError, match=f"t1c.nii.gz: .*{sentence}"):
        check_image(_volume(shape, spacing), "t1c.nii.gz")


def test_a_constant_image() -> None:
    with pytest.raises(StudyError, match="All voxels have the same value"):
        check_image(Volume(np.full((90, 90, 30), 3, np.int16), np.diag([2.0, 2, 4, 1])), "t1c.nii.gz")


def test_a_short_field_of_view_is_a_warning() -> None:
    assert check_image(_volume((100, 110, 40), (2, 2, 4)), "x") == ()
    assert "200 x 220 x 90 mm may cut the head" in check_image(_volume((100, 110, 30), (2, 2, 3)), "x")[0]


def test_twice_the_same_image() -> None:
    t1c = head().t1c
    with pytest.raises(StudyError, match="the same image"):
        load(EXAM, t1c, t1c)


def _with_masks(folder: Path, *masks: Volume, names: tuple[str, ...] = ()) -> ExamFiles:
    files = []
    for n, mask in enumerate(masks):
        path = folder / f"mask_{n}.nii.gz"
        volumes.save(path, mask)
        files.append(MaskFile(path, names[n] if names else f"part {n}"))
    return replace(EXAM, masks=(Technician("a", tuple(files)),))


def test_a_mask_belongs_to_the_image_on_whose_grid_it_lies(tmp_path: Path) -> None:
    """One on both grids belongs to the FLAIR only if its name says so."""
    t1c = head().t1c
    other = head(PLACE @ np.diag([1, 1, 1.25, 1]), (92, 108, 40)).flair
    on_t1c, on_flair = (Volume((image.array > 600).astype(np.uint8), image.world_from_voxel) for image in (t1c, other))
    loaded = load(_with_masks(tmp_path, on_t1c, on_flair), t1c, other)
    assert [mask.is_on_flair for mask in loaded.masks[0]] == [False, True]
    same = load(_with_masks(tmp_path, on_t1c, on_t1c, names=("t1c", "flair")), t1c, head(seed=2).flair)
    assert [mask.is_on_flair for mask in same.masks[0]] == [False, True]


def test_a_mask_on_neither_grid(tmp_path: Path) -> None:
    exam = head()
    stray = Volume(exam.tumour.astype(np.uint8), PLACE + _shift(0.5))
    with pytest.raises(
        StudyError, match=r"mask_0.nii.gz: The mask lies neither on the grid of the T1c nor on the FLAIR's"
    ):
        load(_with_masks(tmp_path, stray), exam.t1c, exam.flair)


def _shift(mm: float) -> np.ndarray:
    shift = np.zeros((4, 4))
    shift[0, 3] = mm
    return shift


def _load_with_brain(folder: Path, brain: Volume) -> Loaded:
    volumes.save(folder / "brain_mask.nii.gz", brain)
    exam = head()
    return load(replace(EXAM, brain_mask=folder / "brain_mask.nii.gz"), exam.t1c, exam.flair)


def test_a_brain_mask_of_almost_ones(tmp_path: Path) -> None:
    brain = head().brain
    almost = Volume(brain.astype(np.float32) * np.float32(0.99999997), PLACE)
    found = _load_with_brain(tmp_path, almost).brain
    assert found is not None and np.array_equal(found.array, brain)


def test_a_brain_mask_that_is_empty_or_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="brain mask is empty"):
        _load_with_brain(tmp_path, Volume(np.zeros(head().brain.shape, np.uint8), PLACE))
    with pytest.raises(StudyError, match=r"brain_mask.nii.gz: It does not lie in the same place as t1c.nii.gz"):
        _load_with_brain(tmp_path, Volume(head().brain.astype(np.uint8), PLACE + _shift(3)))


def test_empty_masks_are_a_warning(tmp_path: Path) -> None:
    exam = head()
    empty = Volume(np.zeros(exam.brain.shape, np.uint8), PLACE)
    assert load(_with_masks(tmp_path, empty), exam.t1c, exam.flair).warnings == ("All masks are empty.",)
