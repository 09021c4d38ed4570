"""The first page: open a package by drag, dialog, or from those opened here before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from reader_app.desk import Recent
from reader_app.session.parcel import is_parcel
from reader_app.views import theme
from reader_app.views.page import ColumnPage

_INVITATION = "Drag what you received from the study's coordinator onto this window, or choose it: a folder, or a file."
_HELD = (
    'The folder holds the file "manifest.json"; a file ends in ".blindread" and is unpacked beside itself. '
    "The folder stays where it is; your scores are kept inside it."
)
_CHOOSE_FILE, _KINDS = "Choose the file of your study", "Blindread packages (*.blindread *.zip);;All files (*)"


class StartPage(ColumnPage):
    """Passes on the folder or file that the reader picks."""

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
        self._choose_file_button = QPushButton("Choose the file…")
        self._choose_file_button.setMinimumHeight(38)
        self._choose_file_button.clicked.connect(self.choose_file)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        for button in (self._choose_button, self._choose_file_button):
            buttons.addWidget(button)
        buttons.addStretch()
        inside.addLayout(buttons)
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

    def choose_file(self) -> None:
        """Ask for the file."""
        path, _ = QFileDialog.getOpenFileName(self, _CHOOSE_FILE, "", _KINDS)
        if path:
            self.package_chosen.emit(received(Path(path)))

    def show_progress(self, text: str) -> None:
        """While a package is being checked nothing else can be chosen; an empty text ends that."""
        self._progress.setText(text)
        for button in (self._choose_button, self._choose_file_button, *self._recent_buttons):
            button.setEnabled(not text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        dropped = next((Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()), None)
        if dropped:
            event.acceptProposedAction()
            self.package_chosen.emit(received(dropped))


def received(path: Path) -> Path:
    """A folder or a file to unpack is meant itself; a file from inside a package stands for its folder."""
    return path.parent if path.is_file() and not is_parcel(path) else path
