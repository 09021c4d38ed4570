"""A stand-in package over one real exam: its files as the reader app finds them, checksums included."""

import hashlib
import os
from pathlib import Path

import numpy as np

from segmentation import volumes
from segmentation.volumes import Volume

SHARED_EXAMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "exams"
EXAM = "upenn-00006"
LAYERS = ("T1c", "FLAIR")


class ExamFolder:
    """One exam under several names. Side B is side A moved by three voxels, so that the two differ."""

    def __init__(self, folder: Path, source: Path = SHARED_EXAMS / EXAM) -> None:
        self._folder = folder
        mask = volumes.load(source / "seg.nii.gz")
        tumour = np.asfortranarray((mask.array > 0).astype(np.uint8))
        self._write("T1c", (source / "t1c.nii.gz").read_bytes())
        self._write("FLAIR", (source / "flair.nii.gz").read_bytes())
        for side, shift in (("A", 0), ("B", 3)):
            moved = Volume(np.roll(tumour, shift, axis=0), mask.world_from_voxel)
            self._write(side, volumes.encode(moved, dtype=np.uint8))
        self._sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    def _write(self, name: str, data: bytes) -> None:
        (self._folder / f"{name}.nii.gz").write_bytes(data)

    def read_image(self, reading_id: str, name: str) -> bytes:
        """The bytes of a file, checked as a package checks them."""
        path = self._folder / f"{name}.nii.gz"
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != self._sums[path.name]:
            raise ValueError(path)
        return data

    def forget_in_page_cache(self) -> None:
        """Have the next reading come from the disk."""
        for path in self._folder.iterdir():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
