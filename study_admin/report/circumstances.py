"""What surrounds the scores: which study, what was due and came back, what departed from the plan."""

import hashlib
import json
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from reader_app.session.model import Side
from study_admin.database.history import CHOOSE, COLLECT, LOCK, REPLACE, UNBLIND
from study_admin.design import source_guess
from study_admin.records import AuditRow
from study_admin.statistics.blinding_indices import BLINDING, Guess
from study_admin.statistics.estimates import NotEstimable
from study_admin.tables.circumstances import design_table
from study_admin.tables.columns import Table
from study_admin.tables.csv_files import write_long
from study_admin.tables.material import Material

REFUSE = "refuse"
_LIBRARIES = ("blindread", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn")
_UNREAD = ("unscored", "not_collected")
_ACTS = {
    REPLACE: "design changed before the opening",
    CHOOSE: "group of a reader chosen by hand",
    COLLECT: "results replaced by later ones of the same reader",
    REFUSE: "results file refused",
    LOCK: "locked although results were missing",
    UNBLIND: "unblinded although results were missing",
}


@dataclass(frozen=True)
class Provenance:
    """Where the scores are from and under which rules they are analysed.

    A table from elsewhere has a name, `table`, and `notes` of how it was read; what only a study has is empty.
    """

    title: str
    version: str
    study_id: str
    study_type: str
    question: str
    arms: tuple[str, str]  # differences are the second minus the first
    scale: tuple[int, int]
    alpha: float
    level: float  # of the confidence intervals called ci: 1 - alpha
    margin: float | None
    data_sha256: str  # of long.csv, or of the table that was given
    algorithm: str
    commitment: str
    audit_head: str
    audit_rows: int
    unblinded_utc: str
    software: Mapping[str, str]
    asked_arm: str = ""  # the one whose side readers were asked to guess
    table: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReaderFlow:
    """One reader's readings; `statuses` counts them by the words of design.csv."""

    reader: str
    group: str
    due: int | NotEstimable
    read: int
    complete: int
    missing: int  # due, or in the table, without both scores
    statuses: Mapping[str, int]


@dataclass(frozen=True)
class Flow:
    """Readings from what was due to the complete pairs, which the analyses take; practice is nowhere.

    `listed` have a row in the table of scores, which of a study are all that were due; `crossed` there would be if
    each reader of a group read each exam of it. A table does not tell what was due.
    """

    groups: int
    readers: int
    exams: int
    readers_collected: int | NotEstimable
    readers_signed_off: int | NotEstimable
    due: int | NotEstimable
    listed: int
    crossed: int
    read: int
    complete: int
    missing: int
    missing_share: float
    by_reader: tuple[ReaderFlow, ...]


@dataclass(frozen=True)
class Deviation:
    """An act of the audit trail that a reviewer should know of, and the reason that was given for it."""

    utc: str
    act: str
    subject: str
    why: str


def software() -> dict[str, str]:
    return {"Python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}


def provenance(material: Material, long: Table) -> Provenance:
    study, opening, unblinding = material.study, material.opening, material.unblinding
    first, second = material.arms
    return Provenance(
        title=study.title, version=study.version, study_id=opening.study_id, study_type=study.study_type.value,
        question=study.question, arms=(first, second), scale=(study.scale.minimum, study.scale.maximum),
        alpha=study.alpha, level=1 - study.alpha, margin=study.non_inferiority_margin,
        data_sha256=_sha256(long, material),
        algorithm=opening.algorithm, commitment=opening.commitment, audit_head=material.audit_end.hash,
        audit_rows=material.audit_end.seq, unblinded_utc=f"{unblinding.utc:%Y-%m-%d %H:%M}" if unblinding else "",
        software=software(),
        asked_arm=asked_arm(material),
    )  # fmt: skip


def flow(material: Material) -> Flow:
    design = design_table(material).frame
    readers = [_flow_of(record.code, material, design) for record in material.readers]
    due = len(design)
    read, complete = (sum(getattr(each, name) for each in readers) for name in ("read", "complete"))
    opening = material.opening
    return Flow(
        groups=len(opening.reader_groups), readers=len(readers), exams=len(material.exam_codes),
        readers_collected=len(material.results),
        readers_signed_off=sum(not results.is_incomplete for results in material.results.values()),
        due=due, listed=due,
        crossed=sum(len(names) * len(codes) for names, codes in zip(
            opening.exam_groups, opening.reader_groups, strict=True)),
        read=read, complete=complete, missing=due - complete,
        missing_share=(due - complete) / due if due else 0.0, by_reader=tuple(readers),
    )  # fmt: skip


def _flow_of(reader: str, material: Material, design: pd.DataFrame) -> ReaderFlow:
    statuses = design.loc[design["reader"] == reader, "status"].value_counts()
    counts = {str(status): int(count) for status, count in sorted(statuses.items())}
    due, complete = sum(counts.values()), counts.get("scored", 0)
    return ReaderFlow(
        reader=reader, group=material.group_of_reader[reader], due=due,
        read=due - sum(counts.get(status, 0) for status in _UNREAD), complete=complete, missing=due - complete,
        statuses=counts,
    )  # fmt: skip


def asked_arm(material: Material) -> str:
    """The arm whose side readers were asked for after the last score; empty if the study names none."""
    return next((question.asks_for for question in material.study.closing if question.asks_for), "")


def guesses(material: Material) -> tuple[Guess, ...] | NotEstimable:
    """Answers to the closing questions that ask for an arm, as the study's design has it.

    Other questions with the choices A and B may ask for anything, so they are no guesses.
    """
    arm = asked_arm(material)
    texts = {question.text for question in material.study.closing if question.asks_for}
    if not texts and any(question.text == source_guess(1).text for question in material.study.closing):
        return NotEstimable(BLINDING, "the study does not say which of the arms a computer drew")
    counted = {reading.reading_id for reading in material.readings}
    found = []
    for reader, results in sorted(material.results.items()):
        for question in results.design.protocol.closing_questions:
            answer = results.closing_answers.get(question.question_id)
            if question.text not in texts or answer is None or question.reading_id not in counted:
                continue
            truth = next(side.value for side in Side if material.arm_on(question.reading_id, side) == arm)
            found.append(Guess(reader, answer.choice if answer.choice in list(Side) else None, truth))
    return tuple(found)


def deviations(trail: Sequence[AuditRow]) -> tuple[Deviation, ...]:
    """Departures in the order in which they happened."""
    return tuple(_deviations(trail))


def _deviations(trail: Sequence[AuditRow]) -> Iterator[Deviation]:
    for row in trail:
        if row.what not in _ACTS or (row.what in (LOCK, UNBLIND) and not row.why):
            continue
        if row.what == COLLECT and not (row.old and json.loads(row.old)):
            continue
        why = row.why or (str(json.loads(row.new)) if row.what == REFUSE and row.new else "")
        yield Deviation(row.utc[:16].replace("T", " "), _ACTS[row.what], row.subject, why)


def _sha256(long: Table, material: Material) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.csv"
        write_long(long, material.study.scale, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
