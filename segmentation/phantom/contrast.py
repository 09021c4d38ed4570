"""What a scanner shows of an anatomy and its tumour: T1 after contrast agent (T1c) and FLAIR, skull-stripped.

Every exam has its own scanner: brightnesses, faults and resolution are drawn at random, wide enough that a network
trained on such exams also knows real ones ("domain randomisation", Tobin et al. 2017; for brain MR Billot et al. 2023).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.phantom.anatomy import Anatomy, Field, Grid, smooth_noise
from segmentation.phantom.tumour import Tumour


@dataclass(frozen=True)
class Look:
    """How exams look as a whole: which of their ranges are wide."""

    burden: float  # of white matter that is bright on FLAIR; see hyperintensities()
    dullest_oedema: float  # on FLAIR, white matter near 1, as the next two
    dullest_rim: float
    dullest_necrosis: float


# The first is that of the shipped networks' first course: in five of 40 such exams nobody could tell tumour from bright
# white matter, and cores as dull on FLAIR as cortex, which the worst real exams have, were 2 % and are 8 % of draws.
LOOKS = {1: Look(1.0, 1.3, 1.1, 0.95), 2: Look(0.5, 1.2, 0.8, 0.75)}
USUAL_LOOK = 2


@dataclass(frozen=True)
class Contrast:
    """Brightness of each tissue, white matter of the layer's own scale near 1."""

    white: float
    grey: float
    fluid: float
    meninges: float
    oedema: float
    necrosis: float
    rim: float
    vessel: float
    hyperintensity: float


@dataclass(frozen=True)
class Scanner:
    """How a layer is taken, and its faults."""

    noise: float  # standard deviation, white matter near 1
    blur_mm: float
    bias: float  # strength of the receive coils' shading
    texture: float
    uneven: float  # how much the tumour's parts vary within themselves
    slice_mm: float  # thickness of the slices it was taken in
    slice_axis: int
    ghost: float  # strength of motion's replica
    ghost_shift: float  # as a share of the field of view
    levels: float  # whole numbers a brightness of 1 is stored as


@dataclass(frozen=True)
class Scene:
    """All there is to see of one exam."""

    anatomy: Anatomy
    tumour: Tumour
    blood: Field
    hyperintensity: Field


def draw_t1c(rng: np.random.Generator, kind: str) -> Contrast:
    """A T1c's brightnesses; ranges about the medians of 36 exams of BraTS and UPENN-GBM."""
    oedema = rng.uniform(0.62, 0.95)
    dead = oedema * rng.uniform(0.85, 1.1) if kind == "faint" else rng.uniform(0.35, 0.85)
    return Contrast(
        white=1.0,
        grey=rng.uniform(0.78, 0.97),
        fluid=rng.uniform(0.25, 0.5),
        meninges=rng.uniform(0.5, 2.6),
        oedema=oedema,
        necrosis=dead,
        rim=rng.uniform(1.1, 2.0),
        vessel=rng.uniform(1.6, 5.0),
        hyperintensity=rng.uniform(0.7, 0.95),
    )


def draw_flair(rng: np.random.Generator, kind: str, look: Look) -> Contrast:
    """A FLAIR's brightnesses; fluid is suppressed more or less, and a cyst may be as dark as fluid."""
    white = rng.uniform(0.8, 1.0)
    oedema = rng.uniform(look.dullest_oedema, 2.2)
    cyst = rng.uniform(0.4, 0.9)
    dead = oedema * rng.uniform(0.85, 1.1) if kind == "faint" else rng.uniform(look.dullest_necrosis, 2.2)
    return Contrast(
        white=white,
        grey=white * rng.uniform(1.03, 1.45),
        fluid=rng.uniform(0.12, 0.55),
        meninges=rng.uniform(0.3, 1.9),
        oedema=oedema,
        necrosis=cyst if kind == "ring" and rng.random() < 0.2 else dead,
        rim=rng.uniform(look.dullest_rim, 2.1),
        vessel=rng.uniform(0.4, 1.3),
        hyperintensity=rng.uniform(1.25, 2.0),
    )


def draw_scanner(rng: np.random.Generator, levels: float) -> Scanner:
    """A scanner's faults. Half of all layers were taken in thick slices, most of them axial."""
    thick = rng.random() < 0.5
    return Scanner(
        noise=float(np.exp(rng.uniform(np.log(0.012), np.log(0.07)))),
        blur_mm=rng.uniform(0.3, 0.85),
        bias=rng.uniform(0.02, 0.13),
        texture=rng.uniform(0.01, 0.045),
        uneven=rng.uniform(0.06, 0.2),
        slice_mm=rng.uniform(2.5, 6.0) if thick else 1.0,
        slice_axis=int(rng.choice([2, 1, 0], p=[0.7, 0.15, 0.15])),
        ghost=rng.uniform(0.015, 0.06) if rng.random() < 0.2 else 0.0,
        ghost_shift=rng.uniform(0.1, 0.5),
        levels=levels * rng.uniform(0.6, 1.6),
    )


def vessels(anatomy: Anatomy, rng: np.random.Generator) -> Field:
    """Shares of enhancing vessels: veins winding through the sulci, the sinus in the midline, choroid plexus.

    A vein runs where two smooth random fields are both zero: such places form long smooth curves.
    """
    grid, (x, y, z) = anatomy.grid, anatomy.template_mm
    lines = np.zeros(grid.shape, np.float32)
    for correlation_mm, width in ((9.0, rng.uniform(0.1, 0.25)), (16.0, rng.uniform(0.08, 0.16))):
        one, two = smooth_noise(rng, grid, correlation_mm), smooth_noise(rng, grid, correlation_mm)
        lines = np.maximum(lines, np.exp(-(one**2 + two**2) / (2 * width**2)))
    shallow = np.clip((22 - anatomy.depth_mm) / 8, 0, 1)
    veins = lines * np.clip(anatomy.fluid * 2.5 + anatomy.meninges - 0.1, 0, 1) * shallow
    rim = np.clip((5 - anatomy.depth_mm) / 3, 0, 1)
    sinus = np.exp(-((x / rng.uniform(2, 4)) ** 2)) * rim * ((z > 0) & (y < 60))
    tentorium = np.exp(-(((z + 12 - 0.25 * np.abs(x)) / 3) ** 2)) * rim * (y < -40)
    falx = rng.uniform(0.2, 0.7) * np.exp(-((x / 1.3) ** 2)) * np.clip(anatomy.fluid * 3, 0, 1)
    falx *= ((z > 28) | (y > 32)) * np.clip(0.5 + 0.5 * smooth_noise(rng, grid, 6.0), 0.15, 1)
    choroid = np.exp(-(((np.abs(x) - 22) / 7) ** 2) - ((y + 40) / 9) ** 2 - ((z - 8) / 9) ** 2)
    choroid *= anatomy.fluid * np.clip(smooth_noise(rng, grid, 4.0) + 0.2, 0, 1)
    return np.clip(veins + sinus + tentorium + falx + choroid, 0, 1) * anatomy.brain


def expose(scene: Scene, contrast: Contrast, scanner: Scanner, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """One layer of an exam: whole numbers, at least 1 in the brain and exactly 0 outside."""
    grid = scene.anatomy.grid
    signal = _tissue(scene, contrast, scanner, rng)
    _tumour(signal, scene.tumour, contrast, scanner, rng, grid)
    signal += scene.blood * (1 - scene.tumour.core) * (contrast.vessel - signal)
    signal = _sliced(_blurred(signal, scanner, grid), scanner, grid)
    signal *= np.exp(scanner.bias * smooth_noise(rng, grid, 90.0))
    if scanner.ghost:
        signal += scanner.ghost * np.roll(signal, int(scanner.ghost_shift * signal.shape[1]), axis=1)
    real, imaginary = (scanner.noise * rng.standard_normal(grid.shape, np.float32) for _ in range(2))
    magnitude = np.hypot(signal + real, imaginary)  # Rician, as a scanner's magnitude image is
    stored = np.clip(np.rint(magnitude * scanner.levels), 1, 32767)
    return np.where(scene.anatomy.brain, stored, 0).astype(np.int16)


def _tissue(scene: Scene, contrast: Contrast, scanner: Scanner, rng: np.random.Generator) -> Field:
    """Healthy brain: tissues with their texture, hyperintensities of white matter, pulsating fluid."""
    anatomy, grid = scene.anatomy, scene.anatomy.grid
    flow = np.clip(1 + 0.35 * smooth_noise(rng, grid, 25.0), 0.4, 2.5)  # fluid that moved is less suppressed
    grey = contrast.grey * (1 + 0.04 * smooth_noise(rng, grid, 28.0))  # insula and limbic cortex differ from the rest
    signal: Field = contrast.white * anatomy.white + grey * anatomy.grey + contrast.fluid * flow * anatomy.fluid
    signal += contrast.meninges * np.clip(1 + 0.5 * smooth_noise(rng, grid, 9.0), 0.1, 3) * anatomy.meninges
    signal += scene.hyperintensity * (contrast.hyperintensity - signal)
    signal *= 1 + scanner.texture * (smooth_noise(rng, grid, 5.0) + smooth_noise(rng, grid, 12.0)) / np.sqrt(2)
    return signal


def _tumour(
    signal: Field, tumour: Tumour, contrast: Contrast, scanner: Scanner, rng: np.random.Generator, grid: Grid
) -> None:
    """Lay the tumour over the tissue, in place."""
    uneven = scanner.uneven
    wet = contrast.oedema * (1 + uneven * smooth_noise(rng, grid, rng.uniform(9, 20)))
    signal += tumour.oedema * (wet - signal)
    rim = contrast.rim * (1 + 1.5 * uneven * smooth_noise(rng, grid, 7.0))
    dead = contrast.necrosis * (1 + uneven * smooth_noise(rng, grid, rng.uniform(6, 12)))
    share = np.divide(tumour.rim, tumour.core, out=np.zeros_like(tumour.rim), where=tumour.core > 0.01)
    signal += tumour.core * (dead + share * (rim - dead) - signal)


def _blurred(signal: Field, scanner: Scanner, grid: Grid) -> Field:
    from scipy import ndimage

    return ndimage.gaussian_filter(signal, [scanner.blur_mm / step for step in grid.spacing_mm])


def _sliced(signal: Field, scanner: Scanner, grid: Grid) -> Field:
    """As if taken in thick slices and brought onto this grid by linear interpolation."""
    from scipy import ndimage

    axis = scanner.slice_axis
    thick = scanner.slice_mm / grid.spacing_mm[axis]
    if thick <= 1:
        return signal
    averaged = ndimage.gaussian_filter1d(signal, 0.36 * thick, axis=axis)  # a slice's profile, as wide as it is thick
    size = signal.shape[axis]
    at = np.arange(size) / thick
    places = np.minimum(np.rint(np.arange(int(size / thick) + 2) * thick).astype(int), size - 1)
    low = at.astype(int)
    weight = (at - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
    below, above = (averaged.take(places[low + n], axis) for n in (0, 1))
    return below + weight * (above - below)
