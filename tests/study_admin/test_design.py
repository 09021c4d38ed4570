"""Finding exams, and everything that names alone give away."""

from dataclasses import replace
from pathlib import Path

import pytest

from study_admin.design import (
    Arm,
    Exam,
    Study,
    StudyProblemsError,
    StudyType,
    source_guess,
)
from study_admin.exams import find_exams

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("net", ("net_*.nii.gz",)))
FILES = ("t1c.nii.gz", "flair.nii.gz", "hand.nii.gz", "net_x.nii.gz")


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def texts(error: pytest.ExceptionInfo[StudyProblemsError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def test_finds_exams_practice_first(tmp_path: Path) -> None:
    for name in ("c", "a", "b", "d"):
        make(tmp_path / name, *FILES, "notes.txt")
    make(tmp_path / ".hidden")
    (tmp_path / "list.csv").touch()
    exams = find_exams(tmp_path, ARMS, practice=("d", "b"), left_out=("[aA]*",))
    assert [(exam.name, exam.is_practice) for exam in exams] == [("d", True), ("b", True), ("c", False)]
    assert exams[2] == Exam(
        "c",
        tmp_path / "c/t1c.nii.gz",
        tmp_path / "c/flair.nii.gz",
        {"hand": ((tmp_path / "c/hand.nii.gz",),), "net": ((tmp_path / "c/net_x.nii.gz",),)},
    )


def test_all_problems_at_once(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES)
    make(tmp_path / "b", "t1c.nii.gz", "hand.nii.gz")
    make(tmp_path / "c", *FILES, "net_y.nii.gz")
    with pytest.raises(StudyProblemsError) as error:
        find_exams(tmp_path, ARMS, practice=("z",))
    found = texts(error)
    assert len(found) == 4
    assert found[0].startswith(f"{tmp_path}/z: There is no exam of this name.")
    assert found[1].startswith(f"{tmp_path}/b: No NIfTI image for FLAIR matches 'flair.nii*'.")
    assert "leave out b" in found[2]
    assert "2 images for arm net match 'net_*.nii.gz': net_x.nii.gz and net_y.nii.gz." in found[3]
    assert "Name the one to use, for instance net_x.nii.gz" in found[3]
    assert str(error.value).count("\n") == 3


def test_one_file_for_both_arms(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES)
    with pytest.raises(StudyProblemsError, match="The file is both arm hand and arm net"):
        find_exams(tmp_path, (ARMS[0], Arm("net", ("hand*",))))


@pytest.mark.parametrize("pattern", ["/etc/passwd", ""])
def test_what_is_no_pattern(tmp_path: Path, pattern: str) -> None:
    make(tmp_path / "a", *FILES)
    with pytest.raises(StudyProblemsError, match="no pattern of a file name"):
        find_exams(tmp_path, (ARMS[0], Arm("net", (pattern,))))


def test_no_folder_no_exams(tmp_path: Path) -> None:
    with pytest.raises(StudyProblemsError, match="no sub-folder"):
        find_exams(tmp_path, ARMS)
    with pytest.raises(Exception, match="The folder can't be read"):
        find_exams(tmp_path / "nowhere", ARMS)


@pytest.fixture
def study() -> Study:
    masks = {"hand": ((Path("h"),),), "net": ((Path("n"),),)}
    exams = tuple(Exam(f"case{n}", Path("t"), Path("f"), masks, is_practice=n == 1) for n in (1, 2, 3))
    return Study(ARMS, exams, ("R01", "R02"))


def test_a_sound_study(study: Study) -> None:
    study.check()
    assert [exam.name for exam in study.practice_exams] == ["case1"]
    assert [exam.name for exam in study.study_exams] == ["case2", "case3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"readers": ()}, "no reader"),
        ({"readers": ("R01", "../x")}, "can't name a folder"),
        ({"readers": ("1R",)}, "can't name a folder"),
        ({"readers": ("R01", "r01")}, "Two readers have the code 'r01'"),
        ({"arms": (ARMS[0], Arm("HAND", ("x",)))}, "Both arms are called"),
        ({"exams": ()}, "No exam is left"),
        ({"closing": (source_guess(3),)}, "asks about 3 exams, but a reader may have only 2"),
        ({"is_surface_allowed": True, "study_type": StudyType.AS_PUBLISHED}, "as published had no 3-D view"),
        ({"title": "Surgeon's Hand or not"}, "holds the name 'hand'"),
        ({"version": "2-net"}, "holds the name 'net'"),
        ({"readers": ("case2",)}, "holds the name 'case2'"),
    ],
)
def test_problems_of_a_study(study: Study, change: dict[str, object], message: str) -> None:
    with pytest.raises(StudyProblemsError, match=message) as error:
        replace(study, **change).check()  # type: ignore[arg-type]
    assert len(error.value.problems) == 1


def test_words_that_only_contain_a_name_are_fine(study: Study) -> None:
    replace(study, title="Handsome internet study").check()
