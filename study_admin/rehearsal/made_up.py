"""Small made-up exams, so that a design can be rehearsed before there are any: no anatomy, just something to see."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from segmentation.volumes import Volume, save
from study_admin.statistics.likelihood import Array

T1C, FLAIR, MASKS = "t1c.nii.gz", "flair.nii.gz", ("first.nii.gz", "second.nii.gz")
_SHAPE, _SPACING = (44, 52, 22), (4.0, 4.0, 7.0)  # 176 × 208 × 154 mm, 100 kB an exam
_LPS = np.diag([*_SPACING, 1.0]) * np.array([[-1], [-1], [1], [1]])


def write_exam(folder: Path, seed: int, number: int) -> None:
    """T1c, FLAIR and two masks of one bright spot, drawn by two hands that wander alike."""
    random = np.random.default_rng([seed, 7, number])
    grid = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(_SHAPE, _SPACING, strict=True)]
    x, y, z = np.meshgrid(*grid, indexing="ij")
    head = np.sqrt((x / 72) ** 2 + (y / 88) ** 2 + (z / 66) ** 2) + 0.05 * _smooth(random, 4)
    centre = random.uniform(-1, 1, 3) * (30, 40, 20)
    radius = random.uniform(16, 30)
    spot = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (1.2 * (z - centre[2])) ** 2)
    spot = spot + 3 * _smooth(random, 2)
    tissue = 400 + 60 * _smooth(random, 1.5) + 25 * random.standard_normal(_SHAPE)
    rim = np.exp(-(((spot - 0.6 * radius) / 5) ** 2))
    t1c = np.where(head < 1, tissue + 500 * rim - 180 * (spot < 0.45 * radius), 0)
    flair = np.where(head < 1, 0.8 * tissue + 450 / (1 + np.exp((spot - radius) / 2.5)), 0)
    folder.mkdir(parents=True)
    for name, image in ((T1C, t1c), (FLAIR, flair)):
        save(folder / name, Volume(np.clip(image, 0, 3000).astype(np.int16), _LPS))
    for name in MASKS:
        drawn = (spot + 2 * _smooth(random, 1.5) + random.normal(0, 0.8) < radius) & (head < 1)
        save(folder / name, Volume(drawn.astype(np.uint8), _LPS))


def _smooth(random: np.random.Generator, sigma: float) -> Array:
    """Noise with a correlation length, of variance 1."""
    noise = ndimage.gaussian_filter(random.standard_normal(_SHAPE), sigma, mode="wrap")
    return np.asarray(noise / noise.std())
