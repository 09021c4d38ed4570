"""At a scale like 1.5 or 2 pictures still meet the screen's own pixels; each scale needs a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from reader_app.session.model import Side
from reader_app.state import Layout, ViewState
from reader_app.scene import Scene
from reader_app.views.viewer import ViewersView
from tests.reader_app.made_exams import made_exam

app = QApplication([])
state = ViewState()
viewers = ViewersView(state)
viewers.resize(901, 603)
viewers.show()
exam = made_exam()
viewers.show_exam(exam)
state.toggle_crosshair()
state.toggle_overlay()
dpr = viewers.devicePixelRatioF()
assert dpr == float(sys.argv[1]), dpr
for layout in (Layout.BOTH, Layout.ONE):
    state.set_layout(layout)
    image = viewers.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    screen = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    for side in Side:
        for view in viewers.slice_views(side):
            placement = view.placement()
            index = state.cursor_vox[view.plane.normal_axis]
            patch = Scene(exam).grey(view.layer, index, placement, state.windows[view.layer], True)
            whole = np.zeros((placement.height, placement.width), np.uint8)
            height, width = patch.pixels.shape
            whole[patch.y : patch.y + height, patch.x : patch.x + width] = patch.pixels & 255
            x, y = round(view.x() * dpr), round(view.y() * dpr)
            rows, columns = placement.height, placement.width
            part = np.s_[rows // 4 : rows // 2 - 30, columns // 4 : columns // 2]  # no words there
            shown = screen[y : y + placement.height, x : x + placement.width][part]
            assert shown.size > 500 and shown.std() > 10
            np.testing.assert_array_equal(shown, whole[part], err_msg=f"{layout} {side} {view.plane}")
viewers.close_exam()
print("crisp")
"""


@pytest.mark.parametrize("scale", ["1", "1.25", "1.5", "2"])
def test_pictures_are_painted_pixel_for_pixel(scale: str) -> None:
    env = os.environ | {"QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", SCRIPT, scale], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "crisp", done.stderr
