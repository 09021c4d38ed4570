"""The mouse in a slice, through real events."""

import math
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from reader_app.layout import Layout, Plane
from reader_app.session.model import Side
from reader_app.state import ViewState
from reader_app.views.slice_view import SliceView
from reader_app.views.viewer import ViewersView
from tests.reader_app.made_exams import made_exam
from tests.reader_app.views.viewing import view_of, viewing

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def viewers(qtbot: QtBot) -> Iterator[ViewersView]:
    with viewing(qtbot, made_exam()) as shown:
        yield shown


@pytest.fixture
def state(viewers: ViewersView) -> ViewState:
    return viewers._state


@pytest.fixture
def axial(viewers: ViewersView) -> SliceView:
    return view_of(viewers, Side.B, Plane.AXIAL)


def drag(view: QWidget, button: Qt.MouseButton, by: tuple[int, int], modifiers: Qt.KeyboardModifier = NONE) -> None:
    begin = QPoint(150, 200)
    end = begin + QPoint(*by)
    QTest.mousePress(view, button, modifiers, begin)
    for n in range(1, 5):
        QTest.mouseMove(view, begin + (end - begin) * n / 4)
    QTest.mouseRelease(view, button, modifiers, end)


def turn_wheel(view: QWidget, delta: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    middle = QPointF(view.rect().center())
    event = QWheelEvent(
        middle,
        view.mapToGlobal(middle),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def point_of(view: SliceView, vox: tuple[int, int, int]) -> QPoint:
    x, y = view.placement().pixel_of(vox)
    return QPoint(int(x), int(y))


def test_a_click_puts_the_crosshair_there_and_keeps_the_slice(axial: SliceView, state: ViewState) -> None:
    state.move_cursor((20, 25, 15))
    QTest.mouseClick(axial, LEFT, NONE, point_of(axial, (9, 33, 15)))
    assert state.cursor_vox == (9, 33, 15)


def test_a_drag_takes_the_crosshair_along_and_stops_at_the_images_edge(axial: SliceView, state: ViewState) -> None:
    QTest.mousePress(axial, LEFT, NONE, point_of(axial, (9, 33, 15)))
    QTest.mouseMove(axial, point_of(axial, (12, 30, 15)))
    assert state.cursor_vox == (12, 30, 15)
    QTest.mouseMove(axial, QPoint(-4000, -4000))
    assert state.cursor_vox == (0, 0, 15)
    QTest.mouseRelease(axial, LEFT, NONE, QPoint(1, 1))
    QTest.mouseMove(axial, point_of(axial, (12, 30, 15)))
    assert state.cursor_vox == (0, 0, 15)  # the button is up


@pytest.mark.parametrize(("button", "modifiers"), [(MIDDLE, NONE), (LEFT, SHIFT)])
def test_panning_takes_the_picture_along(
    axial: SliceView, state: ViewState, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier
) -> None:
    before, cursor = axial.placement(), state.cursor_vox
    drag(axial, button, (40, -24), modifiers)
    after = axial.placement()
    assert (after.x0 - before.x0, after.y0 - before.y0) == (40, -24)
    assert state.cursor_vox == cursor
    assert {plane for plane, pan in state.pan_mm.items() if pan != (0.0, 0.0)} == {Plane.AXIAL}


def test_wheel_clicks_change_slices(viewers: ViewersView, state: ViewState) -> None:
    state.move_cursor((20, 25, 15))
    for plane, expected in (
        (Plane.AXIAL, (20, 25, 16)),
        (Plane.SAGITTAL, (21, 25, 16)),
        (Plane.CORONAL, (21, 26, 16)),
    ):
        turn_wheel(view_of(viewers, Side.A, plane), 120)
        assert state.cursor_vox == expected
    turn_wheel(view_of(viewers, Side.A, Plane.CORONAL), -360)
    assert state.cursor_vox == (21, 23, 16)


def test_a_touchpads_small_steps_add_up(axial: SliceView, state: ViewState) -> None:
    state.move_cursor((20, 25, 15))
    for expected in (15, 15, 15, 16, 16, 16, 16, 17):  # 30 eighths of a degree each; 120 are a step
        turn_wheel(axial, 30)
        assert state.cursor_vox[2] == expected
    turn_wheel(axial, 90)
    turn_wheel(axial, -60)  # turning round starts anew
    assert state.cursor_vox[2] == 17
    turn_wheel(axial, -60)
    assert state.cursor_vox[2] == 16


def test_wheel_with_control_zooms_about_the_crosshair(axial: SliceView, state: ViewState) -> None:
    state.move_cursor((12, 12, 15))
    before = axial.placement().pixel_of(state.cursor_vox)
    turn_wheel(axial, 120, CONTROL)
    turn_wheel(axial, 120, CONTROL)
    assert state.zoom == pytest.approx(1.15**2)
    assert axial.placement().pixel_of(state.cursor_vox) == pytest.approx(before, abs=1.01)
    assert state.cursor_vox == (12, 12, 15)


def test_a_pinch_zooms(axial: SliceView, state: ViewState) -> None:
    place = QPointF(50, 50)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        place,
        place,
        place,
        0.25,
        QPointF(),
    )
    QApplication.sendEvent(axial, event)
    assert state.zoom == pytest.approx(1.25)


def test_right_drag_sets_the_window_of_that_layer(axial: SliceView, state: ViewState) -> None:
    before = state.windows
    drag(axial, RIGHT, (0, -40))  # up: brighter, the level falls by a tenth of the width
    assert state.windows["T1c"].level == pytest.approx(before["T1c"].level - before["T1c"].width / 10)
    assert state.windows["T1c"].width == pytest.approx(before["T1c"].width)
    drag(axial, RIGHT, (50, 0))  # right: wider, e^(50/250)
    assert state.windows["T1c"].width == pytest.approx(before["T1c"].width * math.exp(0.2))
    assert state.windows["FLAIR"] == before["FLAIR"]
    assert state.zoom == 1.0


def test_a_right_click_changes_nothing(axial: SliceView, state: ViewState) -> None:
    before = state.to_dict()
    QTest.mouseClick(axial, RIGHT, NONE, QPoint(50, 50))
    assert state.to_dict() == before


def test_right_drag_with_control_zooms(axial: SliceView, state: ViewState) -> None:
    before = state.windows
    drag(axial, RIGHT, (0, -75), CONTROL)
    assert state.zoom == pytest.approx(math.exp(0.5))
    assert state.windows == before


def test_the_slider_at_the_edge_goes_through_all_slices(axial: SliceView, state: ViewState) -> None:
    edge = axial.width() - 4
    QTest.mousePress(axial, LEFT, NONE, QPoint(edge, axial.height() // 2))
    assert state.cursor_vox[2] == pytest.approx(14.5, abs=1)
    QTest.mouseMove(axial, QPoint(edge, 0))
    assert state.cursor_vox[2] == 29  # the head's top is on top
    QTest.mouseMove(axial, QPoint(edge - 200, axial.height()))  # held: the mouse may leave it
    assert state.cursor_vox[2] == 0
    QTest.mouseRelease(axial, LEFT, NONE, QPoint(edge, axial.height()))


def test_a_double_click_enlarges_and_brings_back(viewers: ViewersView, state: ViewState) -> None:
    view = view_of(viewers, Side.A, Plane.CORONAL)
    QTest.mouseDClick(view, LEFT, NONE, QPoint(60, 60))
    assert state.maximised == ("T1c", Plane.CORONAL)
    for side in Side:
        (large,) = viewers.slice_views(side)
        assert (large.plane, large.isVisible()) == (Plane.CORONAL, True)
        assert large.height() == viewers.height() - large.y()
    QTest.mouseDClick(viewers.slice_views(Side.B)[0], LEFT, NONE, QPoint(60, 60))
    assert state.maximised is None
    assert len(viewers.slice_views(Side.A)) == 3


def test_a_double_click_on_the_slider_enlarges_nothing(axial: SliceView, state: ViewState) -> None:
    QTest.mouseDClick(axial, LEFT, NONE, QPoint(axial.width() - 4, 50))
    assert state.maximised is None


def test_a_second_button_does_not_disturb_a_drag(axial: SliceView, state: ViewState) -> None:
    before = state.windows
    QTest.mousePress(axial, LEFT, NONE, point_of(axial, (9, 33, 15)))
    QTest.mousePress(axial, RIGHT, NONE, point_of(axial, (9, 33, 15)))
    QTest.mouseMove(axial, point_of(axial, (20, 20, 15)))
    QTest.mouseRelease(axial, RIGHT, NONE, QPoint(1, 1))
    QTest.mouseMove(axial, point_of(axial, (12, 30, 15)))
    assert state.cursor_vox == (12, 30, 15)
    assert state.windows == before
    QTest.mouseRelease(axial, LEFT, NONE, QPoint(1, 1))


def test_the_layer_clicked_on_is_the_one_in_front(viewers: ViewersView, state: ViewState) -> None:
    state.set_layout(Layout.BOTH)
    QTest.mouseClick(view_of(viewers, Side.A, Plane.SAGITTAL, "FLAIR"), LEFT, NONE, QPoint(50, 50))
    assert state.layer == "FLAIR"


def test_the_active_plane_is_the_one_under_the_mouse(viewers: ViewersView, state: ViewState) -> None:
    for other in viewers.findChildren(SliceView):  # wherever the display's own pointer is
        other.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    view = view_of(viewers, Side.B, Plane.SAGITTAL)
    view.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    assert viewers.active_plane() is Plane.SAGITTAL
    view.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    assert viewers.active_plane() is Plane.AXIAL
    state.maximise("FLAIR", Plane.CORONAL)
    assert viewers.active_view() == ("FLAIR", Plane.CORONAL)


def test_a_drag_that_an_exams_end_interrupts_does_no_harm(viewers: ViewersView, axial: SliceView) -> None:
    QTest.mousePress(axial, LEFT, NONE, QPoint(60, 60))
    viewers.show_message("The image is damaged.")
    QTest.mouseMove(axial, QPoint(80, 80))
    QTest.mouseRelease(axial, LEFT, NONE, QPoint(80, 80))
    turn_wheel(axial, 120)
    QApplication.sendEvent(axial, QEvent(QEvent.Type.Leave))
    assert viewers.slice_views(Side.A) == []
