"""Who is trained on: sizes, whole subjects, the sequestered ones, twins."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from segmentation.training.recipes import Parts
from segmentation.training.split import Split, as_json, divide, read_split, refuse_twins


@dataclass(frozen=True)
class Exam:
    name: str
    subject: str


def test_741_subjects_are_divided_as_in_the_paper() -> None:
    """Mitchell et al. 2020, section 2.3: 600 training, 41 validation, 100 test."""
    subjects = [f"s{n:03}" for n in range(741)]
    split = divide(subjects, Parts())
    assert [len(part) for part in (split.training, split.validation, split.test)] == [600, 41, 100]
    assert sorted((*split.training, *split.validation, *split.test)) == subjects


def test_the_draw_follows_from_seed_and_names_alone() -> None:
    subjects = [f"s{n}" for n in range(40)]
    assert divide(subjects, Parts(seed=3)) == divide([*reversed(subjects), "s1"], Parts(seed=3))
    assert divide(subjects, Parts(seed=3)) != divide(subjects, Parts(seed=4))


def test_few_subjects_still_leave_someone_to_test_on() -> None:
    split = divide(["a", "b", "c"], Parts())
    assert [len(part) for part in (split.training, split.validation, split.test)] == [1, 1, 1]
    assert divide(["a", "b", "c"], Parts(test=0, validation=0)).training == ("a", "b", "c")
    assert divide(["a"], Parts()).training == ("a",)


def test_exams_of_one_subject_stay_together() -> None:
    exams = [Exam(f"e{n}", f"s{n // 2}") for n in range(20)]
    split = divide((exam.subject for exam in exams), Parts(test=0.3, validation=0.2))
    tested = split.exams(exams, "test")
    assert len(tested) == 6 and {exam.subject for exam in tested} == set(split.test)
    assert len(split.exams(exams, "training", "validation")) == 14


def test_a_sequestered_subject_is_refused() -> None:
    split = Split(("a",), ("b",), ("c",))
    split.refuse_test([Exam("1", "a"), Exam("2", "b")])
    with pytest.raises(StudyError, match=r"not to be trained on: c \(exam again\)"):
        split.refuse_test([Exam("1", "a"), Exam("again", "c")])


def test_a_subject_nobody_divided_is_refused() -> None:
    with pytest.raises(StudyError, match=r"Subject new \(exam 9\) was not there"):
        Split(("a",), (), ("c",)).exams([Exam("9", "new")], "training")


def test_nobody_is_in_two_parts() -> None:
    with pytest.raises(StudyError, match="Subject a is listed for training and for test"):
        Split(("a",), (), ("a",))
    with pytest.raises(StudyError, match="No subject is left for training"):
        Split((), ("a",), ())


def test_one_image_under_two_names_is_found() -> None:
    exams = [Exam("first", "a"), Exam("second", "b")]
    prints = {"first": {"flair": "11", "t1c": "22"}, "second": {"flair": "33", "t1c": "22"}}
    with pytest.raises(StudyError, match="t1c of first is t1c of second"):
        refuse_twins(exams, prints)
    refuse_twins(exams, {"first": {"t1c": "1"}, "second": {"t1c": "2"}})


def test_the_file_gives_the_division_back(tmp_path: Path) -> None:
    split = Split(("a", "ü"), ("b",), ("c",))
    path = tmp_path / "split.json"
    path.write_bytes(as_json(split, {"seed": 1}))
    assert read_split(path) == split and json.loads(path.read_bytes())["made"] == {"seed": 1}


@pytest.mark.parametrize(
    "text",
    ["\ufeffpart;subject\ntest;c\ntraining;a\nvalidation;b\n", "subject,part\na,Training\nb,validation\nc, test\n"],
)
def test_a_table_says_who_is_where(text: str, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(text, encoding="utf-8")
    assert read_split(path) == Split(("a",), ("b",), ("c",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,group\na,1\n", "no columns subject and part"),
        ("subject,part\na,train\n", "Line 2 names no subject, or the part 'train'"),
        ("subject,part\na,training\na,test\n", "Subject a is listed for training and for test"),
        ("{", "It is damaged"),
        (
            '{"format": "segmentation-split", "version": 2, "training": ["a"], "validation": [], "test": []}',
            "Another version",
        ),
        ('{"training": ["a"]}', "says of no subject"),
    ],
)
def test_a_division_that_cannot_be_read_is_refused_with_its_file(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_split(path)
    assert words in str(caught.value) and "parts.csv" in str(caught.value) and caught.value.remedy
