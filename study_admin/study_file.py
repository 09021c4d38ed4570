"""study.toml: a study's design as the coordinator writes it, and as the window writes it for them."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reader_app.session.model import PUBLISHED_SCALE, Anchor, Protocol, Revision, Scale
from segmentation.errors import StudyError
from study_admin.design import (
    Arm,
    Closing,
    Exam,
    GroupSize,
    Heads,
    MaskRule,
    Study,
    StudyProblemsError,
    StudyType,
    source_guess,
)
from study_admin.study_keys import ALL, KEYS, LISTS, Key

_LARGEST_FILE = 2**20
_SEE = "`study-admin new --example study.toml` writes one with every key explained."


@dataclass(frozen=True)
class StudyFile:
    """A design without its exams. `readers_per_group` and `exams_per_group`: one number, one per group, or "all"."""

    arms: tuple[Arm, ...]
    title: str = Study.title
    version: str = Study.version
    study_type: StudyType = Study.study_type
    revision: Revision = Study.revision
    is_surface_allowed: bool = False
    instruction: tuple[str, ...] = ()
    t1c: str = "t1c.nii*"
    flair: str = "flair.nii*"
    practice: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    heads: Heads = Heads.AS_THEY_ARE
    brain_mask: str = ""
    mask_rule: MaskRule = MaskRule.BINARY
    are_empty_masks_allowed: bool = False
    question: str = Protocol.question
    minimum: int = PUBLISHED_SCALE.minimum
    maximum: int = PUBLISHED_SCALE.maximum
    anchors: tuple[Anchor, ...] = PUBLISHED_SCALE.anchors
    groups: int = 5  # these three as published
    readers_per_group: int | tuple[int, ...] | str = 4
    exams_per_group: int | tuple[int, ...] | str = 20
    readers: tuple[str, ...] = ()  # empty: R01, R02 ... as many as there are places
    guesses: int = 0
    computer: str = ""  # the arm that the guesses ask for; empty: the second
    closing: tuple[Closing, ...] = ()
    alpha: float = 0.05
    non_inferiority_margin: float | None = None

    def study(self, exams: tuple[Exam, ...]) -> Study:
        """The design with its exams; what doesn't fit together is `Study.check`'s to say."""
        readers = self.readers or self._codes()
        readers_each = _shares(self.readers_per_group, self.groups, len(readers))
        exams_each = _shares(self.exams_per_group, self.groups, sum(not exam.is_practice for exam in exams))
        return Study(
            arms=(self.arms[0], self.arms[1]),
            exams=exams,
            readers=readers,
            groups=tuple(GroupSize(*size) for size in zip(readers_each, exams_each, strict=True)),
            title=self.title,
            version=self.version,
            study_type=self.study_type,
            mask_rule=self.mask_rule,
            are_empty_masks_allowed=self.are_empty_masks_allowed,
            heads=self.heads,
            scale=Scale(self.minimum, self.maximum, self.anchors),
            question=self.question,
            instruction=self.instruction,
            revision=self.revision,
            closing=self.closing + self._guesses(),
            is_surface_allowed=self.is_surface_allowed,
            alpha=self.alpha,
            non_inferiority_margin=self.non_inferiority_margin,
        )

    def _guesses(self) -> tuple[Closing, ...]:
        return (source_guess(self.guesses, self.computer or self.arms[1].name),) if self.guesses else ()

    def _codes(self) -> tuple[str, ...]:
        places = sum(_shares(self.readers_per_group, self.groups, 0))
        return tuple(f"R{number:0{max(2, len(str(places)))}}" for number in range(1, places + 1))


def _shares(each: int | tuple[int, ...] | str, groups: int, there: int) -> tuple[int, ...]:
    """How many per group; "all" shares out what there is, the first groups getting one more where it doesn't divide."""
    if isinstance(each, str):
        return tuple(there // groups + (number < there % groups) for number in range(groups))
    return each if isinstance(each, tuple) else (each,) * groups


# --- reading ---


def read_study_file(path: Path) -> StudyFile:
    """A design; raises StudyError, or `StudyProblemsError` with everything that is wrong, line by line."""
    text = _read_text(path, "The design", _SEE)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"This is no TOML: {error}.", file=path, remedy=f"Mind the quotes. {_SEE}") from error
    reading = _Reading(path, text)
    design = reading.design(content)
    if reading.problems:
        raise StudyProblemsError(reading.problems)
    return design


def read_closing(path: Path) -> tuple[Closing, ...]:
    """The questions of a file that holds nothing but [[question]]; raises like `read_study_file`."""
    remedy = "See `study-admin package --help` for an example."
    text = _read_text(path, "The closing questions", remedy)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"The closing questions can't be read ({error}).", file=path, remedy=remedy) from error
    if set(content) != {"question"}:
        raise StudyError("The file holds no [[question]], or something else besides.", file=path, remedy=remedy)
    reading = _Reading(path, text)
    questions = tuple(reading.several("closing", content["question"], shown="question"))
    if reading.problems:
        raise StudyProblemsError(reading.problems)
    return questions


def _read_text(path: Path, what: str, remedy: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise StudyError(f"{what} can't be read ({error.strerror}).", file=path, remedy=remedy) from error
    try:
        if len(data) > _LARGEST_FILE:
            raise ValueError
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except ValueError:
        remedy = "Save it as plain text in UTF-8."
        raise StudyError("This is no text file of a design.", file=path, remedy=remedy) from None


class _Reading:
    """One file being read; collects what is wrong with it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, text.split("\n")
        self.problems: list[StudyError] = []

    def design(self, content: Mapping[str, Any]) -> StudyFile:
        arms = content.get("arm", [])
        values: dict[str, Any] = {"arms": tuple(self.several("arm", arms))}
        values["closing"] = tuple(self.several("closing", content.get("closing", [])))
        for section in content.keys() - KEYS.keys():
            self._say(f"[{section}] is no section of a design.", _similar(section, KEYS), section)
        for section in KEYS.keys() - LISTS.keys():
            values |= self._section(section, content.get(section, {}))
        if isinstance(arms, list) and len(arms) != 2:
            remedy = "Give two sections [[arm]], each with a name and its masks."
            self._say(
                f"A study compares two arms, and {len(arms)} {'is' if len(arms) == 1 else 'are'} there.", remedy, "arm"
            )
        design = StudyFile(**values)
        for name in ("readers_per_group", "exams_per_group"):
            each = getattr(design, name)
            if isinstance(each, tuple) and len(each) != design.groups:
                what = f"{name} has {len(each)} numbers, but there are {design.groups} groups."
                self._say(what, "Give one for each group, or change count.", "groups", name)
        if design.readers_per_group == ALL and not design.readers:
            self._say('readers_per_group is "all", but no reader is named.', "Name them in [readers].", "groups")
        return design

    def several(self, section: str, given: Any, shown: str = "") -> Iterable[Any]:
        """The sections of one name, as far as they are sound."""
        shown = shown or section
        if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
            self._say(f"{shown} isn't written as sections.", f"Begin each with [[{shown}]].", shown)
            return
        for number, item in enumerate(given, start=1):
            found = len(self.problems)
            values = self._section(section, item, number, shown)
            if section == "closing" and len(values.get("choices", "..")) < 2:
                self._say("A question needs two choices or more.", "Add one.", shown, "choices", number)
            if len(self.problems) == found:
                yield LISTS[section](**values)

    def _section(self, section: str, given: Any, number: int = 1, shown: str = "") -> dict[str, Any]:
        shown = shown or section
        if not isinstance(given, dict):
            self._say(f"{section} isn't written as a section.", f"Begin it with [{section}].", section)
            return {}
        keys = {key.name: key for key in KEYS[section]}
        for name in given.keys() - keys.keys():
            self._say(f"{name} is no key of [{shown}].", _similar(name, keys), shown, name, number)
        values = {}
        for name, key in keys.items():
            if name in given:
                try:
                    values[key.field] = key.kind.read(given[name])
                except (ValueError, TypeError):
                    self._say(f"{name} isn't right.", f"It has to be {key.kind.words}.", shown, name, number)
            elif key.is_required:
                self._say(f"{name} is missing in [[{shown}]].", f"Add it: {key.kind.words}.", shown, "", number)
        return values

    def _say(self, what: str, remedy: str, section: str, key: str = "", number: int = 1) -> None:
        place = self._line(section, key, number)
        self.problems.append(
            StudyError(what, file=f"{self._path}, line {place}" if place else self._path, remedy=remedy)
        )

    def _line(self, section: str, key: str, number: int) -> int | None:
        """Where it stands, counted from 1; None if it isn't found, for instance in an inline table."""
        heads = [n for n, line in enumerate(self._lines) if re.match(rf"\s*\[+\s*{re.escape(section)}\s*\]", line)]
        if len(heads) < number:
            return None
        head = heads[number - 1]
        for place, line in enumerate(self._lines[head + 1 :], start=head + 1):
            if re.match(r"\s*\[+\s*\w+\s*\]", line):
                break
            if key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
                return place + 1
        return head + 1


def _similar(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else f"Take it out. {_SEE}"


# --- writing ---


def to_toml(design: StudyFile) -> str:
    """study.toml with every key and what it means; `read_study_file` reads the same design from it."""
    lines = ["# A blinded study of segmentations (Blindread). Lines that begin with # are explanations.", ""]
    for section, keys in KEYS.items():
        if section == "arm":
            parts: Sequence[object] = design.arms
        elif section == "closing":
            parts = design.closing
        else:
            parts = (design,)
        for part in parts:
            lines += [f"[[{section}]]" if section in LISTS else f"[{section}]"]
            lines += [line for key in keys for line in _written(key, getattr(part, key.field))]
            lines += [""]
    return "\n".join(lines)


def _written(key: Key, value: Any) -> Iterable[str]:
    yield from (f"# {line}" for line in key.comment.split("\n"))
    yield f"# {key.name} = 1.0" if value is None else f"{key.name} = {key.kind.write(value)}"


EXAMPLE = to_toml(
    StudyFile(arms=(Arm("technician", ("technician.nii.gz",)), Arm("network", ("network.nii.gz",))), guesses=5)
)
