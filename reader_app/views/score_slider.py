"""The scale of one side: ticks with their words, and a handle that is empty until it is touched."""

from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHideEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from reader_app.session.model import Scale
from reader_app.views import theme

_RADIUS = 10.0
_GROOVE_Y = 18.0
_LEFT, _RIGHT = 58.0, 32.0  # room for the parked handle and for half a word


class ScoreSlider(QWidget):
    """Whole numbers by mouse only: a click on the track sets that value, a drag previews until it is released.

    It takes no focus: the wheel and the arrow keys belong to the images and never change a score. Without a value
    the handle is hollow and parked left of the scale, on no number.
    """

    previewed = Signal(int)
    chosen = Signal(int)
    dropped = Signal()

    def __init__(self, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = scale
        self._value: int | None = None
        self._stored: int | None = None
        self._is_dragged = False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def value(self) -> int | None:
        return self._value

    def show_value(self, value: int | None) -> None:
        """Put the handle on a value, or park it; a handle that is being dragged stays with the mouse."""
        self._stored = value
        if not self._is_dragged:
            self._value = value
            self.update()

    def drop_drag(self) -> None:
        """Let go of the handle without choosing: what it would score is not what it was taken for."""
        if self._is_dragged:
            self._is_dragged = False
            self.show_value(self._stored)
            self.dropped.emit()

    def sizeHint(self) -> QSize:
        return QSize(560, self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        lines = 1 + max(len(self._lines(anchor.label)) for anchor in self._scale.anchors)
        return QSize(350, round(_GROOVE_Y + _RADIUS + 4 + lines * self.fontMetrics().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.updateGeometry()  # narrow, the words need one line more

    def _lines(self, words: str) -> list[str]:
        """An anchor's words in lines that do not touch their neighbours': its last word apart, or each word."""
        places = sorted(self.centre_of(anchor.value).x() for anchor in self._scale.anchors)
        room = min((right - left for left, right in pairwise(places)), default=float(self.width())) - 4
        lines = words.rsplit(" ", 1)
        return lines if max(map(self.fontMetrics().horizontalAdvance, lines)) <= room else words.split(" ")

    def centre_of(self, value: int) -> QPointF:
        """Where a value stands on the track."""
        steps = self._scale.maximum - self._scale.minimum
        length = self.width() - _LEFT - _RIGHT
        return QPointF(_LEFT + length * (value - self._scale.minimum) / steps, _GROOVE_Y)

    # --- mouse ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.isEnabled():
            self._is_dragged = True
            self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_dragged:
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_dragged and event.button() is Qt.MouseButton.LeftButton:
            self._follow(event)
            self._is_dragged = False
            if self._value is not None:
                self.chosen.emit(self._value)

    def changeEvent(self, event: QEvent) -> None:
        """A widget that is switched off gets no release of the button."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self.drop_drag()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.drop_drag()

    def _follow(self, event: QMouseEvent) -> None:
        steps = self._scale.maximum - self._scale.minimum
        share = (event.position().x() - _LEFT) / max(1.0, self.width() - _LEFT - _RIGHT)
        value = self._scale.minimum + round(min(max(share, 0.0), 1.0) * steps)
        self._value = value
        self.update()
        self.previewed.emit(value)

    # --- picture ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_track(painter)
        self._paint_words(painter)
        self._paint_handle(painter)

    def _paint_track(self, painter: QPainter) -> None:
        start, end = self.centre_of(self._scale.minimum), self.centre_of(self._scale.maximum)
        painter.setPen(QPen(QColor(theme.LINE), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(start, end)
        if self._value is not None and self.isEnabled():
            painter.setPen(QPen(QColor(theme.ACCENT), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(start, self.centre_of(self._value))
        painter.setPen(QPen(QColor(theme.QUIET), 1.2))
        for value in range(self._scale.minimum, self._scale.maximum + 1):
            at = self.centre_of(value)
            painter.drawLine(at + QPointF(0, 6), at + QPointF(0, _RADIUS + 2))

    def _paint_words(self, painter: QPainter) -> None:
        words = {anchor.value: anchor.label for anchor in self._scale.anchors}
        line = self.fontMetrics().height()
        top = _GROOVE_Y + _RADIUS + 2
        for value in range(self._scale.minimum, self._scale.maximum + 1):
            x = self.centre_of(value).x()
            is_anchor = value in words
            painter.setPen(QColor(theme.TEXT if is_anchor and self.isEnabled() else theme.QUIET))
            painter.drawText(QRectF(x - 30, top, 60, line), Qt.AlignmentFlag.AlignHCenter, str(value))
            if is_anchor:
                lines = self._lines(words[value])
                box = QRectF(x - 60, top + line - 2, 120, len(lines) * line)
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, "\n".join(lines))

    def _paint_handle(self, painter: QPainter) -> None:
        is_parked = self._value is None
        at = QPointF(14, _GROOVE_Y) if self._value is None else self.centre_of(self._value)
        colour = QColor(theme.ACCENT if self.isEnabled() else theme.DISABLED)
        painter.setPen(QPen(QColor(theme.QUIET) if is_parked else colour, 2))
        painter.setBrush(QColor(theme.WINDOW if is_parked or self._is_dragged else colour))
        painter.drawEllipse(at, _RADIUS - 1, _RADIUS - 1)
