"""The long table: one row for each score that was due, from which all other score tables follow."""

from collections.abc import Iterator
from typing import Any

from reader_app.session.model import ReadingAnswers, Scale, Side
from study_admin.records import ReadingRecord
from study_admin.tables.columns import Column, Kind, Measure, Table, one_line, table
from study_admin.tables.history import ReadingHistory, histories
from study_admin.tables.material import Material

NOT_COLLECTED = "not_collected"  # nothing of this reader came back
NOT_SCORED = "not_scored"
CANNOT_SCORE_SIDE, CANNOT_SCORE_EXAM = "cannot_score_side", "cannot_score_exam"

READER = Column("reader", "Pseudonymous reader code")
GROUP = Column("group", "Group of readers and exams (block of the split plot)", values="G1, G2 ...")
EXAM = Column("exam", "Pseudonymous exam code; names are in exams.csv", values="E001, E002 ...")
POSITION = Column(
    "position", "Place of the exam in this reader's list (1 = first read)", Kind.WHOLE, Measure.SCALE, values=">= 1"
)
SECONDS = Column(
    "seconds", "Active time on the exam, all visits; pauses and more than 60 s without input are left out",
    Kind.DECIMAL, Measure.SCALE, "s", ">= 0", "empty = not recorded",
)  # fmt: skip


def score_column(name: str, label: str, scale: Scale, missing: str = "empty = not scored") -> Column:
    """A column of scores; every value has a label, and no two the same."""
    labels = {value: f"{value} {one_line(scale.label(value))}" for value in range(scale.minimum, scale.maximum + 1)}
    values = f"{scale.minimum} ({one_line(scale.label(scale.minimum))}) to {scale.maximum}"
    values += f" ({one_line(scale.label(scale.maximum))}), whole numbers"
    return Column(name, label, Kind.WHOLE, Measure.ORDINAL, "points", values, missing, value_labels=labels)


def long_columns(arms: tuple[str, ...], scale: Scale) -> tuple[Column, ...]:
    """The columns of the long table; without arms it has no source."""
    source = Column("source", "Method that made the segmentation", values="; ".join(arms))
    missing_why = f"{CANNOT_SCORE_SIDE}; {CANNOT_SCORE_EXAM}; {NOT_SCORED}; {NOT_COLLECTED}"
    none, never_scored = "empty = none", "empty = not scored"
    return (
        READER, GROUP, EXAM, POSITION,
        *((source,) if arms else ()),
        Column("side", "Side on which the segmentation stood (A = left viewer)", values="A; B"),
        score_column("score", "Score of the segmentation", scale),
        SECONDS,
        Column("missing_why", "Why there is no score", values=missing_why, missing="empty = scored", alias="misswhy"),
        Column("missing_reason", "The reader's reason why it could not be scored", missing=none, alias="missreas",
               is_remark=True),
        Column("side_comment", "The reader's comment on this segmentation", missing=none, is_remark=True),
        Column("exam_comment", "The reader's comment on the exam", missing=none, alias="examcomm", is_remark=True),
        score_column("first_score", "The score that was saved first (10 typed as 1, 0 is one entry)", scale),
        Column("changes", "How often a saved score was changed to another", Kind.WHOLE, Measure.SCALE, values=">= 0",
               missing="empty = not collected"),
        Column("visits", "How often the reader opened the exam", Kind.WHOLE, Measure.SCALE, values=">= 0",
               missing="empty = not collected"),
        Column("first_saved_utc", "When the first score was saved, by the reader's clock", Kind.TIME, unit="UTC",
               missing=never_scored, alias="firstutc"),
        Column("last_saved_utc", "When the score that holds was saved, by the reader's clock", Kind.TIME, unit="UTC",
               missing=never_scored, alias="lastutc"),
    )  # fmt: skip


def long_table(material: Material) -> Table:
    """Two rows a reading, in the order of the readers' lists: by arm once unblinded, by side before."""
    label = "One row for each score that was due; practice is left out"
    columns = long_columns(material.arms, material.study.scale)
    return table("long", label, columns, _long_rows(material))


def _long_rows(material: Material) -> Iterator[dict[str, Any]]:
    seen = {reader: histories(results.events) for reader, results in material.results.items()}
    for reading in material.readings:
        results = material.results.get(reading.reader)
        answers = results.answers[reading.reading_id] if results else None
        history = seen.get(reading.reader, {}).get(reading.reading_id, ReadingHistory())
        head = {
            "reader": reading.reader,
            "group": material.group_of_reader[reading.reader],
            "exam": material.exam_codes[reading.exam],
            "position": reading.position,
            "seconds": history.seconds,
            "visits": history.visits if answers else None,
            "exam_comment": answers.comment if answers else None,
        }
        for source, side in _sides(material, reading):
            yield {**head, "source": source, "side": side.value, **_score(answers, side, history)}


def _sides(material: Material, reading: ReadingRecord) -> list[tuple[str | None, Side]]:
    if not material.arms:
        return [(None, side) for side in Side]
    arms = {material.arm_on(reading.reading_id, side): side for side in Side}
    return [(arm, arms[arm]) for arm in material.arms]


def _score(answers: ReadingAnswers | None, side: Side, history: ReadingHistory) -> dict[str, Any]:
    saved = history.scores[side.value]
    answer = answers.side(side) if answers else None
    is_scored = answer is not None and answer.score is not None
    why, reason = why_missing(answers, side)
    return {
        "score": answer.score if answer else None,
        "missing_why": why,
        "missing_reason": reason,
        "side_comment": answer.comment if answer else None,
        "first_score": saved.values[0] if is_scored else None,
        "changes": saved.changes if answers else None,
        "first_saved_utc": saved.first_utc if is_scored else None,
        "last_saved_utc": saved.last_utc if is_scored else None,
    }


def why_missing(answers: ReadingAnswers | None, side: Side) -> tuple[str | None, str | None]:
    """Why a side has no score, in the table's word, and the reader's reason; None of both if it has one."""
    if answers is None:
        return NOT_COLLECTED, None
    answer = answers.side(side)
    if answer.score is not None:
        return None, None
    if answer.cannot_score:
        return CANNOT_SCORE_SIDE, answer.cannot_score
    if answers.cannot_score:
        return CANNOT_SCORE_EXAM, answers.cannot_score
    return NOT_SCORED, None
