"""The conduct of a study, step by step: what each command of `study-admin` and each button of its window does.

A step opens the study database, does one thing, and leaves it closed. All that is refused is refused before anything
is written, and every change of the database carries its row in the audit trail.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

from reader_app.session.package import fingerprint
from segmentation.errors import StudyError
from study_admin import collection, progress, tables
from study_admin.blinding.export import KEY, Sealing, seal_study, source_files, write_packages
from study_admin.blinding.unblinding import open_sides
from study_admin.collection import Verdict
from study_admin.design import ExamFacts, Study, StudyProblemsError
from study_admin.progress import ReaderProgress
from study_admin.records import AuditRow, HandedOut, Opening, Stage, Unblinding
from study_admin.standing import StageStatus, count, stages
from study_admin.store import StudyStore
from study_admin.study_file import read_study_file
from study_admin.study_folder import StudyFolder, check_place, exams_folder, replacing, with_exams_in, write_study
from study_admin.survey import Survey, check_exams, survey

Progress = Callable[[int, int], None]  # steps done, steps in all; may raise to cancel


def _silent(done: int, total: int) -> None:
    """Shows nothing."""


# --- design ---


def new_study(
    folder: Path,
    design: Path,
    exams: Path,
    *,
    facts: Path | None = None,
    database: str = "",
    who: str = "",
    progress: Progress = _silent,
) -> Survey:
    """Check a design and its exams, voxels and all, and write the study's folder if nothing is wrong.

    Raises `StudyProblemsError` with every problem.
    """
    check_place(folder, exams, database)
    found = _sound_survey(design, exams, facts, progress)
    assert found.study is not None
    write_study(folder, design, found.study, database=database, who=who)
    return found


def update_study(
    folder: StudyFolder,
    design: Path,
    exams: Path | None = None,
    *,
    facts: Path | None = None,
    who: str = "",
    why: str = "",
    progress: Progress = _silent,
) -> Survey:
    """Replace the design and the exams of a study that has not been opened yet; the exams may stay where they are."""
    with folder.store(who) as store:
        _need(store, Stage.DRAFT, "The design can't be changed any more: the study is {}.")
        old = store.study
        found = _sound_survey(design, exams or exams_folder(old), facts, progress)
        assert found.study is not None
        if any(exam.facts != ExamFacts() for exam in old.exams) and all(
            exam.facts == ExamFacts() for exam in found.study.exams
        ):
            remedy = "Name the file with --facts, or put it into the exams' folder as exams.csv."
            raise StudyError("What exams.csv told of the exams would be lost.", remedy=remedy)
        with replacing(folder.design, design):
            store.replace_study(found.study, why)
    return found


def _sound_survey(design: Path, exams: Path, facts: Path | None, progress: Progress) -> Survey:
    found = survey(read_study_file(design), exams.absolute(), progress, facts_file=facts)
    if found.all_problems:
        raise StudyProblemsError(found.all_problems)
    return found


def choose_groups(folder: StudyFolder, choices: Mapping[str, int | None], *, who: str = "", why: str = "") -> None:
    """Put readers into groups by hand, or back among those who are drawn; until the study opens."""
    with folder.store(who) as store:
        store.choose_groups(choices, why)


def matrix_lines(folder: StudyFolder) -> tuple[str, ...]:
    """The groups as text: after the opening who reads what with whom, before it what is planned and chosen."""
    with folder.store() as store:
        opening, study = store.opening, store.study
        if opening is not None:
            pairs = zip(opening.reader_groups, opening.exam_groups, strict=True)
            return tuple(
                f"group {number}: {', '.join(readers)} read {count(len(exams), 'exam')}: {', '.join(exams)}"
                for number, (readers, exams) in enumerate(pairs, 1)
            )
        chosen: dict[int, list[str]] = {}
        for reader in store.readers():
            chosen.setdefault(reader.chosen_group or 0, []).append(reader.code)
    lines = [
        f"group {number}: {count(size.readers, 'reader')} × {count(size.exams, 'exam')}"
        + (f"; by hand: {', '.join(chosen[number])}" if number in chosen else "")
        for number, size in enumerate(study.group_sizes, 1)
    ]
    return (*lines, f"to be drawn when the study opens: {', '.join(chosen.get(0, [])) or 'nobody'}")


# --- seal and hand out ---


def open_study(folder: StudyFolder, sealing: Sealing, *, who: str = "", progress: Progress = _silent) -> Opening:
    """Check everything once more, draw, seal the key, and fix the design for good."""
    sealing.check()
    with folder.store(who) as store:
        _need(store, Stage.DRAFT, "The study can't be opened: it is {} already.")
        store.verify_audit()  # what was altered in secret mustn't become the design
        study = store.study
        study.check()
        _check_exams_are_there(study, "Name the folder they are in now: `study-admin update STUDY --exams DIR`.")
        steps = 2 * len(study.exams)
        problems = check_exams(study, lambda done, total: progress(done, steps))
        if problems:
            raise StudyProblemsError(problems)
        files = source_files(study, lambda done, total: progress(len(study.exams) + done, steps))

        sealed = []

        def seal(chosen: Mapping[str, int]) -> Opening:
            _set_aside(folder.keys)
            sealed.append(seal_study(study, chosen, folder.keys, sealing, files))
            return sealed[0]

        try:
            opening = store.open_study(study, files, seal)
        except BaseException:
            if sealed and store.stage is Stage.DRAFT:  # the database said no: the key is of no study
                rmtree(folder.keys)
            raise
    return opening


def _set_aside(keys: Path) -> None:
    """Keys of an opening that was interrupted before the database knew of it: nothing was handed out under them.

    Only while the database is held and says that the study isn't open.
    """
    number = 1
    while keys.exists():
        unused = keys.with_name(f"{keys.name}-unused-{number}")
        if not unused.exists():
            keys.rename(unused)
        number += 1


def export_packages(
    folder: StudyFolder,
    passphrase: str,
    *,
    out: Path | None = None,
    keys: Path | None = None,
    exams: Path | None = None,
    readers: Sequence[str] = (),
    as_files: bool = False,
    who: str = "",
    progress: Progress = _silent,
) -> tuple[HandedOut, ...]:
    """Write the readers' packages: those that are there already and genuine stay, so that it can be run again.

    `exams` is the folder of the exams if it was moved since the opening.
    """
    with folder.store(who) as store:
        opening = _opening(store)
        remedy = "Make a new study for more readings."
        _need(store, Stage.OPEN, "No package is written any more: the study is {}.", remedy)
        study = with_exams_in(store.study, exams) if exams else store.study
        _check_exams_are_there(study, "Name the folder they are in now: `study-admin export STUDY --exams DIR`.")
        with _key_in_use(store, "export"):
            return write_packages(
                study,
                opening,
                keys or folder.keys,
                passphrase,
                out or folder.packages,
                readers=tuple(readers) or None,
                as_files=as_files,
                progress=progress,
                files=store.source_files(),
                done_with=lambda item: store.record_handed_out([item]),
            )


def _check_exams_are_there(study: Study, remedy: str) -> None:
    place = exams_folder(study)
    if not place.is_dir():
        raise StudyError("The folder of the exams is gone.", file=place, remedy=remedy)


# --- follow and collect ---


def follow(folder: StudyFolder, places: Sequence[Path] = ()) -> tuple[ReaderProgress, ...]:
    """How far each reader is, from the packages that were exported, from `places`, and from what was collected."""
    with folder.store() as store:
        default = [folder.packages] if folder.packages.is_dir() else []
        return progress.progress(store, [*default, *places])


def collect(
    folder: StudyFolder, paths: Sequence[Path], *, who: str = "", progress: Progress = _silent
) -> tuple[Verdict, ...]:
    """Take results back, each after it was verified; a sentence for each file."""
    with folder.store(who) as store:
        _opening(store)
        remedy = "Results that come late can't be counted any more; keep the file."
        _need(store, Stage.OPEN, "Nothing is collected any more: the study is {}.", remedy)
        return collection.collect(store, paths, progress)


# --- lock and unblind ---


def lock(folder: StudyFolder, *, why: str = "", who: str = "") -> None:
    """Freeze the study; with sessions missing it needs a reason, for they can't be collected afterwards."""
    with folder.store(who) as store:
        _opening(store)
        _need(store, Stage.OPEN, "The study can't be locked: it is {} already.")
        store.verify_audit()
        store.lock(why)


def check_unblindable(folder: StudyFolder, reason: str) -> None:
    """Raises StudyError if `unblind` would, passphrase and key aside."""
    with folder.store() as store:
        _check_unblindable(store, reason)


def _check_unblindable(store: StudyStore, reason: str) -> Opening:
    opening = _opening(store)
    is_done = store.stage is Stage.UNBLINDED
    remedy = "Write its tables." if is_done else "Lock it first, when the last results are in."
    _need(store, Stage.LOCKED, "The study can't be unblinded: it is {}.", remedy)
    store.verify_audit()
    store.check_unblindable(reason)
    return opening


def unblind(
    folder: StudyFolder, passphrase: str, *, key: Path | None = None, reason: str = "", who: str = ""
) -> Unblinding:
    """Open the sealed key, check it against the commitment, and record which arm stood where."""
    with folder.store(who) as store:
        opening = _check_unblindable(store, reason)
        with _key_in_use(store, "unblind"):
            key = key or folder.keys / KEY
            arm_on_a = open_sides(key, passphrase, opening, store.study, store.source_files())
        store.record_unblinding(arm_on_a, reason)
        assert store.unblinding is not None
        return store.unblinding


@contextmanager
def _key_in_use(store: StudyStore, purpose: str) -> Iterator[None]:
    """Whoever opens the sealed key, or tries to, is on record."""
    try:
        yield
    except BaseException as error:
        with suppress(StudyError):  # on a full disk, say: what went wrong first is told
            store.note("use key", purpose, str(error) or "interrupted")
        raise
    store.note("use key", purpose, "opened")


# --- tables and trail ---


def write_tables(
    folder: StudyFolder, out: Path | None = None, *, who: str = "", progress: Progress = _silent
) -> tuple[Path, ...]:
    """Write the score tables into a new folder; with sides before the unblinding, with arms after it."""
    with folder.store(who) as store:
        _opening(store)
        kind = "tables" if store.stage is Stage.UNBLINDED else "blinded-tables"
        place = out or folder.tables / f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        return _on_record(store, "write tables", place, tables.write_tables(store, place, progress))


def write_report(
    folder: StudyFolder,
    out: Path | None = None,
    *,
    who: str = "",
    progress: Progress = _silent,
    with_pdf: bool = True,
) -> tuple[Path, ...]:
    """Write the report of an unblinded study into a new folder; as PDF, too, where the computer can."""
    from study_admin.report import document  # figures and statistics take a second that no other step needs

    with folder.store(who) as store:
        place = out or folder.reports / f"report-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        written = document.write_report(store, place, progress, with_pdf=with_pdf)
        return _on_record(store, "write report", place, written)


def _on_record(store: StudyStore, what: str, place: Path, written: tuple[Path, ...]) -> tuple[Path, ...]:
    """Note what was written; what the trail can't know of doesn't stay."""
    try:
        store.note(what, place.name, "\n".join(sorted(path.name for path in written)))
    except StudyError:
        rmtree(place)
        raise
    return written


def audit(folder: StudyFolder) -> tuple[tuple[AuditRow, ...], str]:
    """The audit trail, and the hash it ends in; StudyError names the first row that was altered."""
    with folder.store() as store:
        return store.audit(), store.verify_audit()


def status(folder: StudyFolder) -> tuple[StageStatus, ...]:
    """The seven stages from Exams to Results."""
    with folder.store() as store:
        return stages(store)


def fingerprint_of(opening: Opening) -> str:
    """What the invitation carries and the reader app shows."""
    return fingerprint(opening.public_key)


def _opening(store: StudyStore) -> Opening:
    if store.opening is None:
        raise StudyError("The study isn't open yet.", remedy="Seal and open it first (`study-admin open`).")
    return store.opening


def _need(store: StudyStore, stage: Stage, what: str, remedy: str = "Nothing has to be done.") -> None:
    if store.stage is not stage:
        raise StudyError(what.format(store.stage.value), remedy=remedy)
