"""What is wrong with a design, and what should be known of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reader_app.session.model import Anchor, Scale
from study_admin.design import (
    Arm,
    Closing,
    Exam,
    GroupSize,
    Heads,
    Study,
    StudyProblemsError,
    StudyType,
    source_guess,
)

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("net", ("net_*.nii.gz",)))


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
        ({"readers": ("R01", "CON")}, "Windows makes no folder of the name 'CON'"),
        ({"readers": ("R01", "nul")}, "Windows makes no folder of the name 'nul'"),
        ({"readers": ("R01", "Com1")}, "Windows makes no folder of the name 'Com1'"),
        ({"readers": ("R01", "LPT9")}, "Windows makes no folder of the name 'LPT9'"),
        ({"readers": ("aux", "R02")}, "Windows makes no folder of the name 'aux'"),
        ({"readers": ("prn", "R02")}, "Windows makes no folder of the name 'prn'"),
        ({"readers": ("R01", "r01")}, "Two readers have the code 'r01'"),
        ({"arms": (ARMS[0], Arm("HAND", ("x",)))}, "Both arms are called"),
        ({"exams": ()}, "No exam is left"),
        ({"closing": (source_guess(1, "net work"),)}, "asks for 'net work', which is no arm"),
        ({"closing": (Closing("Which?", ("A", "C"), exams=1, asks_for="net"),)}, "can't be answered by a side"),
        ({"closing": (Closing("Which?", ("A", "B"), asks_for="net"),)}, "can't be answered by a side"),
        ({"closing": (source_guess(1, "net"), source_guess(1, "hand"))}, "ask for the sides of both arms"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": (GroupSize(1, 2), GroupSize(2, 2))}, "places for 3 readers, but there are 2"),
        ({"groups": (GroupSize(1, 2), GroupSize(1, 1))}, "places for 3 exams, but there are 4"),
        ({"groups": (GroupSize(2, 0), GroupSize(0, 4))}, "A group has no reader or no exam"),
        ({"groups": (GroupSize(1, 1), GroupSize(1, 3)), "closing": (source_guess(2),)}, "a reader may have only 1"),
        ({"alpha": 0.0}, "alpha of 0 is no error rate"),
        ({"alpha": float("nan")}, "alpha of nan"),
        ({"non_inferiority_margin": 10.0}, "margin of 10 points says nothing"),
        ({"non_inferiority_margin": -0.5}, "margin of -0.5 points"),
        ({"scale": Scale(0, 11, (Anchor(0, "none"),))}, "0 to 11 can't be typed"),
        ({"scale": Scale(1, 5, (Anchor(2, "some"),))}, "anchors don't rise from its lowest score"),
        ({"scale": Scale(0, 5, (Anchor(0, "no"), Anchor(7, "yes")))}, "anchors don't rise"),
        ({"scale": Scale(0, 5, (Anchor(0, "like a hand"),))}, "name of a score 'like a hand' holds the name 'hand'"),
        ({"question": ""}, "question '' can't be shown"),
        ({"question": "net or gross?"}, "holds the name 'net'"),
        ({"instruction": ("As in case3, look.",)}, "page of the instruction"),
        ({"instruction": ("Look.",) * 21}, "has 21 pages"),
        ({"title": "Right \u202e left"}, "can't be shown"),
        ({"closing": (Closing("Why?", ("so", "so")),)}, "too many choices, or one twice"),
        ({"closing": (Closing("Why?", ("so",)),)}, "leaves no choice"),
        ({"closing": (Closing("By a net?", ("yes", "no")),)}, "closing question 'By a net\\?' holds the name 'net'"),
        ({"arms": (ARMS[0], Arm("../net", ("x",)))}, "An arm can't be called"),
        ({"arms": (ARMS[0], Arm("net", ()))}, "The arm net has no masks"),
    ],
)
def test_problems_of_groups_numbers_and_words(study: Study, change: dict[str, object], message: str) -> None:
    exams = (*study.exams, *(replace(study.exams[1], name=f"case{n}") for n in (4, 5)))
    with pytest.raises(StudyProblemsError, match=message) as error:
        replace(study, exams=exams, **change).check()  # type: ignore[arg-type]
    assert len(error.value.problems) == 1


def test_brain_only_needs_every_brain_mask(study: Study) -> None:
    exams = (replace(study.exams[0], brain_mask=Path("b")), *study.exams[1:])
    with pytest.raises(StudyProblemsError) as error:
        replace(study, heads=Heads.BRAIN_ONLY, exams=exams).check()
    assert [str(problem).split(" has no ")[0] for problem in error.value.problems] == [
        "The exam case2",
        "The exam case3",
    ]


def as_published(study: Study, groups: int = 5, readers: int = 4, exams: int = 20) -> Study:
    """The matrix of Mitchell et al. 2020, section 2.4."""
    named = tuple(replace(study.exams[1], name=f"case{n:03}") for n in range(groups * exams))
    codes = tuple(f"R{n:02}" for n in range(groups * readers))
    return replace(study, exams=named, readers=codes, groups=(GroupSize(readers, exams),) * groups)


def test_nothing_to_warn_of_in_the_published_matrix(study: Study) -> None:
    published = as_published(study)
    published.check()
    assert published.warnings() == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda study: as_published(study, readers=5), "odd number of readers"),
        (lambda study: as_published(study, exams=19), "odd number of exams"),
        (lambda study: as_published(study, groups=2, readers=2), "With 4 readers"),
        (
            lambda study: as_published(study, groups=1, readers=6),
            "one group only: every reader reads every exam, 20 in all",
        ),
        (
            lambda study: replace(as_published(study, 2, 4), groups=(GroupSize(6, 20), GroupSize(2, 20))),
            "The groups are unequal",
        ),
        (
            lambda study: replace(as_published(study, 2, 4), groups=(GroupSize(4, 28), GroupSize(4, 12))),
            "The groups are unequal",
        ),
        (
            lambda study: as_published(study, exams=6),
            "Where 4 readers share 6 exams, those who compare their notes could work out which sides belong together",
        ),
        (
            lambda study: replace(as_published(study), study_type=StudyType.AS_PUBLISHED, closing=(source_guess(2),)),
            "asked nothing after the last score",
        ),
    ],
)
def test_warnings(study: Study, changed: Callable[[Study], Study], message: str) -> None:
    unusual = changed(study)
    unusual.check()
    (warning,) = unusual.warnings()
    assert message in warning


def test_a_group_of_one_reader(study: Study) -> None:
    warnings = as_published(study, 6, 1).warnings()
    assert len(warnings) == 2
    assert "single reader" in warnings[0]


def test_odd_numbers_matter_only_where_sides_are_balanced(study: Study) -> None:
    odd = replace(as_published(study, readers=5, exams=19), study_type=StudyType.AS_PUBLISHED)
    assert odd.warnings() == ()


def test_without_groups_all_read_all(study: Study) -> None:
    assert study.group_sizes == (GroupSize(2, 2),)


def test_folders_called_1_and_a_are_no_secret(study: Study) -> None:
    exams = (replace(study.exams[1], name="1"), replace(study.exams[1], name="A"))
    replace(study, exams=exams, closing=(source_guess(1),)).check()


@pytest.mark.parametrize(
    ("arm", "text"),
    [
        ("hand", "How well did the hands draw?"),
        ("hand", "Hand-drawn or not?"),
        ("hand", "Drawn by_hand2?"),
        ("machine", "Are the Machines good?"),
        ("machine", "Is this machine-made, or by machinery?"),
        ("deep-medic", "Is DeepMedic better?"),
        ("deep medic", "Is a deep_medic better?"),
        ("Künstler", "Was sagen die künstlerischen Maße?"),
        ("ai", "Was it AI?"),
    ],
)
def test_an_arm_in_other_words(study: Study, arm: str, text: str) -> None:
    with pytest.raises(StudyProblemsError, match=f"question .* holds the name '{arm}'"):
        replace(study, arms=(Arm(arm, ("x",)), Arm("zzz", ("y",))), question=text).check()


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        (("hand", "net"), "Handsome internet study, beforehand, with networks"),
        (("ai", "me"), "Aim of the mean: how good is the method?"),
        (("machine", "manual"), "Submachine"),
    ],
)
def test_words_that_only_contain_a_name_are_fine(study: Study, arms: tuple[str, str], text: str) -> None:
    replace(study, arms=(Arm(arms[0], ("x",)), Arm(arms[1], ("y",))), title=text).check()


def test_codes_that_only_begin_as_a_device_are_fine(study: Study) -> None:
    for codes in (("CON1", "COM10"), ("LPT", "NULL"), ("R-CON", "COM_1")):
        replace(study, readers=codes).check()


@pytest.mark.parametrize(
    ("readers", "exams", "is_warned"),
    [(4, 20, False), (6, 20, False), (8, 20, True), (4, 12, False), (4, 10, True), (2, 7, True), (2, 8, False)],
)
def test_notes_that_link_sides(study: Study, readers: int, exams: int, is_warned: bool) -> None:
    """From the tables of sides that comparing leaves over, estimated by hand: 2^exams p^(readers - 1).

    p is the share of balanced rows: 184,756 / 2^20 = 0.176 for 20 exams, 924 / 2^12 = 0.226 for 12, 252 / 2^10 = 0.246
    for 10, 70 / 2^8 = 0.273 for 8. That makes 5,700; 180; 5.5; 47; 15; and 70 for 2 readers of 8 exams. Fewer than 16,
    or fewer than 8 exams, are few.
    """
    balanced = as_published(study, 5, readers, exams)
    assert any("compare their notes" in warning for warning in balanced.warnings()) == is_warned
    published = replace(balanced, study_type=StudyType.AS_PUBLISHED)  # all have the same sides: nothing to compare
    assert not any("compare their notes" in warning for warning in published.warnings())


def test_unequal_groups_are_warned_of_one_by_one(study: Study) -> None:
    sizes = (GroupSize(4, 6), GroupSize(4, 28), GroupSize(4, 6), GroupSize(1, 4))
    named = tuple(replace(study.exams[1], name=f"case{n:03}") for n in range(44))
    unequal = replace(study, exams=named, readers=tuple(f"R{n:02}" for n in range(13)), groups=sizes)
    unequal.check()
    assert [w[:29] for w in unequal.warnings() if "notes" in w] == ["Where 4 readers share 6 exams"]
