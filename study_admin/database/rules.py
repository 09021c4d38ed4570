"""What must hold before the database takes a change."""

from collections.abc import Mapping, Sequence

from segmentation.errors import StudyError
from study_admin.design import Study
from study_admin.records import Opening, ReadingRecord, Stage

_UNFIT = "Nothing was changed. Open the study again from its database as it is now."


def check_stage(stage: Stage, wanted: Sequence[Stage]) -> None:
    """StudyError if the study is too far, or not far enough."""
    if stage in wanted:
        return
    if stage is Stage.UNBLINDED:
        raise StudyError("The study was unblinded already.", remedy="Nothing of it changes any more.")
    if stage is Stage.DRAFT:
        raise StudyError("The study has not been opened yet.", remedy="Open it first: that draws and seals it.")
    if Stage.LOCKED in wanted:
        raise StudyError("The study is not locked yet.", remedy="Lock it first: then nothing is collected any more.")
    if stage is Stage.LOCKED and Stage.OPEN in wanted:
        what = "The study is locked: nothing is handed out or collected any more."
        raise StudyError(what, remedy="Write the tables of what was collected.")
    what = "The study has been opened: its design and its groups don't change any more."
    raise StudyError(what, remedy="Make a new study for another design.")


def rooms(study: Study) -> list[int]:
    """How many readers each group takes."""
    return [size.readers for size in study.group_sizes]


def check_room(study: Study, chosen: Mapping[str, int], group: int) -> None:
    """StudyError unless a group exists and has room beside the readers chosen for it."""
    sizes = rooms(study)
    if not 1 <= group <= len(sizes):
        raise StudyError(f"There is no group {group}.", remedy=f"Choose one from 1 to {len(sizes)}.")
    there = [reader for reader, other in chosen.items() if other == group]
    if len(there) >= sizes[group - 1]:
        what = f"Group {group} is full: {', '.join(there)}."
        raise StudyError(what, remedy="Take one of them out first.")


def fitting(study: Study, chosen: Mapping[str, int]) -> dict[str, int]:
    """The choices of groups that a design still has readers and room for, first come first served."""
    left = rooms(study)
    kept = {}
    for reader, group in chosen.items():
        if reader in study.readers and group <= len(left) and left[group - 1]:
            left[group - 1] -= 1
            kept[reader] = group
    return kept


def check_opening(study: Study, chosen: Mapping[str, int], opening: Opening) -> None:
    """StudyError unless each exam has exactly its readers and each reader exactly its exams, as the study says."""
    group_of = {reader: number for number, readers in enumerate(opening.reader_groups, 1) for reader in readers}
    for reader, group in chosen.items():
        if group_of.get(reader) != group:
            what = f"{reader} was put into group {group}, and the draw has put them elsewhere."
            raise StudyError(what, remedy=_UNFIT)
    _check_groups("readers", opening.reader_groups, list(study.readers), rooms(study))
    exams = [exam.name for exam in study.study_exams]
    _check_groups("exams", opening.exam_groups, exams, [size.exams for size in study.group_sizes])
    practice = [exam.name for exam in study.practice_exams]
    packages = {reading.package_id for reading in opening.readings}
    if len(packages) != len(study.readers):
        raise StudyError("The draw does not have one package for each reader.", remedy=_UNFIT)
    for reader in study.readers:
        due = {(exam, False) for exam in opening.exam_groups[group_of[reader] - 1]} | {
            (exam, True) for exam in practice
        }
        drawn = [(reading.exam, reading.is_practice) for reading in opening.readings if reading.reader == reader]
        if len(drawn) != len(due) or set(drawn) != due:
            raise StudyError(f"{reader} was not drawn exactly the exams of their group.", remedy=_UNFIT)
    if len(opening.readings) != sum(len(opening.exam_groups[g - 1]) + len(practice) for g in group_of.values()):
        raise StudyError("The draw has a reading of nobody.", remedy=_UNFIT)


def _check_groups(what: str, groups: Sequence[Sequence[str]], names: Sequence[str], sizes: Sequence[int]) -> None:
    grouped = [name for group in groups for name in group]
    if sorted(grouped) != sorted(names) or [len(group) for group in groups] != list(sizes):
        raise StudyError(f"The groups of {what} that were drawn are not those of the study.", remedy=_UNFIT)


def check_complete(missing: Sequence[str], reason: str, done: str) -> None:
    """StudyError if results are missing and there is no reason to go on without them."""
    if missing and not reason:
        remedy = "Collect what is missing, or give a reason, which goes into the audit trail and the report."
        raise StudyError(f"The study can't be {done} yet: {', '.join(missing)}.", remedy=remedy)


def check_sides(study: Study, readings: Sequence[ReadingRecord], arm_on_a: Mapping[str, str]) -> None:
    """StudyError unless the sides are those of this study's readings and arms, and none is missing."""
    due = {reading.reading_id for reading in readings if not reading.is_practice}
    known = {reading.reading_id for reading in readings}
    if not due <= arm_on_a.keys() <= known or not set(arm_on_a.values()) <= {arm.name for arm in study.arms}:
        raise StudyError("These sides are not those of this study's readings.", remedy="Use the key of this study.")
