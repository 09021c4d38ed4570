"""What must hold of a drawn study before it is sealed, and that each breach is noticed and named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from study_admin.blinding.allocation import allocate, check_allocation
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import plan_of
from study_admin.blinding.randomisation import DrawnReading
from study_admin.design import Arm, Exam, GroupSize, Study, StudyProblemsError, StudyType

ARMS = (Arm("hand", ("h",)), Arm("net", ("n",)))


def made(study_type: StudyType) -> tuple[Study, Allocation]:
    exams = tuple(Exam(f"E{n}", Path("t"), Path("f"), {}, is_practice=n == 0) for n in range(11))
    sizes = (GroupSize(2, 4), GroupSize(4, 6))
    study = Study(ARMS, exams, tuple(f"R{n}" for n in range(1, 7)), sizes, study_type=study_type)
    return study, allocate(plan_of(study, {"R5": 1}), bytes(32))


@pytest.mark.parametrize("study_type", list(StudyType))
def test_what_is_drawn_is_sound(study_type: StudyType) -> None:
    check_allocation(*made(study_type))


def of(allocation: Allocation, reader: str, number: int = 1) -> DrawnReading:
    """A reader's reading by its place among the exams that count."""
    return next(r for r in allocation.readings if (r.reader, r.position, r.is_practice) == (reader, number, False))


def change(allocation: Allocation, *pairs: tuple[DrawnReading, DrawnReading]) -> Allocation:
    new = dict(pairs)
    return replace(allocation, readings=tuple(new.get(r, r) for r in allocation.readings))


def swapped(reading: DrawnReading) -> tuple[DrawnReading, DrawnReading]:
    return reading, replace(reading, arm_a=reading.arm_b, arm_b=reading.arm_a)


def drop_one(a: Allocation) -> Allocation:
    return replace(a, readings=tuple(r for r in a.readings if r != of(a, "R5", 4)))


def read_twice(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5", 4), replace(of(a, "R5", 4), exam=of(a, "R5", 1).exam)))


def of_other_group(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5"), replace(of(a, "R5"), exam=a.exam_groups[1][0])))


def miscount(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5", 2), replace(of(a, "R5", 2), position=7)))


def one_id_twice(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5", 2), replace(of(a, "R5", 2), reading_id=of(a, "R5", 3).reading_id)))


def one_arm_twice(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5"), replace(of(a, "R5"), arm_a="net", arm_b="net")))


def a_stranger(a: Allocation) -> Allocation:
    return change(a, (of(a, "R5"), replace(of(a, "R5"), reader="R9")))


def no_practice(a: Allocation) -> Allocation:
    return replace(a, readings=tuple(r for r in a.readings if not (r.reader == "R5" and r.is_practice)))


def exam_in_two_groups(a: Allocation) -> Allocation:
    first, second = a.exam_groups
    return replace(a, exam_groups=(first, (first[0], *second[1:])))


def reader_lost(a: Allocation) -> Allocation:
    first, second = a.reader_groups
    return replace(a, reader_groups=(first, second[:-1]))


def choice_ignored(a: Allocation) -> Allocation:
    return replace(a, plan=replace(a.plan, chosen={"R5": 2}))


@pytest.mark.parametrize(
    ("breach", "message"),
    [
        (drop_one, r"R5 doesn't read exactly the exams of their group"),
        (drop_one, r"The exam E\d+ isn't read by exactly its readers"),
        (read_twice, r"R5 doesn't read exactly the exams of their group"),
        (of_other_group, r"The exam E\d+ isn't read by exactly its readers"),
        (miscount, r"The exams of R5 aren't counted from 1 on"),
        (one_id_twice, r"Two readings have one identifier"),
        (one_arm_twice, r"A reading doesn't show both arms"),
        (a_stranger, r"R9 is no reader of the study"),
        (no_practice, r"R5 doesn't read exactly the practice exams"),
        (exam_in_two_groups, r"The exam E\d+ is in 2 groups"),
        (reader_lost, r"The groups don't have the sizes that the study wants"),
        (reader_lost, r"The reader R\d is in 0 groups"),
        (choice_ignored, r"R5 isn't in group 2, which was chosen"),
    ],
)
@pytest.mark.parametrize("study_type", list(StudyType))
def test_a_breach_is_named(study_type: StudyType, breach: Callable[[Allocation], Allocation], message: str) -> None:
    study, allocation = made(study_type)
    with pytest.raises(StudyProblemsError, match=message):
        check_allocation(study, breach(allocation))


def test_sides_of_a_balanced_study() -> None:
    """One side exchanged: 3 of 4 exams of the reader, and 2 of the exam's 2 readers."""
    study, allocation = made(StudyType.BALANCED)
    reading = of(allocation, "R5")
    with pytest.raises(StudyProblemsError) as error:
        check_allocation(study, change(allocation, swapped(reading)))
    assert [problem.what for problem in error.value.problems] == [
        f"The sides of {name} aren't half and half." for name in (reading.exam, "R5")
    ]


def test_sides_of_a_study_as_published() -> None:
    study, allocation = made(StudyType.AS_PUBLISHED)
    reading = of(allocation, "R5")
    with pytest.raises(StudyProblemsError, match=f"The exam {reading.exam} has other sides for other readers"):
        check_allocation(study, change(allocation, swapped(reading)))
