"""Each side's segmentation as a 3-D surface, rendered off-screen by VTK; one pipeline and one camera for both.

The only OpenGL of the reader app, made when it is first asked for. Where OpenGL is missing VTK may take the whole
process down, so another process tries it first. Knows no Qt.
"""

import subprocess
import sys
from functools import cache

import numpy as np
import numpy.typing as npt
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 (registers what vtkRenderWindow needs)
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter
from vtkmodules.vtkFiltersGeneral import vtkDiscreteMarchingCubes
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow

from reader_app.images import ExamImages
from reader_app.scene import MASK_RGB
from reader_app.session.model import Side

_SMOOTHINGS, _PASS_BAND = 20, 0.05  # enough to take the voxels' stairs away, both sides alike
_HALF_HEIGHT_MM, _DISTANCE_MM = 65.0, 1000.0
_PROBE_S = 30
_PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(True)
window.SetMultiSamples(0)
window.AddRenderer(vtkRenderer())
window.Render()
raise SystemExit(0 if window.SupportsOpenGL() else 1)
"""


@cache
def is_available() -> bool:
    """Whether VTK can render here; a second's work the first time."""
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Surfaces:
    """Pictures of both sides' surfaces of one exam; to be used in one thread only."""

    def __init__(self, exam: ExamImages, meshes: dict[Side, vtkPolyData]) -> None:
        x, y, z = ((v + 0.5) * step for v, step in zip(exam.start_vox, exam.spacing_mm, strict=True))
        self._centre_mm = (x, y, z)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._actors = {side: _actor(mesh) for side, mesh in meshes.items()}
        for actor in self._actors.values():
            self._renderer.AddActor(actor)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)  # in software eight samples take twice as long
        self._window.AddRenderer(self._renderer)

    def picture(self, side: Side, width: int, height: int, turn_deg: tuple[float, float], zoom: float) -> npt.NDArray:
        """One side from the given direction, (height, width, 3) uint8, rows from the top."""
        for other, actor in self._actors.items():
            actor.SetVisibility(other is side)
        self._aim(turn_deg, zoom)
        self._window.SetSize(width, height)
        self._window.Render()
        pixels = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 4)[::-1, :, :3])

    def close(self) -> None:
        self._window.Finalize()

    def _aim(self, turn_deg: tuple[float, float], zoom: float) -> None:
        """From the front at first, the patient's right on the left of the screen.

        About the start voxel, at a scale that is the same in all exams: one from a side's own size would tell it.
        """
        camera = self._renderer.GetActiveCamera()
        x, y, z = self._centre_mm
        camera.SetFocalPoint(x, y, z)
        camera.SetPosition(x, y - _DISTANCE_MM, z)
        camera.SetViewUp(0, 0, 1)
        camera.Azimuth(turn_deg[0])
        camera.Elevation(turn_deg[1])
        camera.OrthogonalizeViewUp()
        camera.SetParallelScale(_HALF_HEIGHT_MM / zoom)
        self._renderer.ResetCameraClippingRange(*_around(self._centre_mm, _DISTANCE_MM / 2))


def _around(centre: tuple[float, float, float], reach: float) -> list[float]:
    """The box that is never cut off by the camera."""
    return [edge for c in centre for edge in (c - reach, c + reach)]


def _actor(mesh: vtkPolyData) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    mapper.SetInputData(mesh)
    actor = vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*(channel / 255 for channel in MASK_RGB))
    look.SetAmbient(0.15)
    look.SetSpecular(0.1)
    return actor


def meshes_of(exam: ExamImages) -> dict[Side, vtkPolyData]:
    """Both sides' surfaces; needs no OpenGL and may run in any thread."""
    return {side: surface_of(exam.masks[side].array, exam.spacing_mm) for side in Side}


def surface_of(mask: npt.NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> vtkPolyData:
    """Smoothed border of a mask, in mm from the corner of voxel 0; empty for an empty mask."""
    if not mask.any():
        return vtkPolyData()
    occupied = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    low = [int(planes[0]) for planes in occupied]
    part = mask[tuple(slice(planes[0], planes[-1] + 1) for planes in occupied)]
    closed = np.asfortranarray(np.pad(part, 1))  # a rim of air, or the surface would be open at the image's edge
    image = vtkImageData()
    image.SetDimensions(*closed.shape)
    image.SetSpacing(*spacing_mm)
    image.SetOrigin(*((start - 0.5) * step for start, step in zip(low, spacing_mm, strict=True)))
    image.GetPointData().SetScalars(numpy_to_vtk(closed.ravel(order="F"), deep=True))
    cubes = vtkDiscreteMarchingCubes()
    cubes.SetInputData(image)
    cubes.SetValue(0, 1)
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(cubes.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHINGS)
    smooth.SetPassBand(_PASS_BAND)
    smooth.BoundarySmoothingOff()
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    smooth.Update()
    return smooth.GetOutput()
