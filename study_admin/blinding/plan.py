"""All of a study that the draw depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study_admin.design import GroupSize, Study, StudyType


@dataclass(frozen=True)
class Plan:
    """What is drawn for; with the seed it gives the whole allocation. The order of all names counts."""

    study_type: StudyType
    arms: tuple[str, str]
    readers: tuple[str, ...]
    exams: tuple[str, ...]  # those that count, by name
    practice: tuple[str, ...]  # in the order in which they are shown
    sizes: tuple[GroupSize, ...]
    chosen: Mapping[str, int]  # readers put into a group by hand, from 1; the others are drawn


def plan_of(study: Study, chosen: Mapping[str, int]) -> Plan:
    """The plan of a study as it stands."""
    return Plan(
        study_type=study.study_type,
        arms=(study.arms[0].name, study.arms[1].name),
        readers=study.readers,
        exams=tuple(sorted(exam.name for exam in study.study_exams)),
        practice=tuple(exam.name for exam in study.practice_exams),
        sizes=study.group_sizes,
        chosen=dict(chosen),
    )


def plan_from_form(form: Mapping[str, Any]) -> Plan:
    """A plan from what `asdict` made of it; ValueError, TypeError or KeyError for anything else."""
    first, second = map(str, form["arms"])
    return Plan(
        study_type=StudyType(form["study_type"]),
        arms=(first, second),
        readers=tuple(map(str, form["readers"])),
        exams=tuple(map(str, form["exams"])),
        practice=tuple(map(str, form["practice"])),
        sizes=tuple(GroupSize(int(size["readers"]), int(size["exams"])) for size in form["sizes"]),
        chosen={str(reader): int(group) for reader, group in form["chosen"].items()},
    )
