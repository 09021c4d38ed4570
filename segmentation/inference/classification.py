"""The FC part of a folded network: the maps of all pathways become the probability of tumour.

The first FC convolution is linear and the subsampled maps are repeated over blocks of voxels, so their share of it is
summed at their own resolution. With a kernel of three taps, along each axis that is S·own + w0·(previous - own) at a
block's first voxel + w2·(next - own) at its last, S = w0 + w1 + w2: 27 products for the 27 or 125 voxels of a block.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segmentation.inference import winograd
from segmentation.inference.folded import (
    Activation,
    Target,
    convolve,
    fill_up,
    fold_activation,
    normalisation,
    planes_first,
)
from segmentation.inference.streaming import Box, Extents
from segmentation.network import Block, DeepMedic, Factor

_KINDS = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)  # S, w0, w2 of a kernel's three taps


@dataclass(frozen=True)
class Share:
    """A pathway's part of the first FC convolution, and of the residual that the second adds to its output."""

    activation: Activation
    products: Tensor  # (kinds along z · x · planes, in, out): 27 or 1
    residual: Tensor | None  # a factor for each channel that is added
    channels: slice  # the channels of the second block's output that it is added to


@dataclass(frozen=True)
class Dense:
    """A PReLU and a 1x1x1 convolution, on (voxel, channel)."""

    slope: Tensor
    matrix: Tensor
    bias: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """Normalised for the next PReLU; the last gives the logit."""
        return torch.addmm(self.bias, torch.prelu(values, self.slope), self.matrix)


@dataclass(frozen=True)
class Classifier:
    """All FC blocks; the first share is the normal pathway's, whose kernels stand apart if they have three taps."""

    shares: list[Share]
    kernels: list[Tensor]
    bias: Tensor
    dense: list[Dense]


def fold_classifier(net: DeepMedic, target: Target) -> Classifier:
    """For a network of two classes: the difference of their logits is all there is to know."""
    blocks = [block for block in net.fc if isinstance(block, Block)]
    factors, bias = normalisation(blocks[1])
    first = planes_first(blocks[0].conv) * factors.view(-1, 1, 1, 1, 1) * (1 - blocks[0].dropout)
    first = fill_up(first, 0)
    added = normalisation(blocks[2])[0] if net.config.fc_residual_blocks else None
    shares, begin = [], 0
    for pathway in net.config.pathways:
        channels = slice(begin, begin + pathway.channels[-1])
        shares.append(_share(blocks[0], first[:, channels], channels, added, target))
        begin = channels.stop
    kernels = target.kernels(first[:, : net.config.pathways[0].channels[-1]]) if net.config.fc_kernel > 1 else []
    dense = [_dense(block, following, target) for block, following in itertools.pairwise(blocks[1:])]
    dense.append(_last_dense(blocks[-1], net.softmax.bias, target))
    return Classifier(shares, kernels, target.put(fill_up(bias, 0)), dense)


def _share(block: Block, kernel: Tensor, channels: slice, added: Tensor | None, target: Target) -> Share:
    """Of a kernel (out, in, plane, x, z)."""
    if kernel.shape[-1] == 3:
        products = torch.einsum("aZ,bX,cP,oiPXZ->abcio", _KINDS, _KINDS, _KINDS, kernel).flatten(0, 2)
    else:
        products = kernel[..., 0, 0, 0].T[None]
    activation = fold_activation(block, target, is_normalised=False, channels=channels)
    residual = None if added is None else target.put(added[channels])
    onto = slice(channels.start, channels.start + (0 if residual is None else len(residual)))
    return Share(activation, target.put(products), residual, onto)


def _dense(block: Block, following: Block, target: Target) -> Dense:
    scale, shift = normalisation(following)
    matrix = fill_up(_matrix(block) * scale, 1)
    return Dense(target.put(fill_up(block.prelu, 0)), target.put(matrix), target.put(fill_up(shift, 0)))


def _last_dense(block: Block, bias: Tensor, target: Target) -> Dense:
    none, tumour = _matrix(block).split(1, 1)
    return Dense(target.put(fill_up(block.prelu, 0)), target.put(tumour - none), target.put(bias[1:] - bias[:1]))


def _matrix(block: Block) -> Tensor:
    """(in, filled up; out) of a 1x1x1 kernel and the dropout before it."""
    return fill_up(block.conv.double()[..., 0, 0, 0].T * (1 - block.dropout), 0)


class Repeated:
    """A subsampled pathway's maps over a strip of the image, given out plane by plane at the image's resolution.

    `maps` (plane, x, z, channel) begin at a block's first voxel, with one voxel around for a kernel of three taps, and
    `active` are the same after the share's activation. The strip's x begins at their voxel `begin`, counted finely.
    """

    def __init__(
        self, share: Share, maps: Tensor, active: Tensor, factor: Factor, extents: Extents, begin: int
    ) -> None:
        self._share, self._factor, self._extents, self._begin = share, factor, extents, begin
        self._halo = 1 if len(share.products) > 1 else 0
        self._active = active
        self._residual = None if share.residual is None else maps[..., : len(share.residual)] * share.residual
        self._number = -1

    def add_sum(self, into: Tensor, plane: int, box: Box) -> None:
        """The share of the first FC convolution, onto (x, z, out) of a box in a plane of the strip."""
        number, phase = divmod(plane, self._factor[0])
        if number != self._number:
            self._number, self._sums, self._at = number, *self._compute(number)
        wanted = into.shape[:2]
        (x, _), (z, _) = box.x, box.z
        part = self._sums[:, x - self._at[0] :, z - self._at[1] :][:, : wanted[0], : wanted[1]]
        into += part[0]
        if len(part) == 3 and phase == 0:
            into += part[1]
        if len(part) == 3 and phase == self._factor[0] - 1:
            into += part[2]

    def add_residual(self, into: Tensor, plane: int, box: Box) -> None:
        """The residual of the second FC block, onto (x, z, out)."""
        assert self._residual is not None
        maps = self._residual[plane // self._factor[0] + self._halo]
        x = torch.arange(box.x[0] + self._begin, box.x[1] + self._begin, device=maps.device) // self._factor[1]
        z = torch.arange(*box.z, device=maps.device) // self._factor[2]
        into[..., self._share.channels] += maps.index_select(0, x + self._halo).index_select(1, z + self._halo)

    def _compute(self, number: int) -> tuple[Tensor, tuple[int, int]]:
        """Sums (kinds along planes, x, z, out) of a plane of blocks wherever they can be asked for, and their start."""
        planes, fx, fz = self._factor
        box = self._extents.box(number * planes - winograd.OUT, (number + 1) * planes + winograd.OUT)
        assert box is not None
        (xa, xb), (za, zb) = box.x, box.z
        low = (xa + self._begin) // fx, za // fz
        high = -(-(xb + self._begin) // fx), -(-zb // fz)
        around = 2 * self._halo
        terms = self._active[number : number + around + 1, low[0] : high[0] + around, low[1] : high[1] + around]
        sums = _products(terms, self._share.products)
        return _spread(_spread(sums, 3, fz), 1, fx), (low[0] * fx - self._begin, low[1] * fz)


def _products(terms: Tensor, products: Tensor) -> Tensor:
    """(plane, x, z, in) → (kinds along z, x, planes; x, z; out)."""
    is_wide = len(products) > 1
    terms = _differences(_differences(_differences(terms, 0)[:, 0], 1), 3) if is_wide else terms[None, None]
    kinds, (x, z) = terms.shape[:3], terms.shape[3:5]
    return torch.bmm(terms.reshape(len(products), x * z, -1), products).view(*kinds, x, z, -1)


def _differences(terms: Tensor, axis: int) -> Tensor:
    """Each voxel but the outermost, and how its two neighbours along an axis differ from it: a new first axis."""
    count = terms.shape[axis] - 2
    before, own, after = (terms.narrow(axis, begin, count) for begin in range(3))
    return torch.stack([own, before - own, after - own])


def _spread(sums: Tensor, axis: int, factor: int) -> Tensor:
    """The first axis, of kinds, summed up where each belongs; `axis`, of what remains, repeated block by block."""
    own = sums[0].unsqueeze(axis + 1)
    wide = own.expand(*own.shape[: axis + 1], factor, *own.shape[axis + 2 :]).contiguous()
    if len(sums) == 3:
        wide.select(axis + 1, 0).add_(sums[1])
        wide.select(axis + 1, factor - 1).add_(sums[2])
    return wide.flatten(axis, axis + 1)


def classify(classifier: Classifier, maps: Tensor, planes: range, box: Box, repeated: Sequence[Repeated]) -> Tensor:
    """Probability (4, x, z) over a box of so many planes, up to four.

    `maps` (plane, x, z, channel) of the normal pathway: four planes, or for a kernel of three taps six, and one voxel
    more than the box on each side.
    """
    share = classifier.shares[0]
    active = share.activation(maps)
    if classifier.kernels:
        values = convolve(active, classifier.kernels, classifier.bias)
        own = maps[1:-1, 1:-1, 1:-1]
    else:
        values = (torch.addmm(classifier.bias, active.flatten(0, 2), share.products[0])).view(*active.shape[:3], -1)
        own = maps
    for pathway in repeated:
        for n, plane in enumerate(planes):
            pathway.add_sum(values[n], plane, box)
    shape = values.shape[:3]
    for number, dense in enumerate(classifier.dense, 2):
        values = dense(values.view(-1, values.shape[-1]))
        if number == 2 and share.residual is not None:
            values = values.view(*shape, -1)
            values[..., share.channels] += own[..., share.channels] * share.residual
            for pathway in repeated:
                for n, plane in enumerate(planes):
                    pathway.add_residual(values[n], plane, box)
    return torch.sigmoid(values.view(shape).float())
