"""Rigid registration by SimpleITK alone, from many first guesses: for where elastix is missing or leads nowhere.

Of shifts that keep the world, join the middles or join the centres of gravity, each with turns about the three axes,
the best few by mutual information are followed on a coarse grid, and the best of these to the end.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from segmentation.errors import StudyError
from segmentation.preprocessing.images import about_a_millimetre, engine, from_itk_matrix
from segmentation.preprocessing.resampling import Matrix
from segmentation.volumes import Volume

NAME = "SimpleITK"
PARAMETERS = {"starts": 21, "followed": 4, "bins": 50, "coarse_mm": 4.0, "samples": 0.2, "seed": 121212}
_TURN = np.radians(15)
_FINE_LEVELS = ((2, 1), (1.0, 0.0))  # shrinking, smoothing in mm
_ITERATIONS = 100


def rigid(fixed: Volume, moving: Volume) -> Matrix:
    """The points of the fixed image's world in the moving image's, 4x4, in mm; raises StudyError with ITK's words."""
    fine = about_a_millimetre(fixed), about_a_millimetre(moving)
    coarse = _coarse(fine[0]), _coarse(fine[1])
    try:
        starts = sorted(_starts(*coarse), key=lambda start: _method(start, 1.0).MetricEvaluate(*coarse))
        followed = [_followed(coarse, start) for start in starts[: int(PARAMETERS["followed"])]]
        _, best = min(followed, key=lambda each: each[0])
        _, found = _followed(fine, best, _FINE_LEVELS)
    except RuntimeError as error:
        raise StudyError(f"SimpleITK says: {str(error).splitlines()[-1]}") from error
    matrix = np.reshape(found.GetMatrix(), (3, 3))
    return from_itk_matrix(matrix, np.array(found.GetTranslation()), np.array(found.GetCenter()))


def _coarse(image: Any) -> Any:
    sitk, wanted = engine(), PARAMETERS["coarse_mm"]
    smooth = sitk.SmoothingRecursiveGaussian(image, wanted / 2)
    return sitk.Shrink(smooth, [max(1, round(wanted / step)) for step in image.GetSpacing()])


def _starts(fixed: Any, moving: Any) -> Iterator[Any]:
    sitk = engine()
    middle, gravity = sitk.CenteredTransformInitializerFilter.GEOMETRY, sitk.CenteredTransformInitializerFilter.MOMENTS
    still = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), middle)
    centre = np.array(sitk.Euler3DTransform(still).GetCenter())
    shifts = [np.zeros(3)]
    for by in (middle, gravity):
        joined = sitk.Euler3DTransform(sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), by))
        shifts.append(np.array(joined.TransformPoint(centre.tolist())) - centre)
    turns = [np.zeros(3), *(sign * _TURN * np.eye(3)[axis] for sign, axis in product((1, -1), range(3)))]
    for shift, turn in product(shifts, turns):
        yield sitk.Euler3DTransform(centre.tolist(), *turn.tolist(), shift.tolist())


def _method(start: Any, samples: float) -> Any:
    sitk = engine()
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in one order, whatever the machine
    method.SetMetricAsMattesMutualInformation(int(PARAMETERS["bins"]))
    if samples < 1:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(samples, int(PARAMETERS["seed"]))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(start, inPlace=False)
    return method


def _followed(
    images: tuple[Any, Any], start: Any, levels: Sequence[Sequence[float]] = ((1,), (0.0,))
) -> tuple[float, Any]:
    """What the metric comes down to from a start, and where."""
    method = _method(start, PARAMETERS["samples"])
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, _ITERATIONS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    shrinking, smoothing = levels
    method.SetShrinkFactorsPerLevel([int(factor) for factor in shrinking])
    method.SetSmoothingSigmasPerLevel(list(smoothing))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    found = engine().CompositeTransform(method.Execute(*images)).GetBackTransform()
    return method.GetMetricValue(), engine().Euler3DTransform(found)
