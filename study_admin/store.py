"""The study as it is kept: every change is one transaction with its rows in the audit trail.

    with StudyStore.create(folder / "study.sqlite", study, who="A. Miller") as store:
        store.choose_groups({"R01": 2}, why="works at the second site")

What changes the study checks the stage it is allowed in, inside the transaction. Nothing is kept in memory: two
programs with one study see each other's changes, and the second of two writers waits for the first.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Row, update

from reader_app.session.canonical import FormatError
from reader_app.session.clock import Clock, now
from reader_app.session.results import Results, parse_results
from segmentation.errors import StudyError
from study_admin import schema
from study_admin.audit import Change, append, clean_name, clean_reason, head_of, read_audit
from study_admin.database import stored
from study_admin.database.connection import Database
from study_admin.database.errors import OvertakenError, damaged
from study_admin.database.forms import study_form
from study_admin.database.history import (
    CHANGES,
    CHOOSE,
    COLLECT,
    HAND_OUT,
    LOCK,
    NEW,
    OPEN,
    REPLACE,
    STUDY,
    UNBLIND,
    check_history,
    collected_form,
    opening_form,
    unblinding_form,
)
from study_admin.database.rules import check_complete, check_opening, check_room, check_sides, check_stage, fitting
from study_admin.design import Study
from study_admin.records import (
    AuditRow,
    Collected,
    ExamRecord,
    HandedOut,
    Opening,
    ReaderRecord,
    ReadingRecord,
    SourceFile,
    Stage,
    Unblinding,
)

T = TypeVar("T")


class StudyStore:
    """A study's database, open. Make one by `create` or `open`; it is a context manager.

    Everything raises StudyError if the database fails; then nothing was changed.
    """

    def __init__(self, database: Database, who: str, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._who = clean_name(who, "The name of who does this")
        self._parsed: dict[str, Results] = {}  # by SHA-256 of the bytes, which are verified once per opening

    @classmethod
    def create(cls, where: str | Path, study: Study, *, who: str, clock: Clock = now) -> Self:
        """Store a new study, in a file that isn't there yet or in an empty database given by its URL."""
        study.check()
        form, who = study_form(study), clean_name(who, "The name of who does this")
        with Database.create(where) as connection:
            stored.write_study(connection, study, {})
            append(connection, Change(NEW, STUDY, new=form), clock().utc, who)
        return cls.open(where, who=who, clock=clock)

    @classmethod
    def open(cls, where: str | Path, *, who: str, clock: Clock = now) -> Self:
        """A study by the path of its file or the URL of its database; `who` is the name in the audit trail.

        An older version is upgraded, with a backup of the file beside it. StudyError for anything that isn't a study
        of this version or an older one: that stays as it is.
        """
        return cls(Database.open(where), who, clock)

    def close(self) -> None:
        """Nothing is held between two calls but what was read."""
        self._parsed.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- what there is ---

    @property
    def stage(self) -> Stage:
        return self._read(stored.read_stage)

    @property
    def study(self) -> Study:
        """The design with its exams and readers, as it was given."""
        return self._read(stored.read_study)

    @property
    def opening(self) -> Opening | None:
        return self._read(stored.read_opening)

    @property
    def unblinding(self) -> Unblinding | None:
        return self._read(stored.read_unblinding)

    def exams(self) -> tuple[ExamRecord, ...]:
        return self._read(stored.read_exams)

    def readers(self) -> tuple[ReaderRecord, ...]:
        return self._read(stored.read_readers)

    def readings(self) -> tuple[ReadingRecord, ...]:
        """As the opening gave them; none before."""
        return self._read(stored.read_readings)

    def source_files(self) -> tuple[SourceFile, ...]:
        return self._read(stored.read_source_files)

    def handed_out(self) -> tuple[HandedOut, ...]:
        """The latest of each package."""
        return tuple({item.package_id: item for item in self._read(stored.read_handed_out)}.values())

    def collected(self) -> tuple[Collected, ...]:
        """The latest results of each package, in the order of the readers."""
        latest = {row.package_id: row for row in self._read(stored.read_collected)}
        order = [reader.code for reader in self.readers()]
        return tuple(self._collected(row) for row in sorted(latest.values(), key=lambda row: order.index(row.reader)))

    def collected_history(self, package_id: str) -> tuple[Collected, ...]:
        """All results that came for a package, first to latest."""
        rows = self._read(lambda connection: stored.read_collected(connection, package_id))
        return tuple(self._collected(row) for row in rows)

    def _collected(self, row: Row[Any]) -> Collected:
        if hashlib.sha256(row.content).hexdigest() != row.sha256:
            raise damaged(self._database.name, f"the results of {row.reader} are not as they came")
        if row.sha256 not in self._parsed:
            self._parsed[row.sha256] = parse_results(row.content, Path(row.file_name))
        return Collected(
            row.reader, row.package_id, row.file_name, row.sha256, stored.moment_of(row.utc), row.who,
            self._parsed[row.sha256],
        )  # fmt: skip

    def audit(self) -> tuple[AuditRow, ...]:
        return self._read(read_audit)

    def verify_audit(self) -> str:
        """The hash of the last row; StudyError naming the first altered one, or the tables that differ from it."""

        def verify(connection: Connection) -> str:
            rows = read_audit(connection)
            head = head_of(rows)
            check_history(connection, rows)
            return head

        return self._read(verify)

    def _read(self, read: Callable[[Connection], T]) -> T:
        with self._whole(), self._database.reading() as connection:
            return read(connection)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except FormatError as error:
            raise damaged(self._database.name, str(error)) from error

    # --- design ---

    def replace_study(self, study: Study, why: str = "") -> None:
        """Another design, other exams or readers; choices of groups that no longer fit are dropped."""
        study.check()
        form = study_form(study)
        with self._change(Stage.DRAFT) as change:
            before = study_form(stored.read_study(change.connection))
            chosen = stored.read_chosen(change.connection)
            kept = fitting(study, chosen)
            stored.write_study(change.connection, study, kept)
            change.add(REPLACE, STUDY, before, form, why)
            for reader in chosen.keys() - kept.keys():
                change.add(CHOOSE, reader, chosen[reader], None, "The new design has no room for it.")

    def choose_groups(self, choices: Mapping[str, int | None], why: str = "") -> None:
        """Put readers into groups by hand, or with None leave them to the draw; all of them or, on an error, none."""
        with self._change(Stage.DRAFT) as change:
            study, chosen = stored.read_study(change.connection), stored.read_chosen(change.connection)
            before = {reader: chosen.pop(reader, None) for reader in choices}
            for reader, group in choices.items():
                if reader not in study.readers:
                    raise StudyError(f"There is no reader {reader!r}.", remedy=f"There are {', '.join(study.readers)}.")
                if group is not None:
                    check_room(study, chosen, group)
                    chosen[reader] = group
                if group != before[reader]:
                    code = schema.reader.c.code
                    change.connection.execute(update(schema.reader).where(code == reader).values(chosen_group=group))
                    change.add(CHOOSE, reader, before[reader], group, why)

    # --- opening and handing out ---

    def open_study(
        self, checked: Study, files: Sequence[SourceFile], seal: Callable[[Mapping[str, int]], Opening]
    ) -> Opening:
        """Let `seal` draw the study, with the groups chosen by hand, and fix what it has drawn.

        All in one transaction: nobody else opens it meanwhile. StudyError if the design isn't any more the one that
        was checked, or unless each exam has exactly its readers and each reader exactly its exams.
        """
        with self._change(Stage.DRAFT) as change:
            study, chosen = stored.read_study(change.connection), stored.read_chosen(change.connection)
            if study_form(study) != study_form(checked):
                what = "The design was changed while its exams were checked."
                raise StudyError(what, remedy="Nothing was drawn. Look at the design, then open the study again.")
            opening = seal(chosen)
            check_opening(study, chosen, opening)
            stored.write_opening(change.connection, opening, files)
            change.add(OPEN, STUDY, None, opening_form(opening, files))
        return opening

    def record_handed_out(self, items: Sequence[HandedOut]) -> None:
        """Note packages as written; one that is noted already in the same place is no change."""
        with self._change(Stage.OPEN) as change:
            reader_of = {r.package_id: r.reader for r in stored.read_readings(change.connection)}
            known = {item.package_id: item for item in stored.read_handed_out(change.connection)}
            for item in items:
                old = known.get(item.package_id)
                if reader_of.get(item.package_id) != item.reader or (old and old.trail_head != item.trail_head):
                    what = f"The package of {item.reader} is not the one that this study drew."
                    raise StudyError(what, file=item.place, remedy="Export again, into an empty folder.")
                if item != old:
                    stored.write_handed_out(change.connection, item)
                    change.add(HAND_OUT, item.reader, old and asdict(old), asdict(item))

    # --- what came back ---

    def record_collected(self, content: bytes, results: Results, file_name: str, *, after: str | None) -> None:
        """Keep the bytes of a results file; `results` is what `parse_results` made of them.

        The latest again is no change. Whether they may replace what is there is for the caller to judge, who gives the
        SHA-256 of what was judged as `after`, None for nothing; OvertakenError if other results came meanwhile.
        """
        reader, package_id = results.design.reader_code, results.design.package_id
        name = clean_name(file_name, "The name of the results file")
        new = collected_form(package_id, name, hashlib.sha256(content).hexdigest())
        with self._change(Stage.OPEN) as change:
            reader_of = {item.package_id: item.reader for item in stored.read_handed_out(change.connection)}
            if reader_of.get(package_id) != reader:
                what = f"These results of {reader} answer no package of this study."
                raise StudyError(what, file=file_name, remedy="Ask the reader for the results of this study.")
            last = next(reversed(stored.read_collected(change.connection, package_id)), None)
            old = last and collected_form(last.package_id, last.file_name, last.sha256)
            if (last and last.sha256) not in (after, new["sha256"]):
                what = f"Other results of {reader} were collected at this moment."
                raise OvertakenError(what, file=file_name, remedy="Collect it again: it is compared with those.")
            if last is None or last.sha256 != new["sha256"]:
                row = {"reader": reader, "utc": change.utc, "who": change.who, "content": content}
                stored.write_collected(change.connection, new | row)
                change.add(COLLECT, reader, old, new)

    def lock(self, why: str = "") -> None:
        """Freeze what was collected; nothing comes in after it. With results missing it needs a reason."""
        why = clean_reason(why)
        with self._change(Stage.OPEN) as change:
            check_complete(self._missing(change.connection), why, "locked")
            stored.write_locking(change.connection, change.utc, self._who, why)
            change.add(LOCK, STUDY, why=why)

    def check_unblindable(self, reason: str = "") -> None:
        """Raises StudyError if `record_unblinding` would, the sides aside."""
        with self._whole(), self._database.reading() as connection:
            check_stage(stored.read_stage(connection), [Stage.LOCKED])
            check_complete(self._missing(connection), clean_reason(reason), "unblinded")

    def record_unblinding(self, arm_on_a: Mapping[str, str], reason: str = "") -> None:
        """Store which arm stood on side A; needs a reason unless every reader's results are here and signed off."""
        reason = clean_reason(reason)
        with self._change(Stage.LOCKED) as change:
            check_complete(self._missing(change.connection), reason, "unblinded")
            study = stored.read_study(change.connection)
            check_sides(study, stored.read_readings(change.connection), arm_on_a)
            stored.write_unblinding(change.connection, arm_on_a, change.utc, self._who, reason)
            change.add(UNBLIND, STUDY, None, unblinding_form(arm_on_a), reason)

    def missing(self) -> tuple[str, ...]:
        """What keeps the study from being complete, one phrase per reader."""
        return self._read(self._missing)

    def _missing(self, connection: Connection) -> tuple[str, ...]:
        latest = {row.reader: row for row in stored.read_collected(connection)}
        phrases = []
        for reader in stored.read_study(connection).readers:
            if reader not in latest:
                phrases.append(f"{reader} not collected")
            elif self._collected(latest[reader]).results.is_incomplete:
                phrases.append(f"{reader} not signed off")
        return tuple(phrases)

    # --- the rest of the trail ---

    def note(self, what: str, subject: str, new: object = None, why: str = "") -> None:
        """Add a row for an act that changes nothing here, such as tables written or a file refused."""
        what, subject = clean_name(what, "The name of an act"), clean_name(subject, "What it was done to")
        if what in CHANGES:
            raise ValueError(f"Not for note: {what!r}")
        with self._change(*Stage) as change:
            change.add(what, subject, None, new, why)

    @contextmanager
    def _change(self, *stages: Stage) -> Iterator["_Change"]:
        with self._whole(), self._database.writing() as connection:
            check_stage(stored.read_stage(connection), stages)
            yield _Change(connection, self._clock().utc, self._who)


@dataclass(frozen=True)
class _Change:
    """The transaction of one change."""

    connection: Connection
    utc: str
    who: str

    def add(self, what: str, subject: str, old: object = None, new: object = None, why: str = "") -> None:
        """Its row in the audit trail."""
        append(self.connection, Change(what, subject, old, new, why), self.utc, self.who)
