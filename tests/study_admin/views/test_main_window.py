"""The window around the stages: start page, rail, work that goes on, what it remembers, and how it ends."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from reader_app.views import theme
from study_admin.standing import State
from study_admin.study_folder import StudyFolder
from study_admin.views import application
from study_admin.views.background import Background
from study_admin.views.notice import time_left
from study_admin.views.rail import RailEntry
from tests.study_admin.views.conftest import Coordinator


def test_a_folder_that_is_no_study_is_said_and_the_start_page_stays(coordinator: Coordinator, tmp_path: Path) -> None:
    coordinator.drop(coordinator.window._start, tmp_path)
    assert "holds no study" in coordinator.notice
    assert coordinator.window._start.isVisible()


def test_studies_opened_before_are_one_key_away(
    coordinator: Coordinator, make_coordinator: Callable[[], Coordinator], exams: Path, study: Path
) -> None:
    coordinator.write_study(exams, study)
    coordinator.window.close()
    again = make_coordinator()
    assert study.name in again.window._start.recent[0].text()
    again.press(Qt.Key.Key_Space)
    again.wait_for(lambda: again.window.walk.folder is not None)
    again.wait()
    assert again.groups.isVisible()  # a draft goes on with its groups


def test_the_name_goes_into_the_audit_trail_and_is_remembered(
    coordinator: Coordinator, make_coordinator: Callable[[], Coordinator], exams: Path, study: Path
) -> None:
    coordinator.write(coordinator.window._start.who, "Ada Example")
    coordinator.write_study(exams, study)
    with StudyFolder(study).store() as store:
        assert {row.who for row in store.audit()} == {"Ada Example"}
    assert make_coordinator().window._start.who.text() == "Ada Example"


def test_each_stage_says_what_it_waits_for(coordinator: Coordinator) -> None:
    coordinator.window.begin_new()
    assert coordinator.rail(1).startswith("Stage 1, Exams: ready.")
    for number in range(2, 8):
        assert coordinator.rail(number).endswith("not yet. Opens when the study is written.")
        coordinator.stage(number)
        page = coordinator.window.pages[number - 1]
        assert page.isVisible() and page.sentence.text()


def test_the_rail_is_walked_by_keys(coordinator: Coordinator) -> None:
    coordinator.window.begin_new()
    coordinator.press(Qt.Key.Key_Down)
    coordinator.press(Qt.Key.Key_Down)
    coordinator.press(Qt.Key.Key_Return)
    assert coordinator.seal.isVisible()
    coordinator.press(Qt.Key.Key_Up)
    coordinator.press(Qt.Key.Key_Space)
    assert coordinator.groups.isVisible()


def test_all_states_have_a_sign_and_a_word() -> None:
    words = {RailEntry("", state, "").state_words for state in State} | {
        RailEntry("", State.READY, "", is_problem=True).state_words
    }
    assert words == {"○ not yet", "● ready", "✓ done", "⚠ problem"}


def test_while_work_goes_on_nothing_else_can_begin_and_the_window_stays(
    coordinator: Coordinator, exams: Path, study: Path
) -> None:
    coordinator.write_study(exams, study)
    goes_on = threading.Event()

    def act(progress: Callable[[int, int], None]) -> None:
        progress(1, 4)
        goes_on.wait(30)
        progress(2, 4)

    window = coordinator.window
    window.walk.do("Counting", act, lambda _: None, cancelled="Stopped.")
    coordinator.wait_for(lambda: window.work.isVisible() and window.work.bar.value() == 1)
    assert window.work.bar.maximum() == 4 and window.work.words.text() == "Counting…"
    assert not window.pages[1].isEnabled()
    window.close()
    assert window.isVisible() and "still going on" in coordinator.notice
    coordinator.click(window.work.cancel)
    goes_on.set()
    coordinator.wait()
    assert coordinator.notice == "Stopped."
    assert not window.work.isVisible() and window.pages[1].isEnabled()


def test_two_pieces_of_work_at_once_are_a_bug(coordinator: Coordinator) -> None:
    background, goes_on = Background(), threading.Event()
    background.run("one", lambda _: goes_on.wait(30), lambda _: None)
    with pytest.raises(RuntimeError):
        background.run("two", lambda _: None, lambda _: None)
    goes_on.set()
    background.close()


def test_time_left_is_told_when_it_is_known() -> None:
    """By hand: 30 s for 10 of 100 leaves 270 s, 4.5 minutes, rounded to even; 50 s for 50 of 60 leaves 10 s."""
    assert time_left(10, 100, 30.0) == "about 4 min left"
    assert time_left(50, 60, 50.0) == "about 10 s left"
    assert time_left(0, 100, 30.0) == time_left(100, 100, 30.0) == time_left(1, 100, 1.0) == ""


def test_everything_fits_on_a_small_screen(coordinator: Coordinator, exams: Path, study: Path) -> None:
    """1280 × 800, words of 11 points and more, and no page that would make the window larger."""
    coordinator.write_study(exams, study)
    coordinator.open_study()
    for number in range(1, 8):
        coordinator.stage(number)
        size = coordinator.window.size()
        assert (size.width(), size.height()) == (1280, 800)
        page = coordinator.window.pages[number - 1]
        assert page.minimumSizeHint().width() <= page.width() and page.minimumSizeHint().height() <= page.height()
        for widget in page.findChildren(type(page.sentence)):
            assert widget.font().pointSizeF() >= theme.MINIMUM_PT


def test_the_focus_is_always_ringed(coordinator: Coordinator) -> None:
    coordinator.window.begin_new()
    for _ in range(6):
        coordinator.press(Qt.Key.Key_Tab)
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        assert coordinator.window._ring.around is not None


def test_a_bug_leaves_a_report_without_values(tmp_path: Path) -> None:
    try:
        raise ValueError("a secret passphrase")
    except ValueError as error:
        report = application.write_report(tmp_path, error)
    assert report
    text = report.read_text()
    assert "ValueError" in text and "test_main_window.py" in text and "secret" not in text


def test_the_window_starts_from_the_command_line(tmp_path: Path) -> None:
    """In a process of its own, which closes the window as soon as it is there."""
    code = (
        "import sys; from PySide6.QtCore import QTimer; from PySide6.QtWidgets import QApplication;"
        "from study_admin.views.application import run;"
        "app = QApplication([]); QTimer.singleShot(500, lambda: [w.close() for w in app.topLevelWidgets()]);"
        "sys.exit(run())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_study_begins_without_a_name(coordinator: Coordinator) -> None:
    """The name is taken when it is whole, not letter by letter; Enter presses the focused button."""
    who = coordinator.window._start.who
    before = coordinator.window.walk.who
    coordinator.write(who, "Ada")
    assert coordinator.window.walk.who == before
    who.clear()
    coordinator.window._start.new.setFocus()
    coordinator.press(Qt.Key.Key_Return)
    assert "Your name is empty" in coordinator.notice and coordinator.window._start.isVisible()
    coordinator.write(who, "Ada")
    coordinator.window._start.new.setFocus()
    coordinator.press(Qt.Key.Key_Return)
    assert coordinator.exams.isVisible() and coordinator.window.walk.who == "Ada"


def test_an_old_notice_goes_with_the_next_act(coordinator: Coordinator, tmp_path: Path) -> None:
    coordinator.window.begin_new()
    coordinator.click(coordinator.exams.look_button)
    assert "No folder of exams" in coordinator.notice
    coordinator.window.home.setFocus()
    coordinator.press(Qt.Key.Key_Return)
    assert coordinator.window._start.isVisible() and not coordinator.notice
