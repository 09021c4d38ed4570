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
from segmentation.inference.classification import Repeated, classify, fold_classifier
from segmentation.inference.folded import Target, fold_pathway
from segmentation.inference.streaming import Extents, stream
from segmentation.inference.winograd import OUT
from segmentation.network import DeepMedic, Factor, NetworkConfig

EXACT_OUTPUT = (29, 29, 29)  # voxels of a tile's output in the original; its input has 45
_STRIPS = 2  # parts of the brain along x, for as many threads; fixed, so that rounding doesn't hang on the machine
_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # what a processor made for it says of itself
_CHECKED = 48  # voxels along an axis of the part that is tried in both precisions
_MEAN_CHANGE = 0.005  # of the probabilities, and of the voxels that change sides: Dice 0.9985 measured at 0.001

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Mode = Literal["exact", "fast"]
Precision = Literal["auto", "float32", "bfloat16"]
Progress = Callable[[float], None]
_T = TypeVar("_T")
_R = TypeVar("_R")


def probabilities(
    nets: Sequence[DeepMedic],
    images: Array,
    roi: Mask | None = None,
    *,
    mode: Mode = "fast",
    precision: Precision = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Array:
    """Mean over the networks of the probability of tumour: 0 outside `roi`, the brain.

    `images` (2, x, y, z) are FLAIR and T1c, mean 0 and variance 1 in the brain. `progress` is given the share that is
    done, from 0 to 1. `threads` are as many as torch uses, unless said; the result is the same for any number.

    `exact` computes in float32, on the device that the networks are on; `fast` on a graphics card if there is one. Its
    `precision` is bfloat16 on processors made for it, if that hardly changes a part of this brain ("auto").
    """
    brain = np.ones(images.shape[1:], bool) if roi is None else roi
    if not brain.any():
        return np.zeros(images.shape[1:], np.float32)
    images = np.ascontiguousarray(images, np.float32)
    with _workers(threads or torch.get_num_threads(), progress) as each:
        if mode == "exact":
            return exact(nets, images, brain, each)
        return fast(nets, images, brain, each, choose(nets[0], images, brain, precision))


class Each:
    """Work on many pieces, by the threads of a pool or in turn, and how far it has got."""

    def __init__(self, pool: ThreadPoolExecutor | None = None, progress: Progress | None = None) -> None:
        self._map = pool.map if pool else map
        self._progress = progress

    def __call__(self, work: Callable[[_T], _R], pieces: Sequence[_T], share: tuple[float, float]) -> Iterator[_R]:
        """Results in the pieces' order; `share` is which part of the whole this is, from where to where."""
        begin, end = share
        for done, result in enumerate(self._map(torch.inference_mode()(work), pieces), 1):
            if self._progress:
                self._progress(begin + (end - begin) * done / len(pieces))
            yield result


@contextmanager
def _workers(count: int, progress: Progress | None) -> Iterator[Each]:
    """Threads that each compute alone: two that share one convolution mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield Each(pool, progress)
    finally:
        torch.set_num_threads(before)


def exact(
    nets: Sequence[DeepMedic], images: Array, brain: Mask, each: Each, output: tiles.Voxel = EXACT_OUTPUT
) -> Array:
    """By the original's tiles, of which those without any brain in their input are left out."""
    config, device = nets[0].config, nets[0].bn_ring_position.device
    padded, around = tiles.pad(images, config.margin), tiles.pad(brain, config.margin)
    fill = tiles.fill_of(padded)
    x, y, z = (min(wide, size) for wide, size in zip(output, brain.shape, strict=True))

    def box(start: tiles.Voxel, more: int = 0) -> tuple[slice, ...]:
        return tuple(slice(s, s + wide + more) for s, wide in zip(start, (x, y, z), strict=True))

    def evaluate(start: tiles.Voxel) -> Array:
        cut = tiles.cut(padded, start, (x, y, z), config, fill)
        inputs = [torch.from_numpy(np.ascontiguousarray(image))[None].to(device) for image in cut]
        return np.mean([net(*inputs).softmax(1)[0, 1].cpu().numpy() for net in nets], 0)

    whole = np.zeros(brain.shape, np.float32)
    used = [start for start in tiles.starts(brain.shape, (x, y, z)) if around[box(start, 2 * config.margin)].any()]
    for start, tile in zip(used, each(evaluate, used, (0, 1)), strict=True):
        whole[box(start)] = tile
    return np.where(brain, whole, np.float32(0))


def choose(net: DeepMedic, images: Array, brain: Mask, precision: Precision) -> Target:
    """Where and in which numbers `fast` computes for this brain."""
    has_card = torch.cuda.is_available()
    device = torch.device("cuda" if has_card else "cpu")
    abilities = torch.cpu.get_capabilities()
    is_made_for_it = torch.cuda.is_bf16_supported() if has_card else any(abilities.get(name) for name in _BFLOAT16)
    whole, half = Target(device, torch.float32), Target(device, torch.bfloat16)
    if precision == "auto":
        return half if is_made_for_it and agrees(net, images, brain, half, whole) else whole
    return half if precision == "bfloat16" else whole


def agrees(net: DeepMedic, images: Array, brain: Mask, half: Target, whole: Target) -> bool:
    """The self-check: whether bfloat16 leaves the probabilities in the middle of this brain as they are."""
    middle = [int(np.median(line)) for line in brain.nonzero()]
    core = np.zeros_like(brain)
    core[tuple(slice(max(0, at - _CHECKED // 2), at + _CHECKED // 2) for at in middle)] = True
    core &= brain
    one, other = (fast([net], images, core, Each(), target)[core] for target in (whole, half))
    is_crossed = (one > 0.5) != (other > 0.5)
    return bool(np.abs(one - other).mean() < _MEAN_CHANGE and is_crossed.mean() < _MEAN_CHANGE)


def fast(nets: Sequence[DeepMedic], images: Array, brain: Mask, each: Each, target: Target) -> Array:
    """First the subsampled pathways of all networks, then the rest, in strips."""
    region = _Region(nets[0].config, images, brain, target)
    folded = [_Folded(net, target) for net in nets]
    count = len(region.blocks)
    pieces = list(itertools.product(folded, range(count)))
    found = list(each(lambda piece: region.subsampled(*piece), pieces, (0, 0.1)))
    jobs = [(net, found[n * count :][:count], strip) for n, net in enumerate(folded) for strip in region.strips()]
    sums = np.zeros(region.needed.shape, np.float32)
    for (_, _, strip), part in zip(jobs, each(lambda job: region.strip(*job), jobs, (0.1, 1)), strict=True):
        sums[:, strip] += part
    whole = np.zeros(brain.shape, np.float32)
    whole[region.box] = sums.transpose(1, 0, 2) / np.float32(len(nets))
    return np.where(brain, whole, np.float32(0))


class _Folded:
    """A network made ready for `fast`."""

    def __init__(self, net: DeepMedic, target: Target) -> None:
        pairs = zip(net.pathway_names, net.config.pathways, strict=True)
        self.normal, *self.subsampled = (fold_pathway(net, name, pathway.factor, target) for name, pathway in pairs)
        self.classifier = fold_classifier(net, target)


class _Region:
    """The box round the brain, from a voxel at which blocks of all subsampled pathways begin; arrays (y, x, z)."""

    def __init__(self, config: NetworkConfig, images: Array, brain: Mask, target: Target) -> None:
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
        self._image = _planes(padded[:, *wide], target)
        self.blocks, self._low_images = [], []
        for factor in config.factors:
            first = [
                low + self._halo - f * self._halo
                for low, f in zip(tiles.first_of_grid(start, config, factor), factor, strict=True)
            ]
            blocks = _blocks(self.needed, (factor[1], factor[0], factor[2]))
            y, x, z = (count + 2 * around for count in blocks.shape)
            self.blocks.append(blocks)
            self._low_images.append(_planes(tiles.every(padded, first, (x, y, z), factor, fill), target))

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
        maps = self._image.new_zeros(y, x, z, pathway.channels[-1])
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
        found = np.zeros(extents.shape, np.float32)
        image = self._image[:, strip.start : strip.stop + reach]
        for first, buffer in stream(net.normal, image, extents, self._halo):
            begin = first - 2 * self._halo
            planes = range(begin, min(begin + OUT, len(found)))
            box = extents.box(begin, begin + OUT)
            if box is not None:
                maps = buffer[2 - 2 * self._halo :, *box.slices(2 * self._halo)]
                tumour = classify(net.classifier, maps, planes, box, repeated)
                found[begin : planes.stop, *box.slices()] = tumour[: len(planes)].cpu()
        return found


def _planes(images: Array, target: Target) -> Tensor:
    """(channel, x, y, z) → (y, x, z, channel)."""
    return target.put(torch.from_numpy(images.transpose(2, 1, 3, 0)))


def _blocks(mask: Mask, factor: Factor) -> Mask:
    """Whether there is anything in each block of that many voxels."""
    spare = [(0, -size % f) for size, f in zip(mask.shape, factor, strict=True)]
    (a, b, c), wide = factor, np.pad(mask, spare)
    i, j, k = wide.shape
    return np.asarray(wide.reshape(i // a, a, j // b, b, k // c, c).any((1, 3, 5)))
