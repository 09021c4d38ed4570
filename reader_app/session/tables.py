"""The tables beside the trail: written together with each event, read back to be compared with the events."""

import hashlib
import json
import sqlite3
from dataclasses import astuple
from typing import Any

from reader_app.session.canonical import FormatError, canonical_json, read_canonical_json
from reader_app.session.forms import Design, design_form
from reader_app.session.model import ClosingAnswer, ReaderProfile, Side
from reader_app.session.projection import Answers
from reader_app.session.trail import COLUMNS, Event, columns_of

_INSERT_EVENT = f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def write_design(connection: sqlite3.Connection, design: Design) -> None:
    form = design_form(design)
    protocol = canonical_json(form["protocol"]).decode()
    connection.execute("INSERT INTO package VALUES (1, ?, ?, ?)", (design.package_id, design.reader_code, protocol))
    rows = [(place, *astuple(reading)) for place, reading in enumerate(design.readings, 1)]
    connection.executemany("INSERT INTO reading (place, reading_id, position, is_practice) VALUES (?, ?, ?, ?)", rows)


def read_design(connection: sqlite3.Connection) -> dict[str, Any]:
    """The written form of the design, from its tables."""
    package = connection.execute("SELECT package_id, reader_code, protocol FROM package").fetchall()
    columns = "place, reading_id, position, is_practice"
    readings = connection.execute(f"SELECT {columns} FROM reading ORDER BY place").fetchall()
    if len(package) != 1 or [row[0] for row in readings] != list(range(1, len(readings) + 1)):
        raise FormatError("its list of exams was altered")
    ((package_id, reader_code, protocol),) = package
    return {
        "package_id": package_id,
        "reader_code": reader_code,
        "protocol": read_canonical_json(protocol.encode()),
        "readings": [
            {"reading_id": reading_id, "position": position, "is_practice": bool(is_practice)}
            for _, reading_id, position, is_practice in readings
        ],
    }


def write_event(connection: sqlite3.Connection, event: Event, answers: Answers) -> None:
    """The event's row, and the row of the answers that it changes; `answers` are those after it."""
    connection.execute(_INSERT_EVENT, tuple(columns_of(event).values()))
    match event.type:
        case "score_set" | "score_changed" | "score_cleared":
            assert event.reading_id and event.side
            key = (event.reading_id, event.side)
            value = answers.scores.get((event.reading_id, Side(event.side)))
            _put(connection, "score", ("reading_id", "side"), key, {"value": value})
        case "comment" | "cannot_score":
            assert event.reading_id
            side = Side(event.side) if event.side else None
            content = answers.remarks.get((event.reading_id, side, event.type))
            key3 = (event.reading_id, event.side or "exam", event.type)
            _put(connection, "remark", ("reading_id", "side", "kind"), key3, {"content": content})
        case "closing_answer":
            assert event.field
            given = answers.closing[event.field]
            columns = {"choice": given.choice, "confidence": given.confidence}
            _put(connection, "closing_answer", ("question_id",), (event.field,), columns)
        case "profile":
            connection.execute("DELETE FROM profile")
            assert answers.profile
            connection.execute("INSERT INTO profile VALUES (1, ?, ?, ?, ?)", astuple(answers.profile))
        case "frozen":
            connection.execute("INSERT INTO frozen VALUES (?)", (event.reading_id,))


def _put(
    connection: sqlite3.Connection, table: str, keys: tuple[str, ...], key: tuple[str, ...], columns: dict[str, Any]
) -> None:
    """Replace one row; where its first column has no value, there is none afterwards. Names come from this module."""
    connection.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in keys)}", key)
    if next(iter(columns.values())) is not None:
        names = ", ".join((*keys, *columns))
        marks = ", ".join("?" * (len(key) + len(columns)))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (*key, *columns.values()))


def read_answers(connection: sqlite3.Connection) -> Answers:
    answers = Answers()
    for reading_id, side, value in connection.execute("SELECT reading_id, side, value FROM score"):
        answers.scores[reading_id, Side(side)] = value
    for reading_id, side, kind, content in connection.execute("SELECT reading_id, side, kind, content FROM remark"):
        answers.remarks[reading_id, None if side == "exam" else Side(side), kind] = content
    answers.frozen = {reading_id for (reading_id,) in connection.execute("SELECT reading_id FROM frozen")}
    for question_id, *answer in connection.execute("SELECT question_id, choice, confidence FROM closing_answer"):
        answers.closing[question_id] = ClosingAnswer(*answer)
    columns = "specialty, years_since_certification, site_code, name"
    profile = connection.execute(f"SELECT {columns} FROM profile").fetchone()
    answers.profile = ReaderProfile(*profile) if profile else None
    return answers


def write_view(connection: sqlite3.Connection, content: str) -> None:
    digest = hashlib.sha256(content.encode()).hexdigest()
    connection.execute("INSERT OR REPLACE INTO kept_view VALUES (1, ?, ?)", (content, digest))


def read_view(connection: sqlite3.Connection) -> dict[str, Any]:
    row = connection.execute("SELECT content, sha256 FROM kept_view").fetchone()
    if row is None:
        return {}
    content, digest = row
    if digest != hashlib.sha256(content.encode()).hexdigest():
        raise FormatError("what was on the screen was altered")
    view: dict[str, Any] = json.loads(content)
    return view
