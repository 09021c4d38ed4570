"""A hand on the mouse and the keyboard: real events, sent through the X server as a person's would come."""

import shutil
import subprocess

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from segmentation.errors import StudyError

_BUTTONS = {Qt.MouseButton.LeftButton: "1", Qt.MouseButton.MiddleButton: "2", Qt.MouseButton.RightButton: "3"}
_WHEEL_UP, _WHEEL_DOWN = "4", "5"


class Hand:
    """Presses keys and moves the mouse through `xdotool`. Raises StudyError if that is not installed."""

    def __init__(self) -> None:
        if not shutil.which("xdotool"):
            raise StudyError(
                "The scripted reader needs the program xdotool to press keys.",
                remedy="Install it: sudo apt-get install xdotool",
            )

    def focus(self, window: QWidget) -> None:
        """Give the window the keyboard; a display without a window manager leaves that to us."""
        self._do("windowfocus", str(int(window.winId())))

    def press(self, *keys: str) -> None:
        """Keys by their X names, one after the other: 'Return', 'Page_Down', 'ctrl+q'."""
        self._do("key", "--delay", "5", *keys)

    def write(self, text: str) -> None:
        """Letters into whatever has the focus."""
        self._do("type", "--delay", "5", text)

    def click(self, widget: QWidget, at: QPoint) -> None:
        self._do("mousemove", *_on_screen(widget, at), "click", "1")

    def drag(self, widget: QWidget, start: QPoint, end: QPoint, button: Qt.MouseButton) -> None:
        number = _BUTTONS[button]
        middle = (start + end) / 2
        moves = [word for at in (middle, end) for word in ("mousemove", *_on_screen(widget, at), "sleep", "0.02")]
        self._do("mousemove", *_on_screen(widget, start), "mousedown", number, *moves, "mouseup", number)

    def wheel(self, widget: QWidget, at: QPoint, steps: int) -> None:
        button = _WHEEL_UP if steps > 0 else _WHEEL_DOWN
        self._do("mousemove", *_on_screen(widget, at), "click", "--repeat", str(abs(steps)), "--delay", "10", button)

    @staticmethod
    def _do(*words: str) -> None:
        done = subprocess.run(["xdotool", *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise StudyError(f"xdotool could not do '{words[0]}': {done.stderr.strip()}", remedy="Is DISPLAY set?")


def _on_screen(widget: QWidget, at: QPoint) -> tuple[str, str]:
    """Device pixels of the X screen."""
    ratio = widget.devicePixelRatioF()
    place = widget.mapToGlobal(at)
    return str(round(place.x() * ratio)), str(round(place.y() * ratio))
