"""Surfaces of masks and regions, how they look, and words: what the view in space is made of.

Coordinates are millimetres along the axes of the upright image, from the middle of its first voxel.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkLookupTable
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter
from vtkmodules.vtkFiltersGeneral import vtkDiscreteFlyingEdges3D
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTextActor

from segmentation import pictures
from segmentation.consensus import Mask

_SMOOTHINGS, _PASS_BAND = 20, 0.05  # enough to take the voxels' stairs away
_BLUR_VOX = 0.8
_COARSE_MM = 2.0  # of the regions: a hundred surfaces at 1 mm take a quarter of a minute to turn in software
NEAR_MM = 12.0

Spacing = tuple[float, float, float]


def border(mask: Mask, spacing_mm: Spacing) -> vtkPolyData:
    """The mask's surface, rounded by half a voxel or so; empty for an empty mask."""
    if not mask.any():
        return vtkPolyData()
    ends = pictures.content_box(mask)
    part = np.pad(mask[tuple(slice(a, b) for a, b in ends)], 3).astype(np.float32)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(_as_image(ndimage.gaussian_filter(part, _BLUR_VOX), spacing_mm, [a - 3 for a, _ in ends]))
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOn()
    edges.Update()
    return edges.GetOutput()


def borders(labels: npt.NDArray, spacing_mm: Spacing, wanted: list[int]) -> vtkPolyData:
    """Smoothed borders of the wanted labels, each with its label as scalar; empty if none is there."""
    steps = [max(1, round(_COARSE_MM / step)) for step in spacing_mm]
    spacing_mm = tuple(step * size for step, size in zip(steps, spacing_mm, strict=True))  # type: ignore[assignment]
    labels = labels[tuple(slice(None, None, step) for step in steps)]
    kept = np.where(np.isin(labels, wanted), labels, 0)
    if not kept.any():
        return vtkPolyData()
    ends = pictures.content_box(kept)
    part = np.pad(kept[tuple(slice(a, b) for a, b in ends)], 1).astype(np.int16)  # a rim, or it would stay open
    edges = vtkDiscreteFlyingEdges3D()
    edges.SetInputData(_as_image(part, spacing_mm, [a - 1 for a, _ in ends]))
    for n, label in enumerate(np.unique(part[part > 0])):
        edges.SetValue(n, int(label))
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHINGS)
    smooth.SetPassBand(_PASS_BAND)
    smooth.BoundarySmoothingOff()
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def _as_image(array: npt.NDArray, spacing_mm: Spacing, start_vox: list[int]) -> vtkImageData:
    image = vtkImageData()
    image.SetDimensions(*array.shape)
    image.SetSpacing(*spacing_mm)
    image.SetOrigin(*(start * step for start, step in zip(start_vox, spacing_mm, strict=True)))
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(order="F"), deep=True))
    return image


def near_tumour(tumour: Mask, regions: npt.NDArray[np.integer], spacing_mm: Spacing) -> list[int]:
    """Labels of which something lies within 12 mm of the tumour."""
    if not tumour.any():
        return []
    ends = pictures.content_box(tumour)
    margins = [int(NEAR_MM / step) + 1 for step in spacing_mm]
    box = tuple(slice(max(0, a - m), b + m) for (a, b), m in zip(ends, margins, strict=True))
    close = ndimage.distance_transform_edt(~tumour[box], sampling=spacing_mm) <= NEAR_MM
    return [int(label) for label in np.unique(regions[box][close]) if label]


def actor_of(mesh: vtkPolyData, colour: tuple[float, float, float], opacity: float) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    mapper.SetInputData(mesh)
    actor = vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*colour)
    look.SetOpacity(opacity)
    look.SetAmbient(0.15)
    look.SetSpecular(0.15)
    return actor


def coloured(mesh: vtkPolyData, palette: npt.NDArray[np.float64], opacity: float) -> vtkActor:
    """Each label in its colour of the palette."""
    table = vtkLookupTable()
    table.SetNumberOfTableValues(len(palette))
    table.SetTableRange(0, len(palette) - 1)
    for n, (red, green, blue) in enumerate(palette):
        table.SetTableValue(n, red, green, blue, 1.0)
    actor = actor_of(mesh, (1, 1, 1), opacity)
    mapper = actor.GetMapper()
    mapper.SetLookupTable(table)
    mapper.SetScalarRange(0, len(palette) - 1)
    mapper.ScalarVisibilityOn()
    return actor


def words_of(text: str, size: int, at: tuple[int, int]) -> vtkTextActor:
    words = vtkTextActor()
    words.SetInput(text)
    words.SetPosition(*at)
    words.GetTextProperty().SetFontSize(size)
    words.GetTextProperty().SetColor(0.85, 0.9, 0.95)
    return words
