"""What a scanner shows of an anatomy and its tumour: T1 after contrast agent (T1c) and FLAIR, skull-stripped."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.phantom.anatomy import Anatomy, Field, smooth_noise
from segmentation.phantom.tumour import Tumour


@dataclass(frozen=True)
class Contrast:
    """Brightness of each tissue, white matter of the layer's own scale near 1, and the faults of the picture.

    The brightnesses are medians read off six patients of the BraTS and UPENN-GBM collections, rounded.
    """

    white: float
    grey: float
    fluid: float
    oedema: float
    necrosis: float
    rim: float
    vessel: float
    noise: float  # standard deviation, in the same unit
    blur_mm: float
    bias: float  # strength of the receive coils' shading
    levels: float  # whole numbers a brightness of 1 is stored as


T1C = Contrast(1.0, 0.83, 0.34, 0.68, 0.44, 1.8, 2.4, 0.035, 0.45, 0.07, 300)
FLAIR = Contrast(0.9, 1.16, 0.28, 1.95, 1.35, 1.75, 0.7, 0.05, 0.6, 0.09, 220)


def vessels(anatomy: Anatomy, rng: np.random.Generator) -> Field:
    """Shares of enhancing vessels: veins winding through the sulci, the sinus in the midline, choroid plexus.

    A vein runs where two smooth random fields are both zero: such places form long smooth curves.
    """
    grid, (x, y, z) = anatomy.grid, anatomy.template_mm
    lines = np.zeros(grid.shape, np.float32)
    for correlation_mm, width in ((9.0, 0.2), (16.0, 0.13)):
        one, two = smooth_noise(rng, grid, correlation_mm), smooth_noise(rng, grid, correlation_mm)
        lines = np.maximum(lines, np.exp(-(one**2 + two**2) / (2 * width**2)))
    shallow = np.clip((22 - anatomy.depth_mm) / 8, 0, 1)
    veins = lines * np.clip(anatomy.fluid * 2.5 - 0.1, 0, 1) * shallow
    rim = np.clip((5 - anatomy.depth_mm) / 3, 0, 1)
    sinus = np.exp(-((x / 3.0) ** 2)) * rim * ((z > 0) & (y < 60))
    falx = 0.55 * np.exp(-((x / 1.3) ** 2)) * np.clip(anatomy.fluid * 3, 0, 1) * ((z > 28) | (y > 32))
    falx *= np.clip(0.5 + 0.5 * smooth_noise(rng, grid, 6.0), 0.15, 1)
    choroid = np.exp(-(((np.abs(x) - 22) / 7) ** 2) - ((y + 40) / 9) ** 2 - ((z - 8) / 9) ** 2)
    choroid *= anatomy.fluid * np.clip(smooth_noise(rng, grid, 4.0) + 0.2, 0, 1)
    return np.clip(veins + sinus + falx + choroid, 0, 1) * anatomy.brain


def expose(
    anatomy: Anatomy, tumour: Tumour, blood: Field, contrast: Contrast, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """One layer of an exam: whole numbers, at least 1 in the brain and exactly 0 outside."""
    from scipy import ndimage

    grid = anatomy.grid
    signal = contrast.white * anatomy.white + contrast.grey * anatomy.grey + contrast.fluid * anatomy.fluid
    signal *= 1 + 0.02 * smooth_noise(rng, grid, 5.0) + 0.02 * smooth_noise(rng, grid, 12.0)
    wet = contrast.oedema * (1 + 0.1 * smooth_noise(rng, grid, 16.0)) * (0.8 + 0.2 * anatomy.white)
    signal += tumour.oedema * (wet - signal)
    rim = contrast.rim * (1 + 0.14 * smooth_noise(rng, grid, 7.0))
    dead = contrast.necrosis * (1 + 0.1 * smooth_noise(rng, grid, 9.0))
    share = np.divide(tumour.rim, tumour.core, out=np.zeros_like(tumour.rim), where=tumour.core > 0.01)
    signal += tumour.core * (dead + share * (rim - dead) - signal)
    signal += blood * (1 - tumour.core) * (contrast.vessel - signal)
    signal = ndimage.gaussian_filter(signal, [contrast.blur_mm / s for s in grid.spacing_mm])
    signal *= np.exp(contrast.bias * smooth_noise(rng, grid, 90.0))
    real, imaginary = (contrast.noise * rng.standard_normal(grid.shape, np.float32) for _ in range(2))
    magnitude = np.hypot(signal + real, imaginary)  # Rician, as a scanner's magnitude image is
    return np.where(anatomy.brain, np.clip(np.rint(magnitude * contrast.levels), 1, 32767), 0).astype(np.int16)
