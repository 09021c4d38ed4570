"""The row under the scores: Previous at the left, remarks in the middle, Next at the right."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from reader_app.views import theme
from reader_app.views.icons import set_icon
from reader_app.views.keys import tip


class StepRow(QWidget):
    """Its buttons take no focus: each has a key."""

    def __init__(self, act: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.previous = _step(act, "previous", "Previous")
        self.next = _step(act, "next", "Next")
        self._remarks = QLabel()
        self._remarks.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._remarks.setTextFormat(Qt.TextFormat.PlainText)
        theme.paint(self._remarks, text=theme.QUIET)
        comment, cannot = _step(act, "comment", "Comment"), _step(act, "cannot-score", "Cannot score")
        for button, icon in (
            (self.previous, "caret-left"),
            (comment, "chat-text"),
            (cannot, "prohibit"),
            (self.next, "caret-right"),
        ):
            set_icon(button, icon)
        self.next.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 6)
        row.addWidget(self.previous)
        row.addSpacing(16)
        row.addWidget(comment)
        row.addWidget(cannot)
        row.addWidget(self._remarks, 1)
        row.addWidget(self.next)

    def show_state(self, *, has_previous: bool, next_words: str, is_next_framed: bool, remarks: str) -> None:
        """Next is highlighted as soon as it is the next step."""
        self.previous.setEnabled(has_previous)
        self.next.setText(f" {next_words} ")
        theme.mark(self.next, is_next_framed)
        self._remarks.setText(remarks)
        self._remarks.setToolTip(remarks)


def _step(act: Callable[[str], None], name: str, words: str) -> QPushButton:
    button = QPushButton(f" {words} ")  # room beside the icon
    button.setToolTip(tip(name))
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.setMinimumHeight(32)
    button.setMinimumWidth(110)
    button.clicked.connect(lambda: act(name))
    return button
