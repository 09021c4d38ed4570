"""Tiles: the original's own cuts, and the rules by hand."""

import dataclasses

import numpy as np
import pytest

from segmentation import tiles
from segmentation.network import COMPACT
from tests.segmentation.parity import INPUTS, SMALL, arrays


def test_cuts_of_the_original() -> None:
    """In a corner, where the subsampled grid is moved and filled; in the middle; at the far end."""
    found = arrays("deepmedic_small.npz")
    padded = tiles.pad(found["volume/input"], SMALL.margin)
    fill = tiles.fill_of(padded)
    for number, (x, y, z) in enumerate(found["tiles/start_in_padded"].tolist()):
        cut = tiles.cut(padded, (x, y, z), (17, 17, 14), SMALL, fill)
        for ours, name in zip(cut, INPUTS, strict=True):
            assert np.array_equal(ours, found[f"tiles/{name}"][number])


def test_padding_mirrors_without_the_edge() -> None:
    line = tiles.pad(np.arange(3).reshape(3, 1, 1), 2)[:, 2, 2]
    assert line.tolist() == [2, 1, 0, 1, 2, 1, 0]


def test_fill_is_the_mean_of_the_corners() -> None:
    image = np.full((2, 3, 3, 3), 100.0)
    image[0, ::2, ::2, ::2] = np.arange(8).reshape(2, 2, 2)
    assert tiles.fill_of(image).tolist() == [3.5, 100]


def test_starts_cover_with_the_last_moved_back() -> None:
    """deepmedic.md, section 4: 0, 29, …, the last at the end; z outermost, x innermost."""
    found = list(tiles.starts((60, 29, 30), (29, 29, 29)))
    assert found == [(0, 0, 0), (29, 0, 0), (31, 0, 0), (0, 0, 1), (29, 0, 1), (31, 0, 1)]
    with pytest.raises(ValueError, match="smaller"):
        list(tiles.starts((28, 29, 29), (29, 29, 29)))


@pytest.mark.parametrize(("start", "first"), [(50, 2 + 50 - 32), (45, 2 + 45 - 32)])
def test_centred_grid_lies_in_the_middle_of_its_blocks(start: int, first: int) -> None:
    """With f = 5, margin 8: low-res output k stands for voxels 5k … 5k + 4 of the tile, so it's centred on 5k + 2."""
    image = np.broadcast_to(np.arange(200.0)[:, None, None], (1, 200, 120, 120))
    cut = tiles.cut_subsampled(image, (start, 40, 40), (15, 15, 15), COMPACT, (5, 5, 5), np.zeros(1, np.float32))
    line = cut[0, :, 8, 8]
    assert len(line) == 16 + 3
    assert line.tolist() == list(range(first, first + 5 * 19, 5))


def test_centred_grid_keeps_its_phase_at_the_border() -> None:
    """Entry n stands for voxel low + 5 n; outside it is the fill, inside it is that voxel. low = 0 - 32 + 2 = -30."""
    image = np.broadcast_to(np.arange(200.0)[:, None, None], (1, 200, 120, 120))
    fill = np.full(1, -1, np.float32)
    line = tiles.cut_subsampled(image, (0, 40, 40), (15, 15, 15), COMPACT, (5, 5, 5), fill)[0, :, 8, 8]
    assert line.tolist() == [-1] * 6 + list(range(0, 65, 5))
    moved = tiles.cut_subsampled(image, (1, 40, 40), (15, 15, 15), COMPACT, (5, 5, 5), fill)[0, :, 8, 8]
    assert moved.tolist() == [-1] * 6 + list(range(1, 66, 5))
    original = dataclasses.replace(COMPACT, is_centred=False)
    shifted = tiles.cut_subsampled(image, (1, 40, 40), (15, 15, 15), original, (5, 5, 5), fill)[0, :, 8, 8]
    assert shifted.tolist() == [-1] * 6 + list(range(0, 65, 5))  # low = -31: q = 6 whole steps, then voxel 0


def test_far_end_is_filled() -> None:
    image = np.broadcast_to(np.arange(40.0)[:, None, None], (1, 40, 40, 40))
    fill = np.full(1, -1, np.float32)
    line = tiles.cut_subsampled(image, (24, 0, 0), (15, 15, 15), COMPACT, (3, 3, 3), fill)[0, :, 8, 8]
    assert line.tolist() == [*range(24 - 16 + 1, 40, 3), *[-1] * 10]
