"""Small prepared exams, as `segmentation preprocess` writes them, for tests of training."""

import json
from pathlib import Path

import numpy as np

from segmentation import volumes
from segmentation.exams import PreparedExam
from segmentation.volumes import Volume

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])
SHAPE = (26, 28, 24)


def write(
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    subject: str = "",
    shape: tuple[int, int, int] = SHAPE,
    has_tumour: bool = True,
) -> PreparedExam:
    """A noisy ball that is bright on FLAIR and, smaller, on T1c; the brain is all but two voxels at each border."""
    rng = np.random.default_rng(seed)
    brain = np.zeros(shape, np.uint8)
    brain[2:-2, 2:-2, 2:-2] = 1
    centre = rng.uniform(10, 15, 3)
    radius = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(np.indices(shape), centre, strict=True)))
    tumour = ((radius < 6) & (brain > 0) & has_tumour).astype(np.uint8)
    place = folder / name
    place.mkdir(parents=True)
    for image, size in (("flair", 6), ("t1c", 4)):
        values = rng.normal(0, 0.5, shape) + 3 * (radius < size) * has_tumour
        values = (values - values[brain > 0].mean()) / values[brain > 0].std() * brain
        save(place / f"{image}.nii.gz", values.astype(np.float32))
    save(place / "brain_mask.nii.gz", brain)
    save(place / "mask.nii.gz", tumour)
    record = {"version": 1, "exam": name, "subject": subject or name}
    (place / "preprocess.json").write_text(json.dumps(record), encoding="utf-8")
    return PreparedExam(name, subject or name, place)


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """One file of an exam."""
    path.write_bytes(volumes.encode(Volume(array, affine), dtype=array.dtype))
