"""The keys of study.toml: what each is called, what its value has to be, and what it means.

Each stands here once, so that what is read, what is written and what the example explains can't drift apart.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reader_app.session.model import Anchor, Revision
from study_admin.design import Arm, Closing, Heads, MaskRule, StudyType

ALL = "all"


# --- the kinds of values ---


@dataclass(frozen=True)
class Kind:
    """How a value is read (ValueError or TypeError if it can't be) and written, and what it has to be, in words."""

    words: str
    read: Callable[[Any], Any]
    write: Callable[[Any], str]


def _need(is_right: bool) -> None:
    if not is_right:
        raise ValueError


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's strings are JSON's but for DEL


def _text(value: Any) -> str:
    _need(isinstance(value, str) and bool(value.strip()))
    return value.strip()


def _any_text(value: Any) -> str:
    _need(isinstance(value, str))
    return value.strip()


def _texts(value: Any) -> tuple[str, ...]:
    _need(isinstance(value, list))
    return tuple(_text(item) for item in value)


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = (_text(value),) if isinstance(value, str) else _texts(value)
    _need(bool(patterns))
    return patterns


def _truth(value: Any) -> bool:
    _need(isinstance(value, bool))
    return value


def _whole(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        _need(type(value) is int and least <= value <= 10_000)
        return value

    return read


def _number(value: Any) -> float:
    _need(type(value) in (int, float))
    return float(value)


def _counts(value: Any) -> int | tuple[int, ...] | str:
    if isinstance(value, list):
        return tuple(_whole(1)(count) for count in value)
    return ALL if value == ALL else _whole(1)(value)


def _anchors(value: Any) -> tuple[Anchor, ...]:
    _need(isinstance(value, dict))
    return tuple(sorted((Anchor(int(place), _text(label)) for place, label in value.items()), key=lambda a: a.value))


def _write_texts(values: Sequence[str]) -> str:
    return "[" + ", ".join(map(_quoted, values)) + "]"


def _write_counts(value: int | tuple[int, ...] | str) -> str:
    return _quoted(value) if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)


def _choice(kind: type[StrEnum]) -> Kind:
    return Kind(" or ".join(f'"{value}"' for value in kind), kind, _quoted)


_TEXT = Kind('a text in quotes, "like this"', _text, _quoted)
_ANY_TEXT = Kind('a text in quotes, or ""', _any_text, _quoted)
_TEXTS = Kind('a list of texts, ["like", "this"]', _texts, _write_texts)
_PATTERNS = Kind('a file name in quotes, or a list of them, ["t1c_seg.nii.gz", "flair_seg.nii.gz"]', _patterns,
                  lambda value: _quoted(value[0]) if len(value) == 1 else _write_texts(value))  # fmt: skip
_TRUTH = Kind("true or false", _truth, lambda value: str(value).lower())
_FROM_0 = Kind("a whole number, 0 or more", _whole(0), str)
_FROM_1 = Kind("a whole number, 1 or more", _whole(1), str)
_NUMBER = Kind("a number", _number, repr)
_COUNTS = Kind('a whole number, a list with one for each group, or "all"', _counts, _write_counts)
_ANCHORS = Kind('a table of scores and their names, { 0 = "no match", 10 = "perfect match" }', _anchors,
                 lambda value: "{ " + ", ".join(f"{a.value} = {_quoted(a.label)}" for a in value) + " }")  # fmt: skip


# --- the keys ---


@dataclass(frozen=True)
class Key:
    name: str
    field: str
    kind: Kind
    comment: str
    is_required: bool = False


KEYS: Mapping[str, tuple[Key, ...]] = {
    "study": (
        Key("title", "title", _TEXT, "shown to the readers; it mustn't name an arm"),
        Key("version", "version", _TEXT, "of your study protocol"),
        Key("type", "study_type", _choice(StudyType), 'how sides are drawn: "balanced" is half and half within each'
             ' reader and over the readers of each exam;\n"as-published" one draw per exam, the same for all readers'),
        Key("revision", "revision", _choice(Revision), 'until when a reader may change a score: "until-sign-off" or'
             ' "until-next" exam'),
        Key("surface", "is_surface_allowed", _TRUTH, "allow the 3-D view; not with as-published, which had none"),
        Key("instruction", "instruction", _TEXTS, "pages shown to the readers first; none: the reader app's own"),
    ),
    "images": (
        Key("t1c", "t1c", _TEXT, "file name in each exam's folder; * and ? stand for any letters"),
        Key("flair", "flair", _TEXT, "on the grid of the T1c"),
        Key("practice", "practice", _TEXTS, "exams (folders) shown first, in this order, and never counted"),
        Key("leave_out", "left_out", _TEXTS, "exams to leave out; * and ? stand for any letters"),
        Key("heads", "heads", _choice(Heads), 'what is shown beside the brain: "as-they-are" whatever the images hold;'
             ' "brain-only" 0 outside the brain mask,\nso that no face can be rebuilt'),
        Key("brain_mask", "brain_mask", _ANY_TEXT, "file name of each exam's brain mask; needed for brain-only"),
    ),
    "masks": (
        Key("rule", "mask_rule", _choice(MaskRule), '"binary": a mask holds 0 and 1, else it is refused; "nonzero":'
             ' every label above 0 is tumour'),
        Key("allow_empty", "are_empty_masks_allowed", _TRUTH, "accept segmentations with nothing in them"),
    ),
    "arm": (
        Key("name", "name", _TEXT, "one of the two methods that are compared; readers never see it", True),
        Key("masks", "patterns", _PATTERNS, "file name of its segmentation in each exam's folder; several, one per"
             ' compartment, are united:\n["t1c_seg.nii.gz", "flair_seg.nii.gz"]', True),
        Key("consensus", "is_consensus", _TRUTH, "several technicians' files may match: of two the intersection"
             " counts, of three or more the majority"),
    ),
    "scale": (
        Key("question", "question", _TEXT, "asked beside each exam"),
        Key("minimum", "minimum", _FROM_0, "lowest score"),
        Key("maximum", "maximum", _FROM_1, "highest score, 10 at most"),
        Key("anchors", "anchors", _ANCHORS, "names of scores; the lowest has to have one"),
    ),
    "groups": (
        Key("count", "groups", _FROM_1, "exams and readers are split into so many groups, at random when the study"
             " opens"),
        Key("readers_per_group", "readers_per_group", _COUNTS, 'or one number per group, [4, 4, 3], or "all": those'
             " of [readers] shared out"),
        Key("exams_per_group", "exams_per_group", _COUNTS, 'practice exams not counted; or one number per group,'
             ' or "all": what is found, shared out'),
    ),
    "readers": (Key("codes", "readers", _TEXTS, "none: R01, R02 and so on; the names stay with you"),),
    "blinding": (
        Key("guesses", "guesses", _FROM_0, "after the last score, ask for so many exams per reader which side a"
             " computer drew; none as published"),
        Key("computer", "computer", _ANY_TEXT, "name of the arm that a computer drew, for these guesses; none: the"
             " second arm"),
    ),
    "closing": (
        Key("text", "text", _TEXT, "a question after the last score", True),
        Key("choices", "choices", _TEXTS, "two or more", True),
        Key("confidence_text", "confidence_text", _ANY_TEXT, "optional: a second question about the first"),
        Key("confidence_choices", "confidence_choices", _TEXTS, "its choices"),
        Key("exams", "exams", _FROM_0, "0: asked once; else for so many exams, drawn for each reader"),
        Key("asks_for", "asks_for", _ANY_TEXT, "name of the arm whose side A or B is to be guessed, if that is what it"
             " asks; readers never see it"),
    ),
    "analysis": (
        Key("alpha", "alpha", _NUMBER, "error rate of the primary test"),
        Key("non_inferiority_margin", "non_inferiority_margin", _NUMBER, "points of the scale, if there is one;"
             " fixed when the study opens"),
    ),
}  # fmt: skip
LISTS = {"arm": Arm, "closing": Closing}  # sections that may stand there several times
