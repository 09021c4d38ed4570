"""Lines of the window: what went wrong, a question that wants an answer, and what is known of the exam on top."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QToolButton, QWidget

from reader_app.views import theme
from reader_app.views.icons import set_icon
from reader_app.views.keys import tip
from segmentation.errors import StudyError


class NoticeBar(QFrame):
    """The one place that shows a StudyError: amber, with a sign and the error's own words."""

    retried = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.paint(self, text=theme.ON_AMBER, ground=theme.AMBER)
        sign = QLabel("⚠")
        self.words = QLabel()
        for label in (sign, self.words):
            theme.paint(label, text=theme.ON_AMBER)
        theme.sized(sign, 1.4)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._retry = QPushButton("Try again")
        self._retry.clicked.connect(self.retried)
        close = QPushButton("Close")
        close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(12)
        row.addWidget(sign)
        row.addWidget(self.words, 1)
        for button in (self._retry, close):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(button)
        self.hide()

    def show_error(self, error: StudyError, *, is_retried: bool = False) -> None:
        """Show what went wrong; with a button where trying again can help."""
        self.words.setText(str(error))
        self._retry.setVisible(is_retried)
        self.show()

    def clear(self) -> None:
        self.words.clear()
        self.hide()


class QuestionBar(QFrame):
    """A plain question inside the window; each answer is a button that names its key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.paint(self, ground=theme.RAISED)
        self.words = QLabel()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 6, 10, 6)
        self._row.addWidget(self.words, 1)
        self._buttons: list[QPushButton] = []
        self.hide()

    def ask(self, words: str, *answers: tuple[str, Callable[[], None]], takes_focus: bool = False) -> None:
        """Ask; the first answer is the safe one and highlighted. With the focus, Tab and Enter choose."""
        self.clear()
        self.words.setText(words)
        for index, (text, act) in enumerate(answers):
            button = QPushButton(text)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if takes_focus else Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, act=act: self._answer(act))
            if index == 0:
                theme.primary(button)
            self._buttons.append(button)
            self._row.addWidget(button)
        self.show()
        if takes_focus:
            self._buttons[0].setFocus()

    def answer_first(self) -> None:
        """The safe answer."""
        if self._buttons:
            self._buttons[0].click()

    def _answer(self, act: Callable[[], None]) -> None:
        self.clear()
        act()

    def clear(self) -> None:
        """Take the question away unanswered."""
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        self.hide()


class TopBar(QWidget):
    """Where the reader is, how far, what is saved, and the few things that are about neither looking nor scoring."""

    def __init__(self, act: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        theme.sized(self.title, 1.15, is_bold=True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.practice = QLabel("practice: does not count")
        theme.paint(self.practice, text=theme.ACCENT)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.progress.setAccessibleName("Exams scored")
        self.saved = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 8, 5)
        row.setSpacing(14)
        for widget in (self.title, self.practice):
            row.addWidget(widget)
        row.addWidget(self.progress, 1)
        row.addWidget(self.saved)
        for name, words, icon in (
            ("exam-list", "Exams", "list-numbers"),
            ("pause", "Pause", "pause"),
            ("help", "Help", "question"),
        ):
            row.addWidget(_tool(act, name, words, icon))

    def show_progress(self, title: str, done: int, total: int, *, is_practice: bool) -> None:
        self.title.setText(title)
        self.practice.setVisible(is_practice)
        self.progress.setMaximum(max(total, 1))
        self.progress.setValue(done)
        self.progress.setToolTip(f"{done} of {total} exams scored")

    def show_saved(self, when: datetime | None) -> None:
        """The mark of the last save, only ever shown after COMMIT."""
        theme.paint(self.saved, text=theme.ACCENT)
        self.saved.setText(f"✓ saved {when.astimezone():%H:%M}" if when else "")

    def show_unsaved(self, count: int) -> None:
        theme.paint(self.saved, text=theme.AMBER)
        self.saved.setText(f"⚠ {count} not saved")


def _tool(act: Callable[[str], None], name: str, words: str, icon: str) -> QToolButton:
    button = QToolButton()
    button.setText(words)
    button.setToolTip(tip(name))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda: act(name))
    set_icon(button, icon)
    return button
