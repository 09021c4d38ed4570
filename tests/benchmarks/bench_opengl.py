"""Peer of bench_viewer: plain VTK, two QVTK windows of three OpenGL viewports each (one layer, so half its views)."""

import sys
import tempfile
from pathlib import Path

import numpy.typing as npt
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 (registers what vtkRenderWindow needs)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget
from vtkmodules.qt.QVTKRenderWindowInteractor import QVTKRenderWindowInteractor
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkLookupTable
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper, vtkRenderer

from reader_app.images import load_exam
from reader_app.session.model import Side
from tests.benchmarks.bench_viewer import HEIGHT, WIDTH, report, slices
from tests.benchmarks.exam_folder import LAYERS, ExamFolder

_VIEWPORTS = ((2, (0, 0.5, 1, 1)), (0, (0, 0, 0.5, 0.5)), (1, (0.5, 0, 1, 0.5)))


def main() -> None:
    app = QApplication([])
    window = QWidget()
    row = QHBoxLayout(window)
    row.setContentsMargins(0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        exam = load_exam(ExamFolder(Path(folder)), "real", LAYERS)
    image = _image(exam.layers["T1c"].array)
    auto = exam.windows["T1c"]
    widgets, mappers = [], []
    for side in Side:
        widget = QVTKRenderWindowInteractor(window)
        row.addWidget(widget)
        widgets.append(widget)
        mappers += _viewports(widget, image, _image(exam.masks[side].array), (auto.level, auto.width))
    window.resize(WIDTH, HEIGHT)
    window.show()
    app.processEvents()

    def move(n: int) -> None:
        for axis, mapper in mappers:
            mapper.SetSliceNumber(slices(n)[axis])
        for widget in widgets:
            widget.GetRenderWindow().Render()
        app.processEvents()
        QGuiApplication.sync()

    report(sys.argv[1], move)
    for widget in widgets:
        widget.Finalize()


def _image(array: npt.NDArray) -> vtkImageData:
    image = vtkImageData()
    image.SetDimensions(*array.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(order="F"), deep=True))
    return image


def _viewports(
    widget: QVTKRenderWindowInteractor, image: vtkImageData, mask: vtkImageData, auto: tuple[float, float]
) -> list[tuple[int, vtkImageSliceMapper]]:
    widget.GetRenderWindow().SetMultiSamples(0)
    mappers = []
    for axis, viewport in _VIEWPORTS:
        renderer = vtkRenderer()
        renderer.SetViewport(*viewport)
        widget.GetRenderWindow().AddRenderer(renderer)
        for data in (image, mask):
            mapper = vtkImageSliceMapper()
            mapper.SetInputData(data)
            mapper.SetOrientation(axis)
            part = vtkImageSlice()
            part.SetMapper(mapper)
            _colour(part, data is mask, auto)
            renderer.AddViewProp(part)
            mappers.append((axis, mapper))
        _aim(renderer, axis)
    return mappers


def _colour(part: vtkImageSlice, is_mask: bool, auto: tuple[float, float]) -> None:
    look = part.GetProperty()
    if not is_mask:
        look.SetColorLevel(auto[0])
        look.SetColorWindow(auto[1])
        return
    table = vtkLookupTable()
    table.SetNumberOfTableValues(2)
    table.SetRange(0, 1)
    table.SetTableValue(0, 0, 0, 0, 0)
    table.SetTableValue(1, 1, 0.2, 0.2, 0.35)
    look.SetLookupTable(table)
    look.UseLookupTableScalarRangeOn()
    look.SetInterpolationTypeToNearest()


def _aim(renderer: vtkRenderer, axis: int) -> None:
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    centre = (120.0, 120.0, 77.0)
    camera.SetFocalPoint(*centre)
    camera.SetPosition(*(c + (500 if n == axis else 0) for n, c in enumerate(centre)))
    camera.SetViewUp(*((0, -1, 0) if axis == 2 else (0, 0, 1)))
    renderer.ResetCamera()


if __name__ == "__main__":
    main()
