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

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb, log2
from pathlib import Path

from reader_app.session.canonical import MAX_NAME, MAX_TEXT, FormatError, clean_text
from reader_app.session.forms import HIGHEST, LOWEST, MAX_CHOICES, MAX_PAGE, MAX_PAGES, MAX_QUESTIONS, MAX_READINGS
from reader_app.session.model import PUBLISHED_SCALE, Protocol, Revision, Scale
from segmentation.errors import StudyError

READER_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,15}")
# what Windows takes for a device, with any ending, and opens no folder of (Microsoft, "Naming files")
DEVICE = re.compile(r"CON|PRN|AUX|NUL|(COM|LPT)[0-9]", re.IGNORECASE)
ARM_NAME = re.compile(r"[^\W_][\w -]{0,30}[\w-]|[^\W_]")


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
    """A question after the last score: once, or for a number of study exams drawn for each reader.

    `asks_for` is the arm whose side is to be guessed by A or B; the answers then tell how far readers were blinded.
    Readers never see it. Empty: the answers are no guesses, or nobody said of which arm.
    """

    text: str
    choices: tuple[str, ...]
    confidence_text: str = ""
    confidence_choices: tuple[str, ...] = ()
    exams: int = 0  # 0: asked once, about the study as a whole
    asks_for: str = ""


def source_guess(exams: int, computer: str = "") -> Closing:
    """The question that measures the blinding (Bang's and James' indices need the "Don't know").

    `computer` is the arm that a computer drew.
    """
    return Closing(
        text="Which side do you think a computer drew?",
        choices=("A", "B", "Don't know"),
        confidence_text="How sure are you?",
        confidence_choices=("A guess", "Fairly sure", "Certain"),
        exams=exams,
        asks_for=computer,
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

    @property
    def group_sizes(self) -> tuple[GroupSize, ...]:
        """The groups; one of everybody and everything if none are named."""
        return self.groups or (GroupSize(len(self.readers), len(self.study_exams)),)

    def check(self) -> None:
        """Raises `StudyProblemsError` with everything that the names alone give away."""
        problems = [
            *self._problems_of_readers(),
            *self._problems_of_design(),
            *self._problems_of_groups(),
            *self._problems_of_closing(),
            *self._problems_of_numbers(),
            *self._problems_of_words(),
        ]
        if problems:
            raise StudyProblemsError(problems)

    def warnings(self) -> tuple[str, ...]:
        """What can be done, but should be known: one sentence each."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterable[str]:
        readers, exams = ({getattr(size, what) for size in self.group_sizes} for what in ("readers", "exams"))
        if len(readers) > 1 or len(exams) > 1:
            yield "The groups are unequal, so exams or readers weigh differently in the result."
        if len(self.readers) < 5:
            yield f"With {len(self.readers)} readers the result says little about other readers; 5 or more would."
        if len(self.group_sizes) < 2:
            yield f"There is one group only: every reader reads every exam, {len(self.study_exams)} in all."
        if min(readers) == 1 < len(self.readers):
            yield "A group has a single reader, so nobody else scores its exams and agreement can't be measured."
        if self.study_type is StudyType.BALANCED and any(size.exams % 2 for size in self.group_sizes):
            yield "With an odd number of exams an arm stands on side A once more often than on B for a reader."
        if self.study_type is StudyType.BALANCED and any(size.readers % 2 for size in self.group_sizes):
            yield "With an odd number of readers an arm stands on side A once more often than on B for an exam."
        for size in dict.fromkeys(self.group_sizes):
            if self.study_type is StudyType.BALANCED and _do_notes_link_sides(size):
                yield (
                    f"Where {size.readers} readers share {size.exams} exam{'s' * (size.exams > 1)}, those who compare "
                    "their notes could work out which sides belong together: tell them not to, or make larger groups "
                    "of exams."
                )
        if self.closing and self.study_type is StudyType.AS_PUBLISHED:
            yield "The study as published asked nothing after the last score."

    def _problems_of_readers(self) -> Iterable[StudyError]:
        if not self.readers:
            yield StudyError("The study has no reader.", remedy="Name at least one, for instance R01.")
        for code in self.readers:
            if DEVICE.fullmatch(code):
                remedy = "Choose another one, for instance R01."
                yield StudyError(f"Windows makes no folder of the name {code!r}.", remedy=remedy)
            elif not READER_CODE.fullmatch(code):
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
            remedy = "Add exam folders, or take fewer for practice."
            yield StudyError("No exam is left for the study beside the practice exams.", remedy=remedy)
        for arm in self.arms:
            if not ARM_NAME.fullmatch(arm.name):
                remedy = "Use letters, digits, blanks, - and _, 32 at most: the name stands in tables and file names."
                yield StudyError(f"An arm can't be called {arm.name!r}.", remedy=remedy)
            if not arm.patterns:
                yield StudyError(f"The arm {arm.name} has no masks.", remedy="Name its files, for instance seg.nii.gz.")
        if self.heads is Heads.BRAIN_ONLY:
            for exam in self.exams:
                if exam.brain_mask is None:
                    remedy = "Say which file it is, or show the images as they are."
                    yield StudyError(f"The exam {exam.name} has no brain mask to cut it out with.", remedy=remedy)
        if self.is_surface_allowed and self.study_type is StudyType.AS_PUBLISHED:
            remedy = "Leave the 3-D view away, or choose the study type balanced."
            yield StudyError("The study as published had no 3-D view.", remedy=remedy)

    def _problems_of_groups(self) -> Iterable[StudyError]:
        for what, wanted, there in (
            ("readers", sum(size.readers for size in self.group_sizes), len(self.readers)),
            ("exams", sum(size.exams for size in self.group_sizes), len(self.study_exams)),
        ):
            if wanted != there:
                remedy = f"Change the groups or the {what} (practice exams aren't counted)."
                yield StudyError(f"The groups have places for {wanted} {what}, but there are {there}.", remedy=remedy)
        if any(size.readers < 1 or size.exams < 1 for size in self.groups):
            yield StudyError("A group has no reader or no exam.", remedy="Give each at least one of both.")
        most = max(size.exams for size in self.group_sizes) + len(self.practice_exams)
        if most > MAX_READINGS:
            remedy = "Make more groups."
            yield StudyError(f"A reader would have {most} exams; {MAX_READINGS} fit.", remedy=remedy)

    def _problems_of_closing(self) -> Iterable[StudyError]:
        fewest = min(size.exams for size in self.group_sizes)
        for question in self.closing:
            if question.exams > fewest:
                what = f"A closing question asks about {question.exams} exams, but a reader may have only {fewest}."
                yield StudyError(what, remedy="Ask about fewer.")
            for choices in (question.choices, question.confidence_choices):
                if len(choices) > MAX_CHOICES or len(set(choices)) != len(choices):
                    what = f"The closing question {question.text[:60]!r} has too many choices, or one twice."
                    yield StudyError(what, remedy=f"{MAX_CHOICES} different ones fit.")
            if len(question.choices) < 2:
                remedy = "Give it two or more."
                yield StudyError(f"The closing question {question.text[:60]!r} leaves no choice.", remedy=remedy)
        yield from self._problems_of_guesses()
        asked = sum(question.exams or 1 for question in self.closing)
        if asked > MAX_QUESTIONS:
            yield StudyError(f"A reader would be asked {asked} closing questions.", remedy=f"{MAX_QUESTIONS} fit.")

    def _problems_of_guesses(self) -> Iterable[StudyError]:
        """One arm is asked for by all of them: mixed answers could not be counted together."""
        names = {arm.name for arm in self.arms}
        guesses = [question for question in self.closing if question.asks_for]
        for question in guesses:
            if question.asks_for not in names:
                what = f"The closing question {question.text[:60]!r} asks for {question.asks_for!r}, which is no arm."
                yield StudyError(what, remedy=f"Name one of the arms: {' or '.join(sorted(names))}.")
            if not {"A", "B"} <= set(question.choices) or not question.exams:
                what = f"The closing question {question.text[:60]!r} can't be answered by a side of an exam."
                yield StudyError(what, remedy="Give it the choices A and B, and a number of exams to ask about.")
        if len({question.asks_for for question in guesses}) > 1:
            remedy = "Let all questions that are guesses ask for one arm."
            yield StudyError("Closing questions ask for the sides of both arms.", remedy=remedy)

    def _problems_of_numbers(self) -> Iterable[StudyError]:
        lowest, highest = self.scale.minimum, self.scale.maximum
        places = [anchor.value for anchor in self.scale.anchors]
        if not LOWEST <= lowest < highest <= HIGHEST:
            remedy = f"Let it run from {LOWEST} or more to {HIGHEST} or less."
            yield StudyError(f"A scale from {lowest} to {highest} can't be typed.", remedy=remedy)
        if not places or places != sorted(set(places)) or places[0] != lowest or places[-1] > highest:
            remedy = f"Name {lowest}, and any higher scores up to {highest} once each."
            yield StudyError("The scale's anchors don't rise from its lowest score.", remedy=remedy)
        if not 0 < self.alpha < 0.5:
            yield StudyError(f"An alpha of {self.alpha:g} is no error rate.", remedy="Take 0.05, as is usual.")
        margin = self.non_inferiority_margin
        if margin is not None and not 0 < margin < highest - lowest:
            remedy = f"Give points of the scale, above 0 and below {highest - lowest}, or leave it away."
            yield StudyError(f"A margin of {margin:g} points says nothing on this scale.", remedy=remedy)

    def _problems_of_words(self) -> Iterable[StudyError]:
        """What a reader gets to see mustn't name an arm or an exam."""
        # a folder called 1 or A gives nothing away, and such texts are everywhere
        secret = [(arm.name, _traces_of_arm(arm.name)) for arm in self.arms]
        secret += [
            (e.name, re.compile(rf"(?<!\w){re.escape(e.name)}(?!\w)", re.I)) for e in self.exams if len(e.name) > 2
        ]
        if len(self.instruction) > MAX_PAGES:
            yield StudyError(f"The instruction has {len(self.instruction)} pages.", remedy=f"{MAX_PAGES} fit.")
        for what, text, limit in self._shown():
            try:
                if not text or clean_text(text, limit=limit) != text:
                    raise FormatError("it is empty, or has blanks around it")
            except FormatError as error:
                yield StudyError(f"The {what} {text[:60]!r} can't be shown: {error}.", remedy="Type it again.")
            for name, traces in secret:
                if traces.search(text):
                    yield StudyError(
                        f"The {what} {text!r} holds the name {name!r}, and readers would see it.",
                        remedy=f"Choose another {what}, or call the arm or exam something else.",
                    )

    def _shown(self) -> Iterable[tuple[str, str, int]]:
        """What it is, the text, and how long it may be."""
        yield "title", self.title, MAX_NAME
        yield "version", self.version, MAX_NAME
        yield "question", self.question, MAX_TEXT
        yield from (("reader code", code, MAX_NAME) for code in self.readers)
        yield from (("page of the instruction", page, MAX_PAGE) for page in self.instruction)
        yield from (("name of a score", anchor.label, MAX_NAME) for anchor in self.scale.anchors)
        for closing in self.closing:
            yield "closing question", closing.text, MAX_TEXT
            if closing.confidence_text:
                yield "closing question", closing.confidence_text, MAX_TEXT
            yield from (("choice", choice, MAX_NAME) for choice in (*closing.choices, *closing.confidence_choices))


def _traces_of_arm(name: str) -> re.Pattern[str]:
    """Finds the name at the beginning of a word, its parts joined or apart: machines, machine-made, deep medic.

    Short names begin too many harmless words: those of up to four letters are found alone or in the plural, those of
    one or two alone.
    """
    parts = r"[\s_-]*".join(re.escape(part) for part in re.split(r"[\s_-]+", name) if part)
    letters = sum(character.isalnum() for character in name)
    end = "" if letters > 4 else r"(?![^\W\d_])" if letters < 3 else r"(?:e?s)?(?![^\W\d_])"
    return re.compile(rf"(?<![^\W\d_]){parts}{end}", re.IGNORECASE)


def _do_notes_link_sides(size: GroupSize) -> bool:
    """Whether so few tables of sides are left to readers of a group who compare, that they could tell them apart.

    Comparing shows for each exam which readers had the same sides. Of the 2^exams ways to join the exams then only
    those are left that balance each reader. Rows taken as independent, that is 2^exams times the share of balanced
    rows to the power of readers less one: with 4 readers of 20 exams about 5,700 (28,000 were counted in one draw),
    of 10 exams 15, of 6 exams 2.
    """
    if size.readers < 2 or size.exams < 1:
        return False
    half = size.exams // 2
    balanced = (1 + size.exams % 2) * comb(size.exams, half)
    bits = size.exams + (size.readers - 1) * (log2(balanced) - size.exams)
    return size.exams < 8 or bits < 4
