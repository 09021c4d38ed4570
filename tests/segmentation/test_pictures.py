"""Pictures of slices: the patient's right on the left, one scale for all, letters; told from the pixels."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from segmentation import pictures
from segmentation.pictures import Outline, Panel, Plane
from segmentation.volumes import Volume, reorient

SHAPE = (60, 80, 40)


def head(spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0)) -> Volume:
    """A grey block with a bright corner at the patient's right, front and top; axes to right, front and head."""
    array = np.zeros(SHAPE, np.float32)
    array[5:55, 5:75, 5:35] = 2
    array[5:55, 5:75, 5:8] = 1  # the darkest, which is shown black
    array[40:55, 55:75, 25:35] = 3
    return Volume(array, np.diag([*spacing_mm, 1.0]))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(imread(BytesIO(png)))[..., :3]


def centre_of_bright(image: np.ndarray) -> tuple[float, float]:
    """Column and row, as shares of the block's extent; the block is all that is neither black nor a letter."""
    grey = (np.ptp(image, axis=2) < 0.02) & (image[..., 0] > 0.0)
    grey[:25], grey[-45:] = False, False  # title; ruler
    rows, columns = np.flatnonzero(grey.sum(1) > 40), np.flatnonzero(grey.sum(0) > 40)
    y, x = np.nonzero((image.min(2) > 0.9) & grey)
    return (
        (x.mean() - columns[0]) / (columns[-1] - columns[0]),
        (y.mean() - rows[0]) / (rows[-1] - rows[0]),
    )


@pytest.mark.parametrize("code", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("plane", list(Plane))
def test_right_is_left_front_is_up_or_left_and_head_is_up(plane: Plane, code: str) -> None:
    stored = reorient(head(), code)
    image = pictures.upright(stored)
    png = pictures.sheet("", [("", [Panel(image, plane, (45, 65, 30), "")])])
    across, down = centre_of_bright(pixels(png))
    assert across < 0.4 and down < 0.4


def test_every_panel_has_the_same_scale() -> None:
    """A red square of 30 mm is equally large in voxels of 1 mm and of 2 mm."""
    sizes = []
    for step in (1.0, 2.0):
        image = head((step, step, step))
        mask = np.zeros(SHAPE, bool)
        first = [round(30 / step), round(30 / step)]
        mask[5 : 5 + first[0], 5 : 5 + first[1], :] = True
        png = pictures.sheet(
            "", [("", [Panel(image, Plane.AXIAL, (10, 10, 10), "", (Outline(mask, "#FF0000", "x"),))])]
        )
        seen = pixels(png)
        red = (seen[..., 0] > 0.6) & (seen[..., 1] < 0.3) & (seen[..., 2] < 0.3)
        red[-28:] = False  # the legend
        y, x = np.nonzero(red)
        sizes.append((np.ptp(x), np.ptp(y)))
    assert np.abs(np.subtract(sizes[0], sizes[1])).max() <= 3
    assert abs(sizes[0][0] - sizes[0][1]) <= 2 and 65 < sizes[0][0] < 80  # 30 mm at 2.4 pixels each


def test_slices_are_those_with_most_of_the_mask() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[20, 30:40, 12] = True
    mask[21:24, 33, 12] = True
    assert pictures.centre_of(mask, head().array) == (20, 33, 12)
    # an empty mask: the middle of the block, (5 + 55) / 2 and so on
    assert pictures.centre_of(np.zeros(SHAPE, bool), head().array) == (30, 40, 20)


def test_air_is_told_by_the_corners_even_where_it_is_the_mean() -> None:
    """Z-scores: around the brain stands 0, and half of the brain is darker than that."""
    array = np.zeros((20, 20, 20), np.float32)
    array[4:16, 4:16, 4:16] = np.random.default_rng(1).normal(size=(12, 12, 12))
    assert pictures.air_of(array) == 0 and pictures.content_box(array) == ((4, 16),) * 3
    dark, bright = pictures.window_of(array)
    assert dark < -2 and bright > 2
    png = pictures.sheet("", [("", [Panel(Volume(array, np.eye(4)), Plane.AXIAL, (10, 10, 10), "")])])
    image = pixels(png)
    assert np.median(image[..., 0]) == 0 and (image[..., 0] > 0.3).any()


def test_nothing_at_all_can_be_drawn() -> None:
    empty = Volume(np.zeros((9, 9, 9), np.int16), np.eye(4))
    png = pictures.sheet("empty", [("", [Panel(empty, plane, (4, 4, 4), "") for plane in Plane])], ["A note."])
    assert pixels(png).max() > 0.9  # the words
