"""The anatomy of a simulated person: the ICBM152 template, bent and turned at random, on an exam's grid."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError

Field = npt.NDArray[np.float32]
FIELD_OF_VIEW_MM = (176.0, 216.0, 176.0)
_CENTRE_MM = np.array([0.0, -17.0, 5.0])  # of the field of view, in the template's space
_PIVOT_MM = np.array([0.0, -25.0, -30.0])  # heads nod and turn about the skull base
_VENTRICLES_MM = np.array([0.0, -12.0, 12.0])
_SULCUS_MM = 9.0  # a brain mask bridges furrows up to this wide
_HULL_MARGIN = 12  # voxels around the template, so that its hull has an outside
DEPTH_STEP = 3  # the depth map is smooth: every third voxel will do


@dataclass(frozen=True)
class Grid:
    """Where an exam's voxels lie: axes towards left, back and head, as in the public tumour collections."""

    spacing_mm: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = (round(length / step) for length, step in zip(FIELD_OF_VIEW_MM, self.spacing_mm, strict=True))
        return i, j, k

    @property
    def world_from_voxel(self) -> npt.NDArray[np.float64]:
        affine = np.diag([-self.spacing_mm[0], -self.spacing_mm[1], self.spacing_mm[2], 1.0])
        middle = (np.array(self.shape) - 1) / 2
        affine[:3, 3] = _CENTRE_MM - affine[:3, :3] @ middle
        return affine

    def world_mm(self) -> Field:
        """Voxel centres, shape (3, i, j, k)."""
        affine = self.world_from_voxel
        axes = [affine[n, 3] + affine[n, n] * np.arange(size) for n, size in enumerate(self.shape)]
        return np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)


@dataclass(frozen=True)
class Part(Grid):
    """A box cut out of a grid."""

    size: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = self.size
        return i, j, k


@dataclass(frozen=True)
class Template:
    """ICBM152 2009a as nilearn ships it, at 1 mm: T1 of the brain and tissue shares, from 0 to 1."""

    t1: Field
    grey: Field
    white: Field
    depth_mm: Field  # under the brain's hull, below 0 outside; every third voxel only
    voxel_from_world_mm: Field  # translation only: its axes run right, front, head

    def depth_at(self, at_mm: Field) -> Field:
        """Depth under the brain's hull at points (3, ...) of the template's space; below 0 outside."""
        return self._interpolate(self.depth_mm, at_mm, DEPTH_STEP, "nearest")

    def sample(self, values: Field, at_mm: Field) -> Field:
        """Linear interpolation of an array of the template at points (3, ...); 0 outside."""
        return self._interpolate(values, at_mm, 1, "constant")

    def _interpolate(self, values: Field, at_mm: Field, step: int, beyond: str) -> Field:
        from scipy import ndimage

        offset = self.voxel_from_world_mm.reshape(3, *[1] * (at_mm.ndim - 1))
        return ndimage.map_coordinates(values, (at_mm + offset) / step, order=1, output=np.float32, mode=beyond)


@dataclass(frozen=True)
class Anatomy:
    """Tissue shares of one person on the exam's grid; outside the brain mask all are 0, inside they add up to 1."""

    grid: Grid
    template_mm: Field  # where each voxel came from in the template, (3, i, j, k)
    brain: npt.NDArray[np.bool_]  # what skull stripping left: too much here, too little there
    white: Field
    grey: Field
    fluid: Field
    meninges: Field
    depth_mm: Field  # under the hull; below 0 in what was left around it


@cache
def load_template() -> Template:
    """Read the template that nilearn carries; nothing is downloaded."""
    try:
        from nilearn import datasets
    except ImportError as error:
        what = f"Simulation needs the package {error.name}, which is not installed."
        raise StudyError(what, remedy='Install it with: pip install "blindread[segmentation]"') from error
    images = [
        load(resolution=1)
        for load in (datasets.load_mni152_template, datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    ]
    t1, grey, white = (_unit(image) for image in images)
    return Template(t1, grey, white, _depth_of(t1 > 0), -images[0].affine[:3, 3].astype(np.float32))


def _depth_of(brain: npt.NDArray[np.bool_]) -> Field:
    """Signed distance to the brain's hull, which bridges the furrows; every third voxel."""
    from scipy import ndimage

    margin = _HULL_MARGIN
    coarse = np.pad(ndimage.binary_fill_holes(brain), margin)[::DEPTH_STEP, ::DEPTH_STEP, ::DEPTH_STEP]
    reach = ndimage.distance_transform_edt(~coarse, sampling=DEPTH_STEP) <= _SULCUS_MM
    hull = ndimage.distance_transform_edt(reach, sampling=DEPTH_STEP) > _SULCUS_MM
    hull |= coarse
    inside = ndimage.distance_transform_edt(hull, sampling=DEPTH_STEP)
    outside = ndimage.distance_transform_edt(~hull, sampling=DEPTH_STEP)
    cut = tuple(slice(margin // DEPTH_STEP, margin // DEPTH_STEP - (-n // DEPTH_STEP)) for n in brain.shape)
    return (inside - outside)[cut].astype(np.float32)


def _unit(image: Any) -> Field:
    values = np.asarray(image.dataobj, np.float32)
    return values / values.max()


def smooth_noise(rng: np.random.Generator, grid: Grid, correlation_mm: float) -> Field:
    """A random field (cubic B-splines), mean about 0, standard deviation 1, its bumps `correlation_mm` wide."""
    counts = [int(np.ceil(n * s / correlation_mm)) + 4 for n, s in zip(grid.shape, grid.spacing_mm, strict=True)]
    field = rng.standard_normal(counts).astype(np.float32)
    for size, step, count in zip(grid.shape, grid.spacing_mm, counts, strict=True):
        at = np.abs((np.arange(size) * step / correlation_mm)[:, None] + 1 - np.arange(count))
        near, far = 2 / 3 - at**2 * (1 - at / 2), np.clip(2 - at, 0, None) ** 3 / 6
        weights = np.where(at < 1, near, far).astype(np.float32)
        field = np.tensordot(field, weights, axes=(0, 1))  # takes the first axis away and puts the fine one last
    return field / field.std()


def place_of(grid: Grid, rng: np.random.Generator) -> Field:
    """Template place of each voxel of one person's head: its pose, size, large and small bends, and ventricles."""
    at = grid.world_mm() - _column(_PIVOT_MM)
    at = np.tensordot(_rotation(np.radians(rng.normal(0, [5, 4, 5]))), at, axes=1).astype(np.float32)
    at *= _column(rng.normal(1.04, 0.04, 3))  # the template's head is larger than most
    at += _column(_PIVOT_MM + rng.normal(0, 3, 3))
    for correlation_mm, amplitude_mm in ((70.0, 2.8), (22.0, 1.6), (9.0, 0.5)):
        amplitude_mm *= rng.uniform(0.6, 1.3)
        at += amplitude_mm * np.stack([smooth_noise(rng, grid, correlation_mm) for _ in range(3)])
    from_ventricles = at - _column(_VENTRICLES_MM)
    near = np.exp(-((from_ventricles / _column(np.array([30.0, 45.0, 25.0]))) ** 2).sum(0))
    return at + from_ventricles * (rng.uniform(-0.3, 0.3) * near)


def tissues(template: Template, grid: Grid, template_mm: Field, rng: np.random.Generator) -> Anatomy:
    """Tissue shares, made crisper than the template: it is a mean of 152 people, in whom each border lay elsewhere."""
    depth_mm = template.depth_at(template_mm)
    brain, meninges = _stripped(grid, depth_mm, rng)
    inside_mm = template_mm[:, brain]  # half of all voxels
    t1 = template.sample(template.t1, inside_mm)
    crisp = rng.uniform(1.3, 2.2)
    solid = np.clip((t1 - rng.uniform(0.34, 0.42)) / 0.2, 0, 1)  # the template's shares leak into the ventricles
    white = template.sample(template.white, inside_mm) ** crisp * solid
    grey = template.sample(template.grey, inside_mm) ** crisp * solid
    fluid = np.clip((rng.uniform(0.6, 0.7) - t1) / 0.2, 0, 1) ** 1.5 * 1.4  # wider or narrower furrows
    dura = meninges[brain]
    share = (1 - dura) / (white + grey + fluid + 1e-6)
    white, grey, fluid, dura = (_in(brain, part) for part in (white * share, grey * share, fluid * share, dura))
    return Anatomy(grid, template_mm, brain, white, grey, fluid, dura, depth_mm)


def _in(brain: npt.NDArray[np.bool_], values: Field) -> Field:
    """The values at the brain's voxels, 0 elsewhere."""
    whole = np.zeros(brain.shape, np.float32)
    whole[brain] = values
    return whole


def _stripped(grid: Grid, depth_mm: Field, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], Field]:
    """The mask of skull stripping, whose cut wanders about the hull, and the share of meninges it left inside."""
    cut_mm = rng.normal(0.3, 0.8) + rng.uniform(0.5, 1.8) * smooth_noise(rng, grid, rng.uniform(14, 40))
    brain = depth_mm > np.clip(cut_mm, -4, 3)
    left = np.clip((0.8 - depth_mm) / 2 + 0.3 * smooth_noise(rng, grid, 8.0), 0, 1) * rng.uniform(0.1, 1)
    return brain, (left * brain).astype(np.float32)


def _column(values: npt.NDArray[np.float64]) -> Field:
    return np.asarray(values, np.float32).reshape(3, 1, 1, 1)


def _rotation(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rotation about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
