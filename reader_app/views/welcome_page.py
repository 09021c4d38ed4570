"""The first look at a new package: which study it is, for whom, and whether it is the coordinator's."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel

from reader_app.session.model import Protocol
from reader_app.views import theme
from reader_app.views.page import ColumnPage, step_button

_COMPARE = "Compare these characters with your invitation. If they match, this study comes from its coordinator."
DIFFERS = "Do not read this package. Ask the coordinator for a new one, and tell them that the characters differ."


class WelcomePage(ColumnPage):
    """Shown once per package, before anything is asked."""

    title = "Welcome"
    accepted = Signal()
    differs = Signal()

    def __init__(self, protocol: Protocol, reader_code: str, counts: tuple[int, int], fingerprint: str) -> None:
        super().__init__()
        practice, study = counts
        self.column.addWidget(theme.heading(protocol.title))
        before = f", after {practice} for practice" if practice else ""
        self.column.addWidget(theme.paragraph(f"You are reader {reader_code}. There are {study} exams{before}."))
        self.column.addSpacing(12)
        self.column.addWidget(theme.paragraph(_COMPARE))
        self.column.addWidget(_fingerprint_label(fingerprint))
        self.add_steps("They match", self.accepted.emit, step_button("They differ", self.differs.emit))


def _fingerprint_label(fingerprint: str) -> QLabel:
    """The coordinator's key in groups that can be compared by eye."""
    label = QLabel(fingerprint)
    theme.sized(label, 1.15)
    font = label.font()
    font.setFamilies(["DejaVu Sans Mono", "Menlo", "Consolas", "monospace"])
    label.setFont(font)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    theme.paint(label, text=theme.ACCENT)
    return label
