"""An exam to look at or to put regions on: T1c, brain and tumour on one upright grid, from any folder of an exam."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmentation import pictures, volumes
from segmentation.consensus import Mask
from segmentation.errors import StudyError
from segmentation.exams import ON_PREPARED, PREPARED_JSON, find_exam, open_prepared
from segmentation.volumes import Volume

PREDICT_JSON = "predict.json"
_MOST_BRAIN_ML = 2300.0  # more than any brain: the skull is still there
_PREPARE = "Prepare the exam first: segmentation preprocess EXAMS OUT"


@dataclass(frozen=True)
class Subject:
    """Upright, all on the grid of the T1c. `files` are those that were read."""

    name: str
    t1c: Volume
    brain: Mask
    tumour: Mask
    files: tuple[Path, ...]


def is_exam(folder: Path) -> bool:
    """Whether `open_subject` would try: prepared, predicted, or with images."""
    if (folder / PREPARED_JSON).is_file() or (folder / PREDICT_JSON).is_file():
        return True
    return any(path.name.endswith((".nii", ".nii.gz")) for path in folder.iterdir() if path.is_file())


def open_subject(folder: Path, mask: Path | None = None) -> Subject:
    """The exam in a folder: prepared, predicted (its prepared images are found by its record), or with the skull off.

    Without `mask`, the tumour is that of the folder; a folder may have none. Raises StudyError.
    """
    if not folder.is_dir():
        raise StudyError("There is no such folder.", file=folder, remedy="Give the folder of one exam.")
    if (folder / PREDICT_JSON).is_file():
        prepared = open_prepared(_prepared_of(folder))
        files = (prepared.t1c, prepared.brain_mask, mask or folder / ON_PREPARED)
        return _read(folder.resolve().name, *files)
    if (folder / PREPARED_JSON).is_file():
        prepared = open_prepared(folder)
        return _read(prepared.name, prepared.t1c, prepared.brain_mask, mask or prepared.mask)
    exam = find_exam(folder)
    if exam.t1c.is_dir():
        raise StudyError("The exam is a DICOM series.", file=folder, remedy=_PREPARE)
    drawn = [file.path for technician in exam.masks for file in technician.compartments]
    if mask is None and len(drawn) > 1:
        names = ", ".join(path.name for path in drawn)
        raise StudyError(f"Several masks are there: {names}.", file=folder, remedy="Say which one: --mask FILE.")
    return _read(exam.name, exam.t1c, exam.brain_mask, mask or (drawn[0] if drawn else None))


def _prepared_of(folder: Path) -> Path:
    path = folder / PREDICT_JSON
    try:
        prepared = Path(json.loads(path.read_text(encoding="utf-8"))["prepared"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Predict the exam again."
        raise StudyError("The record of the prediction can't be read.", file=path, remedy=remedy) from error
    beside = folder.resolve().parent / "prepared" / prepared.name  # both may have been moved together
    return prepared if prepared.is_dir() else beside


def _read(name: str, t1c_file: Path, brain_file: Path | None, mask_file: Path | None) -> Subject:
    t1c = volumes.load(t1c_file)
    found = [None if file is None else volumes.load(file) for file in (brain_file, mask_file)]
    for file, volume in zip((brain_file, mask_file), found, strict=True):
        if volume is not None:
            volumes.check_same_grid(t1c, volume, str(t1c_file), str(file))
    brain, mask = (None if volume is None else pictures.upright(volume).array for volume in found)
    shown = pictures.upright(t1c)
    inside = brain > 0.5 if brain is not None else shown.array != pictures.air_of(shown.array)
    brain_ml = np.count_nonzero(inside) * np.prod(shown.spacing_mm) / 1000
    if not inside.any() or brain_ml > _MOST_BRAIN_ML:
        what = f"The T1c shows {brain_ml:.0f} ml that may be brain; the skull is still there, or nothing is."
        raise StudyError(what, file=t1c_file, remedy=_PREPARE)
    tumour = mask > 0 if mask is not None else np.zeros(shown.shape, bool)
    files = tuple(file for file in (t1c_file, brain_file, mask_file) if file is not None)
    return Subject(name, shown, inside, tumour, files)
