"""The help: all keys, the mouse, and a few paragraphs; Esc goes back."""

from collections.abc import Callable, Sequence
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from reader_app.views import keys, texts, theme
from reader_app.views.page import Page, step_button


class HelpView(Page):
    """Two columns, made from the table of keys and the help texts."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        columns = QHBoxLayout(inside)
        columns.setSpacing(40)
        columns.setContentsMargins(32, 16, 32, 16)
        columns.addWidget(_column(_keys_of((keys.SCORE, keys.EXAMS, keys.WINDOW))), 1)
        columns.addWidget(_column(_keys_of((keys.LOOK, keys.PLACE))), 1)
        columns.addWidget(_column(_prose()), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 12)
        column.addWidget(area, 1)
        close = theme.primary(step_button("Back (Esc)", self.closed.emit))
        column.addWidget(close, alignment=Qt.AlignmentFlag.AlignHCenter)

    def acts(self) -> dict[str, Callable[[], None]]:
        return {"back": self.closed.emit, "next": self.closed.emit}

    def words(self) -> str:
        """All of the help as text."""
        return "\n".join(label.text() for label in self.findChildren(QLabel))


def _column(html: str) -> QLabel:
    label = QLabel(html)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label


def _keys_of(groups: Sequence[str]) -> str:
    parts = []
    for group in groups:
        rows = "".join(
            f"<tr><td style='padding-right:16px; white-space:nowrap'><b>{escape(shown)}</b></td>"
            f"<td>{escape(words)}</td></tr>"
            for of, shown, words in keys.help_rows()
            if of == group
        )
        parts.append(f"<h3>{escape(group)}</h3><table cellspacing='2'>{rows}</table>")
    return "".join(parts)


def _prose() -> str:
    parts = []
    for text in texts.help_texts():
        words = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in text.paragraphs)
        parts.append(f"<h3>{escape(text.heading)}</h3>{words}")
    return "".join(parts)
