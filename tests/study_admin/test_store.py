"""The study in its database: what comes back, what each stage allows, and what a failing disk leaves.

With BLINDREAD_TEST_DATABASE, the URL of an empty PostgreSQL database, the tests that need no file run there.
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reader_app.session.results import read_results
from segmentation.errors import StudyError
from study_admin.database import sqlite_file
from study_admin.database.errors import OvertakenError
from study_admin.records import ExamRecord, ReaderRecord, Stage
from study_admin.store import StudyStore
from tests.study_admin.kept_study import (
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
