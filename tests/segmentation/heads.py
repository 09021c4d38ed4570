"""A head of ellipsoids for tests of the preprocessing: cheap, with a known brain, tumour, bias field and place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmentation import volumes
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]
PLACE = np.array([[-2.0, 0, 0, 90], [0, -2.0, 0, 110], [0, 0, 3.0, -60], [0, 0, 0, 1]])  # voxels towards L, P, S
SHAPE = (92, 108, 50)
COARSE_PLACE = np.array([[-3.0, 0, 0, 90], [0, -3.0, 0, 110], [0, 0, 4.0, -60], [0, 0, 0, 1]])
COARSE_SHAPE = (61, 73, 38)
TUMOUR_MM, TUMOUR_RADIUS_MM = np.array([30.0, 20.0, 20.0]), 18.0


@dataclass(frozen=True, eq=False)
class Head:
    """Images as from the scanner, and what is true of them, all on one grid."""

    t1c: Volume
    flair: Volume
    brain: Mask
    tumour: Mask


def head(
    place: npt.NDArray = PLACE,
    shape: tuple[int, int, int] = SHAPE,
    *,
    moved: npt.NDArray | None = None,
    is_stripped: bool = False,
    seed: int = 1,
) -> Head:
    """A head at the origin, or `moved` (world of the patient from world of the image), as seen on a grid."""
    where = np.indices(shape).reshape(3, -1)
    mm = place[:3, :3] @ where + place[:3, 3:]
    if moved is not None:
        mm = moved[:3, :3] @ mm + moved[:3, 3:]
    radius = _radius(mm, (70, 88, 62)).reshape(shape)
    brain, skull, scalp = radius < 1, (radius >= 1) & (radius < 1.1), (radius >= 1.1) & (radius < 1.22)
    # a brain without symmetry, so that there is one best fit
    ventricle = (_radius(mm - [[12.0], [-10], [5]], (9, 30, 12)) < 1).reshape(shape)
    deep = (_radius(mm - [[-5.0], [8], [4]], (48, 62, 40)) < 1).reshape(shape) & ~ventricle
    tumour = (np.linalg.norm(mm.T - TUMOUR_MM, axis=1) < TUMOUR_RADIUS_MM).reshape(shape)
    rim = tumour & ~ndimage.binary_erosion(tumour, iterations=2)
    t1c, flair = np.zeros(shape), np.zeros(shape)
    for part, on_t1c, on_flair in (
        (scalp, 700, 400),
        (skull, 60, 40),
        (brain, 300, 330),
        (deep, 400, 280),
        (ventricle, 90, 60),
        (tumour, 200, 560),
        (rim, 800, 520),
    ):
        t1c[part], flair[part] = on_t1c, on_flair
    noise = np.random.default_rng(seed)
    images = []
    for image in (t1c, flair):
        image = ndimage.gaussian_filter(image, 0.5) + noise.normal(0, 8, shape)
        image = np.abs(image) if not is_stripped else np.where(brain, np.maximum(image, 1), 0)
        images.append(Volume(np.asfortranarray(image.round().astype(np.int16)), place))
    return Head(*images, brain, tumour)


def save_exam(folder: Path, files: Mapping[str, Volume | Mask], place: npt.NDArray = PLACE) -> Path:
    """Write an exam's folder: images as they are, masks as 0 and 1."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        volume = content if isinstance(content, Volume) else Volume(content.astype(np.uint8), place)
        volumes.save(folder / f"{name}.nii.gz", volume)
    return folder


def _radius(mm: npt.NDArray, radii: tuple[float, float, float]) -> npt.NDArray:
    return np.linalg.norm(mm / np.array(radii)[:, None], axis=0)
