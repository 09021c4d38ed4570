"""How far each reader is: from wherever the newest state lies, without a lock, and without a trace of a score."""

import shutil
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reader_app.session.model import ReaderProfile, Reading, Side
from reader_app.session.package import open_package
from reader_app.session.store import SessionStore
from segmentation.errors import StudyError
from study_admin import progress as module
from study_admin.collection import collect
from study_admin.design import Arm, Study
from study_admin.exams import find_exams
from study_admin.progress import ReaderProgress, progress
from study_admin.store import StudyStore
from tests.reader_app.making import make_package
from tests.study_admin.running_study import copy_of, hand_out
from tests.study_admin.scripted_readers import active_ms, read_package

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_out(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(handed_out: Path, tmp_path: Path) -> Path:
    return copy_of(handed_out, tmp_path / "study")


@pytest.fixture
def packages(study: Path) -> Path:
    return study / "packages"


@pytest.fixture
def store(study: Path) -> Iterator[StudyStore]:
    with StudyStore.open(study / "study.sqlite", who="A. Coordinator") as store:
        yield store


def five(position: int, side: Side) -> int:
    return 5


def rows(store: StudyStore, *folders: Path) -> dict[str, ReaderProgress]:
    return {row.reader: row for row in progress(store, folders)}


def median_s(readings: list[Reading]) -> float:
    """As the scripted reader took for them, by its own account."""
    return statistics.median(active_ms(reading) for reading in readings) / 1000


def test_before_anyone_has_begun(store: StudyStore, packages: Path) -> None:
    nothing = "Nothing seen of it since it was handed out."
    expected = [
        ReaderProgress(reader, 1, "", 0, 1, 0, 3, None, None, False, False, "", nothing) for reader in ("R01", "R02")
    ]
    assert list(progress(store, [packages])) == list(progress(store)) == expected


def test_a_study_that_is_not_open_yet(study: Path, tmp_path: Path) -> None:
    arms = (Arm("by hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
    draft = Study(arms=arms, exams=find_exams(study / "exams", arms), readers=("R01",))
    with StudyStore.create(tmp_path / "draft.sqlite", draft, who="me") as store:
        (row,) = progress(store)
    assert (row.group, row.due, row.note) == (None, 0, "No package yet.")


def test_in_the_middle_of_reading(store: StudyStore, packages: Path) -> None:
    read_package(packages / "R01", five, exams=2, profile=ReaderProfile("Neuroradiology", 9, "Oslo", "Ada"))
    row = rows(store, packages)["R01"]
    read = [r for r in open_package(packages / "R01").manifest.readings if not r.is_practice and r.position <= 2]
    assert (row.practice_done, row.practice_due, row.scored, row.due) == (1, 1, 2, 3)
    assert (row.site, row.group, row.is_signed_off, row.is_collected) == ("Oslo", 1, False, False)
    assert (row.source, row.note) == ("package", "")
    assert row.median_active_s == median_s(read)
    # the scripted reader begins on 2 March 2026 at 8:00; practice and two exams take 40 to 104 s each
    assert row.last_activity
    assert datetime(2026, 3, 2, 8, 2, tzinfo=UTC) < row.last_activity < datetime(2026, 3, 2, 8, 6, tzinfo=UTC)
    assert rows(store, packages)["R02"].source == ""


def test_an_exam_with_one_side_scored_is_not_done(store: StudyStore, packages: Path) -> None:
    package = open_package(packages / "R01")
    with SessionStore.open(package.session, package.manifest, app_version="0.1") as session:
        session.record_score(package.manifest.readings[1].reading_id, Side.A, 5, how="key")
    assert rows(store, packages)["R01"].scored == 0
    with SessionStore.open(package.session, package.manifest, app_version="0.1") as session:
        session.record_cannot_score(package.manifest.readings[1].reading_id, Side.B, "motion")
    row = rows(store, packages)["R01"]
    assert row.scored == 1
    assert row.median_active_s is None  # no visit was ended


def test_two_visits_of_one_exam_are_added(store: StudyStore, packages: Path) -> None:
    package = open_package(packages / "R01")
    first = package.manifest.readings[1].reading_id
    with SessionStore.open(package.session, package.manifest, app_version="0.1") as session:
        for side in Side:
            session.record_score(first, side, 5, how="key")
        for new in (
            '{"active_ms":4000}',
            '{"active_ms":2500}',
            '{"active_ms":-7}',
            '{"active_ms":true}',
            '{"a":1}',
            "[]",
        ):
            session.record_event("exam_left", reading_id=first, new=new)
    assert rows(store, packages)["R01"].median_active_s == 6.5


def test_results_files_count_as_well(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    read_package(packages / "R01", five, to=inbox)
    row = rows(store, inbox)["R01"]
    assert (row.source, row.scored, row.is_signed_off, row.is_collected) == ("results file", 3, True, False)


def test_the_newest_state_counts_wherever_it_is(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(packages, tmp_path / "old"))
    path = read_package(packages / "R01", five, exams=1, to=tmp_path)
    collect(store, [path])
    row = rows(store)["R01"]
    assert (row.source, row.scored, row.is_collected) == ("database", 1, True)
    row = rows(store, old, packages)["R01"]  # the package holds the end of the sitting, too, but no answer beyond
    assert (row.source, row.scored, row.is_collected) == ("package", 1, True)
    read_package(packages / "R01", five)
    row = rows(store, packages, old)["R01"]
    assert (row.scored, row.is_signed_off, row.is_collected) == (3, True, False)
    collect(store, [packages])
    row = rows(store, packages)["R01"]
    assert (row.is_signed_off, row.is_collected, row.note) == (True, True, "")


def test_a_trail_that_went_another_way_is_noted(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(packages, tmp_path / "copy"))
    collect(store, [read_package(packages / "R01", five)])
    read_package(copy / "R01", five, exams=1)
    read_package(copy / "R01", five)
    # the first row is the design; the second tells of the opening, which each copy had for itself
    told = "From row 2 on the trail in this {} differs"
    # a copy holds the results file, too, which ends where the package's trail does or before
    assert f"{copy / 'R01/session.sqlite'}: {told.format('package')}" in rows(store, copy)["R01"].note
    inbox = tmp_path / "in\nbox"
    inbox.mkdir()
    path = next((copy / "R01").glob("results-*.json")).rename(inbox / "results-R01.json")
    shown = str(path).replace("\n", " ")
    assert f"{shown}: {told.format('results file')}" in rows(store, inbox)["R01"].note


def test_of_other_studies_nothing_is_said(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    before = progress(store, [packages])
    other = make_package(packages / "other", 2, 1)
    read_package(other, five)
    assert progress(store, [packages]) == before


def test_a_package_that_somebody_else_made_is_noted(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    package_id = next(item.package_id for item in store.handed_out() if item.reader == "R01")
    other = make_package(tmp_path / "more/R01", 2, 1, package_id=package_id)
    read_package(other, five)
    row = rows(store, tmp_path / "more")["R01"]
    told = f"{other / 'session.sqlite'}: This is not of the package that was handed out."
    assert row.scored == 0 and told in row.note


def test_a_damaged_session_is_noted_and_the_others_are_shown(store: StudyStore, packages: Path) -> None:
    for reader in ("R01", "R02"):
        read_package(packages / reader, five)
        (next((packages / reader).glob("results-*.json"))).unlink()
    path = packages / "R01/session.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(4096) + data[8192:])
    found = rows(store, packages)
    assert found["R01"].note == f"{path}: Its session file is damaged." and found["R01"].scored == 0
    assert (found["R02"].note, found["R02"].scored) == ("", 3)


def test_a_folder_that_is_not_there_is_one_sentence(store: StudyStore, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="nowhere"):
        progress(store, [tmp_path / "nowhere"])


def test_the_table_knows_no_scores(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    """Two readers who differ in their scores alone have equal rows."""
    copy = Path(shutil.copytree(packages, tmp_path / "copy"))
    read_package(packages / "R01", lambda position, side: 0)
    read_package(copy / "R01", lambda position, side: 10 if side is Side.A else 9)
    assert progress(store, [packages]) == progress(store, [copy])
    names = {field.name for field in fields(ReaderProgress)}
    assert not names & {"arm", "side", "score", "scores", "mean"}


# --- sessions in use ---

READING = """
import sys
from pathlib import Path
from reader_app.session.model import Side
from reader_app.session.package import open_package
from reader_app.session.store import SessionStore
package = open_package(Path(sys.argv[1]))
readings = [r.reading_id for r in package.manifest.readings]
with SessionStore.open(package.session, package.manifest, app_version="0.1") as store:
    for reading_id in readings:
        for side in Side:
            store.record_score(reading_id, side, 5, how="key")
        print("scored", flush=True)
        sys.stdin.readline()
"""


def test_a_reader_at_work_is_neither_locked_out_nor_in_the_way(store: StudyStore, packages: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READING, str(packages / "R01")], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        for scored in range(4):  # one practice exam, then three
            assert process.stdout.readline() == "scored\n"
            row = rows(store, packages)["R01"]
            assert (row.practice_done, row.scored, row.note) == (1, scored, "")
            process.stdin.write("\n")
            process.stdin.flush()
        assert process.wait(60) == 0
    assert rows(store, packages)["R01"].scored == 3


def test_in_the_middle_of_a_save_the_state_before_is_shown(store: StudyStore, packages: Path, tmp_path: Path) -> None:
    """The files are copied while pages of an unfinished save lie on the disk, as a crash would leave them."""
    read_package(packages / "R01", five, exams=1)
    session, middle = packages / "R01/session.sqlite", Path(shutil.copytree(packages / "R01", tmp_path / "middle/R01"))
    (next(middle.glob("results-*.json"))).unlink()
    with closing(sqlite3.connect(session, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")  # so that pages go to the file before COMMIT
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE filling (content)")
        connection.executemany("INSERT INTO filling VALUES (?)", [("x" * 3000,)] * 200)
        for name in ("session.sqlite", "session.sqlite-journal"):
            shutil.copyfile(session.with_name(name), middle / name)
        connection.execute("ROLLBACK")
    torn, journal = (middle / "session.sqlite").read_bytes(), (middle / "session.sqlite-journal").read_bytes()
    assert torn != session.read_bytes() and any(journal[:8])
    row = rows(store, tmp_path / "middle")["R01"]
    assert (row.scored, row.note, row.source) == (1, "", "package")
    # and what is the reader's stays untouched
    assert (middle / "session.sqlite").read_bytes() == torn
    assert (middle / "session.sqlite-journal").read_bytes() == journal
    # without the journal the same bytes are no state at all
    (middle / "session.sqlite-journal").unlink()
    row = rows(store, tmp_path / "middle")["R01"]
    assert row.scored == 0 and "damaged" in row.note


def test_a_session_that_changes_at_every_look_is_being_saved(
    store: StudyStore, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (packages / "R01/session.sqlite").read_bytes()
    looks = iter(range(1, 100))
    monkeypatch.setattr(module, "_PAUSE_S", 0)
    monkeypatch.setattr(module, "read_session_bytes", lambda path: whole[:4096] + bytes([next(looks)]) * 4096)
    note = rows(store, packages)["R01"].note
    assert "being saved just now" in note and "damaged" not in note
