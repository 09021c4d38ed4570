"""Slices as pictures, against pictures worked out with numpy from the definition."""

import numpy as np
import numpy.typing as npt
import pytest

from reader_app.images import ExamImages, exam_of
from reader_app.layout import OverlayStyle, Plane
from reader_app.placement import Placement
from reader_app.scene import MASK_RGB, OverlayLook, Patch, Scene
from reader_app.session.model import Side
from reader_app.window import Window
from segmentation.volumes import Volume
from tests.reader_app.made_exams import LPS

SHAPE = (12, 10, 8)
FILL = OverlayLook(OverlayStyle.FILL, 0.5, 1)
OUTLINE = OverlayLook(OverlayStyle.OUTLINE, 1.0, 1)
WIDE = Window(500, 1000)


def exam(layer: npt.NDArray, mask: npt.NDArray | None = None, mask_b: npt.NDArray | None = None) -> ExamImages:
    mask = np.zeros(layer.shape, np.uint8) if mask is None else mask
    masks = {Side.A: Volume(mask, LPS), Side.B: Volume(mask if mask_b is None else mask_b, LPS)}
    return exam_of("0" * 16, {"T1c": Volume(layer, LPS)}, masks)


def noise(seed: int = 0) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(0, 1000, SHAPE).astype(np.int16)


def at_zoom(plane: Plane, zoom: int, x0: int = 0, y0: int = 0) -> Placement:
    """A whole number of pixels a voxel, the picture as large as the slice."""
    columns, rows = SHAPE[plane.u_axis], SHAPE[plane.v_axis]
    return Placement(plane, columns * zoom, rows * zoom, rows, zoom, zoom, zoom, x0, y0)


def on_screen(array: npt.NDArray, plane: Plane, index: int) -> npt.NDArray:
    """Rows and columns as the radiological convention has them, from the words of the convention."""
    if plane is Plane.AXIAL:  # right on the left of the screen: i grows to the right; front up: j grows down
        return array[:, :, index].T
    if plane is Plane.CORONAL:  # head up: k falls from row to row
        return array[:, index, ::-1].T
    return array[index, :, ::-1].T


def whole(patch: Patch | None, placement: Placement) -> npt.NDArray:
    """The whole picture: greys 0-255 of a layer, colours of a segmentation."""
    picture = np.zeros((placement.height, placement.width), np.uint32)
    if patch:
        rows, columns = patch.pixels.shape
        picture[patch.y : patch.y + rows, patch.x : patch.x + columns] = patch.pixels
    if patch and patch.is_opaque:
        red, green, blue = (picture >> shift & 0xFF for shift in (16, 8, 0))
        assert (red == green).all() and (green == blue).all()
        return blue
    return picture


def greys(values: npt.NDArray, window: Window) -> npt.NDArray:
    """Black at the lower end, white at the upper, halves rounded up."""
    share = (values - window.lower) / window.width
    return np.floor(np.clip(share * 255, 0, 255) + 0.5)


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize(
    "window", [WIDE, Window(400, 300), Window(0, 1), Window(2000, 500), Window(1e9, 1e-9), Window(0, 1e9)]
)
def test_without_interpolation_each_voxel_is_a_block_of_its_grey(plane: Plane, window: Window) -> None:
    array, placement = noise(), at_zoom(plane, 3)
    picture = whole(Scene(exam(array)).grey("T1c", 4, placement, window, False), placement)
    expected = greys(on_screen(array, plane, 4).astype(float), window)
    np.testing.assert_array_equal(picture, np.kron(expected, np.ones((3, 3))))


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("share_of_light", [1.0, 0.02])  # with little light most of the picture is left out
@pytest.mark.parametrize(("window", "x0", "y0"), [(WIDE, 0, 0), (Window(700, 200), -7, 4)])
def test_interpolation_is_linear_between_voxel_centres(
    plane: Plane, share_of_light: float, window: Window, x0: int, y0: int
) -> None:
    array = noise()
    array[np.random.default_rng(9).random(SHAPE) > share_of_light] = 0
    placement = at_zoom(plane, 4, x0, y0)
    picture = whole(Scene(exam(array)).grey("T1c", 4, placement, window, True), placement)
    values = on_screen(array, plane, 4).astype(float)
    rows, columns = values.shape
    x = (np.arange(placement.width) + 0.5 - x0) / 4 - 0.5
    y = (np.arange(placement.height) + 0.5 - y0) / 4 - 0.5
    along_u = np.array([np.interp(x, np.arange(columns), row) for row in values])  # ends go on as they are
    both = np.array([np.interp(y, np.arange(rows), column) for column in along_u.T]).T
    is_inside = (np.abs(y - (rows - 1) / 2) < rows / 2)[:, None] & (np.abs(x - (columns - 1) / 2) < columns / 2)
    expected = np.where(is_inside, greys(both, window), 0)
    assert np.abs(picture - expected).max() <= 1  # the last bit of float32


@pytest.mark.parametrize("plane", Plane)
def test_a_mask_covers_the_pixels_of_its_voxels(plane: Plane) -> None:
    """Where the image has a bright voxel and the mask a voxel, both fill the same pixels, at any whole zoom."""
    vox = (5, 6, 3)
    layer, mask = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.uint8)
    layer[vox], mask[vox] = 1000, 1
    scene, index = Scene(exam(layer, mask)), vox[plane.normal_axis]
    for zoom in (1, 2, 5, 9):
        placement = at_zoom(plane, zoom)
        overlay = whole(scene.overlay(Side.A, index, placement, FILL), placement) > 0
        voxel = np.kron(on_screen(mask, plane, index), np.ones((zoom, zoom))) > 0
        np.testing.assert_array_equal(overlay, voxel)
        grey = whole(scene.grey("T1c", index, placement, WIDE, False), placement)
        np.testing.assert_array_equal(grey == 255, voxel)


def test_fill_is_red_at_its_opacity() -> None:
    mask = np.ones(SHAPE, np.uint8)
    patch = Scene(exam(noise(), mask)).overlay(Side.A, 0, at_zoom(Plane.AXIAL, 2), FILL)
    assert patch
    red, green, blue = (round(channel / 2) for channel in MASK_RGB)
    assert set(np.unique(patch.pixels)) == {128 << 24 | red << 16 | green << 8 | blue}


def test_red_belongs_to_masks() -> None:
    assert MASK_RGB[0] == 255 and max(MASK_RGB[1:]) < 64


@pytest.mark.parametrize("line_px", [1, 2])
def test_an_outline_lies_on_the_voxels_border_half_inside_half_outside(line_px: int) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:7, 3:5, 2] = 1  # 3x2 voxels, at 10 pixels each: columns 40..69, rows 30..49
    look = OverlayLook(OverlayStyle.OUTLINE, 1.0, line_px)
    placement = at_zoom(Plane.AXIAL, 10)
    drawn = whole(Scene(exam(noise(), mask)).overlay(Side.B, 2, placement, look), placement) > 0
    n = line_px
    outer = np.zeros_like(drawn)
    outer[30 - n : 50 + n, 40 - n : 70 + n] = True
    outer[30 + n : 50 - n, 40 + n : 70 - n] = False
    # only the outermost corners may be cut: the line follows rows and columns, not diagonals
    cut = np.argwhere(drawn != outer)
    assert all(min(abs(r - e) for e in (30, 49)) <= n and min(abs(c - e) for e in (40, 69)) <= n for r, c in cut)
    assert drawn[30 - n, 55] and drawn[30 + n - 1, 55] and not drawn[30 - n - 1, 55] and not drawn[30 + n, 55]
    assert drawn[40, 40 - n] and drawn[40, 40 + n - 1] and not drawn[40, 40 - n - 1] and not drawn[40, 40 + n]


def test_a_mask_at_the_images_edge_is_outlined_there_too() -> None:
    placement = Placement(Plane.AXIAL, 140, 120, 10, 10, 10, 10, 10, 10)  # ten pixels of air around
    drawn = whole(Scene(exam(noise(), np.ones(SHAPE, np.uint8))).overlay(Side.A, 0, placement, OUTLINE), placement) > 0
    assert drawn[60, 9] and drawn[60, 10] and drawn[60, 129] and drawn[60, 130] and not drawn[60, 11:129].any()


def test_outlines_are_cut_at_the_view_and_not_closed_along_it() -> None:
    placement = Placement(Plane.AXIAL, 40, 40, 10, 10, 10, 10, -40, -30)  # the view lies inside the mask
    drawn = whole(Scene(exam(noise(), np.ones(SHAPE, np.uint8))).overlay(Side.A, 0, placement, OUTLINE), placement)
    assert not drawn.any()


@pytest.mark.parametrize("style", OverlayStyle)
@pytest.mark.parametrize("opacity", [0.0, 0.35, 1.0])
@pytest.mark.parametrize("plane", Plane)
def test_equal_masks_give_equal_pixels_on_both_sides(style: OverlayStyle, opacity: float, plane: Plane) -> None:
    mask = (noise(5) > 600).astype(np.uint8)
    scene = Scene(exam(noise(), mask, mask.copy()))
    placement = Placement(plane, 101, 97, SHAPE[plane.v_axis], 7.3, 7.3, 7.3, -3, 5)
    a, b = (scene.overlay(side, 4, placement, OverlayLook(style, opacity, 1)) for side in Side)
    assert a and b and (a.x, a.y) == (b.x, b.y)
    np.testing.assert_array_equal(a.pixels, b.pixels)


def test_what_is_not_there_costs_no_picture() -> None:
    scene = Scene(exam(np.zeros(SHAPE, np.int16)))
    placement = at_zoom(Plane.AXIAL, 2)
    assert scene.overlay(Side.A, 0, placement, FILL) is None
    assert scene.grey("T1c", 0, placement, WIDE, True) is None
    beyond = Placement(Plane.AXIAL, 20, 20, 10, 2, 2, 2, 500, 500)  # panned out of the view
    assert Scene(exam(noise())).grey("T1c", 0, beyond, WIDE, True) is None


def test_a_picture_is_made_once_and_again_when_something_changed() -> None:
    scene, placement = Scene(exam(noise(), np.ones(SHAPE, np.uint8))), at_zoom(Plane.AXIAL, 2)
    first = scene.grey("T1c", 1, placement, WIDE, True)
    assert scene.grey("T1c", 1, placement, WIDE, True) is first
    assert scene.grey("T1c", 2, placement, WIDE, True) is not first
    second = scene.grey("T1c", 1, placement, WIDE, True)
    assert scene.grey("T1c", 1, placement, WIDE, False) is not second
    overlay = scene.overlay(Side.A, 1, placement, FILL)
    assert scene.overlay(Side.A, 1, placement, FILL) is overlay
    assert scene.overlay(Side.A, 1, placement, OUTLINE) is not overlay


def test_float_images_with_negative_values_are_windowed_alike() -> None:
    array = (noise() / 250.0 - 2).astype(np.float32)  # z-scores, air amid them
    window, placement = Window(-0.5, 2.0), at_zoom(Plane.AXIAL, 3)
    picture = whole(Scene(exam(array)).grey("T1c", 4, placement, window, False), placement)
    expected = np.kron(greys(array[:, :, 4].T.astype(float), window), np.ones((3, 3)))
    assert np.abs(picture - expected).max() <= 1
