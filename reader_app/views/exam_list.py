"""The list of exams: place and status of each, and nothing that tells them apart otherwise."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from reader_app.session.model import Reading
from reader_app.sitting import Sitting
from reader_app.views import theme

_ROLE = Qt.ItemDataRole.UserRole


def status_words(sitting: Sitting, reading: Reading) -> str:
    """How far an exam is."""
    words = [str(sitting.status(reading))]
    if sitting.is_unreadable(reading):
        words.append("images cannot be shown")
    if sitting.store.answers(reading.reading_id).has_comment:
        words.append("commented")
    return ", ".join(words)


class ExamList(QFrame):
    """Lies over the right edge of the reading page while it is open."""

    chosen = Signal(Reading)
    closed = Signal()

    def __init__(self, sitting: Sitting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sitting = sitting
        self.setFrameShape(QFrame.Shape.StyledPanel)
        theme.paint(self, ground=theme.WINDOW)
        self.list = QListWidget()
        self.list.setAccessibleName("Exams")
        self.list.setSpacing(3)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        inside = QVBoxLayout(self)
        inside.addWidget(QLabel("Exams"))
        inside.addWidget(self.list, 1)
        hint = theme.paragraph("Enter goes there, Esc closes.", is_quiet=True)
        inside.addWidget(hint)
        self.hide()

    def open(self) -> None:
        """Fill, show, and start on the exam that is open."""
        self.list.clear()
        for reading in self._sitting.readings:
            item = QListWidgetItem(f"{self._sitting.title(reading)}   ·   {status_words(self._sitting, reading)}")
            item.setData(_ROLE, reading.reading_id)
            self.list.addItem(item)
            if reading == self._sitting.reading:
                self.list.setCurrentItem(item)
        self.show()
        self.raise_()
        self.list.setFocus()

    def _choose(self, item: QListWidgetItem) -> None:
        readings = {reading.reading_id: reading for reading in self._sitting.readings}
        self.closed.emit()
        self.chosen.emit(readings[item.data(_ROLE)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_L):
            self.closed.emit()
        else:
            super().keyPressEvent(event)
