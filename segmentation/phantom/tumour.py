"""A glioma grown into an anatomy: reaction and diffusion (Fisher-Kolmogorov) in white and grey matter, never in fluid.

Two growths follow each other: the solid tumour, slow and lumpy, from one or several seeds, and from it the oedema,
which runs along white matter and mostly spares the cortex. Volumes follow Mitchell et al. 2020, figure 3: 5 to 301 ml,
mean 89, standard deviation 63, median 78.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.phantom.anatomy import DEPTH_STEP, Anatomy, Field, Grid, Part, Template, smooth_noise

PUBLISHED_ML = (5.0, 301.0)
_LARGEST_ML = 400.0
_GAMMA = (2.0, 44.5)  # shape and scale in ml: mean 89, standard deviation 63 before truncation
_KINDS = {"ring": 0.62, "solid": 0.2, "faint": 0.18}  # necrotic with a rim, enhancing throughout, hardly enhancing
_STEP_MM = 2.0  # of the growth's own grid
_HALF_BOX_MM = 74.0
_MAX_STEPS = 900
_MARGIN_MM = 6.0


@dataclass(frozen=True)
class Volumes:
    """The range from which a whole tumour's volume is drawn, in ml."""

    smallest: float = PUBLISHED_ML[0]
    largest: float = PUBLISHED_ML[1]

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.largest:
            raise StudyError(
                "The tumours' volumes must rise from the smallest, at least 1 ml, to the largest.",
                remedy="Try --volume 5 301.",
            )
        if self.largest > _LARGEST_ML:
            raise StudyError(
                f"A tumour of {self.largest:g} ml does not fit into a brain that can still be scanned.",
                remedy=f"Ask for at most {_LARGEST_ML:g} ml: --volume 5 301.",
            )

    def draw(self, rng: np.random.Generator) -> float:
        """A volume in ml: the published distribution within the range."""
        from scipy import stats

        shape = stats.gamma(_GAMMA[0], scale=_GAMMA[1])
        low, high = shape.cdf(self.smallest), shape.cdf(self.largest)
        return float(shape.ppf(low + (high - low) * rng.random()))


@dataclass(frozen=True)
class Plan:
    """Where a tumour starts (template space) and how large its parts become."""

    seeds_mm: npt.NDArray[np.float64]  # (n, 3), the first is the largest
    kind: str
    whole_ml: float
    core_ml: float
    rim_mm: float
    shift: float  # outward push at its edge, as a share of its radius
    cortex: float  # how easily it spreads in grey matter, white matter being 1

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


def draw_plan(template: Template, rng: np.random.Generator, volumes: Volumes | None = None) -> Plan:
    """A random tumour with its first seed in cerebral white matter; a quarter have further seeds near it."""
    whole_ml = (volumes or Volumes()).draw(rng)
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    core_ml = whole_ml * float(rng.beta(1.6, 2.6)) * 0.85 + 0.05 * whole_ml
    places = _places(template)
    first = places[rng.integers(len(places))].astype(float)
    seeds = [first]
    if rng.random() < 0.25:
        away = np.linalg.norm(places - first, axis=1)
        near = places[(away > 14) & (away < 42)]
        seeds += [near[n].astype(float) for n in rng.integers(len(near), size=rng.integers(1, 3))]
    return Plan(
        np.array(seeds),
        kind,
        whole_ml,
        core_ml,
        rim_mm=float(rng.uniform(1.6, 5.0)),
        shift=float(rng.uniform(0.05, 0.4)),
        cortex=float(rng.uniform(0.02, 0.5) ** 1.5),
    )


def _places(template: Template) -> npt.NDArray[np.float32]:
    """Where a glioma may start: white matter of the hemispheres, not the brainstem, not the cerebellum."""
    step = DEPTH_STEP
    white, depth = template.white[::step, ::step, ::step], template.depth_mm
    places = np.argwhere((white > 0.7) & (depth > 9)) * step - template.voxel_from_world_mm
    x, y, z = places.T
    is_cerebral = (z > 0) | ((z > -28) & (y > -32) & (np.abs(x) > 24))
    return places[is_cerebral & (np.abs(x) > 9) & (z < 60)]


def push_aside(template: Template, template_mm: Field, plan: Plan) -> Field:
    """Mass effect: tissue moves away from the tumour, least near the skull, which does not give way."""
    away = template_mm - plan.seeds_mm[0].astype(np.float32).reshape(3, 1, 1, 1)
    distance = np.sqrt((away**2).sum(0)) / plan.radius_mm
    taper = np.clip(template.depth_at(template_mm) / 18, 0, 1)
    return template_mm - away * (plan.shift * 2 / (1 + distance**2) * taper)


def grow(anatomy: Anatomy, plan: Plan, rng: np.random.Generator) -> Tumour:
    """Let the planned tumour grow until its parts have their volumes."""
    box = _Box(anatomy.grid, _voxel_at(anatomy, plan.seeds_mm[0]))
    white, grey = box.take(anatomy.white), box.take(anatomy.grey)
    solid = white + grey > 0.5
    start = np.zeros(solid.shape, np.float32)
    for n, seed_mm in enumerate(plan.seeds_mm):
        size = 18.0 if n == 0 else rng.uniform(4, 14)
        start = np.maximum(start, np.exp(-(box.distance_mm(_voxel_at(anatomy, seed_mm)) ** 2) / size))
    start = (start * solid).astype(np.float32)
    lumps = np.exp(np.clip(0.55 * box.noise(rng, 16.0) + 0.55 * box.noise(rng, 7.0), -1.3, 0.9))
    ease = min(0.2 + plan.cortex, 0.6)
    core = _grow(start, (0.35 * white + 0.35 * ease * grey) * solid, 0.05 * lumps * solid, plan.core_ml)
    runs = np.exp(0.5 * box.noise(rng, 20.0) + 0.35 * box.noise(rng, 8.0))
    open_to_oedema = white**2 + plan.cortex * grey
    growth: Field = ((0.06 * open_to_oedema * runs + 0.002) * solid).astype(np.float32, copy=False)
    wet = _grow(np.clip(core * 1.3, 0, 1), open_to_oedema * solid, growth, plan.whole_ml)
    return _parts(anatomy, plan, box.put_back(core), box.put_back(wet), rng)


def _parts(anatomy: Anatomy, plan: Plan, core: Field, wet: Field, rng: np.random.Generator) -> Tumour:
    """Rim, necrosis and oedema from where the two growths reach; worked out on the exam's grid, near the tumour."""
    from scipy import ndimage

    grid = anatomy.grid
    margins = [int(_MARGIN_MM / step) + 1 for step in grid.spacing_mm]
    found = ndimage.find_objects((np.maximum(core, wet) > 0.05).astype(np.uint8))[0]
    part = tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(found, margins, strict=True))
    near = Part(grid.spacing_mm, tuple(len(range(*s.indices(n))) for s, n in zip(part, grid.shape, strict=True)))
    core = 1 / (1 + np.exp(-(core[part] - 0.5) / 0.05))
    depth_mm = ndimage.distance_transform_edt(core > 0.5, sampling=grid.spacing_mm)
    rim_mm = plan.rim_mm * np.exp(0.45 * smooth_noise(rng, near, 18.0) + 0.45 * smooth_noise(rng, near, 6.0))
    shell = np.clip((rim_mm - depth_mm) / 1.5 + 0.5, 0, 1)
    knots = np.clip((smooth_noise(rng, near, 9.0) - 1.1) / 0.3, 0, 1)  # solid islands within the necrosis
    if plan.kind == "solid":
        shell = np.maximum(shell, np.clip((smooth_noise(rng, near, 10.0) + 1.0) / 0.5, 0, 1))
    if plan.kind == "faint":
        shell, knots = shell * 0, 0.9 * knots * rng.integers(2)  # some have a nodule, most nothing
    rim = core * np.maximum(shell, 0.8 * knots)
    oedema = 1 / (1 + np.exp(-(wet[part] - 0.5) / rng.uniform(0.02, 0.09))) * (1 - core)
    dry = (1 - anatomy.fluid[part] - anatomy.meninges[part]) * anatomy.brain[part]
    whole = []
    for share in (core, rim, oedema):
        full = np.zeros(grid.shape, np.float32)
        full[part] = share * dry
        whole.append(full)
    return Tumour(*whole)


def _voxel_at(anatomy: Anatomy, place_mm: npt.NDArray[np.float64]) -> tuple[np.intp, ...]:
    """The voxel that came from a place of the template."""
    away = anatomy.template_mm - place_mm.astype(np.float32).reshape(3, 1, 1, 1)
    return np.unravel_index((away**2).sum(0).argmin(), anatomy.brain.shape)


def _grow(start: Field, diffusion: Field, growth: Field, target_ml: float) -> Field:
    """Explicit steps of u' = div(D grad u) + r u (1 - u), without flow across fluid, until u > 1/2 fills the volume.

    D is in voxels² a step; below 1/6 three axes stay stable. The last step overshoots, so u is lowered until its
    half-way surface holds the volume.
    """
    u = start.copy()
    faces = [0.16 * np.minimum(_lower(diffusion, axis), _upper(diffusion, axis)) for axis in range(3)]
    voxels = round(target_ml * 1000 / _STEP_MM**3)
    for _ in range(_MAX_STEPS):
        change = growth * u * (1 - u)
        for axis, face in enumerate(faces):
            flow = face * np.diff(u, axis=axis)
            _lower(change, axis)[...] += flow
            _upper(change, axis)[...] -= flow
        u += change
        if np.count_nonzero(u > 0.5) >= voxels:
            break
    level = float(np.partition(u, u.size - voxels, axis=None)[u.size - voxels])
    return np.clip(u + (0.5 - level), 0, 1) * (u > 0.02)


def _lower(values: Field, axis: int) -> Field:
    return values[(slice(None),) * axis + (slice(None, -1),)]


def _upper(values: Field, axis: int) -> Field:
    return values[(slice(None),) * axis + (slice(1, None),)]


class _Box:
    """The growth's own grid: cubic voxels in a cube about the seed, parallel to the exam's grid."""

    def __init__(self, grid: Grid, seed: tuple[np.intp, ...]) -> None:
        self._shape = grid.shape
        self._spacing_mm = np.array(grid.spacing_mm)
        self._ratio = _STEP_MM / self._spacing_mm
        self._size = 2 * round(_HALF_BOX_MM / _STEP_MM) + 1
        self._start = np.array(seed) - self._ratio * (self._size // 2)

    def take(self, values: Field) -> Field:
        """Values of the exam's grid on the box; 0 outside."""
        return self._map(values, self._ratio, self._start, (self._size,) * 3)

    def put_back(self, values: Field) -> Field:
        """Values of the box on the exam's grid."""
        return self._map(values, 1 / self._ratio, -self._start / self._ratio, self._shape)

    def distance_mm(self, voxel: tuple[np.intp, ...]) -> npt.NDArray[np.float64]:
        """From a voxel of the exam's grid."""
        steps = np.arange(self._size)[:, None] * _STEP_MM
        x, y, z = (steps - (np.array(voxel) - self._start) * self._spacing_mm).T
        return np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2)

    def noise(self, rng: np.random.Generator, correlation_mm: float) -> Field:
        """`smooth_noise` on the box."""
        return smooth_noise(rng, Part((_STEP_MM,) * 3, (self._size,) * 3), correlation_mm)

    @staticmethod
    def _map(values: Field, ratio: npt.NDArray, start: npt.NDArray, shape: tuple[int, ...]) -> Field:
        from scipy import ndimage

        transform: Callable[..., Field] = ndimage.affine_transform
        return transform(values, ratio, start, shape, order=1, output=np.float32)
