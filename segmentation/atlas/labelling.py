"""The Harvard-Oxford regions on many exams: labels, what the tumour has of each region, a picture, a record.

For looking at, not for measuring: a tumour pushes and destroys what the template has in its place.
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

from segmentation import cohort, pictures, volumes
from segmentation.atlas.regions import (
    LICENCE,
    NO_REGION,
    WHITE_MATTER,
    Atlas,
    Share,
    atlas_files,
    load_atlas,
    palette,
    shares,
    shares_csv,
)  # fmt: skip
from segmentation.atlas.template import Fit, fit
from segmentation.errors import StudyError
from segmentation.metrics import volume_ml
from segmentation.pictures import Outline, Panel, Plane
from segmentation.step_limit import limited
from segmentation.subject import Subject, is_exam, open_subject
from segmentation.volumes import Volume
from segmentation.whole_file import write_whole

FORMAT, VERSION = "regions", 1
LABELS, TABLE, PICTURE, RECORD = "atlas.nii.gz", "atlas.csv", "atlas.png", "atlas.json"
_MEMORY_GIB = 2.0


@dataclass(frozen=True)
class Place:
    """An exam's folder, and a mask to take in place of the folder's own."""

    name: str
    folder: Path
    mask: Path | None = None


@dataclass(frozen=True)
class Located:
    """Where an exam's tumour lies; `reason` says why the fit is no B-spline."""

    exam: str
    kind: str
    reason: str
    shares: tuple[Share, ...]


def find_places(folder: Path, masks: Path | None = None, mask_name: str = "mask.nii.gz") -> tuple[Place, ...]:
    """The exams in a folder, or the folder itself; `masks` holds <exam>/`mask_name` for each."""
    if not folder.is_dir():
        raise StudyError("There is no such folder.", file=folder, remedy="Give a folder of exams, or of one exam.")
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [path for path in inside if is_exam(path)] or ([folder] if is_exam(folder) else [])
    if not found:
        raise StudyError(
            "There is no exam in this folder.", file=folder, remedy="Give the folder of the exams' folders."
        )
    names = {path: path.resolve().name for path in found}
    return tuple(Place(name, path, None if masks is None else masks / name / mask_name) for path, name in names.items())


def locate_all(
    places: Sequence[Place],
    out: Path,
    atlas: Path,
    jobs: int | None = None,
    step_limit_s: float = cohort.STEP_LIMIT_S,
) -> tuple[cohort.Outcome[Located], ...]:
    """Put the regions on each exam into `out`/exam; what is there already, of the same files, is kept."""
    load_atlas(atlas)  # a wrong folder is one sentence, not one an exam
    sha = cohort.fingerprint(atlas_files(atlas), {})
    return cohort.run_each(
        partial(locate, out=out, atlas=atlas, atlas_sha=sha),
        places,
        kept=partial(kept, out=out, atlas_sha=sha),
        jobs=jobs,
        label="atlas",
        memory_gib=_MEMORY_GIB,
        step_limit_s=step_limit_s,
    )


def locate(place: Place, out: Path, atlas: Path, atlas_sha: str) -> Located:
    """Put the regions on one exam; atlas.json is written last. Raises StudyError."""
    start = time.monotonic()
    subject, regions = open_subject(place.folder, place.mask), _loaded(atlas, atlas_sha)
    with limited("registration"):
        found = fit(subject, regions.labels)
    voxel_ml = volume_ml(np.ones((1, 1, 1), bool), subject.t1c.spacing_mm)
    located = Located(
        place.name, found.kind, found.reason, shares(subject.tumour, found.labels.array, regions.names, voxel_ml)
    )
    folder = out / place.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise StudyError(f"The folder can't be made ({error.strerror}).", file=folder, remedy=remedy) from error
    volumes.save(folder / LABELS, Volume(found.labels.array.astype(np.int16), found.labels.world_from_voxel))
    write_whole(folder / TABLE, shares_csv(located.shares).encode())
    write_whole(folder / PICTURE, picture(subject, found, regions))
    record = {
        "format": FORMAT,
        "version": VERSION,
        "result": asdict(located),
        "names": list(regions.names),
        "brain_dice": round(found.brain_dice, 4),
        "volume_factors": found.jacobian,
        "licence": LICENCE,
        "seconds": round(time.monotonic() - start, 1),
        "versions": {name: metadata.version(name) for name in ("blindread", "simpleitk-simpleelastix", "nilearn")},
        "outputs": {name: cohort.file_sha256(folder / name) for name in (LABELS, TABLE, PICTURE)},
        "fingerprint": _fingerprint(subject, atlas_sha),
    }
    write_whole(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return located


def kept(place: Place, out: Path, atlas_sha: str) -> Located | None:
    """What an earlier run made of the same files, if its own are whole; else None."""
    folder = out / place.name
    try:
        record = read_record(folder)
        is_whole = all(cohort.file_sha256(folder / name) == sha for name, sha in record["outputs"].items())
        if is_whole and record["fingerprint"] == _fingerprint(open_subject(place.folder, place.mask), atlas_sha):
            result = record["result"]
            return Located(**{**result, "shares": tuple(Share(**share) for share in result["shares"])})
    except (StudyError, KeyError, TypeError):
        pass  # what is wrong with the exam, it will say itself
    return None


def read_record(folder: Path) -> dict[str, Any]:
    """atlas.json of a folder that `locate` wrote. Raises StudyError."""
    path, remedy = folder / RECORD, "Give a folder that `segmentation atlas` wrote: OUT/exam."
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError("The record of the regions can't be read.", file=path, remedy=remedy) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("version") != VERSION:
        raise StudyError("This is no record of regions that this version knows.", file=path, remedy=remedy)
    return record


@cache
def _loaded(folder: Path, sha: str) -> Atlas:
    """The atlas, read once a process; another checksum is another atlas."""
    return load_atlas(folder)


def _fingerprint(subject: Subject, atlas_sha: str) -> str:
    return cohort.fingerprint(subject.files, {"version": VERSION, "atlas": atlas_sha})


def shown_labels(names: Sequence[str]) -> tuple[int, ...]:
    """Labels worth a colour: all but the hemispheres' white matter, which would hide the others."""
    return tuple(n for n, name in enumerate(names) if n and not name.endswith(WHITE_MATTER))


def picture(subject: Subject, found: Fit, atlas: Atlas) -> bytes:
    """The regions on the T1c, and the template in its place, so that the fit can be judged."""
    at = pictures.centre_of(subject.tumour, subject.t1c.array)
    tumour = (Outline(subject.tumour, pictures.RED, "tumour"),) if subject.tumour.any() else ()
    brain = (*tumour, Outline(subject.brain, pictures.CYAN, "brain of the exam"))
    labels = np.where(np.isin(found.labels.array, shown_labels(atlas.names)), found.labels.array, 0)
    colours = palette(atlas.names)
    rows = [
        ("T1c", [Panel(subject.t1c, plane, at, plane.title, tumour) for plane in Plane]),
        ("regions", [Panel(subject.t1c, plane, at, plane.title, tumour, labels, colours) for plane in Plane]),
        ("template", [Panel(found.template, plane, at, plane.title, brain) for plane in Plane]),
    ]
    how = "Affine and B-spline" if not found.reason else f"AFFINE ONLY: {found.reason}. Borders are rough"
    return pictures.sheet(subject.name, rows, [f"{how}.", "For looking at, not for measuring.", LICENCE])


def table(found: Sequence[Located]) -> str:
    """All exams: a line for each region that a tumour touches."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["exam", "fit", "region", "tumour_ml", "share_of_tumour"])
    for one in found:
        for share in one.shares or (Share(NO_REGION, 0.0, 0.0, 0.0),):
            writer.writerow(
                [one.exam, one.kind, share.region, f"{share.tumour_ml:.3f}", f"{share.share_of_tumour:.4f}"]
            )
    return text.getvalue()
