"""Where a known point of the patient appears on the screen, and what a click there returns."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from reader_app.images import exam_of
from reader_app.layout import Plane
from reader_app.session.model import Side
from segmentation.volumes import Volume
from tests.reader_app.views.viewing import paint, pixels, view_of, viewing

SHAPE, SPACING_MM = (30, 36, 24), (1.0, 1.25, 2.0)
MARKED = (6, 9, 5)
# screen right and screen down as directions of the patient, in LPS (left, back, head): the radiological convention
SCREEN = {
    Plane.AXIAL: ((1, 0, 0), (0, 1, 0)),
    Plane.CORONAL: ((1, 0, 0), (0, 0, -1)),
    Plane.SAGITTAL: ((0, 1, 0), (0, 0, -1)),
}
EIGHT = [  # which patient axis each voxel axis follows, and which way; all 48 are in test_images.py
    ((0, 1, 2), (1, 1, 1)),
    ((0, 1, 2), (-1, -1, 1)),
    ((0, 1, 2), (-1, 1, -1)),
    ((1, 0, 2), (1, -1, 1)),
    ((1, 2, 0), (1, 1, -1)),
    ((2, 0, 1), (-1, 1, 1)),
    ((2, 1, 0), (-1, -1, -1)),
    ((0, 2, 1), (1, -1, -1)),
]


def directions(order: tuple[int, ...], signs: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Columns: the direction of each voxel axis in the patient, NIfTI's way (right, front, head)."""
    cosines = np.zeros((3, 3))
    for axis, (patient_axis, sign) in enumerate(zip(order, signs, strict=True)):
        cosines[patient_axis, axis] = sign
    return cosines


def tilt(around_head_deg: float, around_ears_deg: float) -> npt.NDArray[np.float64]:
    a, b = np.radians((around_head_deg, around_ears_deg))
    turned = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    nodded = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return turned @ nodded


def world(cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = cosines * SPACING_MM
    matrix[:3, 3] = (-31.5, 17.25, 60)
    return matrix


def check_marker(qtbot: QtBot, cosines: npt.NDArray[np.float64]) -> None:
    array = np.zeros(SHAPE, np.int16)
    array[2:-2, 2:-2, 2:-2] = 100
    array[MARKED] = 1000
    matrix = world(cosines)
    empty = {side: Volume(np.zeros(SHAPE, np.uint8), matrix) for side in Side}
    exam = exam_of("0" * 16, {"T1c": Volume(array, matrix)}, empty)
    i, j, k = np.argwhere(exam.layers["T1c"].array == 1000)[0]
    marked = (int(i), int(j), int(k))
    middle = (np.array(SHAPE) - 1) / 2
    offset_lps = (matrix[:3, :3] @ (np.array(MARKED) - middle)) * (-1, -1, 1)  # from the image's middle, in mm
    to_lps = cosines * np.array([[-1], [-1], [1]])
    with viewing(qtbot, exam, 900, 640) as viewers:
        state = viewers._state
        state.toggle_interpolation()
        state.toggle_crosshair()
        state.move_cursor(marked)
        paint(viewers)
        for side, plane in product(Side, Plane):
            view = view_of(viewers, side, plane)
            rows, columns = np.nonzero(pixels(view).min(axis=2) == 255)
            seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
            scale = view.placement().px_per_mm
            along = [offset_lps @ nearest_axis(to_lps, direction) for direction in SCREEN[plane]]
            expected = np.array([view.width(), view.height()]) / 2 + np.array(along) * scale
            assert np.abs(seen - expected).max() < 1.1, (side, plane)  # pictures begin at whole pixels
            state.move_cursor((0, 0, 0))
            others = [marked[a] if a == plane.normal_axis else 0 for a in range(3)]
            state.move_cursor((others[0], others[1], others[2]))
            qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(int(seen[0]), int(seen[1])))
            assert state.cursor_vox == marked


def nearest_axis(to_lps: npt.NDArray[np.float64], direction: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """The image's own axis nearest to a direction of the patient: slices are shown along the image's axes."""
    along = np.asarray(direction) @ to_lps
    axis = np.abs(along).argmax()
    return to_lps[:, axis] * np.sign(along[axis])


@pytest.mark.parametrize(("order", "signs"), EIGHT)
def test_a_marker_is_seen_where_the_patient_has_it(
    qtbot: QtBot, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    check_marker(qtbot, directions(order, signs))


@pytest.mark.parametrize(("order", "signs"), EIGHT[::3])
@pytest.mark.parametrize("angles", [(20.0, 0.0), (-12.0, 18.0)])
def test_an_oblique_image_is_shown_along_its_own_axes(
    qtbot: QtBot, order: tuple[int, ...], signs: tuple[int, ...], angles: tuple[float, float]
) -> None:
    check_marker(qtbot, tilt(*angles) @ directions(order, signs))


@pytest.mark.parametrize(
    ("angle", "left", "right"),
    # 10 degrees say nothing, 20 do (the limit lies at 15): turned that way the screen's right is left and back
    [(0.0, "R", "L"), (10.0, "R", "L"), (20.0, "RA", "LP"), (-20.0, "RP", "LA")],
)
def test_letters_tell_an_oblique_image(qtbot: QtBot, angle: float, left: str, right: str) -> None:
    matrix = world(tilt(angle, 0) @ directions((0, 1, 2), (-1, -1, 1)))
    volume = Volume(np.ones(SHAPE, np.int16), matrix)
    masks = {side: Volume(np.zeros(SHAPE, np.uint8), matrix) for side in Side}
    with viewing(qtbot, exam_of("0" * 16, {"T1c": volume}, masks)) as viewers:
        marks = view_of(viewers, Side.A, Plane.AXIAL).marks()
        assert (marks.left, marks.right) == (left, right)


def test_letters_of_the_three_planes(qtbot: QtBot) -> None:
    matrix = world(directions((0, 1, 2), (1, 1, 1)))
    volume = Volume(np.ones(SHAPE, np.int16), matrix)
    masks = {side: Volume(np.zeros(SHAPE, np.uint8), matrix) for side in Side}
    with viewing(qtbot, exam_of("0" * 16, {"T1c": volume}, masks)) as viewers:
        for plane, expected in ((Plane.AXIAL, "RLAP"), (Plane.SAGITTAL, "APSI"), (Plane.CORONAL, "RLSI")):
            for side in Side:
                marks = view_of(viewers, side, plane).marks()
                assert marks.left + marks.right + marks.top + marks.bottom == expected


def test_millimetres_are_equal_along_both_axes_of_an_anisotropic_image(qtbot: QtBot) -> None:
    matrix = world(directions((0, 1, 2), (1, 1, 1)))
    volume = Volume(np.ones(SHAPE, np.int16), matrix)
    masks = {side: Volume(np.zeros(SHAPE, np.uint8), matrix) for side in Side}
    with viewing(qtbot, exam_of("0" * 16, {"T1c": volume}, masks)) as viewers:
        for plane in Plane:
            placement = view_of(viewers, Side.A, plane).placement()
            spacing = SPACING_MM[plane.u_axis], SPACING_MM[plane.v_axis]
            assert placement.px_u / placement.px_v == pytest.approx(spacing[0] / spacing[1])
