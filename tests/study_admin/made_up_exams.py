"""Small made-up exams, with masks as two different programs would leave them."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt

AFFINE = np.array([[-1.0, 0, 0, 9], [0, -1.0, 0, 10], [0, 0, 2.0, -8], [0, 0, 0, 1]])
SHAPE = (20, 22, 8)


def write_image(
    path: Path, array: npt.NDArray, *, affine: npt.NDArray = AFFINE, descrip: bytes = b"", gzip_name: str = ""
) -> Path:
    """A NIfTI file by nibabel, not by the code under test."""
    image = nibabel.Nifti1Image(array, affine)
    image.header["descrip"] = descrip
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.name.endswith(".gz"):
        path.write_bytes(image.to_bytes())
        return path
    with path.open("wb") as raw, gzip.GzipFile(gzip_name, "wb", 5, raw, mtime=1_600_000_000) as file:
        file.write(image.to_bytes())
    return path


def tumour(seed: int, radius: float) -> npt.NDArray[np.uint8]:
    """A rough ball near the middle."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE)
    centre = np.array(SHAPE) / 2 + rng.uniform(-1, 1, 3)
    distance = np.sqrt((i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (2 * (k - centre[2])) ** 2)
    return (distance + rng.normal(0, 0.4, SHAPE) < radius).astype(np.uint8)


def write_exam(folder: Path, seed: int) -> Path:
    """T1c, FLAIR, a mask 'hand.nii.gz' by one program (int16, 0/1, named) and 'machine.nii.gz' by another (uint8)."""
    rng = np.random.default_rng(seed)
    t1c = rng.integers(0, 900, SHAPE).astype(np.int16)
    write_image(folder / "t1c.nii.gz", t1c, descrip=b"Smith^John 1956", gzip_name="t1c_smith.nii")
    write_image(folder / "flair.nii.gz", (t1c * 0.5 + rng.normal(0, 9, SHAPE)).astype(np.float32))
    hand, machine = tumour(seed, 5.0), tumour(seed + 5000, 5.0)
    write_image(folder / "hand.nii.gz", hand.astype(np.int16), descrip=b"drawn by hand", gzip_name="hand_jones.nii")
    write_image(folder / "machine.nii.gz", machine, descrip=b"unet_fold0")
    return folder
