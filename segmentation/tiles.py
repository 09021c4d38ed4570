"""Cutting a padded image into what the network takes: the tile itself, and its surroundings subsampled.

Arrays are (channel, x, y, z). A tile is named by its start: the first voxel of its input in the padded image, which
is the first voxel of its output in the image itself. Training cuts its segments by the same functions.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from segmentation.network import Factor, NetworkConfig

Array = npt.NDArray[np.float32]
Voxel = tuple[int, int, int]


def pad(array: npt.NDArray, margin: int) -> npt.NDArray:
    """Mirrored at the last three axes' ends, the end itself not repeated."""
    return np.pad(array, [(0, 0)] * (array.ndim - 3) + [(margin, margin)] * 3, mode="reflect")


def fill_of(padded: npt.NDArray) -> Array:
    """What stands for voxels outside the padded image: the mean of its eight corners, for each channel."""
    corners = padded[:, :: padded.shape[1] - 1, :: padded.shape[2] - 1, :: padded.shape[3] - 1]
    return corners.reshape(len(padded), -1).mean(1, dtype=np.float64).astype(np.float32)


def starts(size: Voxel, output: Voxel) -> Iterator[Voxel]:
    """Tiles that cover an image of this size, x running fastest; the last on an axis is moved back to its end."""
    x, y, z = (_axis_starts(s, o) for s, o in zip(size, output, strict=True))
    return ((i, j, k) for k in z for j in y for i in x)


def _axis_starts(size: int, output: int) -> list[int]:
    if size < output:
        raise ValueError(f"An image of {size} voxels is smaller than a tile's output of {output}")
    last = size - output
    return [*range(0, last, output), last]


def cut(padded: npt.NDArray, start: Voxel, output: Voxel, config: NetworkConfig, fill: Array) -> list[Array]:
    """The network's inputs for one tile with an output of that many voxels: the normal one, then the subsampled ones.

    The normal one is a view of the padded image.
    """
    x, y, z = (slice(s, s + o + 2 * config.margin) for s, o in zip(start, output, strict=True))
    return [padded[:, x, y, z], *(cut_subsampled(padded, start, output, config, f, fill) for f in config.factors)]


def cut_subsampled(
    padded: npt.NDArray, start: Voxel, output: Voxel, config: NetworkConfig, factor: Factor, fill: Array
) -> Array:
    """Every f-th voxel around the tile: 2 · margin + ceil(output / f) along each axis, plainly sliced, not smoothed."""
    counts = [2 * config.margin + -(-o // f) for o, f in zip(output, factor, strict=True)]
    image = np.empty((len(padded), *counts), np.float32)
    image[:] = fill[:, None, None, None]
    axes = [
        _axis_slices(s, count, size, f, config)
        for s, count, size, f in zip(start, counts, padded.shape[1:], factor, strict=True)
    ]
    into, source = zip(*axes, strict=True)
    image[:, *into] = padded[:, *source]
    return image


def _axis_slices(start: int, count: int, size: int, f: int, config: NetworkConfig) -> tuple[slice, slice]:
    """Where the entries of a subsampled axis that lie in the image go, and whence they come.

    Entry n stands for voxel low + f n. The original starts a grid that would begin outside at the image's first voxel
    instead, skipping only whole steps; a centred one keeps its phase.
    """
    low = start - (f - 1) * config.margin + ((f - 1) // 2 if config.is_centred else 0)
    skipped, source = 0, low
    if low < 0:
        skipped = -(low // f) if config.is_centred else -low // f
        source = low + f * skipped if config.is_centred else 0
    present = max(0, min(count - skipped, -((source - size) // f)))
    return slice(skipped, skipped + present), slice(source, source + f * present, f)
