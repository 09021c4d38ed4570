"""What the study database holds, as plain values: what progress, collection and tables work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reader_app.session.results import Results
from study_admin.design import ExamFacts


class Stage(StrEnum):
    """How far a study is; it never goes back."""

    DRAFT = "draft"  # design, exams and groups may change
    OPEN = "open"  # drawn and sealed; packages go out, results come back
    LOCKED = "locked"  # nothing is collected any more
    UNBLINDED = "unblinded"


@dataclass(frozen=True)
class ExamRecord:
    """An exam; `group` counts from 1 and is None before the study opens, and for practice exams always."""

    name: str
    is_practice: bool
    group: int | None
    facts: ExamFacts


@dataclass(frozen=True)
class ReaderRecord:
    """A reader; `chosen_group` is the coordinator's choice before the draw, `group` what holds since the opening."""

    code: str
    chosen_group: int | None
    group: int | None


@dataclass(frozen=True)
class ReadingRecord:
    """One reading as handed out: which exam it is, and not a word of its sides."""

    reading_id: str
    package_id: str
    reader: str
    exam: str
    position: int  # from 1, practice and study exams counted apart
    is_practice: bool


@dataclass(frozen=True)
class Opening:
    """What is fixed, and may be known, since the study opened."""

    study_id: str
    algorithm: str
    commitment: str
    public_key: str
    exam_groups: tuple[tuple[str, ...], ...]  # study exams by group
    reader_groups: tuple[tuple[str, ...], ...]
    readings: tuple[ReadingRecord, ...]
    has_third_copy: bool


@dataclass(frozen=True)
class SourceFile:
    """A file of an exam as it was when the study opened; the hash never leaves the coordinator's side."""

    exam: str
    role: str  # "T1c", "FLAIR", "brain mask", "arm <name>", or "arm <name> 1.2": compartment, technician
    path: str
    sha256: str


@dataclass(frozen=True)
class HandedOut:
    """A reader's package as it was written."""

    reader: str
    package_id: str
    trail_head: str  # hash of its first event, which holds its whole design
    place: str


@dataclass(frozen=True)
class Collected:
    """A reader's results as they came back; `results` were read and verified again from the stored bytes."""

    reader: str
    package_id: str
    file_name: str
    sha256: str
    utc: datetime
    who: str
    results: Results


@dataclass(frozen=True)
class Unblinding:
    """Which arm stood on side A, by reading; with the circumstances."""

    arm_on_a: Mapping[str, str]
    utc: datetime
    who: str
    reason: str  # empty if all sessions had been collected and signed off


@dataclass(frozen=True)
class AuditRow:
    """One change of the study database. `old` and `new` are canonical JSON texts, or empty."""

    seq: int
    utc: str  # as in a session's trail
    who: str
    what: str  # the act: "new", "choose group", "open", "hand out", "collect", "lock", "unblind" ...
    subject: str  # what it was done to: a reader, an exam, a package, or "study"
    old: str
    new: str
    why: str
    prev_hash: str
    hash: str
