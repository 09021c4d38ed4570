"""Consensus of several technicians, by hand and against another program's majority vote."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from segmentation.consensus import consensus, whole_tumour
from segmentation.errors import StudyError

FIVE = Path(__file__).parents[3] / "shared/data/raw/TCGA-FG-6692/algorithms"


def masks(*rows: str) -> list[np.ndarray]:
    return [np.array([character == "1" for character in row]) for row in rows]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("0110",), "0110"),
        (("0011", "0101"), "0001"),  # two: both have to say so
        (("00001111", "00110011", "01010101"), "00010111"),  # three: two of them
        (("00001", "00011", "00111", "01111"), "00011"),  # four: three of them, for two are no majority
        (("000001", "000011", "000111", "001111", "011111"), "000111"),  # five: three of them
    ],
)
def test_by_hand(rows: tuple[str, ...], expected: str) -> None:
    np.testing.assert_array_equal(consensus(masks(*rows)), masks(expected)[0])


def test_compartments_are_united() -> None:
    np.testing.assert_array_equal(whole_tumour(masks("1000", "1010", "0000")), masks("1010")[0])
    np.testing.assert_array_equal(whole_tumour(masks("01")), masks("01")[0])


def test_nothing_is_changed_in_place() -> None:
    given = masks("0011", "0101")
    consensus(given)
    whole_tumour(given)
    np.testing.assert_array_equal(given, masks("0011", "0101"))


def test_more_technicians_than_a_byte_counts() -> None:
    """128 of 300 would be a majority of 300 % 256 = 44."""
    few, many = np.array([True, False]), np.array([False, True])
    np.testing.assert_array_equal(consensus([few] * 128 + [many] * 172), [False, True])


@pytest.mark.parametrize("unite", [consensus, whole_tumour])
def test_other_shapes_are_refused(unite) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StudyError, match="different sizes"):
        unite([np.zeros((2, 3), bool), np.zeros((3, 2), bool)])
    with pytest.raises(StudyError, match="different sizes"):  # numpy would broadcast it
        unite([np.zeros((2, 3), bool), np.zeros((1, 3), bool)])
    with pytest.raises(ValueError, match="True and False"):
        unite([np.array([0, 1, 2])])
    with pytest.raises(ValueError, match="No mask"):
        unite([])


@pytest.mark.skipif(not FIVE.is_dir(), reason="the real exams (../shared) are not on this machine")
@pytest.mark.parametrize(("label", "voxels"), [(1, 535), (2, 4743), (4, 1507)])
def test_five_real_masks_as_another_program_fused_them(label: int, voxels: int) -> None:
    """The majority vote of BraTS-Toolkit (Kofler et al. 2020), label by label, of the same five masks."""
    five = [np.asarray(nibabel.load(path).dataobj) == label for path in sorted(FIVE.glob("segalg_*.nii.gz"))]
    fused = np.asarray(nibabel.load(FIVE / "segfusion_mav.nii.gz").dataobj) == label
    assert (len(five), fused.sum()) == (5, voxels)
    np.testing.assert_array_equal(consensus(five), fused)
