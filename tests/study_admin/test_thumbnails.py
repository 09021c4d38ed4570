"""Pictures of exams: the right slice, square millimetres, and one outline that tells neither arm from the other."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from segmentation.errors import StudyError
from study_admin.design import Exam
from study_admin.thumbnails import Picture, exam_thumbnail, thumbnail
from tests.study_admin.made_up_exams import write_image

SHAPE = (40, 40, 9)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])  # indices run to the left, back and head, as the picture does


def ball(*slices: slice) -> npt.NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    mask[slices] = 1
    return mask


def write(path: Path, array: npt.NDArray, affine: npt.NDArray = AFFINE) -> Path:
    return write_image(path, array, affine=affine)


@pytest.fixture
def t1c(tmp_path: Path) -> Path:
    """A head of 30 × 30 voxels in air, brighter in each slice."""
    image = np.zeros(SHAPE, np.int16)
    image[5:35, 5:35] = 100 + 10 * np.arange(9)
    image[5:35, 5:20] += 500  # the front half
    return write(tmp_path / "t1c.nii.gz", image)


def red(picture: Picture) -> npt.NDArray[np.bool_]:
    return (picture[..., 0] > 200) & (picture[..., 1] < 100)


def test_the_outline_is_that_of_both_arms_together(tmp_path: Path, t1c: Path) -> None:
    """Two masks in two files, either way round, give the picture of their union in one file; one alone doesn't."""
    one, other = ball(slice(10, 20), slice(10, 20), slice(2, 7)), ball(slice(15, 28), slice(12, 24), slice(2, 7))
    first, second = write(tmp_path / "a.nii.gz", one), write(tmp_path / "b.nii.gz", other)
    union = write(tmp_path / "both.nii.gz", one | other)
    together = thumbnail(t1c, [[first], [second]])
    assert np.array_equal(together, thumbnail(t1c, [[second], [first]]))
    assert np.array_equal(together, thumbnail(t1c, [[union], [union]]))
    assert not np.array_equal(together, thumbnail(t1c, [[first], [first]]))
    exam = Exam("case01", t1c, t1c, {"x": ((first,),), "y": ((second,),)})
    assert np.array_equal(together, exam_thumbnail(exam))


def test_an_arm_that_found_nothing_leaves_no_outline_of_the_other_alone(tmp_path: Path, t1c: Path) -> None:
    drawn = write(tmp_path / "a.nii.gz", ball(slice(10, 20), slice(10, 20), slice(2, 7)))
    nothing = write(tmp_path / "b.nii.gz", np.zeros(SHAPE, np.uint8))
    assert not red(thumbnail(t1c, [[drawn], [nothing]])).any()
    assert red(thumbnail(t1c, [[drawn, nothing], [drawn]])).any()  # an empty compartment is no empty mask


def test_the_slice_is_the_middle_of_the_tumour(tmp_path: Path, t1c: Path) -> None:
    """Slices 2, 3 and 4 hold 100, 100 and 225 of 425 voxels: half of them is passed in slice 4."""
    mask = ball(slice(10, 20), slice(10, 20), slice(2, 4))
    mask[10:25, 10:25, 4] = 1
    picture = thumbnail(t1c, [[write(tmp_path / "a.nii.gz", mask)]], size=240)
    rows, columns = np.nonzero(red(picture))
    scale = 240 / (30 * 1.05)  # the head's 30 voxels and 5 % around fill the picture
    assert rows.max() - rows.min() + 1 == pytest.approx(15 * scale, abs=2)
    assert columns.max() - columns.min() + 1 == pytest.approx(15 * scale, abs=2)


def test_two_lesions_with_nothing_between_still_show_one(tmp_path: Path, t1c: Path) -> None:
    mask = ball(slice(10, 20), slice(10, 20), slice(0, 1)) | ball(slice(10, 20), slice(10, 20), slice(8, 9))
    assert red(thumbnail(t1c, [[write(tmp_path / "a.nii.gz", mask)]])).any()


def test_front_is_up_and_the_patients_right_is_left(tmp_path: Path, t1c: Path) -> None:
    """The front half is bright (indices run to the back); the mask lies at low i, which is the patient's right."""
    mask = write(tmp_path / "a.nii.gz", ball(slice(6, 10), slice(18, 22), slice(2, 7)))
    picture = thumbnail(t1c, [[mask]], size=200)
    assert picture[60, 150].mean() > picture[140, 150].mean() + 100
    assert np.nonzero(red(picture))[1].max() < 100


def test_voxels_that_are_no_cubes_are_shown_in_millimetres(tmp_path: Path) -> None:
    """30 × 15 voxels of 1 × 2 mm are a square of 30 × 30 mm."""
    image = np.zeros((40, 20, 3), np.int16)
    image[5:35, 2:17] = 300
    affine = np.diag([-1.0, -2.0, 3.0, 1.0])
    mask = np.zeros(image.shape, np.uint8)
    mask[10:20, 5:10] = 1  # 10 × 10 mm
    t1c, drawn = write(tmp_path / "t1c.nii.gz", image, affine), write(tmp_path / "a.nii.gz", mask, affine)
    rows, columns = np.nonzero(red(thumbnail(t1c, [[drawn]], size=210)))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)


def test_empty_masks_show_the_middle_of_the_image(tmp_path: Path, t1c: Path) -> None:
    picture = thumbnail(t1c, [[write(tmp_path / "a.nii.gz", np.zeros(SHAPE, np.uint8))]])
    assert picture.any() and not red(picture).any()


def test_a_mask_elsewhere_is_refused(tmp_path: Path, t1c: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] = 27
    mask = write(tmp_path / "a.nii.gz", ball(slice(10, 20), slice(10, 20), slice(2, 7)), moved)
    with pytest.raises(StudyError, match=r"a\.nii\.gz: It isn't on the grid of t1c\.nii\.gz"):
        thumbnail(t1c, [[mask]])
