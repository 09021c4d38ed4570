"""What a study consists of, and what is wrong with it. Knows folders and names, not voxels.

Glossary, used with these meanings in the whole of `study_admin`; `reader_app.session.model` has the reader's words:

- **arm**: one of the two methods whose segmentations are compared, for instance technician and network.
- **exam**: one patient's images of one date, in a folder of its own: a T1c, a FLAIR and one mask per arm.
- **mask**: the segmentation that one arm made of one exam.
- **reader**: a radiologist, known by a code such as R01.
- **allocation**: which reader sees which exam as which reading, and which arm stands there on which side.
- **seed**: 256 secret bits from which the allocation is drawn; who has it has the allocation.
- **practice exam**: shown first, never counted; its sides are drawn apart from those of the study exams.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reader_app.session.model import PUBLISHED_SCALE, Protocol, Revision, Scale
from segmentation.errors import StudyError

READER_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,15}")
IMAGE_ENDINGS = (".nii", ".nii.gz")


class StudyType(StrEnum):
    """How the sides are drawn, and with it what the reader may do."""

    AS_PUBLISHED = "as-published"  # one draw per exam, the same for all readers
    BALANCED = "balanced"  # half and half within each reader, and over the readers of each exam


class MaskRule(StrEnum):
    """What counts as segmented."""

    BINARY = "binary"  # 0 and 1, and nothing else is accepted
    NONZERO = "nonzero"  # every label above 0


class StudyProblemsError(StudyError):
    """Several things at once that keep a study from being made, one sentence each."""

    def __init__(self, problems: Sequence[StudyError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Heads(StrEnum):
    """What readers see beside the brain; the coordinator's choice, recorded."""

    AS_THEY_ARE = "as-they-are"  # the images as they came: whole heads, or stripped before
    BRAIN_ONLY = "brain-only"  # 0 outside the exam's brain mask, so that no face can be rebuilt


@dataclass(frozen=True)
class Arm:
    """A method, and the patterns that find its masks in an exam's folder.

    Each pattern stands for one compartment (the paper has two: enhancing on T1c, bright on FLAIR); their union is the
    whole tumour. With a consensus a pattern may match the files of several technicians, else it matches one.
    """

    name: str
    patterns: tuple[str, ...]
    is_consensus: bool = False


@dataclass(frozen=True)
class ExamFacts:
    """What the cohort tables tell of an exam (Mitchell et al. 2020, Tables 1 and 2); empty where unknown."""

    subject: str = ""
    site: str = ""
    age: float | None = None  # years
    sex: str = ""  # "M" or "F"
    tumour_type: str = ""
    study_date: str = ""  # ISO: a year, a year and month, or a day


@dataclass(frozen=True)
class Exam:
    """The files of one exam; `masks` is by name of the arm: per compartment the files of its technicians."""

    name: str
    t1c: Path
    flair: Path
    masks: Mapping[str, tuple[tuple[Path, ...], ...]]
    is_practice: bool = False
    brain_mask: Path | None = None
    facts: ExamFacts = ExamFacts()


@dataclass(frozen=True)
class GroupSize:
    """How many readers read how many exams together."""

    readers: int
    exams: int


@dataclass(frozen=True)
class Closing:
    """A question after the last score: once, or for a number of study exams drawn for each reader."""

    text: str
    choices: tuple[str, ...]
    confidence_text: str = ""
    confidence_choices: tuple[str, ...] = ()
    exams: int = 0  # 0: asked once, about the study as a whole


def source_guess(exams: int) -> Closing:
    """The question that measures the blinding (Bang's and James' indices need the "Don't know")."""
    return Closing(
        text="Which side do you think a computer drew?",
        choices=("A", "B", "Don't know"),
        confidence_text="How sure are you?",
        confidence_choices=("A guess", "Fairly sure", "Certain"),
        exams=exams,
    )


@dataclass(frozen=True)
class Study:
    """Everything that has to be settled before the first draw. Without `groups` all readers read all exams."""

    arms: tuple[Arm, Arm]
    exams: tuple[Exam, ...]
    readers: tuple[str, ...]
    groups: tuple[GroupSize, ...] = ()
    title: str = "Reader study of segmentations"
    version: str = "1"
    study_type: StudyType = StudyType.BALANCED
    mask_rule: MaskRule = MaskRule.BINARY
    are_empty_masks_allowed: bool = False
    heads: Heads = Heads.AS_THEY_ARE
    scale: Scale = PUBLISHED_SCALE
    question: str = Protocol.question
    instruction: tuple[str, ...] = ()  # pages; empty: the reader app's own
    revision: Revision = Revision.UNTIL_SIGN_OFF
    closing: tuple[Closing, ...] = ()
    is_surface_allowed: bool = False
    alpha: float = 0.05
    non_inferiority_margin: float | None = None  # in points of the scale, locked when the study opens

    @property
    def practice_exams(self) -> tuple[Exam, ...]:
        return tuple(exam for exam in self.exams if exam.is_practice)

    @property
    def study_exams(self) -> tuple[Exam, ...]:
        return tuple(exam for exam in self.exams if not exam.is_practice)

    def check(self) -> None:
        """Raises `StudyProblemsError` with everything that the names alone give away."""
        problems = [*self._problems_of_readers(), *self._problems_of_design(), *self._problems_of_words()]
        if problems:
            raise StudyProblemsError(problems)

    def _problems_of_readers(self) -> Iterable[StudyError]:
        if not self.readers:
            yield StudyError("The study has no reader.", remedy="Name at least one, for instance --readers R01,R02.")
        for code in self.readers:
            if not READER_CODE.fullmatch(code):
                remedy = "Use a letter first, then letters, digits, - or _, 16 at most, for instance R01."
                yield StudyError(f"The reader code {code!r} can't name a folder on every computer.", remedy=remedy)
        folded = [code.casefold() for code in self.readers]
        for code in sorted({code for code in folded if folded.count(code) > 1}):
            yield StudyError(f"Two readers have the code {code!r} (case aside).", remedy="Give each their own.")

    def _problems_of_design(self) -> Iterable[StudyError]:
        first, second = self.arms
        if first.name.casefold() == second.name.casefold():
            yield StudyError(f"Both arms are called {first.name!r}.", remedy="Give the two arms different names.")
        if not self.study_exams:
            remedy = "Add exam folders, or name fewer with --practice."
            yield StudyError("No exam is left for the study beside the practice exams.", remedy=remedy)
        for question in self.closing:
            if question.exams > len(self.study_exams):
                what = f"A closing question asks about {question.exams} exams, but there are {len(self.study_exams)}."
                yield StudyError(what, remedy="Ask about fewer.")
        if self.is_surface_allowed and self.study_type is StudyType.AS_PUBLISHED:
            remedy = "Leave --surface away, or choose --study-type balanced."
            yield StudyError("The study as published had no 3-D view.", remedy=remedy)

    def _problems_of_words(self) -> Iterable[StudyError]:
        """What a reader gets to see mustn't name an arm or an exam."""
        secret = [arm.name for arm in self.arms] + [exam.name for exam in self.exams]
        shown = [("title", self.title), ("version", self.version), *(("reader code", code) for code in self.readers)]
        for what, text in shown:
            for name in secret:
                if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                    yield StudyError(
                        f"The {what} {text!r} holds the name {name!r}, and readers would see it.",
                        remedy=f"Choose a {what} that names neither an arm nor an exam.",
                    )


def find_exams(
    folder: Path,
    arms: Sequence[Arm],
    *,
    t1c: str = "t1c.nii*",
    flair: str = "flair.nii*",
    practice: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> tuple[Exam, ...]:
    """The exams in the sub-folders of a folder, practice exams first in the order named, the rest by name.

    Patterns are as in a shell: `*`, `?`, `[...]`. Those of files have to match exactly one image per exam; those of
    folders to leave out match as many as there are. Raises `StudyProblemsError` with all that is missing, ambiguous
    or used twice.
    """
    problems: list[StudyError] = []
    exams = []
    for name in _exam_names(folder, practice, left_out, problems):
        try:
            exams.append(_find_exam(folder / name, arms, t1c, flair, name in practice))
        except StudyProblemsError as error:
            problems += error.problems
    if not exams and not problems:
        remedy = "Put each exam into a sub-folder of its own."
        problems.append(StudyError("The folder has no sub-folder with an exam.", file=folder, remedy=remedy))
    if problems:
        raise StudyProblemsError(problems)
    return tuple(exams)


def _exam_names(
    folder: Path, practice: Sequence[str], left_out: Sequence[str], problems: list[StudyError]
) -> list[str]:
    """Sub-folders in the order of the study; adds to `problems` what is named and isn't there."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        remedy = "Give the folder that holds one sub-folder per exam."
        raise StudyError(f"The folder can't be read ({error.strerror}).", file=folder, remedy=remedy) from error
    left = {name for pattern in left_out for name in fnmatch.filter(names, pattern)}
    unknown = [name for name in practice if name not in names]
    unknown += [pattern for pattern in left_out if not fnmatch.filter(names, pattern)]
    problems += [
        StudyError("There is no exam of this name.", file=folder / name, remedy="Correct --practice or --leave-out.")
        for name in unknown
    ]
    wanted = [name for name in dict.fromkeys(practice) if name in names]
    wanted += [name for name in names if name not in practice]
    return [name for name in wanted if name not in left]


def _find_exam(folder: Path, arms: Sequence[Arm], t1c: str, flair: str, is_practice: bool) -> Exam:
    problems: list[StudyError] = []
    found: dict[str, Path] = {}
    for role, pattern in (("T1c", t1c), ("FLAIR", flair), *((f"arm {arm.name}", arm.pattern) for arm in arms)):
        try:
            found[role] = _only_match(folder, role, pattern)
        except StudyError as error:
            problems.append(error)
    for role, path in found.items():
        others = [other for other, same in found.items() if same == path and other < role]
        problems += [
            StudyError(f"The file is both {other} and {role}.", file=path, remedy="Make the two patterns different.")
            for other in others
        ]
    if problems:
        raise StudyProblemsError(problems)
    masks = {arm.name: found[f"arm {arm.name}"] for arm in arms}
    return Exam(folder.name, found["T1c"], found["FLAIR"], masks, is_practice)


def _only_match(folder: Path, role: str, pattern: str) -> Path:
    try:
        matches = sorted(path for path in folder.glob(pattern) if path.name.endswith(IMAGE_ENDINGS) and path.is_file())
    except (ValueError, NotImplementedError) as error:
        remedy = "Give a file name or a pattern inside the exam's folder, for instance seg*.nii.gz."
        raise StudyError(f"{pattern!r} is no pattern of a file name.", remedy=remedy) from error
    if len(matches) == 1:
        return matches[0]
    if not matches:
        remedy = f"Add the image, correct the pattern, or leave the exam out with --leave-out {folder.name}."
        raise StudyError(f"No NIfTI image for {role} matches {pattern!r}.", file=folder, remedy=remedy)
    names = " and ".join(str(path.relative_to(folder)) for path in matches)
    remedy = f"Name the one to use, for instance {matches[0].name}, or a pattern that matches only one."
    raise StudyError(f"{len(matches)} images for {role} match {pattern!r}: {names}.", file=folder, remedy=remedy)
