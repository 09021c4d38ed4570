"""elastix' rigid registration, which the paper used, and how elastix is kept quiet."""

import locale
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from segmentation.errors import StudyError
from segmentation.preprocessing.images import about_a_millimetre, engine, from_itk_matrix
from segmentation.preprocessing.resampling import Matrix
from segmentation.volumes import Volume

# Measured with known moves of 15 mm and 15 degrees: 0.01 mm in the median and 0.02 at worst, where elastix's own
# default (3 resolutions, samples on a grid) lost one exam of eight by 10 mm.
PARAMETERS = {
    "AutomaticTransformInitialization": "true",
    "ImageSampler": "RandomCoordinate",
    "NewSamplesEveryIteration": "true",
    "NumberOfSpatialSamples": "4096",
    "MaximumNumberOfIterations": "256",
    "RandomSeed": "121212",
}
_RESOLUTIONS = 4
_REMEDY = (
    "Two packages share the name SimpleITK, and the wrong one lies on top: "
    "pip uninstall -y simpleitk simpleitk-simpleelastix, then pip install simpleitk-simpleelastix==3.0.0a1.post183"
)


def is_installed() -> bool:
    """Whether SimpleITK has elastix in it; the package simpleitk, of the same module name, has none."""
    return hasattr(engine(), "ElastixImageFilter")


def elastix_engine() -> ModuleType:
    """SimpleITK with elastix in it. Raises StudyError if the plain package has taken its place."""
    if not is_installed():
        raise StudyError("SimpleITK is installed without elastix.", remedy=_REMEDY)
    return engine()


def rigid(fixed: Volume, moving: Volume, start: str) -> Matrix:
    """The points of the fixed image's world in the moving image's, 4x4, in mm; raises StudyError with elastix' words.

    `start` is elastix' name of a first guess: GeometricalCenter or CenterOfGravity.
    """
    sitk = elastix_engine()
    parameters = sitk.GetDefaultParameterMap("rigid", _RESOLUTIONS)
    for name, value in (PARAMETERS | {"AutomaticTransformInitializationMethod": start}).items():
        parameters[name] = [value]
    parameters["WriteResultImage"] = ["false"]
    elastix = sitk.ElastixImageFilter()
    elastix.LogToConsoleOff()
    with tempfile.TemporaryDirectory(prefix="elastix-") as folder:  # else it writes into the working directory
        elastix.SetOutputDirectory(folder)
        elastix.LogToFileOn()
        elastix.SetFixedImage(about_a_millimetre(fixed))
        elastix.SetMovingImage(about_a_millimetre(moving))
        elastix.SetParameterMap(parameters)
        try:
            with quiet():
                elastix.Execute()
        except RuntimeError as error:
            raise StudyError(f"elastix says: {last_words(Path(folder)) or error}.") from error
        found = elastix.GetTransformParameterMap()[0]
    numbers = [float(number) for number in found["TransformParameters"]]
    transform = sitk.Euler3DTransform()
    transform.SetComputeZYX(found["ComputeZYX"][0] == "true")
    transform.SetRotation(*numbers[:3])
    centre = np.array([float(number) for number in found["CenterOfRotationPoint"]])
    return from_itk_matrix(np.reshape(transform.GetMatrix(), (3, 3)), np.array(numbers[3:]), centre)


@contextmanager
def quiet() -> Iterator[None]:
    """elastix keeps to itself: neither the line that it prints with its console log off, nor the C locale that it sets.

    Left at that locale, Python would read the output of other programs as ASCII ever after.
    """
    sys.stdout.flush()
    language = locale.setlocale(locale.LC_ALL)
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, language)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def last_words(folder: Path) -> str:
    """What elastix wrote about its failure."""
    log = folder / "elastix.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    told = [line.strip() for line in lines if "ERROR" in line or "xception" in line or "Description" in line]
    return " ".join(told[-2:])[:300].rstrip(".")
