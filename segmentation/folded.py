"""A trained network with everything constant worked into its kernels, for the fast inference.

Batch statistics, dropout rates and the image's bias become factors of kernels and additions after them. Channels are
filled up with zeros to full vectors of the processor. Maps are (plane, x, z, channel); planes run along the image's y.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from segmentation import winograd
from segmentation.network import _EPSILON, Block, DeepMedic, Factor

_VECTOR = 16  # float32 numbers of AVX-512; on smaller processors a whole number of vectors all the same


@dataclass(frozen=True)
class Activation:
    """PReLU, after batch normalisation where that couldn't be worked into the kernels before it."""

    slope: Tensor
    scale: Tensor | None = None
    shift: Tensor | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        """Of any part of a buffer; contiguous."""
        if self.scale is not None and self.shift is not None:
            maps = torch.addcmul(self.shift, maps, self.scale)
        return torch.prelu(maps.permute(0, 3, 1, 2), self.slope).permute(0, 2, 3, 1)


@dataclass(frozen=True)
class FirstConvolution:
    """Of the image; six planes become four, three neighbours at a time as channels of one 2-D convolution."""

    kernel: Tensor
    bias: Tensor

    def __call__(self, image: Tensor) -> Tensor:
        """(6, x, z, 2) → (4, x - 2, z - 2, out)."""
        triple = torch.cat([image[n : n + 4] for n in range(3)], -1).permute(0, 3, 1, 2)
        return functional.conv2d(triple, self.kernel, self.bias).permute(0, 2, 3, 1)


@dataclass(frozen=True)
class Convolution:
    """An activation and a 3x3x3 kernel; six planes become four."""

    activation: Activation
    kernels: list[Tensor]
    bias: Tensor

    def __call__(self, maps: Tensor) -> Tensor:
        """(6, x, z, in) → (4, x - 2, z - 2, out)."""
        return winograd.convolve(self.activation(maps), self.kernels, self.bias)


@dataclass(frozen=True)
class FoldedPathway:
    """The layers of one pathway, and after which of them (from 1) the map of two layers before is added."""

    layers: list[FirstConvolution | Convolution]
    channels: list[int]  # of the image and of each layer, filled up
    residual_blocks: tuple[int, ...]
    factor: Factor  # along planes, x, z


def fold_pathway(net: DeepMedic, name: str, factor: Factor) -> FoldedPathway:
    """The last layer's maps, and those that are added later, stay as they are; others come out normalised."""
    blocks = [block for block in net.blocks(name) if isinstance(block, Block)]
    residual = net.config.residual_blocks
    kept = {number - 2 for number in residual} | {len(blocks)}
    layers: list[FirstConvolution | Convolution] = []
    for number, block in enumerate(blocks, 1):
        kernel = _planes_first(block.conv)
        bias = torch.zeros(len(kernel), dtype=torch.float64)
        if block.is_first:
            bias = torch.einsum("oipxz,i->o", kernel, block.in_bias.double())
        if number not in kept:
            scale, shift = normalisation(blocks[number])
            kernel, bias = kernel * scale.view(-1, 1, 1, 1, 1), bias * scale + shift
        kernel, bias = fill_up(kernel, 0), fill_up(bias, 0).float()
        if block.is_first:
            flat = kernel.permute(0, 2, 1, 3, 4).flatten(1, 2).float()
            layers.append(FirstConvolution(flat.contiguous(memory_format=torch.channels_last), bias))
        else:
            activation = fold_activation(block, is_normalised=number - 1 not in kept)
            layers.append(Convolution(activation, winograd.prepare(fill_up(kernel, 1)), bias))
    channels = [net.config.in_channels, *(len(layer.bias) for layer in layers)]
    return FoldedPathway(layers, channels, residual, (factor[1], factor[0], factor[2]))


def fold_activation(block: Block, *, is_normalised: bool, channels: slice = slice(None)) -> Activation:
    """Of some of a block's channels; `is_normalised` where the kernels before it have done so already."""
    slope = fill_up(block.prelu[channels], 0)
    if is_normalised:
        return Activation(slope)
    scale, shift = (fill_up(value[channels], 0).float() for value in normalisation(block))
    return Activation(slope, scale, shift)


def normalisation(block: Block) -> tuple[Tensor, Tensor]:
    """Factor and addition of the batch normalisation at a block's entry, in float64."""
    variance = block.bn_rolling_var.double().mean(0)
    scale = block.bn_gamma.double() / torch.sqrt(variance + _EPSILON)
    return scale, block.bn_beta.double() - block.bn_rolling_mean.double().mean(0) * scale


def fill_up(values: Tensor, axis: int) -> Tensor:
    """Zeros after the last channel, to a whole number of vectors, where that is at most a fifth more."""
    missing = -values.shape[axis] % _VECTOR
    if missing > values.shape[axis] / 5:
        return values
    shape = list(values.shape)
    shape[axis] = missing
    return torch.cat([values, values.new_zeros(shape)], axis)


def _planes_first(kernel: Tensor) -> Tensor:
    return kernel.double().permute(0, 1, 3, 2, 4)
