"""How a segment is varied: what is drawn for it, and how that is laid onto the voxels.

The mirror comes before the cutting, so that the coarse grids of a mirrored segment start where those of any other do;
DeepMedic mirrors afterwards, which moves them against the fine one (reference: subsampled inputs).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.training.recipes import Augmentation

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Variation:
    """One draw: whether mirrored, and per channel what is added and then multiplied by."""

    is_mirrored: bool
    shift: Image
    gain: Image


def draw(rules: Augmentation, channels: int, rng: np.random.Generator) -> Variation:
    """Always takes the same number of random numbers, so that one rule's change leaves the other draws as they were."""
    is_mirrored = bool(rng.random() < 0.5) and rules.flip
    shift, gain = rng.standard_normal((2, channels)).astype(np.float32)
    return Variation(is_mirrored, shift * np.float32(rules.shift_sd), 1 + gain * np.float32(rules.gain_sd))


def recolour(inputs: Sequence[Image], variation: Variation) -> list[Image]:
    """(I + shift) * gain per channel, the same for all pathways; inputs are (channel, x, y, z) and stay as they are."""
    shift, gain = (values[:, None, None, None] for values in (variation.shift, variation.gain))
    return [(image + shift) * gain for image in inputs]
