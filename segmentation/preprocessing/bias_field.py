"""N4: brightness that drifts through the image with the coil, estimated and divided out (step 6; Tustison 2010)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmentation.errors import StudyError
from segmentation.preprocessing.brain import ball
from segmentation.preprocessing.images import engine, from_itk, to_itk
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]
_SHRINK_MM = 6.0  # 6 of 1 mm, 3 of 2 mm: a third of the time of 4 mm and the same evenness of healthy brain
_BRIGHT_SD, _OPENING_MM, _MARGIN_MM = 1.5, 2.0, 4.0
_SD_OF_MAD = 1.4826  # of a normal distribution
_MIN_VOXELS = 1000  # of the shrunken mask; a spline of 4 levels means nothing on fewer


@dataclass(frozen=True, eq=False)
class Corrected:
    """`volume`: the image divided by `field`, whose median in the mask is 1; `low`, `high`: 1st, 99th percentile."""

    volume: Volume
    field: npt.NDArray[np.float32]
    low: float
    high: float


def head_mask(volume: Volume) -> Mask:
    """The head against the air, by Otsu's threshold: where the field is fitted in the paper's own order of steps."""
    otsu = engine().OtsuThreshold(to_itk(volume), 0, 1, 200)
    return from_itk(otsu).array.astype(bool)


def without_lesion(flair: Volume, brain: Mask) -> Mask:
    """The brain without what is bright on FLAIR over more than a few mm, with a margin: where a field is to be fitted.

    Oedema is wide and smooth, and N4 takes it for bias: in an exam with a tumour of 230 ml the share of voxel pairs
    (tumour, brain) in which the tumour is brighter on FLAIR fell from 0.96 to 0.70, and to 0.94 when it was spared.
    Known from the FLAIR alone, since an exam to be predicted has no masks.
    """
    values = flair.array[brain]
    middle = float(np.median(values))
    spread = _SD_OF_MAD * float(np.median(np.abs(values - middle)))
    bright = brain & (flair.array > middle + _BRIGHT_SD * spread)
    opened = ndimage.binary_opening(bright, ball(_OPENING_MM, flair.spacing_mm))
    return brain & ~ndimage.binary_dilation(opened, ball(_MARGIN_MM, flair.spacing_mm))


def correct(volume: Volume, mask: Mask, levels: int = 4, iterations: int = 50, threshold: float = 1e-3) -> Corrected:
    """The image without its bias field, which is fitted in `mask` on a shrunken copy and applied everywhere.

    SimpleITK's own numbers (4 levels of 50, 0.001). Levels matter: with 3 the field is wrong by 3 %. The image must be
    >= 0; its zeros are left out of the fit.
    """
    sitk = engine()
    image = to_itk(volume)
    shrink = [max(1, round(_SHRINK_MM / spacing)) for spacing in volume.spacing_mm]
    fitted = mask & (volume.array > 0)
    small_mask = sitk.Shrink(to_itk(Volume(fitted, volume.world_from_voxel), np.uint8), shrink)
    if sitk.GetArrayViewFromImage(small_mask).sum() < _MIN_VOXELS:
        raise StudyError("There is too little brain to estimate a bias field.", remedy="Look at the brain mask.")
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([iterations] * levels)
    n4.SetConvergenceThreshold(threshold)
    n4.Execute(sitk.Shrink(image, shrink), small_mask)
    field = np.exp(from_itk(n4.GetLogBiasFieldAsImage(image)).array).astype(np.float32)
    field /= np.median(field[fitted])  # N4 leaves the scale open
    low, high = np.percentile(field[fitted], [1, 99])
    if not (np.isfinite(field).all() and low > 0.05 and high < 20):
        what = f"The estimated bias field goes from {low:.3g} to {high:.3g}, which no coil does."
        raise StudyError(what, remedy="Look at the image; leave the step out with --no-bias-correction.")
    return Corrected(Volume(volume.array / field, volume.world_from_voxel), field, float(low), float(high))
