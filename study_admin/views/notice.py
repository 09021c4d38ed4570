"""Lines of the window: what went wrong, what went well, and how far a piece of work is."""

import time
from enum import Enum

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea

from reader_app.views import theme
from segmentation.errors import StudyError

_WAIT_MS = 300  # work that is over sooner shows no bar: nothing blinks
_MOST_HEIGHT = 132  # some five lines; more are scrolled


class Tone(Enum):
    """How a line looks: its sign, its words and what they stand on."""

    TROUBLE = ("⚠", theme.ON_AMBER, theme.AMBER)
    GOOD = ("✓", theme.TEXT, theme.RAISED)


class NoticeBar(QFrame):
    """The one place that shows a StudyError, in its own words, and what an act has come to."""

    def __init__(self) -> None:
        super().__init__()
        self._sign, self.words = QLabel(), QLabel()
        theme.sized(self._sign, 1.4)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._close = QPushButton("Close")
        self._close.setAutoDefault(True)
        self._close.clicked.connect(self.clear)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self.words)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 10, 6)
        row.setSpacing(12)
        row.addWidget(self._sign)
        row.addWidget(self._scroll, 1)
        row.addWidget(self._close)
        self.hide()

    def show_error(self, error: StudyError) -> None:
        self._say(str(error), Tone.TROUBLE)

    def tell(self, words: str) -> None:
        self._say(words, Tone.GOOD)

    def _say(self, words: str, tone: Tone) -> None:
        sign, text, ground = tone.value
        self._sign.setText(sign)
        self.words.setText(words)
        for widget in (self, self._sign, self.words, self._scroll, self._scroll.viewport()):
            theme.paint(widget, text=text, ground=ground)
        self.show()
        self._fit()

    def _fit(self) -> None:
        width = max(self._scroll.viewport().width(), 300)
        self._scroll.setFixedHeight(min(self.words.heightForWidth(width) + 4, _MOST_HEIGHT))

    def resizeEvent(self, event: object) -> None:
        self._fit()

    def clear(self) -> None:
        self.words.clear()
        self.hide()


class WorkBar(QFrame):
    """What is being done, how far it is, how long it will take, and a button that stops it."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        theme.paint(self, ground=theme.RAISED)
        self.words, self.left = QLabel(), QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(10)
        self.bar.setAccessibleName("Progress of the work")
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 10, 6)
        row.setSpacing(12)
        row.addWidget(self.words)
        row.addWidget(self.bar, 1)
        row.addWidget(self.left)
        row.addWidget(self.cancel)
        self._since = 0.0
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_WAIT_MS)
        self._late.timeout.connect(self.show)
        self.hide()

    def begin(self, what: str, is_cancellable: bool) -> None:
        self.words.setText(f"{what}…")
        self.left.clear()
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self.cancel.setVisible(is_cancellable)
        self.cancel.setEnabled(True)
        self._since = time.monotonic()
        self._late.start()

    def rename(self, what: str) -> None:
        """The next part of the same work."""
        self.words.setText(f"{what}…")
        self.left.clear()
        self.show_progress(0, 1)
        self._since = time.monotonic()

    def end(self) -> None:
        self._late.stop()
        self.hide()

    def show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.left.setText(time_left(done, total, time.monotonic() - self._since))

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.left.setText("stopping…")
        self.cancelled.emit()


def time_left(done: int, total: int, elapsed_s: float) -> str:
    """How long the rest will take if it goes on like this; nothing while too little is known.

    >>> time_left(25, 100, 60.0)
    'about 3 min left'
    """
    if done <= 0 or done >= total or elapsed_s < 2:
        return ""
    left_s = elapsed_s * (total - done) / done
    return f"about {round(left_s / 60)} min left" if left_s >= 90 else f"about {max(round(left_s), 1)} s left"
