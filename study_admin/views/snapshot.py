"""What the window shows of a study, read from its database in one go. Knows no Qt."""

from dataclasses import dataclass
from pathlib import Path

from study_admin.conduct import fingerprint_of, status
from study_admin.database.history import LOCK
from study_admin.design import Study
from study_admin.records import Collected, ExamRecord, HandedOut, Opening, ReaderRecord, Stage, Unblinding
from study_admin.standing import StageStatus
from study_admin.study_folder import StudyFolder


@dataclass(frozen=True)
class Snapshot:
    """A study as it stands; nothing in it tells a side before the unblinding."""

    stage: Stage
    stages: tuple[StageStatus, ...]
    study: Study
    exams: tuple[ExamRecord, ...]
    readers: tuple[ReaderRecord, ...]
    opening: Opening | None
    fingerprint: str  # empty before the opening
    handed_out: tuple[HandedOut, ...]
    collected: tuple[Collected, ...]
    missing: tuple[str, ...]  # sessions, one phrase per reader
    lock_reason: str  # why it was locked without them; empty if none was missing, or it isn't locked
    unblinding: Unblinding | None

    @property
    def exams_folder(self) -> Path | None:
        """The folder that holds one sub-folder per exam."""
        return self.study.exams[0].t1c.parent.parent if self.study.exams else None

    @property
    def readers_without_package(self) -> tuple[str, ...]:
        written = {item.reader for item in self.handed_out}
        return tuple(reader.code for reader in self.readers if reader.code not in written)


def take_snapshot(folder: StudyFolder) -> Snapshot:
    """Read everything; raises StudyError if the study can't be opened."""
    with folder.store() as store:
        opening = store.opening
        return Snapshot(
            stage=store.stage,
            stages=status(folder),
            study=store.study,
            exams=store.exams(),
            readers=store.readers(),
            opening=opening,
            fingerprint=fingerprint_of(opening) if opening else "",
            handed_out=store.handed_out(),
            collected=store.collected(),
            missing=store.missing() if opening else (),
            lock_reason=next((row.why for row in reversed(store.audit()) if row.what == LOCK), ""),
            unblinding=store.unblinding,
        )
