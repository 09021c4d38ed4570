"""One table of keys: each of them is on the help page, on no other key, and does something in the window."""

from collections.abc import Callable
from html import unescape

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from reader_app.session.model import Side
from reader_app.views import keys
from reader_app.views.help_view import HelpView
from reader_app.views.reading_page import ReadingPage
from tests.reader_app.views.conftest import Reader


def strike(reader: Reader, name: str) -> None:
    """Press a key by its name in the table."""
    combination = QKeySequence(name)[0]
    QTest.keyClick(reader.focused(), combination.key(), combination.keyboardModifiers())


def test_no_key_means_two_things() -> None:
    all_keys = [key for entry in keys.KEYS for key in entry.keys]
    assert len(all_keys) == len(set(all_keys))


def test_every_key_is_on_the_help_page(reading: Reader) -> None:
    reading.press("F1")
    page = reading.window.page
    assert isinstance(page, HelpView)
    words = unescape(page.words())
    for entry in keys.KEYS:
        if not entry.act.startswith("digit-"):
            assert entry.text in words and entry.shown in words, entry
    assert "0 to 9" in words
    reading.press("F1")
    assert isinstance(reading.window.page, ReadingPage)


STATE = {
    "layer", "overlay", "style", "fainter", "stronger", "next-preset", "interpolation", "crosshair",
    "layout", "layout-both", "layout-plane", "layout-surface", "maximise", "left", "right", "up", "down",
    "slice-up", "slice-down", "zoom-in", "zoom-out", "centre",
}  # fmt: skip


@pytest.mark.parametrize(
    ("act", "key"), [(entry.act, key) for entry in keys.KEYS for key in entry.keys if entry.act in STATE]
)
def test_keys_of_looking_change_the_view(reading: Reader, act: str, key: str) -> None:
    state = reading.flow.state
    state.zoom_by(2)
    before = state.to_dict()
    strike(reading, key)
    assert state.to_dict() != before


@pytest.mark.parametrize("act", ["reset", "start-slice", "auto-window", "layout-one", "back"])
def test_keys_that_bring_the_view_back(reading: Reader, act: str) -> None:
    state = reading.flow.state
    start = state.to_dict()
    change: dict[str, Callable[[], None]] = {
        "reset": lambda: state.zoom_by(2),
        "start-slice": lambda: state.move_cursor((0, 0, 0)),
        "auto-window": lambda: state.next_preset(state.layer),
        "layout-one": state.cycle_layout,
        "back": lambda: state.maximise(state.layer, state.plane),
    }
    change[act]()
    assert state.to_dict() != start
    strike(reading, keys.BY_ACT[act].keys[0])
    assert state.to_dict() == start


@pytest.mark.parametrize("digit", range(10))
def test_digits_score(reading: Reader, digit: int) -> None:
    strike(reading, str(digit))
    assert reading.score(Side.A) == digit


@pytest.mark.parametrize("digit", range(10))
def test_digits_of_the_keypad_score(reading: Reader, digit: int) -> None:
    key = Qt.Key(Qt.Key.Key_0.value + digit)
    QTest.keyClick(reading.focused(), key, Qt.KeyboardModifier.KeypadModifier)
    assert reading.score(Side.A) == digit


@pytest.mark.parametrize("key", ["Tab", "Shift+Backtab"])
def test_the_other_side(reading: Reader, key: str) -> None:
    strike(reading, key)
    assert reading.sitting.entry.focus is Side.B
    strike(reading, "5")
    assert (reading.score(Side.A), reading.score(Side.B)) == (None, 5)


def test_delete_takes_a_score_back(reading: Reader) -> None:
    reading.press("6", "Tab")
    strike(reading, "Del")
    assert reading.score(Side.A) is None


@pytest.mark.parametrize("key", ["Return", "Enter", "N"])
def test_next_and_previous(reading: Reader, key: str) -> None:
    reading.press("7", "8")
    strike(reading, key)
    assert reading.sitting.reading == reading.sitting.readings[1]
    strike(reading, "P")
    assert reading.sitting.reading == reading.sitting.readings[0]


@pytest.mark.parametrize(("key", "part"), [("K", "remark"), ("U", "remark"), ("L", "exam_list")])
def test_keys_that_open_something(reading: Reader, key: str, part: str) -> None:
    strike(reading, key)
    assert getattr(reading.page, part).isVisible()
    strike(reading, "Esc")
    assert not getattr(reading.page, part).isVisible()


def test_pause(reading: Reader) -> None:
    strike(reading, "F9")
    assert reading.sitting.is_paused
    strike(reading, "F9")
    assert not reading.sitting.is_paused


@pytest.mark.parametrize("key", ["?", "F1"])
def test_help(reading: Reader, key: str) -> None:
    strike(reading, key)
    assert isinstance(reading.window.page, HelpView)
    strike(reading, "Esc")
    assert isinstance(reading.window.page, ReadingPage)


def test_full_screen(reading: Reader) -> None:
    strike(reading, "F11")
    assert reading.window.isFullScreen()
    strike(reading, "F11")
    assert not reading.window.isFullScreen()


def test_open(reading: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "reader_app.views.start_page.QFileDialog.getExistingDirectory", lambda *_: asked.append(True) or ""
    )
    strike(reading, "Ctrl+O")
    assert asked


def test_quit(reading: Reader) -> None:
    strike(reading, "Ctrl+Q")
    assert not reading.window.isVisible()


def test_every_key_is_tried_here() -> None:
    """The tests above name every act of the table, so that a new one cannot go untested."""
    tried = STATE | {"reset", "start-slice", "auto-window", "layout-one", "back"} | {f"digit-{n}" for n in range(10)}
    tried |= {"other-side", "other-side-back", "clear", "next", "previous", "comment", "cannot-score", "exam-list"}
    tried |= {"pause", "help", "full-screen", "open", "quit"}
    tried |= {"go-on"}  # tests/reader_app/views/test_reading.py: test_next_asks_past_a_side_without_a_score
    assert {entry.act for entry in keys.KEYS} == tried
