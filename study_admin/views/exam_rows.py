"""The exams as the window lists them: what was found of each, and what is wrong with it. Knows no Qt."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segmentation.errors import StudyError
from study_admin.design import Exam, Study
from study_admin.survey import Survey


@dataclass(frozen=True)
class ExamEntry:
    """One exam: for each role the names of its files, and its problems with their remedies."""

    name: str
    is_practice: bool
    files: Mapping[str, str]
    problems: tuple[StudyError, ...]
    t1c: Path | None
    masks: tuple[tuple[Path, ...], ...]  # by arm; none unless both have theirs, for no picture shows one arm alone

    @property
    def state(self) -> str:
        """A sign and words."""
        if not self.problems:
            return "✓ all found"
        return f"⚠ {len(self.problems)} problem{'' if len(self.problems) == 1 else 's'}"

    @property
    def has_picture(self) -> bool:
        return self.t1c is not None and bool(self.masks)


def entries_of_survey(found: Survey, folder: Path) -> tuple[ExamEntry, ...]:
    """What a look at the folder of exams has shown."""
    entries = []
    for row in found.rows:
        places = {role: [folder / row.name / name for name in names] for role, names in row.found.items()}
        masks = _of_both((_arm_of(role), paths) for role, paths in places.items() if role.startswith("arm "))
        t1c = next(iter(places.get("T1c", [])), None)
        files = {role: ", ".join(Path(name).name for name in names) for role, names in row.found.items()}
        entries.append(ExamEntry(row.name, row.is_practice, files, tuple(row.problems), t1c, masks))
    return tuple(entries)


def entries_of_study(study: Study) -> tuple[ExamEntry, ...]:
    """The exams of a study that is written: nothing was wrong with them then."""
    return tuple(_entry(exam) for exam in study.exams)


def _entry(exam: Exam) -> ExamEntry:
    files = {"T1c": exam.t1c.name, "FLAIR": exam.flair.name}
    if exam.brain_mask:
        files["brain mask"] = exam.brain_mask.name
    for arm, compartments in exam.masks.items():
        files[f"arm {arm}"] = ", ".join(path.name for paths in compartments for path in paths)
    masks = _of_both((arm, paths) for arm, compartments in exam.masks.items() for paths in compartments)
    return ExamEntry(exam.name, exam.is_practice, files, (), exam.t1c, masks)


def _arm_of(role: str) -> str:
    """The name in "arm hand" and in "arm hand, compartment 2"."""
    return re.sub(r", compartment \d+$", "", role.removeprefix("arm "))


def _of_both(found: Iterable[tuple[str, Sequence[Path]]]) -> tuple[tuple[Path, ...], ...]:
    """The masks of both arms; none if a file of one is missing, or if the two can't be told apart."""
    masks: dict[str, list[Path]] = {}
    for arm, paths in found:
        if not paths:
            return ()
        masks.setdefault(arm, []).extend(paths)
    files = [path for paths in masks.values() for path in paths]
    is_told_apart = len(masks) == 2 and len(set(files)) == len(files)
    return tuple(tuple(paths) for paths in masks.values()) if is_told_apart else ()


def with_problems(
    entries: Sequence[ExamEntry], problems: Iterable[StudyError], folder: Path
) -> tuple[tuple[ExamEntry, ...], tuple[StudyError, ...]]:
    """The exams with the problems of their own files, and what is wrong with the study as a whole."""
    own: dict[str, list[StudyError]] = {entry.name: [] for entry in entries}
    rest = []
    for problem in problems:
        name = _exam_of(problem, folder)
        own[name].append(problem) if name in own else rest.append(problem)
    return tuple(replace(entry, problems=tuple(own[entry.name])) for entry in entries), tuple(rest)


def _exam_of(problem: StudyError, folder: Path) -> str:
    """The sub-folder that a problem's file lies in; empty if it lies elsewhere."""
    try:
        return Path(problem.file or "").relative_to(folder).parts[0]
    except (ValueError, IndexError):
        return ""
