"""Edges around fields and boxes: Fusion draws them darker than a dark window, where nobody sees them."""

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QProxyStyle, QStyle, QStyleOption, QWidget

EDGE = "#767676"  # on the window and on fields at least 3 : 1 (WCAG 2.2, 1.4.11)
_Primitive = QStyle.PrimitiveElement
_BOXES = (_Primitive.PE_IndicatorCheckBox, _Primitive.PE_FrameLineEdit)


class BorderedStyle(QProxyStyle):
    """Fusion, with an edge around check boxes, radio buttons and line edits."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawPrimitive(
        self, element: QStyle.PrimitiveElement, option: QStyleOption, painter: QPainter, widget: QWidget | None = None
    ) -> None:
        super().drawPrimitive(element, option, painter, widget)
        if element not in (*_BOXES, _Primitive.PE_IndicatorRadioButton):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(EDGE), 1))
        place = QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5)
        if element in _BOXES:
            painter.drawRoundedRect(place, 2, 2)
        else:
            painter.drawEllipse(place)
        painter.restore()
