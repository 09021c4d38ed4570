"""Which subjects are trained on, which tune the recipe, and which nobody may train on until the end.

Whole subjects are divided, for two exams of one patient are no independent ones (the paper divided 741 exams of 729
patients). The division is written down once, beside what is trained, and stays.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from segmentation.errors import StudyError
from segmentation.training.recipes import Parts

FORMAT, VERSION = "segmentation-split", 1
PARTS = ("training", "validation", "test")
_AGAIN = "Give a new, empty folder, or the split.json that belongs to it."
_TABLE = "Give a CSV table in UTF-8 with the columns subject and part; a part is training, validation or test."


class OfSubject(Protocol):
    """Anything that is an exam of a subject."""

    @property
    def name(self) -> str: ...

    @property
    def subject(self) -> str: ...


E = TypeVar("E", bound=OfSubject)


@dataclass(frozen=True)
class Split:
    """Subjects by part, each in one of them, in order of their names."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for part in PARTS:
            for subject in getattr(self, part):
                if seen.setdefault(subject, part) != part:
                    what = f"Subject {subject} is listed for {seen[subject]} and for {part}."
                    raise StudyError(what, remedy="Whoever is tested on may not be trained on; list each subject once.")
        if not self.training:
            raise StudyError("No subject is left for training.", remedy="Add exams, or make the other parts smaller.")

    def part_of(self, subject: str) -> str | None:
        """training, validation or test; None for a subject that was not there when subjects were divided."""
        return next((part for part in PARTS if subject in getattr(self, part)), None)

    def exams(self, exams: Iterable[E], *parts: str) -> tuple[E, ...]:
        """Those of the subjects of these parts. Raises StudyError for a subject that no part lists."""
        chosen = []
        for exam in exams:
            part = self.part_of(exam.subject)
            if part is None:
                what = f"Subject {exam.subject} (exam {exam.name}) was not there when the subjects were divided."
                raise StudyError(what, remedy="Take the exam out, or train into a new folder, which divides them anew.")
            if part in parts:
                chosen.append(exam)
        return tuple(chosen)

    def refuse_test(self, exams: Iterable[OfSubject]) -> None:
        """Raise StudyError if an exam is of a sequestered subject: the last gate before any training."""
        sealed = sorted({f"{exam.subject} (exam {exam.name})" for exam in exams if exam.subject in self.test})
        if sealed:
            what = f"Sequestered for the test, and not to be trained on: {', '.join(sealed)}."
            raise StudyError(what, remedy="Take these exams out of the training.")


def divide(subjects: Iterable[str], parts: Parts) -> Split:
    """Draw the parts; the same subjects and seed give the same parts, in whatever order the subjects come.

    Sizes are rounded (741 subjects: 600, 41, 100, as in the paper); a share above 0 of three or more subjects is at
    least one of them.
    """
    names = sorted(set(subjects))
    order = np.random.default_rng([parts.seed, len(names)]).permutation(len(names))
    sizes = [_size(len(names), share) for share in (parts.test, parts.validation)]
    test, rest = order[: sizes[0]], order[sizes[0] :]
    validation, training = rest[: sizes[1]], rest[sizes[1] :]
    chosen = (tuple(sorted(names[n] for n in part)) for part in (training, validation, test))
    return Split(*chosen)


def _size(count: int, share: float) -> int:
    least = 1 if share > 0 and count >= len(PARTS) else 0
    return max(least, round(count * share))


def refuse_twins(exams: Sequence[OfSubject], fingerprints: Mapping[str, Mapping[str, str]]) -> None:
    """Raise StudyError if two exams hold the same image: one patient under two names could stand on both sides.

    `fingerprints`: by exam's name, a checksum of the voxels of each of its images.
    """
    owner: dict[str, tuple[str, str]] = {}
    twins = []
    for exam in exams:
        for image, checksum in fingerprints[exam.name].items():
            first = owner.setdefault(checksum, (exam.name, image))
            if first[0] != exam.name:
                twins.append(f"{first[1]} of {first[0]} is {image} of {exam.name}")
    if twins:
        what = f"The same image lies in two exams: {'; '.join(twins)}."
        raise StudyError(what, remedy="Keep each exam once.")


def as_json(split: Split, made: Mapping[str, Any]) -> bytes:
    """The file that says who is in which part, and how that was decided."""
    content = {"format": FORMAT, "version": VERSION, **{part: list(getattr(split, part)) for part in PARTS}}
    return (json.dumps({**content, "made": dict(made)}, indent=2) + "\n").encode()


def read_split(path: Path) -> Split:
    """A split.json, or a CSV table with the columns subject and part. Raises StudyError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StudyError(f"It can't be read ({error.strerror}).", file=path, remedy="Check the name.") from error
    except UnicodeDecodeError as error:
        raise StudyError("It is not in UTF-8.", file=path, remedy=_TABLE) from error
    try:
        return _from_json(text) if text.lstrip().startswith("{") else _from_table(text)
    except StudyError as error:
        raise StudyError(error.what, file=path, remedy=error.remedy) from error


def _from_json(text: str) -> Split:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise StudyError("It is damaged.", remedy=_AGAIN) from error
    if content.get("format") != FORMAT or any(not isinstance(content.get(part), list) for part in PARTS):
        raise StudyError("This says of no subject in which part it is.", remedy=_AGAIN)
    if content.get("version") != VERSION:
        raise StudyError("Another version of this program wrote it.", remedy="Update the program.")
    return Split(*(tuple(sorted(set(content[part]))) for part in PARTS))


def _from_table(text: str) -> Split:
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    if not {"subject", "part"} <= set(rows.fieldnames or ()):
        raise StudyError("The table has no columns subject and part.", remedy=_TABLE)
    parts: dict[str, set[str]] = {part: set() for part in PARTS}
    for row in rows:
        subject, part = (row["subject"] or "").strip(), (row["part"] or "").strip().lower()
        if not subject or part not in parts:
            raise StudyError(f"Line {rows.line_num} names no subject, or the part {part!r}.", remedy=_TABLE)
        parts[part].add(subject)
    return Split(*(tuple(sorted(parts[part])) for part in PARTS))
