"""Probability of tumour in every voxel of a brain, by one network or the mean of several.

`exact` cuts the image into the original's tiles and evaluates the network as it is written. `fast` gives the map that
this tends to as tiles grow: no borders of tiles, subsampled grids in step with the image's first voxel, and nothing
computed but the brain. So the two differ, most where the original's tiles meet; `fast` takes a fraction of the time.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from segmentation import tiles
from segmentation.classification import Repeated, classify, fold_classifier
from segmentation.folded import fold_pathway
from segmentation.network import DeepMedic, Factor, NetworkConfig
from segmentation.streaming import Extents, stream
from segmentation.winograd import OUT

EXACT_OUTPUT = (29, 29, 29)  # voxels of a tile's output in the original; its input has 45
_STRIPS = 4  # parts of the brain along x, for as many threads; fixed, so that rounding doesn't hang on the machine

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Mode = Literal["exact", "fast"]
Progress = Callable[[float], None]
_T = TypeVar("_T")
_R = TypeVar("_R")


def probabilities(
    nets: Sequence[DeepMedic],
    images: Array,
    roi: Mask | None = None,
    *,
    mode: Mode = "fast",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Array:
    """Mean over the networks of the probability of tumour: 0 outside `roi`, the brain.

    `images` (2, x, y, z) are FLAIR and T1c, mean 0 and variance 1 in the brain. `progress` is given the share that is
    done, from 0 to 1. `threads` are as many as torch uses, unless said. The result is the same for any number.
    """
    brain = np.ones(images.shape[1:], bool) if roi is None else roi
    if not brain.any():
        return np.zeros(images.shape[1:], np.float32)
    run = {"exact": exact, "fast": _fast}[mode]
    with _workers(threads or torch.get_num_threads(), progress) as each:
        return run(nets, np.ascontiguousarray(images, np.float32), brain, each)


class _Each:
    """Work on many pieces by several threads, and how far it has got."""

    def __init__(self, pool: ThreadPoolExecutor, progress: Progress | None) -> None:
        self._pool, self._progress = pool, progress

    def __call__(self, work: Callable[[_T], _R], pieces: Sequence[_T], share: tuple[float, float]) -> Iterator[_R]:
        """Results in the pieces' order; `share` is which part of the whole this is, from where to where."""
        begin, end = share
        for done, result in enumerate(self._pool.map(torch.inference_mode()(work), pieces), 1):
            if self._progress:
                self._progress(begin + (end - begin) * done / len(pieces))
            yield result


@contextmanager
def _workers(count: int, progress: Progress | None) -> Iterator[_Each]:
    """Threads that each compute alone: two that share one convolution mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield _Each(pool, progress)
    finally:
        torch.set_num_threads(before)


def exact(
    nets: Sequence[DeepMedic], images: Array, brain: Mask, each: _Each, output: tiles.Voxel = EXACT_OUTPUT
) -> Array:
    """By the original's tiles, of which those without any brain in their input are left out."""
    config = nets[0].config
    padded, around = tiles.pad(images, config.margin), tiles.pad(brain, config.margin)
    fill = tiles.fill_of(padded)
    x, y, z = (min(wide, size) for wide, size in zip(output, brain.shape, strict=True))

    def box(start: tiles.Voxel, more: int = 0) -> tuple[slice, ...]:
        return tuple(slice(s, s + wide + more) for s, wide in zip(start, (x, y, z), strict=True))

    def evaluate(start: tiles.Voxel) -> Array:
        cut = tiles.cut(padded, start, (x, y, z), config, fill)
        inputs = [torch.from_numpy(np.ascontiguousarray(image))[None] for image in cut]
        return np.mean([net(*inputs).softmax(1)[0, 1].numpy() for net in nets], 0)

    whole = np.zeros(brain.shape, np.float32)
    used = [start for start in tiles.starts(brain.shape, (x, y, z)) if around[box(start, 2 * config.margin)].any()]
    for start, tile in zip(used, each(evaluate, used, (0, 1)), strict=True):
        whole[box(start)] = tile
    return np.where(brain, whole, np.float32(0))


def _fast(nets: Sequence[DeepMedic], images: Array, brain: Mask, each: _Each) -> Array:
    """First the subsampled pathways of all networks, then the rest, in strips."""
    region = _Region(nets[0].config, images, brain)
    folded = [_Folded(net) for net in nets]
    pieces = list(itertools.product(folded, range(len(region.blocks))))
    found = list(each(lambda piece: region.subsampled(*piece), pieces, (0, 0.1)))
    count = len(region.blocks)
    jobs = [(net, found[n * count :][:count], strip) for n, net in enumerate(folded) for strip in region.strips()]
    sums = np.zeros(region.needed.shape, np.float32)
    for (_, _, strip), part in zip(jobs, each(lambda job: region.strip(*job), jobs, (0.1, 1)), strict=True):
        sums[:, strip] += part
    whole = np.zeros(brain.shape, np.float32)
    whole[region.box] = sums.transpose(1, 0, 2) / np.float32(len(nets))
    return np.where(brain, whole, np.float32(0))


class _Folded:
    """A network made ready for `fast`."""

    def __init__(self, net: DeepMedic) -> None:
        pairs = zip(net.pathway_names, net.config.pathways, strict=True)
        self.normal, *self.subsampled = (fold_pathway(net, name, pathway.factor) for name, pathway in pairs)
        self.classifier = fold_classifier(net)


class _Region:
    """The box round the brain, from a voxel at which blocks of all subsampled pathways begin; arrays (y, x, z)."""

    def __init__(self, config: NetworkConfig, images: Array, brain: Mask) -> None:
        self._halo = config.fc_kernel // 2
        around = config.margin + self._halo
        steps = np.lcm.reduce([(1, 1, 1), *config.factors])
        found = [np.flatnonzero(brain.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        i, j, k = (int(line[0] - line[0] % step) for line, step in zip(found, steps, strict=True))
        start = i, j, k
        self.box = tuple(slice(first, int(line[-1]) + 1) for first, line in zip(start, found, strict=True))
        self.needed = np.ascontiguousarray(brain[self.box].transpose(1, 0, 2))
        padded = tiles.pad(images, around)
        fill = tiles.fill_of(padded)
        wide = tuple(slice(axis.start, axis.stop + 2 * around) for axis in self.box)
        self._image = _planes(padded[:, *wide])
        self.blocks, self._low_images = [], []
        for factor in config.factors:
            first = [
                low + self._halo - f * self._halo
                for low, f in zip(tiles.first_of_grid(start, config, factor), factor, strict=True)
            ]
            blocks = _blocks(self.needed, (factor[1], factor[0], factor[2]))
            y, x, z = (count + 2 * around for count in blocks.shape)
            self.blocks.append(blocks)
            self._low_images.append(_planes(tiles.every(padded, first, (x, y, z), factor, fill)))

    def strips(self) -> list[slice]:
        """Parts along x with about as much brain in each."""
        amount = np.cumsum(self.needed.sum((0, 2)))
        ends = np.searchsorted(amount, amount[-1] * np.arange(1, _STRIPS) / _STRIPS) + 1
        bounds = sorted({0, *ends.tolist(), len(amount)})
        return [slice(a, b) for a, b in itertools.pairwise(bounds)]

    def subsampled(self, net: _Folded, number: int) -> tuple[Tensor, Tensor]:
        """A subsampled pathway's maps of the whole region, and the same after the first FC activation."""
        pathway, blocks = net.subsampled[number], self.blocks[number]
        y, x, z = (count + 2 * self._halo for count in blocks.shape)
        maps = torch.zeros(y, x, z, pathway.channels[-1])
        for first, buffer in stream(pathway, self._low_images[number], Extents(blocks), self._halo):
            new = buffer[2:][max(-first, 0) : y - first]
            maps[max(first, 0) : max(first, 0) + len(new)] = new
        return maps, net.classifier.shares[number + 1].activation(maps)

    def strip(self, net: _Folded, subsampled: Sequence[tuple[Tensor, Tensor]], strip: slice) -> Array:
        """Probability in a strip (y, x, z), as far as there is brain."""
        extents = Extents(self.needed[:, strip])
        reach = self._image.shape[1] - self.needed.shape[1]
        repeated = [
            Repeated(share, *maps, pathway.factor, extents, strip.start)
            for share, maps, pathway in zip(net.classifier.shares[1:], subsampled, net.subsampled, strict=True)
        ]
        found = torch.zeros(extents.shape)
        image = self._image[:, strip.start : strip.stop + reach]
        for first, buffer in stream(net.normal, image, extents, self._halo):
            begin = first - 2 * self._halo
            planes = range(begin, min(begin + OUT, len(found)))
            box = extents.box(begin, begin + OUT)
            if box is not None:
                maps = buffer[2 - 2 * self._halo :, *box.slices(2 * self._halo)]
                tumour = classify(net.classifier, maps, planes, box, repeated)
                found[begin : planes.stop, *box.slices()] = tumour[: len(planes)]
        return found.numpy()


def _planes(images: Array) -> Tensor:
    """(channel, x, y, z) → (y, x, z, channel)."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(2, 1, 3, 0)))


def _blocks(mask: Mask, factor: Factor) -> Mask:
    """Whether there is anything in each block of that many voxels."""
    spare = [(0, -size % f) for size, f in zip(mask.shape, factor, strict=True)]
    (a, b, c), wide = factor, np.pad(mask, spare)
    i, j, k = wide.shape
    return np.asarray(wide.reshape(i // a, a, j // b, b, k // c, c).any((1, 3, 5)))
