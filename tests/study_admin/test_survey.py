"""What a folder of exams is found to hold, and what is wrong with it: all at once, exam by exam."""

import shutil
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from study_admin.design import Arm, ExamFacts, Heads, MaskRule
from study_admin.study_file import StudyFile
from study_admin.survey import Survey, check_exams, look, survey
from tests.study_admin.made_up_exams import AFFINE, SHAPE, tumour, write_image

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
DESIGN = StudyFile(ARMS, practice=("case01",), groups=1, readers_per_group=6, exams_per_group="all")
REAL = Path(__file__).parents[3] / "shared/data/exams"
# two published datasets and a second network: see SOURCE.txt in each folder
REAL_EXAMS = ("b18-2013-3", "b18-TCIA01-201", "b18-CBICA-ALU")


def silent(done: int, total: int) -> None:
    """No progress."""


def thorough(exams: Path, design: StudyFile = DESIGN, facts: Path | None = None) -> Survey:
    return survey(design, exams, silent, facts_file=facts)


def problems(found: Survey) -> list[tuple[str, str]]:
    """(exam, sentence); "" stands for the study."""
    assert found.study is None
    pairs = [("", str(problem)) for problem in found.problems]
    return pairs + [(row.name, str(problem)) for row in found.rows for problem in row.problems]


def warnings(found: Survey) -> list[str]:
    """But for those of a small design."""
    small = ("There is one group only", "With an odd", "Where 6 readers")
    return [text for text in found.warnings if not text.startswith(small)]


def test_a_sound_folder(exams: Path) -> None:
    steps = []
    found = survey(DESIGN, exams, lambda done, total: steps.append((done, total)))
    assert found.study is not None
    assert [exam.name for exam in found.study.practice_exams] == ["case01"]
    assert len(found.study.study_exams) == 5
    assert found.rows[1].name == "case02"
    assert found.rows[1].found == {
        "T1c": ("t1c.nii.gz",), "FLAIR": ("flair.nii.gz",), "arm hand": ("hand.nii.gz",),
        "arm machine": ("machine.nii.gz",),
    }  # fmt: skip
    assert steps == [(done, 6) for done in range(7)]
    assert warnings(found) == []
    assert look(DESIGN, exams) == found
    assert check_exams(found.study, silent) == ()


def test_everything_wrong_at_once(exams: Path) -> None:
    """One exam each: broken file, twin, 27 mm, empty mask, labels, no FLAIR; and two wrong names in the design."""
    broken = exams / "case01/t1c.nii.gz"
    broken.write_bytes(broken.read_bytes()[:-50])
    write_image(exams / "case02/hand.nii", tumour(2, 5.0))
    moved = AFFINE.copy()
    moved[2, 3] += 27
    write_image(exams / "case03/machine.nii.gz", tumour(3, 5.0), affine=moved)
    write_image(exams / "case04/hand.nii.gz", np.zeros(SHAPE, np.uint8))
    write_image(exams / "case05/hand.nii.gz", tumour(5, 5.0) * np.uint8(4))
    (exams / "case06/flair.nii.gz").unlink()
    found = thorough(exams, replace(DESIGN, practice=("case01", "case99"), title="By hand"))
    told = problems(found)
    assert [name for name, _ in told] == ["", "", "case01", "case02", "case03", "case04", "case05", "case06"]
    expected = (
        "case99: There is no exam of this name",
        "The title 'By hand' holds the name 'hand'",
        "case01/t1c.nii.gz: The",
        "hand.nii lies beside it",
        "27 mm away from the exam's T1c",
        "case04/hand.nii.gz: The mask is empty",
        "The mask holds the labels 0, 4.",
        "case06: No NIfTI image for FLAIR matches",
    )
    for (_, text), part in zip(told, expected, strict=True):
        assert part in text
    assert [problem.remedy for row in found.rows for problem in row.problems if not problem.remedy] == []
    assert len(found.all_problems) == len(told)


def test_names_are_looked_at_without_opening_a_file(exams: Path) -> None:
    for path in exams.rglob("*.nii.gz"):
        path.write_bytes(b"no image")
    assert look(DESIGN, exams).study is not None


def test_no_exam_at_all(tmp_path: Path) -> None:
    ((name, text),) = problems(thorough(tmp_path, replace(DESIGN, practice=())))
    assert (name, "no sub-folder with an exam" in text) == ("", True)


def test_a_missing_file_is_not_a_missing_exam(exams: Path) -> None:
    """The groups still have their five exams, so nothing is said of them."""
    (exams / "case06/flair.nii.gz").unlink()
    assert [name for name, _ in problems(thorough(exams, replace(DESIGN, exams_per_group=5)))] == ["case06"]
    told = problems(thorough(exams, replace(DESIGN, exams_per_group=4)))
    assert [name for name, _ in told] == ["", "case06"]
    assert "places for 4 exams, but there are 5" in told[0][1]


def test_a_copied_image(exams: Path) -> None:
    shutil.copy(exams / "case02/t1c.nii.gz", exams / "case05/t1c.nii.gz")
    ((name, text),) = problems(thorough(exams))
    assert (name, "case05/t1c.nii.gz: It is the T1c of case02." in text) == ("case05", True)
    assert "Leave case05 or case02 out" in text


def test_the_t1c_as_flair(exams: Path) -> None:
    """By its voxels: another type and other axes don't hide it."""
    turned = nibabel.as_closest_canonical(nibabel.load(exams / "case02/t1c.nii.gz"))
    write_image(exams / "case02/flair.nii.gz", np.asarray(turned.dataobj, np.float32), affine=turned.affine)
    ((name, text),) = problems(thorough(exams))
    assert (name, "case02/flair.nii.gz: The FLAIR is the T1c" in text) == ("case02", True)


def test_one_mask_for_both_arms(exams: Path) -> None:
    """In one exam that can be chance or an oversight, in all of them the comparison is of nothing."""
    shutil.copy(exams / "case02/hand.nii.gz", exams / "case02/machine.nii.gz")
    found = thorough(exams)
    assert found.study is not None
    assert warnings(found) == ["The masks of both arms are the same in case02."]
    for number in range(1, 7):
        shutil.copy(exams / f"case{number:02}/hand.nii.gz", exams / f"case{number:02}/machine.nii.gz")
    ((name, text),) = problems(thorough(exams))
    assert (name, "In every exam the masks of both arms are the same." in text) == ("", True)


def test_a_mask_copied_from_another_exam(exams: Path) -> None:
    shutil.copy(exams / "case02/hand.nii.gz", exams / "case04/hand.nii.gz")
    found = thorough(exams)
    assert warnings(found) == ["case04: the mask of hand is that of case02, voxel by voxel."]


def test_empty_masks_are_allowed_and_told(exams: Path) -> None:
    write_image(exams / "case02/hand.nii.gz", np.zeros(SHAPE, np.uint8))
    write_image(exams / "case03/hand.nii.gz", np.zeros(SHAPE, np.uint8))
    found = thorough(exams, replace(DESIGN, are_empty_masks_allowed=True))
    assert found.study is not None
    told = warnings(found)
    assert [str(exams / name) in text for name, text in zip(("case02", "case03"), told, strict=True)] == [True, True]


def test_progress_may_cancel(exams: Path) -> None:
    class CancelledError(Exception):
        pass

    seen = []

    def cancel(done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        survey(DESIGN, exams, cancel)
    assert seen == [0, 1, 2]


def test_facts_reach_their_exams_and_their_problems_their_rows(exams: Path, tmp_path: Path) -> None:
    table = tmp_path / "exams.csv"
    table.write_text("exam,subject,age\ncase01,S1,61\ncase02,S2,50\ncase03,S3,\n")
    (exams / "case07").mkdir()
    found = thorough(exams, replace(DESIGN, left_out=("case07",)), table)
    assert found.study is not None
    assert [exam.facts for exam in found.study.exams[:3]] == [
        ExamFacts("S1", age=61.0), ExamFacts("S2", age=50.0), ExamFacts("S3"),
    ]  # fmt: skip
    assert warnings(found) == ["exams.csv tells nothing of case04, case05, case06."]
    table.write_text("exam,subject,age\ncase01,S1,\ncase02,S1,x\ncase07,S9,\ncase08,S8,\n")
    told = problems(thorough(exams, replace(DESIGN, left_out=("case07",)), table))
    assert [name for name, _ in told] == ["", "case02", "case02"]
    assert "no exam 'case08'" in told[0][1]
    assert "'x' is no age" in told[1][1]
    assert "one subject, S1" in told[2][1]
    ((name, text),) = problems(thorough(exams, DESIGN, tmp_path / "none.csv"))[:1]
    assert (name, "The table can't be read" in text) == ("", True)


def test_files_that_change_after_the_survey(exams: Path) -> None:
    study = thorough(exams).study
    assert study is not None
    write_image(exams / "case04/hand.nii.gz", np.zeros(SHAPE, np.uint8))
    shutil.copy(exams / "case02/flair.nii.gz", exams / "case05/flair.nii.gz")
    told = [str(problem) for problem in check_exams(study, silent)]
    assert ["case04/hand.nii.gz: The mask is empty" in told[0], "It is the FLAIR of case02" in told[1], len(told)] == [
        True, True, 2,
    ]  # fmt: skip


@pytest.mark.skipif(not REAL.is_dir(), reason="the real exams (../shared) are not on this machine")
def test_real_exams_with_brain_masks(tmp_path: Path) -> None:
    for name in REAL_EXAMS:
        (tmp_path / name).symlink_to(REAL / name)
    arms = (Arm("expert", ("seg.nii.gz",)), Arm("network", ("segnet_deepbrainseg_it0.nii.gz",)))
    design = StudyFile(
        arms,
        groups=1,
        readers_per_group=6,
        exams_per_group="all",
        practice=("b18-2013-3",),
        heads=Heads.BRAIN_ONLY,
        brain_mask="brainmask.nii.gz",
    )
    told = problems(thorough(tmp_path, design))
    assert [name for name, _ in told] == [row for row in REAL_EXAMS[:1] + REAL_EXAMS[:0:-1] for _ in arms]
    assert all('rule = "nonzero"' in text for _, text in told)
    found = thorough(tmp_path, replace(design, mask_rule=MaskRule.NONZERO))
    assert found.study is not None
    assert [row.found["brain mask"] for row in found.rows] == [("brainmask.nii.gz",)] * 3
