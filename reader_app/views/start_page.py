"""The first page: open a package by drag, dialog, or from those opened here before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QPushButton, QVBoxLayout

from reader_app.desk import Recent
from reader_app.views import theme
from reader_app.views.page import ColumnPage

_INVITATION = "Drag the folder you received from the study's coordinator onto this window, or choose it."
_HELD = 'It is the folder that holds the file "manifest.json". It stays where it is; your scores are kept inside it.'


class StartPage(ColumnPage):
    """Passes on the folder that the reader picks."""

    package_chosen = Signal(Path)

    def __init__(self, recent: Sequence[Recent]) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.column.addWidget(theme.heading("Open your study"))
        self.column.addWidget(self._drop_box())
        self._progress = theme.paragraph("")
        self._progress.setAccessibleName("Progress of opening")
        self.column.addWidget(self._progress)
        self._recent_buttons = [self._recent_button(entry) for entry in recent]
        if recent:
            self.column.addWidget(theme.paragraph("Opened here before", is_quiet=True))
        for button in self._recent_buttons:
            self.column.addWidget(button)
        if recent:
            newest = recent[0]
            theme.primary(self._recent_buttons[0])
            self._go_on: Callable[[], None] = lambda: self.package_chosen.emit(Path(newest.folder))
        else:
            theme.primary(self._choose_button)
            self._go_on = self.choose

    def _drop_box(self) -> QFrame:
        box = QFrame()
        box.setFrameShape(QFrame.Shape.StyledPanel)
        inside = QVBoxLayout(box)
        inside.setContentsMargins(28, 28, 28, 28)
        inside.setSpacing(12)
        inside.addWidget(theme.paragraph(_INVITATION))
        inside.addWidget(theme.paragraph(_HELD, is_quiet=True))
        self._choose_button = QPushButton("Choose the folder…")
        self._choose_button.setMinimumHeight(38)
        self._choose_button.clicked.connect(self.choose)
        inside.addWidget(self._choose_button, alignment=Qt.AlignmentFlag.AlignLeft)
        return box

    def _recent_button(self, entry: Recent) -> QPushButton:
        done = f"{entry.done} of {entry.total} exams scored" if entry.done < entry.total else "all exams scored"
        button = QPushButton(f"{entry.title}   ·   reader {entry.reader_code}   ·   {done}")
        button.setMinimumHeight(44)
        button.setToolTip(entry.folder)
        button.clicked.connect(lambda: self.package_chosen.emit(Path(entry.folder)))
        return button

    def acts(self) -> dict[str, Callable[[], None]]:
        return {"next": self._go_on}

    def choose(self) -> None:
        """Ask for the folder."""
        folder = QFileDialog.getExistingDirectory(self, "Choose the folder of your study")
        if folder:
            self.package_chosen.emit(Path(folder))

    def show_progress(self, text: str) -> None:
        """While a package is being checked nothing else can be chosen; an empty text ends that."""
        self._progress.setText(text)
        for button in (self._choose_button, *self._recent_buttons):
            button.setEnabled(not text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        dropped = next((Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()), None)
        if dropped:
            event.acceptProposedAction()
            self.package_chosen.emit(folder_of(dropped))


def folder_of(dropped: Path) -> Path:
    """The package meant by what was dropped: a folder, or the folder of a file from inside it."""
    return dropped.parent if dropped.is_file() else dropped
