"""Fields and boxes that can be seen: their edges against what they stand on, by WCAG's formula for contrast."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QLineEdit, QRadioButton, QWidget
from pytestqt.qtbot import QtBot

from reader_app.views import theme
from study_admin.views.borders import EDGE, BorderedStyle


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    shares = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in QColor(colour).getRgbF()[:3]]  # fmt: skip
    return 0.2126 * shares[0] + 0.7152 * shares[1] + 0.0722 * shares[2]


@pytest.mark.parametrize("ground", [theme.WINDOW, theme.BASE])
def test_the_edge_has_the_contrast_that_controls_need(ground: str) -> None:
    """1.4.11: 3 to 1."""
    assert (luminance(EDGE) + 0.05) / (luminance(ground) + 0.05) >= 3


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton, QLineEdit])
def test_the_edge_is_drawn(qtbot: QtBot, kind: type[QWidget]) -> None:
    widget = kind()
    qtbot.addWidget(widget)
    widget.setPalette(theme.palette())
    style = BorderedStyle()
    widget.setStyle(style)
    widget.show()
    image = widget.grab().toImage()
    reds = [image.pixelColor(x, y).red() for x in range(image.width()) for y in range(image.height())]
    widget.setStyle(None)
    assert sum(0x60 <= red <= 0x76 for red in reds) >= 8  # a circle's edge is blended with what is beside it
