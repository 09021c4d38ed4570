"""Recording, rules of the study, sign-off, and what comes back after closing."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reader_app.session.clock import Moment
from reader_app.session.model import (
    Answer,
    ClosingAnswer,
    ReaderProfile,
    ReadingAnswers,
    Revision,
    Side,
    Status,
)
from reader_app.session.package import Package, open_package, verify_package
from reader_app.session.store import SessionStore, create_session
from segmentation.errors import StudyError
from tests.reader_app.making import make_package, make_protocol, make_readings
from tests.reader_app.session.conftest import SHAPE, open_store, read_all


def types(store: SessionStore) -> list[str]:
    return [event.type for event in store.events()]


def rows(package: Package, query: str) -> list[tuple[object, ...]]:
    """By a plain SQLite shell, as it were; the store must be closed."""
    connection = sqlite3.connect(package.session)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_scores_are_set_changed_and_cleared(package: Package) -> None:
    with open_store(package) as store:
        reading_id = store.readings[1].reading_id
        assert store.answers(reading_id).a.score is None
        assert store.last_saved_utc is None
        for value in (0, 7, 7, None, None, 10):
            store.record_score(reading_id, Side.A, value, how="slider")
        assert store.answers(reading_id).a.score == 10
        assert store.answers(reading_id).b.score is None
        assert store.status(reading_id) is Status.PARTLY
        assert store.last_saved_utc
        recorded = [(e.type, e.old, e.new, e.reason) for e in store.events() if e.field == "score"]
    assert recorded == [
        ("score_set", None, "0", "slider"),
        ("score_changed", "0", "7", "slider"),
        ("score_cleared", "7", None, "slider"),
        ("score_set", None, "10", "slider"),
    ]
    assert rows(package, "SELECT * FROM score") == [(reading_id, "A", 10)]


def test_of_a_score_and_a_reason_for_none_the_last_word_counts(store: SessionStore) -> None:
    reading_id = store.readings[1].reading_id
    store.record_score(reading_id, Side.A, 5, how="key")
    store.record_cannot_score(reading_id, Side.A, "cut off")
    assert store.answers(reading_id).a == Answer(None, "cut off")
    store.record_score(reading_id, Side.A, 6, how="key")
    assert store.answers(reading_id).a == Answer(6)
    store.record_cannot_score(reading_id, None, "wrong patient")
    assert store.answers(reading_id) == ReadingAnswers(cannot_score="wrong patient")
    store.record_score(reading_id, Side.B, 7, how="key")
    assert store.answers(reading_id) == ReadingAnswers(b=Answer(7))
    assert [e.type for e in store.events() if e.reading_id] == [
        "score_set", "score_cleared", "cannot_score", "cannot_score", "score_set",
        "score_cleared", "cannot_score", "cannot_score", "score_set",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [-1, 11, 7.0, "7", True, float("nan")])
def test_what_is_no_score_is_a_bug(store: SessionStore, value: int) -> None:
    before = len(types(store))
    with pytest.raises(ValueError, match="Not a score"):
        store.record_score(store.readings[0].reading_id, Side.A, value, how="key")
    assert len(types(store)) == before


def test_unknown_readings_and_events_are_bugs(store: SessionStore) -> None:
    for act in (
        lambda: store.record_score("f" * 16, Side.A, 3, how="key"),
        lambda: store.answers("f" * 16),
        lambda: store.record_event("score_set", reading_id=store.readings[0].reading_id),
        lambda: store.record_event("view", new="{not json"),
        lambda: store.record_closing_answer("f" * 16, "A", None),
        lambda: store.record_closing_answer(store.protocol.closing_questions[0].question_id, "C", None),
        lambda: store.record_closing_answer(store.protocol.closing_questions[0].question_id, "A", "hardly"),
    ):
        with pytest.raises(ValueError):
            act()


def test_all_comes_back(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
        store.record_cannot_score(store.readings[2].reading_id, None, "motion")
        store.save_view({"zoom": 1.5, "cursor_vox": [1, 2, 3], "layout": "both layers"})
        before = [store.answers(r.reading_id) for r in store.readings]
    with open_store(package) as store:
        assert [store.answers(r.reading_id) for r in store.readings] == before
        assert before[1].b.comment == "Oedema,\nnot tumour – größer"
        assert before[2].cannot_score == "motion"
        assert store.view() == {"zoom": 1.5, "cursor_vox": [1, 2, 3], "layout": "both layers"}
        assert store.profile == ReaderProfile("neuroradiology", 9, "S1", "A. Reader")
        assert set(store.closing_answers().values()) == {ClosingAnswer("B", "sure")}
        assert "crash_recovered" not in types(store)


def test_remarks_complete_a_side_or_an_exam(store: SessionStore) -> None:
    first, second = store.readings[1:3]
    store.record_score(first.reading_id, Side.A, 5, how="key")
    store.record_cannot_score(first.reading_id, Side.B, "motion")
    store.record_cannot_score(second.reading_id, None, "wrong patient")
    assert store.status(first.reading_id) is store.status(second.reading_id) is Status.SCORED
    store.record_cannot_score(second.reading_id, None, None)
    store.record_cannot_score(second.reading_id, None, " ")
    store.record_comment(second.reading_id, None, "x")
    store.record_comment(second.reading_id, None, "")
    assert store.status(second.reading_id) is Status.UNSCORED
    assert not store.answers(second.reading_id).has_comment
    assert types(store).count("cannot_score") == 3


def test_unseen_characters_are_refused_in_a_sentence(store: SessionStore) -> None:
    with pytest.raises(StudyError, match=r"cannot be shown \(U\+202E\)"):
        store.record_comment(store.readings[0].reading_id, None, "\u202egnp.exe")
    with pytest.raises(StudyError, match="2001 characters"):
        store.record_comment(store.readings[0].reading_id, None, "x" * 2_001)
    with pytest.raises(StudyError, match="81 years"):
        store.record_profile(ReaderProfile("", 81, "", "A"))
    with pytest.raises(StudyError):
        store.record_profile(ReaderProfile("", 8, "", "A\0"))


def test_text_is_data(package: Package) -> None:
    text = "'); DROP TABLE score; -- \" ' ; <b>=1+1</b> %s {0}"
    with open_store(package) as store:
        store.record_comment(store.readings[0].reading_id, Side.A, text)
    assert rows(package, "SELECT content FROM remark") == [(text,)]


def test_practice_is_passed_over_once_reading_has_begun(store: SessionStore) -> None:
    practice, first, second, _ = store.readings
    assert store.first_unscored() == practice
    store.record_score(first.reading_id, Side.A, 5, how="key")
    assert store.first_unscored() == first
    store.record_score(first.reading_id, Side.B, 5, how="key")
    assert store.first_unscored() == second


def test_all_scored_leaves_nothing_unscored(store: SessionStore) -> None:
    read_all(store)
    assert store.first_unscored() is None


@pytest.fixture
def until_next(tmp_path: Path) -> Package:
    protocol = make_protocol(revision=Revision.UNTIL_NEXT)
    return open_package(make_package(tmp_path / "until-next", 2, 0, protocol, SHAPE))


def test_next_freezes_a_complete_exam(until_next: Package) -> None:
    with open_store(until_next) as store:
        reading_id = store.readings[0].reading_id
        store.record_score(reading_id, Side.A, 5, how="key")
        store.mark_left(reading_id)  # B is missing: it stays open, or the study could not be ended
        assert not store.is_frozen(reading_id)
        store.record_score(reading_id, Side.B, 6, how="key")
        store.record_score(reading_id, Side.B, 7, how="key")
        store.mark_left(reading_id)
        store.mark_left(reading_id)
    with open_store(until_next) as store:
        assert store.is_frozen(reading_id)
        assert types(store).count("frozen") == 1
        for act in (
            lambda: store.record_score(reading_id, Side.A, 4, how="key"),
            lambda: store.record_score(reading_id, Side.A, None, how="clear"),
            lambda: store.record_comment(reading_id, None, "late"),
            lambda: store.record_cannot_score(reading_id, Side.A, "late"),
        ):
            with pytest.raises(StudyError, match="final"):
                act()
        store.record_score(store.readings[1].reading_id, Side.A, 4, how="key")


def test_next_freezes_nothing_where_the_protocol_says_so(store: SessionStore) -> None:
    read_all(store)
    store.mark_left(store.readings[1].reading_id)
    store.record_score(store.readings[1].reading_id, Side.A, 9, how="key")


def test_sign_off_wants_everything(store: SessionStore) -> None:
    with pytest.raises(StudyError, match="exam 1, exam 2, exam 3, closing question 1, closing question 2"):
        store.sign_off("A. Reader", "done")
    read_all(store)
    store.record_score(store.readings[0].reading_id, Side.A, None, how="clear")  # practice may have gaps
    with pytest.raises(StudyError, match="name"):
        store.sign_off(" ", "done")
    receipt = store.sign_off("A. Reader", "I have read them all")
    assert (receipt.count, receipt.name, len(receipt.code)) == (3, "A. Reader", 8)
    assert receipt == store.receipt


def test_after_sign_off_nothing_changes(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
        receipt = store.sign_off("A. Reader", "I have read them all")
    reading_id = package.manifest.readings[1].reading_id
    with open_store(package) as store:
        assert store.is_signed_off
        assert store.receipt == receipt
        for act in (
            lambda: store.record_score(reading_id, Side.A, 4, how="key"),
            lambda: store.record_score(reading_id, Side.A, 4, how="key"),
            lambda: store.record_comment(reading_id, None, "late"),
            lambda: store.record_cannot_score(reading_id, None, "late"),
            lambda: store.record_closing_answer(store.protocol.closing_questions[0].question_id, "A", None),
            lambda: store.record_profile(ReaderProfile("x", 1, "x", "x")),
            lambda: store.record_event("view", reading_id=reading_id),
            lambda: store.mark_left(reading_id),
            lambda: store.sign_off("B. Reader", "again"),
        ):
            with pytest.raises(StudyError, match="signed off"):
                act()
    assert verify_package(package.folder) == []


def test_the_database_itself_refuses_to_rewrite_history(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
    for statement in ("UPDATE event SET new = '9' WHERE seq = 5", "DELETE FROM event WHERE seq = 5",
                      "DELETE FROM reading", "UPDATE package SET reader_code = 'R02'",
                      "INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 5"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            rows(package, statement)


def test_a_clock_that_runs_backwards_is_noted_and_changes_no_order(package: Package) -> None:
    ticks = iter(range(1_000))
    utc = ["2026-11-24T12:00:00.000000Z"]
    with open_store(package, clock=lambda: Moment(utc[0], 3600, next(ticks))) as store:
        store.record_score(store.readings[0].reading_id, Side.A, 5, how="key")
        utc[0] = "2020-01-01T00:00:00.000000Z"
        store.record_score(store.readings[0].reading_id, Side.A, 6, how="key")
        store.record_score(store.readings[0].reading_id, Side.A, 7, how="key")
        assert store.last_saved_utc == datetime(2020, 1, 1, tzinfo=UTC)
    with open_store(package) as store:
        events = list(store.events())
    assert [e.type for e in events].count("clock_back") == 1
    noted = next(e for e in events if e.type == "clock_back")
    assert (json.loads(noted.old or ""), json.loads(noted.new or "")) == ("2026-11-24T12:00:00.000000Z", utc[0])
    assert [e.new for e in events if e.field == "score"] == ["5", "6", "7"]


def test_the_key_is_made_once_per_computer(package: Package, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with open_store(package) as store:
            first = store.public_key
    (key,) = (home / "keys").iterdir()
    assert key.name == f"{package.manifest.package_id}.key"
    assert key.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("BLINDREAD_HOME", str(home.with_name("other computer")))
    with open_store(package) as store:
        assert store.public_key != first
        assert types(store).count("install") == 2


def test_a_damaged_key_is_a_sentence(package: Package, home: Path) -> None:
    open_store(package).close()
    key = home / "keys" / f"{package.manifest.package_id}.key"
    key.write_text("not a key")
    with pytest.raises(StudyError, match="damaged") as caught:
        open_store(package)
    assert caught.value.file == key


def test_equal_designs_give_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        create_session(
            tmp_path / name,
            package_id="a" * 16,
            reader_code="R01",
            protocol=make_protocol(),
            readings=make_readings(20, 2),
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_session_is_made_that_could_not_be_opened(tmp_path: Path) -> None:
    one, two = make_readings(2, 0)
    for change in (
        {"readings": (one, one)},
        {"readings": (two, one)},
        {"readings": ()},
        {"readings": (replace(one, reading_id="../../etc/passwd"),)},
        {"package_id": "A" * 16},
        {"reader_code": "R 01"},
        {"protocol": replace(make_protocol(), title="")},
        {"protocol": replace(make_protocol(), layers=("T1c", "A"))},
    ):
        design = {"package_id": "a" * 16, "reader_code": "R01", "protocol": make_protocol(), "readings": (one, two)}
        with pytest.raises(StudyError):
            create_session(tmp_path / "session.sqlite", **(design | change))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
