"""The frozen scores of statistics.md as the records of an unblinded study, as if readers had sent them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from reader_app.session.forms import Design
from reader_app.session.model import Answer, ClosingAnswer, ClosingQuestion, Protocol, Reading, ReadingAnswers
from reader_app.session.results import Results
from reader_app.session.trail import Event
from study_admin.design import Arm, Exam, ExamFacts, GroupSize, Study, source_guess
from study_admin.records import AuditRow, Collected, ExamRecord, Opening, ReaderRecord, ReadingRecord, Unblinding
from study_admin.report.from_scores import results_of
from study_admin.report.results import StudyResults, analyse
from study_admin.scores_file import read_scores
from study_admin.tables.material import Material
from tests.study_admin.statistics.r_values import HERE, scores

ARMS = ("technician", "dl")
WHEN = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
STUDY_ID = "5" * 16


@cache
def results_of_study() -> StudyResults:
    """Those of the paper-shaped study; computed once for all tests."""
    return analyse(reference_material("paper"))


@cache
def results_of_table() -> StudyResults:
    """Those of the table with missing readings, readers without a common exam among them."""
    return results_of(read_scores(HERE / "unbalanced.csv"), margin=0.5)


def reference_material(name: str, *, margin: float | None = 0.5) -> Material:
    """paper or null, with every exam and reader in it, and a guess of each reader about the first exam read."""
    frame = scores(name)
    groups = [rows for _, rows in frame.groupby("group")]
    exams, readers = sorted(frame["exam"].unique()), sorted(frame["reader"].unique())
    group_of_exam = dict(zip(frame["exam"], frame["group"].str[1:].astype(int), strict=True))
    group_of_reader = dict(zip(frame["reader"], frame["group"].str[1:].astype(int), strict=True))
    study = Study(
        arms=(Arm(ARMS[0], ("technician.nii.gz",)), Arm(ARMS[1], ("dl.nii.gz",))),
        exams=tuple(_exam(number, exam) for number, exam in enumerate(exams)), readers=tuple(readers),
        groups=tuple(GroupSize(rows["reader"].nunique(), rows["exam"].nunique()) for rows in groups),
        title="The frozen scores", non_inferiority_margin=margin, closing=(source_guess(1, ARMS[1]),),
    )  # fmt: skip
    readings = tuple(
        ReadingRecord(_reading_id(row), _package_id(row.reader), row.reader, row.exam, row.position, False)
        for row in frame.itertuples()
    )
    return Material(
        study=study,
        opening=Opening(
            STUDY_ID, "blindread-pcg64-2", "0c" * 32, "ab" * 32,
            tuple(tuple(rows["exam"].unique()) for rows in groups),
            tuple(tuple(rows["reader"].unique()) for rows in groups), readings, True,
        ),
        exams=tuple(ExamRecord(exam.name, False, group_of_exam[exam.name], exam.facts) for exam in study.exams),
        readers=tuple(ReaderRecord(reader, None, group_of_reader[reader]) for reader in readers),
        collected=tuple(_collected(reader, rows) for reader, rows in frame.groupby("reader")),
        audit_end=AuditRow(77, "2026-03-09T09:30:00.000000Z", "A. Miller", "unblind", "study", "", "", "", "0" * 64,
                           "ef" * 32),
        unblinding=Unblinding(
            {_reading_id(row): ARMS[row.side_of_technician == "B"] for row in frame.itertuples()}, WHEN, "A. Miller", ""
        ),
    )  # fmt: skip


def without(material: Material, reader: str) -> Material:
    """The same, but that nothing of this reader came back."""
    return replace(material, collected=tuple(each for each in material.collected if each.reader != reader))


def _exam(number: int, name: str) -> Exam:
    facts = ExamFacts(
        subject=f"P{number // 2}", site=("Mayo", "TCIA")[number % 2], age=40.0 + number % 10, sex="MF"[number % 2],
        tumour_type="Glioblastoma" if number % 4 else "", study_date=f"{2000 + number % 5}",
    )  # fmt: skip
    path = Path("/exams") / name
    masks = {arm: ((path / f"{arm}.nii.gz",),) for arm in ARMS}
    return Exam(name, path / "t1c.nii.gz", path / "flair.nii.gz", masks, facts=facts)


def _reading_id(row: object) -> str:
    return f"{int(row.reader[1:]):08}{int(row.exam[1:]):08}"  # type: ignore[attr-defined]


def _package_id(reader: str) -> str:
    return f"{int(reader[1:]):016x}"


def _collected(reader: str, rows: pd.DataFrame) -> Collected:
    listed = list(rows.itertuples())
    question = source_guess(1)
    first = _reading_id(listed[0])
    asked = ClosingQuestion(
        "1" * 16, question.text, question.choices, question.confidence_text, question.confidence_choices, first
    )
    protocol = Protocol(STUDY_ID, "The frozen scores", "1", "balanced", closing_questions=(asked,))
    design = Design(
        _package_id(reader), reader, protocol,
        tuple(Reading(_reading_id(row), int(row.position), False) for row in listed),
    )  # fmt: skip
    choice = ("A", "B", "Don't know")[int(reader[1:]) % 3]
    results = Results(
        design=design, is_incomplete=False, answers={_reading_id(row): _answers(row) for row in listed},
        closing_answers={"1" * 16: ClosingAnswer(choice, "A guess")}, profile=None, receipt=None,
        events=tuple(event for row in listed for event in _events(row)), public_key="0" * 64,
    )  # fmt: skip
    return Collected(reader, _package_id(reader), f"results-{reader}.json", "aa" * 32, WHEN, "A. Miller", results)


def _sides(row: object) -> tuple[int, int]:
    pair = (int(row.score_technician), int(row.score_dl))  # type: ignore[attr-defined]
    return pair if row.side_of_technician == "A" else pair[::-1]  # type: ignore[attr-defined]


def _answers(row: object) -> ReadingAnswers:
    a, b = _sides(row)
    return ReadingAnswers(Answer(a), Answer(b))


def _events(row: object) -> list[Event]:
    """Both scores, and leaving after the seconds of the table."""
    head = ("2026-03-02T08:00:00.000000Z", 0, 0, "", "a" * 16, row.reader, "0.1", "1")  # type: ignore[attr-defined]
    reading = _reading_id(row)
    a, b = _sides(row)
    left = json.dumps({"active_ms": round(row.seconds * 1000), "left": "next", "visit": 1})  # type: ignore[attr-defined]
    return [
        Event(2, *head, "exam_opened", reading, new='{"visit":1}'),
        Event(3, *head, "score_set", reading, "A", "score", None, str(a), "slider"),
        Event(4, *head, "score_set", reading, "B", "score", None, str(b), "slider"),
        Event(5, *head, "exam_left", reading, new=left),
    ]
