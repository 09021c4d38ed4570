"""The window: one page at a time, one line for trouble, all keys, and a way out that loses nothing."""

from collections.abc import Callable
from concurrent.futures import Future
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QObject
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from reader_app.desk import Desk
from reader_app.session.contents import DamagedSessionError
from reader_app.session.package import Package
from reader_app.session.parcel import PlaceError, open_received
from reader_app.session.store import SessionStore
from reader_app.sitting import Sitting
from reader_app.views.background import Background
from reader_app.views.bars import NoticeBar, QuestionBar
from reader_app.views.focus_ring import FocusRing
from reader_app.views.help_view import HelpView
from reader_app.views.keys import Shortcuts
from reader_app.views.page import Page
from reader_app.views.start_page import StartPage
from segmentation.errors import StudyError

if TYPE_CHECKING:
    from reader_app.views.study_flow import StudyFlow

CHECKING = "Checking the package…"
_TYPING = (QLineEdit, QAbstractSpinBox, QComboBox, QAbstractItemView)
_INPUTS = {QEvent.Type.KeyPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel}
_MOUSE_ACTS = {QEvent.Type.MouseButtonPress, QEvent.Type.Wheel}
_PRESSES = {QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress}
_GEOMETRY = "window"


class MainWindow(QMainWindow):
    """Opens packages, shows the pages of the study that is open, and keeps what this desk should remember."""

    def __init__(self, desk: Desk, *, is_kiosk: bool = False) -> None:
        super().__init__()
        self._desk, self._is_kiosk = desk, is_kiosk
        self.flow: StudyFlow | None = None
        self._help: HelpView | None = None
        self._is_checking = False
        self._behind_help: Page | None = None
        self._background = Background(self)
        self.notice = NoticeBar()
        self.question = QuestionBar()
        self.pages = QStackedWidget()
        self._lay_out()
        self._shortcuts = Shortcuts(self, self.act)
        self._ring = FocusRing(self)
        self.notice.retried.connect(lambda: self.flow.retry() if self.flow else None)
        QApplication.instance().focusChanged.connect(self._offer_keys)  # type: ignore[union-attr]
        self._show_start()
        self._place()

    def _lay_out(self) -> None:
        self.setWindowTitle("Blindread")
        self.setMinimumSize(1024, 640)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.notice, self.question):
            column.addWidget(widget)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(whole)

    def _place(self) -> None:
        """Where the window was last time, else most of the screen."""
        kept = self._desk.get(_GEOMETRY)
        if isinstance(kept, str) and self.restoreGeometry(QByteArray.fromBase64(kept.encode())):
            return
        screen = self.screen().availableGeometry()
        self.resize(min(screen.width(), 2560), min(screen.height() - 40, 1440))

    # --- pages ---

    @property
    def page(self) -> Page:
        """The page that is shown."""
        page = self.pages.currentWidget()
        assert isinstance(page, Page)
        return page

    def show_page(self, page: Page) -> None:
        """Show a page; pages that were made for one showing go."""
        before = self.pages.currentWidget()
        if self.pages.indexOf(page) < 0:
            self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)
        if before and before is not page and not self._is_kept(before):
            self.pages.removeWidget(before)
            before.deleteLater()
        (page.start_focus() or page).setFocus()
        self._offer_keys()

    def _is_kept(self, page: QWidget) -> bool:
        return bool(self._help) or bool(self.flow and page in self.flow.kept_pages)

    def _show_start(self) -> StartPage:
        """The start page, with the packages that were opened here by now."""
        self._help = None
        page = StartPage(self._desk.recent)
        page.package_chosen.connect(self.open_package)
        self.show_page(page)
        return page

    def toggle_help(self) -> None:
        """The help over whatever page is shown, and back."""
        if self._help:
            behind, self._help = self._behind_help, None
            self.show_page(behind or self.page)
        else:
            self._behind_help = self.page
            self._help = HelpView()
            self._help.closed.connect(self.toggle_help)
            self.show_page(self._help)

    # --- packages ---

    def open_package(self, path: Path, into: Path | None = None) -> None:
        """Check a package and go on where its reader stopped; trouble comes up on the start page.

        A file is unpacked first, beside itself or into the given folder.
        """
        if self._is_checking or (self.flow and not self._close_study()):
            return
        self._is_checking = True  # one at a time, whatever is pressed meanwhile
        self.notice.clear()
        self.question.clear()
        self._show_start().show_progress(CHECKING)
        self._background.run(lambda: open_received(path, into), lambda done: self._take_package(done, path))

    def _take_package(self, done: "Future[Package]", path: Path) -> None:
        self._is_checking = False
        start = self.page
        try:
            package = done.result()
            self._begin(package)
        except DamagedSessionError as error:
            self.notice.show_error(error)
            self._ask(
                "Put the newest backup in its place? Nothing is deleted, and what was saved since is taken over.",
                ("Restore", lambda: self._restore(package.folder)),
                ("Leave it as it is", self._end_question),
            )
        except StudyError as error:
            self.notice.show_error(error)
            if isinstance(error, PlaceError) and not self._is_kiosk:
                self._ask(
                    "Unpack it into another folder?",
                    ("Choose a folder…", lambda: self._unpack_elsewhere(path)),
                    ("Not now", self._end_question),
                )
        finally:
            if start is self.page and isinstance(start, StartPage):
                start.show_progress("")

    def _unpack_elsewhere(self, parcel: Path) -> None:
        self._end_question()
        folder = QFileDialog.getExistingDirectory(self, "Where should the package be unpacked?")
        if folder:
            self.open_package(parcel, Path(folder))

    def _restore(self, folder: Path) -> None:
        from reader_app.session.recovery import restore_backup

        try:
            restore_backup(folder, app_version=version("blindread"))
        except StudyError as error:
            self.notice.show_error(error)
        else:
            self.open_package(folder)

    def _begin(self, package: Package) -> None:
        from reader_app.prefetch import Prefetch

        store = SessionStore.open(package.session, package.manifest, app_version=version("blindread"))
        sitting = Sitting(store, package)
        self._source = Prefetch(package, store.readings)
        self._source.get(sitting.resume_point().reading_id)  # decoded while VTK is imported
        from reader_app.views.study_flow import StudyFlow

        self.flow = StudyFlow(sitting, self._source, self._desk, self.act, is_kiosk=self._is_kiosk)
        self.flow.page_changed.connect(self.show_page)
        self.flow.trouble.connect(lambda error, is_retried: self.notice.show_error(error, is_retried=is_retried))
        self.flow.cleared.connect(self.notice.clear)
        self.flow.left.connect(self._leave_study)
        for signal in (self.flow.reading_page.opened, self.flow.reading_page.changed):
            signal.connect(self._offer_keys)
        for warning in package.warnings:
            self.notice.show_error(StudyError(warning))
        self.flow.start()

    def _leave_study(self) -> None:
        if self._is_kiosk:
            self.close()
        elif self._close_study():
            self._show_start()

    def _close_study(self) -> bool:
        """Whether the study could be closed; if an answer is not on the disk, the reader decides."""
        if not self.flow:
            return True
        try:
            self.flow.close()
        except StudyError as error:
            self.notice.show_error(error, is_retried=True)
            count = self.flow.sitting.unsaved
            self._ask(
                f"{count} {'answer is' if count == 1 else 'answers are'} not saved and would be lost.",
                ("Stay", self._end_question),
                ("Close all the same", self._abandon),
            )
            return False
        self._drop_study()
        return True

    def _abandon(self) -> None:
        if self.flow:
            self.flow.sitting.store.close()
            self._drop_study()
        self.close()

    def _drop_study(self) -> None:
        """Take the study's pages away and end its worker."""
        assert self.flow
        flow, self.flow = self.flow, None
        self._help = None
        flow.looking.viewers.close_exam()
        self._source.close()
        for page in flow.kept_pages:
            self.pages.removeWidget(page)
            page.deleteLater()
        flow.deleteLater()

    # --- questions ---

    def _ask(self, words: str, *answers: tuple[str, Callable[[], None]]) -> None:
        """Ask something that comes before all else: until it is answered, no other key means anything."""
        self.question.ask(words, *answers, takes_focus=True)
        self._offer_keys()

    def _end_question(self) -> None:
        self.question.clear()
        self.page.setFocus()
        self._offer_keys()

    # --- keys ---

    def act(self, name: str) -> None:
        """Do what a key or a button stands for."""
        self._note_input(is_press=True)
        if self.flow and name not in self.flow.reading_page.scoring.acts():
            self.flow.reading_page.scoring.end_wait()
        if name == "next" and self._press_focused_button():
            return
        act = self._acts().get(name)
        if act:
            act()
        self._offer_keys()

    def _acts(self) -> dict[str, Callable[[], object]]:
        if self.question.isVisible():
            return {"next": self.question.answer_first, "back": self._end_question}
        window: dict[str, Callable[[], object]] = {"help": self.toggle_help, "quit": self.close}
        if not self._is_kiosk:
            window |= {"full-screen": self._toggle_full_screen, "open": self._choose_package}
        return {**window, **self.page.acts()}

    def _offer_keys(self) -> None:
        """Only keys that mean something here are taken from the widgets; while text is typed hardly any."""
        if not self.pages.currentWidget():
            return
        focused = QApplication.focusWidget()
        self._shortcuts.offer(set(self._acts()), is_typing=isinstance(focused, _TYPING))
        self._show_title()

    def _show_title(self) -> None:
        """What is open, for the list of windows: page, study and reader, nothing of an exam's content."""
        sitting = self.flow.sitting if self.flow else None
        study = f"{sitting.protocol.title}, reader {sitting.store.reader_code}" if sitting else ""
        self.setWindowTitle(" · ".join(part for part in (self.page.title, study, "Blindread") if part))

    def _press_focused_button(self) -> bool:
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractButton) and focused.isVisible() and focused.isEnabled():
            focused.click()
            return True
        return False

    def _toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def _choose_package(self) -> None:
        if self._is_checking:
            return
        if self.flow and not self._close_study():
            return
        self._show_start().choose()

    # --- the window itself ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle = self.windowHandle()
        if handle:
            handle.installEventFilter(self)  # sees each input once, before any widget does

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _INPUTS:
            self._note_input(is_press=event.type() in _PRESSES)
        if self.flow and event.type() in _MOUSE_ACTS:
            self.flow.reading_page.scoring.end_wait()
        return False

    def _note_input(self, *, is_press: bool) -> None:
        if self.flow:
            self.flow.sitting.touch()
            if is_press:
                self.flow.dismiss_hints()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._desk.put(_GEOMETRY, bytes(self.saveGeometry().toBase64().data()).decode())
        if self._close_study():
            self._background.close()
            event.accept()
        else:
            event.ignore()
