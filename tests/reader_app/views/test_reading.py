"""Reading in the window, by real key and mouse events; the disk is asked, not the screen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from reader_app.session.model import Revision, Side, Status
from reader_app.session.package import open_package
from reader_app.session.results import read_results
from reader_app.session.store import SessionStore
from reader_app.sitting import Stage
from reader_app.views.ending_pages import ReceiptPage
from reader_app.views.review_page import ReviewPage
from reader_app.views.scoring_panel import NOT_YET_SAVED
from segmentation.errors import StudyError
from tests.reader_app.making import make_package, make_protocol, reading_id
from tests.reader_app.views.conftest import Reader


def test_a_whole_study_by_keyboard_only(reader: Reader, tmp_path: Path) -> None:
    """Twenty exams after two for practice; every score on the disk is the one that was typed."""
    folder = make_package(tmp_path / "twenty", readings=20, practice=2, shape=(12, 14, 10))
    reader.begin(folder)
    typed = {}
    for number in range(22):
        reader.wait_for_exam()
        assert reader.sitting.reading
        a, b = number % 11, (number * 7 + 3) % 11
        for side, value in ((Side.A, a), (Side.B, b)):
            reader.press(*str(value))
            if value == 1:
                reader.press("Tab" if side is Side.A else "Esc")
            typed[reader.sitting.reading.reading_id, side] = value
        reader.press("Enter")
    assert isinstance(reader.window.page, ReviewPage)
    reader.press("Enter", "Enter")
    assert isinstance(reader.window.page, ReceiptPage)
    results = read_results(next(folder.glob("results-*.json")))
    study = {key: value for key, value in typed.items() if key[0] in results.answers}
    assert {(r, s): answers.side(s).score for r, answers in results.answers.items() for s in Side} == study
    assert len(study) == 40
    assert results.receipt and results.receipt.name == "Ada Example"


def test_zero_and_no_score_differ(reading: Reader) -> None:
    assert reading.score(Side.A) is None
    assert reading.panel(Side.A).value_label.text() == "–"
    reading.press("0")
    assert reading.score(Side.A) == 0
    assert reading.panel(Side.A).value_label.text() == "0"
    reading.press("Tab", "Delete")
    assert reading.score(Side.A) is None
    assert reading.panel(Side.A).slider.value is None


def test_neither_wheel_nor_arrows_change_a_score(reading: Reader) -> None:
    reading.press("5")
    slider = reading.panel(Side.A).slider
    for delta in (120, -120, 600):
        at = QPointF(slider.centre_of(5))
        wheel = QWheelEvent(
            at, slider.mapToGlobal(at), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(slider, wheel)
    reading.press("Tab", "Left", "Right", "Up", "Down", "PageUp", "PageDown", "Home")
    assert (reading.score(Side.A), reading.score(Side.B)) == (5, None)
    assert len(reading.events("score_set", "score_changed", "score_cleared")) == 1


def test_a_click_on_the_track_sets_that_value(reading: Reader) -> None:
    slider = reading.panel(Side.B).slider
    reading.click(slider, slider.centre_of(8).toPoint())
    assert reading.score(Side.B) == 8
    assert reading.sitting.entry.focus is Side.A  # what is missing comes next


def test_a_drag_is_saved_when_it_is_released(reading: Reader) -> None:
    slider = reading.panel(Side.A).slider
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(slider, left, Qt.KeyboardModifier.NoModifier, slider.centre_of(2).toPoint())
    QTest.mouseMove(slider, slider.centre_of(6).toPoint())
    assert reading.score(Side.A) is None
    assert reading.panel(Side.A).note_label.text() == NOT_YET_SAVED
    QTest.mouseRelease(slider, left, Qt.KeyboardModifier.NoModifier, slider.centre_of(6).toPoint())
    assert reading.score(Side.A) == 6
    assert reading.panel(Side.A).note_label.text() == "saved"


def test_the_saved_mark_comes_after_commit(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks while record_score is under way sees no mark of it."""
    seen = []
    record = SessionStore.record_score

    def watch(store: SessionStore, *arguments: object, **named: object) -> None:
        seen.append((reading.panel(Side.A).note_label.text(), reading.panel(Side.A).value_label.text()))
        record(store, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(SessionStore, "record_score", watch)
    reading.press("7")
    assert seen == [("no score yet", "–")]
    assert reading.panel(Side.A).note_label.text() == "saved"
    assert reading.page.top_bar.saved.text().startswith("✓ saved")


class FullDisk:
    """Stands in for SessionStore.record_score while there is no room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._record = SessionStore.record_score
        self.is_full = True
        monkeypatch.setattr(SessionStore, "record_score", lambda *arguments, **named: self(*arguments, **named))

    def __call__(self, *arguments: object, **named: object) -> None:
        if self.is_full:
            remedy = "Free some space; then save again."
            raise StudyError("This was NOT saved: the disk is full.", file="session.sqlite", remedy=remedy)
        self._record(*arguments, **named)  # type: ignore[arg-type]


def test_a_save_that_fails_is_told_kept_and_tried_again(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    reading.press("7")
    panel = reading.panel(Side.A)
    assert (panel.value_label.text(), panel.note_label.text()) == ("7", "NOT saved")
    assert reading.score(Side.A) is None
    assert "not saved" in reading.page.top_bar.saved.text()
    assert "disk is full" in reading.window.notice.words.text()
    disk.is_full = False
    reading.press("4")
    assert (reading.score(Side.A), reading.score(Side.B)) == (7, 4)
    assert panel.note_label.text() == "saved"
    assert not reading.window.notice.isVisible()
    assert len(reading.events("save_failed")) == 1


def test_the_retry_button_saves(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    reading.press("7")
    disk.is_full = False
    reading.click(reading.window.notice._retry)
    assert reading.score(Side.A) == 7
    assert not reading.window.notice.isVisible()


def test_what_could_not_be_saved_holds_the_window_open(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    reading.press("7")
    reading.window.close()
    assert reading.window.isVisible()
    assert "not saved" in reading.window.question.words.text()
    reading.press("3", "Enter")  # a digit means nothing now; Enter is the safe answer
    assert reading.window.question.isHidden() and reading.window.isVisible()
    reading.press("4")
    assert reading.sitting.shown_score(Side.B) == 4
    disk.is_full = False
    reading.window.close()
    assert not reading.window.isVisible()


def test_the_reader_can_leave_an_answer_unsaved_by_keys(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    FullDisk(monkeypatch)
    reading.press("7")
    reading.window.close()
    reading.press("Tab", "Enter")
    assert not reading.window.isVisible()


def test_next_asks_past_a_side_without_a_score(reading: Reader) -> None:
    first = reading.sitting.reading
    reading.press("7", "Enter")
    assert reading.sitting.reading is first
    assert reading.page.question.words.text() == "B has no score yet."
    reading.press("Enter")  # the safe answer: stay
    assert reading.page.question.isHidden() and reading.sitting.entry.focus is Side.B
    reading.press("Enter", "g")
    assert reading.sitting.reading is not first


def test_a_score_answers_the_question_too(reading: Reader) -> None:
    reading.press("Enter", "3", "4")
    assert reading.page.question.isHidden()
    assert (reading.score(Side.A), reading.score(Side.B)) == (3, 4)


def test_g_means_nothing_while_nothing_is_asked(reading: Reader) -> None:
    first = reading.sitting.reading
    reading.press("g")
    assert reading.sitting.reading is first


def test_until_next_makes_an_exam_final(reader: Reader, tmp_path: Path) -> None:
    protocol = make_protocol(revision=Revision.UNTIL_NEXT)
    reader.begin(make_package(tmp_path / "until-next", protocol=protocol, practice=0))
    reader.press("7", "8", "Enter")
    reader.wait_for_exam()
    reader.press("p")
    reader.wait_for_exam()
    reader.press("Tab", "3", "Delete")
    assert (reader.score(Side.A), reader.score(Side.B)) == (7, 8)
    slider = reader.panel(Side.A).slider
    reader.click(slider, slider.centre_of(2).toPoint())
    assert reader.score(Side.A) == 7
    assert not slider.isEnabled()
    assert reader.panel(Side.A).note_label.text() == "final"


def test_typed_words_move_nothing(reading: Reader) -> None:
    before = reading.flow.state.to_dict()
    reading.press("k", "sto 710 nplmuxcirwv?+-")
    assert reading.flow.state.to_dict() == before
    reading.press("Left", "Home", "Delete", "Tab", "PageUp")
    assert reading.flow.state.to_dict() == before
    assert (reading.score(Side.A), reading.score(Side.B)) == (None, None)
    reading.press("Esc", "s")
    assert not reading.flow.state.is_overlay_shown


def test_a_comment_goes_to_the_framed_side(reading: Reader) -> None:
    reading.press("7", "k", "misses oedema", "Enter")
    assert reading.sitting.answers.b.comment == "misses oedema"
    reading.press("5", "k", "both are fine", "Enter")
    assert reading.sitting.answers.comment == "both are fine"
    assert reading.page.remark.isHidden()


def test_tab_in_a_comment_changes_whom_it_is_about(reading: Reader) -> None:
    reading.press("k", "late enhancement", "Tab", "Tab", "Enter")
    answers = reading.sitting.answers
    assert (answers.a.comment, answers.b.comment, answers.comment) == ("", "", "late enhancement")


def test_a_comment_that_was_only_typed_is_kept_at_next(reading: Reader) -> None:
    first = reading.sitting.reading
    reading.press("7", "8", "k", "still typing")
    reading.page.go_next()
    assert first and reading.sitting.store.answers(first.reading_id).comment == "still typing"


def test_cannot_score_fills_the_gap(reading: Reader) -> None:
    reading.press("u", "blurred", "Enter")
    assert reading.sitting.answers.a.cannot_score == "blurred"
    assert reading.sitting.entry.focus is Side.B
    reading.press("6", "Enter")
    assert reading.page.question.isHidden()


def test_focus_is_never_stuck(reading: Reader) -> None:
    for way_in in ("k", "u", "l"):
        reading.press(way_in, "Esc", "Tab", "Tab")
        reading.press("2")
        assert reading.score(Side.A) == 2
        reading.press("Tab", "Delete")


def test_the_list_shows_place_and_status_and_leads_there(reading: Reader) -> None:
    reading.press("7", "8", "l")
    texts = [reading.page.exam_list.list.item(row).text() for row in range(4)]
    assert texts[:2] == ["Practice 1 of 1   ·   scored", "Exam 1 of 3   ·   unscored"]
    assert not any(r.reading_id in text for r in reading.sitting.readings for text in texts)
    reading.press("Down", "Down", "Enter")
    assert reading.sitting.reading == reading.sitting.readings[2]
    assert reading.page.exam_list.isHidden()


def test_a_pause_hides_the_images_and_takes_no_score(reading: Reader) -> None:
    reading.press("F9")
    assert not reading.flow.looking.isVisible()
    reading.press("7")
    assert reading.score(Side.A) is None
    reading.press("F9")
    assert reading.flow.looking.isVisible()
    reading.press("7")
    assert reading.score(Side.A) == 7
    assert [event.type for event in reading.events("pause", "resume")] == ["pause", "resume"]


def flip_a_byte(image: Path) -> None:
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.write_bytes(data)


@pytest.mark.parametrize("spoil", [flip_a_byte, Path.unlink])
def test_an_unreadable_image_is_told_and_passed(reader: Reader, package: Path, spoil: Callable[[Path], None]) -> None:
    """The T1c of exam 1 is damaged, or missing."""
    image = package / f"images/{reading_id(1)}_T1c.nii.gz"
    spoil(image)
    reader.begin(package)
    reader.press("7", "8", "Enter")
    reader.wait_for(lambda: bool(reader.events("unreadable")))
    reader.press("5")  # what cannot be seen is not scored
    assert reader.sitting.answers.status is Status.UNSCORED
    message = reader.flow.looking.viewers._message.text()
    assert image.name in message and "Keep this folder" in message
    reader.press("l")
    assert "images cannot be shown" in reader.page.exam_list.list.item(1).text()
    reader.press("Esc", "Enter")
    reader.wait_for_exam()
    assert reader.sitting.reading == reader.sitting.readings[2]


def test_the_visit_is_in_the_trail(reading: Reader) -> None:
    reading.press("PageUp", "t")
    reading.qtbot.wait(50)
    reading.press("7", "8", "Enter")
    left = json.loads(reading.events("exam_left")[0].new or "")
    assert left["visit"] == 1 and left["first_score_ms"] is not None
    low, high = left["exposure"]["T1c"]["axial"][0]
    assert high >= low
    assert set(left["exposure"]) == {"T1c", "FLAIR"}
    looks = json.loads(reading.events("view")[0].new or "")
    assert set(looks["layer_ms"]) == {"T1c", "FLAIR"}


def test_practice_is_marked_and_does_not_count(reading: Reader) -> None:
    assert reading.page.top_bar.title.text() == "Practice 1 of 1"
    assert reading.page.top_bar.practice.isVisible()
    reading.press("7", "8")
    assert reading.sitting.progress() == (0, 3)
    reading.press("Enter")
    assert reading.page.top_bar.title.text() == "Exam 1 of 3"
    assert not reading.page.top_bar.practice.isVisible()


def test_hints_come_once_and_go_with_any_key(reader: Reader, make_reader: Callable[[], Reader], package: Path) -> None:
    reader.begin(package)  # ends with Esc
    assert not reader.page.callouts.are_shown
    reader.window.close()
    again = make_reader()
    again.open(package)
    again.wait_for_exam()
    again.qtbot.wait(50)
    assert not again.page.callouts.are_shown


def test_hints_are_there_at_the_first_visit(reader: Reader, package: Path) -> None:
    reader.open(package)
    reader.press("Enter", "A", "Enter", "B", "Enter", "Enter", "Enter", "Enter", "Enter", "Enter")
    reader.wait_for_exam()
    reader.wait_for(lambda: reader.page.callouts.are_shown)
    reader.press("7")
    assert not reader.page.callouts.are_shown
    assert reader.score(Side.A) == 7  # the key does what it always does


def test_the_stage_of_a_signed_study_is_done(reading: Reader) -> None:
    for _ in reading.sitting.readings:
        reading.wait_for_exam()
        reading.press("7", "8", "Enter")
    reading.press("Enter", "Enter")
    assert reading.sitting.stage() is Stage.DONE
    with pytest.raises(StudyError):
        reading.sitting.store.record_score(reading_id(1), Side.A, 3, how="key")
    folder = reading.sitting.package.folder
    reading.window.close()
    package = open_package(folder)
    with SessionStore.open(package.session, package.manifest, app_version="test") as store:
        assert store.is_signed_off
