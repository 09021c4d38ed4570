"""What a hurried reader does between two exams: nothing is scored, kept or counted that was not meant."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from reader_app.session.model import Side, Status
from tests.reader_app.views.conftest import Reader


@pytest.fixture
def handle(reading: Reader) -> Callable[[Side], QWidget]:
    return lambda side: reading.page.scoring.panels[side].slider


def press_at(slider: QWidget, value: int) -> None:
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=slider.centre_of(value).toPoint())  # type: ignore[attr-defined]


def release_at(slider: QWidget, value: int) -> None:
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=slider.centre_of(value).toPoint())  # type: ignore[attr-defined]


def test_a_handle_that_is_held_over_a_change_of_exam_scores_nothing(
    reading: Reader, handle: Callable[[Side], QWidget]
) -> None:
    reading.press("7", "8")
    press_at(handle(Side.A), 3)
    reading.press("Enter")
    reading.wait_for_exam()
    release_at(handle(Side.A), 10)
    assert reading.sitting.answers.status is Status.UNSCORED
    reading.press("p")
    reading.wait_for_exam()
    assert reading.score(Side.A) == 7


def test_a_pause_lets_go_of_the_handle(reading: Reader, handle: Callable[[Side], QWidget]) -> None:
    reading.press("7", "8")
    press_at(handle(Side.A), 2)
    reading.press("F9")
    release_at(handle(Side.A), 2)
    reading.press("F9")
    assert reading.score(Side.A) == 7
    assert handle(Side.A).value == 7  # type: ignore[attr-defined]
    assert reading.page.scoring.panels[Side.A].value_label.text() == "7"


@pytest.mark.parametrize("other", ["t", "PageDown", "x"])
def test_any_other_act_ends_the_wait_of_a_lone_1(reading: Reader, other: str) -> None:
    reading.press("1", other, "0")
    assert (reading.score(Side.A), reading.score(Side.B)) == (1, 0)


def test_a_question_ends_the_wait_of_a_lone_1(reading: Reader) -> None:
    reading.press("1", "Enter", "Enter", "0")
    assert (reading.score(Side.A), reading.score(Side.B)) == (1, 0)


def test_a_click_in_an_image_ends_the_wait_and_the_typing(reading: Reader) -> None:
    reading.press("1")
    view = reading.flow.looking.viewers.slice_views(Side.A)[0]
    QTest.mouseClick(
        view.window().windowHandle(), Qt.MouseButton.LeftButton, pos=view.mapTo(view.window(), QPoint(40, 40))
    )
    reading.press("0", "k", "one")
    QTest.mouseClick(
        view.window().windowHandle(), Qt.MouseButton.LeftButton, pos=view.mapTo(view.window(), QPoint(50, 50))
    )
    reading.press("Tab", "5")
    assert (reading.score(Side.A), reading.score(Side.B)) == (5, 0)


def test_a_comment_given_up_by_esc_does_not_come_back(reading: Reader) -> None:
    reading.press("7", "8", "k", "oops")
    reading.qtbot.wait(700)  # the draft is kept by now
    reading.press("Esc", "Enter")
    reading.wait_for_exam()
    reading.press("p")
    reading.wait_for_exam()
    assert not reading.page.remark.is_open
    assert not reading.events("comment")


def test_digits_typed_before_the_exam_was_seen_are_not_taken(reading: Reader) -> None:
    """Nor the rest of the burst: the score of B must not become that of A."""
    reading.press("7", "8", "Enter")
    reading.page._looking.viewers._painted = None  # as if the screen had not caught up
    reading.press("3", "4")
    reading.wait_for_exam()
    reading.press("5")
    assert reading.sitting.answers.status is Status.UNSCORED
    assert "Please type the scores once more" in reading.page.question.words.text()
    reading.qtbot.wait(500)
    reading.press("3", "4")
    assert (reading.score(Side.A), reading.score(Side.B)) == (3, 4)


def test_a_drag_ends_when_its_button_went_up_elsewhere(reading: Reader) -> None:
    view = reading.flow.looking.viewers.slice_views(Side.A)[0]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    before = reading.flow.state.cursor_vox
    none, place = Qt.MouseButton.NoButton, QPointF(90, 90)
    moved = QMouseEvent(
        QEvent.Type.MouseMove, place, view.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(view, moved)
    assert reading.flow.state.cursor_vox == before


def test_a_comment_that_cannot_be_saved_stays_with_its_reason(reading: Reader) -> None:
    """A right-to-left override could make a comment read as another one."""
    reading.press("7", "8", "k")
    reading.page.remark.field.setText("fine \u202e not")
    reading.press("Enter")
    assert reading.page.remark.is_open
    assert reading.page.remark.field.text() == "fine \u202e not"
    assert not reading.window.notice.isHidden()
    reading.page.remark.field.setText("fine")
    reading.press("Enter")
    assert not reading.page.remark.is_open
    assert reading.window.notice.isHidden()
    assert [event.new for event in reading.events("comment")] == ['"fine"']


def test_the_list_goes_when_reading_pauses(reading: Reader) -> None:
    reading.press("l")
    reading.window.act("pause")  # as the button in the top bar does
    assert reading.page.exam_list.isHidden()


def test_under_help_nothing_is_seen(reading: Reader) -> None:
    reading.press("F1")
    assert not reading.flow.reading_page.is_seen
    visit = reading.sitting._visit
    assert visit
    before = visit.looks()["layout_ms"]
    reading.qtbot.wait(150)
    assert visit.looks()["layout_ms"] == before
    reading.press("F1")
    reading.wait_for_exam()
    reading.press("7")
    assert reading.score(Side.A) == 7
