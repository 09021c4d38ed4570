"""Peer of bench_viewer: napari, six canvases, image and labels each; run by an environment of its own, without ours.

The pattern of napari's own multiple-viewer example. No crosshair, no letters.
"""

import resource
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
from napari.components import ViewerModel
from napari.qt import QtViewer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QGridLayout, QWidget

EXAM = Path(__file__).resolve().parents[3] / "shared" / "data" / "exams" / "upenn-00006"
WARM_UP, MOVES = 10, 60


def main() -> None:
    app = QApplication.instance() or QApplication([])
    image = np.asarray(nibabel.load(EXAM / "t1c.nii.gz").dataobj)
    mask = (np.asarray(nibabel.load(EXAM / "seg.nii.gz").dataobj) > 0).astype(np.uint8)
    window = QWidget()
    grid = QGridLayout(window)
    grid.setContentsMargins(0, 0, 0, 0)
    models = [_model(image, mask, axis) for _side in range(2) for axis in range(3)]
    for n, model in enumerate(models):
        grid.addWidget(QtViewer(model), n % 3, n // 3)
    window.resize(1440, 960)
    window.show()
    app.processEvents()
    times, cpu = [], 0.0
    for n in range(WARM_UP + MOVES):
        before, started = _cpu_s(), time.perf_counter()
        for model in models:
            model.dims.current_step = (80 + n, 90 + n, 40 + n)
        app.processEvents()
        QGuiApplication.sync()
        if n >= WARM_UP:
            times.append(time.perf_counter() - started)
            cpu += _cpu_s() - before
    p50, p95 = np.percentile(times, (50, 95)) * 1000
    print(f"{sys.argv[1]:46} {p50:7.1f} {p95:7.1f} {cpu / MOVES * 1000:7.1f}", flush=True)


def _model(image: np.ndarray, mask: np.ndarray, axis: int) -> ViewerModel:
    model = ViewerModel()
    model.add_image(image)
    model.add_labels(mask, opacity=0.35)
    model.dims.order = (axis, *(a for a in range(3) if a != axis))
    return model


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
