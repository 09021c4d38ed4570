"""What a design finds in a folder of exams, and everything that is wrong with it, before anything is written."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from study_admin.blinding.encoding import load_exam
from study_admin.design import Exam, Study, StudyProblemsError
from study_admin.exams import exam_names, exam_of, file_patterns, find_files, read_facts
from study_admin.study_file import StudyFile

Progress = Callable[[int, int], None]  # exams done, exams in all; may raise to cancel

FACTS = "exams.csv"  # in the exams' folder, unless another file is named


@dataclass(frozen=True)
class ExamRow:
    """One exam: the files found for each role, by their names in its folder, and what is wrong with it."""

    name: str
    is_practice: bool
    found: Mapping[str, tuple[str, ...]]
    problems: tuple[StudyError, ...]
    exam: Exam | None  # if all its files are there


@dataclass(frozen=True)
class Survey:
    """The exams in the order of the study; `problems` are those of the study as a whole."""

    rows: tuple[ExamRow, ...]
    problems: tuple[StudyError, ...]
    warnings: tuple[str, ...]
    study: Study | None  # None if anything is wrong

    @property
    def all_problems(self) -> tuple[StudyError, ...]:
        return (*self.problems, *(problem for row in self.rows for problem in row.problems))


def look(design: StudyFile, folder: Path, *, facts_file: Path | None = None) -> Survey:
    """Names alone: fast, but what is in the files stays unknown."""
    draft = _find(design, folder, facts_file)
    return draft.survey()


def survey(design: StudyFile, folder: Path, progress: Progress, *, facts_file: Path | None = None) -> Survey:
    """Every file read and checked."""
    draft = _find(design, folder, facts_file)
    exams = [row.exam for row in draft.rows if row.exam is not None]
    voxels = _Voxels(draft.study)
    for number, exam in enumerate(exams):
        progress(number, len(exams))
        voxels.look_at(exam)
    progress(len(exams), len(exams))
    voxels.compare()
    for row in draft.rows:
        row.problems += voxels.problems.get(row.name, ())
    draft.problems += voxels.problems.get("", ())
    draft.warnings += voxels.warnings
    return draft.survey()


def check_exams(study: Study, progress: Progress) -> tuple[StudyError, ...]:
    """The voxels of a study's exams once more, as they lie there now."""
    voxels = _Voxels(study)
    for number, exam in enumerate(study.exams):
        progress(number, len(study.exams))
        voxels.look_at(exam)
    progress(len(study.exams), len(study.exams))
    voxels.compare()
    return tuple(problem for found in voxels.problems.values() for problem in found)


# --- names ---


@dataclass
class _Row:
    name: str
    is_practice: bool
    found: Mapping[str, tuple[Path, ...]]
    problems: list[StudyError]
    exam: Exam | None


@dataclass
class _Draft:
    """A survey in the making."""

    folder: Path
    rows: list[_Row]
    problems: list[StudyError]
    study: Study  # with stand-ins for exams that lack a file
    warnings: list[str] = field(default_factory=list)

    def survey(self) -> Survey:
        rows = tuple(
            ExamRow(
                row.name,
                row.is_practice,
                {
                    role: tuple(_inside(path, self.folder / row.name) for path in paths)
                    for role, paths in row.found.items()
                },
                tuple(row.problems),
                row.exam,
            )
            for row in self.rows
        )
        is_sound = not self.problems and not any(row.problems for row in self.rows)
        return Survey(rows, tuple(self.problems), tuple(self.warnings), self.study if is_sound else None)


def _inside(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _find(design: StudyFile, folder: Path, facts_file: Path | None) -> _Draft:
    names, problems = exam_names(folder, design.practice, design.left_out)
    patterns = file_patterns(design.arms, design.t1c, design.flair, design.brain_mask)
    rows = []
    for name in names:
        found, missing = find_files(folder / name, patterns)
        is_practice = name in design.practice
        exam = None if missing else exam_of(folder / name, design.arms, found, is_practice=is_practice)
        rows.append(_Row(name, is_practice, {p.role: found.get(p.role, ()) for p in patterns}, missing, exam))
    warnings: list[str] = []
    if facts_file is None and (folder / FACTS).is_file():
        facts_file = folder / FACTS
    if facts_file is not None:
        others = {entry.name for entry in folder.iterdir()}.difference(names)
        _add_facts(facts_file, rows, others, problems, warnings)
    study = design.study(tuple(row.exam or _stand_in(folder, row) for row in rows))
    if rows:
        try:
            study.check()
        except StudyProblemsError as error:
            problems += error.problems
        warnings += study.warnings()
    return _Draft(folder, rows, problems, study, warnings)


def _stand_in(folder: Path, row: _Row) -> Exam:
    """An exam that counts, so that a missing file isn't reported as a missing exam as well."""
    place = folder / row.name
    return Exam(row.name, place, place, {}, row.is_practice, brain_mask=place)


def _add_facts(
    path: Path, rows: Sequence[_Row], others: set[str], problems: list[StudyError], warnings: list[str]
) -> None:
    try:
        table = read_facts(path, [row.name for row in rows], others)
    except StudyError as error:
        problems.append(error)
        return
    by_name = {row.name: row for row in rows}
    for name, problem in table.problems:
        (by_name[name].problems if name else problems).append(problem)
    for row in rows:
        if row.exam is not None and row.name in table.facts:
            row.exam = replace(row.exam, facts=table.facts[row.name])
    missing = [row.name for row in rows if row.name not in table.facts]
    if missing:
        warnings.append(f"{path.name} tells nothing of {_listed(missing)}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


# --- voxels ---


@dataclass(frozen=True)
class _Seen:
    """What is kept of an exam: hashes; those of empty masks are empty."""

    exam: Exam
    t1c: bytes
    flair: bytes
    masks: tuple[bytes, bytes]


class _Voxels:
    """Looks at one exam after the other and keeps no more of each than hashes. Problems by exam; "" is the study."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._arms = (study.arms[0].name, study.arms[1].name)
        self._seen: list[_Seen] = []
        self._alike: list[str] = []
        self.problems: dict[str, list[StudyError]] = {}
        self.warnings: list[str] = []

    def look_at(self, exam: Exam) -> None:
        study = self._study
        try:
            loaded = load_exam(
                exam,
                self._arms,
                rule=study.mask_rule,
                are_empty_masks_allowed=study.are_empty_masks_allowed,
                heads=study.heads,
            )
        except StudyProblemsError as error:
            self._say(exam.name, *error.problems)
            return
        first, second = loaded.masks
        if np.array_equal(loaded.t1c.array, loaded.flair.array):
            remedy = "Give the exam's own FLAIR."
            self._say(exam.name, StudyError("The FLAIR is the T1c, voxel by voxel.", file=exam.flair, remedy=remedy))
        if np.array_equal(first, second):
            self._alike.append(exam.name)
        self.warnings += (f"{path}: nothing is segmented in this file." for path in loaded.empty_files)
        masks = _hash(first) if first.any() else b"", _hash(second) if second.any() else b""
        self._seen.append(_Seen(exam, _hash(loaded.t1c.array), _hash(loaded.flair.array), masks))

    def compare(self) -> None:
        """What shows only when all exams have been seen."""
        for exam, other in _same((seen.exam, seen.t1c) for seen in self._seen):
            self._say_same("T1c", exam, exam.t1c, other)
        for exam, other in _same((seen.exam, seen.flair) for seen in self._seen):
            self._say_same("FLAIR", exam, exam.flair, other)
        for number, arm in enumerate(self._arms):
            self.warnings += (
                f"{exam.name}: the mask of {arm} is that of {other.name}, voxel by voxel."
                for exam, other in _same((seen.exam, seen.masks[number]) for seen in self._seen)
            )
        if self._alike and len(self._alike) == len(self._seen):
            remedy = "Give each arm the file names of its own masks."
            self._say("", StudyError("In every exam the masks of both arms are the same.", remedy=remedy))
        elif self._alike:
            self.warnings.append(f"The masks of both arms are the same in {_listed(self._alike)}.")

    def _say_same(self, what: str, exam: Exam, path: Path, other: Exam) -> None:
        remedy = f"Leave {exam.name} or {other.name} out, or give its own image."
        self._say(exam.name, StudyError(f"It is the {what} of {other.name}.", file=path, remedy=remedy))

    def _say(self, name: str, *problems: StudyError) -> None:
        self.problems.setdefault(name, []).extend(problems)


def _hash(array: npt.NDArray) -> bytes:
    digest = hashlib.sha256(f"{array.shape}{array.dtype}".encode())
    digest.update(np.ascontiguousarray(array.T).data)  # arrays have i fastest, so this copies nothing
    return digest.digest()


def _same(hashes: Iterable[tuple[Exam, bytes]]) -> Iterable[tuple[Exam, Exam]]:
    """Pairs of a later and the first exam with one hash."""
    first: dict[bytes, Exam] = {}
    for exam, digest in hashes:
        if digest and first.setdefault(digest, exam) is not exam:
            yield exam, first[digest]
