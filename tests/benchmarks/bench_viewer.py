"""How long until a move of the cursor is on the screen, and an exam: `python -m tests.benchmarks.bench_viewer`.

All views of both viewers at 1440x960 on a real exam, segmentations shown, every move changes all three slices (the
worst case). A time ends after everything is painted and the X server has answered. CPU is user and system time of
the whole process. Peers run in the same call, in processes of their own: a plain VTK/OpenGL design, and napari where
the variable NAPARI_PYTHON names the Python of an environment that has it.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from reader_app.images import ExamImages, load_exam
from reader_app.state import Layout, OverlayStyle, ViewState
from reader_app.views import theme
from reader_app.views.viewer import ViewersView
from tests.benchmarks.exam_folder import LAYERS, SHARED_EXAMS, ExamFolder

WIDTH, HEIGHT = 1440, 960
WARM_UP, MOVES = 10, 60


def main() -> None:
    if not SHARED_EXAMS.exists():
        raise SystemExit(f"The real exams are not here: {SHARED_EXAMS}")
    print(f"load before: {os.getloadavg()[0]:.1f}")
    print(f"{'':46} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7}")
    with tempfile.TemporaryDirectory() as folder:
        _bench_reader_app(ExamFolder(Path(folder)))
    _bench_peer("move, plain VTK with OpenGL, 6 views", sys.executable, "bench_opengl")
    if napari_python := os.environ.get("NAPARI_PYTHON"):
        _bench_peer("move, napari, 6 views", napari_python, "bench_napari")
    else:
        print("napari: not measured, as NAPARI_PYTHON names no environment that has it")


def report(name: str, act: Callable[[int], None], count: int = MOVES) -> None:
    """Time an act that is called with 0, 1, 2 …; the first ten are not counted."""
    times, cpu = [], 0.0
    for n in range(WARM_UP + count):
        before, started = _cpu_s(), time.perf_counter()
        act(n)
        if n >= WARM_UP:
            times.append(time.perf_counter() - started)
            cpu += _cpu_s() - before
    p50, p95 = np.percentile(times, (50, 95)) * 1000
    print(f"{name:46} {p50:7.1f} {p95:7.1f} {cpu / count * 1000:7.1f}", flush=True)


def slices(n: int) -> tuple[int, int, int]:
    """A different slice of every plane at each step, all through the head."""
    return 80 + n, 90 + n, 40 + n


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bench_reader_app(folder: ExamFolder) -> None:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app)
    state = ViewState()
    viewers = ViewersView(state)
    viewers.resize(WIDTH, HEIGHT)
    viewers.show()
    QTest.qWaitForWindowExposed(viewers)
    exam = load_exam(folder, "real", LAYERS)
    viewers.show_exam(exam)
    _bench_moves(app, state)
    _bench_switches(app, viewers, folder, exam)
    print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    viewers.close_exam()


def _bench_moves(app: QApplication, state: ViewState) -> None:
    def move(n: int) -> None:
        state.move_cursor(slices(n))
        _painted(app)

    def scroll(n: int) -> None:
        state.move_cursor((110, 120, 40 + n))
        _painted(app)

    for layout, views in ((Layout.BOTH, 12), (Layout.ONE, 6)):
        state.set_layout(layout)
        report(f"move, {views} views, fill", move)
    state.set_layout(Layout.BOTH)
    state.toggle_style()
    assert state.overlay_style is OverlayStyle.OUTLINE
    report("move, 12 views, outline", move)
    state.toggle_style()
    state.toggle_interpolation()
    report("move, 12 views, fill, no interpolation", move)
    state.toggle_interpolation()
    report("one axial slice on, 12 views", scroll)
    state.zoom_by(4)
    report("move, 12 views, zoom 4", move)
    state.reset()


def _bench_switches(app: QApplication, viewers: ViewersView, folder: ExamFolder, exam: ExamImages) -> None:
    others = [exam, load_exam(folder, "other", LAYERS)]

    def switch(n: int) -> None:
        viewers.show_exam(others[n % 2])
        _painted(app)

    def switch_cold(n: int) -> None:
        viewers.show_exam(load_exam(folder, str(n), LAYERS))
        _painted(app)

    report("next exam, decoded ahead, 12 views", switch, 20)
    folder.forget_in_page_cache()
    report("next exam, not decoded, 12 views", switch_cold, 5)


def _painted(app: QApplication) -> None:
    app.processEvents()
    QGuiApplication.sync()


def _bench_peer(name: str, python: str, module: str) -> None:
    """Run a peer's script, which prints one line of the table."""
    here = Path(__file__).resolve().parents[2]
    done = subprocess.run([python, "-m", f"tests.benchmarks.{module}", name], cwd=here, capture_output=True, text=True)
    print(
        done.stdout.rstrip() if done.returncode == 0 else f"{name}: failed\n{done.stderr.rstrip()[-800:]}", flush=True
    )


if __name__ == "__main__":
    main()
