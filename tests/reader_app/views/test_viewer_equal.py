"""Both viewers show the same place in the same way, whatever is done: 1,000 random acts, and every combination."""

import random
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from reader_app.layout import Layout, Plane
from reader_app.session.model import Side
from reader_app.state import ViewState, Window
from reader_app.views.slice_view import SliceView
from reader_app.views.viewer import ViewersView
from tests.reader_app.made_exams import ball, made_exam
from tests.reader_app.views.test_viewer_mouse import CONTROL, LEFT, MIDDLE, NONE, RIGHT, SHIFT, turn_wheel
from tests.reader_app.views.viewing import paint, pixels, viewing

ACTS, PIXELS_EVERY = 1000, 10
EXAMS = [made_exam(name="1" * 16), made_exam(mask_a=ball((12, 30, 10), 7), name="2" * 16)]  # A and B are equal in each


@pytest.fixture
def viewers(qtbot: QtBot) -> Iterator[ViewersView]:
    with viewing(qtbot, EXAMS[0], 1001, 701) as shown:  # odd, so that halves do not come out even
        yield shown


def check_equal_pictures(viewers: ViewersView, message: object) -> None:
    """Every view of A is, pixel by pixel, the view of B."""
    a, b = (viewers.slice_views(side) for side in Side)
    assert len(a) == len(b)
    for view_a, view_b in zip(a, b, strict=True):
        assert view_a.drawn == view_b.drawn and view_a.drawn is not None, message
        assert view_a.isVisible() and view_b.isVisible()
        np.testing.assert_array_equal(pixels(view_a), pixels(view_b), err_msg=str(message))


def check_sides_mirror_each_other(viewers: ViewersView) -> None:
    """The two halves are equal as a whole, below the letters A and B."""
    picture = pixels(viewers)[viewers.slice_views(Side.A)[0].y() :]
    half = viewers.slice_views(Side.B)[0].x()
    width = picture.shape[1] - half
    ends = [max(view.geometry().right() for view in viewers.slice_views(side)) for side in Side]
    assert ends == [width - 1, picture.shape[1] - 1]  # nothing is cut off
    np.testing.assert_array_equal(picture[:, :width], picture[:, half:])


def acts_of(state: ViewState, dice: random.Random) -> list[Callable[[], object]]:
    """Every intent of the state, with random arguments."""
    plane, layer = dice.choice(list(Plane)), dice.choice(["T1c", "FLAIR"])
    return [
        lambda: state.move_cursor((dice.randrange(40), dice.randrange(50), dice.randrange(30))),
        lambda: state.move_by(plane, dice.randint(-3, 3), dice.randint(-3, 3)),
        lambda: state.scroll(plane, dice.randint(-9, 9)),
        lambda: state.zoom_by(dice.uniform(0.6, 1.7)),
        lambda: state.pan_by(plane, dice.uniform(-9, 9), dice.uniform(-9, 9)),
        lambda: state.set_window(layer, Window(dice.uniform(0, 900), dice.uniform(1, 900))),
        lambda: state.set_opacity(dice.random()),
        lambda: state.set_layout(dice.choice([Layout.BOTH, Layout.ONE, Layout.PLANE])),
        lambda: state.set_plane(plane),
        lambda: state.maximise(layer, plane),
        lambda: state.set_layer(layer),
        state.restore_layout,
        state.toggle_layer,
        state.toggle_overlay,
        state.toggle_style,
        state.toggle_interpolation,
        state.toggle_crosshair,
        state.centre_on_cursor,
        state.go_to_start,
        state.cycle_layout,
        lambda: state.next_preset(layer),
        lambda: state.auto_window(layer),
        state.reset,
    ]


def use_the_mouse(view: SliceView, dice: random.Random) -> None:
    """A click, drag, wheel turn or double click somewhere in a view."""
    begin, end = (QPoint(dice.randrange(view.width()), dice.randrange(view.height())) for _ in range(2))
    kind = dice.randrange(8)
    if kind == 0:
        turn_wheel(view, dice.choice([-240, -120, -30, 30, 120]))
    elif kind == 1:
        turn_wheel(view, dice.choice([-120, 120]), CONTROL)
    elif kind == 2:
        QTest.mouseDClick(view, LEFT, NONE, begin)
    else:
        button, modifiers = dice.choice([(LEFT, NONE), (LEFT, SHIFT), (MIDDLE, NONE), (RIGHT, NONE), (RIGHT, CONTROL)])
        QTest.mousePress(view, button, modifiers, begin)
        QTest.mouseMove(view, (begin + end) / 2)
        QTest.mouseMove(view, end)
        QTest.mouseRelease(view, button, modifiers, end)


def test_after_a_thousand_random_acts_both_viewers_show_the_same(viewers: ViewersView) -> None:
    dice, state = random.Random(20200108), viewers._state
    seen: set[object] = set()
    for n in range(ACTS):
        if dice.random() < 0.5:
            use_the_mouse(dice.choice([view for side in Side for view in viewers.slice_views(side)]), dice)
        else:
            dice.choice(acts_of(state, dice))()
        if dice.random() < 0.01:
            viewers.show_exam(dice.choice(EXAMS))
        if dice.random() < 0.01:
            viewers.resize(dice.randint(700, 1300), dice.randint(400, 900))
        QApplication.processEvents()
        for view_a, view_b in zip(*(viewers.slice_views(side) for side in Side), strict=True):
            assert view_a.drawn == view_b.drawn, n
        if n % PIXELS_EVERY == 0:
            check_equal_pictures(viewers, n)
        seen.add((state.layout, state.maximised, state.overlay_style, state.is_interpolated))
    assert len(seen) > 20  # the acts went somewhere


@pytest.mark.parametrize("layout", [Layout.BOTH, Layout.ONE, Layout.PLANE])
def test_equal_masks_look_equal_in_every_style(viewers: ViewersView, layout: Layout) -> None:
    state = viewers._state
    state.set_layout(layout)
    for opacity, zoom in product((0.0, 0.2, 0.75, 1.0), (1, 2.7)):
        state.set_opacity(opacity)
        state.reset()
        state.zoom_by(zoom)
        for toggle in (state.toggle_style, state.toggle_interpolation, state.toggle_style, state.toggle_interpolation):
            toggle()
            paint(viewers)
            check_equal_pictures(viewers, (layout, opacity, zoom))
            check_sides_mirror_each_other(viewers)


def test_swapped_masks_swap_the_pictures(qtbot: QtBot) -> None:
    """The sides differ by their masks and by nothing else."""
    a, b = ball((25, 20, 15), 6), ball((20, 22, 14), 5)
    pictures = []
    for masks in ((a, b), (b, a)):
        with viewing(qtbot, made_exam(mask_a=masks[0], mask_b=masks[1])) as viewers:
            pictures.append([[pixels(view) for view in viewers.slice_views(side)] for side in Side])
    (first_a, first_b), (second_a, second_b) = pictures
    for one, other in zip(first_a + first_b, second_b + second_a, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((x != y).any() for x, y in zip(first_a, first_b, strict=True))


def test_hidden_segmentations_leave_the_image_alone(qtbot: QtBot) -> None:
    nothing = np.zeros((40, 50, 30), np.uint8)
    with viewing(qtbot, made_exam(mask_a=nothing, mask_b=nothing)) as viewers:
        viewers._state.move_cursor(EXAMS[0].start_vox)
        paint(viewers)
        without = [pixels(view) for view in viewers.slice_views(Side.A)]
    with viewing(qtbot, EXAMS[0]) as viewers:
        viewers._state.toggle_overlay()
        paint(viewers)
        for view, expected in zip(viewers.slice_views(Side.A), without, strict=True):
            np.testing.assert_array_equal(pixels(view), expected)


def test_red_is_seen_where_the_mask_is_and_nowhere_else(qtbot: QtBot) -> None:
    """Words, crosshair, slider and image are grey or bluish; only segmentations are red."""
    with viewing(qtbot, EXAMS[0]) as viewers:
        viewers._state.set_opacity(1.0)
        paint(viewers)
        for view in viewers.slice_views(Side.A):
            red, green, blue = (pixels(view)[..., n].astype(int) for n in range(3))
            is_red = (red > green + 40) & (red > blue + 40)
            placement, cursor = view.placement(), viewers._state.cursor_vox
            mask = EXAMS[0].masks[Side.A].array
            rows, columns = np.nonzero(is_red)
            assert rows.size > 500
            voxels = {placement.voxel_at(x + 0.5, y + 0.5, cursor) for x, y in zip(columns, rows, strict=True)}
            assert all(mask[vox] for vox in voxels)


def test_a_message_takes_the_images_away(viewers: ViewersView) -> None:
    viewers.show_message("x_FLAIR.nii.gz: The image is damaged.")
    assert viewers.slice_views(Side.A) == []
    assert not any(view.isVisible() for view in viewers.findChildren(SliceView))
    viewers.show_exam(EXAMS[0])
    assert all(view.isVisible() for view in viewers.slice_views(Side.B))


def test_views_leave_the_keyboard_to_the_window(viewers: ViewersView) -> None:
    assert all(view.focusPolicy() == Qt.FocusPolicy.NoFocus for view in viewers.findChildren(SliceView))
