"""One exam in space, as Fig. 6 of Mitchell et al. 2020 shows it: the tumour's surface in red, regions of the brain
around it in other colours, seen through, on slices of the T1c; and below the three slices flat.

Parallel projection everywhere, so that one ruler is true for each view. Coordinates are millimetres along the axes of
the upright image. Where OpenGL is missing VTK may take the process down: ask `is_available` first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import vtkmodules.vtkInteractionStyle
import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 (these three register what a window needs)
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkCommand, vtkLogger, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPlane, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkCutter, vtkStripper
from vtkmodules.vtkFiltersSources import vtkLineSource
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkBillboardTextActor3D,
    vtkImageActor,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkRenderWindowInteractor,
)

from segmentation import pictures
from segmentation.consensus import Mask
from segmentation.errors import StudyError
from segmentation.pictures import Plane
from segmentation.viewing.meshes import actor_of, border, borders, coloured, near_tumour, words_of
from segmentation.viewing.opengl import is_available
from segmentation.volumes import Volume, axis_letters

RED = (0.93, 0.13, 0.10)
SIZE = (1280, 1000)
_SPLIT = 0.36  # share of the window's height for the flat slices
# regions close to the tumour are nearly transparent, as in the paper's figure
_FAR_OPACITY, _NEAR_OPACITY, _BRAIN_OPACITY = 0.42, 0.10, 0.13
_PEELS = 6  # layers of see-through surfaces that are sorted
_REST_MS = 500
_TINT = 0.35  # of the regions' colours on the slices
_RULER_MM, _MARGIN_MM = 50.0, 10.0
_NEAR_THE_EYE_MM = 250.0  # in front of any slice
_LIFT_MM = 1.0  # outlines lie this far in front of their slice


@dataclass(frozen=True)
class Exhibit:
    """What is shown; all upright on one grid. `regions` are labels, `palette` a colour for each, `shown` which.

    `legend` is written beside the view, from the top down.
    """

    title: str
    t1c: Volume
    brain: Mask
    tumour: Mask
    regions: npt.NDArray[np.integer] | None = None
    palette: npt.NDArray[np.float64] | None = None
    shown: tuple[int, ...] = ()
    legend: tuple[tuple[int, str], ...] = ()  # labels and words


class Scene:
    """A window with the view in space above and the three slices below; the wheel over a slice moves it."""

    def __init__(self, exhibit: Exhibit, *, off_screen: bool, size: tuple[int, int] = SIZE) -> None:
        self._exhibit = exhibit
        if off_screen:
            vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)  # it complains that there is no X server
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(off_screen)
        self._window.SetAlphaBitPlanes(True)  # depth peeling needs it, and single samples
        self._window.SetMultiSamples(0)
        self._window.SetSize(*size)
        self._window.SetWindowName(f"{exhibit.title} - segmentation view")
        self._at = list(pictures.centre_of(exhibit.tumour, exhibit.t1c.array))
        self._tumour = border(exhibit.tumour, exhibit.t1c.spacing_mm)
        self._space = vtkRenderer()
        self._space.SetViewport(0, _SPLIT, 1, 1)
        self._space.SetUseDepthPeeling(True)
        self._space.SetMaximumNumberOfPeels(_PEELS)
        self._window.AddRenderer(self._space)
        self._slices = {plane: _Slice(exhibit, plane, self._at, self._tumour) for plane in Plane}
        for n, (plane, slice_) in enumerate(self._slices.items()):
            slice_.renderer.SetViewport(n / 3, 0, (n + 1) / 3, _SPLIT)
            self._window.AddRenderer(slice_.renderer)
            self._space.AddActor(slice_.wall(self._behind()[plane.value[0]]))
        self._fill_space()
        self._window.Render()  # the slices' cameras need the viewports' shapes
        for slice_ in self._slices.values():
            slice_.frame()

    def picture(self) -> npt.NDArray[np.uint8]:
        """What the window shows, (height, width, 3), rows from the top."""
        self._window.Render()
        width, height = self._window.GetSize()
        pixels = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 4)[::-1, :, :3])

    def show(self) -> None:
        """Hand the window to the user until it is closed."""
        interactor = self.interactor()
        interactor.Initialize()
        interactor.Start()

    def interactor(self) -> vtkRenderWindowInteractor:
        """What takes mouse and keys; the caller starts it."""
        interactor = vtkRenderWindowInteractor()
        interactor.SetRenderWindow(self._window)
        style = vtkInteractorStyleTrackballCamera()
        interactor.SetInteractorStyle(style)
        for event, is_moving in ((vtkCommand.StartInteractionEvent, True), (vtkCommand.EndInteractionEvent, False)):
            style.AddObserver(event, lambda *_, is_moving=is_moving: self._sort_layers(not is_moving))
        interactor.AddObserver(vtkCommand.TimerEvent, lambda *_: self._sort_layers(True))
        for event, step in ((vtkCommand.MouseWheelForwardEvent, 1), (vtkCommand.MouseWheelBackwardEvent, -1)):
            style.AddObserver(event, lambda *_, step=step: self._turn_wheel(interactor, style, step))
        for slice_ in self._slices.values():
            slice_.renderer.SetInteractive(False)
        return interactor

    def move(self, plane: Plane, step: int) -> None:
        """Go so many slices on in one of the flat views."""
        axis = plane.value[0]
        self._at[axis] = int(np.clip(self._at[axis] + step, 0, self._exhibit.t1c.shape[axis] - 1))
        self._slices[plane].cut(self._at)

    def close(self) -> None:
        self._window.Finalize()

    def _turn_wheel(self, interactor: Any, style: Any, step: int) -> None:
        x, y = interactor.GetEventPosition()
        width, height = self._window.GetSize()
        if y >= _SPLIT * height:
            (style.OnMouseWheelForward if step > 0 else style.OnMouseWheelBackward)()
            return
        self.move(list(Plane)[min(2, 3 * x // width)], step)
        self._sort_layers(False)
        self._window.Render()
        interactor.CreateOneShotTimer(_REST_MS)

    def _sort_layers(self, is_at_rest: bool) -> None:
        """See-through layers in their order when nothing moves; in software one such frame takes seconds."""
        self._space.SetUseDepthPeeling(is_at_rest)
        if is_at_rest:
            self._window.Render()

    def _fill_space(self) -> None:
        exhibit, renderer = self._exhibit, self._space
        renderer.AddActor(actor_of(self._tumour, RED, 1.0))
        if exhibit.regions is None or exhibit.palette is None:
            shell = border(exhibit.brain, exhibit.t1c.spacing_mm)
            renderer.AddActor(actor_of(shell, (0.85, 0.85, 0.9), _BRAIN_OPACITY))
        else:
            near = set(near_tumour(exhibit.tumour, exhibit.regions, exhibit.t1c.spacing_mm))
            groups = ([n for n in exhibit.shown if n not in near], [n for n in exhibit.shown if n in near])
            for labels, opacity in zip(groups, (_FAR_OPACITY, _NEAR_OPACITY), strict=True):
                if labels:
                    mesh = borders(exhibit.regions, exhibit.t1c.spacing_mm, labels)
                    renderer.AddActor(coloured(mesh, exhibit.palette, opacity))
        _letter(renderer, exhibit)
        self._write_legend()
        renderer.AddViewProp(words_of(exhibit.title, 18, (12, 12)))
        self._aim()

    def _write_legend(self) -> None:
        top = self._window.GetSize()[1] * (1 - _SPLIT)
        for n, (label, text) in enumerate(self._exhibit.legend):
            words = words_of(text, 14, (12, int(top) - 30 - 20 * n))
            if self._exhibit.palette is not None and label in self._exhibit.shown:
                words.GetTextProperty().SetColor(*self._exhibit.palette[label])
            self._space.AddViewProp(words)

    @property
    def _is_right(self) -> bool:
        """Whether the tumour lies on the right of the brain; from there it is looked at."""
        (a, b), *_ = pictures.content_box(self._exhibit.brain)
        return not self._exhibit.tumour.any() or self._at[0] > (a + b) / 2

    def _behind(self) -> tuple[int, int, int]:
        """The slices that end the tumour on the sides away from the eye, so that they are its background."""
        (left, right), (back, _), (bottom, _) = pictures.content_box(self._exhibit.tumour)
        if not self._exhibit.tumour.any():
            return self._at[0], self._at[1], self._at[2]
        return left if self._is_right else right - 1, back, bottom

    def _aim(self) -> None:
        """From the front and above, from the side on which the tumour lies, onto the brain's middle."""
        exhibit = self._exhibit
        ends = pictures.content_box(exhibit.brain)
        steps = exhibit.t1c.spacing_mm
        centre = [(a + b) / 2 * step for (a, b), step in zip(ends, steps, strict=True)]
        camera = self._space.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*centre)
        camera.SetPosition(centre[0] + (700 if self._is_right else -700), centre[1] + 620, centre[2] + 480)
        camera.SetViewUp(0, 0, 1)
        camera.SetParallelScale(max((b - a) * step for (a, b), step in zip(ends, steps, strict=True)) * 0.56)
        self._space.ResetCameraClippingRange()


class _Slice:
    """One slice: flat with the tumour's outline, letters and a ruler, and as a plane in space."""

    def __init__(self, exhibit: Exhibit, plane: Plane, at: list[int], tumour: vtkPolyData) -> None:
        self._exhibit, self._plane, self._mesh = exhibit, plane, tumour
        self._window = pictures.window_of(exhibit.t1c.array)
        self._air = pictures.air_of(exhibit.t1c.array)
        self._flat, self._outline = vtkImageActor(), actor_of(vtkPolyData(), RED, 1.0)
        self._outline_mapper = vtkPolyDataMapper()
        self._outline_mapper.ScalarVisibilityOff()
        self._outline.SetMapper(self._outline_mapper)
        self._outline.GetProperty().SetLineWidth(2)
        self._outline.GetProperty().LightingOff()
        self.renderer = vtkRenderer()
        for prop in (self._flat, self._outline):
            self.renderer.AddActor(prop)
        self.renderer.AddViewProp(words_of(plane.title, 14, (8, 8)))
        self._add_letters()
        self.cut(at)

    def cut(self, at: list[int]) -> None:
        """Show the slice through a voxel."""
        axis = self._plane.value[0]
        _show(self._flat, self._image(at[axis], has_air=True, tint=_TINT))
        self.renderer.ResetCameraClippingRange()
        if not self._mesh.GetNumberOfPoints():
            return
        steps = self._exhibit.t1c.spacing_mm
        level, normal = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        level[axis], normal[axis] = at[axis] * steps[axis], 1.0
        cutting = vtkPlane()
        cutting.SetOrigin(*level)
        cutting.SetNormal(*normal)
        cutter = vtkCutter()
        cutter.SetCutFunction(cutting)
        cutter.SetInputData(self._mesh)
        lines = vtkStripper()  # pieces of a triangle's width would be drawn as a dotted line
        lines.SetInputConnection(cutter.GetOutputPort())
        lines.Update()
        self._outline_mapper.SetInputData(lines.GetOutput())
        lift = [0.0, 0.0, 0.0]
        lift[axis] = _LIFT_MM * self._side
        self._outline.SetPosition(*lift)

    def wall(self, index: int) -> vtkImageActor:
        """A slice without the air around it, to stand behind the tumour in space."""
        actor = vtkImageActor()
        _show(actor, self._image(index, has_air=False, tint=0.0))
        return actor

    def frame(self) -> None:
        """Aim the flat view's camera: the whole brain, the patient's right, or front, to the left."""
        axis, across, up = self._plane.value
        steps, ends = self._exhibit.t1c.spacing_mm, pictures.content_box(self._exhibit.brain)
        centre = [(a + b - 1) / 2 * step for (a, b), step in zip(ends, steps, strict=True)]
        position, view_up = list(centre), [0.0, 0.0, 0.0]
        position[axis] += 500 * self._side
        view_up[up] = 1.0
        camera = self.renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*centre)
        camera.SetPosition(*position)
        camera.SetViewUp(*view_up)
        (width, height) = ((ends[n][1] - ends[n][0]) * steps[n] + 2 * _MARGIN_MM for n in (across, up))
        pixels = self.renderer.GetSize()
        scale = max(height / 2, width / 2 * pixels[1] / max(pixels[0], 1))
        camera.SetParallelScale(scale)
        self.renderer.AddActor(self._ruler(centre, scale, pixels))
        self.renderer.ResetCameraClippingRange()

    @property
    def _side(self) -> int:
        """Along the slice's axis, which way the eye is: from below, from the front, from the patient's left."""
        return {Plane.AXIAL: -1, Plane.CORONAL: 1, Plane.SAGITTAL: -1}[self._plane]

    def _image(self, index: int, *, has_air: bool, tint: float) -> vtkImageData:
        """The slice in colour; in space, air is left out."""
        exhibit, axis = self._exhibit, self._plane.value[0]
        grey = np.take(exhibit.t1c.array, index, axis)
        dark, bright = self._window
        level = np.clip((np.where(grey == self._air, dark, grey) - dark) / (bright - dark), 0, 1)
        rgba = np.repeat(level[..., None], 4, -1)
        if tint and exhibit.regions is not None and exhibit.palette is not None:
            labels = np.take(exhibit.regions, index, axis)
            inside = np.isin(labels, exhibit.shown)
            rgba[inside, :3] = (1 - tint) * rgba[inside, :3] + tint * exhibit.palette[labels[inside]]
        rgba[..., 3] = 1.0 if has_air else np.take(exhibit.brain, index, axis)
        shape, origin = list(exhibit.t1c.shape), [0.0, 0.0, 0.0]
        shape[axis], origin[axis] = 1, index * exhibit.t1c.spacing_mm[axis]
        image = vtkImageData()
        image.SetDimensions(*shape)
        image.SetSpacing(*exhibit.t1c.spacing_mm)
        image.SetOrigin(*origin)
        flat = (rgba * 255 + 0.5).astype(np.uint8).transpose(1, 0, 2).reshape(-1, 4)
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(flat), deep=True))
        return image

    def _ruler(self, centre: list[float], scale: float, pixels: tuple[int, int]) -> vtkActor:
        """5 cm, at the bottom right."""
        axis, across, up = self._plane.value
        right_mm = scale * pixels[0] / max(pixels[1], 1) - 6
        ends = [list(centre), list(centre)]
        for end, along in zip(ends, (right_mm - _RULER_MM, right_mm), strict=True):
            end[across] -= along  # the picture's right is the patient's left, or back
            end[up] -= scale - 10
            end[axis] += _NEAR_THE_EYE_MM * self._side
        line = vtkLineSource()
        line.SetPoint1(*ends[0])
        line.SetPoint2(*ends[1])
        line.Update()
        words = words_of("5 cm", 12, (0, 0))
        words.SetPosition(pixels[0] - 60 - 0.5 * _RULER_MM * pixels[1] / (2 * scale), 10 + 10 * pixels[1] / (2 * scale))
        self.renderer.AddViewProp(words)
        actor = actor_of(line.GetOutput(), (1, 1, 1), 1.0)
        actor.GetProperty().SetLineWidth(2)
        actor.GetProperty().LightingOff()
        return actor

    def _add_letters(self) -> None:
        _, across, up = self._plane.value
        letters = axis_letters(self._exhibit.t1c.world_from_voxel)
        (right, left), (bottom, top) = letters[across], letters[up]
        for text, x, y in ((left, 0.03, 0.5), (right, 0.97, 0.5), (top, 0.5, 0.97), (bottom, 0.5, 0.03)):
            words = words_of(text, 14, (0, 0))
            words.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
            words.SetPosition(x, y)
            words.GetTextProperty().SetJustificationToCentered()
            words.GetTextProperty().SetVerticalJustificationToCentered()
            self.renderer.AddViewProp(words)


def _show(actor: vtkImageActor, image: vtkImageData) -> None:
    actor.SetInputData(image)
    actor.SetDisplayExtent(image.GetExtent())  # else only axial slices are drawn


def _letter(renderer: vtkRenderer, exhibit: Exhibit) -> None:
    """R, L, A, P, S, I around the brain."""
    ends = pictures.content_box(exhibit.brain)
    steps = exhibit.t1c.spacing_mm
    centre = [(a + b) / 2 * step for (a, b), step in zip(ends, steps, strict=True)]
    for axis, letters in enumerate(axis_letters(exhibit.t1c.world_from_voxel)):
        for text, end, sign in zip(letters, ends[axis], (-1, 1), strict=True):
            place = list(centre)
            place[axis] = end * steps[axis] + sign * _MARGIN_MM
            words = vtkBillboardTextActor3D()
            words.SetInput(text)
            words.SetPosition(*place)
            words.GetTextProperty().SetFontSize(20)
            words.GetTextProperty().SetColor(0.75, 0.84, 0.92)
            words.GetTextProperty().SetBold(True)
            renderer.AddActor(words)


def save_png(exhibit: Exhibit, path: Path, size: tuple[int, int] = SIZE) -> None:
    """The picture without a window. Raises StudyError where VTK can't render or the file can't be written."""
    if not is_available():
        raise StudyError(
            "This computer can't draw in 3-D (OpenGL).", remedy="Install Mesa: apt-get install libgl1-mesa-dri"
        )
    from PIL import Image

    scene = Scene(exhibit, off_screen=True, size=size)
    try:
        Image.fromarray(scene.picture()).save(path, format="PNG")
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise StudyError(f"The picture can't be written ({error.strerror}).", file=path, remedy=remedy) from error
    finally:
        scene.close()


def open_window(exhibit: Exhibit) -> None:
    """Show the exam until the window is closed. Raises StudyError where there is no display."""
    if not is_available(on_screen=True):
        raise StudyError("There is no display to open a window on.", remedy="Write a picture instead: --png FILE.png")
    scene = Scene(exhibit, off_screen=False)
    scene.show()
    scene.close()
