"""What must hold of a drawn study before it is sealed, and that each breach is noticed and named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from study_admin.blinding.allocation import allocate, check_allocation
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import plan_of
from study_admin.blinding.randomisation import DrawnReading
from study_admin.design import Arm, Closing, Exam, GroupSize, Study, StudyProblemsError, StudyType, source_guess

ARMS = (Arm("hand", ("h",)), Arm("net", ("n",)))


def made(study_type: StudyType) -> tuple[Study, Allocation]:
    exams = tuple(Exam(f"E{n}", Path("t"), Path("f"), {}, is_practice=n == 0) for n in range(11))
    sizes = (GroupSize(2, 4), GroupSize(4, 6))
    study = Study(ARMS, exams, tuple(f"R{n}" for n in range(1, 7)), sizes, study_type=study_type,
                  closing=(source_guess(2), Closing("Any?", ("Yes", "No"))))  # fmt: skip
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


def ask(a: Allocation, place: int, **changes: object) -> Allocation:
    """The place-th question of R5 changed."""
    mine = [q for q in a.questions if q.reader == "R5"][place]
    return replace(a, questions=tuple(replace(q, **changes) if q is mine else q for q in a.questions))  # type: ignore[arg-type]


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
        (lambda a: replace(a, questions=a.questions[1:]), r"R1 isn't asked exactly the closing questions"),
        (lambda a: ask(a, 0, number=2), r"R5 isn't asked exactly the closing questions"),
        (lambda a: ask(a, 0, reader="R9"), r"A closing question goes to no reader of the study"),
        (lambda a: ask(a, 0, question_id=a.questions[0].question_id), r"Two closing questions have one identifier"),
        (
            lambda a: ask(a, 0, reading_id=of(a, "R1").reading_id),
            r"Closing question 1 of R5 isn't about different exams",
        ),
        (lambda a: ask(a, 0, reading_id=a.questions[13].reading_id), r"Closing question 1 of R5 isn't about different"),
        (lambda a: ask(a, 0, reading_id=None), r"Closing question 1 of R5 isn't about different exams"),
        (lambda a: ask(a, 2, reading_id=of(a, "R5").reading_id), r"Closing question 2 of R5 isn't about different"),
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
