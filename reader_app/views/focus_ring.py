"""A ring around whatever has the keyboard's focus: Qt's own style marks it too faintly for a dark room."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QSlider,
    QWidget,
)

from reader_app.views import theme

_RINGED = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QSlider)
_MOVES = {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.LayoutRequest}
_OUTSIDE = 3


class FocusRing(QWidget):
    """Lies over the whole window, lets every click through, and follows the focus by itself."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._followed: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)
        self.hide()

    @property
    def around(self) -> QRect | None:
        """The ringed rectangle in the window; None if nothing is ringed."""
        return None if self.isHidden() else self.geometry().adjusted(_OUTSIDE, _OUTSIDE, -_OUTSIDE, -_OUTSIDE)

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self._followed:
            self._followed.destroyed.disconnect(self._forget)
        for widget in _with_parents(self._followed):
            widget.removeEventFilter(self)
        self._followed = now if isinstance(now, _RINGED) and now.window() is self.window() else None
        if self._followed:
            self._followed.destroyed.connect(self._forget)
        for widget in _with_parents(self._followed):
            widget.installEventFilter(self)
        self._place()

    def _forget(self) -> None:
        self._followed = None
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES:
            self._place()
        return False

    def _place(self) -> None:
        widget = self._followed
        if not widget or not widget.isVisible():
            self.hide()
            return
        corner = widget.mapTo(self.window(), QPoint(0, 0))
        self.setGeometry(QRect(corner, widget.size()).adjusted(-_OUTSIDE, -_OUTSIDE, _OUTSIDE, _OUTSIDE))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.ACCENT), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)


def _with_parents(widget: QWidget | None) -> Iterator[QWidget]:
    """Whatever moves a widget on the screen: itself and all that holds it, but for the window."""
    while widget and not widget.isWindow():
        yield widget
        widget = widget.parentWidget()
