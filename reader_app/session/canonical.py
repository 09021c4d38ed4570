"""JSON in one spelling, so that it can be hashed and signed, read back strictly; and text that is safe to show."""

import json
import unicodedata
from typing import Any, NoReturn

MAX_TEXT, MAX_NAME = 2_000, 200
_MAX_DEPTH = 12
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
# control, format (direction overrides, zero width), surrogates, private use: nothing a reader types on purpose
_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co"}


class FormatError(ValueError):
    """What is wrong with content that claims to be ours: a clause for a StudyError, which adds file and remedy."""


def canonical_json(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8; NaN and infinities are refused.

    >>> canonical_json({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    return _ENCODER.encode(value).encode("utf-8")


def read_canonical_json(data: bytes) -> Any:
    """The value of `canonical_json` bytes; any other spelling of the same value is a FormatError.

    So one value has one form, and no byte of a signed file can change without a trace. Fractions are refused too:
    nothing in our files has one.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_twins,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        _check_depth(value, _MAX_DEPTH)
        is_canonical = canonical_json(value) == data
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError("it is not readable as JSON") from error
    if not is_canonical:
        raise FormatError("it was written by another program")
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("a name stands there twice")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise FormatError(f"{text} is not a whole number")


def _check_depth(value: object, left: int) -> None:
    if not left:
        raise FormatError("it is nested too deeply")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def clean_text(text: str, *, limit: int = MAX_TEXT, is_multiline: bool = True) -> str:
    """Text as it is stored: NFC, \\n between lines, no tabs, no blanks around it.

    Raises FormatError for characters that cannot be seen, and for too long a text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if not is_multiline:
        text = text.replace("\n", " ")
    text = unicodedata.normalize("NFC", text).strip()
    for character in text:
        if character != "\n" and unicodedata.category(character) in _UNSHOWABLE:
            raise FormatError(f"it has a character that cannot be shown (U+{ord(character):04X})")
    if len(text) > limit:
        raise FormatError(f"it has {len(text)} characters, and at most {limit} fit")
    return text


def without_unshowable(text: str, limit: int = MAX_TEXT) -> str:
    """A program's own message, made fit for `clean_text`: what cannot be shown is left out, what is too long is cut."""
    kept = (c for c in text if c in "\n\r\t" or unicodedata.category(c) not in _UNSHOWABLE)
    return clean_text("".join(kept), limit=2 * len(text) + 1)[:limit].strip()
