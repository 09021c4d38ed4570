"""Predicted masks held against reference masks, exam by exam, and summed up as in Table 3 of Mitchell et al. 2020.

An exam that has a reference and no prediction is refused by name, never left out unseen: dropping hard exams betters
every mean.
"""

import csv
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from segmentation import pictures, volumes
from segmentation.consensus import Mask
from segmentation.errors import StudyError
from segmentation.exams import MASK_NAMES, ON_PREPARED, find_exam
from segmentation.metrics import Overlap, Summary, SurfaceDistances, overlap, summary, surface_distances
from segmentation.volumes import Volume

PREDICTED_NAME = "mask.nii.gz"
PAPER = {  # Mitchell et al. 2020, Table 3, 100 test exams: mean, standard error, median
    "dice": (0.87, 0.01, 0.90),
    "recall": (0.87, 0.01, 0.91),
    "precision": (0.88, 0.01, 0.90),
}
_NIFTI = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Pair:
    """The files of one exam."""

    name: str
    predicted: Path
    reference: Path


@dataclass(frozen=True)
class Pairing:
    """`unmatched` are exams with a reference and no prediction, `unreferenced` those the other way round."""

    pairs: tuple[Pair, ...]
    unmatched: tuple[str, ...] = ()
    unreferenced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One exam's numbers; `distances` is None where just one of the masks is empty."""

    exam: str
    overlap: Overlap
    distances: SurfaceDistances | None

    @property
    def note(self) -> str:
        """What an empty mask means for the numbers."""
        if not self.overlap.has_empty:
            return ""
        if not self.overlap.reference_ml and not self.overlap.other_ml:
            return "both masks are empty: Dice is 1 by convention"
        which = "predicted" if self.overlap.reference_ml else "reference"
        return f"the {which} mask is empty: Dice is 0, and there are no surface distances"

    def as_row(self) -> dict[str, float | None]:
        far = self.distances
        return {
            "dice": self.overlap.dice,
            "recall": self.overlap.recall,
            "precision": self.overlap.precision,
            "reference_ml": self.overlap.reference_ml,
            "predicted_ml": self.overlap.other_ml,
            "difference_ml": self.overlap.other_ml - self.overlap.reference_ml,
            "hd95_mm": far.percentile_95_mm if far else None,
            "mean_surface_mm": far.mean_mm if far else None,
        }


def find_pairs(
    predicted: Path, reference: Path, predicted_name: str = PREDICTED_NAME, reference_name: str | None = None
) -> Pairing:
    """Two files, or two folders of exams: `<exam>/<mask>` or `<exam>.nii.gz` on either side.

    The names are patterns (`*`, `?`); a reference without one is known by the names that `exams` knows.
    """
    if reference.is_file() and predicted.is_file():
        return Pairing((Pair(_stem(reference), predicted, reference),))
    for path in (predicted, reference):
        if not path.is_dir():
            remedy = "Give two folders of exams, or two files, the predicted mask first."
            raise StudyError("There is no such folder.", file=path, remedy=remedy)
    references = _masks_in(reference, reference_name, "--reference-name")
    if not references:
        remedy = "Give the folder that holds the exams' folders, or name the masks: --reference-name PATTERN."
        raise StudyError("No exam in this folder has a reference mask.", file=reference, remedy=remedy)
    drawn = _masks_in(predicted, predicted_name, "--predicted-name")
    pairs = tuple(Pair(exam, drawn[exam], mask) for exam, mask in references.items() if exam in drawn)
    if not pairs:
        what = f"None of the {len(references)} exams with a reference has a {predicted_name} here."
        raise StudyError(what, file=predicted, remedy="Exams are matched by the names of their folders.")
    return Pairing(
        pairs, tuple(e for e in references if e not in drawn), tuple(e for e in drawn if e not in references)
    )


def _masks_in(folder: Path, pattern: str | None, option: str) -> dict[str, Path]:
    """Exam → its one mask."""
    found: dict[str, Path] = {}
    for entry in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if entry.is_file():
            if entry.name.endswith(_NIFTI):
                found[_stem(entry)] = entry
            continue
        fitting = _fitting(sorted(p for p in entry.iterdir() if p.is_file() and p.name.endswith(_NIFTI)), pattern)
        if len(fitting) > 1:
            names = ", ".join(path.name for path in fitting)
            remedy = f"Say which one ({option} PATTERN), or make one of them first: segmentation consensus"
            raise StudyError(f"Several files may be the mask: {names}.", file=entry, remedy=remedy)
        if fitting:
            found[entry.name] = fitting[0]
    return found


def _fitting(files: Sequence[Path], pattern: str | None) -> list[Path]:
    if pattern:
        return [file for file in files if fnmatch.fnmatch(file.name, pattern)]
    usual = (re.compile(f"{known}$") for known in MASK_NAMES)
    groups = ([f for f in files if known.match(_stem(f).lower()) and "brain" not in f.name.lower()] for known in usual)
    return next((group for group in groups if group), [])


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def load_mask(path: Path) -> tuple[Mask, Volume]:
    """What is above 0, upright, and the volume that says where it lies."""
    volume = pictures.upright(volumes.load(path))
    return volume.array > 0, volume


def measure(pair: Pair) -> Measured:
    """Raises StudyError where the two masks do not lie on one grid; storing it in another order is no difference."""
    reference, place = load_mask(pair.reference)
    predicted, other_place = load_mask(pair.predicted)
    try:
        volumes.check_same_grid(place, other_place, str(pair.reference), str(pair.predicted))
    except StudyError as error:
        if pair.predicted.name == ON_PREPARED or not pair.predicted.with_name(ON_PREPARED).exists():
            raise
        remedy = f"If that is the mask of a prepared exam, add: --predicted-name {ON_PREPARED}"
        raise StudyError(error.what, file=error.file, remedy=remedy) from error
    shares = overlap(reference, predicted, place.spacing_mm)
    return Measured(pair.name, shares, surface_distances(reference, predicted, place.spacing_mm))


def summarise(measured: Sequence[Measured]) -> dict[str, Summary]:
    """A summary of each column; exams without surface distances are not in those of distances (see their `n`)."""
    rows = [one.as_row() for one in measured]
    found = {name: summary([v for row in rows if (v := row[name]) is not None]) for name in rows[0]} if rows else {}
    return {name: value for name, value in found.items() if value is not None}


def metrics_csv(measured: Sequence[Measured]) -> str:
    """One line an exam, the worst Dice first."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(measured[0].as_row()) if measured else []
    writer.writerow(["exam", *columns, "note"])
    for one in worst_first(measured):
        writer.writerow([one.exam, *(_cell(value) for value in one.as_row().values()), one.note])
    return text.getvalue()


def summary_csv(summaries: Mapping[str, Summary]) -> str:
    """One line a measure, with the paper's row beside it where there is one."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    spread = ["n", "mean", "se", "sd", "median", "quartile_1", "quartile_3", "minimum", "maximum"]
    writer.writerow(["measure", *spread, "paper_mean", "paper_se", "paper_median"])
    for name, s in summaries.items():
        values = [s.mean, s.se, s.sd, s.median, *s.quartiles, s.minimum, s.maximum]
        writer.writerow([name, s.n, *map(_cell, values), *(PAPER.get(name) or ("", "", ""))])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def table(summaries: Mapping[str, Summary]) -> str:
    """Table 3's form, for the terminal."""
    lines = [f"{'':22}{'mean ± SE':>17}{'median':>9}{'n':>5}   Mitchell 2020: mean ± SE, median"]
    words = {
        "dice": "Dice", "recall": "recall", "precision": "precision", "predicted_ml": "predicted, ml",
        "reference_ml": "reference, ml", "hd95_mm": "95 % distance, mm", "mean_surface_mm": "mean distance, mm",
    }  # fmt: skip
    for name, word in words.items():
        if (s := summaries.get(name)) is None:
            continue
        digits = 3 if name in PAPER else 1
        mean = f"{s.mean:.{digits}f}" + ("" if s.se is None else f" ± {s.se:.{digits}f}")
        paper = "{:.2f} ± {:.2f}, {:.2f}".format(*PAPER[name]) if name in PAPER else ""
        lines.append(f"{word:22}{mean:>17}{s.median:>9.{digits}f}{s.n:>5}   {paper}".rstrip())
    return "\n".join(lines)


def worst_first(measured: Sequence[Measured]) -> list[Measured]:
    """By Dice, then by name."""
    return sorted(measured, key=lambda one: (one.overlap.dice, one.exam))


def write(out: Path, pairs: Sequence[Pair], measured: Sequence[Measured], images: Path | None, worst: int) -> None:
    """metrics.csv, summary.csv and worst.png into a folder, made if need be. Raises StudyError if it can't."""
    files = {
        "metrics.csv": metrics_csv(measured).encode(),
        "summary.csv": summary_csv(summarise(measured)).encode(),
    }
    if worst:
        files["worst.png"] = worst_picture(pairs, measured, images, worst)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / name).write_bytes(data)
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise StudyError(f"The results can't be written ({error.strerror}).", file=out, remedy=remedy) from error


def worst_picture(pairs: Sequence[Pair], measured: Sequence[Measured], images: Path | None, count: int = 4) -> bytes:
    """A PNG of the exams with the lowest Dice (the paper's Fig. 2), through the slices where the masks differ most.

    `images` holds the exams' folders; without it, T1c and FLAIR are looked for beside the reference. Exams without
    them are shown as bare masks.
    """
    by_name = {pair.name: pair for pair in pairs}
    rows = []
    for one in worst_first(measured)[:count]:
        pair = by_name[one.exam]
        rows.append((one.exam, _panels(pair, images / pair.name if images else pair.reference.parent, one)))
    title = f"The lowest Dice coefficients of {len(measured)} exams"
    return pictures.sheet(title, rows, ["Each exam is cut where its two masks differ most."])


def _panels(pair: Pair, folder: Path, one: Measured) -> list[pictures.Panel]:
    reference, place = load_mask(pair.reference)
    predicted, _ = load_mask(pair.predicted)
    outlines = (
        pictures.Outline(reference, pictures.CYAN, "reference"),
        pictures.Outline(predicted, pictures.RED, "predicted"),
    )
    bare = Volume((reference.astype(np.float32) + predicted) / 2, place.world_from_voxel)
    t1c, flair = (image if volumes.is_same_grid(image, place) else bare for image in _images(folder) or (bare, bare))
    differ = reference ^ predicted
    at = pictures.centre_of(differ if differ.any() else reference, flair.array)
    axial, coronal, sagittal = pictures.Plane
    what = f"Dice {one.overlap.dice:.2f}, recall {one.overlap.recall:.2f}, precision {one.overlap.precision:.2f}"
    return [
        pictures.Panel(t1c, axial, at, f"T1c. {what}", outlines),
        pictures.Panel(flair, axial, at, "FLAIR, axial", outlines),
        pictures.Panel(flair, coronal, at, "FLAIR, coronal", outlines),
        pictures.Panel(flair, sagittal, at, "FLAIR, sagittal", outlines),
    ]


def _images(folder: Path) -> tuple[Volume, Volume] | None:
    """T1c and FLAIR, upright, if the folder holds them."""
    try:
        exam = find_exam(folder)
        return (pictures.upright(volumes.load(exam.t1c)), pictures.upright(volumes.load(exam.flair)))
    except (StudyError, OSError):
        return None  # a picture of bare masks says that, too
