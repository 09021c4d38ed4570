"""What is on the screen, without a screen."""

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader_app.placement import place
from reader_app.state import Layout, OverlayStyle, Plane, ViewState, Window
from tests.reader_app.made_exams import made_exam

EXAM = made_exam()
AXIAL, SAGITTAL, CORONAL = Plane.AXIAL, Plane.SAGITTAL, Plane.CORONAL


@pytest.fixture
def state() -> ViewState:
    made = ViewState()
    made.allow_surface(True)
    made.open_exam(EXAM)
    return made


def test_an_exam_opens_by_the_hanging_protocol(state: ViewState) -> None:
    state.move_cursor((1, 2, 3))
    state.toggle_layer()
    state.zoom_by(3)
    state.pan_by(AXIAL, 5, 5)
    state.set_window("T1c", Window(1, 2))
    state.maximise("FLAIR", CORONAL)
    other = made_exam(name="1" * 16)
    state.open_exam(other)
    assert (state.cursor_vox, state.layer, state.zoom, state.maximised) == (other.start_vox, "T1c", 1.0, None)
    assert state.windows == other.windows
    assert set(state.pan_mm.values()) == {(0.0, 0.0)}


def test_the_readers_preferences_stay_from_exam_to_exam(state: ViewState) -> None:
    state.set_layout(Layout.BOTH)
    state.set_opacity(0.8)
    state.toggle_style()
    state.toggle_interpolation()
    state.open_exam(made_exam(name="1" * 16))
    kept = (state.layout, state.opacity, state.overlay_style, state.is_interpolated)
    assert kept == (Layout.BOTH, 0.8, OverlayStyle.OUTLINE, False)


def test_steps_go_where_the_screen_says(state: ViewState) -> None:
    # LPS: i to the left (screen right), j to the back (down in an axial view), k to the head (up elsewhere)
    state.move_cursor((10, 10, 10))
    for plane, du, dv, expected in (
        (AXIAL, 1, 0, (11, 10, 10)),
        (AXIAL, 0, 1, (11, 11, 10)),
        (SAGITTAL, 1, 0, (11, 12, 10)),
        (SAGITTAL, 0, 1, (11, 12, 9)),
        (CORONAL, 0, -1, (11, 12, 10)),
        (CORONAL, -1, 0, (10, 12, 10)),
    ):
        state.move_by(plane, du, dv)
        assert state.cursor_vox == expected
    for plane, expected in ((AXIAL, (10, 12, 12)), (SAGITTAL, (12, 12, 12)), (CORONAL, (12, 14, 12))):
        state.scroll(plane, 2)
        assert state.cursor_vox == expected


def test_the_cursor_stays_in_the_image(state: ViewState) -> None:
    state.move_cursor((-5, 1000, 3))
    assert state.cursor_vox == (0, 49, 3)
    state.scroll(AXIAL, -99)
    assert state.cursor_vox == (0, 49, 0)
    state.set_slice(AXIAL, 99)
    assert state.cursor_vox == (0, 49, 29)


def test_views_of_each_layout(state: ViewState) -> None:
    assert state.views() == [("T1c", AXIAL), ("T1c", SAGITTAL), ("T1c", CORONAL)]
    state.set_layout(Layout.BOTH)
    rows = [(layer, plane) for plane in (AXIAL, SAGITTAL, CORONAL) for layer in ("T1c", "FLAIR")]
    assert state.views() == rows
    state.set_layout(Layout.PLANE)
    state.set_plane(CORONAL)
    assert state.views() == [("T1c", CORONAL)]
    state.set_layout(Layout.SURFACE)
    assert len(state.views()) == 3
    state.maximise("FLAIR", SAGITTAL)
    assert state.views() == [("FLAIR", SAGITTAL)] == [state.maximised]
    state.toggle_layer()
    assert state.views() == [("T1c", SAGITTAL)]
    state.restore_layout()
    assert len(state.views()) == 3


def test_visible_slices_follow_the_cursor(state: ViewState) -> None:
    state.move_cursor((4, 5, 6))
    assert state.visible_slices() == [("T1c", AXIAL, 6), ("T1c", SAGITTAL, 4), ("T1c", CORONAL, 5)]


def test_without_an_exam_nothing_is_shown_and_nothing_fails() -> None:
    state = ViewState()
    for intent in (state.toggle_layer, state.reset, state.go_to_start, state.centre_on_cursor, state.close_exam):
        intent()
    state.move_cursor((1, 1, 1))
    state.scroll(AXIAL, 1)
    state.zoom_by(2)
    state.pan_by(AXIAL, 1, 1)
    state.auto_window("T1c")
    state.next_preset("T1c")
    assert (state.views(), state.visible_slices(), state.layer, state.windows) == ([], [], "", {})


def test_surfaces_need_the_studys_leave() -> None:
    state = ViewState()
    state.set_layout(Layout.SURFACE)
    assert state.layout is Layout.ONE
    state.allow_surface(True)
    state.set_layout(Layout.SURFACE)
    assert state.layout is Layout.SURFACE
    state.allow_surface(False)
    assert state.layout is Layout.ONE


def test_the_layout_key_goes_round(state: ViewState) -> None:
    seen = []
    for _ in range(3):
        state.cycle_layout()
        seen.append(state.layout)
    assert seen == [Layout.PLANE, Layout.BOTH, Layout.ONE]


def test_presets_go_round_and_start_again_after_a_window_by_hand(state: ViewState) -> None:
    names = []
    for _ in range(4):
        state.next_preset("T1c")
        names.append(state.preset_name("T1c"))
    assert names == ["narrow", "wide", "full range", "auto"]
    state.set_window("T1c", Window(1.5, 3.25))
    assert state.preset_name("T1c") == ""
    state.next_preset("T1c")
    assert state.preset_name("T1c") == "auto"
    assert state.preset_name("FLAIR") == "auto"


@pytest.mark.parametrize(
    "window", [Window(1, 0), Window(1, -3), Window(math.nan, 3), Window(1, math.inf), Window(1, 1e-30)]
)
def test_a_window_that_is_none_is_passed_over(state: ViewState, window: Window) -> None:
    before = state.windows
    state.set_window("T1c", window)
    assert state.windows == before


@given(
    st.tuples(*(st.integers(0, n - 1) for n in EXAM.shape)),
    st.floats(0.3, 3),
    st.floats(-10, 10),
    st.sampled_from(list(Plane)),
    st.integers(50, 900),
    st.integers(50, 900),
)
def test_zooming_keeps_the_crosshair_where_it_is(
    vox: tuple[int, int, int], factor: float, pan: float, plane: Plane, width: int, height: int
) -> None:
    state = ViewState()
    state.open_exam(EXAM)
    state.move_cursor(vox)
    state.pan_by(plane, pan, -pan)
    before = place(state, EXAM, plane, width, height).pixel_of(vox)
    state.zoom_by(factor)
    after = place(state, EXAM, plane, width, height).pixel_of(vox)
    assert after == pytest.approx(before, abs=1.01)  # pictures begin at whole pixels, before and after


def test_centring_puts_the_crosshair_in_the_middle(state: ViewState) -> None:
    state.zoom_by(2)
    state.move_cursor((12, 30, 9))
    state.centre_on_cursor()
    for plane in Plane:
        assert place(state, EXAM, plane, 400, 300).pixel_of((12, 30, 9)) == pytest.approx((200, 150), abs=0.51)


def test_panning_moves_by_millimetres_but_not_out_of_sight(state: ViewState) -> None:
    before = place(state, EXAM, CORONAL, 400, 300)
    state.pan_by(CORONAL, 3, -2)
    after = place(state, EXAM, CORONAL, 400, 300)
    assert after.x0 - before.x0 == pytest.approx(3 * after.px_per_mm, abs=1.01)
    assert after.y0 - before.y0 == pytest.approx(-2 * after.px_per_mm, abs=1.01)
    state.pan_by(CORONAL, 1e9, -1e9)
    assert state.pan_mm[CORONAL] == (40.0, -30.0)  # the image's own size


def test_reset_shows_the_whole_head_and_leaves_the_place(state: ViewState) -> None:
    state.move_cursor((3, 4, 5))
    state.zoom_by(4)
    state.toggle_overlay()
    state.toggle_crosshair()
    state.turn_surface(30, 40)
    state.set_window("FLAIR", Window(1, 2))
    state.reset()
    assert (state.cursor_vox, state.zoom, state.windows) == ((3, 4, 5), 1.0, EXAM.windows)
    assert state.is_overlay_shown and state.is_crosshair_shown and state.surface_turn_deg == (0.0, 0.0)
    state.go_to_start()
    assert state.cursor_vox == EXAM.start_vox


def test_callers_back_hear_of_changes_only_and_until_they_leave(state: ViewState) -> None:
    calls: list[int] = []
    leave = state.subscribe(lambda: calls.append(1))
    state.toggle_overlay()
    state.set_opacity(state.opacity)
    state.move_cursor(state.cursor_vox)
    assert len(calls) == 1
    leave()
    leave()
    state.toggle_overlay()
    assert len(calls) == 1


def _changed(state: ViewState) -> None:
    state.move_cursor((3, 4, 5))
    state.set_layer("FLAIR")
    state.set_layout(Layout.PLANE)
    state.set_plane(SAGITTAL)
    state.set_window("T1c", Window(300.5, 77.25))
    state.set_opacity(0.62)
    state.toggle_overlay()
    state.toggle_style()
    state.toggle_interpolation()
    state.toggle_crosshair()
    state.zoom_by(2.5)
    state.pan_by(CORONAL, 3.5, -4.25)
    state.maximise("FLAIR", CORONAL)


def test_a_view_comes_back_as_it_was(state: ViewState) -> None:
    _changed(state)
    kept = json.loads(json.dumps(state.to_dict()))
    fresh = ViewState()
    fresh.open_exam(EXAM)
    fresh.restore(kept)
    assert fresh.to_dict() == state.to_dict()
    assert fresh.visible_slices() == state.visible_slices() == [("FLAIR", CORONAL, 4)]


NONSENSE = [
    {},
    {"unknown": 1},
    {"cursor_vox": [1, 2]},
    {"cursor_vox": [1, 2, 99]},
    {"cursor_vox": [1, 2, -1]},
    {"cursor_vox": ["a", 2, 3]},
    {"cursor_vox": [True, 2, 3]},
    {"layer": "T2"},
    {"layout": "all"},
    {"layout": "3-D"},
    {"layout": ["one layer"]},
    {"plane": 7},
    {"overlay_style": None},
    {"windows": {"T1c": [1, 0], "FLAIR": "x", "T2": [1, 1]}},
    {"windows": [1]},
    {"opacity": 1.5},
    {"opacity": math.nan},
    {"opacity": True},
    {"zoom": 0},
    {"zoom": -1},
    {"zoom": "1"},
    {"pan_mm": {"axial": [1, 1]}},
    {"pan_mm": {plane.value: [math.inf, 0] for plane in Plane}},
    {"maximised": "front"},
    {"is_interpolated": "no"},
    {"is_overlay_shown": 0},
]


@pytest.mark.parametrize("data", NONSENSE, ids=str)
def test_what_does_not_fit_is_left_out(data: dict[str, object]) -> None:
    state = ViewState()
    state.open_exam(EXAM)
    before = state.to_dict()
    state.restore(data)
    assert state.to_dict() == before


def test_an_extreme_zoom_is_brought_into_range(state: ViewState) -> None:
    state.restore({"zoom": 1e6})
    assert state.zoom == 40


def test_every_slice_has_a_voxel_under_each_of_its_pixels(state: ViewState) -> None:
    for plane in Plane:
        placement = place(state, EXAM, plane, 640, 480)
        for vox in ((0, 0, 0), (39, 49, 29), (7, 11, 13)):
            x, y = placement.pixel_of(vox)
            inside = (placement.px_u / 2 - 0.01, placement.px_v / 2 - 0.01)
            for dx, dy in ((0, 0), (-inside[0], -inside[1]), (inside[0], inside[1])):
                assert placement.voxel_at(x + dx, y + dy, vox) == vox


def test_neighbouring_voxels_meet(state: ViewState) -> None:
    placement = place(state, EXAM, SAGITTAL, 640, 480)
    columns = [placement.pixel_of((0, j, 0))[0] for j in range(50)]
    rows = [placement.pixel_of((0, 0, k))[1] for k in range(30)]
    assert all(b - a == pytest.approx(placement.px_u) for a, b in pairwise(columns))
    assert all(a - b == pytest.approx(placement.px_v) for a, b in pairwise(rows))  # the head is up
