"""Two viewers on a window, and what is seen on them as numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from reader_app.images import ExamImages
from reader_app.layout import Plane
from reader_app.session.model import Side
from reader_app.state import ViewState
from reader_app.views.slice_view import SliceView
from reader_app.views.viewer import ViewersView


@contextmanager
def viewing(qtbot: QtBot, exam: ExamImages, width: int = 1000, height: int = 700) -> Iterator[ViewersView]:
    """Both viewers in a window of that size, the exam open and painted."""
    state = ViewState()
    viewers = ViewersView(state)
    viewers.is_surface_allowed = True
    qtbot.addWidget(viewers)
    viewers.resize(width, height)
    with qtbot.waitExposed(viewers):
        viewers.show()
    viewers.show_exam(exam)
    paint(viewers)
    yield viewers
    viewers.close_exam()


def paint(viewers: QWidget) -> None:
    viewers.repaint()


def pixels(widget: QWidget) -> npt.NDArray[np.uint8]:
    """Red, green, blue of each pixel (height, width, 3)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def view_of(viewers: ViewersView, side: Side, plane: Plane, layer: str = "T1c") -> SliceView:
    return next(view for view in viewers.slice_views(side) if (view.layer, view.plane) == (layer, plane))
