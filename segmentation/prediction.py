"""From a prepared exam to the ensemble's tumour mask on the T1c's own grid, with a picture to judge it by.

The probability goes back to the T1c's grid and is cut there, at the ensemble's threshold, so that the border stays
smooth where the grid is finer than the network's.
"""

import csv
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segmentation import cohort, pictures, volumes
from segmentation.consensus import Mask
from segmentation.ensemble import FILE_NAME, Ensemble, load_ensemble, tumour_mask
from segmentation.errors import StudyError
from segmentation.exams import ON_PREPARED, PREPARED_JSON, PreparedExam, read_record
from segmentation.inference.whole_brain import Mode
from segmentation.metrics import volume_ml
from segmentation.preprocessing.resampling import to_native
from segmentation.volumes import Volume
from segmentation.whole_file import write_whole

FORMAT, VERSION = "prediction", 1
TABLE = "predict.csv"
WEIGHTS = "weights_sha256"  # in the record: of all networks together
MASK, PROBABILITY, PICTURE, RECORD = "mask.nii.gz", "probability.nii.gz", "overlay.png", "predict.json"
_MEMORY_GIB = 1.5
_SMALL_ML, _LARGE_ML = 1.0, 500.0  # the tumours of the paper's test exams had 5 to 301 ml


@dataclass(frozen=True)
class Wish:
    """What is wanted of each exam; a threshold of None is the ensemble's own."""

    mode: Mode = "fast"
    only_largest: bool = False
    has_probability: bool = False
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            what = f"A threshold of {self.threshold:g} is no probability between 0 and 1."
            raise StudyError(what, remedy="Try --threshold 0.5.")


@dataclass(frozen=True)
class Predicted:
    """What became of one exam: the tumour in the mask on the T1c's own grid."""

    exam: str
    subject: str
    tumour_ml: float
    parts: int
    largest_ml: float
    note: str


def predict_all(
    exams: Sequence[PreparedExam], ensemble: Path, out: Path, wish: Wish, jobs: int | None = None
) -> tuple[cohort.Outcome[Predicted], ...]:
    """Segment each exam into `out`/exam; what is there already, of the same files and the same ensemble, is kept.

    Where there are fewer exams than cores, each has several threads; the masks are the same.
    """
    members = ensemble_files(ensemble)
    load_ensemble(ensemble)  # a broken one is one sentence, not one an exam
    sha = cohort.fingerprint(members, {})
    processes = cohort.fitting_jobs(jobs, _MEMORY_GIB, len(exams))
    threads = max(1, cohort.fitting_jobs(None, 0.1, 10_000) // processes)
    return cohort.run_each(
        partial(predict, ensemble=ensemble, out=out, wish=wish, ensemble_sha=sha, threads=threads),
        exams,
        kept=partial(kept, out=out, wish=wish, ensemble_sha=sha),
        jobs=processes,
        label="predict",
        memory_gib=_MEMORY_GIB,
        threads=threads,
    )


def ensemble_files(folder: Path) -> list[Path]:
    """All that decides what an ensemble answers."""
    return [folder / FILE_NAME, *sorted(folder.rglob("*weights*.safetensors"))]


def predict(
    exam: PreparedExam, *, ensemble: Path, out: Path, wish: Wish, ensemble_sha: str, threads: int = 1
) -> Predicted:
    """Segment one exam into the folder `out`/exam; predict.json is written last. Raises StudyError."""
    start = time.monotonic()
    t1c, flair, brain = (volumes.load(path) for path in (exam.t1c, exam.flair, exam.brain_mask))
    for other, path in ((flair, exam.flair), (brain, exam.brain_mask)):
        volumes.check_same_grid(t1c, other, str(exam.t1c), str(path))
    if not {"grid", "native_grid"} <= read_record(exam.folder).keys():
        what = "The record does not say where the exam's own T1c lies."
        raise StudyError(what, file=exam.folder / PREPARED_JSON, remedy="Prepare the exam again.")
    network = _loaded(ensemble, ensemble_sha)
    _check_spacing(network, t1c, exam)
    images = np.stack([flair.array, t1c.array]).astype(np.float32)
    inside = brain.array > 0.5
    begin = time.monotonic()
    probability = network.probabilities(images, inside, mode=wish.mode, threads=threads)
    network_s = time.monotonic() - begin
    threshold = network.threshold if wish.threshold is None else wish.threshold
    mask = tumour_mask(probability, threshold, only_largest=wish.only_largest)
    probability[tumour_mask(probability, threshold) & ~mask] = 0
    at_home = to_native(probability, exam.folder)
    native = Volume(tumour_mask(at_home.array, threshold), at_home.world_from_voxel)
    found = _described(exam, native)
    folder = out / exam.name
    _make(folder)
    (folder / RECORD).unlink(missing_ok=True)
    volumes.save(folder / MASK, Volume(native.array.astype(np.uint8), native.world_from_voxel))
    volumes.save(folder / ON_PREPARED, Volume(mask.astype(np.uint8), t1c.world_from_voxel))
    if wish.has_probability:
        clipped = Volume(at_home.array.clip(0, 1).astype(np.float32), at_home.world_from_voxel)
        volumes.save(folder / PROBABILITY, clipped)
    write_whole(folder / PICTURE, _picture(found, t1c, flair, mask))
    made = {
        "ensemble": str(ensemble.resolve()),
        WEIGHTS: network.checksum,
        "threshold": threshold,
        "seconds": {"network_s": round(network_s, 2), "whole_s": round(time.monotonic() - start, 2)},
        "fingerprint": _fingerprint(exam, wish, ensemble_sha),
    }
    _write_record(folder, exam, found, wish, made)
    return found


def kept(exam: PreparedExam, out: Path, wish: Wish, ensemble_sha: str) -> Predicted | None:
    """What an earlier run made of the same files by the same ensemble, if its files are whole; else None."""
    folder = out / exam.name
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        is_whole = all(cohort.file_sha256(folder / name) == sha for name, sha in record["outputs"].items())
        if (
            is_whole
            and record["version"] == VERSION
            and record["fingerprint"] == _fingerprint(exam, wish, ensemble_sha)
        ):
            return Predicted(**record["result"])
    except (StudyError, OSError, ValueError, KeyError, TypeError):
        pass  # what is wrong with the exam, it will say itself
    return None


@cache
def _loaded(folder: Path, sha: str) -> Ensemble:
    """The ensemble, read once a process; another checksum is another ensemble."""
    return load_ensemble(folder)


def _check_spacing(ensemble: Ensemble, t1c: Volume, exam: PreparedExam) -> None:
    """A network knows no millimetres: on other voxels it would see a brain of another size."""
    trained = ensemble.provenance.get("spacing_mm")
    if trained is not None and not np.allclose(trained, t1c.spacing_mm, rtol=0.02):
        sizes = [" x ".join(f"{step:g}" for step in each) for each in (t1c.spacing_mm, trained)]
        what = f"It has voxels of {sizes[0]} mm; the ensemble was trained on {sizes[1]} mm."
        raise StudyError(what, file=exam.t1c, remedy="Prepare it as the exams of the training were.")


def _fingerprint(exam: PreparedExam, wish: Wish, ensemble_sha: str) -> str:
    files = (exam.t1c, exam.flair, exam.brain_mask, exam.folder / PREPARED_JSON)
    return cohort.fingerprint(files, {"version": VERSION, "ensemble": ensemble_sha, **asdict(wish)})


def _described(exam: PreparedExam, native: Volume) -> Predicted:
    mask = native.array
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    voxel_ml = volume_ml(np.ones((1, 1, 1), bool), native.spacing_mm)
    tumour_ml = float(sizes.sum() * voxel_ml)
    note = ""
    if not count:
        note = "no tumour was found"
    elif tumour_ml < _SMALL_ML:
        note = f"less than {_SMALL_ML:g} ml of tumour was found"
    elif tumour_ml > _LARGE_ML:
        note = f"more than {_LARGE_ML:g} ml of tumour was found: that is hardly right"
    elif count > 1 and sizes.max() < 0.8 * sizes.sum():
        note = "the tumour is in several large parts"
    largest = float(sizes.max() * voxel_ml) if count else 0.0
    return Predicted(exam.name, exam.subject, round(tumour_ml, 3), int(count), round(largest, 3), note)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise StudyError(f"The folder can't be made ({error.strerror}).", file=folder, remedy=remedy) from error


def _picture(found: Predicted, t1c: Volume, flair: Volume, mask: Mask) -> bytes:
    """T1c and FLAIR as the network saw them, in three planes through most of the tumour."""
    images = [("T1c", pictures.upright(t1c)), ("FLAIR", pictures.upright(flair))]
    shown = pictures.upright(Volume(mask, t1c.world_from_voxel)).array.astype(bool)
    at = pictures.centre_of(shown, images[0][1].array)
    outlines = (pictures.Outline(shown, pictures.RED, "tumour, by the ensemble"),)
    rows = [
        (name, [pictures.Panel(image, plane, at, plane.title, outlines) for plane in pictures.Plane])
        for name, image in images
    ]
    parts = f", in {found.parts} parts, the largest {found.largest_ml:.1f} ml" if found.parts > 1 else ""
    notes = [f"Tumour {found.tumour_ml:.1f} ml{parts}." if found.parts else "No tumour was found.", _DISCLAIMER]
    return pictures.sheet(found.exam, rows, notes)


_DISCLAIMER = "For research. Not a medical device."


def _write_record(
    folder: Path,
    exam: PreparedExam,
    found: Predicted,
    wish: Wish,
    made: dict[str, Any],
) -> None:
    names = [MASK, ON_PREPARED, PICTURE, *([PROBABILITY] if wish.has_probability else [])]
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "result": asdict(found),
        "wish": asdict(wish),
        "prepared": str(exam.folder.resolve()),
        "versions": {name: metadata.version(name) for name in ("blindread", "torch", "numpy", "scipy")},
        "outputs": {name: cohort.file_sha256(folder / name) for name in names},
        **made,
    }
    write_whole(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def write_table(out: Path, found: Sequence[Predicted]) -> Path:
    """`out`/predict.csv, one line an exam. Raises StudyError."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["exam", "subject", "tumour_ml", "parts", "largest_ml", "note"])
    for one in found:
        writer.writerow([one.exam, one.subject, f"{one.tumour_ml:.3f}", one.parts, f"{one.largest_ml:.3f}", one.note])
    write_whole(out / TABLE, text.getvalue().encode())
    return out / TABLE
