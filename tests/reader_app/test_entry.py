"""How scores are typed: the table is the contract of the keys, written out by hand."""

import pytest

from reader_app.entry import ScoreEntry
from reader_app.session.model import PUBLISHED_SCALE, Side


def typed(keys: str) -> tuple[dict[Side, int], Side | None]:
    """Scores and focus after typing; T is Tab."""
    entry = ScoreEntry(PUBLISHED_SCALE)
    entry.open(list(Side))
    scores: dict[Side, int] = {}
    for key in keys:
        if key == "T":
            entry.other()
        elif given := entry.type(int(key)):
            scores[given[0]] = given[1]
    return scores, entry.focus


@pytest.mark.parametrize(
    ("keys", "a", "b", "focus"),
    [
        ("7", 7, None, Side.B),
        ("78", 7, 8, None),
        ("00", 0, 0, None),
        ("1", 1, None, Side.A),  # waits: 0 may follow
        ("10", 10, None, Side.B),
        ("17", 1, 7, None),
        ("107", 10, 7, None),
        ("1010", 10, 10, None),
        ("11", 1, 1, Side.B),
        ("110", 1, 10, None),
        ("1T0", 1, 0, None),
        ("T7", None, 7, None),
        ("789", 7, 8, None),  # on Next a digit changes nothing
        ("719", 7, 1, None),
        ("7T3", 3, None, Side.B),  # back to A, and anew
    ],
)
def test_digits(keys: str, a: int | None, b: int | None, focus: Side | None) -> None:
    scores, at = typed(keys)
    assert (scores.get(Side.A), scores.get(Side.B), at) == (a, b, focus)


def test_an_exam_that_is_scored_opens_on_next_so_that_a_stray_digit_changes_nothing() -> None:
    entry = ScoreEntry(PUBLISHED_SCALE)
    entry.open([])
    assert entry.type(5) is None


def test_an_exam_half_scored_opens_on_the_side_that_is_missing() -> None:
    entry = ScoreEntry(PUBLISHED_SCALE)
    entry.open([Side.B])
    assert entry.type(5) == (Side.B, 5)


def test_tab_leads_back_from_next() -> None:
    entry = ScoreEntry(PUBLISHED_SCALE)
    entry.open([])
    entry.other()
    assert entry.focus is Side.A
    entry.put_on(None)
    entry.other(is_backwards=True)
    assert entry.focus is Side.B
