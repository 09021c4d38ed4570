"""The whole DeepMedic (Kamnitsas 2017) with its residual connections (2016), as the original's code has it.

A normal pathway sees the image as it is, others see every third and every fifth voxel; their features are joined and
classified by 1x1x1 convolutions ("fully connected", FC). Every rule is measured against the original: its numbers are
in the tests. Axes: (batch, channel, x, y, z); class 1 is the tumour; channel 0 is FLAIR, channel 1 T1c.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL = 3  # of every convolution in a pathway
_EPSILON = 1.17549435e-38  # the original's: the smallest normal float32, so none
_NARROW = 16  # below so many output channels, torch's 1x1x1 convolution takes five times as long as a product

Factor = tuple[int, int, int]


@dataclass(frozen=True)
class Pathway:
    """Feature maps of each block, and how many voxels of the image one of its voxels steps over, along x, y, z."""

    channels: tuple[int, ...]
    factor: Factor = (1, 1, 1)


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a network. Blocks are counted from 1; a residual block adds the input of the block before it.

    `is_centred`: a voxel of a subsampled pathway lies in the middle of the voxels it is repeated over, and its grid
    keeps its phase at the image's border. The original puts it at their first one, and moves grids at borders.
    """

    name: str
    pathways: tuple[Pathway, ...]  # the first is the normal one; all have equally many blocks
    residual_blocks: tuple[int, ...] = (4, 6, 8)
    fc_channels: tuple[int, ...] = (250, 250)
    fc_kernel: int = 3  # of the first FC block, whose input is mirrored at its border; the others have 1
    fc_residual_blocks: tuple[int, ...] = (2,)
    fc_dropout: tuple[float, ...] = (0.0, 0.5, 0.5)  # of each FC block and of the classification
    in_channels: int = 2
    classes: int = 2
    rolling_length: int = 60  # so many training batches make the statistics used in inference
    is_centred: bool = False

    def __post_init__(self) -> None:
        if len({len(pathway.channels) for pathway in self.pathways}) != 1:
            raise ValueError("Pathways of different depth see different extents")
        if min(self.residual_blocks, default=3) < 3 or self.fc_residual_blocks not in ((), (2,)):
            raise ValueError("Residual blocks begin at 3, so that none adds the image; among the FC blocks, at the 2nd")
        if len(self.fc_dropout) != len(self.fc_channels) + 1 or self.fc_kernel not in (1, 3):
            raise ValueError("One dropout rate for each FC block and the classification; an FC kernel of 1 or 3")

    @property
    def receptive_field(self) -> int:
        """Voxels along an axis that decide about one voxel of a pathway's output."""
        return (KERNEL - 1) * len(self.pathways[0].channels) + 1

    @property
    def margin(self) -> int:
        """Voxels by which an output is smaller than its input, on each side."""
        return self.receptive_field // 2

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Of the subsampled pathways."""
        return tuple(pathway.factor for pathway in self.pathways[1:])


def _three(*channels: int) -> tuple[Pathway, ...]:
    return tuple(Pathway(channels, (factor, factor, factor)) for factor in (1, 3, 5))


DEFAULT = NetworkConfig("default", _three(30, 30, 40, 40, 40, 40, 50, 50))  # 2,008,148 parameters
WIDE = NetworkConfig("wide", _three(30, 40, 50, 60, 70, 80, 90, 100), fc_channels=(300, 300))
COMPACT = NetworkConfig(  # 449,864 parameters, in sixteens as CPUs compute them: for training without a GPU
    "compact",
    (Pathway((16,) * 8), Pathway((32,) * 8, (3, 3, 3)), Pathway((32,) * 8, (5, 5, 5))),
    fc_channels=(96,),
    fc_kernel=1,
    fc_residual_blocks=(),
    fc_dropout=(0.0, 0.0),
    is_centred=True,
)
CONFIGS = {config.name: config for config in (DEFAULT, WIDE, COMPACT)}


class _NormPReLU(torch.autograd.Function):
    """Batch normalisation in training, then PReLU; also the batch's mean and 1 / SD, which carry no gradient.

    In one, because the backward pass of torch's own PReLU takes an eighth of a training step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, mean, inverse_sd = torch.native_batch_norm(x, gamma, beta, None, None, True, 0.0, _EPSILON)
        ctx.save_for_backward(x, y, gamma, slope, mean, inverse_sd)
        ctx.mark_non_differentiable(mean, inverse_sd)
        return functional.prelu(y, slope.to(y.dtype)), mean, inverse_sd

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        x, y, gamma, slope, mean, inverse_sd = ctx.saved_tensors
        above = torch.ops.aten.threshold_backward(gradients[0], y, 0)
        below = gradients[0] - above
        of_slope = (below * y).sum((0, 2, 3, 4))
        of_y = above.addcmul_(below, slope.to(y.dtype).view(-1, 1, 1, 1))
        of_x, of_gamma, of_beta = torch.ops.aten.native_batch_norm_backward(
            of_y, x, gamma, None, None, mean, inverse_sd, True, _EPSILON, [True, True, True]
        )
        return of_x, of_gamma, of_beta, of_slope.to(slope.dtype)


class Block(nn.Module):
    """Batch normalisation, PReLU, dropout, convolution without bias; in that order (He 2016, pre-activation).

    The first block of a pathway adds a learnt bias to the image instead, and has no PReLU. In inference the batch
    statistics are the plain averages of the last batches' means and biased variances, kept in a ring of rows.
    """

    bn_rolling_mean: Tensor
    bn_rolling_var: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, rolling_length: int = 0, dropout: float = 0.0, pad: int = 0
    ) -> None:
        super().__init__()
        self.dropout, self.pad, self.is_first = dropout, pad, rolling_length == 0
        if self.is_first:
            self.in_bias = nn.Parameter(torch.zeros(inputs))
        else:
            self.bn_gamma = nn.Parameter(torch.ones(inputs))
            self.bn_beta = nn.Parameter(torch.zeros(inputs))
            self.register_buffer("bn_rolling_mean", torch.zeros(rolling_length, inputs))
            self.register_buffer("bn_rolling_var", torch.ones(rolling_length, inputs))
            self.prelu = nn.Parameter(torch.full((inputs,), 0.01))
        self.conv = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel, kernel))

    def initialise(self, generator: torch.Generator | None) -> None:
        """He's normal distribution by the number of inputs of the kernel."""
        nn.init.normal_(self.conv, 0, (2 / self.conv[0].numel()) ** 0.5, generator)

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        """`row`: the ring's row for this batch's statistics, in training."""
        if self.is_first:  # the kernel's share of the bias, as nothing is padded: without a gradient of the image
            return functional.conv3d(x, self.conv, self.conv.sum((2, 3, 4)) @ self.in_bias)
        x = self._normalise(x, row)
        if self.dropout and self.training:  # not divided by 1 - rate: inference multiplies by it instead
            x = x * torch.empty_like(x).bernoulli_(1 - self.dropout)
        elif self.dropout:
            x = x * (1 - self.dropout)
        if self.pad:
            x = functional.pad(x, (self.pad,) * 6, mode="replicate")
        if self.conv[0, 0].numel() == 1 and len(self.conv) < _NARROW:
            return functional.linear(x.movedim(1, -1), self.conv.flatten(1)).movedim(-1, 1)
        return functional.conv3d(x, self.conv)

    def _normalise(self, x: Tensor, row: Tensor) -> Tensor:
        """Batch normalisation and PReLU."""
        if not self.training:
            mean, var = self.bn_rolling_mean.mean(0), self.bn_rolling_var.mean(0)
            x = functional.batch_norm(x, mean, var, self.bn_gamma, self.bn_beta, False, 0.0, _EPSILON)
            return functional.prelu(x, self.prelu.to(x.dtype))
        x, mean, inverse_sd = _NormPReLU.apply(x, self.bn_gamma, self.bn_beta, self.prelu)
        with torch.no_grad():
            self.bn_rolling_mean.index_copy_(0, row, mean.float()[None])
            self.bn_rolling_var.index_copy_(0, row, inverse_sd.float().pow(-2)[None])
        return x


class _ClassBias(nn.Module):
    """Added to the last convolution, a number for each class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))


class DeepMedic(nn.Module):
    """The network; its weights are called `norm.0.conv`, `sub0.1.bn_gamma`, `fc.2.prelu`, `softmax.bias` and so on."""

    bn_ring_position: Tensor

    def __init__(self, config: NetworkConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.pathway_names = ("norm", *(f"sub{number}" for number in range(len(config.factors))))
        for name, pathway in zip(self.pathway_names, config.pathways, strict=True):
            self.add_module(name, _pathway_blocks(config, pathway))
        self.fc = _fc_blocks(config)
        self.softmax = _ClassBias(config.classes)
        self.register_buffer("bn_ring_position", torch.zeros(1, dtype=torch.int64))
        for module in self.modules():
            if isinstance(module, Block):
                module.initialise(generator)

    def blocks(self, name: str) -> nn.ModuleList:
        """Those of a pathway or of "fc"."""
        found = self.get_submodule(name)
        assert isinstance(found, nn.ModuleList)
        return found

    def kernels(self) -> list[nn.Parameter]:
        """Of all convolutions: what L1 and L2 hold down."""
        return [module.conv for module in self.modules() if isinstance(module, Block)]

    def forward(self, normal: Tensor, *subsampled: Tensor) -> Tensor:
        """Logits. Normal input n³ → m³ = (n - 16)³; a pathway subsampled by f takes (16 + ceil(m / f))³."""
        residual = self.config.residual_blocks
        maps = [self._run("norm", normal, residual)]
        size = maps[0].shape[2:]
        for name, factor, image in zip(self.pathway_names[1:], self.config.factors, subsampled, strict=True):
            maps.append(_repeat(self._run(name, image, residual), factor, size))
        logits = self._run("fc", torch.cat(maps, 1), self.config.fc_residual_blocks)
        if self.training:
            self.bn_ring_position += 1
        return logits + self.softmax.bias.view(-1, 1, 1, 1)

    def _run(self, name: str, x: Tensor, residual_blocks: tuple[int, ...]) -> Tensor:
        row = self.bn_ring_position % self.config.rolling_length
        inputs: list[Tensor] = []
        for number, block in enumerate(self.blocks(name), 1):
            inputs.append(x)
            x = block(x, row)
            if number in residual_blocks:
                x = _add_earlier(x, inputs[number - 2])
        return x


def _pathway_blocks(config: NetworkConfig, pathway: Pathway) -> nn.ModuleList:
    ins = (config.in_channels, *pathway.channels)
    lengths = (0, *[config.rolling_length] * (len(pathway.channels) - 1))
    return nn.ModuleList(
        Block(i, o, KERNEL, rolling_length=length)
        for i, o, length in zip(ins[:-1], pathway.channels, lengths, strict=True)
    )


def _fc_blocks(config: NetworkConfig) -> nn.ModuleList:
    joined = sum(pathway.channels[-1] for pathway in config.pathways)
    ins, outs = (joined, *config.fc_channels), (*config.fc_channels, config.classes)
    kernels = (config.fc_kernel, *[1] * len(config.fc_channels))
    return nn.ModuleList(
        Block(i, o, kernel, rolling_length=config.rolling_length, dropout=rate, pad=kernel // 2)
        for i, o, kernel, rate in zip(ins, outs, kernels, config.fc_dropout, strict=True)
    )


def _add_earlier(deep: Tensor, earlier: Tensor) -> Tensor:
    """An earlier map onto the middle and the first channels of a deeper one; surplus channels of either stay alone."""
    spare = [0, deep.shape[1] - earlier.shape[1]]
    for s, t in zip(earlier.shape[2:], deep.shape[2:], strict=True):
        begin = (s - 1) // 2 - (t - 1) // 2
        spare = [-begin, begin + t - s, *spare]
    return deep + functional.pad(earlier, spare)  # padding by less than nothing cuts


def _repeat(x: Tensor, factor: Factor, size: torch.Size) -> Tensor:
    """Each voxel f times along each axis (a a a b b b), cut to the first voxels."""
    wide = [s * f for s, f in zip(x.shape[2:], factor, strict=True)]
    i, j, k = size
    return functional.interpolate(x, wide, mode="nearest-exact")[:, :, :i, :j, :k]
