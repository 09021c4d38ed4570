"""A window over a made-up package, and a reader who works it by keys and mouse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from reader_app.desk import Desk
from reader_app.session.model import Side
from reader_app.session.trail import Event
from reader_app.sitting import Sitting
from reader_app.views import theme
from reader_app.views.main_window import MainWindow
from reader_app.views.profile_page import ProfilePage
from reader_app.views.reading_page import ReadingPage
from reader_app.views.scoring_panel import ScoringPanel
from reader_app.views.study_flow import StudyFlow
from tests.reader_app.making import make_package

KEYS = {
    "Enter": Qt.Key.Key_Return,
    "Esc": Qt.Key.Key_Escape,
    "Tab": Qt.Key.Key_Tab,
    "Backtab": Qt.Key.Key_Backtab,
    "Delete": Qt.Key.Key_Delete,
    "Home": Qt.Key.Key_Home,
    "PageUp": Qt.Key.Key_PageUp,
    "PageDown": Qt.Key.Key_PageDown,
    "Left": Qt.Key.Key_Left,
    "Right": Qt.Key.Key_Right,
    "Up": Qt.Key.Key_Up,
    "Down": Qt.Key.Key_Down,
    **{f"F{n}": getattr(Qt.Key, f"Key_F{n}") for n in range(1, 13)},
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and the reader's key of this test alone."""
    place = tmp_path / "home"
    monkeypatch.setenv("BLINDREAD_HOME", str(place))
    return place


class Reader:
    """Presses keys where a person's keyboard would go: into whatever has the focus."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot, self.window = qtbot, window

    @property
    def flow(self) -> StudyFlow:
        assert self.window.flow
        return self.window.flow

    @property
    def sitting(self) -> Sitting:
        return self.flow.sitting

    @property
    def page(self) -> ReadingPage:
        assert isinstance(self.window.page, ReadingPage)
        return self.window.page

    def panel(self, side: Side) -> ScoringPanel:
        return self.page.scoring.panels[side]

    def focused(self) -> QWidget:
        return QApplication.focusWidget() or self.window

    def press(self, *keys: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for key in keys:
            if key in KEYS:
                QTest.keyClick(self.focused(), KEYS[key], modifier)
            else:
                QTest.keyClicks(self.focused(), key, modifier)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        QTest.mouseClick(
            widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at or widget.rect().center()
        )

    def wait_for(self, claim: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(claim, timeout=20_000)

    def open(self, folder: Path) -> None:
        self.window.open_package(folder)
        self.wait_for(lambda: self.window.flow is not None)

    def wait_for_exam(self) -> None:
        """Until the open exam's images are on the screen."""
        self.wait_for(lambda: isinstance(self.window.page, ReadingPage) and self.page.is_seen)

    def begin(self, folder: Path) -> None:
        """Open a package for the first time and go to its first exam."""
        self.open(folder)
        self.press("Enter")
        assert isinstance(self.window.page, ProfilePage)
        for words in ("Ada Example", "Neuroradiology", "12", "S1"):
            self.press(words, "Enter")
        self.press("Enter", "Enter", "Enter")
        self.wait_for_exam()
        if not Desk().get("hints_seen"):
            self.wait_for(lambda: self.page.callouts.are_shown)
        self.press("Esc")

    def score(self, side: Side) -> int | None:
        """What is on the disk."""
        return self.sitting.answers.side(side).score

    def events(self, *types: str) -> list[Event]:
        return [event for event in self.sitting.store.events() if event.type in types]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


@pytest.fixture
def make_reader(qtbot: QtBot, home: Path) -> Iterator[Callable[[], Reader]]:
    """Windows that are closed at the end, each with its reader."""
    theme.apply(QApplication.instance())  # type: ignore[arg-type]
    windows = []

    def make() -> Reader:
        window = MainWindow(Desk())
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return Reader(qtbot, window)

    yield make
    for window in windows:
        if window.flow:
            window.flow.sitting._unsaved.clear()
        window.close()
        window.deleteLater()


@pytest.fixture
def reader(make_reader: Callable[[], Reader]) -> Reader:
    """Before any package is open."""
    return make_reader()


@pytest.fixture
def reading(reader: Reader, package: Path) -> Reader:
    """On the first exam, a practice one; three study exams follow."""
    reader.begin(package)
    return reader
