"""The written form of a package's design: dataclasses of the model to JSON values and back, strictly.

`from_form` functions raise FormatError for anything missing, unknown, of another type or out of range. Names that
this version does not know are let pass only where a newer minor version says that it added some.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from reader_app.session.canonical import MAX_NAME, FormatError, clean_text
from reader_app.session.model import (
    Anchor,
    ClosingQuestion,
    Protocol,
    ReaderProfile,
    Reading,
    Revision,
    Scale,
    Side,
)
from segmentation.errors import StudyError

MAX_READINGS, MAX_QUESTIONS, MAX_CHOICES, MAX_PAGES, MAX_PAGE = 2_000, 200, 20, 20, 10_000
LOWEST, HIGHEST = 0, 10  # scores of format version 1
HASH = re.compile(r"[0-9a-f]{64}")
SIGNED = re.compile(r"[0-9a-f]{128}")  # an Ed25519 signature
_ID = re.compile(r"[0-9a-f]{16}")
_READER_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,15}")
_LAYER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_STUDY_TYPE = re.compile(r"[a-z][a-z-]{0,31}")


@dataclass(frozen=True)
class Design:
    """What a package asks of its reader: fixed when it was made, signed, and the first event of the trail."""

    package_id: str
    reader_code: str
    protocol: Protocol
    readings: tuple[Reading, ...]

    def reading(self, reading_id: str) -> Reading | None:
        return next((r for r in self.readings if r.reading_id == reading_id), None)

    @property
    def study_readings(self) -> tuple[Reading, ...]:
        return tuple(r for r in self.readings if not r.is_practice)


def design_form(design: Design) -> dict[str, Any]:
    """JSON values of a design; tuples become lists, enums their texts."""
    return {
        "package_id": design.package_id,
        "reader_code": design.reader_code,
        "protocol": asdict(design.protocol),
        "readings": [asdict(reading) for reading in design.readings],
    }


def design_from_form(form: object, *, is_newer: bool = False) -> Design:
    values = members(form, fields_of(Design), "the design", is_newer)
    design = Design(
        identifier(values["package_id"], "package_id"),
        matching(values["reader_code"], _READER_CODE, "reader_code"),
        _protocol(values["protocol"], is_newer),
        tuple(_reading(r, is_newer) for r in items(values["readings"], MAX_READINGS, "readings")),
    )
    _check_order(design.readings)
    ids = {r.reading_id for r in design.readings}
    for question in design.protocol.closing_questions:
        if question.reading_id is not None and question.reading_id not in ids:
            raise FormatError("a closing question is about an exam that is not there")
    return design


def _check_order(readings: Sequence[Reading]) -> None:
    """Practice first, each kind counted from 1, no exam twice, at least one that counts."""
    for is_practice in (True, False):
        if [r.position for r in readings if r.is_practice == is_practice] != list(
            range(1, sum(r.is_practice == is_practice for r in readings) + 1)
        ):
            raise FormatError("the exams are not counted from 1 on")
    if [r.is_practice for r in readings] != sorted((r.is_practice for r in readings), reverse=True):
        raise FormatError("a practice exam stands after the first exam")
    if len({r.reading_id for r in readings}) != len(readings):
        raise FormatError("an exam stands there twice")
    if all(r.is_practice for r in readings):
        raise FormatError("there is no exam to score")


def _reading(form: object, is_newer: bool) -> Reading:
    values = members(form, fields_of(Reading), "an exam", is_newer)
    position = whole(values["position"], 1, MAX_READINGS, "position")
    is_practice = truth(values["is_practice"], "is_practice")
    return Reading(identifier(values["reading_id"], "reading_id"), position, is_practice)


def _protocol(form: object, is_newer: bool) -> Protocol:
    values = members(form, fields_of(Protocol), "the protocol", is_newer)
    layers = tuple(matching(name, _LAYER, "layer") for name in items(values["layers"], 8, "layers"))
    if not layers or len({name.casefold() for name in layers} | {s.casefold() for s in Side}) != len(layers) + 2:
        raise FormatError("the layers' names are not distinct")
    questions = items(values["closing_questions"], MAX_QUESTIONS, "closing_questions")
    protocol = Protocol(
        study_id=identifier(values["study_id"], "study_id"),
        title=text(values["title"], "title", MAX_NAME),
        version=text(values["version"], "version", MAX_NAME),
        study_type=matching(values["study_type"], _STUDY_TYPE, "study_type"),
        layers=layers,
        scale=_scale(values["scale"], is_newer),
        question=text(values["question"], "question"),
        instruction=tuple(text(p, "instruction", MAX_PAGE) for p in items(values["instruction"], MAX_PAGES, "pages")),
        revision=_revision(values["revision"]),
        closing_questions=tuple(_question(question, is_newer) for question in questions),
        is_surface_allowed=truth(values["is_surface_allowed"], "is_surface_allowed"),
    )
    if len({q.question_id for q in protocol.closing_questions}) != len(protocol.closing_questions):
        raise FormatError("a closing question stands there twice")
    return protocol


def _revision(value: object) -> Revision:
    if value not in list(Revision):
        raise FormatError("the rule for changing scores is unknown")
    return Revision(str(value))


def _scale(form: object, is_newer: bool) -> Scale:
    values = members(form, fields_of(Scale), "the scale", is_newer)
    lowest = whole(values["minimum"], LOWEST, HIGHEST, "minimum")
    highest = whole(values["maximum"], lowest + 1, HIGHEST, "maximum")
    anchors = []
    for anchor in items(values["anchors"], HIGHEST + 1, "anchors"):
        parts = members(anchor, fields_of(Anchor), "an anchor", is_newer)
        value = whole(parts["value"], lowest, highest, "an anchor")
        anchors.append(Anchor(value, text(parts["label"], "label", MAX_NAME)))
    places = [anchor.value for anchor in anchors]
    if not places or places != sorted(set(places)) or places[0] != lowest:
        raise FormatError("the scale's anchors do not rise from its lowest score")
    return Scale(lowest, highest, tuple(anchors))


def _question(form: object, is_newer: bool) -> ClosingQuestion:
    values = members(form, fields_of(ClosingQuestion), "a closing question", is_newer)
    reading_id = values["reading_id"]
    question = ClosingQuestion(
        question_id=identifier(values["question_id"], "question_id"),
        text=text(values["text"], "text"),
        choices=_choices(values["choices"]),
        confidence_text=text(values["confidence_text"], "confidence_text", is_empty_allowed=True),
        confidence_choices=_choices(values["confidence_choices"]),
        reading_id=None if reading_id is None else identifier(reading_id, "reading_id"),
    )
    if not question.choices:
        raise FormatError("a closing question has no choices")
    return question


def _choices(value: object) -> tuple[str, ...]:
    choices = tuple(text(choice, "choice", MAX_NAME) for choice in items(value, MAX_CHOICES, "choices"))
    if len(set(choices)) != len(choices):
        raise FormatError("a choice stands there twice")
    return choices


def profile_from_form(form: object) -> ReaderProfile:
    values = members(form, fields_of(ReaderProfile), "the profile")
    years = values["years_since_certification"]
    return ReaderProfile(
        specialty=text(values["specialty"], "specialty", MAX_NAME, is_empty_allowed=True),
        years_since_certification=None if years is None else whole(years, 0, 80, "years since certification"),
        site_code=text(values["site_code"], "site code", MAX_NAME, is_empty_allowed=True),
        name=text(values["name"], "name", MAX_NAME, is_empty_allowed=True),
    )


def newness(form: object, name: str, version: tuple[int, int], made: str, path: Path) -> bool:
    """Whether a newer minor version wrote this file; StudyError for a newer major one, FormatError for none of ours.

    `made` begins the sentence: "This package was".
    """
    if not isinstance(form, dict) or form.get("format") != name:
        raise FormatError("it is another kind of file")
    given = items(form.get("format_version"), 2, "its version")
    if len(given) != 2:
        raise FormatError("it has no version")
    major, minor = (whole(number, 0, 10**6, "its version") for number in given)
    if major > version[0]:
        what = f"{made} made by a newer Blindread (format {major})."
        raise StudyError(what, file=path, remedy="Install the current version.")
    return (major, minor) > version


# --- single values ---


def fields_of(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def members(form: object, names: Collection[str], what: str, is_newer: bool = False) -> Mapping[str, Any]:
    """A JSON object with exactly these names."""
    if not isinstance(form, dict) or not set(names) <= form.keys():
        raise FormatError(f"{what} is incomplete")
    if not is_newer and form.keys() != set(names):
        unknown = clean_name(sorted(form.keys() - set(names))[0])
        raise FormatError(f"{what} has an unknown entry, {unknown}")
    return form


def clean_name(name: str) -> str:
    return ascii(name[:40])


def items(value: object, most: int, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise FormatError(f"{what} is not a list of at most {most}")
    return value


def matching(value: object, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise FormatError(f"{what} is malformed")
    return value


def identifier(value: object, what: str) -> str:
    """16 hex digits."""
    return matching(value, _ID, what)


def whole(value: object, lowest: int, highest: int, what: str) -> int:
    if type(value) is not int or not lowest <= value <= highest:  # bool is an int, 7.0 equals 7: neither is a score
        raise FormatError(f"{what} is not a whole number from {lowest} to {highest}")
    return value


def truth(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise FormatError(f"{what} is neither true nor false")
    return value


def text(value: object, what: str, limit: int = 2_000, *, is_empty_allowed: bool = False) -> str:
    """Text that is clean already."""
    if not isinstance(value, str) or not (value or is_empty_allowed):
        raise FormatError(f"{what} is missing")
    try:
        is_clean = clean_text(value, limit=limit) == value
    except FormatError as error:
        raise FormatError(f"{what} is not clean text: {error}") from error
    if not is_clean:
        raise FormatError(f"{what} is not clean text")
    return value
