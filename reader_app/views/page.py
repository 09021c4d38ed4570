"""What the pages around the reading share: one column, one question, one highlighted next step."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from reader_app.views import theme

COLUMN_WIDTH = 680


class Page(QWidget):
    """A page of the window. `acts` are the keys that mean something on it, by the names in the table of keys."""

    @property
    def title(self) -> str:
        """What the window's title says of this page; "" while there is nothing to see yet."""
        return ""

    def acts(self) -> dict[str, Callable[[], None]]:
        return {}

    def start_focus(self) -> QWidget | None:
        """Where typing goes when the page comes up; None for the window itself."""
        return None


class ColumnPage(Page):
    """A page with a column in its middle and the next step at the column's end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH)
        self.column = QVBoxLayout(inside)
        self.column.setSpacing(14)
        self.column.setContentsMargins(0, 0, 0, 0)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(32, 32, 32, 32)
        outer.addStretch(1)
        middle = QVBoxLayout()
        middle.addStretch(2)
        middle.addWidget(inside)
        middle.addStretch(3)
        outer.addLayout(middle, 6)
        outer.addStretch(1)
        self._next: QPushButton | None = None

    def add_steps(self, text: str, act: Callable[[], object], *others: QPushButton) -> QPushButton:
        """The row at the end: quiet buttons at the left, the highlighted one at the right."""
        self._next = theme.primary(step_button(text, act))
        row = QHBoxLayout()
        for other in others:
            row.addWidget(other)
        row.addStretch()
        row.addWidget(self._next)
        self.column.addSpacing(10)
        self.column.addLayout(row)
        return self._next

    def acts(self) -> dict[str, Callable[[], None]]:
        return {"next": self.press_next} if self._next else {}

    def press_next(self) -> None:
        if self._next and self._next.isEnabled():
            self._next.click()


def step_button(text: str, act: Callable[[], object]) -> QPushButton:
    """A button large enough to hit without looking twice."""
    button = QPushButton(text)
    button.setMinimumHeight(38)
    button.setMinimumWidth(150)
    button.clicked.connect(lambda: act())
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
