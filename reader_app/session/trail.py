"""The event trail: rows chained by their hashes.

Each row's hash covers every other column and the hash of the row before, so that no value can change, and no row
vanish but the last ones, without a trace. Against a cut tail or a trail written anew stand the receipt's code and
the reader's signature.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from reader_app.session.canonical import FormatError, canonical_json
from reader_app.session.clock import as_datetime
from reader_app.session.forms import HASH, Design, design_form, matching
from reader_app.session.model import Side
from reader_app.session.schema import EVENT_TYPES

NO_HASH = "0" * 64
GENESIS_UTC = "1980-01-01T00:00:00.000000Z"  # constant, so that equal designs give equal files
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_BIG = 2**63 - 1
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none that is read as another


@dataclass(frozen=True)
class Event:
    """One row of the trail. `old` and `new` are JSON texts; `reason` is free text, for a score how it was given."""

    seq: int
    utc: str
    utc_offset: int  # seconds east
    monotonic_ns: int  # comparable within one boot_id
    boot_id: str
    sitting: str  # one start of the app
    reader: str
    app_version: str
    protocol_version: str
    type: str
    reading_id: str | None = None
    side: str | None = None
    field: str | None = None
    old: str | None = None
    new: str | None = None
    reason: str | None = None
    prev_hash: str = NO_HASH
    hash: str = ""


COLUMNS = tuple(column.name for column in fields(Event))
_OPTIONAL = {"reading_id", "side", "field", "old", "new", "reason"}
_NUMBERS = {"seq", "utc_offset", "monotonic_ns"}


def columns_of(event: Event) -> dict[str, Any]:
    """The row by column names; all values are plain (`asdict` would copy each, at ten times the cost)."""
    return dict(vars(event))


def event_hash(event: Event) -> str:
    """SHA-256 of the canonical JSON object of all columns but the hash itself."""
    columns = columns_of(event)
    del columns["hash"]
    return hashlib.sha256(canonical_json(columns)).hexdigest()


def sealed(event: Event) -> Event:
    """The event with its hash."""
    return replace(event, hash=event_hash(event))


def genesis(design: Design) -> Event:
    """The first event: the whole design, so that a trail can be judged without the package it came from."""
    new = canonical_json(design_form(design)).decode()
    event = Event(1, GENESIS_UTC, 0, 0, "", "", design.reader_code, "", design.protocol.version, "created", new=new)
    return sealed(event)


def event_from_row(row: Sequence[Any]) -> Event:
    """A row's values, in the order of COLUMNS, as an Event; raises FormatError for any of another type or form."""
    event = Event(*row)
    for name, value in zip(COLUMNS, row, strict=True):
        is_sound = (
            type(value) is int and abs(value) <= _BIG
            if name in _NUMBERS
            else isinstance(value, str) or (value is None and name in _OPTIONAL)
        )
        if not is_sound:
            raise FormatError(f"row {event.seq!r:.20} of its trail has no sound {name}")
    _check_utc(event.utc)
    matching(event.prev_hash, HASH, "prev_hash")
    matching(event.hash, HASH, "hash")
    if event.type not in EVENT_TYPES or event.side not in (None, *Side):
        raise FormatError(f"row {event.seq} of its trail is of an unknown type")
    return event


def _check_utc(utc: str) -> None:
    try:
        as_datetime(matching(utc, _UTC, "utc"))
    except ValueError as error:  # the 31st of February
        raise FormatError("utc is malformed") from error


def verify(events: Iterable[Event]) -> str:
    """The hash of the last event; raises FormatError naming the first row that was altered."""
    previous = NO_HASH
    seq = 0
    for seq, event in enumerate(events, 1):
        if event.hash != event_hash(event):
            raise FormatError(f"row {event.seq} of its trail was altered")
        if event.seq != seq or event.prev_hash != previous:
            raise FormatError(f"a row of its trail before row {event.seq} was removed or exchanged")
        previous = event.hash
    if not seq:
        raise FormatError("its trail is empty")
    return previous


def common_rows(one: Sequence[Event], other: Sequence[Event]) -> int:
    """How many rows two verified trails begin with alike; all of one if the other continues it."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (a, b) in pairs if a.hash != b.hash), min(len(one), len(other)))


@dataclass(frozen=True)
class Receipt:
    """What the reader keeps of the sign-off; the code in the coordinator's list anchors the whole trail."""

    count: int  # study exams read
    trail_head: str
    code: str  # 8 characters
    utc: datetime
    name: str
    meaning: str


def receipt_of(event: Event) -> Receipt:
    """The receipt of a sign_off event.

    The code is the first 40 bits of the event's hash in Crockford's base 32.
    """
    content = json.loads(event.new or "{}")
    bits = int(event.hash[:10], 16)
    code = "".join(_CODE_LETTERS[bits >> shift & 31] for shift in range(35, -1, -5))
    return Receipt(content["count"], event.hash, code, as_datetime(event.utc), content["name"], content["meaning"])
