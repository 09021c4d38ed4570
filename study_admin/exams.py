"""The exams in a folder: their files, found by their names, and what a table tells of them."""

import csv
import fnmatch
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reader_app.session.canonical import MAX_NAME, FormatError, clean_text
from segmentation.errors import StudyError
from study_admin.design import Arm, Exam, ExamFacts, StudyProblemsError

IMAGE_ENDINGS = (".nii", ".nii.gz")
COLUMNS = ("exam", "subject", "site", "age", "sex", "tumour_type", "study_date")
_LARGEST_TABLE = 2**22


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


@dataclass(frozen=True)
class FactsTable:
    """What a table tells of the exams; `problems` with the exam that each is about, or an empty name."""

    facts: Mapping[str, ExamFacts]
    problems: tuple[tuple[str, StudyError], ...]


def read_facts(path: Path, exams: Sequence[str], others: Collection[str] = ()) -> FactsTable:
    """exams.csv: one row an exam, columns of `COLUMNS`, only the first of them needed; commas, semicolons or tabs.

    `others` are exams that may be named though they aren't in the study. Raises StudyError for what is no such table.
    """
    try:
        rows = list(_rows(path))
    except csv.Error as error:
        raise StudyError(f"The table is damaged ({error}).", file=path, remedy=_SAVE_TABLE) from error
    facts: dict[str, ExamFacts] = {}
    problems: list[tuple[str, StudyError]] = []
    for line, row in rows:
        place = f"{path}, line {line}"
        name = row["exam"]
        if name not in exams:
            if name not in others:
                what, remedy = f"There is no exam {name!r}.", "Write the name of its folder, or take the row out."
                problems.append(("", StudyError(what, file=place, remedy=remedy)))
            continue
        if name in facts:
            problems.append((name, StudyError(f"{name} stands there twice.", file=place, remedy="Keep one row.")))
            continue
        facts[name], wrong = _facts(row, place)
        problems += ((name, problem) for problem in wrong)
    return FactsTable(facts, (*problems, *_twice(facts, path)))


_SAVE_TABLE = 'Save it from Excel as "CSV UTF-8".'


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    """Line number and cells by column; decimal commas have become points."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_TABLE + 1)
        text = data[:_LARGEST_TABLE].decode("utf-8-sig")
    except OSError as error:
        raise StudyError(f"The table can't be read ({error.strerror}).", file=path, remedy="Check the name.") from error
    except UnicodeDecodeError:
        raise StudyError("The table isn't in UTF-8.", file=path, remedy=_SAVE_TABLE) from None
    if len(data) > _LARGEST_TABLE:
        raise StudyError("The table is too large to be one of exams.", file=path, remedy=_SAVE_TABLE)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    head = [cell.strip().casefold().replace(" ", "_") for cell in next(reader, [])]
    _check_head(head, path)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(head):
            remedy = "Put texts with commas into quotes, or take the surplus cells out."
            raise StudyError("The row has more cells than the heading.", file=f"{path}, line {reader.line_num}",
                             remedy=remedy)  # fmt: skip
        row = dict.fromkeys(COLUMNS, "") | dict(zip(head, (cell.strip() for cell in cells), strict=False))
        if delimiter != ",":
            row["age"] = row["age"].replace(",", ".")
        yield reader.line_num, row


def _check_head(head: Sequence[str], path: Path) -> None:
    listed = f"The columns may be {', '.join(COLUMNS)}."
    if "exam" not in head:
        raise StudyError("The table has no column exam.", file=path, remedy=listed)
    for name in dict.fromkeys(head):
        if name not in COLUMNS:
            raise StudyError(f"The column {name!r} has no place in a study.", file=path,
                             remedy=f"Rename it or take it out. {listed}")  # fmt: skip
        if head.count(name) > 1:
            raise StudyError(f"There are two columns {name}.", file=path, remedy="Keep one.")


def _facts(row: Mapping[str, str], place: str) -> tuple[ExamFacts, list[StudyError]]:
    problems = []

    def say(what: str, remedy: str) -> None:
        problems.append(StudyError(f"{row['exam']}: {what}", file=place, remedy=remedy))

    texts = {}
    for name in ("subject", "site", "tumour_type"):
        try:
            texts[name] = clean_text(row[name], limit=MAX_NAME, is_multiline=False)
        except FormatError as error:
            say(f"the {name} can't be used: {error}.", "Type it again.")
    age = None
    if row["age"]:
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", row["age"]) and float(row["age"]) <= 120:
            age = float(row["age"])
        else:
            say(f"{row['age']!r} is no age.", "Give years, from 0 to 120.")
    sex = row["sex"].upper()
    if sex not in ("", "M", "F"):
        say(f"{row['sex']!r} is no sex that the tables know.", "Write M or F, or leave it empty.")
        sex = ""
    if row["study_date"] and not _is_date(row["study_date"]):
        say(f"{row['study_date']!r} is no date.", "Write 2019-05-31, or 2019-05, or 2019.")
    return ExamFacts(age=age, sex=sex, study_date=row["study_date"], **texts), problems


def _is_date(text: str) -> bool:
    """A year, a year and month, or a day."""
    if not re.fullmatch(r"(19|20)[0-9]{2}(-[0-9]{2}){0,2}", text):
        return False
    try:
        date.fromisoformat((text + "-01-01")[:10])
    except ValueError:
        return False
    return True


def _twice(facts: Mapping[str, ExamFacts], path: Path) -> Iterable[tuple[str, StudyError]]:
    """A patient who is in the study with two exams would count twice, and readers would know the second one."""
    first: dict[str, str] = {}
    for name, fact in facts.items():
        other = first.setdefault(fact.subject, name)
        if fact.subject and other != name:
            remedy = f"Leave {name} or {other} out, or correct the subject."
            yield name, StudyError(f"{name} and {other} are exams of one subject, {fact.subject}.", file=path,
                                   remedy=remedy)  # fmt: skip
