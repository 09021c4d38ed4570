"""What the tables are made from: the records of a study, put side by side once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reader_app.session.results import Results
from segmentation.errors import StudyError
from study_admin.design import ExamFacts, Study
from study_admin.records import AuditRow, Collected, ExamRecord, Opening, ReaderRecord, ReadingRecord, Unblinding
from study_admin.store import StudyStore


@dataclass(frozen=True)
class Material:
    """The records of an opened study. Exams and readers stand in the stored order, which gives exams their codes."""

    study: Study
    opening: Opening
    exams: tuple[ExamRecord, ...]
    readers: tuple[ReaderRecord, ...]
    collected: tuple[Collected, ...]
    audit_end: AuditRow  # the last row of the trail that all this was verified against
    unblinding: Unblinding | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """The two arms' names, first arm first; none before the unblinding."""
        return tuple(arm.name for arm in self.study.arms) if self.unblinding else ()

    @cached_property
    def exam_codes(self) -> Mapping[str, str]:
        """E001, E002 ... by exam name, for study exams: a code with a letter is a text to every program."""
        names = [exam.name for exam in self.exams if not exam.is_practice]
        width = max(3, len(str(len(names))))
        return {name: f"E{number:0{width}}" for number, name in enumerate(names, 1)}

    @cached_property
    def facts(self) -> Mapping[str, ExamFacts]:
        return {exam.name: exam.facts for exam in self.exams}

    @cached_property
    def group_of_exam(self) -> Mapping[str, str]:
        return {name: f"G{n}" for n, names in enumerate(self.opening.exam_groups, 1) for name in names}

    @cached_property
    def group_of_reader(self) -> Mapping[str, str]:
        return {code: f"G{n}" for n, codes in enumerate(self.opening.reader_groups, 1) for code in codes}

    @cached_property
    def readings(self) -> tuple[ReadingRecord, ...]:
        """What was due: the study's readings, reader by reader in their order. Practice is nowhere in the tables."""
        place = {reader.code: number for number, reader in enumerate(self.readers)}
        due = (reading for reading in self.opening.readings if not reading.is_practice)
        return tuple(sorted(due, key=lambda reading: (place[reading.reader], reading.position)))

    @cached_property
    def results(self) -> Mapping[str, Results]:
        """What came back, by reader."""
        return {collected.reader: collected.results for collected in self.collected}

    def arm_on(self, reading_id: str, side: str) -> str:
        """Which arm stood on a side; only after the unblinding."""
        assert self.unblinding
        first, second = self.arms
        is_first = (self.unblinding.arm_on_a[reading_id] == first) == (side == "A")
        return first if is_first else second


def gather(store: StudyStore) -> Material:
    """Everything that the tables need, verified against the audit trail.

    Raises StudyError before the opening, for nothing is due then; for a database that is not what its trail says; and
    if somebody changed the study meanwhile.
    """
    head = store.verify_audit()
    if store.opening is None:
        remedy = "Open the study first; tables can be written from then on, blinded until the unblinding."
        raise StudyError("The study is not open yet, so there is nothing to tabulate.", remedy=remedy)
    material = Material(
        study=store.study,
        opening=store.opening,
        exams=store.exams(),
        readers=store.readers(),
        collected=store.collected(),
        unblinding=store.unblinding,
        audit_end=store.audit()[-1],
    )
    if material.audit_end.hash != head:
        what = "The study was changed while its tables were put together; none were written."
        raise StudyError(what, remedy="Write them again.")
    return material
