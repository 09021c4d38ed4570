"""One spelling of JSON, and texts without anything that cannot be seen."""

import pytest

from reader_app.session.canonical import FormatError, clean_text, read_canonical_json, without_unshowable


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\u00e9"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"",
        b"[" * 100_000,
        b"[" * 20 + b"]" * 20,
    ],
)
def test_any_other_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_canonical_json(data)


def test_the_one_spelling_is_read() -> None:
    assert read_canonical_json('{"a":"é","b":[1,null,true]}'.encode()) == {"a": "é", "b": [1, None, True]}


# https://www.unicode.org/charts: override, zero width space, NUL, escape, byte order mark, private use
@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\0", "\x1b", "\ufeff", "\ue000", "\x85", "\ud800"])
def test_what_cannot_be_seen_is_refused(character: str) -> None:
    with pytest.raises(FormatError, match=f"U\\+{ord(character):04X}"):
        clean_text(f"tumour{character}edge")
    assert without_unshowable(f"tumour{character}edge") == "tumouredge"


def test_text_is_stored_in_one_form() -> None:
    assert clean_text("  e\u0301dema\r\nline\tend\r ") == "\u00e9dema\nline end"
    assert clean_text("two\nlines", is_multiline=False) == "two lines"
    for text in ("Опухоль", "腫瘍", "ورم", "μ < 3 & <b>x</b>; DROP TABLE score; =1+1"):
        assert clean_text(text) == text  # kept as typed, never interpreted


def test_too_long_a_text_is_refused() -> None:
    assert clean_text("x" * 2_000)
    with pytest.raises(FormatError, match="2001"):
        clean_text("x" * 2_001)
