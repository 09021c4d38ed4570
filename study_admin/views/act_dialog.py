"""A dialog before a step that can't be undone: what it will do, what it wants to know, and one button that does it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from reader_app.views import theme
from reader_app.views.focus_ring import FocusRing
from segmentation.errors import StudyError
from study_admin.views.stage_page import button

_WIDTH = 640


class ActDialog(QDialog):
    """Leaving it changes nothing; the act follows only if `check` finds nothing wrong with what was given."""

    def __init__(self, parent: QWidget, title: str, act_words: str, will: Sequence[str], undo: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setFixedWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 18)
        column.setSpacing(10)
        column.addWidget(theme.heading(title))
        for words in will:
            column.addWidget(theme.paragraph(words))
        if undo:
            warning = theme.paragraph(f"⚠ {undo}")
            theme.paint(warning, text=theme.AMBER)
            column.addWidget(warning)
        self.fields = QFormLayout()
        self.fields.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addLayout(self.fields)
        self.trouble = theme.paragraph("")
        theme.paint(self.trouble, text=theme.AMBER)
        column.addWidget(self.trouble)
        self.leave = button("Don't", self.reject, "Nothing is changed")
        self.act = theme.primary(button(act_words, self._try))
        row = QHBoxLayout()
        row.addWidget(self.leave)
        row.addStretch()
        row.addWidget(self.act)
        column.addLayout(row)
        self._check: Callable[[], object] = lambda: None
        self._then: Callable[[], object] = lambda: None
        self._ring = FocusRing(self)

    def ask(self, check: Callable[[], object], then: Callable[[], object]) -> None:
        """Show it; `check` raises StudyError, whose words are shown here, and `then` follows when it doesn't."""
        self._check, self._then = check, then
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fit()
        self.open()
        lines = self.findChildren(QLineEdit)
        if not lines:
            self.leave.setDefault(True)  # Enter alone does nothing that can't be undone
        (lines[0] if lines else self.leave).setFocus()

    def _fit(self) -> None:
        """As high as its words are at this width: on a small screen Qt would squeeze the fields."""
        layout = self.layout()
        assert layout
        layout.activate()
        self.setFixedHeight(layout.totalHeightForWidth(_WIDTH))

    def _try(self) -> None:
        try:
            self._check()
        except StudyError as error:
            self.trouble.setText(f"⚠ {error}")
            self._fit()
            return
        self.accept()
        self._then()

    def add_line(self, words: str, placeholder: str = "") -> QLineEdit:
        """A field in plain sight."""
        line = QLineEdit()
        line.setPlaceholderText(placeholder)
        line.setAccessibleName(words)
        self.fields.addRow(words, line)
        return line

    def add_passphrase(self, words: str) -> QLineEdit:
        """A field that shows dots."""
        line = self.add_line(words)
        line.setEchoMode(QLineEdit.EchoMode.Password)
        return line


def same_twice(first: QLineEdit, again: QLineEdit, whose: str) -> str:
    """A passphrase that was typed twice; StudyError if the two differ."""
    if first.text() != again.text():
        raise StudyError(f"{whose}: the two passphrases differ.", remedy="Type both once more.")
    return first.text()
