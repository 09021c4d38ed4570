"""The rows of the study database as records, and records as rows; each function in the transaction it is given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, literal, select

from reader_app.session.canonical import FormatError
from reader_app.session.clock import as_datetime
from study_admin import schema
from study_admin.audit import json_of
from study_admin.database.forms import design_form, exam_form, exam_from_form, study_from_forms
from study_admin.design import Study
from study_admin.records import (
    ExamRecord,
    HandedOut,
    Opening,
    ReaderRecord,
    ReadingRecord,
    SourceFile,
    Stage,
    Unblinding,
)

Record = ReadingRecord | SourceFile | HandedOut


def read_stage(connection: Connection) -> Stage:
    reached = {
        stage
        for stage, table in (
            (Stage.OPEN, schema.opening),
            (Stage.LOCKED, schema.locking),
            (Stage.UNBLINDED, schema.unblinding),
        )
        if connection.execute(select(literal(1)).select_from(table)).first()
    }
    return max(reached, key=list(Stage).index, default=Stage.DRAFT)


# --- design ---


def write_study(connection: Connection, study: Study, chosen: Mapping[str, int]) -> None:
    """In place of the one before."""
    for table in (schema.study, schema.exam, schema.reader):
        connection.execute(delete(table))
    connection.execute(insert(schema.study), {"one": 1, "design": json_of(design_form(study))})
    exams = [
        {
            "place": place,
            "name": exam.name,
            "is_practice": int(exam.is_practice),
            "content": json_of(exam_form(exam)),
        }
        for place, exam in enumerate(study.exams, 1)
    ]
    readers = [
        {"place": place, "code": code, "chosen_group": chosen.get(code)} for place, code in enumerate(study.readers, 1)
    ]
    for table, rows in ((schema.exam, exams), (schema.reader, readers)):
        if rows:
            connection.execute(insert(table), rows)


def read_study(connection: Connection) -> Study:
    design = connection.execute(select(schema.study.c.design)).scalar_one_or_none()
    exams = connection.execute(select(schema.exam.c.content).order_by(schema.exam.c.place)).scalars()
    readers = connection.execute(select(schema.reader.c.code).order_by(schema.reader.c.place)).scalars()
    return study_from_forms(value_of(design), [value_of(content) for content in exams], readers.all())


def read_chosen(connection: Connection) -> dict[str, int]:
    """The coordinator's choices of groups, by reader."""
    table = schema.reader
    rows = connection.execute(select(table.c.code, table.c.chosen_group).order_by(table.c.place))
    return {code: group for code, group in rows if group is not None}


def read_exams(connection: Connection) -> tuple[ExamRecord, ...]:
    opening = read_opening(connection)
    group_of = _numbered(opening.exam_groups if opening else ())
    exams = [
        exam_from_form(value_of(content))
        for content in connection.execute(select(schema.exam.c.content).order_by(schema.exam.c.place)).scalars()
    ]
    return tuple(ExamRecord(exam.name, exam.is_practice, group_of.get(exam.name), exam.facts) for exam in exams)


def read_readers(connection: Connection) -> tuple[ReaderRecord, ...]:
    opening = read_opening(connection)
    group_of = _numbered(opening.reader_groups if opening else ())
    table = schema.reader
    rows = connection.execute(select(table.c.code, table.c.chosen_group).order_by(table.c.place))
    return tuple(ReaderRecord(code, chosen, group_of.get(code)) for code, chosen in rows)


def _numbered(groups: Sequence[Sequence[str]]) -> dict[str, int]:
    return {name: number for number, names in enumerate(groups, 1) for name in names}


def value_of(text: str | None) -> Any:
    """The value of a stored JSON text; FormatError for any other text."""
    try:
        return json.loads(text or "")
    except ValueError as error:
        raise FormatError("what is stored there is not what Blindread wrote") from error


def _groups(text: str) -> tuple[tuple[str, ...], ...]:
    groups = value_of(text)
    if not isinstance(groups, list) or not all(isinstance(names, list) for names in groups):
        raise FormatError("its groups are not what Blindread wrote")
    return tuple(tuple(map(str, names)) for names in groups)


def moment_of(utc: str) -> datetime:
    """The time of a row; FormatError for any other text."""
    try:
        return as_datetime(utc)
    except ValueError as error:
        raise FormatError("a time is not what Blindread wrote") from error


# --- opening and handing out ---


def write_opening(connection: Connection, opening: Opening, files: Sequence[SourceFile]) -> None:
    """The opening's own row last: its triggers close the tables of what it settles."""
    readings = [asdict(r) | {"place": n, "is_practice": int(r.is_practice)} for n, r in enumerate(opening.readings, 1)]
    connection.execute(insert(schema.reading), readings)
    if files:
        connection.execute(insert(schema.source_file), [asdict(file) for file in files])
    row = {
        "one": 1,
        **{name: getattr(opening, name) for name in ("study_id", "algorithm", "commitment", "public_key")},
        "exam_groups": json_of(opening.exam_groups),
        "reader_groups": json_of(opening.reader_groups),
        "has_third_copy": int(opening.has_third_copy),
    }
    connection.execute(insert(schema.opening), row)


def read_opening(connection: Connection) -> Opening | None:
    row = connection.execute(select(schema.opening)).one_or_none()
    if row is None:
        return None
    return Opening(
        study_id=row.study_id,
        algorithm=row.algorithm,
        commitment=row.commitment,
        public_key=row.public_key,
        exam_groups=_groups(row.exam_groups),
        reader_groups=_groups(row.reader_groups),
        readings=read_readings(connection),
        has_third_copy=bool(row.has_third_copy),
    )


def read_readings(connection: Connection) -> tuple[ReadingRecord, ...]:
    rows = _rows(connection, schema.reading, ReadingRecord, "place")
    return tuple(replace(ReadingRecord(*row), is_practice=bool(row[-1])) for row in rows)


def read_source_files(connection: Connection) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(*row) for row in _rows(connection, schema.source_file, SourceFile, "exam", "role"))


def read_handed_out(connection: Connection) -> tuple[HandedOut, ...]:
    """In the order of their writing; of a package that was written again, the last one counts."""
    return tuple(HandedOut(*row) for row in _rows(connection, schema.handed_out, HandedOut, "seq"))


def write_handed_out(connection: Connection, item: HandedOut) -> None:
    connection.execute(insert(schema.handed_out), {"seq": _next(connection, schema.handed_out)} | asdict(item))


def _rows(connection: Connection, table: Table, record: type[Record], *order: str) -> list[tuple[Any, ...]]:
    """The columns that a record has, in its order."""
    columns = [table.c[field.name] for field in fields(record)]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(*(table.c[name] for name in order)))]


def _next(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.coalesce(func.max(table.c.seq), 0) + 1)).scalar_one()


# --- what came back ---


def write_collected(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(schema.collected), {"seq": _next(connection, schema.collected), **row})


def read_collected(connection: Connection, package_id: str | None = None) -> Sequence[Row[Any]]:
    """All rows, or those of a package, in the order they came; of a package, the last one counts."""
    query = select(schema.collected).order_by(schema.collected.c.seq)
    if package_id is not None:
        query = query.where(schema.collected.c.package_id == package_id)
    return connection.execute(query).all()


# --- locking and unblinding ---


def write_locking(connection: Connection, utc: str, who: str, why: str) -> None:
    connection.execute(insert(schema.locking), {"one": 1, "utc": utc, "who": who, "why": why})


def write_unblinding(connection: Connection, arm_on_a: Mapping[str, str], utc: str, who: str, reason: str) -> None:
    rows = [{"reading_id": reading_id, "arm": arm} for reading_id, arm in arm_on_a.items()]
    connection.execute(insert(schema.arm_on_a), rows)
    connection.execute(insert(schema.unblinding), {"one": 1, "utc": utc, "who": who, "reason": reason})


def read_unblinding(connection: Connection) -> Unblinding | None:
    row = connection.execute(select(schema.unblinding)).one_or_none()
    if row is None:
        return None
    sides = schema.arm_on_a
    query = select(sides.c.reading_id, sides.c.arm).join(schema.reading).order_by(schema.reading.c.place)
    arm_on_a = {row.reading_id: row.arm for row in connection.execute(query)}
    return Unblinding(arm_on_a, moment_of(row.utc), row.who, row.reason)
