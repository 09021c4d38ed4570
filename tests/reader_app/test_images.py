"""Exams as they are shown: one grid, plain masks, and nothing taken from one side alone."""

from itertools import permutations, product

import numpy as np
import pytest

from reader_app.images import exam_of, load_exam
from reader_app.session.model import Side
from reader_app.window import Window, head_mask, presets_of
from segmentation.errors import StudyError
from segmentation.volumes import Volume
from tests.reader_app.made_exams import LPS, SHAPE, MemoryPackage, ball, four_files, head, made_exam

READING, LAYERS = "00112233aabbccdd", ("T1c", "FLAIR")


def test_an_exam_arrives_whole() -> None:
    files = four_files()
    exam = load_exam(MemoryPackage(files), READING, LAYERS)
    assert (exam.reading_id, exam.layer_names, exam.shape) == (READING, LAYERS, SHAPE)
    for name in LAYERS:
        np.testing.assert_array_equal(exam.layers[name].array, files[name].array)
    for side in Side:
        np.testing.assert_array_equal(exam.masks[side].array, files[side].array)
        assert exam.masks[side].array.dtype == np.uint8


@pytest.mark.parametrize("name", ["FLAIR", "A", "B"])
def test_an_image_in_another_place_is_refused_by_name(name: str) -> None:
    files = four_files()
    moved = LPS.copy()
    moved[0, 3] += 1
    files[name] = Volume(files[name].array, moved)
    with pytest.raises(StudyError, match=f"{READING}_{name}.nii.gz.*same place"):
        load_exam(MemoryPackage(files), READING, LAYERS)


def test_an_image_of_another_size_is_refused_by_name() -> None:
    files = four_files()
    files["B"] = Volume(files["B"].array[:-1], LPS)
    with pytest.raises(StudyError, match=f"{READING}_B.nii.gz.*size"):
        load_exam(MemoryPackage(files), READING, LAYERS)


@pytest.mark.parametrize(("value", "dtype"), [(2, np.uint8), (0.5, np.float32), (-1, np.int16), (257, np.int16)])
def test_a_segmentation_with_other_values_is_refused(value: float, dtype: type) -> None:
    files = four_files()
    array = files["A"].array.astype(dtype)
    array[3, 3, 3] = value
    files["A"] = Volume(array, LPS)
    with pytest.raises(StudyError, match=f"{READING}_A.nii.gz.*other than 0 and 1"):
        load_exam(MemoryPackage(files, {"A": dtype}), READING, LAYERS)


def test_damaged_bytes_are_refused_by_name() -> None:
    package = MemoryPackage(four_files())
    package.files["FLAIR"] = package.files["FLAIR"][:-20]
    with pytest.raises(StudyError, match=f"{READING}_FLAIR.nii.gz"):
        load_exam(package, READING, LAYERS)


def test_whole_numbers_take_two_bytes_and_others_stay() -> None:
    whole, broken = head().astype(np.float32), head().astype(np.float32) + 0.25
    masks = {side: Volume(ball((20, 20, 15), 4), LPS) for side in Side}
    exam = exam_of(READING, {"T1c": Volume(whole, LPS), "FLAIR": Volume(broken, LPS)}, masks)
    assert exam.layers["T1c"].array.dtype == np.int16
    np.testing.assert_array_equal(exam.layers["T1c"].array, whole)
    assert exam.layers["FLAIR"].array.dtype == np.float32
    assert exam.byte_count == 40 * 50 * 30 * (2 + 4 + 1 + 1)


def test_start_is_where_both_masks_together_are_largest() -> None:
    # By hand: A fills 3x3x1 voxels at k=4, B 5x5x1 at k=20; the largest axial slice is B's, and each sagittal and
    # coronal slice through B (5 voxels) beats those through A (3), the first of equals being taken.
    mask_a, mask_b = np.zeros((2, *SHAPE), np.uint8)
    mask_a[10:13, 10:13, 4] = 1
    mask_b[20:25, 30:35, 20] = 1
    assert made_exam(mask_a=mask_a, mask_b=mask_b).start_vox == (20, 30, 20)


def test_start_does_not_tell_the_sides_apart() -> None:
    a, b = ball((25, 20, 15), 6), ball((12, 30, 10), 3)
    assert made_exam(mask_a=a, mask_b=b).start_vox == made_exam(mask_a=b, mask_b=a).start_vox


def test_empty_masks_start_in_the_middle() -> None:
    nothing = np.zeros(SHAPE, np.uint8)
    assert made_exam(mask_a=nothing, mask_b=nothing).start_vox == (20, 25, 15)


def test_windows_do_not_depend_on_the_masks() -> None:
    nothing = np.zeros(SHAPE, np.uint8)
    assert made_exam(mask_a=nothing).windows == made_exam(mask_b=ball((10, 10, 10), 8)).windows


def test_auto_window_is_the_robust_range_of_the_head() -> None:
    # 1000 head voxels of 1..1000 in air of 0: numpy's linear percentiles are 1 + 999*p
    array = np.zeros((20, 20, 20), np.int16)
    array[5:15, 5:15, 5:15] = np.arange(1, 1001).reshape(10, 10, 10)
    auto = presets_of(array)["auto"]
    assert (auto.lower, auto.upper) == pytest.approx((1 + 9.99, 1 + 994.005))
    assert presets_of(array)["full range"] == Window(500, 1000)


def test_a_head_is_found_in_noisy_air_and_in_z_scores() -> None:
    rng = np.random.default_rng(3)
    is_head = head() > 0
    noisy = np.where(is_head, head(), rng.integers(0, 40, SHAPE))
    assert np.mean(head_mask(noisy) == is_head) > 0.999
    scores = np.where(is_head, rng.normal(0, 1, SHAPE), 0.0).astype(np.float32)  # air amid the values
    assert np.mean(head_mask(scores) == is_head) > 0.999


def test_an_image_of_one_value_has_a_window() -> None:
    assert all(window.is_valid for window in presets_of(np.full((5, 5, 5), 7, np.int16)).values())


def test_the_head_box_holds_the_head_alone() -> None:
    array = np.zeros(SHAPE, np.int16)
    array[5:30, 10:45, 3:28] = 100
    masks = {side: Volume(np.zeros(SHAPE, np.uint8), LPS) for side in Side}
    assert exam_of(READING, {"T1c": Volume(array, LPS)}, masks).head_box == ((5, 10, 3), (29, 44, 27))


def test_positions_count_to_left_back_and_head() -> None:
    # NIfTI: x to the right, y to the front. Voxel (1, 2, 3) of 2x3x4 mm with origin (10, 20, 30) in that sense:
    world = np.diag([-2.0, -3.0, 4.0, 1.0])
    world[:3, 3] = 10, 20, 30
    exam = made_exam(world)
    assert exam.position_mm((1, 2, 3)) == pytest.approx((-(10 - 2), -(20 - 6), 30 + 12))
    assert exam.intensity("T1c", (20, 25, 15)) == head()[20, 25, 15]


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3))))
def test_a_marked_corner_keeps_its_place_in_all_48_orientations(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    """The voxel that is marked lies in the patient where the file's own matrix puts it."""
    world = np.zeros((4, 4))
    for axis, (patient_axis, sign) in enumerate(zip(order, signs, strict=True)):
        world[patient_axis, axis] = sign * (1.0, 2.0, 3.0)[axis]
    world[:, 3] = 5, -7, 11, 1
    array = np.zeros((8, 9, 10), np.int16)
    array[1, 2, 3] = 1000
    masks = {side: Volume(np.zeros(array.shape, np.uint8), world) for side in Side}
    exam = exam_of(READING, {"T1c": Volume(array, world)}, masks)
    shown = np.argwhere(exam.layers["T1c"].array)[0]
    right, front, up = (world @ [1, 2, 3, 1])[:3]
    assert exam.position_mm(tuple(shown)) == pytest.approx((-right, -front, up))
    assert exam.letters == (("R", "L"), ("A", "P"), ("I", "S"))
