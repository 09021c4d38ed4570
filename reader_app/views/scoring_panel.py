"""One side's score under its viewer: the scale, the value in large figures, and whether it is on the disk."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from reader_app.session.model import Scale, Side
from reader_app.views import theme
from reader_app.views.score_slider import ScoreSlider

NOT_YET_SAVED = "not yet saved"
_DASH = "–"


@dataclass(frozen=True)
class Shown:
    """What a panel shows."""

    value: int | None = None
    note: str = ""
    is_trouble: bool = False
    is_framed: bool = False
    is_open: bool = True  # may still be changed


class ScoringPanel(QFrame):
    """The scoring widget of one side; it passes on what the reader wants and shows what it is told."""

    scored = Signal(Side, int)
    pointed_at = Signal(Side)

    def __init__(self, side: Side, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self._shown = Shown()
        self.slider = ScoreSlider(scale)
        self.value_label = QLabel(_DASH)
        self.note_label = QLabel()
        self._lay_out()
        self.slider.previewed.connect(self._preview)
        self.slider.chosen.connect(lambda value: self.scored.emit(self.side, value))
        self.slider.dropped.connect(lambda: self.show_state(self._shown))
        self.setAccessibleName(f"Score of segmentation {side}")

    def _lay_out(self) -> None:
        letter = QLabel(str(self.side))
        theme.sized(letter, 1.7, is_bold=True)
        theme.sized(self.value_label, 2.4)
        for label in (self.value_label, self.note_label):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note_label.setWordWrap(True)
        self.note_label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.note_label.setMinimumHeight(2 * self.note_label.fontMetrics().height())
        figures = QVBoxLayout()
        figures.setSpacing(0)
        figures.addWidget(self.value_label)
        figures.addWidget(self.note_label)
        figures.addStretch()
        column = QWidget()
        column.setLayout(figures)
        column.setFixedWidth(104)
        figures.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 6)
        row.addWidget(letter, alignment=Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.slider, 1, alignment=Qt.AlignmentFlag.AlignTop)
        row.addWidget(column)

    def show_state(self, shown: Shown) -> None:
        self._shown = shown
        self.slider.setEnabled(shown.is_open)
        self.slider.show_value(shown.value)
        self._show_figures(shown.value, shown.note, theme.AMBER if shown.is_trouble else theme.QUIET)
        self.update()

    def show_frame(self, is_framed: bool) -> None:
        """Frame the side that the number keys score."""
        self._shown = replace(self._shown, is_framed=is_framed)
        self.update()

    def _preview(self, value: int) -> None:
        self.pointed_at.emit(self.side)
        self._show_figures(value, NOT_YET_SAVED, theme.QUIET)

    def _show_figures(self, value: int | None, note: str, note_colour: str) -> None:
        self.value_label.setText(_DASH if value is None else str(value))
        theme.paint(self.value_label, text=theme.QUIET if value is None or note == NOT_YET_SAVED else theme.TEXT)
        self.note_label.setText(note)
        theme.paint(self.note_label, text=note_colour)
        self.setAccessibleDescription(f"{'no score' if value is None else value} {note}".strip())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pointed_at.emit(self.side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame around the side that the number keys score; a thin line around the other."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_framed = self._shown.is_framed
        painter.setPen(QPen(QColor(theme.ACCENT if is_framed else theme.RAISED), 2.5 if is_framed else 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 5, 5)
