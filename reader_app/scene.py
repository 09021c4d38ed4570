"""The slices of one exam as pictures: VTK's imaging pipeline without OpenGL, one scene for both viewers.

A slice is cut out and windowed at voxel resolution and sampled at the screen's own pixels: by `vtkImageResize` where it
is interpolated, which takes half the time of `vtkImageReslice` for a slice along the axes, and by indexing where each
pixel takes its voxel's value, which takes half the time of either. The grey picture of a layer, plane and slice is made
once, for A and B, and a segmentation's once for all layers; each is kept until something that it shows changes. Knows
no Qt.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkImagingCore import vtkImageInterpolator, vtkImageResize

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

    Of a layer 0xRRGGBB, all three equal; of a segmentation premultiplied 0xAARRGGBB. Grey bytes would need half the
    making and four times the painting.
    """

    x: int
    y: int
    pixels: npt.NDArray[np.uint32]
    is_opaque: bool


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
        self._linear: defaultdict[tuple[str, Plane], _Linear] = defaultdict(_Linear)
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
        linear = self._linear[layer, placement.plane]
        picture = _cut(self._exam.layers[layer].array, placement.plane, index)
        shades = linear.room(picture.shape)  # 0 black, 255 white, and beyond
        np.subtract(picture, np.float32(window.lower), out=shades)
        shades *= np.float32(255 / window.width)
        reach_px = math.ceil(max(placement.px_u, placement.px_v))  # interpolation carries light one voxel on
        box = _inside(_box_of(shades > 0, placement, reach_px), placement, shades.shape)
        if box is None:
            return None
        shades += 0.5  # so that cutting off the fraction rounds
        if is_interpolated:
            return Patch(box[0], box[1], _as_greys(linear.sample(placement, box)), is_opaque=True)
        return Patch(box[0], box[1], _nearest(_as_greys(shades), placement, box), is_opaque=True)

    def _draw_overlay(self, side: Side, index: int, placement: Placement, look: OverlayLook) -> Patch | None:
        voxels = np.ascontiguousarray(_cut(self._exam.masks[side].array, placement.plane, index))
        box = _box_of(voxels, placement, look.line_px)
        if box is None:
            return None
        mask = _nearest(voxels, placement, box)
        if look.style is OverlayStyle.OUTLINE:
            mask = _border(mask, look.line_px)
        pixels = np.multiply(mask, np.uint32(_premultiplied(_alpha(look))), dtype=np.uint32)
        return Patch(box[0], box[1], pixels, is_opaque=False)


class _Linear:
    """Linear interpolation between the voxels' middles by VTK; the outer half voxels go on as they are.

    VTK's input is memory that numpy writes to, kept from one slice to the next.
    """

    def __init__(self) -> None:
        self._voxels = np.empty((0, 0), np.float32)
        self._image = vtkImageData()
        self._image.SetOrigin(0.5, 0.5, 0)  # voxel i covers [i, i+1)
        interpolator = vtkImageInterpolator()
        interpolator.SetInterpolationModeToLinear()
        self._resize = vtkImageResize()
        self._resize.SetInputData(self._image)
        self._resize.SetInterpolator(interpolator)
        self._resize.SetResizeMethodToOutputDimensions()
        self._resize.BorderOn()
        self._resize.CroppingOn()
        self._resize.SetNumberOfThreads(1)  # for pictures of this size starting a second one costs what it saves

    def room(self, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Where to write the next slice."""
        if self._voxels.shape != shape:
            self._voxels = np.empty(shape, np.float32)
            self._image.SetDimensions(shape[1], shape[0], 1)
            self._image.GetPointData().SetScalars(numpy_to_vtk(self._voxels.reshape(-1), deep=0))
        self._image.Modified()
        return self._voxels

    def sample(self, placement: Placement, box: _Box) -> npt.NDArray[np.float32]:
        """The pixels of a box that lies within the image; valid until the next call."""
        left, top, right, bottom = box
        u = [(x - placement.x0) / placement.px_u for x in (left, right)]
        v = [(y - placement.y0) / placement.px_v for y in (top, bottom)]
        self._resize.SetCroppingRegion((*u, *v, -0.5, 0.5))
        self._resize.SetOutputDimensions(right - left, bottom - top, 1)
        self._resize.Update()
        pixels = vtk_to_numpy(self._resize.GetOutput().GetPointData().GetScalars())
        return pixels.reshape(bottom - top, right - left)


def _nearest(voxels: npt.NDArray, placement: Placement, box: _Box) -> npt.NDArray:
    """The pixels of a box, each with the value of the voxel it lies in, 0 beyond the image."""
    left, top, right, bottom = box
    columns = np.floor((np.arange(left, right) + 0.5 - placement.x0) / placement.px_u).astype(np.intp)
    rows = np.floor((np.arange(top, bottom) + 0.5 - placement.y0) / placement.px_v).astype(np.intp)
    pixels = voxels.take(columns, axis=1, mode="clip").take(rows, axis=0, mode="clip")
    pixels[(rows < 0) | (rows >= voxels.shape[0])] = 0
    pixels[:, (columns < 0) | (columns >= voxels.shape[1])] = 0
    return pixels


def _as_greys(shades: npt.NDArray) -> npt.NDArray[np.uint32]:
    """0xRRGGBB of shades from 0 to 255, fractions cut off."""
    greys = np.empty(shades.shape, np.uint32)
    np.clip(shades, 0, 255, out=greys, casting="unsafe")
    return np.multiply(greys, np.uint32(0x010101), out=greys)


def _cut(array: npt.NDArray, plane: Plane, index: int) -> npt.NDArray:
    """One slice as rows and columns of the screen."""
    picture = array[(slice(None),) * plane.normal_axis + (index,)].T
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


def _inside(box: _Box | None, placement: Placement, shape: tuple[int, ...]) -> _Box | None:
    """The part of a box whose pixels lie within the image."""
    if box is None:
        return None
    left, right = (math.ceil(placement.x0 + edge * placement.px_u - 0.5) for edge in (0, shape[1]))
    top, bottom = (math.ceil(placement.y0 + edge * placement.px_v - 0.5) for edge in (0, shape[0]))
    box = max(box[0], left), max(box[1], top), min(box[2], right), min(box[3], bottom)
    return box if box[0] < box[2] and box[1] < box[3] else None


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
