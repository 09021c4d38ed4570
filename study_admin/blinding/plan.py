"""All of a study that is settled before the draw: what the draw depends on, and what is sealed beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation.errors import StudyError
from study_admin.blinding.hashes import design_sha256, sources_sha256, texts_sha256
from study_admin.design import GroupSize, Study, StudyType
from study_admin.records import SourceFile


@dataclass(frozen=True)
class Plan:
    """What is drawn for; with the seed it gives the whole allocation. The order of all names counts.

    The hashes don't enter the draw: they are sealed and committed to with it, so that nothing is changed afterwards.
    """

    study_type: StudyType
    arms: tuple[str, str]
    readers: tuple[str, ...]
    exams: tuple[str, ...]  # those that count, by name
    practice: tuple[str, ...]  # in the order in which they are shown
    sizes: tuple[GroupSize, ...]
    chosen: Mapping[str, int]  # readers put into a group by hand, from 1; the others are drawn
    closing: tuple[int, ...]  # per closing question how many exams it is about; 0: asked once, about all
    design_sha256: str
    texts_sha256: Mapping[str, str]
    sources_sha256: str  # empty if the files' hashes weren't given


def plan_of(study: Study, chosen: Mapping[str, int], files: Sequence[SourceFile] = ()) -> Plan:
    """The plan of a study as it stands, and of its files if they are given."""
    return Plan(
        study_type=study.study_type,
        arms=(study.arms[0].name, study.arms[1].name),
        readers=study.readers,
        exams=tuple(sorted(exam.name for exam in study.study_exams)),
        practice=tuple(exam.name for exam in study.practice_exams),
        sizes=study.group_sizes,
        chosen=dict(chosen),
        closing=tuple(question.exams for question in study.closing),
        design_sha256=design_sha256(study),
        texts_sha256=texts_sha256(study),
        sources_sha256=sources_sha256(files),
    )


def check_study(study: Study, files: Sequence[SourceFile], plan: Plan) -> None:
    """Raises StudyError unless design and files are those of the plan.

    Files are compared if the plan fixes any; one that does is never met by no files.
    """
    remedy = "Go back to a backup of the study database."
    now = plan_of(study, plan.chosen, files)
    if now.design_sha256 != plan.design_sha256:
        texts = [name for name, digest in plan.texts_sha256.items() if now.texts_sha256.get(name) != digest]
        others = f": {', '.join(texts)} differ" if texts else ""
        raise StudyError(f"The study's design isn't the one with which it was opened{others}.", remedy=remedy)
    if plan.sources_sha256 and now.sources_sha256 != plan.sources_sha256:
        what = "The list of the study's files and their hashes isn't the one with which it was opened."
        raise StudyError(what, remedy=remedy)


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
        closing=tuple(map(int, form["closing"])),
        design_sha256=str(form["design_sha256"]),
        texts_sha256={str(name): str(digest) for name, digest in form["texts_sha256"].items()},
        sources_sha256=str(form["sources_sha256"]),
    )
