"""The ICBM152 template laid on an exam's brain by elastix: affine, then B-spline; the tumour is left out of it.

Where the field of view cuts the brain off, only the affine step is taken: a B-spline would squeeze the whole template
into what is there, and the overlap of the brains would even rise with it.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmentation import pictures
from segmentation.consensus import Mask
from segmentation.errors import StudyError
from segmentation.metrics import dice
from segmentation.preprocessing.elastix import elastix_engine, last_words, quiet
from segmentation.preprocessing.images import to_itk
from segmentation.subject import Subject
from segmentation.volumes import Volume

# Steps and numbers: measured on three exams with elastix 5 (preprocessing notes of the project, section d); 100 to 150
# iterations of the B-spline give what 500 give.
_SAMPLES = 4096
_AFFINE_ITERATIONS, _BSPLINE_ITERATIONS = 500, 120
_GRID_MM, _BENDING_WEIGHT = 20.0, 50.0
_TUMOUR_MARGIN_MM = 4.0  # its swelling distorts what lies next to it
_BACKGROUND_MM = 20.0  # air kept around the brain: without it the affine step drifts by 10 mm
_FLAT_MM2 = 2000.0  # an end of a whole brain shows less in its outermost slice; one cut through the cerebellum 3,700
_JACOBIAN_MOST, _JACOBIAN_LEAST = 2.0, 0.3  # beyond, the template is squeezed or torn
_FIELD_MM = 2.0  # the transform is smooth over 20 mm: what lies between is interpolated
_TEMPLATE_BRAIN = 0.3  # of its brightest; below lies the blurred rim of 152 brains
_DARKEST = 0.1  # of the brain, so that it differs from the air


@dataclass(frozen=True)
class Fit:
    """How the template lies on the exam. `kind` is affine or B-spline; `reason` says why it is no B-spline."""

    labels: Volume  # int16, on the exam's grid, 0 outside the brain
    template: Volume  # float32, 0 to 1, on the exam's grid
    kind: str
    reason: str
    brain_dice: float  # of template and exam: no measure of quality on a cut field of view
    jacobian: tuple[float, float, float] | None  # least, 1st and 99th percentile in the brain, of the B-spline tried


def fit(subject: Subject, labels: Volume) -> Fit:
    """Move template and regions onto the exam. Raises StudyError if elastix finds no way."""
    box = _box(subject)
    place = _cropped(subject.t1c, box)
    fixed = Volume(_as_template_like(place.array, subject.brain[box]), place.world_from_voxel)
    mask = Volume(~_grown(subject.tumour[box], place.spacing_mm), place.world_from_voxel)
    template = template_volume()
    reason, jacobian = cut_face(subject.brain, subject.t1c.spacing_mm), None
    maps = _register(fixed, template, mask, [_affine_map()] if reason else [_affine_map(), _bspline_map()])
    steps = [max(1, round(_FIELD_MM / step)) for step in place.spacing_mm]
    coarse = Volume(
        subject.brain[box][tuple(slice(None, None, step) for step in steps)],
        place.world_from_voxel @ np.diag([*steps, 1.0]),
    )
    field = _field(maps, template, coarse)
    if not reason:
        jacobian = _jacobian(field, coarse)
        reason = _too_bent(jacobian)
        field = _field(maps[:1], template, coarse) if reason else field
    fine = _finer(field, place.shape, steps)
    warped = _onto(subject.t1c, box, _sampled(template, fine, 1))
    moved = _onto(subject.t1c, box, np.where(subject.brain[box], _sampled(labels, fine, 0), np.int16(0)))
    overlap = dice(subject.brain, warped.array > _TEMPLATE_BRAIN)
    return Fit(moved, warped, "affine" if reason else "B-spline", reason, overlap, jacobian)


def template_volume() -> Volume:
    """ICBM152 2009a, T1 of the stripped brain, 0 to 1, as nilearn ships it; nothing is downloaded."""
    from nilearn import datasets

    image = datasets.load_mni152_template(resolution=1)
    values = np.asarray(image.dataobj, np.float32)
    return Volume(values / values.max(), np.asarray(image.affine, np.float64))


def cut_face(brain: Mask, spacing_mm: tuple[float, float, float]) -> str:
    """Where the field of view cuts an upright brain off, in words; empty if nowhere.

    The brain's outermost slice in each direction is looked at: it is small where the brain ends by itself.
    """
    inside = brain[tuple(slice(*ends) for ends in pictures.content_box(brain))]
    words = (("left", "right"), ("back", "front"), ("bottom", "top"))
    for axis, names in enumerate(words):
        across = np.prod([step for n, step in enumerate(spacing_mm) if n != axis])
        for name, end in zip(names, (0, -1), strict=True):
            area_mm2 = np.count_nonzero(np.take(inside, end, axis=axis)) * across
            if area_mm2 > _FLAT_MM2:
                return f"the field of view cuts the brain off at the {name} ({area_mm2 / 100:.0f} cm²)"
    return ""


def _too_bent(jacobian: tuple[float, float, float]) -> str:
    least, _, most = jacobian
    if most > _JACOBIAN_MOST or least < _JACOBIAN_LEAST:
        return f"the B-spline would change volumes by factors from {least:.2f} to {most:.2f} (99 %)"
    return ""


def _box(subject: Subject) -> tuple[slice, ...]:
    """The brain, and some air around it."""
    ends = pictures.content_box(subject.brain)
    margins = [round(_BACKGROUND_MM / step) for step in subject.t1c.spacing_mm]
    return tuple(slice(max(0, a - m), b + m) for (a, b), m in zip(ends, margins, strict=True))


def _cropped(volume: Volume, box: Sequence[slice]) -> Volume:
    affine = volume.world_from_voxel.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return Volume(volume.array[tuple(box)], affine)


def _as_template_like(values: npt.NDArray, brain: Mask) -> npt.NDArray[np.float32]:
    """The brain from 0.1 to 1, air 0; in z-scores air would be as bright as the mean."""
    low, high = np.percentile(values[brain], [1, 99])
    scaled = np.clip((values - low) / max(high - low, 1e-6), 0, 1) * (1 - _DARKEST) + _DARKEST
    return np.where(brain, scaled, 0).astype(np.float32)


def _grown(tumour: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    if not tumour.any():
        return tumour
    return ndimage.distance_transform_edt(~tumour, sampling=spacing_mm) <= _TUMOUR_MARGIN_MM


def _affine_map() -> Any:
    return _map("affine", AutomaticTransformInitialization="true", MaximumNumberOfIterations=str(_AFFINE_ITERATIONS))


def _bspline_map() -> Any:
    return _map(
        "bspline",
        FinalGridSpacingInPhysicalUnits=str(_GRID_MM),
        Metric1Weight=str(_BENDING_WEIGHT),
        MaximumNumberOfIterations=str(_BSPLINE_ITERATIONS),
    )


def _map(kind: str, **changes: str) -> Any:
    """elastix' default parameters (4 resolutions, Mattes mutual information, random samples, new ones each time)."""
    parameters = elastix_engine().GetDefaultParameterMap(kind)
    for name, value in {"NumberOfSpatialSamples": str(_SAMPLES), "WriteResultImage": "false", **changes}.items():
        parameters[name] = [value]
    return parameters


def _register(fixed: Volume, moving: Volume, mask: Volume, maps: Sequence[Any]) -> Any:
    """elastix' transforms from the exam's points to the template's."""
    sitk = elastix_engine()
    with tempfile.TemporaryDirectory(prefix="elastix-") as folder:
        elastix = sitk.ElastixImageFilter()
        elastix.SetOutputDirectory(folder)  # else it writes into the current one
        elastix.LogToConsoleOff()
        elastix.LogToFileOn()
        elastix.SetLogFileName("elastix.log")
        elastix.SetFixedImage(to_itk(fixed))
        elastix.SetMovingImage(to_itk(moving))
        if not mask.array.all():
            elastix.SetFixedMask(to_itk(mask, np.uint8))
        vector = sitk.VectorOfParameterMap()
        for parameters in maps:
            vector.append(parameters)
        elastix.SetParameterMap(vector)
        try:
            with quiet():
                elastix.Execute()
        except RuntimeError as error:
            what = f"elastix could not lay the template on the brain ({last_words(Path(folder)) or error})."
            raise StudyError(what, remedy="Look whether image and brain mask show one whole brain.") from error
        return elastix.GetTransformParameterMap()


def _field(maps: Sequence[Any], template: Volume, grid: Volume) -> npt.NDArray[np.float64]:
    """Where in the template's world (mm, NIfTI's axes) each voxel of a grid lies, (3, i, j, k).

    The grid has the axes of the image that was registered.
    """
    sitk, wanted = elastix_engine(), to_itk(grid, np.uint8)
    maps[len(maps) - 1]["Size"] = [str(count) for count in wanted.GetSize()]
    for name, values in (("Spacing", wanted.GetSpacing()), ("Origin", wanted.GetOrigin())):
        maps[len(maps) - 1][name] = [repr(value) for value in values]
    with tempfile.TemporaryDirectory(prefix="transformix-") as folder, quiet():
        transformix = sitk.TransformixImageFilter()
        transformix.SetOutputDirectory(folder)
        transformix.LogToConsoleOff()
        transformix.LogToFileOff()
        transformix.SetMovingImage(to_itk(template))
        vector = sitk.VectorOfParameterMap()
        for parameters in maps:
            vector.append(parameters)
        transformix.SetTransformParameterMap(vector)
        transformix.ComputeDeformationFieldOn()
        transformix.Execute()
        moved_lps = sitk.GetArrayFromImage(transformix.GetDeformationField()).T
    affine = grid.world_from_voxel
    world = np.tensordot(affine[:3, :3], np.indices(grid.shape, np.float64), axes=1) + affine[:3, 3].reshape(3, 1, 1, 1)
    return world + moved_lps * np.array([-1.0, -1.0, 1.0]).reshape(3, 1, 1, 1)


def _finer(field: npt.NDArray, shape: Sequence[int], steps: Sequence[int]) -> npt.NDArray[np.float32]:
    """The field at every voxel; it is smooth over 20 mm."""
    at = [
        np.minimum(np.arange(n) / step, field.shape[1 + axis] - 1)
        for axis, (n, step) in enumerate(zip(shape, steps, strict=True))
    ]
    grid = np.meshgrid(*at, indexing="ij")
    return np.stack([ndimage.map_coordinates(part, grid, order=1, output=np.float32) for part in field])


def _sampled(volume: Volume, world: npt.NDArray[np.float32], order: int) -> npt.NDArray:
    """The volume's values at places of its world: order 1 between voxels, 0 at the nearest one; 0 outside."""
    voxel_from_world = np.linalg.inv(volume.world_from_voxel)
    at = np.tensordot(voxel_from_world[:3, :3].astype(np.float32), world, axes=1)
    at += voxel_from_world[:3, 3].astype(np.float32).reshape(3, 1, 1, 1)
    return ndimage.map_coordinates(volume.array, at, order=order, output=volume.array.dtype)


def _onto(image: Volume, box: Sequence[slice], part: npt.NDArray) -> Volume:
    whole = np.zeros(image.shape, part.dtype)
    whole[tuple(box)] = part
    return Volume(whole, image.world_from_voxel)


def _jacobian(field: npt.NDArray, brain: Volume) -> tuple[float, float, float]:
    """Least, 1st and 99th percentile in the brain of the factor by which the transform changes volumes."""
    slopes = np.stack([np.stack(np.gradient(part), axis=-1) for part in field], axis=-2)  # (i, j, k, world, voxel)
    values = np.linalg.det(slopes[brain.array]) / np.linalg.det(brain.world_from_voxel[:3, :3])
    low, high = np.percentile(values, [1, 99])
    return float(values.min()), float(low), float(high)
