"""Masks drawn by hand: what they overlap, where they lie, and that they are the ones that the study opened with."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin.blinding.encoding import load_exam, load_masks
from study_admin.blinding.sources import source_files
from study_admin.design import Arm, Exam, Study
from study_admin.report.masks import read_masks
from study_admin.report.overlap import MaskAgreement, from_rows
from tests.study_admin.made_up_exams import AFFINE, SHAPE, write_exam, write_image

ARMS = ("hand", "machine")


def study_of(folder: Path, *names: str) -> Study:
    exams = tuple(
        Exam(
            name, folder / name / "t1c.nii.gz", folder / name / "flair.nii.gz",
            {arm: ((folder / name / f"{arm}.nii.gz",),) for arm in ARMS}, is_practice=name == "practice",
        )
        for name in names
    )  # fmt: skip
    return Study((Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",))), exams, ("R01",))


def draw(folder: Path, name: str, rows: int) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:10, 5 : 5 + rows, 3] = 1
    write_image(folder / f"{name}.nii.gz", mask)


def test_masks_of_the_study_exams_by_hand(tmp_path: Path) -> None:
    """Of 5 x 10 voxels of 2 mm^3 the machine draws 5 x 4 within them, then 5 x 12 that hold them; then nothing."""
    for name, hand, machine in (("within", 10, 4), ("around", 10, 12), ("nothing", 10, 0), ("practice", 3, 9)):
        write_exam(tmp_path / name, 1)
        draw(tmp_path / name, "hand", hand)
        draw(tmp_path / name, "machine", machine)
    seen: list[tuple[int, int]] = []
    study = study_of(tmp_path, "practice", "within", "around", "nothing")
    codes = {"within": "E001", "around": "E002", "nothing": "E003"}
    facts = read_masks(study, codes, source_files(study), lambda *at: seen.append(at))
    found = from_rows([each.overlap for each in facts], ARMS)
    assert isinstance(found, MaskAgreement)
    nothing, within, around = found.exams
    assert (nothing.exam, nothing.dice, nothing.recall, nothing.precision) == ("E003", 0.0, 0.0, 0.0)
    assert (within.exam, within.dice, within.recall, within.precision) == pytest.approx(("E001", 40 / 70, 0.4, 1.0))
    assert (around.exam, around.dice, around.recall) == pytest.approx(("E002", 100 / 110, 1.0))
    assert around.precision == pytest.approx(50 / 60)
    assert (within.volume_ml, within.other_ml, around.other_ml) == pytest.approx((0.1, 0.04, 0.12))
    assert found.empty == ("E003",)
    assert found.other_ml is not None and found.other_ml.mean == pytest.approx((0 + 0.04 + 0.12) / 3)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_where_the_tumours_lie_in_the_readers_own_slices(tmp_path: Path) -> None:
    """The files' axes run to the right, front and head; readers have them to the left, back and head.

    Drawn are i 5 to 9 and j 5 to 14 (hand) of 20 x 22: seen from the other end, 19 - 9 to 19 - 5 and 21 - 14 to 21 - 5.
    """
    write_exam(tmp_path / "one", 1)
    right_front = np.diag([1.0, 1.0, 2.0, 1.0])
    for name, rows in (("hand", 10), ("machine", 4)):
        mask = np.zeros(SHAPE, np.uint8)
        mask[5:10, 5 : 5 + rows, 3] = 1
        write_image(tmp_path / "one" / f"{name}.nii.gz", mask, affine=right_front)
    study = study_of(tmp_path, "one")
    (fact,) = read_masks(study, {"one": "E001"}, source_files(study))
    assert (fact.exam, fact.overlap.exam) == ("one", "E001")
    assert fact.extent == {"sagittal": (10, 14), "coronal": (7, 16), "axial": (3, 3)}
    assert fact.overlap.dice == pytest.approx(40 / 70)


def test_an_exam_without_a_tumour_lies_nowhere(tmp_path: Path) -> None:
    write_exam(tmp_path / "one", 1)
    for name in ARMS:
        write_image(tmp_path / "one" / f"{name}.nii.gz", np.zeros(SHAPE, np.uint8))
    study = study_of(tmp_path, "one")
    (fact,) = read_masks(study, {"one": "E001"}, source_files(study))
    assert (fact.extent, fact.overlap.dice, fact.overlap.has_empty) == ({}, 1.0, True)


def test_they_are_the_masks_that_readers_saw(tmp_path: Path) -> None:
    """As nibabel has the files, turned by hand from left, back and head (AFFINE) to the same: nothing to do."""
    write_exam(tmp_path / "one", 7)
    exam = study_of(tmp_path, "one").exams[0]
    alone, whole = load_masks(exam, ARMS), load_exam(exam, ARMS)
    assert np.allclose(np.diag(AFFINE)[:3], (-1, -1, 2)) and alone.spacing_mm == pytest.approx((1, 1, 2))
    for arm, mask, shown in zip(ARMS, alone.masks, whole.masks, strict=True):
        drawn = np.asarray(nibabel.load(tmp_path / "one" / f"{arm}.nii.gz").dataobj) > 0  # type: ignore[attr-defined]
        assert np.array_equal(mask, drawn) and np.array_equal(mask, shown > 0)


def test_masks_on_two_grids_are_refused(tmp_path: Path) -> None:
    write_exam(tmp_path / "one", 1)
    write_image(tmp_path / "one" / "machine.nii.gz", np.ones(SHAPE, np.uint8), affine=AFFINE + np.eye(4, k=3))
    with pytest.raises(StudyError, match=r"lies 1 mm away from the exam's first mask"):
        load_masks(study_of(tmp_path, "one").exams[0], ARMS)


@pytest.mark.parametrize("name", ["machine", "flair"])
def test_a_file_that_is_gone_or_another_one_is_named(tmp_path: Path, name: str) -> None:
    write_exam(tmp_path / "one", 1)
    study, path = study_of(tmp_path, "one"), tmp_path / "one" / f"{name}.nii.gz"
    known = source_files(study)
    path.write_bytes(path.read_bytes() + bytes(9))
    with pytest.raises(StudyError, match=rf"{name}\.nii\.gz: The file is another one"):
        read_masks(study, {"one": "E001"}, known)
    path.unlink()
    with pytest.raises(StudyError, match=rf"{name}\.nii\.gz"):
        read_masks(study, {"one": "E001"}, known)
