"""The tables around the scores: what was due, the exams, the readers, and the answers to closing questions."""

from collections.abc import Iterator
from typing import Any

from reader_app.session.model import Side, Status
from study_admin.records import ReadingRecord
from study_admin.tables.columns import Column, Kind, Measure, Table, table
from study_admin.tables.material import Material
from study_admin.tables.scores import (
    CANNOT_SCORE_EXAM,
    CANNOT_SCORE_SIDE,
    EXAM,
    GROUP,
    NOT_COLLECTED,
    POSITION,
    READER,
    why_missing,
)
from study_admin.tables.wide import source_names

_COUNT: dict[str, Any] = {"kind": Kind.WHOLE, "measure": Measure.SCALE, "values": ">= 0"}
_UNKNOWN = "empty = not known"
_NOT_TOLD = "empty = not told or not collected"
_UNSCORED, _PARTLY, _SCORED = "unscored", "partly_scored", "scored"
_STATUS_LABELS = {
    _UNSCORED: "unscored: neither side is answered",
    _PARTLY: "partly_scored: one side is answered, by a score or a reason",
    _SCORED: "scored: both sides have a score",
    CANNOT_SCORE_SIDE: "cannot_score_side: the reader gave a reason why a side cannot be scored",
    CANNOT_SCORE_EXAM: "cannot_score_exam: the reader gave a reason why the exam cannot be scored",
    NOT_COLLECTED: "not_collected: no results of this reader came back",
}


def circumstance_tables(material: Material) -> tuple[Table, ...]:
    return design_table(material), exams_table(material), readers_table(material), closing_table(material)


def design_table(material: Material) -> Table:
    """Who was due to read what, whether or not it came back."""
    names = source_names(material.arms) if material.arms else ()
    sides = (
        Column(f"side_of_{name}", f"Side on which {arm} stood (A = left viewer)", values="A; B")
        for name, arm in zip(names, material.arms, strict=True)
    )
    columns = (
        READER, GROUP, EXAM, POSITION, *sides,
        Column("status", "How far the reading is", values="; ".join(_STATUS_LABELS), value_labels=_STATUS_LABELS),
        Column("reading_id", "The reading in the reader's package and trail", alias="reading"),
        Column("package_id", "The reader's package", alias="package"),
        Column("study_id", "The study", alias="study"),
        Column("study_type", "How the sides were drawn", values="as-published; balanced", alias="type"),
        Column("algorithm", "How all chance was drawn from the seed, which stays in the sealed key: it is the key to"
               " the sides; `study-admin regenerate` repeats the draw", alias="algorith"),
        Column("commitment", "SHA-256 that was fixed at the opening: of the seed, the design and all sides",
               alias="commitmt"),
    )  # fmt: skip
    return table("design", "Who was due to read what, where and on which side", columns, _design_rows(material, names))


def _design_rows(material: Material, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    opening = material.opening
    for reading in material.readings:
        arms = {material.arm_on(reading.reading_id, side): side.value for side in Side} if names else {}
        yield {
            "reader": reading.reader,
            "group": material.group_of_reader[reading.reader],
            "exam": material.exam_codes[reading.exam],
            "position": reading.position,
            **{f"side_of_{name}": arms[arm] for name, arm in zip(names, material.arms, strict=True)},
            "status": _status(material, reading),
            "reading_id": reading.reading_id,
            "package_id": reading.package_id,
            "study_id": opening.study_id,
            "study_type": material.study.study_type.value,
            "algorithm": opening.algorithm,
            "commitment": opening.commitment,
        }


def _status(material: Material, reading: ReadingRecord) -> str:
    results = material.results.get(reading.reader)
    if results is None:
        return NOT_COLLECTED
    answers = results.answers[reading.reading_id]
    if answers.status is not Status.SCORED:
        return _UNSCORED if answers.status is Status.UNSCORED else _PARTLY
    whys = [why for side in Side if (why := why_missing(answers, side)[0])]
    # of the exam before that of a side: it is the one that holds for both
    return _SCORED if not whys else CANNOT_SCORE_EXAM if CANNOT_SCORE_EXAM in whys else CANNOT_SCORE_SIDE


def exams_table(material: Material) -> Table:
    """The study exams: code, name, group, and what the cohort tables tell."""
    columns = (
        EXAM,
        Column("name", "Name of the exam's folder"),
        GROUP,
        Column("subject", "Pseudonymous code of the patient", missing=_UNKNOWN),
        Column("site", "Where the exam was made", missing=_UNKNOWN),
        Column("age", "Age of the patient at the exam", Kind.DECIMAL, Measure.SCALE, "years", ">= 0", missing=_UNKNOWN),
        Column("sex", "Sex of the patient", values="M; F", missing=_UNKNOWN),
        Column("tumour_type", "Type of the tumour", alias="tumour", missing=_UNKNOWN),
        Column(
            "study_date",
            "Date of the exam: a year, a month or a day",
            values="ISO 8601",
            alias="date",
            missing=_UNKNOWN,
        ),
    )
    rows = (
        {"exam": code, "name": name, "group": material.group_of_exam[name], **vars(material.facts[name])}
        for name, code in material.exam_codes.items()
    )
    return table("exams", "The exams that count; what the codes stand for", columns, rows)


def readers_table(material: Material) -> Table:
    """The readers as far as the analysis needs them. Their names stay in the results files."""
    columns = (
        READER, GROUP,
        Column("specialty", "Specialty, in the reader's words", missing=_NOT_TOLD),
        Column("years_since_certification", "Years since board certification", Kind.WHOLE, Measure.SCALE, "years",
               "0 to 80", _NOT_TOLD, alias="years"),
        Column("site", "Code of the reader's site, as the reader gave it", missing=_NOT_TOLD),
        Column("due", "Exams that the reader was to read", **_COUNT),
        Column("scored", "Exams with a score or a reason on both sides", **_COUNT),
        Column("is_collected", "Whether results came back", values="yes; no", alias="collectd"),
        Column("signed_off_utc", "When the reader signed off, by the reader's clock", Kind.TIME, unit="UTC",
               missing="empty = not signed off", alias="signed"),
        Column("receipt_code", "The code on the reader's receipt", missing="empty = not signed off", alias="receipt"),
        Column("results_sha256", "SHA-256 of the results file as it came", missing="empty = not collected",
               alias="sha256"),
    )  # fmt: skip
    return table("readers", "The readers, without names", columns, _reader_rows(material))


def _reader_rows(material: Material) -> Iterator[dict[str, Any]]:
    files = {collected.reader: collected.sha256 for collected in material.collected}
    for reader in (record.code for record in material.readers):
        due = [reading for reading in material.readings if reading.reader == reader]
        results = material.results.get(reader)
        profile, receipt = (results.profile, results.receipt) if results else (None, None)
        yield {
            "reader": reader,
            "group": material.group_of_reader[reader],
            "specialty": profile.specialty if profile else None,
            "years_since_certification": profile.years_since_certification if profile else None,
            "site": profile.site_code if profile else None,
            "due": len(due),
            "scored": sum(results.answers[reading.reading_id].status is Status.SCORED for reading in due)
            if results
            else 0,
            "is_collected": "yes" if results else "no",
            "signed_off_utc": f"{receipt.utc:%Y-%m-%dT%H:%M:%S.%f}Z" if receipt else None,
            "receipt_code": receipt.code if receipt else None,
            "results_sha256": files.get(reader),
        }


def closing_table(material: Material) -> Table:
    """One row for each closing question of each reader whose results came back."""
    columns = (
        READER, GROUP,
        Column("question", "Number of the question", values="Q1, Q2 ..."),
        Column("question_text", "The question as it was asked"),
        Column("exam", "The exam that was shown beside it", missing="empty = about the study as a whole"),
        Column("position", "Place of that exam in the reader's list", Kind.WHOLE, Measure.SCALE,
               missing="empty = about the study as a whole"),
        Column("choice", "The answer", missing="empty = not answered"),
        *(_chosen(material) if material.arms else ()),
        Column("confidence", "How sure the reader was", missing="empty = not asked or not told", alias="confid"),
        Column("answered_utc", "When the answer that holds was saved, by the reader's clock", Kind.TIME, unit="UTC",
               missing="empty = not answered", alias="answered"),
    )  # fmt: skip
    return table("closing", "Answers to the questions after the last score", columns, _closing_rows(material))


def _chosen(material: Material) -> tuple[Column]:
    values = "; ".join(material.arms)
    missing = "empty = the answer names no side of an exam"
    return (Column("chosen_source", "Method that stood on the chosen side", values=values, missing=missing,
                   alias="chosen"),)  # fmt: skip


def _closing_rows(material: Material) -> Iterator[dict[str, Any]]:
    readings = {reading.reading_id: reading for reading in material.readings}
    collected = (record.code for record in material.readers if record.code in material.results)
    for reader in collected:
        results = material.results[reader]
        saved = {event.field: event.utc for event in results.events if event.type == "closing_answer"}
        questions = results.design.protocol.closing_questions
        texts = list(dict.fromkeys(question.text for question in questions))
        for question in questions:
            answer = results.closing_answers.get(question.question_id)
            about = readings.get(question.reading_id or "")
            chosen = None
            if material.arms and about and answer and answer.choice in list(Side):
                chosen = material.arm_on(about.reading_id, answer.choice)
            yield {
                "reader": reader,
                "group": material.group_of_reader[reader],
                "question": f"Q{texts.index(question.text) + 1}",
                "question_text": question.text,
                "exam": material.exam_codes[about.exam] if about else None,
                "position": about.position if about else None,
                "choice": answer.choice if answer else None,
                "chosen_source": chosen,
                "confidence": answer.confidence if answer else None,
                "answered_utc": saved.get(question.question_id),
            }
