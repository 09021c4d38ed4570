"""The files a study is made from: their hashes when it opened, and whether they still are the same."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from segmentation.errors import StudyError
from study_admin.design import Exam, Study, StudyProblemsError
from study_admin.records import SourceFile

Progress = Callable[[int, int], None]  # steps done, steps in all; may raise to cancel


def source_files(study: Study, progress: Progress = lambda done, total: None) -> tuple[SourceFile, ...]:
    """Every file of every exam with its SHA-256; `StudyProblemsError` names all that can't be read."""
    files: list[SourceFile] = []
    problems: list[StudyError] = []
    for number, exam in enumerate(study.exams):
        progress(number, len(study.exams))
        for role, path in _files_of(exam):
            try:
                files.append(SourceFile(exam.name, role, str(path), _sha256(path)))
            except StudyError as error:
                problems.append(error)
    progress(len(study.exams), len(study.exams))
    if problems:
        raise StudyProblemsError(problems)
    return tuple(files)


def check_sources(
    exams: Sequence[Exam], known: Sequence[SourceFile], progress: Callable[[int], None] = lambda done: None
) -> None:
    """Raises `StudyProblemsError` naming each file that isn't what it was when `known` was written down."""
    hashes = {(file.exam, file.role): file.sha256 for file in known}
    problems: list[StudyError] = []
    for number, exam in enumerate(exams):
        progress(number)
        for role, path in _files_of(exam):
            try:
                is_same = _sha256(path) == hashes.get((exam.name, role))
            except StudyError as error:
                problems.append(error)
                continue
            if not is_same:
                what = "The file is another one than when the study was opened."
                problems.append(
                    StudyError(what, file=path, remedy="Put the original back, for instance from a backup.")
                )
    if problems:
        raise StudyProblemsError(problems)


def _files_of(exam: Exam) -> Iterator[tuple[str, Path]]:
    yield "T1c", exam.t1c
    yield "FLAIR", exam.flair
    if exam.brain_mask is not None:
        yield "brain mask", exam.brain_mask
    # "arm" in front: an arm may be called T1c
    for arm, compartments in exam.masks.items():
        is_single = [len(files) for files in compartments] == [1]
        for number, files in enumerate(compartments, start=1):
            for technician, path in enumerate(files, start=1):
                yield (f"arm {arm}" if is_single else f"arm {arm} {number}.{technician}"), path


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        remedy = "Check that the exams still lie where they lay, and that you may read them."
        raise StudyError(f"The file can't be read ({error.strerror}).", file=path, remedy=remedy) from error
