"""Small exams with known content, and a package in memory that holds one."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from reader_app.images import ExamImages, exam_of
from reader_app.session.model import Side
from segmentation import volumes
from segmentation.volumes import Volume

SHAPE = (40, 50, 30)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI counts to the right and the front; the app to the left and the back


def head(shape: tuple[int, int, int] = SHAPE, seed: int = 1) -> npt.NDArray[np.int16]:
    """A noisy ball of 500-900 in air of 0."""
    grid = np.indices(shape).astype(float)
    centre, radius = [(n - 1) / 2 for n in shape], [0.45 * n for n in shape]
    distance = sum(((grid[a] - centre[a]) / radius[a]) ** 2 for a in range(3))
    values = np.random.default_rng(seed).integers(500, 900, shape)
    return np.asfortranarray(np.where(distance <= 1, values, 0).astype(np.int16))


def ball(centre: tuple[int, int, int], radius: float, shape: tuple[int, int, int] = SHAPE) -> npt.NDArray[np.uint8]:
    grid = np.indices(shape)
    distance = sum((grid[a] - centre[a]) ** 2 for a in range(3))
    return np.asfortranarray((distance <= radius**2).astype(np.uint8))


def made_exam(
    world_from_voxel: npt.NDArray[np.float64] = LPS,
    *,
    mask_a: npt.NDArray[np.uint8] | None = None,
    mask_b: npt.NDArray[np.uint8] | None = None,
    name: str = "0" * 16,
) -> ExamImages:
    """A head in two layers with a ball as both segmentations, unless masks are given."""
    mask_a = ball((25, 20, 15), 6) if mask_a is None else mask_a
    mask_b = mask_a if mask_b is None else mask_b
    layers = {"T1c": Volume(head(), world_from_voxel), "FLAIR": Volume(head(seed=2) // 2, world_from_voxel)}
    masks = {Side.A: Volume(mask_a, world_from_voxel), Side.B: Volume(mask_b, world_from_voxel)}
    return exam_of(name, layers, masks)


class MemoryPackage:
    """Four files of each reading, encoded as the admin encodes them."""

    def __init__(self, files: Mapping[str, Volume], dtypes: Mapping[str, type] | None = None) -> None:
        own = dtypes or {}
        self.files = {
            name: volumes.encode(volume, dtype=own.get(name, np.uint8 if name in ("A", "B") else np.int16))
            for name, volume in files.items()
        }
        self.reads: list[tuple[str, str]] = []

    def read_image(self, reading_id: str, name: str) -> bytes:
        self.reads.append((reading_id, name))
        return self.files[name]


def four_files(world_from_voxel: npt.NDArray[np.float64] = LPS) -> dict[str, Volume]:
    arrays = {"T1c": head(), "FLAIR": head(seed=2), "A": ball((25, 20, 15), 6), "B": ball((22, 20, 15), 5)}
    return {name: Volume(array, world_from_voxel) for name, array in arrays.items()}
