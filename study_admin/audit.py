"""The audit trail: who changed what of the study, when, from what to what, and why; rows chained by their hashes.

Each row's hash covers all its other columns and the hash of the row before, so that none can be changed, exchanged or
left out without a trace. Only the last rows can: against that, and against a trail written anew from the first row
to the last, stands its head, written down elsewhere.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace

from sqlalchemy import Connection, insert, select

from reader_app.session.canonical import MAX_NAME, MAX_TEXT, FormatError, canonical_json, clean_text
from reader_app.session.trail import NO_HASH
from segmentation.errors import StudyError
from study_admin.records import AuditRow
from study_admin.schema import audit


@dataclass(frozen=True)
class Change:
    """A row before it has its place in the trail. None stands for nothing there, before or after."""

    what: str
    subject: str
    old: object = None
    new: object = None
    why: str = ""


def json_of(value: object) -> str:
    """The text of `old` or `new`."""
    return "" if value is None else canonical_json(value).decode()


def append(connection: Connection, change: Change, utc: str, who: str) -> None:
    """Add a row, in the transaction of the change that it tells of."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    seq, prev_hash = (last.seq + 1, last.hash) if last else (1, NO_HASH)
    row = AuditRow(
        seq, utc, clean_name(who, "The name of who does this"), change.what, change.subject, json_of(change.old),
        json_of(change.new), clean_reason(change.why), prev_hash, "",
    )  # fmt: skip
    connection.execute(insert(audit), asdict(replace(row, hash=row_hash(row))))


def clean_name(text: str, what: str) -> str:
    """Text as it is stored; StudyError if it is empty or can't be shown."""
    try:
        cleaned = clean_text(text, limit=MAX_NAME, is_multiline=False)
        if not cleaned:
            raise FormatError("it is empty")
    except FormatError as error:
        raise StudyError(f"{what} can't be kept: {error}.", remedy="Give it in plain letters.") from error
    return cleaned


def clean_reason(text: str) -> str:
    try:
        return clean_text(text, limit=MAX_TEXT)
    except FormatError as error:
        raise StudyError(f"This reason can't be kept: {error}.", remedy="Change it and try again.") from error


def row_hash(row: AuditRow) -> str:
    """SHA-256 of the canonical JSON object of all columns but the hash itself."""
    columns = asdict(row)
    del columns["hash"]
    return hashlib.sha256(canonical_json(columns)).hexdigest()


def read_audit(connection: Connection) -> tuple[AuditRow, ...]:
    """The trail, first row first."""
    columns = [audit.c[field.name] for field in fields(AuditRow)]
    return tuple(AuditRow(*row) for row in connection.execute(select(*columns).order_by(audit.c.seq)))


def head_of(rows: Iterable[AuditRow]) -> str:
    """The hash of the last row; raises FormatError naming the first row that was altered."""
    previous, seq = NO_HASH, 0
    for seq, row in enumerate(rows, 1):
        if row.hash != row_hash(row):
            raise FormatError(f"row {row.seq} of its audit trail was altered")
        if row.seq != seq or row.prev_hash != previous:
            raise FormatError(f"a row of its audit trail before row {row.seq} was removed or exchanged")
        previous = row.hash
    if not seq:
        raise FormatError("its audit trail is empty")
    return previous
