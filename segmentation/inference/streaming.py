"""A pathway that runs over an image plane by plane, keeping of each layer just what the next planes need.

So nothing is computed twice along y, and along x and z only as much as the brain is wide at those planes; what stands
in a buffer outside is left over and never reaches a voxel that was asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from segmentation.inference.folded import FoldedPathway
from segmentation.inference.winograd import IN, OUT

Mask = npt.NDArray[np.bool_]
_STEP = 4  # boxes are widened to multiples of it: few different sizes, and oneDNN prepares itself anew for each


@dataclass(frozen=True)
class Box:
    """A rectangle of a plane: x and z from the first up to, but not including, the second."""

    x: tuple[int, int]
    z: tuple[int, int]

    def slices(self, grow: int = 0, shift: int = 0) -> tuple[slice, slice]:
        """With so many voxels more at the far ends, moved by so many."""
        (xa, xb), (za, zb) = self.x, self.z
        return slice(xa + shift, xb + shift + grow), slice(za + shift, zb + shift + grow)


class Extents:
    """Where, on each plane of a mask (plane, x, z), there is something."""

    def __init__(self, needed: Mask) -> None:
        self.shape = needed.shape
        self._x = [_bounds(plane.any(1)) for plane in needed]
        self._z = [_bounds(plane.any(0)) for plane in needed]

    def box(self, first: int, last: int) -> Box | None:
        """Round all that lies in the planes from the first up to, but not including, the last."""
        planes = slice(max(first, 0), max(last, 0))
        x, z = (_join(bounds[planes], size) for bounds, size in zip((self._x, self._z), self.shape[1:], strict=True))
        return Box(x, z) if x and z else None


def stream(pathway: FoldedPathway, image: Tensor, extents: Extents, halo: int) -> Iterator[tuple[int, Tensor]]:
    """The last layer's maps where the mask asks for them, and `halo` voxels around; four new planes at a time.

    Image (plane, x, z, channel) with halo + depth voxels more than the mask on each side. Yields the number of the
    first new plane, counted from the halo's first, and a buffer (6, x, z, channel) of the two planes before and the
    four new ones; it is written over in the next step.
    """
    depth = len(pathway.layers)
    reach = depth + halo
    _, x, z, _ = image.shape
    buffers = [image.new_zeros(IN, x - 2 * n, z - 2 * n, c) for n, c in enumerate(pathway.channels)]
    for first in range(-(-2 * reach % OUT), extents.shape[0] + 2 * reach, OUT):  # so that the mask's first is a first
        for buffer in buffers:
            buffer[:2] = buffer[OUT:]
        new = image[max(first, 0) : first + OUT]
        begin = 2 + max(-first, 0)
        buffers[0][begin : begin + len(new)] = new
        for level, layer in enumerate(pathway.layers, 1):
            box = extents.box(first - 2 * reach, first - 2 * level + OUT)
            if box is None:
                continue
            wide = 2 * (reach - level)
            maps = layer(buffers[level - 1][:, *box.slices(wide + 2)])[..., : pathway.channels[level]]
            if level in pathway.residual_blocks:
                both = min(pathway.channels[level], pathway.channels[level - 2])
                maps[..., :both] += buffers[level - 2][:OUT, *box.slices(wide, 2), :both]
            buffers[level][2:, *box.slices(wide)] = maps
        if first - 2 * depth + OUT > 0:
            yield first - 2 * depth, buffers[depth]


def _bounds(line: Mask) -> tuple[int, int] | None:
    found = np.flatnonzero(line)
    return (int(found[0]), int(found[-1]) + 1) if len(found) else None


def _join(bounds: list[tuple[int, int] | None], size: int) -> tuple[int, int] | None:
    found = [bound for bound in bounds if bound]
    if not found:
        return None
    first, last = min(a for a, _ in found), max(b for _, b in found)
    wide = min(size, first - first % _STEP + -(-(last - first + first % _STEP) // _STEP) * _STEP)
    return first - first % _STEP, wide
