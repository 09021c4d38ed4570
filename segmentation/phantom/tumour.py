"""A glioma grown into an anatomy: reaction and diffusion (Fisher-Kolmogorov) in white and grey matter, never in fluid.

Two growths follow each other: the solid tumour, slow and lumpy, and from it the oedema, which runs along white
matter and spares the cortex. Numbers are chosen to look right and to give volumes as in the public collections.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.phantom.anatomy import DEPTH_STEP, Anatomy, Field, Grid, Template, smooth_noise

_STEP_MM = 1.5  # of the growth's own grid
_HALF_BOX_MM = 57.0
_MAX_STEPS = 1500


@dataclass(frozen=True)
class Plan:
    """Where a tumour starts (template space) and how large its parts become."""

    centre_mm: npt.NDArray[np.float64]
    core_ml: float
    oedema_ml: float
    rim_mm: float
    shift: float  # outward push at its edge, as a share of its radius

    @property
    def radius_mm(self) -> float:
        """Radius of a ball of the core's volume."""
        return (self.core_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3)


@dataclass(frozen=True)
class Tumour:
    """Shares of each voxel, 0 to 1, on the exam's grid."""

    core: Field  # rim and necrosis together
    rim: Field
    oedema: Field

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The whole tumour, oedema included: the truth."""
        return self.core + self.oedema > 0.5


def draw_plan(template: Template, rng: np.random.Generator) -> Plan:
    """A random tumour with its seed deep enough in cerebral white matter."""
    step = DEPTH_STEP
    white, depth = template.white[::step, ::step, ::step], template.depth_mm
    places = np.argwhere((white > 0.8) & (depth > 14)) * step - template.voxel_from_world_mm
    x, y, z = places.T
    places = places[(np.abs(x) > 20) & (np.abs(x) < 50) & (y > -75) & (y < 45) & (z > -2) & (z < 45)]
    centre = places[rng.integers(len(places))].astype(float)
    core_ml = float(np.exp(rng.uniform(np.log(7), np.log(38))))
    oedema_ml = float(rng.uniform(22, 75))
    return Plan(centre, core_ml, oedema_ml, rng.uniform(2.2, 4.2), rng.uniform(0.2, 0.42))


def push_aside(template: Template, template_mm: Field, plan: Plan) -> Field:
    """Mass effect: tissue moves away from the tumour, least near the skull, which does not give way."""
    away = template_mm - plan.centre_mm.astype(np.float32).reshape(3, 1, 1, 1)
    distance = np.sqrt((away**2).sum(0)) / plan.radius_mm
    taper = np.clip(template.depth_at(template_mm) / 18, 0, 1)
    return template_mm - away * (plan.shift * 2 / (1 + distance**2) * taper)


def grow(anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Tumour:
    """Let the planned tumour grow until its parts have their volumes."""
    from scipy import ndimage

    away = anatomy.template_mm - plan.centre_mm.astype(np.float32).reshape(3, 1, 1, 1)
    seed = np.unravel_index((away**2).sum(0).argmin(), anatomy.brain.shape)
    box = _Box(anatomy.grid, seed)
    white, grey = box.take(anatomy.white), box.take(anatomy.grey)
    tissue = white + grey
    solid = tissue > 0.5
    start = np.exp(-(box.distance_mm() ** 2) / 18).astype(np.float32) * solid
    lumps = np.exp(np.clip(0.6 * box.noise(rng, 16.0) + 0.45 * box.noise(rng, 8.0), -1.2, 0.8))
    core = _grow(start, (0.35 * white + 0.2 * grey) * solid, 0.035 * lumps * solid, plan.core_ml)
    runs = np.exp(0.5 * box.noise(rng, 20.0))
    wet = _grow(
        np.clip(core * 1.3, 0, 1),
        (white**2 + 0.03 * grey) * solid,
        (0.05 * white**2 * runs + 0.002) * solid,
        plan.core_ml + plan.oedema_ml,
    )
    core = 1 / (1 + np.exp(-(core - 0.5) / 0.08))
    depth_mm = ndimage.distance_transform_edt(core > 0.5, sampling=_STEP_MM)
    rim_mm = plan.rim_mm * np.exp(0.5 * box.noise(rng, 18.0) + 0.3 * box.noise(rng, 7.0))
    knots = np.clip((box.noise(rng, 9.0) - 1.1) / 0.3, 0, 1)  # solid islands within the necrosis
    rim = core * np.maximum(np.clip((rim_mm - depth_mm) / 1.5 + 0.5, 0, 1), 0.8 * knots)
    oedema = 1 / (1 + np.exp(-(wet - 0.5) / 0.09)) * (1 - core)
    dry = 1 - anatomy.fluid
    return Tumour(*(box.put_back(part.astype(np.float32)) * dry * anatomy.brain for part in (core, rim, oedema)))


def _grow(start: Field, diffusion: Field, growth: Field, target_ml: float) -> Field:
    """Explicit steps of u' = div(D grad u) + r u (1 - u), without flow across fluid, until u > 1/2 fills the volume.

    D is in voxels² a step; below 1/6 three axes stay stable.
    """
    u = start.copy()
    faces = [0.16 * np.minimum(_lower(diffusion, axis), _upper(diffusion, axis)) for axis in range(3)]
    voxels = target_ml * 1000 / _STEP_MM**3
    for _ in range(_MAX_STEPS):
        change = growth * u * (1 - u)
        for axis, face in enumerate(faces):
            flow = face * np.diff(u, axis=axis)
            _lower(change, axis)[...] += flow
            _upper(change, axis)[...] -= flow
        u += change
        if np.count_nonzero(u > 0.5) >= voxels:
            break
    return u


def _lower(values: Field, axis: int) -> Field:
    return values[(slice(None),) * axis + (slice(None, -1),)]


def _upper(values: Field, axis: int) -> Field:
    return values[(slice(None),) * axis + (slice(1, None),)]


class _Box:
    """The growth's own grid: cubic voxels in a cube about the seed, parallel to the exam's grid."""

    def __init__(self, grid: Grid, seed: tuple[np.intp, ...]) -> None:
        self._shape = grid.shape
        self._ratio = _STEP_MM / np.array(grid.spacing_mm)
        self._size = 2 * round(_HALF_BOX_MM / _STEP_MM) + 1
        self._start = np.array(seed) - self._ratio * (self._size // 2)

    def take(self, values: Field) -> Field:
        """Values of the exam's grid on the box; 0 outside."""
        return self._map(values, self._ratio, self._start, (self._size,) * 3)

    def put_back(self, values: Field) -> Field:
        """Values of the box on the exam's grid."""
        return self._map(values, 1 / self._ratio, -self._start / self._ratio, self._shape)

    def distance_mm(self) -> npt.NDArray[np.float64]:
        """From the seed."""
        axis = (np.arange(self._size) - self._size // 2) * _STEP_MM
        return np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)

    def noise(self, rng: np.random.Generator, correlation_mm: float) -> Field:
        """`smooth_noise` on the box."""
        return smooth_noise(rng, _BoxGrid((_STEP_MM,) * 3, self._size), correlation_mm)

    @staticmethod
    def _map(values: Field, ratio: npt.NDArray, start: npt.NDArray, shape: tuple[int, ...]) -> Field:
        from scipy import ndimage

        transform: Callable[..., Field] = ndimage.affine_transform
        return transform(values, ratio, start, shape, order=1, output=np.float32)


@dataclass(frozen=True)
class _BoxGrid(Grid):
    size: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size, self.size, self.size
