"""Whatever has the focus is ringed, and the ring is where it is."""

from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

from reader_app.views.focus_ring import FocusRing
from reader_app.views.introduction_page import IntroductionPage
from reader_app.views.profile_page import ProfilePage
from tests.reader_app.views.conftest import Reader


def place_of(reader: Reader, widget: QWidget) -> QRect:
    return QRect(widget.mapTo(reader.window, QPoint(0, 0)), widget.size())


def test_the_ring_follows_the_keyboard(reader: Reader, package: Path) -> None:
    ring = reader.window.findChild(FocusRing)
    reader.open(package)
    reader.press("Tab")
    assert ring.around == place_of(reader, reader.focused())
    reader.press("Tab", "Enter")
    page = reader.window.page
    assert isinstance(page, ProfilePage)
    assert ring.around == place_of(reader, page.name)
    reader.window.resize(1400, 900)
    reader.qtbot.waitUntil(lambda: ring.around == place_of(reader, page.name))
    reader.press("A", "Enter", "B", "Enter", "Enter", "Enter")
    assert isinstance(reader.window.page, IntroductionPage)
    assert ring.around is None  # Enter goes on; nothing is typed into


def test_reading_has_its_own_frame_and_no_ring(reading: Reader) -> None:
    ring = reading.window.findChild(FocusRing)
    assert ring.around is None
    reading.press("k")
    assert ring.around == place_of(reading, reading.page.remark.field)
    reading.press("Esc")
    assert ring.around is None
