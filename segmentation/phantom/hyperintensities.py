"""Bright white matter that is no tumour: bands and caps about the ventricles, and spots further out.

They come with age and with disease of small vessels, are as bright on FLAIR as oedema, and misled a technician in the
paper's exam A (Mitchell et al. 2020, figure 2). Grades as Fazekas et al. 1987: none or pencil-thin, halo, confluent.
"""

import numpy as np

from segmentation.phantom.anatomy import Anatomy, Field, smooth_noise

_BAND_MM = {0: 1.0, 1: 2.2, 2: 4.5}  # thickness about the ventricles
_GRADES = {0: 0.55, 1: 0.3, 2: 0.15}
_DEEP_MM = 20.0  # fluid further under the surface belongs to the ventricles


def hyperintensities(anatomy: Anatomy, rng: np.random.Generator, burden: float) -> Field:
    """Share of each voxel that is such white matter, 0 to 1; `burden` times the thickness about the ventricles."""
    from scipy import ndimage

    grade = int(rng.choice(list(_GRADES), p=list(_GRADES.values())))
    ventricles = (anatomy.fluid > 0.6) & (anatomy.depth_mm > _DEEP_MM)
    if not ventricles.any():
        return np.zeros(anatomy.grid.shape, np.float32)
    away_mm = ndimage.distance_transform_edt(~ventricles, sampling=anatomy.grid.spacing_mm).astype(np.float32)
    band_mm = burden * _BAND_MM[grade] * np.exp(0.6 * smooth_noise(rng, anatomy.grid, 22.0))
    share = np.clip((band_mm - away_mm) / 2 + 0.5, 0, 1)
    spots = np.clip((smooth_noise(rng, anatomy.grid, rng.uniform(5, 9)) - (3.2 - 0.45 * grade)) / 0.4, 0, 1)
    deep = (anatomy.depth_mm > 12) & (away_mm > 2)
    return np.maximum(share, spots * deep) * anatomy.white
