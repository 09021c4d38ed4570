"""Cutting a padded image into what the network takes: the tile itself, and its surroundings subsampled.

Arrays are (channel, x, y, z). A tile is named by its start: the first voxel of its input in the padded image, which
is the first voxel of its output in the image itself. Training cuts its segments by the same functions.
"""

from collections.abc import Iterator, Sequence

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
    first: Sequence[int] = first_of_grid(start, config, factor)
    if not config.is_centred:  # where it would begin outside, the original begins at voxel 0, less whole steps
        first = [low if low >= 0 else -(-low // f) * f for low, f in zip(first, factor, strict=True)]
    counts = [2 * config.margin + -(-o // f) for o, f in zip(output, factor, strict=True)]
    return every(padded, first, counts, factor, fill)


def first_of_grid(start: Voxel, config: NetworkConfig, factor: Factor) -> Voxel:
    """The voxel of the padded image at which a subsampled pathway's input for a tile begins; may lie outside."""
    x, y, z = (
        s - (f - 1) * config.margin + ((f - 1) // 2 if config.is_centred else 0)
        for s, f in zip(start, factor, strict=True)
    )
    return x, y, z


def every(padded: npt.NDArray, first: Sequence[int], counts: Sequence[int], factor: Factor, fill: Array) -> Array:
    """So many voxels along each axis, f apart; `fill` outside the image."""
    image = np.empty((len(padded), *counts), np.float32)
    image[:] = fill[:, None, None, None]
    into, source = [], []
    for low, count, size, f in zip(first, counts, padded.shape[1:], factor, strict=True):
        outside = max(0, -(low // f))
        begin = low + f * outside
        inside = max(0, min(count - outside, -((begin - size) // f)))
        into.append(slice(outside, outside + inside))
        source.append(slice(begin, begin + f * inside, f))
    image[:, *into] = padded[:, *source]
    return image
