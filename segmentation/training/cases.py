"""Prepared exams laid out for training: opened once, checked, padded, and from then on read from the disk in place.

Of each exam a folder in the cache holds images.npy (channel, x, y, z; FLAIR first, then T1c; mirrored at the borders),
labels.npy and brain.npy (not padded) and, for each class, the voxels that a segment may be centred on.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.exams import PreparedExam

CLASSES = 2
_VERSION = 1
_CHANNELS = ("flair", "t1c")
_MAX_MEAN, _SD = 1.0, (0.3, 3.0)  # of the brain; z-scores of someone else's mask are a little off 0 and 1
_PREPARE = "Prepare the exam again: segmentation preprocess EXAMS OUT"


@dataclass(frozen=True)
class Case:
    """One exam in the cache.

    `fingerprints`: of the voxels of each image; `checksum`: of all that training reads; `centres`: how many voxels of
    each class a segment may be centred on.
    """

    name: str
    subject: str
    folder: Path
    spacing_mm: tuple[float, float, float]
    fingerprints: dict[str, str]
    checksum: str
    centres: tuple[int, ...]

    def images(self) -> npt.NDArray[np.float32]:
        """(channel, x, y, z), padded, not loaded but mapped."""
        return np.load(self.folder / "images.npy", mmap_mode="r")

    def labels(self) -> npt.NDArray[np.uint8]:
        """(x, y, z), 0 and 1, mapped."""
        return np.load(self.folder / "labels.npy", mmap_mode="r")

    def brain(self) -> npt.NDArray[np.uint8]:
        """(x, y, z), 0 and 1, mapped."""
        return np.load(self.folder / "brain.npy", mmap_mode="r")

    def centres_of(self, kind: int) -> npt.NDArray[np.int32]:
        """Flat indices into the labels, mapped."""
        return np.load(self.folder / f"centres-{kind}.npy", mmap_mode="r")


def build(exam: PreparedExam, cache: Path, *, margin: int, output: int) -> Case:
    """The exam's place in the cache, made now or found whole from before. Raises StudyError for an unusable exam.

    `margin`: voxels of padding; `output`: edge of a segment's classified part, which lies within the image.
    """
    folder = cache / exam.folder.name
    wanted = {"version": _VERSION, "margin": margin, "output": output, "files": _stamps(exam)}
    record = folder / "facts.json"
    if record.exists() and (case := _found(exam, folder, record, wanted)):
        return case
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        case = _lay_out(exam, folder, margin, output)
        record.write_text(json.dumps({"wanted": wanted, "case": {**asdict(case), "folder": ""}}), encoding="utf-8")
    except OSError as error:
        remedy = "Free some space: an exam takes about 60 MB while training goes on."
        raise StudyError(f"The cache can't be written ({error.strerror}).", file=folder, remedy=remedy) from error
    return case


def _stamps(exam: PreparedExam) -> dict[str, list[int]]:
    files = [exam.t1c, exam.flair, exam.brain_mask, *([exam.mask] if exam.mask else [])]
    return {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in files}


def _found(exam: PreparedExam, folder: Path, record: Path, wanted: dict) -> Case | None:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except ValueError:
        return None
    if content.get("wanted") != json.loads(json.dumps(wanted)) or content["case"]["subject"] != exam.subject:
        return None
    facts = content["case"]
    x, y, z = facts["spacing_mm"]
    prints, centres = facts["fingerprints"], tuple(facts["centres"])
    return Case(exam.name, exam.subject, folder, (x, y, z), prints, facts["checksum"], centres)


def _lay_out(exam: PreparedExam, folder: Path, margin: int, output: int) -> Case:
    brain, tumour, channels = _load(exam)
    if min(brain.shape) < max(output, margin + 2):
        size = " x ".join(str(count) for count in brain.shape)
        what = f"The exam has {size} voxels, less than the {output} of a segment on an axis."
        raise StudyError(what, file=exam.folder, remedy="Take the exam out.")
    images = np.stack([channel.array.astype(np.float32) for channel in channels])
    padded = np.pad(images, [(0, 0), *[(margin, margin)] * 3], mode="reflect")
    labels = np.ascontiguousarray(tumour.array > 0, np.uint8)
    np.save(folder / "images.npy", padded)
    inside = np.ascontiguousarray(brain.array > 0.5, np.uint8)  # BraTS 2013 has 0.99999997 for 1
    np.save(folder / "labels.npy", labels)
    np.save(folder / "brain.npy", inside)
    counts = []
    for kind in range(CLASSES):
        centres = _centres((labels == kind) & (inside > 0), output)
        np.save(folder / f"centres-{kind}.npy", centres)
        counts.append(len(centres))
    if not sum(counts):
        what = "No segment can be cut within the brain mask."
        raise StudyError(what, file=exam.brain_mask, remedy=_PREPARE)
    prints = {name: _sha256(image) for name, image in zip(_CHANNELS, images, strict=True)}
    all_of_it = _sha256(images, labels, inside)
    return Case(exam.name, exam.subject, folder, brain.spacing_mm, prints, all_of_it, tuple(counts))


def _load(exam: PreparedExam) -> tuple[volumes.Volume, volumes.Volume, list[volumes.Volume]]:
    """Brain mask, tumour and images, on one grid and normalised."""
    if exam.mask is None:
        raise StudyError(
            "The exam has no mask to learn from.", file=exam.folder, remedy="Add one and prepare it again."
        )
    brain, tumour = volumes.load(exam.brain_mask), volumes.load(exam.mask)
    channels = [volumes.load(path) for path in (exam.flair, exam.t1c)]
    for volume, path in zip((tumour, *channels), (exam.mask, exam.flair, exam.t1c), strict=True):
        volumes.check_same_grid(brain, volume, str(exam.brain_mask), str(path))
    inside = brain.array > 0.5
    if not inside.any():
        raise StudyError("The brain mask is empty.", file=exam.brain_mask, remedy=_PREPARE)
    for channel, path in zip(channels, (exam.flair, exam.t1c), strict=True):
        values = channel.array[inside]
        if abs(values.mean()) > _MAX_MEAN or not _SD[0] < values.std() < _SD[1]:
            raise StudyError("The brain's values are not normalised to mean 0 and SD 1.", file=path, remedy=_PREPARE)
    return brain, tumour, channels


def _centres(inside: npt.NDArray[np.bool_], output: int) -> npt.NDArray[np.int32]:
    """Flat indices of the voxels around which a whole segment lies in the image; the middle of an even edge is the
    voxel left of it (DeepMedic)."""
    valid = np.zeros_like(inside)
    x, y, z = (slice((output - 1) // 2, size - output // 2) for size in inside.shape)
    valid[x, y, z] = inside[x, y, z]
    return np.flatnonzero(valid).astype(np.int32)


def fingerprints(exam: PreparedExam) -> dict[str, str]:
    """As those of a Case, of an exam that is not to be trained on. Raises StudyError."""
    images = (volumes.load(path).array for path in (exam.flair, exam.t1c))
    return {name: _sha256(image.astype(np.float32)) for name, image in zip(_CHANNELS, images, strict=True)}


def _sha256(*arrays: npt.NDArray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def check_alike(cases: Sequence[Case]) -> None:
    """Raise StudyError unless all exams have one voxel size: the network knows no millimetres."""
    first = cases[0]
    for case in cases:
        if not np.allclose(case.spacing_mm, first.spacing_mm, rtol=0.02):
            sizes = [" x ".join(f"{step:g}" for step in each.spacing_mm) for each in (case, first)]
            what = f"{case.name} has voxels of {sizes[0]} mm, {first.name} of {sizes[1]} mm."
            raise StudyError(what, remedy="Prepare all exams with one voxel size.")
