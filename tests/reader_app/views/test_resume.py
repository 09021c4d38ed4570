"""After kill -9 the window comes back as it was: exam, cursor, layer, layout, windows, opacity, zoom, scores, draft."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from reader_app.desk import Desk
from reader_app.session.model import Side
from reader_app.views.main_window import MainWindow
from tests.reader_app.views.conftest import Reader

ROOT = Path(__file__).parents[3]

READ_AND_WAIT = """
import json, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication
from reader_app.desk import Desk
from reader_app.views import theme
from reader_app.views.main_window import MainWindow

def wait(ms):
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()

def wait_for(claim):
    while not claim():
        wait(20)

app = QApplication([])
theme.apply(app)
window = MainWindow(Desk())
window.show()
window.open_package(Path(sys.argv[1]))
wait_for(lambda: window.flow is not None)
wait_for(lambda: window.flow.reading_page.is_seen)
flow, state = window.flow, window.flow.state
for act in ("digit-7", "digit-8", "next"):
    window.act(act)
wait_for(lambda: flow.reading_page.is_seen and flow.sitting.reading == flow.sitting.readings[1])
window.act("digit-4")
state.move_cursor((3, 9, 14))
state.zoom_by(1.7)
state.set_opacity(0.62)
for act in ("layer", "next-preset", "layout-plane", "style", "interpolation", "crosshair"):
    window.act(act)
flow.reading_page.remark.open("comment", None)
flow.reading_page.remark.field.setText("half a thou")
flow.reading_page.remark.changed.emit()
wait(1500)  # three times what may be lost
print(json.dumps(state.to_dict()), flush=True)
wait(600_000)
"""


def test_everything_is_back_after_kill_9(reader: Reader, make_reader: Callable[[], Reader], package: Path) -> None:
    reader.begin(package)
    reader.window.close()
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", READ_AND_WAIT, str(package)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        shown = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    again = make_reader()
    again.open(package)
    again.wait_for_exam()
    assert again.flow.state.to_dict() == shown
    assert again.sitting.reading == again.sitting.readings[1]
    assert (again.score(Side.A), again.score(Side.B)) == (4, None)
    assert again.sitting.entry.focus is Side.B
    assert again.page.top_bar.title.text() == "Exam 1 of 3"
    assert again.page.remark.is_open and again.page.remark.field.text() == "half a thou"
    assert len(again.events("crash_recovered")) == 1
    again.press("6")  # the draft does not take the keys
    assert again.score(Side.B) == 6


def test_an_exam_that_is_opened_anew_hangs_as_the_protocol_says(reading: Reader) -> None:
    start = reading.flow.state.to_dict()
    reading.flow.state.zoom_by(3)
    reading.press("PageUp", "PageUp", "7", "8", "Enter")
    reading.wait_for_exam()
    reading.press("p")
    reading.wait_for_exam()
    assert reading.flow.state.to_dict() == start


def test_the_window_comes_back_where_it_was(reader: Reader) -> None:
    reader.window.resize(1150, 690)
    reader.window.close()
    again = MainWindow(Desk())
    reader.qtbot.addWidget(again)
    assert again.height() == 690  # the width may be held by the screen of the test
