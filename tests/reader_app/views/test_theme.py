"""Contrast by WCAG 2.2's own formula (relative luminance, 1.4.3), for named pairs and for painted buttons."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from reader_app.views import theme


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [part / 255 for part in QColor(colour).getRgb()[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_gives_the_known_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WebAIM's well-known near miss


@pytest.mark.parametrize(("text", "ground"), theme.TEXT_PAIRS)
def test_all_words_can_be_read(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("is_chosen", [True, False])
def test_buttons_can_be_read_as_they_are_painted(qtbot: QtBot, is_chosen: bool) -> None:
    """Fusion paints a gradient over the button's colour: the lightest pixel of the ground counts."""
    theme.apply(QApplication.instance())  # type: ignore[arg-type]
    button = QPushButton("")
    theme.mark(button, is_chosen)
    qtbot.addWidget(button)
    button.resize(150, 38)
    picture = button.grab().toImage()
    ground = max((picture.pixelColor(75, y).name() for y in range(4, 34)), key=luminance)
    assert contrast(theme.ON_ACCENT if is_chosen else theme.TEXT, ground) >= 4.5


def test_greys_have_no_cast() -> None:
    for grey in (theme.BLACK, theme.BASE, theme.WINDOW, theme.RAISED, theme.LINE, theme.TEXT, theme.QUIET):
        assert len(set(QColor(grey).getRgb()[:3])) == 1


def test_type_is_at_least_eleven_points(qtbot: QtBot) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app)
    assert app.font().pointSizeF() >= 11
