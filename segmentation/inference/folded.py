"""A trained network with everything constant worked into its kernels, for the fast inference.

Batch statistics, dropout rates and the image's bias become factors of kernels and additions after them. Outputs are
filled up with channels of zeros to full vectors of the processor, which oneDNN computes in less time than fewer
channels. Maps are (plane, x, z, channel); planes run along the image's y.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from segmentation.inference import winograd
from segmentation.network import _EPSILON, Block, DeepMedic, Factor

_VECTOR = 16  # float32 numbers of AVX-512; on smaller processors a whole number of vectors all the same


@dataclass(frozen=True)
class Target:
    """Where, and in which numbers, a folded network computes."""

    device: torch.device
    dtype: torch.dtype

    def put(self, values: Tensor) -> Tensor:
        """There, in those."""
        return values.detach().to(self.device, self.dtype).contiguous()

    def kernels(self, kernel: Tensor, *, is_thin: bool = False) -> list[Tensor]:
        """A kernel (out, in, plane, x, z) as `convolve` takes it: six for Winograd, or one.

        Winograd's differences need more digits than bfloat16 has, and don't pay for the image's few channels (thin).
        """
        if self == CPU and not is_thin:
            return winograd.prepare(kernel)
        flat = self.put(kernel.permute(0, 2, 1, 3, 4).flatten(1, 2))
        return [flat.contiguous(memory_format=torch.channels_last)]


CPU = Target(torch.device("cpu"), torch.float32)


def convolve(planes: Tensor, kernels: list[Tensor], bias: Tensor) -> Tensor:
    """(6, x, z, in) → (4, x - 2, z - 2, out). A single kernel takes three neighbouring planes at a time as channels."""
    if len(kernels) > 1:
        return winograd.convolve(planes, kernels, bias)
    count = winograd.OUT
    triple = torch.cat([planes[n : n + count] for n in range(3)], -1).permute(0, 3, 1, 2)
    return functional.conv2d(triple, kernels[0], bias).permute(0, 2, 3, 1)


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
class Layer:
    """An activation, none on the image itself, and a 3x3x3 kernel; six planes become four."""

    activation: Activation | None
    kernels: list[Tensor]
    bias: Tensor

    def __call__(self, maps: Tensor) -> Tensor:
        """(6, x, z, in) → (4, x - 2, z - 2, out), filled up."""
        return convolve(self.activation(maps) if self.activation else maps, self.kernels, self.bias)


@dataclass(frozen=True)
class FoldedPathway:
    """The layers of one pathway, and after which of them (from 1) the map of two layers before is added."""

    layers: list[Layer]
    channels: list[int]  # of the image and of each layer, not filled up
    residual_blocks: tuple[int, ...]
    factor: Factor  # along planes, x, z


def fold_pathway(net: DeepMedic, name: str, factor: Factor, target: Target) -> FoldedPathway:
    """The last layer's maps, and those that are added or added to, stay as they are; others come out normalised."""
    blocks = [block for block in net.blocks(name) if isinstance(block, Block)]
    residual = net.config.residual_blocks
    kept = {number - 2 for number in residual} | {*residual, len(blocks)}
    layers: list[Layer] = []
    for number, block in enumerate(blocks, 1):
        kernel = planes_first(block.conv)
        bias = torch.zeros(len(kernel), dtype=torch.float64)
        if block.is_first:
            bias = torch.einsum("oipxz,i->o", kernel, block.in_bias.double())
        if number not in kept:
            scale, shift = normalisation(blocks[number])
            kernel, bias = kernel * scale.view(-1, 1, 1, 1, 1), bias * scale + shift
        activation = None
        if not block.is_first:
            activation = fold_activation(block, target, is_normalised=number - 1 not in kept)
        kernels = target.kernels(fill_up(kernel, 0), is_thin=block.is_first)
        layers.append(Layer(activation, kernels, target.put(fill_up(bias, 0))))
    channels = [block.conv.shape[1] for block in blocks] + [blocks[-1].conv.shape[0]]
    return FoldedPathway(layers, channels, residual, (factor[1], factor[0], factor[2]))


def fold_activation(block: Block, target: Target, *, is_normalised: bool, channels: slice = slice(None)) -> Activation:
    """Of some of a block's channels; `is_normalised` where the kernels before it have done so already."""
    slope = target.put(block.prelu[channels])
    if is_normalised:
        return Activation(slope)
    scale, shift = (target.put(value[channels]) for value in normalisation(block))
    return Activation(slope, scale, shift)


def normalisation(block: Block) -> tuple[Tensor, Tensor]:
    """Factor and addition of the batch normalisation at a block's entry, in float64."""
    variance = block.bn_rolling_var.double().mean(0)
    scale = block.bn_gamma.double() / torch.sqrt(variance + _EPSILON)
    return scale, block.bn_beta.double() - block.bn_rolling_mean.double().mean(0) * scale


def fill_up(values: Tensor, axis: int) -> Tensor:
    """Zeros after the last channel, to a whole number of vectors."""
    missing = -values.shape[axis] % _VECTOR
    shape = list(values.shape)
    shape[axis] = missing
    return torch.cat([values, values.new_zeros(shape)], axis)


def planes_first(kernel: Tensor) -> Tensor:
    """(out, in, x, y, z) → (out, in, y, x, z), in float64."""
    return kernel.double().permute(0, 1, 3, 2, 4)
