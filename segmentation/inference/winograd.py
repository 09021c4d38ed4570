"""3x3x3 convolution of six planes into four with half the multiplications: Winograd's F(4, 3) along the planes.

A polynomial product by values at five points and infinity (Toom-Cook; Lavin & Gray 2016). The planes' own two axes are
convolved directly. Planes are (plane, x, z, channel), contiguous: oneDNN's fast layout.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

OUT, IN = 4, 6  # planes
_POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # of those of small numbers the one with the least rounding error, measured
_ONE = _POINTS.index(1.0)  # its values go into all four planes alike, so that a bias added there is added everywhere


def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """For the six input planes, the kernel's three, and the four output planes."""
    points = np.array(_POINTS)
    data, kernel, output = np.zeros((IN, IN)), np.zeros((IN, 3)), np.zeros((OUT, IN))
    for row, point in enumerate(points):
        others = np.delete(points, row)
        data[row, :-1] = np.poly(others)[::-1]
        kernel[row] = point ** np.arange(3) / np.prod(point - others)
        output[:, row] = point ** np.arange(OUT)
    data[-1], kernel[-1, -1], output[-1, -1] = np.poly(points)[::-1], 1, 1
    as_tensor = [torch.from_numpy(matrix) for matrix in (data, kernel, output)]
    return as_tensor[0].float(), as_tensor[1], as_tensor[2].float()


_DATA, _KERNEL, _OUTPUT = _matrices()


def prepare(kernel: Tensor) -> list[Tensor]:
    """Six 2-D kernels (out, in, x, z) from a kernel (out, in, plane, x, z)."""
    values = torch.einsum("vp,oipxz->voixz", _KERNEL, kernel.double()).float()
    return [value.contiguous(memory_format=torch.channels_last) for value in values]


def convolve(planes: Tensor, prepared: list[Tensor], bias: Tensor) -> Tensor:
    """(6, x, z, in) → (4, x - 2, z - 2, out)."""
    values = torch.mm(_DATA, planes.view(IN, -1)).view(planes.shape).permute(0, 3, 1, 2)
    products = [
        functional.conv2d(values[n : n + 1], kernel, bias if n == _ONE else None) for n, kernel in enumerate(prepared)
    ]
    joined = torch.cat([product.permute(0, 2, 3, 1) for product in products])
    return torch.mm(_OUTPUT, joined.view(IN, -1)).view(OUT, *joined.shape[1:])
