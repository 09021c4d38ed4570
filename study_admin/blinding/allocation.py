"""The allocation of a study: drawn, and then counted through by code that knows nothing of how it was drawn."""

from collections import Counter
from collections.abc import Iterator, Sequence

from segmentation.errors import StudyError
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan
from study_admin.blinding.randomisation import DrawnReading, draw_groups, draw_questions, draw_readings, identifier
from study_admin.design import Study, StudyProblemsError, StudyType

_REMEDY = "Nothing was sealed or written. This is a fault of Blindread: please report it."


def allocate(plan: Plan, seed: bytes) -> Allocation:
    """Draw all that the seed decides."""
    exam_groups, reader_groups = draw_groups(seed, plan.exams, plan.readers, plan.sizes, plan.chosen)
    readings = draw_readings(seed, plan.study_type, plan.arms, plan.readers, exam_groups, reader_groups, plan.practice)
    questions = draw_questions(seed, plan.readers, readings, plan.closing)
    return Allocation(identifier(seed, "study"), seed, plan, exam_groups, reader_groups, readings, questions)


def check_allocation(study: Study, allocation: Allocation) -> None:
    """Raises `StudyProblemsError` unless each exam has exactly its readers, each reader exactly its exams and
    questions, and the sides are what the study's type promises."""
    problems = [
        *_problems_of_groups(study, allocation),
        *_problems_of_readers(study, allocation),
        *_problems_of_exams(study, allocation),
        *_problems_of_sides(study, allocation),
        *_problems_of_questions(study, allocation),
    ]
    if problems:
        raise StudyProblemsError([StudyError(problem, remedy=_REMEDY) for problem in problems])


def _problems_of_groups(study: Study, allocation: Allocation) -> Iterator[str]:
    planned = [(size.readers, size.exams) for size in study.group_sizes]
    pairs = list(zip(allocation.reader_groups, allocation.exam_groups, strict=False))
    if [(len(readers), len(exams)) for readers, exams in pairs] != planned:
        yield "The groups don't have the sizes that the study wants."
    for what, groups, there in (
        ("exam", allocation.exam_groups, [exam.name for exam in study.study_exams]),
        ("reader", allocation.reader_groups, list(study.readers)),
    ):
        counts = Counter(name for group in groups for name in group)
        for name in sorted({*there, *counts}):
            if counts[name] != (name in there):
                yield f"The {what} {name} is in {counts[name]} groups."
    for reader, group in allocation.plan.chosen.items():
        if not 1 <= group <= len(pairs) or reader not in allocation.reader_groups[group - 1]:
            yield f"{reader} isn't in group {group}, which was chosen."


def _problems_of_readers(study: Study, allocation: Allocation) -> Iterator[str]:
    practice = [exam.name for exam in study.practice_exams]
    for reader in study.readers:
        mine = [reading for reading in allocation.readings if reading.reader == reader]
        counted = [reading for reading in mine if not reading.is_practice]
        due = _of_group(reader, allocation.reader_groups, allocation.exam_groups)
        if sorted(reading.exam for reading in counted) != sorted(due):
            yield f"{reader} doesn't read exactly the exams of their group."
        if [reading.exam for reading in mine if reading.is_practice] != practice:
            yield f"{reader} doesn't read exactly the practice exams."
        places = [reading.position for reading in mine]
        if places != [*range(1, len(practice) + 1), *range(1, len(counted) + 1)]:
            yield f"The exams of {reader} aren't counted from 1 on, practice first."
    if len({reading.reading_id for reading in allocation.readings}) != len(allocation.readings):
        yield "Two readings have one identifier."
    for reader in sorted({reading.reader for reading in allocation.readings} - set(study.readers)):
        yield f"{reader} is no reader of the study."


def _problems_of_exams(study: Study, allocation: Allocation) -> Iterator[str]:
    for exam in study.exams:
        readers = [reading.reader for reading in _readings_of(exam.name, exam.is_practice, allocation)]
        everyone = study.readers if exam.is_practice else ()
        due = everyone or _of_group(exam.name, allocation.exam_groups, allocation.reader_groups)
        if sorted(readers) != sorted(due):
            yield f"The exam {exam.name} isn't read by exactly its readers."


def _problems_of_sides(study: Study, allocation: Allocation) -> Iterator[str]:
    first, second = (arm.name for arm in study.arms)
    if any({reading.arm_a, reading.arm_b} != {first, second} for reading in allocation.readings):
        yield "A reading doesn't show both arms."
    by_exam = {exam.name: _readings_of(exam.name, exam.is_practice, allocation) for exam in study.exams}
    if study.study_type is StudyType.AS_PUBLISHED:
        mixed = (name for name, readings in by_exam.items() if len({reading.arm_a for reading in readings}) > 1)
        yield from (f"The exam {name} has other sides for other readers." for name in mixed)
        return
    by_reader = {
        reader: [reading for reading in allocation.readings if reading.reader == reader and not reading.is_practice]
        for reader in study.readers
    }
    for name, readings in {**by_exam, **by_reader}.items():
        on_a = sum(reading.arm_a == first for reading in readings)
        if abs(2 * on_a - len(readings)) > 1:
            yield f"The sides of {name} aren't half and half."


def _problems_of_questions(study: Study, allocation: Allocation) -> Iterator[str]:
    ids = [question.question_id for question in allocation.questions]
    if len(set(ids)) != len(ids):
        yield "Two closing questions have one identifier."
    if {question.reader for question in allocation.questions} - set(study.readers):
        yield "A closing question goes to no reader of the study."
    for reader in study.readers:
        counted = {r.reading_id for r in allocation.readings if r.reader == reader and not r.is_practice}
        mine = [question for question in allocation.questions if question.reader == reader]
        due = [number for number, closing in enumerate(study.closing, start=1) for _ in range(closing.exams or 1)]
        if [question.number for question in mine] != due:
            yield f"{reader} isn't asked exactly the closing questions."
        for number, closing in enumerate(study.closing, start=1):
            about = [question.reading_id for question in mine if question.number == number]
            is_sound = len(set(about)) == len(about) and set(about) <= counted if closing.exams else about == [None]
            if not is_sound:
                yield f"Closing question {number} of {reader} isn't about different exams of theirs."


def _readings_of(exam: str, is_practice: bool, allocation: Allocation) -> list[DrawnReading]:
    return [r for r in allocation.readings if r.exam == exam and r.is_practice == is_practice]


def _of_group(name: str, groups: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> Sequence[str]:
    """What stands opposite the group that holds the name."""
    return next((other for group, other in zip(groups, others, strict=False) if name in group), ())
