"""Finding the files of the exams by their names."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmentation.errors import StudyError
from study_admin.design import Arm, Exam, StudyProblemsError

IMAGE_ENDINGS = (".nii", ".nii.gz")


def find_exams(
    folder: Path,
    arms: Sequence[Arm],
    *,
    t1c: str = "t1c.nii*",
    flair: str = "flair.nii*",
    brain_mask: str = "",
    practice: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> tuple[Exam, ...]:
    """The exams in the sub-folders of a folder, practice exams first in the order named, the rest by name.

    Patterns are as in a shell: `*`, `?`, `[...]`. Those of files have to match exactly one image per exam, but for a
    consensus, which takes all that match; those of folders to leave out match as many as there are. Raises
    `StudyProblemsError` with all that is missing, ambiguous or used twice.
    """
    names, problems = exam_names(folder, practice, left_out)
    patterns = file_patterns(arms, t1c, flair, brain_mask)
    exams = []
    for name in names:
        found, missing = find_files(folder / name, patterns)
        problems += missing
        if not missing:
            exams.append(exam_of(folder / name, arms, found, is_practice=name in practice))
    if problems:
        raise StudyProblemsError(problems)
    return tuple(exams)


def exam_names(folder: Path, practice: Sequence[str], left_out: Sequence[str]) -> tuple[list[str], list[StudyError]]:
    """Sub-folders in the order of the study, and what is named and isn't there."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        remedy = "Give the folder that holds one sub-folder per exam."
        raise StudyError(f"The folder can't be read ({error.strerror}).", file=folder, remedy=remedy) from error
    left = {name for pattern in left_out for name in fnmatch.filter(names, pattern)}
    unknown = [name for name in practice if name not in names]
    unknown += [pattern for pattern in left_out if not fnmatch.filter(names, pattern)]
    remedy = "Correct the practice exams, or those to leave out."
    problems = [StudyError("There is no exam of this name.", file=folder / name, remedy=remedy) for name in unknown]
    wanted = [name for name in dict.fromkeys(practice) if name in names]
    wanted += [name for name in names if name not in practice]
    wanted = [name for name in wanted if name not in left]
    if not wanted and not problems:
        remedy = "Put each exam into a sub-folder of its own."
        problems.append(StudyError("The folder has no sub-folder with an exam.", file=folder, remedy=remedy))
    return wanted, problems


@dataclass(frozen=True)
class FilePattern:
    """What finds the files of one role in an exam's folder."""

    role: str  # "T1c", "FLAIR", "brain mask", "arm hand", or "arm hand, compartment 2"
    pattern: str
    may_be_several: bool = False


def file_patterns(arms: Sequence[Arm], t1c: str, flair: str, brain_mask: str = "") -> tuple[FilePattern, ...]:
    """One per role: T1c, FLAIR, the brain mask if there is one, and each arm's compartments."""
    images = [FilePattern("T1c", t1c), FilePattern("FLAIR", flair)]
    if brain_mask:
        images.append(FilePattern("brain mask", brain_mask))
    masks = [
        FilePattern(_mask_role(arm, number), pattern, arm.is_consensus)
        for arm in arms
        for number, pattern in enumerate(arm.patterns, start=1)
    ]
    return *images, *masks


def _mask_role(arm: Arm, number: int) -> str:
    return f"arm {arm.name}, compartment {number}" if len(arm.patterns) > 1 else f"arm {arm.name}"


def find_files(folder: Path, patterns: Sequence[FilePattern]) -> tuple[dict[str, tuple[Path, ...]], list[StudyError]]:
    """The files of each role, and what is missing, ambiguous or there for two roles."""
    found: dict[str, tuple[Path, ...]] = {}
    problems: list[StudyError] = []
    first_role: dict[Path, str] = {}
    for wanted in patterns:
        try:
            found[wanted.role] = _matches(folder, wanted)
        except StudyError as error:
            problems.append(error)
            continue
        for path in found[wanted.role]:
            other = first_role.setdefault(path, wanted.role)
            if other != wanted.role:
                what = f"The file is both {other} and {wanted.role}."
                problems.append(StudyError(what, file=path, remedy="Make the two patterns different."))
    return found, problems


def exam_of(folder: Path, arms: Sequence[Arm], found: Mapping[str, tuple[Path, ...]], *, is_practice: bool) -> Exam:
    """The exam whose files `find_files` found, all of them."""
    masks = {arm.name: tuple(found[_mask_role(arm, n)] for n in range(1, len(arm.patterns) + 1)) for arm in arms}
    brain_mask = found.get("brain mask", (None,))[0]
    return Exam(folder.name, found["T1c"][0], found["FLAIR"][0], masks, is_practice, brain_mask)


def _matches(folder: Path, wanted: FilePattern) -> tuple[Path, ...]:
    role, pattern = wanted.role, wanted.pattern
    try:
        matches = sorted(path for path in folder.glob(pattern) if path.name.endswith(IMAGE_ENDINGS) and path.is_file())
    except (ValueError, NotImplementedError) as error:
        remedy = "Give a file name or a pattern inside the exam's folder, for instance seg*.nii.gz."
        raise StudyError(f"{pattern!r} is no pattern of a file name.", remedy=remedy) from error
    if len(matches) == 1 or (matches and wanted.may_be_several):
        return tuple(matches)
    if not matches:
        remedy = f"Add the image, correct the pattern, or leave out {folder.name}."
        raise StudyError(f"No NIfTI image for {role} matches {pattern!r}.", file=folder, remedy=remedy)
    names = " and ".join(str(path.relative_to(folder)) for path in matches)
    remedy = f"Name the one to use, for instance {matches[0].name}, or a pattern that matches only one."
    raise StudyError(f"{len(matches)} images for {role} match {pattern!r}: {names}.", file=folder, remedy=remedy)
