"""Three hints over the reading page at the first visit: move, score, next. Any key takes them away for good."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from reader_app.views import theme

MOVE = "1  Click or drag in an image to move the crosshair; the wheel goes through the slices. Both sides follow."
SCORE = "2  Click on the scale or type 0 to 10: first A, then B. The frame shows whose turn it is."
NEXT = "3  Enter goes to the next exam. Everything is saved as you go."
DISMISS = "Any key or click takes these hints away."
_WIDTH = 300


class Callouts:
    """Hints that let every click through to what lies under them."""

    def __init__(self, page: QWidget) -> None:
        self._boxes = [_box(page, *words) for words in ((MOVE,), (SCORE,), (NEXT, DISMISS))]

    @property
    def are_shown(self) -> bool:
        return any(not box.isHidden() for box in self._boxes)

    def show_at(self, places: Sequence[QPoint]) -> None:
        """Put each hint with its lower middle on its place."""
        for box, place in zip(self._boxes, places, strict=True):
            box.adjustSize()
            page = box.parentWidget()
            assert page
            x = min(max(8, place.x() - box.width() // 2), page.width() - box.width() - 8)
            box.move(x, max(8, place.y() - box.height()))
            box.show()
            box.raise_()

    def dismiss(self) -> None:
        for box in self._boxes:
            box.hide()


def _box(page: QWidget, *words: str) -> QFrame:
    box = QFrame(page)
    box.setFrameShape(QFrame.Shape.Box)
    box.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    theme.paint(box, ground=theme.ACCENT_DEEP)
    inside = QVBoxLayout(box)
    inside.setContentsMargins(14, 10, 14, 10)
    for text in words:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setFixedWidth(_WIDTH)
        theme.paint(label, text=theme.ON_ACCENT)
        inside.addWidget(label)
    box.hide()
    return box
