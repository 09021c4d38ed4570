"""What the audit trail says of each change, and whether the tables still hold what it adds up to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, select

from reader_app.session.canonical import FormatError, canonical_json
from study_admin import schema
from study_admin.audit import json_of
from study_admin.database import stored
from study_admin.database.forms import study_form
from study_admin.records import AuditRow, Opening, SourceFile

NEW, REPLACE, CHOOSE, OPEN = "new", "replace study", "choose group", "open"
HAND_OUT, COLLECT, LOCK, UNBLIND = "hand out", "collect", "lock", "unblind"
CHANGES = {NEW, REPLACE, CHOOSE, OPEN, HAND_OUT, COLLECT, LOCK, UNBLIND}
STUDY = "study"  # the subject of what concerns all of it


def digest(value: object) -> str:
    """Stands in the trail for what is too long for it."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def opening_form(opening: Opening, files: Sequence[SourceFile]) -> dict[str, Any]:
    """Long lists by their digests; no digest is of anything that tells a side."""
    form = asdict(opening)
    readings = form.pop("readings")
    listed = sorted((asdict(file) for file in files), key=lambda file: (file["exam"], file["role"]))
    return form | {
        "readings": len(readings),
        "readings_sha256": digest(readings),
        "source_files": len(listed),
        "source_files_sha256": digest(listed),
    }


def collected_form(package_id: str, file_name: str, sha256: str) -> dict[str, Any]:
    return {"package_id": package_id, "file_name": file_name, "sha256": sha256}


def unblinding_form(arm_on_a: Mapping[str, str]) -> dict[str, Any]:
    return {"readings": len(arm_on_a), "arm_on_a_sha256": digest(dict(arm_on_a))}


def check_history(connection: Connection, rows: Sequence[AuditRow]) -> None:
    """Raise FormatError naming the first of the tables that differs from what the trail says."""
    told, found = _told(rows), _found(connection)
    for name, value in told.items():
        if value != found[name]:
            raise FormatError(f"its audit trail says otherwise of {name}")


def _told(rows: Sequence[AuditRow]) -> dict[str, object]:
    def of(what: str, *columns: str) -> list[tuple[str, ...]]:
        return [tuple(getattr(row, column) for column in columns) for row in rows if row.what == what]

    chosen = {row.subject: stored.value_of(row.new or "null") for row in rows if row.what == CHOOSE}
    return {
        "the exams and readers": [row.new for row in rows if row.what in (NEW, REPLACE)][-1:],
        "the chosen groups": {reader: group for reader, group in chosen.items() if group is not None},
        "the readings and files": of(OPEN, "new"),
        "the packages handed out": of(HAND_OUT, "subject", "new"),
        "the results collected": of(COLLECT, "utc", "who", "subject", "new"),
        "the locking": of(LOCK, "utc", "who", "why"),
        "the unblinding": of(UNBLIND, "utc", "who", "why", "new"),
    }


def _found(connection: Connection) -> dict[str, object]:
    opening, files = stored.read_opening(connection), stored.read_source_files(connection)
    locking, unblinding = schema.locking.c, stored.read_unblinding(connection)
    sides = json_of(unblinding_form(unblinding.arm_on_a)) if unblinding else ""
    unblinded = schema.unblinding.c
    return {
        "the exams and readers": [json_of(study_form(stored.read_study(connection)))],
        "the chosen groups": stored.read_chosen(connection),
        "the readings and files": [(json_of(opening_form(opening, files)),)] if opening else [],
        "the packages handed out": [
            (item.reader, json_of(asdict(item))) for item in stored.read_handed_out(connection)
        ],
        "the results collected": [
            (row.utc, row.who, row.reader, json_of(collected_form(row.package_id, row.file_name, _sha256(row))))
            for row in stored.read_collected(connection)
        ],
        "the locking": [tuple(row) for row in connection.execute(select(locking.utc, locking.who, locking.why))],
        "the unblinding": [
            (*row, sides) for row in connection.execute(select(unblinded.utc, unblinded.who, unblinded.reason))
        ],
    }


def _sha256(row: Row[Any]) -> str:
    """Of the bytes as they are, and as the row says; no hash at all if the two differ."""
    found = hashlib.sha256(row.content).hexdigest()
    return found if found == row.sha256 else ""
