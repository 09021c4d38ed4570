"""The view in space: where things stand on the picture, told from its pixels; and the command."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation import volumes
from segmentation.__main__ import main
from segmentation.commands import view
from segmentation.pictures import Plane
from segmentation.viewing import scene
from segmentation.viewing.meshes import border, borders, near_tumour
from segmentation.viewing.scene import Exhibit, Scene
from segmentation.volumes import Volume

SHAPE, STEPS = (80, 90, 40), (2.0, 2.0, 4.0)
HEIGHT, WIDTH = 500, 640
needs_opengl = pytest.mark.skipif(not scene.is_available(), reason="VTK can't render here")


def exhibit(*, on_right: bool = True, has_regions: bool = False) -> Exhibit:
    """An ellipsoid with a ball in the upper front of one half; regions are the four quarters seen from above."""
    i, j, k = np.indices(SHAPE)
    brain = ((i - 40) / 35) ** 2 + ((j - 45) / 40) ** 2 + ((k - 20) / 16) ** 2 < 1
    tumour = (i - (58 if on_right else 22)) ** 2 + (j - 62) ** 2 + (2 * (k - 24)) ** 2 < 9**2
    t1c = Volume(np.where(brain, 100 + i, 0).astype(np.float32), np.diag([*STEPS, 1.0]))
    if not has_regions:
        return Exhibit("x", t1c, brain, tumour & brain)
    regions = np.where(brain, 1 + (i > 40) + 2 * (j > 45), 0)
    palette = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 1, 0]], float)
    return Exhibit("x", t1c, brain, tumour & brain, regions, palette, (1, 2, 3, 4), ((0, "Tumour in"), (4, "front")))


def red_of(picture: np.ndarray) -> np.ndarray:
    seen = picture.astype(int)
    return (seen[..., 0] > 120) & (seen[..., 1] < 90) & (seen[..., 2] < 90)


def shown(what: Exhibit) -> np.ndarray:
    made = Scene(what, off_screen=True, size=(WIDTH, HEIGHT))
    try:
        return made.picture()
    finally:
        made.close()


def test_a_balls_surface_is_where_and_as_large_as_it_was() -> None:
    """Radius 18 mm around voxel (58, 62, 24) of 2, 2, 4 mm; the blur rounds by less than a voxel."""
    what = exhibit()
    mesh = border(what.tumour, STEPS)
    x0, x1, y0, y1, z0, z1 = mesh.GetBounds()
    assert np.allclose([(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2], [116, 124, 96], atol=1)
    assert np.allclose([x1 - x0, y1 - y0, z1 - z0], 36, atol=4)
    assert border(np.zeros(SHAPE, bool), STEPS).GetNumberOfPoints() == 0


def test_borders_carry_their_labels() -> None:
    what = exhibit(has_regions=True)
    assert what.regions is not None
    mesh = borders(what.regions, STEPS, [2, 3])
    from vtkmodules.util.numpy_support import vtk_to_numpy

    assert set(np.unique(vtk_to_numpy(mesh.GetPointData().GetScalars()))) == {2, 3}
    assert borders(what.regions, STEPS, [9]).GetNumberOfPoints() == 0
    # the ball lies in the right front quarter, 36 - 18 mm from the midline and 34 - 18 mm from the back ones
    assert near_tumour(what.tumour, what.regions, STEPS) == [4]
    assert near_tumour(np.zeros(SHAPE, bool), what.regions, STEPS) == []


@needs_opengl
@pytest.mark.parametrize("on_right", [True, False])
def test_flat_slices_show_the_tumour_where_radiologists_look(on_right: bool) -> None:
    """The patient's right on the left; front up, or left in the sagittal slice; head up."""
    picture = shown(exhibit(on_right=on_right))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    flat = red_of(picture)[int(HEIGHT * (1 - 0.36)) + 2 :]
    for n, (is_left, is_up) in enumerate([(on_right, True), (on_right, True), (True, True)]):
        part = flat[:, n * WIDTH // 3 : (n + 1) * WIDTH // 3]
        y, x = np.nonzero(part)
        assert len(x) > 20
        assert (x.mean() < part.shape[1] / 2) == is_left and (y.mean() < part.shape[0] / 2) == is_up


@needs_opengl
def test_tumour_is_seen_in_space_through_the_regions() -> None:
    for has_regions in (False, True):
        picture = shown(exhibit(has_regions=has_regions))
        space = picture[: int(HEIGHT * (1 - 0.36))].astype(int)
        reddish = (space[..., 0] > 100) & (space[..., 0] - space[..., 1:].max(-1) > 50)
        assert reddish.sum() > 300
        colours = ((space.max(-1) - space.min(-1)) > 60) & ~reddish
        assert (colours.sum() > 1000) == has_regions


@needs_opengl
def test_a_slice_is_moved_and_stays_in_the_image() -> None:
    made = Scene(exhibit(), off_screen=True, size=(WIDTH, HEIGHT))
    try:
        before = made.picture()
        made.move(Plane.AXIAL, -12)
        after = made.picture()
        first = slice(0, WIDTH // 3)
        assert not np.array_equal(before[:, first], after[:, first])
        assert np.array_equal(before[:, WIDTH // 3 :][-100:], after[:, WIDTH // 3 :][-100:])
        made.move(Plane.AXIAL, -1000)
        assert made.picture().any()
    finally:
        made.close()


@needs_opengl
def test_the_wheel_over_a_slice_moves_it_and_elsewhere_zooms() -> None:
    made = Scene(exhibit(), off_screen=True, size=(WIDTH, HEIGHT))
    try:
        interactor = made.interactor()
        interactor.EnableRenderOff()
        before = made.picture()
        interactor.SetEventInformation(WIDTH // 2, 40, 0, 0)  # over the coronal slice; y counts from the bottom
        interactor.InvokeEvent("MouseWheelForwardEvent")
        wheeled = made.picture()
        flat, thirds = (
            slice(int(HEIGHT * 0.66), None),
            [slice(n * WIDTH // 3 + 1, (n + 1) * WIDTH // 3) for n in range(3)],
        )
        assert [np.array_equal(before[flat, part], wheeled[flat, part]) for part in thirds] == [True, False, True]
        interactor.SetEventInformation(WIDTH // 2, HEIGHT - 100, 0, 0)
        for _ in range(5):
            interactor.InvokeEvent("MouseWheelForwardEvent")
        zoomed = made.picture()
        assert np.array_equal(zoomed[flat], wheeled[flat])
        space = slice(0, int(HEIGHT * 0.6))
        assert red_of(zoomed[space]).sum() > 1.5 * red_of(wheeled[space]).sum()
    finally:
        made.close()


@needs_opengl
def test_without_a_tumour_the_brain_is_shown() -> None:
    what = exhibit()
    picture = shown(Exhibit("x", what.t1c, what.brain, np.zeros(SHAPE, bool)))
    assert not red_of(picture).any() and (picture > 60).mean() > 0.05


def test_command_writes_a_picture_or_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("segmentation.__main__._COMMANDS", (view,))
    what, folder = exhibit(), tmp_path / "p01"
    folder.mkdir()
    for name, array in (("t1c", what.t1c.array), ("flair", what.t1c.array), ("seg", what.tumour)):
        volumes.save(folder / f"{name}.nii.gz", Volume(array.astype(np.int16), what.t1c.world_from_voxel))
    monkeypatch.setattr(scene, "is_available", lambda **_: False)
    assert main(["view", str(folder)]) == 2
    assert "--png FILE.png" in capsys.readouterr().err
    assert main(["view", str(folder), "--png", str(tmp_path / "x.png")]) == 2
    assert "Mesa" in capsys.readouterr().err
    assert main(["view", str(folder), "--atlas", str(tmp_path)]) == 2
    assert "segmentation atlas" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr("segmentation.__main__._COMMANDS", (view,))
    if scene.is_available():
        assert main(["view", str(folder), "--png", str(tmp_path / "x.png")]) == 0
        with Image.open(tmp_path / "x.png") as written:
            assert written.size == scene.SIZE
        assert main(["view", str(folder), "--png", str(tmp_path / "no" / "x.png")]) == 2
        assert "can't be written" in capsys.readouterr().err
