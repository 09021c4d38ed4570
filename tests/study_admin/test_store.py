"""The study in its database: what comes back, what each stage allows, and what a failing disk leaves.

With BLINDREAD_TEST_DATABASE, the URL of an empty PostgreSQL database, the tests that need no file run there.
"""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine

from reader_app.session.results import read_results
from segmentation.errors import StudyError
from study_admin import store as store_module
from study_admin.database import sqlite_file
from study_admin.database.errors import OvertakenError
from study_admin.records import ExamRecord, Opening, ReaderRecord, Stage
from study_admin.store import StudyStore
from tests.study_admin.kept_study import (
    EXAM_GROUPS,
    READERS,
    WHO,
    arms_on_a,
    collect_all,
    handed_out,
    make_files,
    make_opening,
    make_store,
    make_study,
    open_and_hand_out,
    open_by_draw,
    package_id,
    results_of,
    whole_study,
    with_exams,
)

SERVER = os.environ.get("BLINDREAD_TEST_DATABASE", "")


@pytest.fixture
def where(tmp_path: Path) -> str:
    if not SERVER:
        return str(tmp_path / "study.sqlite")
    with create_engine(SERVER, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    return SERVER


# --- what comes back ---


def test_every_part_of_a_study_comes_back(where: str) -> None:
    with make_store(where):
        pass
    with StudyStore.open(where, who=WHO) as store:
        assert store.study == make_study()
        assert store.stage is Stage.DRAFT
        assert store.opening is None
        assert store.unblinding is None
        assert store.readers()[0] == ReaderRecord("R01", None, None)
        assert store.exams()[1] == ExamRecord("case02", False, None, make_study().exams[1].facts)
        assert store.readings() == store.source_files() == store.handed_out() == store.collected() == ()


def test_a_whole_study_comes_back(where: str, tmp_path: Path) -> None:
    whole_study(where, tmp_path).close()
    opening = make_opening()
    with StudyStore.open(where, who=WHO) as store:
        assert store.stage is Stage.UNBLINDED
        assert store.opening == opening
        assert store.readings() == opening.readings
        assert store.source_files() == make_files()
        assert store.handed_out() == tuple(handed_out(reader) for reader in READERS)
        assert store.readers() == (
            ReaderRecord("R01", 2, 2), ReaderRecord("R02", None, 1), ReaderRecord("R03", None, 1),
            ReaderRecord("R04", None, 2),
        )  # fmt: skip
        assert [(exam.name, exam.group) for exam in store.exams()] == [
            ("case01", None), ("case02", 1), ("case03", 1), ("case04", 2), ("case05", 2),
        ]  # fmt: skip
        assert [item.reader for item in store.collected()] == list(READERS)
        assert [item.results for item in store.collected()] == [
            read_results(tmp_path / f"results-{reader}-{package_id(reader)}.json") for reader in READERS
        ]
        assert store.unblinding
        assert store.unblinding.arm_on_a == arms_on_a(opening)
        assert (store.unblinding.who, store.unblinding.reason) == (WHO, "")


def test_the_design_can_be_read_with_any_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        ((design,),) = connection.execute("SELECT design FROM study")
        ((exam,),) = connection.execute("SELECT content FROM exam WHERE name = 'case02'")
    assert json.loads(design)["arms"][1] == {"name": "machine", "patterns": ["machine.nii.gz"], "is_consensus": False}
    assert json.loads(exam)["masks"]["machine"] == [[str(Path("/exams/case02/machine.nii.gz"))]]


def test_the_settings_are_those_that_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    with sqlite_file.file_engine(path).execution_options(begin="BEGIN").begin() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("synchronous", "journal_mode", "foreign_keys", "trusted_schema", "cell_size_check")
        }
    expected = {
        "synchronous": 3,
        "journal_mode": "delete",
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }
    assert found == expected  # 3: EXTRA


# --- creating ---


def test_a_study_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    path.write_text("mine")
    with pytest.raises(StudyError, match="There is a file already"):
        make_store(path)
    assert path.read_text() == "mine"


def test_a_second_study_never_enters_a_database(where: str) -> None:
    make_store(where).close()
    with pytest.raises(StudyError, match="already"):
        make_store(where)


def test_a_study_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "_SETTINGS", (*sqlite_file._SETTINGS, "max_page_count = 20"))
    with pytest.raises(StudyError, match=r"study\.sqlite: .*the disk is full"):
        make_store(tmp_path / "study.sqlite")
    with pytest.raises(StudyError, match="Two readers have the code"):
        StudyStore.create(tmp_path / "study.sqlite", replace(make_study(), readers=("R01", "r01")), who=WHO)
    with pytest.raises(StudyError, match="it is empty"):
        StudyStore.create(tmp_path / "study.sqlite", make_study(), who=" ")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StudyError, match=r"nowhere: No study can be written"):
        make_store(tmp_path / "nowhere" / "study.sqlite")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "can't be kept"),
        ("sqlite:///:memory:", "can't be kept"),
        ("mysql://user:secret@host/study", "can't be kept"),
        ("nonsense://x:y:z@@", "database"),
        ("postgresql+nodriver://user:secret@host/study", "not installed"),
    ],
)
def test_an_address_of_no_use_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(StudyError, match=words) as refusal:
        StudyStore.open(url, who=WHO)
    assert "secret" not in str(refusal.value)


def test_the_url_of_a_file_is_its_path(tmp_path: Path) -> None:
    make_store(f"sqlite:///{tmp_path / 'a study.sqlite'}").close()
    assert StudyStore.open(tmp_path / "a study.sqlite", who=WHO).study == make_study()


# --- design ---


def test_groups_are_chosen_while_there_is_room(where: str) -> None:
    with make_store(where) as store:
        store.choose_groups({"R01": 2})
        store.choose_groups({"R02": 2})
        for reader, group, words in (
            ("R03", 2, "Group 2 is full: R01, R02"),
            ("R03", 3, "There is no group 3"),
            ("R03", 0, "There is no group 0"),
            ("R09", 1, "There is no reader 'R09'"),
        ):
            with pytest.raises(StudyError, match=words):
                store.choose_groups({reader: group})
        store.choose_groups({"R01": None})
        store.choose_groups({"R03": 2})
        assert [reader.chosen_group for reader in store.readers()] == [None, 2, 2, None]


def test_another_design_keeps_the_choices_that_fit(where: str) -> None:
    with make_store(where) as store:
        store.choose_groups({"R01": 1})
        store.choose_groups({"R02": 2})
        other = with_exams(make_study(), 3)
        store.replace_study(other, why="one exam was withdrawn")
        assert store.study == other
        assert [reader.chosen_group for reader in store.readers()] == [1, None, None, None]
        assert [(row.what, row.subject, row.old, row.new) for row in store.audit()[-1:]] == [
            ("choose group", "R02", "2", "")
        ]
        store.verify_audit()


# --- stages ---


def stage_draft(store: StudyStore, folder: Path) -> None:
    pass


def stage_open(store: StudyStore, folder: Path) -> None:
    open_and_hand_out(store)


def stage_locked(store: StudyStore, folder: Path) -> None:
    open_and_hand_out(store)
    store.lock("for the test")


def stage_unblinded(store: StudyStore, folder: Path) -> None:
    stage_locked(store, folder)
    store.record_unblinding(arms_on_a(make_opening()), "a pilot")


ACTS: dict[str, Callable[[StudyStore, Path], None]] = {
    "replace": lambda store, folder: store.replace_study(make_study()),
    "choose": lambda store, folder: store.choose_groups({"R01": 2}),
    "open": lambda store, folder: open_by_draw(store, make_opening()),
    "hand out": lambda store, folder: store.record_handed_out([replace(handed_out("R01"), place="elsewhere")]),
    "collect": lambda store, folder: store.record_collected(*results_of("R01", folder), "results.json", after=None),
    "lock": lambda store, folder: store.lock("for the test"),
    "unblind": lambda store, folder: store.record_unblinding(arms_on_a(make_opening()), "a pilot"),
}


@pytest.mark.parametrize(
    ("reach", "allowed", "sentence"),
    [
        (stage_draft, {"replace", "choose", "open"}, "has not been opened yet"),
        (stage_open, {"hand out", "collect", "lock"}, "has been opened: its design|not locked yet"),
        (stage_locked, {"unblind"}, "has been opened: its design|is locked: nothing is handed out or collected"),
        (stage_unblinded, set(), "was unblinded already"),
    ],
)
def test_each_stage_allows_its_acts_and_no_other(
    where: str,
    tmp_path: Path,
    reach: Callable[[StudyStore, Path], None],
    allowed: set[str],
    sentence: str,
) -> None:
    with make_store(where) as store:
        reach(store, tmp_path)
        before = store.audit()
        for act in ACTS.keys() - allowed:
            with pytest.raises(StudyError, match=sentence):
                ACTS[act](store, tmp_path)
        assert store.audit() == before
        for act in [act for act in ACTS if act in allowed]:
            ACTS[act](store, tmp_path)
        store.verify_audit()


def _without_last_reading(opening: Opening) -> Opening:
    return replace(opening, readings=opening.readings[:-1])


def _one_exam_of_the_other_group(opening: Opening) -> Opening:
    *rest, last = opening.readings
    return replace(opening, readings=(*rest, replace(last, exam="case02")))


def _practice_as_study(opening: Opening) -> Opening:
    first, *rest = opening.readings
    return replace(opening, readings=(replace(first, is_practice=False, position=3), *rest))


def _unequal_groups(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R03", "R04"), ("R01",)))


def _an_exam_in_both_groups(opening: Opening) -> Opening:
    return replace(opening, exam_groups=(EXAM_GROUPS[0], ("case03", "case04")))


def _a_strange_reader(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R03"), ("R05", "R01")))


def _one_package_for_two(opening: Opening) -> Opening:
    return replace(opening, readings=tuple(replace(r, package_id="0" * 16) for r in opening.readings))


def _a_reading_of_nobody(opening: Opening) -> Opening:
    last = opening.readings[-1]
    return replace(opening, readings=(*opening.readings, replace(last, reading_id="9" * 16, reader="R09")))


def _against_a_choice(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R01"), ("R04", "R03")))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_last_reading, "R04 was not drawn exactly the exams"),
        (_one_exam_of_the_other_group, "R04 was not drawn exactly the exams"),
        (_practice_as_study, "R01 was not drawn exactly the exams"),
        (_unequal_groups, "groups of readers"),
        (_an_exam_in_both_groups, "groups of exams"),
        (_a_strange_reader, "groups of readers"),
        (_one_package_for_two, "one package for each reader"),
        (_a_reading_of_nobody, "a reading of nobody"),
        (_against_a_choice, "R01 was put into group 2"),
    ],
)
def test_a_study_opens_only_if_each_has_exactly_its_own(
    where: str, spoil: Callable[[Opening], Opening], words: str
) -> None:
    with make_store(where) as store:
        store.choose_groups({"R01": 2})
        with pytest.raises(StudyError, match=words):
            open_by_draw(store, spoil(make_opening()))
        assert store.stage is Stage.DRAFT
        assert store.readings() == store.source_files() == ()
        open_by_draw(store, make_opening())


# --- handing out and collecting ---


def test_a_package_is_noted_once_for_each_place(where: str) -> None:
    with make_store(where) as store:
        open_and_hand_out(store)
        before = len(store.audit())
        store.record_handed_out([handed_out("R01")])
        assert len(store.audit()) == before
        elsewhere = replace(handed_out("R01"), place="/media/stick/R01")
        store.record_handed_out([elsewhere])
        assert len(store.audit()) == before + 1
        assert [item.place for item in store.handed_out() if item.reader == "R01"] == ["/media/stick/R01"]
        for strange in (handed_out("R01", head="2e" * 32), replace(handed_out("R01"), reader="R02")):
            with pytest.raises(StudyError, match="is not the one that this study drew"):
                store.record_handed_out([replace(handed_out("R03"), place="never noted"), strange])
        assert "never noted" not in {item.place for item in store.handed_out()}


def test_results_are_kept_as_they_came_and_all_of_them(where: str, tmp_path: Path) -> None:
    with make_store(where) as store:
        open_and_hand_out(store)
        first, results = results_of("R03", tmp_path, exams=1)
        store.record_collected(first, results, "results.json", after=None)
        store.record_collected(first, results, "the same.json", after=None)
        assert [item.results.is_incomplete for item in store.collected()] == [True]
        later, results = results_of("R03", tmp_path)
        store.record_collected(later, results, "results (1).json", after=hashlib.sha256(first).hexdigest())
        assert [item.file_name for item in store.collected_history(package_id("R03"))] == [
            "results.json", "results (1).json",
        ]  # fmt: skip
        (latest,) = store.collected()
        assert latest.results == results
        assert not latest.results.is_incomplete
        assert (latest.reader, latest.who) == ("R03", WHO)


def test_results_judged_against_what_is_not_the_latest_any_more_are_not_taken(where: str, tmp_path: Path) -> None:
    with make_store(where) as store:
        open_and_hand_out(store)
        first, early = results_of("R03", tmp_path, exams=1)
        later, signed = results_of("R03", tmp_path)
        store.record_collected(later, signed, "by another program.json", after=None)
        with pytest.raises(OvertakenError, match="Other results of R03 were collected at this moment"):
            store.record_collected(first, early, "results.json", after=None)
        (latest,) = store.collected()
        assert not latest.results.is_incomplete


def test_a_design_that_was_changed_while_it_was_checked_is_not_opened(where: str) -> None:
    with make_store(where) as store:
        checked = store.study
        store.replace_study(replace(checked, question="Another question?"))
        with pytest.raises(StudyError, match="The design was changed while its exams were checked"):
            store.open_study(checked, make_files(), lambda chosen: pytest.fail("was drawn"))
        assert store.stage is Stage.DRAFT


def test_results_of_another_study_are_refused(where: str, tmp_path: Path) -> None:
    with make_store(where) as store:
        open_by_draw(store, make_opening())
        store.record_handed_out([handed_out("R01")])
        content, results = results_of("R02", tmp_path)  # drawn, and never handed out
        with pytest.raises(StudyError, match=r"results\.json: .*answer no package"):
            store.record_collected(content, results, "results.json", after=None)
        assert store.collected() == ()


# --- unblinding ---


def test_unblinding_needs_all_signed_results_or_a_reason(where: str, tmp_path: Path) -> None:
    with make_store(where) as store:
        open_and_hand_out(store)
        collect_all_but = [reader for reader in READERS if reader != "R02"]
        for reader in collect_all_but:
            store.record_collected(
                *results_of(reader, tmp_path, exams=1 if reader == "R04" else None), "results.json", after=None
            )
        with pytest.raises(StudyError, match=r"can't be locked yet: R02 not collected, R04 not signed off\."):
            store.lock(" ")
        store.lock("two have left the hospital")
        with pytest.raises(StudyError, match=r"can't be unblinded yet: R02 not collected, R04 not signed off\."):
            store.record_unblinding(arms_on_a(make_opening()), " ")
        assert store.stage is Stage.LOCKED
        store.record_unblinding(arms_on_a(make_opening()), "two have left the hospital")
        assert store.unblinding
        assert store.unblinding.reason == "two have left the hospital"


def test_unblinding_takes_the_sides_of_this_study_only(where: str, tmp_path: Path) -> None:
    sides = arms_on_a(make_opening())
    last = make_opening().readings[-1].reading_id
    with make_store(where) as store:
        open_and_hand_out(store)
        collect_all(store, tmp_path)
        store.lock("for the test")
        missing = {reading_id: arm for reading_id, arm in sides.items() if reading_id != last}
        for strange in (missing, sides | {"9" * 16: "hand"}, sides | {last: "deep"}, {}):
            with pytest.raises(StudyError, match="not those of this study's readings"):
                store.record_unblinding(strange)
        assert store.unblinding is None
        store.record_unblinding(sides)


# --- two at once, and a disk that fails ---


def test_a_second_writer_waits(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with make_store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=store.note, args=("verify", "study"))
        waiting.start()
        time.sleep(0.2)
        other.execute("COMMIT")
        waiting.join()
        assert store.audit()[-1].what == "verify"


def test_a_second_writer_that_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    monkeypatch.setattr(sqlite_file, "_WAIT_S", 0.05)
    with StudyStore.open(path, who=WHO) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StudyError, match=r"study\.sqlite: Nothing was changed: another program keeps"):
            store.note("verify", "study")
        other.execute("COMMIT")
        store.note("verify", "study")


def test_a_store_opened_in_another_thread_frees_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSIX frees a process's locks on a file when it closes any handle of it."""
    path = tmp_path / "study.sqlite"
    begin = (
        f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"
    )
    with make_store(path) as store:
        append = store_module.append

        def append_while_others_come(*arguments: Any) -> None:
            append(*arguments)
            opener.start()
            opener.join(0.3)
            done = subprocess.run([sys.executable, "-c", begin, str(path)], check=False, capture_output=True, text=True)
            assert "database is locked" in done.stderr

        opener = threading.Thread(target=StudyStore.open, args=(path,), kwargs={"who": WHO})
        monkeypatch.setattr(store_module, "append", append_while_others_come)
        store.note("verify", "study")
        opener.join()
        store.verify_audit()


WRITER = """
import sys
from study_admin.store import StudyStore
store = StudyStore.open(sys.argv[1], who=sys.argv[2])
for number in range(int(sys.argv[3])):
    store.note("note", "study", number)
    print(number, flush=True)
"""


def _writer(where: str, who: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, where, who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def test_several_programs_make_one_chain(where: str) -> None:
    with make_store(where) as store:
        writers = [_writer(where, f"writer {number}", 15) for number in range(3)]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
        for writer in writers:
            writer.communicate()
        assert len(store.audit()) == 1 + 3 * 15
        store.verify_audit()
        for number in range(3):
            rows = [row.new for row in store.audit() if row.who == f"writer {number}"]
            assert rows == [str(note) for note in range(15)]


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_what_was_acknowledged_survives_kill_9(where: str) -> None:
    acknowledged = 0
    make_store(where).close()
    for life in range(5):
        writer = _writer(where, f"life {life}", 10_000)
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(3 + 7 * life)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.communicate()[0].splitlines()
        acknowledged += len(lines)
        with StudyStore.open(where, who=WHO) as store:
            found = len(store.audit()) - 1
            assert acknowledged <= found <= acknowledged + 1  # the last may be there without its word
            acknowledged = found
            store.verify_audit()


def test_a_full_disk_changes_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    before = path.read_bytes()
    settings = sqlite_file._SETTINGS
    monkeypatch.setattr(sqlite_file, "_SETTINGS", (*settings, f"max_page_count = {len(before) // 4096 + 1}"))
    with StudyStore.open(path, who=WHO) as store:
        with pytest.raises(StudyError, match=r"Nothing was changed: the disk is full\. Free some space"):
            open_by_draw(store, make_opening(), [replace(f, path=f.path + "x" * 9_000) for f in make_files()])
        assert path.read_bytes() == before
        monkeypatch.setattr(sqlite_file, "_SETTINGS", settings)
        open_by_draw(store, make_opening())
        store.verify_audit()


def test_a_file_that_went_away_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with make_store(path) as store:
        path.rename(tmp_path / "moved.sqlite")
        with pytest.raises(StudyError, match=r"study\.sqlite: Nothing was changed: the file or its folder is gone"):
            store.note("verify", "study")
        with pytest.raises(StudyError, match=r"study\.sqlite: .* gone"):
            _ = store.study
        assert not path.exists()


@pytest.mark.parametrize(
    ("reach", "acts"),
    [
        (stage_draft, ("replace", "choose", "open")),
        (stage_open, ("hand out", "collect", "lock")),
        (stage_locked, ("unblind",)),
    ],
)
def test_a_change_without_its_row_in_the_trail_does_not_happen(
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reach: Callable[[StudyStore, Path], None],
    acts: tuple[str, ...],
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("no row today")

    with make_store(where) as store:
        reach(store, tmp_path)
        stage, before = store.stage, store.audit()
        monkeypatch.setattr(store_module, "append", fail)
        for act in acts:
            with pytest.raises(ArithmeticError, match="no row today"):
                ACTS[act](store, tmp_path)
            assert (store.stage, store.audit()) == (stage, before)
            store.verify_audit()  # the tables are what the trail says
