"""A coordinator's window, and a coordinator who works it by mouse and keys."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QDialog, QLineEdit, QListWidget, QTableView, QWidget
from pytestqt.qtbot import QtBot

from study_admin.design import Arm
from study_admin.study_file import StudyFile
from study_admin.views.act_dialog import ActDialog
from study_admin.views.application import dress
from study_admin.views.collect_page import CollectPage
from study_admin.views.desk import Desk
from study_admin.views.exams_page import ExamsPage
from study_admin.views.groups_page import GroupsPage
from study_admin.views.main_window import MainWindow
from study_admin.views.progress_page import ProgressPage
from study_admin.views.results_page import ResultsPage
from study_admin.views.seal_page import SealPage
from study_admin.views.unblind_page import UnblindPage
from tests.study_admin.made_up_exams import write_exam

WORDS = "gravel otter thimble coast lantern fig"
THIRD = "six other words of a third person"
DESIGN = StudyFile(
    arms=(Arm("by hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",))),
    title="Which outline is better?",
    practice=("case01",),
    groups=2,
    readers_per_group=2,
    exams_per_group=2,
    guesses=1,
)


class Coordinator:
    """Clicks and types as a person would; waits until the window has done its work."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot, self.window = qtbot, window

    @property
    def exams(self) -> ExamsPage:
        return self._page(0, ExamsPage)

    @property
    def groups(self) -> GroupsPage:
        return self._page(1, GroupsPage)

    @property
    def seal(self) -> SealPage:
        return self._page(2, SealPage)

    @property
    def progress(self) -> ProgressPage:
        return self._page(3, ProgressPage)

    @property
    def collect(self) -> CollectPage:
        return self._page(4, CollectPage)

    @property
    def unblind(self) -> UnblindPage:
        return self._page(5, UnblindPage)

    @property
    def results(self) -> ResultsPage:
        return self._page(6, ResultsPage)

    def _page(self, index: int, kind: type) -> QWidget:
        page = self.window.pages[index]
        assert isinstance(page, kind)
        return page

    # --- hands ---

    def click(self, widget: QWidget) -> None:
        assert widget.isVisible() and widget.isEnabled(), f"{widget} can't be clicked"
        at = QPoint(8, widget.height() // 2) if isinstance(widget, QCheckBox) else widget.rect().center()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)

    def press(self, key: Qt.Key) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.window, key)

    def write(self, line: QLineEdit, words: str) -> None:
        assert line.isVisible() and line.isEnabled()
        line.selectAll()
        QTest.keyClicks(line, words)

    def drop(self, widget: QWidget, *paths: Path) -> None:
        """The application routes drops only after a drag of the window system's own."""
        assert widget.acceptDrops() and widget.isEnabled()
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        none = Qt.KeyboardModifier.NoModifier
        widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none))
        self.wait()

    def stage(self, number: int) -> None:
        """Go to a stage by its button in the rail."""
        self.click(self.window.rail.buttons[number - 1])
        self.wait()

    def wait(self) -> None:
        """Until no work goes on."""
        self.qtbot.waitUntil(lambda: not self.window.walk.background.is_busy, timeout=60_000)

    def wait_for(self, claim: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(claim, timeout=60_000)

    # --- eyes ---

    @property
    def notice(self) -> str:
        return self.window.notice.words.text() if self.window.notice.isVisible() else ""

    def rail(self, number: int) -> str:
        """Name, state and sentence of a stage."""
        button = self.window.rail.buttons[number - 1]
        return f"{button.accessibleName()}. {button.accessibleDescription()}"

    def dialog(self) -> ActDialog:
        """The question that waits for an answer."""
        self.wait_for(lambda: any(found.isVisible() for found in self.window.findChildren(QDialog)))
        found = [dialog for dialog in self.window.findChildren(ActDialog) if dialog.isVisible()]
        assert len(found) == 1
        return found[0]

    def answer(self, *lines: str) -> None:
        """Fill in the question's fields, the last ones first left as they are, and do it."""
        dialog = self.dialog()
        fields = [line for line in dialog.findChildren(QLineEdit) if line.accessibleName() != "Sealed key"]
        for line, words in zip(fields, lines, strict=True):
            self.write(line, words)
        self.click(dialog.act)
        self.wait()

    def texts(self, within: QWidget | None = None) -> str:
        """All words of the window or of a part of it, shown or hidden: labels, fields, tool tips and tables."""
        seen = [self.window.windowTitle()]
        for widget in (within or self.window).findChildren(QWidget):
            for what in ("text", "toolTip", "accessibleName", "accessibleDescription", "placeholderText"):
                value = getattr(widget, what, None)
                seen.append(str(value()) if callable(value) else "")
            if isinstance(widget, QTableView | QListWidget):
                held = widget.model()
                columns = held.columnCount() if isinstance(widget, QTableView) else 1
                cells = [(row, column) for row in range(held.rowCount()) for column in range(columns)]
                seen += [str(held.index(row, column).data() or "") for row, column in cells]
        return "\n".join(seen)

    # --- the walk ---

    def write_study(self, exams: Path, study: Path, design: StudyFile = DESIGN) -> None:
        """From the start page to a study that is written."""
        self.window.begin_new()
        page = self.exams
        page.form.show_design(design)
        self.write(page.exams_folder, str(exams))
        self.write(page.study_folder, str(study))
        self.click(page.look_button)
        self.click(page.write_button)
        self.wait_for(lambda: self.window.walk.folder is not None)
        self.wait()

    def open_study(self) -> None:
        self.stage(3)
        self.click(self.seal.open_button)
        self.answer(WORDS, WORDS, THIRD, THIRD)

    def write_packages(self) -> None:
        self.click(self.seal.write_button)
        self.answer(WORDS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of this test alone."""
    place = tmp_path / "home"
    monkeypatch.setenv("BLINDREAD_HOME", str(place))
    return place


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """Five exams, the first one for practice."""
    folder = tmp_path / "exams"
    for number in range(1, 6):
        write_exam(folder / f"case{number:02}", number)
    return folder


@pytest.fixture
def make_coordinator(qtbot: QtBot, home: Path, quick_seal: None) -> Iterator[Callable[[], Coordinator]]:
    """Windows that are closed at the end."""
    dress(QApplication.instance())  # type: ignore[arg-type]
    windows = []

    def make() -> Coordinator:
        window = MainWindow(Desk())
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return Coordinator(qtbot, window)

    yield make
    for window in windows:
        qtbot.waitUntil(lambda window=window: not window.walk.background.is_busy, timeout=60_000)
        if window.isVisible():
            window.pages[0].discard()  # type: ignore[attr-defined]
        window.close()
        window.deleteLater()


@pytest.fixture
def coordinator(make_coordinator: Callable[[], Coordinator]) -> Coordinator:
    """On the start page."""
    return make_coordinator()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "study"
