"""Several networks that answer as one: a folder with `ensemble.json` and the members' weights.

`ensemble.json` may say from which mean probability on a voxel is tumour (`segmentation calibrate` writes it); 0.5 else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segmentation.cohort import fingerprint
from segmentation.errors import StudyError
from segmentation.exams import PreparedExam, read_record
from segmentation.inference.whole_brain import Array, Mask, Mode, Progress, probabilities
from segmentation.network import DeepMedic
from segmentation.weights import load_weights
from segmentation.whole_file import write_whole

FILE_NAME, FORMAT, VERSION = "ensemble.json", "deepmedic-ensemble", 2  # 1 knew no threshold
_WEIGHTS = "weights_sha256"  # in a calibration: of the networks it was made with
EVEN = 0.5  # more probable than not: the published method
_MATTERS = (  # to the grey values that the networks see
    "is_skull_stripped", "is_normalised", "order", "interpolation", "denoising_time_step", "denoising_iterations",
    "has_bias_correction", "clip_percentiles",
)  # fmt: skip


@dataclass(frozen=True)
class Ensemble:
    """Members of one configuration, and what is on record of how they were trained.

    `threshold` is the mean probability above which a voxel is tumour; `checksum` is of the weights alone.
    """

    members: tuple[DeepMedic, ...]
    provenance: dict[str, Any]
    threshold: float = EVEN
    checksum: str = ""

    def probabilities(
        self,
        images: Array,
        roi: Mask,
        *,
        mode: Mode = "fast",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """Mean of the members' probabilities of tumour; see `whole_brain.probabilities`."""
        return probabilities(self.members, images, roi, mode=mode, threads=threads, progress=progress)


def tumour_mask(probability: Array, threshold: float = EVEN, *, only_largest: bool = False) -> Mask:
    """Where tumour is more probable than `threshold`; `only_largest` keeps the largest connected part (26 neighbours).

    The published method has no such clean-up: a second focus would be lost.
    """
    mask = probability > threshold
    if not (only_largest and mask.any()):
        return mask
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return np.asarray(labels == np.bincount(labels[mask]).argmax())


def write_ensemble(folder: Path, members: Sequence[Path], provenance: Mapping[str, Any]) -> None:
    """Write `ensemble.json`; `members` are .safetensors files inside the folder. Raises StudyError.

    A threshold that was chosen for these very weights stays, so that a finished training may be started again.
    """
    description = {
        "format": FORMAT,
        "version": VERSION,
        "members": [member.relative_to(folder).as_posix() for member in members],
        "provenance": dict(provenance),
    }
    file = folder / FILE_NAME
    before = _read(file) if file.exists() else {}
    if before.get("calibration", {}).get(_WEIGHTS) == fingerprint(members, {}):
        description |= {name: before[name] for name in ("threshold", "calibration")}
    _write(file, description)


def set_threshold(folder: Path, threshold: float, calibration: Mapping[str, Any]) -> None:
    """Write into `ensemble.json` from which mean probability on a voxel is tumour, and how that was found."""
    found = {**calibration, _WEIGHTS: weights_checksum(folder)}
    file = folder / FILE_NAME
    _write(file, {**_read(file), "version": VERSION, "threshold": threshold, "calibration": found})


def _write(file: Path, description: Mapping[str, Any]) -> None:
    write_whole(file, (json.dumps(description, indent=2) + "\n").encode())


def load_ensemble(folder: Path) -> Ensemble:
    """The ensemble in a folder that training wrote. Raises StudyError."""
    members = tuple(load_weights(path) for path in member_paths(folder))
    if len({member.config for member in members}) != 1:
        remedy = "Train all members with one recipe."
        what = "Its members are networks of different configurations."
        raise StudyError(what, file=folder / FILE_NAME, remedy=remedy)
    description = _read(folder / FILE_NAME)
    threshold = description.get("threshold", EVEN)
    if not (isinstance(threshold, float) and 0 < threshold < 1):
        remedy = "Copy the whole folder of the ensemble again, or run `segmentation calibrate`."
        what = f"Its threshold is {threshold!r}, which is no probability between 0 and 1."
        raise StudyError(what, file=folder / FILE_NAME, remedy=remedy)
    return Ensemble(members, description.get("provenance", {}), threshold, weights_checksum(folder))


def weights_checksum(folder: Path) -> str:
    """Of all networks of an ensemble together: the same whatever its threshold. Raises StudyError."""
    return fingerprint(member_paths(folder), {})


@contextmanager
def shipped_or(folder: Path | None) -> Iterator[Path]:
    """The folder that was given, or that of the ensemble that comes with Blindread, trained on simulated exams only."""
    if folder is not None:
        yield folder
        return
    with resources.as_file(resources.files("blindread_assets") / "ensemble") as shipped:
        yield shipped


def member_paths(folder: Path) -> tuple[Path, ...]:
    """The weights' files of an ensemble's members. Raises StudyError."""
    file = folder / FILE_NAME
    names = _read(file).get("members")
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise StudyError("It names no members.", file=file, remedy="Copy the whole folder of the ensemble again.")
    paths = tuple(folder / name for name in names)
    if any(not path.resolve().is_relative_to(folder.resolve()) for path in paths):
        raise StudyError("A member lies outside the folder.", file=file, remedy="Copy the members into it.")
    return paths


def _read(file: Path) -> dict[str, Any]:
    try:
        description = json.loads(file.read_bytes())
    except OSError as error:
        remedy = "Give the folder that `segmentation train` wrote."
        raise StudyError(f"There is no ensemble here ({error.strerror}).", file=file, remedy=remedy) from error
    except ValueError as error:
        remedy = "Copy the whole folder of the ensemble again."
        raise StudyError("This is not JSON.", file=file, remedy=remedy) from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        remedy = "Give the folder that `segmentation train` wrote."
        raise StudyError("This does not describe an ensemble.", file=file, remedy=remedy)
    version = description.get("version")
    if not isinstance(version, int) or version > VERSION:
        what = f"This ensemble is of version {version}; this program knows versions up to {VERSION}."
        raise StudyError(what, file=file, remedy="Install the newer version of this program.")
    return description


def unlike_training(exams: Sequence[PreparedExam], ensemble: Ensemble) -> str:
    """Words, without an end, if an exam was prepared otherwise than those of the training; empty if not, or unknown."""
    trained = ensemble.provenance.get("preprocessing")
    if not trained:
        return ""
    for exam in exams:
        settings = read_record(exam.folder).get("settings", {})
        others = [sorted(n for n in _MATTERS if each.get(n) != settings.get(n)) for each in trained]
        if all(others):
            fewest = min(others, key=len)
            return f"{exam.name} was prepared otherwise than the exams of its training ({', '.join(fewest)})"
    return ""
