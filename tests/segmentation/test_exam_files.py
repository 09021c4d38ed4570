"""Which file of an exam is what: by the names that sites, BIDS and BraTS use, and never by a guess between two."""

from pathlib import Path

import pytest

from segmentation.errors import StudyError
from segmentation.exams import ExamFiles, ExamsError, Names, find_exam, find_exams, find_masks, read_subjects, survey


def _exam(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def _names(exam: ExamFiles) -> tuple[str, str, list[tuple[str, list[tuple[str, str]]]], str | None]:
    masks = [
        (person.name, [(file.path.name, file.compartment) for file in person.compartments]) for person in exam.masks
    ]
    return exam.t1c.name, exam.flair.name, masks, exam.brain_mask.name if exam.brain_mask else None


@pytest.mark.parametrize(
    ("files", "t1c", "flair"),
    [
        (("t1c.nii.gz", "flair.nii.gz", "t1.nii.gz", "t2.nii.gz"), "t1c.nii.gz", "flair.nii.gz"),
        (("BraTS20_Training_001_t1ce.nii.gz", "BraTS20_Training_001_flair.nii.gz", "BraTS20_Training_001_t1.nii.gz"),
         "BraTS20_Training_001_t1ce.nii.gz", "BraTS20_Training_001_flair.nii.gz"),
        (("BraTS-GLI-00000-000-t1c.nii.gz", "BraTS-GLI-00000-000-t2f.nii.gz", "BraTS-GLI-00000-000-t1n.nii.gz",
          "BraTS-GLI-00000-000-t2w.nii.gz"), "BraTS-GLI-00000-000-t1c.nii.gz", "BraTS-GLI-00000-000-t2f.nii.gz"),
        (("UPENN-GBM-00006_11_T1GD.nii.gz", "UPENN-GBM-00006_11_FLAIR.nii.gz"),
         "UPENN-GBM-00006_11_T1GD.nii.gz", "UPENN-GBM-00006_11_FLAIR.nii.gz"),
        (("T1c_subtrMeanDivStd.nii.gz", "Flair_subtrMeanDivStd.nii.gz"),
         "T1c_subtrMeanDivStd.nii.gz", "Flair_subtrMeanDivStd.nii.gz"),
        (("stripped_t1c.nii.gz", "stripped_fla.nii.gz", "hdbet_mask_t1c.nii.gz"), "stripped_t1c.nii.gz",
         "stripped_fla.nii.gz"),
        (("anat/sub-01_ce-gadolinium_T1w.nii.gz", "anat/sub-01_FLAIR.nii.gz", "anat/sub-01_T1w.nii.gz"),
         "sub-01_ce-gadolinium_T1w.nii.gz", "sub-01_FLAIR.nii.gz"),
    ],
)  # fmt: skip
def test_images_by_the_names_of_the_field(tmp_path: Path, files: tuple[str, ...], t1c: str, flair: str) -> None:
    found = find_exam(_exam(tmp_path, *files))
    assert (found.t1c.name, found.flair.name) == (t1c, flair)


@pytest.mark.parametrize(
    ("files", "masks"),
    [
        (("seg.nii.gz", "segnet_x.nii.gz"), [("seg", [("seg.nii.gz", "")])]),
        (("mask_1.nii.gz", "mask_2.nii.gz", "seg.nii.gz", "brain_mask.nii.gz"),
         [("mask_1", [("mask_1.nii.gz", "")]), ("mask_2", [("mask_2.nii.gz", "")])]),
        (("mask_1_t1c.nii.gz", "mask_1_flair.nii.gz", "mask_2_t1c.nii.gz", "mask_2_flair.nii.gz"),
         [("mask_1", [("mask_1_flair.nii.gz", "flair"), ("mask_1_t1c.nii.gz", "t1c")]),
          ("mask_2", [("mask_2_flair.nii.gz", "flair"), ("mask_2_t1c.nii.gz", "t1c")])]),
        (("OTMultiClass.nii.gz",), [("otmulticlass", [("OTMultiClass.nii.gz", "")])]),
        (("Case_001_seg.nii.gz",), [("case_001_seg", [("Case_001_seg.nii.gz", "")])]),
        (("hdbet_mask_t1c.nii.gz",), []),
        ((), []),
    ],
)  # fmt: skip
def test_masks_and_who_drew_which_part(tmp_path: Path, files: tuple[str, ...], masks: list) -> None:
    assert _names(find_exam(_exam(tmp_path, "t1c.nii.gz", "flair.nii.gz", *files)))[2] == masks


def test_a_part_drawn_on_the_flair_is_known_as_such(tmp_path: Path) -> None:
    exam = find_exam(_exam(tmp_path, "t1c.nii.gz", "flair.nii.gz", "mask_t1c.nii.gz", "mask_flair.nii.gz"))
    parts = exam.masks[0].compartments
    assert {part.path.name: part.is_on_flair for part in parts} == {"mask_t1c.nii.gz": False, "mask_flair.nii.gz": True}


def test_the_brain_mask_is_no_technician(tmp_path: Path) -> None:
    exam = find_exam(_exam(tmp_path, "t1c.nii.gz", "flair.nii.gz", "brainmask.nii.gz", "seg.nii.gz"))
    assert _names(exam)[2:] == ([("seg", [("seg.nii.gz", "")])], "brainmask.nii.gz")


def test_patterns_take_the_place_of_the_usual_names(tmp_path: Path) -> None:
    folder = _exam(
        tmp_path, "post.nii.gz", "dark.nii.gz", "a_drawn.nii.gz", "b_drawn.nii.gz", "bet.nii.gz", "t1c.nii.gz"
    )
    exam = find_exam(folder, names=Names("post*", "dark*", "*_drawn*", "bet*"))
    assert exam.t1c.name == "post.nii.gz" and exam.flair.name == "dark.nii.gz"
    assert [person.name for person in exam.masks] == ["a_drawn", "b_drawn"]
    assert exam.brain_mask == folder / "bet.nii.gz"


def test_everything_wrong_is_said_at_once_and_the_others_are_found(tmp_path: Path) -> None:
    _exam(tmp_path / "good", "t1c.nii.gz", "flair.nii.gz")
    _exam(tmp_path / "no_flair", "t1c.nii.gz", "t2.nii.gz")
    _exam(tmp_path / "two", "t1c.nii.gz", "t1ce.nii.gz", "flair.nii.gz")
    _exam(tmp_path / "empty", "notes.txt")
    exams, problems = survey(tmp_path)
    assert [exam.name for exam in exams] == ["good"]
    said = "\n".join(str(problem) for problem in problems)
    assert "no_flair: The FLAIR is missing: there is t1c.nii.gz, t2.nii.gz." in said
    assert "two: Several files may be the T1c: t1c.nii.gz, t1ce.nii.gz." in said
    assert "empty: The T1c is missing" in said and "empty: The FLAIR is missing" in said
    with pytest.raises(ExamsError) as error:
        find_exams(tmp_path)
    assert str(error.value).count("\n") == 3


def test_sessions_of_bids_are_exams_of_one_subject(tmp_path: Path) -> None:
    for session in ("ses-1", "ses-2"):
        _exam(tmp_path / "sub-07" / session / "anat", "sub-07_ce-gd_T1w.nii.gz", "sub-07_FLAIR.nii.gz")
    found = [(exam.name, exam.subject) for exam in find_exams(tmp_path)]
    assert found == [("sub-07_ses-1", "sub-07"), ("sub-07_ses-2", "sub-07")]


def test_the_folder_may_be_one_exam(tmp_path: Path) -> None:
    _exam(tmp_path / "only", "t1c.nii.gz", "flair.nii.gz")
    assert [exam.name for exam in find_exams(tmp_path / "only")] == ["only"]


def test_subjects_from_a_table(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _exam(tmp_path / "exams" / name, "t1c.nii.gz", "flair.nii.gz")
    table = tmp_path / "who.csv"
    table.write_text("\ufeffexam;subject;age\na;p1;50\nb;p1;51\n", encoding="utf-8")
    exams = find_exams(tmp_path / "exams", subjects=read_subjects(table))
    assert [exam.subject for exam in exams] == ["p1", "p1", "c"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"exam,patient\na,b\n", "no columns exam and subject"),
        (b"exam,subject\na,1\na,2\n", "Line 3 is incomplete, or contradicts another"),
        (b"exam,subject\na,\n", "Line 2 is incomplete"),
        (b"exam,subject\n\xff,1\n", "not in UTF-8"),
    ],
)
def test_a_table_of_subjects_that_cannot_be_read(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "who.csv").write_bytes(text)
    with pytest.raises(StudyError, match=sentence):
        read_subjects(tmp_path / "who.csv")


def test_dicom_is_known_by_its_mark_and_not_by_its_name(tmp_path: Path) -> None:
    _exam(tmp_path / "a" / "series", "notes")
    (tmp_path / "a" / "series" / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(10))
    exam = find_exam(tmp_path / "a")
    assert exam.has_dicom and exam.t1c == exam.flair == tmp_path / "a"


def test_masks_are_found_without_images(tmp_path: Path) -> None:
    _exam(tmp_path / "a", "mask_1.nii.gz", "mask_2.nii.gz")
    _exam(tmp_path / "b", "t1c.nii.gz")
    assert [person.name for person in find_masks(tmp_path)["a"]] == ["mask_1", "mask_2"]
    with pytest.raises(StudyError, match="no mask in these exams"):
        find_masks(tmp_path, "seg*")


def test_no_exams_at_all(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no sub-folder with an exam"):
        survey(tmp_path)
    with pytest.raises(StudyError, match="can't be read"):
        survey(tmp_path / "absent")
