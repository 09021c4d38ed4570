"""The chain of hashes and the rules that events must follow."""

from dataclasses import fields, replace

import pytest

from reader_app.session.canonical import FormatError
from reader_app.session.model import Side
from reader_app.session.package import Package
from reader_app.session.projection import project
from reader_app.session.store import SessionStore
from reader_app.session.trail import COLUMNS, Event, event_from_row, event_hash, receipt_of, sealed, verify
from tests.reader_app.session.conftest import read_all

SCORE = Event(2, "2026-11-24T12:00:00.000000Z", 3600, 7, "b", "00000000000000ff", "R01", "0.1", "1", "score_set",
              "00000000000000a1", "A", "score", None, "7", "key")  # fmt: skip


def test_the_hash_is_that_of_the_documented_bytes() -> None:
    """Expected value: sha256sum of the JSON object typed by hand, names in order, no spaces."""
    assert event_hash(SCORE) == "dbae57546b92fd6c9d2ea2bf8e442bd8a1c3f0a9e07ef611a272d4df0e95e7d5"


@pytest.mark.parametrize("column", [c for c in COLUMNS if c != "hash"])
def test_every_column_is_in_the_hash(column: str) -> None:
    value = getattr(SCORE, column)
    other = value + 1 if isinstance(value, int) else f"{value or ''}0"
    assert event_hash(replace(SCORE, **{column: other})) != event_hash(SCORE)


@pytest.fixture
def events(store: SessionStore) -> tuple[Event, ...]:
    read_all(store)
    store.sign_off("A. Reader", "I have read them all")
    return tuple(store.events())


@pytest.mark.parametrize("column", [f.name for f in fields(Event) if f.name not in ("seq", "hash", "prev_hash")])
def test_the_first_altered_row_is_named(events: tuple[Event, ...], column: str) -> None:
    value = getattr(events[6], column)
    altered = replace(events[6], **{column: value + 1 if isinstance(value, int) else f"{value or ''}0"})
    with pytest.raises(FormatError, match="row 7 "):
        verify([*events[:6], altered, *events[7:]])


def test_rows_cannot_be_removed_exchanged_or_forged(events: tuple[Event, ...]) -> None:
    assert verify(events) == events[-1].hash
    for spoiled in (
        [*events[:5], *events[6:]],
        [*events[:5], events[6], events[5], *events[7:]],
        [*events[:5], sealed(replace(events[5], reason="other")), *events[6:]],
        events[1:],
        [],
    ):
        with pytest.raises(FormatError):
            verify(spoiled)


def test_values_of_other_types_are_refused() -> None:
    row = [getattr(sealed(SCORE), name) for name in COLUMNS]
    for name, value in (("seq", "2"), ("seq", True), ("seq", 2.0), ("type", "unknown"), ("side", "C"), ("new", 7),
                        ("utc", "2026-11-24"), ("hash", "0"), ("reader", None), ("monotonic_ns", 2**70)):  # fmt: skip
        with pytest.raises(FormatError):
            event_from_row([value if column == name else old for column, old in zip(COLUMNS, row, strict=True)])


def forge(events: tuple[Event, ...], **change: object) -> list[Event]:
    """The trail of an attacker who knows all the rules of hashing: one more event, well chained."""
    last = events[-1]
    forged = replace(last, seq=last.seq + 1, prev_hash=last.hash, old=None, new=None, reason=None)
    return [*events, sealed(replace(forged, **change))]


def score(reading_id: str, old: str | None, new: str | None, type_: str = "score_set") -> dict[str, object]:
    return {"type": type_, "reading_id": reading_id, "side": "A", "field": "score", "old": old, "new": new}


NO_SCORES = ("11", "-1", '"7"', "7.0", "true", "NaN", "[7]", "07", "null", "")


def test_a_well_chained_trail_must_still_follow_the_rules(store: SessionStore) -> None:
    reading_id = store.readings[0].reading_id
    store.record_score(reading_id, Side.A, 3, how="key")
    events = tuple(store.events())
    project(forge(events, **score(reading_id, "3", "4", "score_changed")))
    for change in (
        score(reading_id, None, "4"),  # there was a score
        score(reading_id, "2", "4", "score_changed"),  # another one
        score(reading_id, "3", "3", "score_changed"),
        score(reading_id, "3", None, "score_changed"),
        *(
            score(reading_id, "3", new, "score_changed")
            for new in ("11", "-1", '"7"', "7.0", "true", "NaN", "[7]", "07")
        ),
        score("f" * 16, None, "4"),
        score(reading_id, "3", "4", "score_changed") | {"side": None},
        score(reading_id, "3", "4", "score_changed") | {"reader": "R02"},
        {"type": "comment", "reading_id": reading_id, "side": "A", "field": "comment", "new": '"\\u202e"'},
        {"type": "comment", "reading_id": reading_id, "side": "A", "field": "comment", "new": '""'},
        {"type": "comment", "reading_id": None, "side": "A", "field": "comment", "new": '"x"'},
        {"type": "frozen", "reading_id": reading_id},
        {"type": "closing_answer", "field": "f" * 16, "new": '{"choice":"A","confidence":null}'},
        {"type": "sign_off", "new": '{"count":3,"meaning":"m","name":"n"}'},  # with gaps
        {"type": "created"},
        {"type": "install", "new": '{"public_key":"00","system":""}'},
    ):
        with pytest.raises(FormatError):
            trail = forge(events, **change)
            verify(trail)
            project(trail)


def test_nothing_is_answered_after_the_sign_off(events: tuple[Event, ...], package: Package) -> None:
    reading_id = package.manifest.readings[0].reading_id
    with pytest.raises(FormatError, match="after the sign-off"):
        project(forge(events, **score(reading_id, "1", "4", "score_changed")))
    project(forge(events, type="session_end"))


# hand arithmetic: 40 bits, five at a time, in Crockford's letters (0-9, A-Z without I, L, O, U)
@pytest.mark.parametrize(
    "head, code", [("0000000001", "00000001"), ("ffffffffff", "ZZZZZZZZ"), ("08864298e8", "12345678")]
)
def test_the_code_of_a_receipt(head: str, code: str) -> None:
    event = replace(SCORE, type="sign_off", new='{"count":3,"meaning":"m","name":"n"}', hash=head + "0" * 54)
    assert receipt_of(event).code == code
