"""The first page: make a new study, open one that is there, or go on with one of those opened here before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from reader_app.views import theme
from study_admin.views.stage_page import ask_folder, button, caption

_COLUMN_WIDTH = 680
_WHAT = (
    "A study compares two methods that segmented the same exams. Readers score both, side by side, without knowing "
    "which is which. This window takes you through it in seven stages; you can close it at any time and go on later."
)
_WHO = "Your name, as the study's audit trail will record it"


class StartPage(QWidget):
    """Passes on what the coordinator picks."""

    new_wanted = Signal()
    study_chosen = Signal(Path)
    name_given = Signal(str)
    power_wanted = Signal()

    def __init__(self, recent: Sequence[Path], who: str) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        column = self._column()
        column.addWidget(theme.heading("Reader studies"))
        column.addWidget(theme.paragraph(_WHAT))
        self.new = button("New study…", self.new_wanted.emit)
        self.open = button("Open a study…", self.choose, "The folder that holds study.toml; it can be dropped here")
        row = QHBoxLayout()
        for widget in (self.new, self.open):
            row.addWidget(widget, 1)
        column.addLayout(row)
        self.power = button("How many readers and exams do I need?…", self.power_wanted.emit)
        column.addWidget(self.power)
        if recent:
            column.addWidget(caption("Opened here before"))
        self.recent = [self._recent_button(folder) for folder in recent]
        for entry in self.recent:
            column.addWidget(entry)
        theme.primary(self.recent[0] if self.recent else self.new)
        column.addSpacing(12)
        self.who = QLineEdit(who)
        self.who.setAccessibleName(_WHO)
        self.who.editingFinished.connect(lambda: self.name_given.emit(self.who.text().strip()))
        form = QFormLayout()
        form.addRow(f"{_WHO}:", self.who)
        column.addLayout(form)

    def _column(self) -> QVBoxLayout:
        inside = QWidget()
        inside.setMaximumWidth(_COLUMN_WIDTH)
        column = QVBoxLayout(inside)
        column.setSpacing(14)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        middle = QVBoxLayout()
        middle.addStretch(2)
        middle.addWidget(inside)
        middle.addStretch(3)
        outer.addLayout(middle, 6)
        outer.addStretch(1)
        return column

    def _recent_button(self, folder: Path) -> QPushButton:
        return button(f"{folder.name}   ·   {folder.parent}", self._opener(folder), str(folder))

    def _opener(self, folder: Path) -> Callable[[], None]:
        return lambda: self.study_chosen.emit(folder)

    def choose(self) -> None:
        """Ask for a study's folder."""
        folder = ask_folder(self, "Choose the folder of the study (it holds study.toml)")
        if folder:
            self.study_chosen.emit(folder)

    def start_focus(self) -> QWidget:
        return self.recent[0] if self.recent else self.new

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        dropped = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if dropped:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.study_chosen.emit(dropped[0].parent if dropped[0].is_file() else dropped[0])
