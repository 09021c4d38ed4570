"""One process of `bench_app`: starts the app, shows the first exam, perhaps walks through all; prints JSON.

Arguments: the package, when the parent started this process (seconds of the epoch), and perhaps `walk`.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from reader_app.desk import Desk
from reader_app.views import theme
from reader_app.views.main_window import MainWindow


def main() -> None:
    app = QApplication(["reader-app"])
    theme.apply(app)
    window = MainWindow(Desk())
    window.resize(1440, 960)
    window.show()
    window.open_package(Path(sys.argv[1]))
    _until(lambda: _is_shown(window))
    figures: dict[str, object] = {"start_ms": (time.time() - float(sys.argv[2])) * 1000}
    if sys.argv[3:] == ["walk"]:
        figures |= _walk(window)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    window.close()
    print(json.dumps(figures))


def _walk(window: MainWindow) -> dict[str, list[float]]:
    """To the end with time to fetch ahead, then jumps to exams that cannot have been fetched."""
    assert window.flow
    flow = window.flow
    readings = flow.sitting.readings
    ahead, cold = [], []
    for reading in readings[1:]:
        _wait(1.5)
        ahead.append(_timed(window, lambda reading=reading: flow.read(reading)))
    for index in (5, 15, 2, 12, 8):
        _wait(1.5)
        cold.append(_timed(window, lambda index=index: flow.read(readings[index])))
    return {"ahead_ms": ahead, "cold_ms": cold}


def _timed(window: MainWindow, act: Callable[[], None]) -> float:
    since = time.perf_counter()
    act()
    _until(lambda: _is_shown(window))
    return (time.perf_counter() - since) * 1000


def _is_shown(window: MainWindow) -> bool:
    """The images are there and every view has been painted."""
    if not (window.flow and window.flow.reading_page.is_seen):
        return False
    QGuiApplication.sync()
    return True


def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        QApplication.processEvents()
        time.sleep(0.001)


def _wait(seconds: float) -> None:
    until = time.monotonic() + seconds
    _until(lambda: time.monotonic() > until)


if __name__ == "__main__":
    main()
