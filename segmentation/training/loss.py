"""What training makes small: the cross entropy of every voxel, and L1 and L2 of the kernels, as in the original.

A recipe may add what the soft Dice coefficient lacks of 1, which is nearer to what masks are measured by.
"""

import torch
from torch import Tensor

from segmentation.network import DeepMedic

_FLOOR = 1e-6  # added to the probability before the logarithm, in the original


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over all voxels of -log(p + 1e-6), p the probability of the voxel's own class; labels (batch, x, y, z)."""
    probability = torch.softmax(logits.float(), 1).gather(1, labels.long().unsqueeze(1))
    return -torch.log(probability + _FLOOR).mean()


def soft_dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - 2·sum(p·t) / (sum(p) + sum(t)) over all voxels of a batch together, p the tumour's probability and t 0 or 1.

    Milletari et al. 2016 (3DV), but with plain sums below the line, and of the batch instead of each segment: a segment
    without tumour would have none.
    """
    probability, tumour = torch.softmax(logits.float(), 1)[:, 1], (labels > 0).float()
    return 1 - 2 * (probability * tumour).sum() / (probability.sum() + tumour.sum() + _FLOOR)


def penalty(net: DeepMedic, l1: float, l2: float) -> Tensor:
    """Sums over all kernels of |w| and of w²; biases, slopes, gamma and beta are free."""
    kernels = torch.cat([kernel.flatten() for kernel in net.kernels()])
    return l1 * kernels.abs().sum() + l2 * kernels.square().sum()
