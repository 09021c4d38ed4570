"""The slices of one exam as pictures: VTK's imaging pipeline without OpenGL, one scene for both viewers.

A slice is cut out at voxel resolution; `vtkImageReslice` samples it at the screen's own pixels and applies the window
in the same pass. The grey picture of a layer, plane and slice is made once, for A and B, and a segmentation's once for
all layers; each is kept until something that it shows changes. Knows no Qt.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.util.vtkConstants import VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkImagingCore import vtkImageReslice

from reader_app.images import ExamImages
from reader_app.layout import OverlayStyle, Plane
from reader_app.placement import Placement
from reader_app.session.model import Side
from reader_app.window import Window

MASK_RGB = (255, 48, 48)
_Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside


@dataclass(frozen=True, eq=False)
class Patch:
    """The part of a picture that holds something: its pixels, and where their upper left corner lies.

    Grey 0-255 (uint8) of a layer, premultiplied ARGB (uint32) of a segmentation.
    """

    x: int
    y: int
    pixels: npt.NDArray


@dataclass(frozen=True)
class OverlayLook:
    """How segmentations are drawn; A and B always get the same one."""

    style: OverlayStyle
    opacity: float
    line_px: int  # on either side of the border


class Scene:
    """Pictures of one exam's slices."""

    def __init__(self, exam: ExamImages) -> None:
        self._exam = exam
        self._samplers: dict[tuple[str, Plane], _Sampler] = {}
        self._greys: dict[tuple[str, Plane], tuple[object, Patch | None]] = {}
        self._overlays: dict[tuple[Side, Plane], tuple[object, Patch | None]] = {}

    def grey(self, layer: str, index: int, placement: Placement, window: Window, is_interpolated: bool) -> Patch | None:
        """What of a layer's slice is not black; valid until the next change of view."""
        slot, key = (layer, placement.plane), (index, placement, window, is_interpolated)
        kept = self._greys.get(slot)
        if kept is None or kept[0] != key:
            kept = key, self._draw_grey(layer, index, placement, window, is_interpolated)
            self._greys[slot] = kept
        return kept[1]

    def overlay(self, side: Side, index: int, placement: Placement, look: OverlayLook) -> Patch | None:
        """A side's segmentation in a slice; None where there is nothing of it in the picture."""
        slot, key = (side, placement.plane), (index, placement, look)
        kept = self._overlays.get(slot)
        if kept is None or kept[0] != key:
            kept = key, self._draw_overlay(side, index, placement, look)
            self._overlays[slot] = kept
        return kept[1]

    def _draw_grey(
        self, layer: str, index: int, placement: Placement, window: Window, is_interpolated: bool
    ) -> Patch | None:
        sampler = self._sampler(layer, placement.plane, np.float32)
        voxels = sampler.take(_cut(self._exam.layers[layer].array, placement.plane, index))
        reach_px = math.ceil(max(placement.px_u, placement.px_v))  # interpolation carries light one voxel on
        box = _box_of(voxels > window.lower, placement, reach_px)
        return Patch(box[0], box[1], sampler.greys(placement, box, window, is_interpolated)) if box else None

    def _draw_overlay(self, side: Side, index: int, placement: Placement, look: OverlayLook) -> Patch | None:
        sampler = self._sampler(side, placement.plane, np.uint8)
        voxels = sampler.take(_cut(self._exam.masks[side].array, placement.plane, index))
        box = _box_of(voxels, placement, look.line_px)
        if box is None:
            return None
        mask = sampler.values(placement, box)
        if look.style is OverlayStyle.OUTLINE:
            mask = _border(mask, look.line_px)
        colours = np.array([0, _premultiplied(_alpha(look))], np.uint32)
        return Patch(box[0], box[1], colours[mask])

    def _sampler(self, name: str, plane: Plane, dtype: npt.DTypeLike) -> "_Sampler":
        if (name, plane) not in self._samplers:
            self._samplers[name, plane] = _Sampler(dtype)
        return self._samplers[name, plane]


class _Sampler:
    """Slices of one kind, sampled at screen pixels; keeps its buffers from one slice to the next."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._dtype = dtype
        self._pixels = np.empty((0, 0), dtype)
        self._image = vtkImageData()
        self._image.SetOrigin(0.5, 0.5, 0)  # voxel i covers [i, i+1)
        self._reslice = vtkImageReslice()
        self._reslice.SetInputData(self._image)
        self._reslice.SetOutputDimensionality(2)
        self._reslice.SetOutputScalarType(VTK_UNSIGNED_CHAR)
        self._reslice.SetNumberOfThreads(1)  # for pictures of this size starting a second one costs what it saves

    def take(self, picture: npt.NDArray) -> npt.NDArray:
        """Make a slice the one to be sampled; returns the copy, whose rows lie one after the other."""
        if self._pixels.shape != picture.shape:
            self._pixels = np.empty(picture.shape, self._dtype)
            self._image.SetDimensions(picture.shape[1], picture.shape[0], 1)
            self._image.GetPointData().SetScalars(numpy_to_vtk(self._pixels.reshape(-1), deep=0))
        self._pixels[:] = picture
        self._image.Modified()
        return self._pixels

    def greys(self, placement: Placement, box: _Box, window: Window, is_interpolated: bool) -> npt.NDArray[np.uint8]:
        """The pixels of `box`, black at the window's lower end, 255 at its upper."""
        self._reslice.SetScalarShift(-window.lower)
        self._reslice.SetScalarScale(255 / window.width)
        if is_interpolated:
            self._reslice.SetInterpolationModeToLinear()
        else:
            self._reslice.SetInterpolationModeToNearestNeighbor()
        return self.values(placement, box)

    def values(self, placement: Placement, box: _Box) -> npt.NDArray[np.uint8]:
        """The pixels of `box`; each takes the value of the voxel it lies in, if nothing else was set."""
        left, top, right, bottom = box
        reslice = self._reslice
        reslice.SetOutputSpacing(1 / placement.px_u, 1 / placement.px_v, 1)
        reslice.SetOutputOrigin((0.5 - placement.x0) / placement.px_u, (0.5 - placement.y0) / placement.px_v, 0)
        reslice.SetOutputExtent(left, right - 1, top, bottom - 1, 0, 0)
        reslice.Update()
        pixels = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
        return pixels.reshape(bottom - top, right - left)


def _cut(array: npt.NDArray, plane: Plane, index: int) -> npt.NDArray:
    """One slice as rows and columns of the screen."""
    picture = np.moveaxis(array, plane.normal_axis, 0)[index].T
    return picture if plane.v_sign > 0 else picture[::-1]


def _box_of(voxels: npt.NDArray, placement: Placement, around_px: int) -> _Box | None:
    """The part of the picture in which the true voxels of a slice lie, and some pixels around."""
    columns, rows = np.flatnonzero(voxels.any(axis=0)), np.flatnonzero(voxels.any(axis=1))
    if not columns.size:
        return None
    left = int(np.floor(placement.x0 + columns[0] * placement.px_u)) - around_px
    right = int(np.ceil(placement.x0 + (columns[-1] + 1) * placement.px_u)) + around_px
    top = int(np.floor(placement.y0 + rows[0] * placement.px_v)) - around_px
    bottom = int(np.ceil(placement.y0 + (rows[-1] + 1) * placement.px_v)) + around_px
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, placement.width), min(bottom, placement.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _border(mask: npt.NDArray[np.uint8], line_px: int) -> npt.NDArray[np.uint8]:
    """The pixels within `line_px` of where mask and no mask meet: as much inside as outside."""
    is_border = np.zeros(mask.shape, bool)
    for line, along in ((is_border, mask), (is_border.T, mask.T)):
        meets = along[1:] != along[:-1]  # between row r and r + 1
        for n in range(line_px):
            line[1 + n :] |= meets[: meets.shape[0] - n]
            line[: meets.shape[0] - n] |= meets[n:]
    return is_border.view(np.uint8)


def _alpha(look: OverlayLook) -> float:
    """A thin line needs more than a surface to be seen as well; none at all at opacity 0."""
    return look.opacity ** (1 / 3) if look.style is OverlayStyle.OUTLINE else look.opacity


def _premultiplied(alpha: float) -> int:
    red, green, blue = (round(alpha * channel) for channel in MASK_RGB)
    return round(alpha * 255) << 24 | red << 16 | green << 8 | blue
