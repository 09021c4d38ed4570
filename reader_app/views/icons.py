"""Icons from the Phosphor set, of which only one font is loaded, and that after the first picture is on the screen."""

from functools import cache
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractButton

from reader_app.views import theme

_AFTER_FIRST_PICTURE_MS = 400
_FONT = ("ph", "phosphor-1.3.0.ttf", "phosphor-charmap-1.3.0.json")


def set_icon(button: QAbstractButton, name: str) -> None:
    """Give a button its icon a moment later; the button's text or tool tip stands by itself until then."""
    QTimer.singleShot(_AFTER_FIRST_PICTURE_MS, button, lambda: _put(button, name))


def _put(button: QAbstractButton, name: str) -> None:
    button.setIcon(_font().icon(f"ph.{name}", color=theme.TEXT, color_disabled=theme.DISABLED))


@cache
def _font() -> Any:
    from qtawesome.iconic_font import IconicFont  # a third of a second

    return IconicFont(_FONT)
