"""The 3-D panes: the same on both sides, made only when asked for, and a sentence where there is no OpenGL."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from reader_app import surface
from reader_app.layout import Layout
from reader_app.session.model import Side
from reader_app.views.viewer import ViewersView
from tests.reader_app.made_exams import SHAPE, ball, made_exam
from tests.reader_app.views.viewing import paint, pixels, viewing


def ask_for_surfaces(qtbot: QtBot, viewers: ViewersView) -> None:
    viewers._state.set_layout(Layout.SURFACE)
    source = viewers._surface_source
    qtbot.waitUntil(lambda: source.surfaces is not None or "OpenGL" in source.text, timeout=60_000)
    paint(viewers)


def pane(viewers: ViewersView, side: Side) -> np.ndarray:
    view = viewers.surface_view(side)
    assert view is not None and view.isVisible()
    return pixels(view)


def test_a_ball_becomes_a_smooth_ball_of_its_size() -> None:
    # radius 6 voxels of 1.5 mm around voxel (20, 24, 14), whose middle lies at (20.5, 24.5, 14.5) voxels
    mesh = surface.surface_of(ball((20, 24, 14), 6), (1.5, 1.5, 1.5))
    points = np.array([mesh.GetPoint(n) for n in range(mesh.GetNumberOfPoints())])
    distance = np.linalg.norm(points - np.array([20.5, 24.5, 14.5]) * 1.5, axis=1)
    assert distance.mean() == pytest.approx(6.25 * 1.5, abs=0.6)
    assert distance.std() < 0.5


def test_nothing_has_no_surface_and_the_whole_image_a_closed_one() -> None:
    assert surface.surface_of(np.zeros((9, 9, 9), np.uint8), (1, 1, 1)).GetNumberOfPoints() == 0
    mesh = surface.surface_of(np.ones((5, 5, 5), np.uint8), (1, 1, 1))
    edges, faces, points = _edge_count(mesh), mesh.GetNumberOfPolys(), mesh.GetNumberOfPoints()
    assert points - edges + faces == 2  # Euler's number of a closed surface without holes


def _edge_count(mesh) -> int:  # type: ignore[no-untyped-def]
    edges = set()
    for n in range(mesh.GetNumberOfCells()):
        ids = [mesh.GetCell(n).GetPointId(m) for m in range(3)]
        edges |= {tuple(sorted((ids[m], ids[m - 1]))) for m in range(3)}
    return len(edges)


def test_no_surface_is_made_before_it_is_asked_for(qtbot: QtBot) -> None:
    with viewing(qtbot, made_exam()) as viewers:
        assert viewers.surface_view(Side.A) is None


@pytest.mark.skipif(not surface.is_available(), reason="VTK cannot render here")
def test_equal_masks_give_equal_surfaces_that_turn_together(qtbot: QtBot) -> None:
    with viewing(qtbot, made_exam()) as viewers:
        ask_for_surfaces(qtbot, viewers)
        first = pane(viewers, Side.A)
        assert (first[..., 0] > 100).sum() > 200
        np.testing.assert_array_equal(first, pane(viewers, Side.B))
        view = viewers.surface_view(Side.B)
        assert view
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
        QTest.mouseMove(view, QPoint(120, 80))
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(120, 80))
        turned = pane(viewers, Side.A)
        assert (turned != first).any()
        np.testing.assert_array_equal(turned, pane(viewers, Side.B))
        viewers._state.toggle_overlay()
        assert (pane(viewers, Side.A)[..., 0].astype(int) - pane(viewers, Side.A)[..., 1] < 40).all()


@pytest.mark.skipif(not surface.is_available(), reason="VTK cannot render here")
def test_the_patients_left_is_on_the_right_of_the_screen_and_the_head_is_up(qtbot: QtBot) -> None:
    left_and_up, right_and_down = ball((28, 25, 20), 3), ball((12, 25, 9), 3)  # i grows to the left, k to the head
    with viewing(qtbot, made_exam(mask_a=left_and_up, mask_b=right_and_down)) as viewers:
        ask_for_surfaces(qtbot, viewers)
        places = []
        for side in Side:
            picture = pane(viewers, side)
            rows, columns = np.nonzero(picture[..., 0] > picture[..., 1].astype(int) + 60)
            places.append((columns.mean(), rows.mean()))
        (a_column, a_row), (b_column, b_row) = places
        per_mm = 337 / 2 / 65  # half the pane's height shows 65 mm; voxels are 1 mm
        assert a_column - b_column == pytest.approx(16 * per_mm, abs=3)
        assert b_row - a_row == pytest.approx(11 * per_mm, abs=3)


@pytest.mark.skipif(not surface.is_available(), reason="VTK cannot render here")
def test_an_empty_segmentation_is_shown_as_empty(qtbot: QtBot) -> None:
    with viewing(qtbot, made_exam(mask_b=np.zeros(SHAPE, np.uint8))) as viewers:
        ask_for_surfaces(qtbot, viewers)
        assert (pane(viewers, Side.A)[..., 0] > 100).sum() > (pane(viewers, Side.B)[..., 0] > 100).sum()


def test_without_opengl_a_sentence_is_shown(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "is_available", lambda: False)
    with viewing(qtbot, made_exam()) as viewers:
        ask_for_surfaces(qtbot, viewers)
        assert viewers._surface_source.surfaces is None
        assert "OpenGL is missing" in viewers._surface_source.text
        assert (pane(viewers, Side.A) > 100).any()  # words


def test_a_crash_of_opengl_is_found_out_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "_PROBE", "import os; os.abort()")
    surface.is_available.cache_clear()
    try:
        assert surface.is_available() is False
    finally:
        surface.is_available.cache_clear()
