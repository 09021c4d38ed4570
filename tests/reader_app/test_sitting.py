"""The rules of a sitting on a real session: what comes next, what is recorded, what survives."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reader_app.session.model import Answer, ReaderProfile, Revision, Side, Status
from reader_app.session.package import open_package
from reader_app.session.store import SessionStore
from reader_app.sitting import Sitting, Stage
from segmentation.errors import StudyError
from tests.reader_app.making import make_package, make_protocol, reading_id

PROFILE = ReaderProfile("Neuroradiology", 12, "S1", "Ada Example")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def sit_down(folder: Path, clock: Clock | None = None) -> Sitting:
    package = open_package(folder)
    store = SessionStore.open(package.session, package.manifest, app_version="test")
    return Sitting(store, package, clock or Clock())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One practice exam, three that count, two closing questions."""
    return make_package(tmp_path / "package", protocol=make_protocol(questions=2))


@pytest.fixture
def sitting(folder: Path) -> Iterator[Sitting]:
    made = sit_down(folder)
    yield made
    made.store.close()


def score_all(sitting: Sitting) -> None:
    for reading in sitting.readings:
        sitting.open(reading)
        for side in Side:
            sitting.score(side, 7, "key")


def trail(sitting: Sitting, *types: str) -> list[tuple[str, str | None]]:
    return [(event.type, event.reading_id) for event in sitting.store.events() if event.type in types]


def test_the_stages_of_a_study(sitting: Sitting) -> None:
    assert sitting.stage() is Stage.PROFILE
    sitting.store.record_profile(PROFILE)
    assert sitting.stage() is Stage.INTRODUCTION
    sitting.keep(is_introduced=True)
    assert sitting.stage() is Stage.READING
    score_all(sitting)
    assert sitting.stage_after_last() is Stage.CLOSING
    sitting.keep(stage=str(Stage.CLOSING))
    assert sitting.stage() is Stage.CLOSING
    for question in sitting.open_questions():
        sitting.answer_closing(question.question_id, "A", "sure")
    assert sitting.stage_after_last() is Stage.REVIEW
    sitting.sign_off("Ada Example", "read")
    assert sitting.stage() is Stage.DONE


def test_gaps_come_before_closing_questions(sitting: Sitting) -> None:
    score_all(sitting)
    sitting.score(Side.B, None, "clear")
    assert [r.position for r in sitting.gaps()] == [3]
    assert sitting.stage_after_last() is Stage.REVIEW


def test_titles_and_progress_count_practice_apart(sitting: Sitting) -> None:
    assert [sitting.title(r) for r in sitting.readings] == [
        "Practice 1 of 1", "Exam 1 of 3", "Exam 2 of 3", "Exam 3 of 3",
    ]  # fmt: skip
    sitting.open(sitting.readings[0])
    for side in Side:
        sitting.score(side, 3, "key")
    assert sitting.progress() == (0, 3)
    assert sitting.status(sitting.readings[0]) is Status.SCORED


def test_neighbours(sitting: Sitting) -> None:
    first, second, *_, last = sitting.readings
    sitting.open(first)
    assert sitting.previous() is None and sitting.next() == second
    sitting.open(last)
    assert sitting.next() is None


def test_missing_sides(sitting: Sitting) -> None:
    sitting.open(sitting.readings[1])
    assert sitting.missing_sides() == [Side.A, Side.B]
    sitting.score(Side.A, 0, "key")
    assert sitting.missing_sides() == [Side.B]
    sitting.cannot_score(Side.B, "blurred")
    assert sitting.missing_sides() == []
    sitting.cannot_score(Side.B, None)
    sitting.cannot_score(None, "wrong patient")
    assert sitting.missing_sides() == []


def test_a_visit_is_recorded_when_the_exam_is_left(folder: Path) -> None:
    clock = Clock()
    sitting = sit_down(folder, clock)
    sitting.open(sitting.readings[1])
    sitting.look([("T1c", "axial", 9)], "one layer")
    clock.now = 8_000
    sitting.score(Side.A, 7, "key")
    clock.now = 20_000
    sitting.open(sitting.readings[2])
    event = next(event for event in sitting.store.events() if event.type == "exam_left")
    assert event.reading_id == reading_id(1)
    assert json.loads(event.new or "") == {
        "visit": 1, "left": "other exam", "duration_ms": 20_000, "first_score_ms": 8_000, "active_ms": 20_000,
        "idle_ms": 0, "paused_ms": 0, "exposure": {"T1c": {"axial": [[9, 9]]}},
    }  # fmt: skip
    looks = next(event for event in sitting.store.events() if event.type == "view")
    assert json.loads(looks.new or "") == {
        "visit": 1, "layout_ms": {"one layer": 20_000}, "layer_ms": {"T1c": 20_000},
    }  # fmt: skip
    sitting.store.close()


def test_visits_are_counted_over_sittings(folder: Path) -> None:
    for number in (1, 2):
        sitting = sit_down(folder)
        sitting.open(sitting.readings[1])
        sitting.close()
        sitting = sit_down(folder)
        opened = [json.loads(e.new or "")["visit"] for e in sitting.store.events() if e.type == "exam_opened"]
        assert opened == list(range(1, number + 1))
        sitting.store.close()


def test_a_visit_that_a_crash_ended_is_recorded_at_the_next_start(folder: Path) -> None:
    clock = Clock()
    sitting = sit_down(folder, clock)
    sitting.open(sitting.readings[1])
    clock.now = 5_000
    sitting.keep()
    sitting.store.close()  # no leave: as if the process had died
    again = sit_down(folder)
    left = [event for event in again.store.events() if event.type == "exam_left"]
    assert len(left) == 1 and left[0].reading_id == reading_id(1)
    found = json.loads(left[0].new or "")
    assert (found["left"], found["visit"], found["active_ms"]) == ("interrupted", 1, 5_000)
    again.store.close()
    once_more = sit_down(folder)
    assert len(trail(once_more, "exam_left")) == 1
    once_more.store.close()


def test_resume_goes_to_the_exam_that_was_open_else_to_the_first_unscored(folder: Path) -> None:
    sitting = sit_down(folder)
    assert sitting.resume_point() == sitting.readings[0]
    score_all(sitting)
    sitting.open(sitting.readings[2])
    sitting.close()
    again = sit_down(folder)
    assert again.resume_point() == again.readings[2]
    again.store.save_view({})
    again.open(again.readings[3])
    again.score(Side.A, None, "clear")
    again.store.save_view({})
    assert again.resume_point() == again.readings[3]
    again.store.close()


@pytest.mark.parametrize("revision", list(Revision))
def test_next_is_final_only_where_the_protocol_says_so(tmp_path: Path, revision: Revision) -> None:
    sitting = sit_down(make_package(tmp_path / "package", protocol=make_protocol(revision=revision)))
    exam = sitting.readings[1]
    sitting.open(exam)
    sitting.score(Side.A, 7, "key")
    sitting.freeze()
    assert sitting.may_change(exam)  # a gap stays open
    sitting.score(Side.B, 7, "key")
    sitting.freeze()
    assert sitting.may_change(exam) is (revision is Revision.UNTIL_SIGN_OFF)
    sitting.store.close()


class Disk:
    """Stands in for one of the session's methods of saving; while it is full nothing is saved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str = "record_score") -> None:
        self.is_full = True
        save = getattr(SessionStore, method)

        def save_if_there_is_room(*arguments: object, **named: object) -> None:
            if self.is_full:
                raise StudyError("This was NOT saved: the disk is full.", file="session.sqlite")
            save(*arguments, **named)

        monkeypatch.setattr(SessionStore, method, save_if_there_is_room)


def test_what_could_not_be_saved_waits_and_goes_first(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    sitting.open(sitting.readings[1])
    for value in (5, 6):
        with pytest.raises(StudyError):
            sitting.score(Side.A, value, "key")
    assert sitting.unsaved == 1 and sitting.is_unsaved(Side.A)
    assert sitting.shown_score(Side.A) == 6 and sitting.answers.a.score is None
    assert sitting.missing_sides() == [Side.B]
    with pytest.raises(StudyError):
        sitting.retry()
    disk.is_full = False
    sitting.open(sitting.readings[2])
    sitting.score(Side.B, 3, "key")
    assert sitting.store.answers(reading_id(1)).a.score == 6
    assert sitting.unsaved == 0
    assert trail(sitting, "score_set", "save_failed") == [
        ("score_set", reading_id(1)),
        ("score_set", reading_id(2)),
        ("save_failed", reading_id(2)),
    ]


def test_what_the_trail_could_not_take_follows_in_order(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, "record_event")
    disk.is_full = False
    sitting.open(sitting.readings[1])
    disk.is_full = True
    sitting.open(sitting.readings[2])
    sitting.pause()
    assert trail(sitting, "exam_left", "exam_opened", "pause") == [("exam_opened", reading_id(1))]
    disk.is_full = False
    sitting.score(Side.A, 4, "key")
    assert trail(sitting, "exam_left", "exam_opened", "pause", "save_failed") == [
        ("exam_opened", reading_id(1)),
        ("exam_left", reading_id(1)),
        ("exam_opened", reading_id(2)),
        ("pause", reading_id(2)),
        ("save_failed", reading_id(2)),
    ]


def test_an_answer_that_is_refused_is_not_tried_for_ever(sitting: Sitting) -> None:
    sitting.open(sitting.readings[1])
    with pytest.raises(StudyError):
        sitting.comment(Side.A, "x" * 3_000)
    assert sitting.unsaved == 0
    sitting.score(Side.A, 4, "key")
    assert sitting.answers.a.score == 4


def test_closing_is_refused_while_an_answer_is_not_saved(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch)
    sitting.open(sitting.readings[1])
    with pytest.raises(StudyError):
        sitting.score(Side.A, 5, "key")
    with pytest.raises(StudyError):
        sitting.close()


def test_unreadable_is_noted_once(sitting: Sitting) -> None:
    exam = sitting.readings[2]
    for _ in range(2):
        sitting.mark_unreadable(exam, "the file ends too early")
    assert sitting.is_unreadable(exam)
    assert trail(sitting, "unreadable") == [("unreadable", reading_id(2))]


def test_a_pause_is_in_the_trail(sitting: Sitting) -> None:
    sitting.open(sitting.readings[1])
    sitting.pause()
    assert sitting.is_paused
    sitting.pause()
    sitting.resume()
    assert not sitting.is_paused
    assert [kind for kind, _ in trail(sitting, "pause", "resume")] == ["pause", "resume"]


def test_a_signed_session_is_looked_at_without_a_trace(sitting: Sitting) -> None:
    score_all(sitting)
    for question in sitting.open_questions():
        sitting.answer_closing(question.question_id, "A", None)
    sitting.sign_off("Ada Example", "read")
    before = len(list(sitting.store.events()))
    sitting.open(sitting.readings[1])
    sitting.look([("T1c", "axial", 1)], "one layer")
    sitting.keep()
    sitting.leave("other exam")
    assert len(list(sitting.store.events())) == before
    assert not sitting.may_change(sitting.readings[1])


def test_of_answers_that_wait_for_the_disk_the_last_word_stands_last(
    sitting: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = [Disk(monkeypatch), Disk(monkeypatch, "record_cannot_score")]
    sitting.open(sitting.readings[1])
    for act in (
        lambda: sitting.score(Side.A, 7, "key"),
        lambda: sitting.cannot_score(Side.A, "poor"),
        lambda: sitting.score(Side.A, 8, "key"),
    ):
        with pytest.raises(StudyError):
            act()
    for disk in disks:
        disk.is_full = False
    sitting.retry()
    assert sitting.answers.a == Answer(8)


def test_an_answer_that_waits_for_the_disk_is_saved_before_next_ends_its_exam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = make_protocol(revision=Revision.UNTIL_NEXT)
    sitting = sit_down(make_package(tmp_path / "until-next", protocol=protocol))
    sitting.open(sitting.readings[1])
    sitting.score(Side.A, 7, "key")
    sitting.score(Side.B, 8, "key")
    disk = Disk(monkeypatch)
    with pytest.raises(StudyError):
        sitting.score(Side.B, 3, "key")
    disk.is_full = False
    sitting.freeze()
    assert sitting.answers.b.score == 3
    assert sitting.store.is_frozen(reading_id(1))
    sitting.store.close()
