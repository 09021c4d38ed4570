"""Volumes to SimpleITK and back; the only way in, so that every image has passed the gate of `volumes.load` before.

SimpleITK has no types: its images and transforms are `Any` here, and stay inside this package.
"""

import warnings
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.volumes import Volume

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK counts towards left and back, NIfTI towards right and front
_FINEST_MM = 1.0


@cache
def engine() -> ModuleType:
    """SimpleITK, with elastix in it or without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SWIG's types warn on import, and crash Python where a warning is an error
        import SimpleITK

    return SimpleITK


def to_itk(volume: Volume, dtype: npt.DTypeLike = np.float32) -> Any:
    """The volume as an `SimpleITK.Image`: the same voxels in the same place."""
    image = engine().GetImageFromArray(np.ascontiguousarray(volume.array.T.astype(dtype, copy=False)))
    lps_from_voxel = _LPS_FROM_RAS @ volume.world_from_voxel
    spacing = np.linalg.norm(lps_from_voxel[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps_from_voxel[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps_from_voxel[:3, 3].tolist())
    return image


def about_a_millimetre(volume: Volume) -> Any:
    """For registration: of a T1c of 0.47 mm every second voxel, for a third of the time."""
    return engine().Shrink(to_itk(volume), [max(1, round(_FINEST_MM / step)) for step in volume.spacing_mm])


def from_itk(image: Any) -> Volume:
    """A 3-D `SimpleITK.Image` as a volume."""
    lps_from_voxel = np.eye(4)
    lps_from_voxel[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    lps_from_voxel[:3, 3] = image.GetOrigin()
    return Volume(engine().GetArrayFromImage(image).T, _LPS_FROM_RAS @ lps_from_voxel)


def to_itk_transform(world_from_world: npt.NDArray[np.float64]) -> Any:
    """A 4x4 matrix between NIfTI worlds as `SimpleITK.AffineTransform`, which maps points of the target image."""
    lps = _LPS_FROM_RAS @ world_from_world @ _LPS_FROM_RAS
    transform = engine().AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def from_itk_matrix(
    matrix: npt.NDArray[np.float64], translation: npt.NDArray[np.float64], centre: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """ITK's x -> M (x - c) + c + t as a 4x4 matrix between NIfTI worlds."""
    lps = np.eye(4)
    lps[:3, :3] = matrix
    lps[:3, 3] = translation + centre - matrix @ centre
    return _LPS_FROM_RAS @ lps @ _LPS_FROM_RAS
