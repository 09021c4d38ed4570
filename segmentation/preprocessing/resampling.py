"""The common grid of an exam, and every image onto it by one interpolation (Mitchell et al. 2020, 2.2, step 4)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.exams import PREPARED_JSON, read_record
from segmentation.preprocessing.images import engine, from_itk, to_itk, to_itk_transform
from segmentation.volumes import Volume, reorient

Interpolation = Literal["nearest", "linear", "cubic"]
Matrix = npt.NDArray[np.float64]
_ORIENTATION = "LPS"  # the order of DICOM, ITK and BraTS: one for all, so that a network sees every head the same way
_SLACK = 0.01  # of a voxel: 240.000001 voxels are 240
_MAX_VOXELS = 512 * 512 * 512


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of an image lie, without the image."""

    shape: tuple[int, int, int]
    world_from_voxel: Matrix

    @classmethod
    def of(cls, volume: Volume) -> "Grid":
        """The grid of a volume."""
        return cls(volume.shape, volume.world_from_voxel)

    @classmethod
    def from_record(cls, record: dict) -> "Grid":
        """What `as_record` wrote."""
        i, j, k = (int(count) for count in record["shape"])
        return cls((i, j, k), np.array(record["world_from_voxel"], np.float64).reshape(4, 4))

    def as_record(self) -> dict:
        """For JSON."""
        return {"shape": list(self.shape), "world_from_voxel": self.world_from_voxel.tolist()}

    def corners(self) -> npt.NDArray[np.float64]:
        """The centres of the eight voxels in the corners, in mm: 8x3."""
        ends = np.array(np.meshgrid(*[(0, count - 1) for count in self.shape], indexing="ij")).reshape(3, -1)
        return (self.world_from_voxel[:3, :3] @ ends + self.world_from_voxel[:3, 3:]).T


def common_grid(t1c: Volume, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0)) -> Grid:
    """Voxels of one size over the T1c's own field of view, along its own axes in the order left, back, head.

    Both fields have the same centre; the new one is longer by less than a voxel. The T1c isn't turned, so that its
    slices stay slices, and an exam that is on such a grid already is left where it is.
    """
    turned = reorient(t1c, _ORIENTATION)
    old = np.array(turned.spacing_mm)
    new = np.array(spacing_mm, float)
    i, j, k = (max(1, math.ceil(n * s / t - _SLACK)) for n, s, t in zip(turned.shape, old, new, strict=True))
    if i * j * k > _MAX_VOXELS:
        raise StudyError(f"The field of view would take {i} x {j} x {k} voxels.", remedy="Choose larger voxels.")
    world_from_voxel = np.eye(4)
    world_from_voxel[:3, :3] = turned.world_from_voxel[:3, :3] / old * new
    centre = turned.world_from_voxel[:3, :3] @ ((np.array(turned.shape) - 1) / 2) + turned.world_from_voxel[:3, 3]
    world_from_voxel[:3, 3] = centre - world_from_voxel[:3, :3] @ ((np.array([i, j, k]) - 1) / 2)
    return Grid((i, j, k), world_from_voxel)


def resample(
    volume: Volume,
    grid: Grid,
    interpolation: Interpolation = "linear",
    source_from_target: Matrix | None = None,
    outside: float = 0.0,
) -> Volume:
    """The image at the voxels of `grid`; `source_from_target` (4x4, mm) moves them into the image's world first.

    Masks (bool) come back as bool, by nearest neighbour only; all else as float32.
    """
    is_mask = volume.array.dtype == np.bool_
    if is_mask and interpolation != "nearest":
        raise ValueError("A mask has no values between its values")
    sitk = engine()
    by = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "cubic": sitk.sitkBSpline}[interpolation]
    target = to_itk(Volume(np.zeros((1, 1, 1)), grid.world_from_voxel))
    transform = to_itk_transform(np.eye(4) if source_from_target is None else source_from_target)
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize(list(grid.shape))
    filter_.SetOutputSpacing(target.GetSpacing())
    filter_.SetOutputDirection(target.GetDirection())
    filter_.SetOutputOrigin(target.GetOrigin())
    filter_.SetInterpolator(by)
    filter_.SetDefaultPixelValue(outside)
    filter_.SetTransform(transform)
    values = from_itk(filter_.Execute(to_itk(volume, np.uint8 if is_mask else np.float32))).array
    return Volume(values.astype(bool) if is_mask else values, grid.world_from_voxel)


def coverage(volume: Volume, grid: Grid, source_from_target: Matrix | None = None) -> npt.NDArray[np.bool_]:
    """The voxels of `grid` that lie in the field of view of `volume`."""
    field = Volume(np.ones(volume.shape, bool), volume.world_from_voxel)
    return resample(field, grid, "nearest", source_from_target).array


def to_native(values: npt.NDArray, prepared_folder: Path) -> Volume:
    """A mask (bool) or an image on the grid of a prepared exam, brought back to the grid of the exam's own T1c.

    A mask by nearest neighbour, an image linearly: for a smooth border, bring back the probability and cut then.
    """
    record = read_record(prepared_folder)
    grid, native = Grid.from_record(record["grid"]), Grid.from_record(record["native_grid"])
    if values.shape != grid.shape:
        what = f"It has {values.shape} voxels and the prepared exam {grid.shape}."
        raise StudyError(what, file=prepared_folder / PREPARED_JSON, remedy="Predict the exam again.")
    return resample(Volume(values, grid.world_from_voxel), native, "nearest" if values.dtype == bool else "linear")
