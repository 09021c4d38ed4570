"""The Harvard-Oxford atlas as files on the user's disk: labels, their names, and what a tumour has of each region.

The atlas is FSL's, free for non-commercial use; it is no part of this project and is never downloaded by it.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.consensus import Mask
from segmentation.errors import StudyError
from segmentation.volumes import Volume

DOWNLOAD = (
    'python -c "from nilearn.datasets import fetch_atlas_harvard_oxford as f; '
    "[f(n, data_dir='atlas') for n in ('cort-maxprob-thr25-1mm', 'sub-maxprob-thr25-1mm')]\""
)
LICENCE = "Harvard-Oxford atlas: FSL's licence, non-commercial use only."
_REMEDY = f"Give the folder with FSL's atlas. With internet, this fetches it into ./atlas: {DOWNLOAD}"
_IMAGES = ("*-cort-maxprob-thr25-1mm.nii.gz", "*-sub-maxprob-thr25-1mm.nii.gz")
_NAMES = (("*Cortical_index.txt", "*Cortical.xml"), ("*Subcortical_index.txt", "*Subcortical.xml"))
_MAX_LABELS = 200
_MAX_BYTES = 1_000_000
WHITE_MATTER, CORTEX = "Cerebral White Matter", "Cerebral Cortex"  # whole hemispheres in the subcortical atlas
NO_REGION = "outside all regions"


@dataclass(frozen=True)
class Atlas:
    """Labels in the template's space and a name for each; label 0 is no region."""

    labels: Volume  # int16
    names: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """What a tumour has of a region."""

    region: str
    tumour_ml: float
    share_of_tumour: float
    region_ml: float


def load_atlas(folder: Path) -> Atlas:
    """The cortical and the subcortical maximum-probability maps (25 %, 1 mm) as one map with sides.

    The folder may be FSL's own, nilearn's, or hold the four files. The cortical atlas has no sides: they are told by
    the template's x axis. Of a hemisphere's white matter stays what no other region has; its whole cortex is left out.
    """
    cortical, subcortical = (_labels(folder, pattern) for pattern in _IMAGES)
    volumes.check_same_grid(cortical, subcortical, "the cortical map", str(folder))
    cortical_names, subcortical_names = (_names(folder, patterns) for patterns in _NAMES)
    for volume, names, kind in (
        (cortical, cortical_names, "cortical"),
        (subcortical, subcortical_names, "subcortical"),
    ):
        if volume.array.max() > len(names):
            what = f"The {kind} map has labels up to {int(volume.array.max())}, but {len(names)} have a name."
            raise StudyError(what, file=folder, remedy=_REMEDY)
    names = ["", *(f"{side} {name}" for side in ("Left", "Right") for name in cortical_names), *subcortical_names]
    merged = np.zeros(cortical.shape, np.int16)
    sides = _is_right(cortical) * len(cortical_names)
    deep = {n: name for n, name in enumerate(subcortical_names, 1) if not name.endswith(CORTEX)}
    first = 1 + 2 * len(cortical_names)
    for n, name in deep.items():
        if name.endswith(WHITE_MATTER):
            merged[subcortical.array == n] = first + n - 1
    merged = np.where(cortical.array > 0, cortical.array.astype(np.int16) + sides, merged).astype(np.int16)
    for n, name in deep.items():
        if not name.endswith(WHITE_MATTER):
            merged[subcortical.array == n] = first + n - 1
    return Atlas(Volume(merged, cortical.world_from_voxel), tuple(names))


def atlas_files(folder: Path) -> list[Path]:
    """The four files that `load_atlas` reads. Raises StudyError if one is missing."""
    return [_one(folder, patterns) for patterns in (*((image,) for image in _IMAGES), *_NAMES)]


def _is_right(volume: Volume) -> npt.NDArray[np.int16]:
    """1 where x > 0 in the template's space, else 0."""
    at = np.indices(volume.shape, np.float32, sparse=True)
    row = volume.world_from_voxel[0]
    return (sum(row[n] * at[n] for n in range(3)) + row[3] > 0).astype(np.int16)


def _labels(folder: Path, pattern: str) -> Volume:
    volume = volumes.load(_one(folder, (pattern,)))
    if (
        volume.array.min() < 0
        or volume.array.max() > _MAX_LABELS
        or not np.array_equal(volume.array % 1, volume.array * 0)
    ):
        raise StudyError("This is no map of labels.", file=folder, remedy=_REMEDY)
    return volume


def _one(folder: Path, patterns: Sequence[str]) -> Path:
    """The first file that matches, in the folder or below it; for FSL's names of regions, beside it."""
    if not folder.is_dir():
        raise StudyError("There is no such folder.", file=folder, remedy=_REMEDY)
    for pattern in patterns:
        for found in (sorted(folder.rglob(pattern)), sorted(folder.resolve().parent.glob(pattern))):
            if found:
                return found[0]
    raise StudyError(f"There is no {' or '.join(patterns)} here.", file=folder, remedy=_REMEDY)


def _names(folder: Path, patterns: Sequence[str]) -> list[str]:
    """Line n of the text, or FSL's label n - 1, names label n."""
    path = _one(folder, patterns)
    if path.stat().st_size > _MAX_BYTES:
        raise StudyError("This list of regions is far too long.", file=path, remedy=_REMEDY)
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".xml":
        if "<!ENTITY" in text:
            raise StudyError("This list of regions defines entities.", file=path, remedy=_REMEDY)
        try:
            found = {
                int(label.get("index", "")): label.text or "" for label in ElementTree.fromstring(text).iter("label")
            }
        except (ElementTree.ParseError, ValueError) as error:
            raise StudyError("This list of regions can't be read.", file=path, remedy=_REMEDY) from error
        lines = [found.get(n, "") for n in range(max(found, default=-1) + 1)]
    else:
        lines = text.splitlines()
    return [re.sub(r"[\s_]+", " ", line).strip() for line in lines]


def shares(tumour: Mask, labels: npt.NDArray[np.integer], names: Sequence[str], voxel_ml: float) -> tuple[Share, ...]:
    """Tumour per region, most first; what lies in no region is the last line."""
    of_tumour = np.bincount(labels[tumour], minlength=len(names))
    of_region = np.bincount(labels.ravel(), minlength=len(names))
    total = max(int(of_tumour.sum()), 1)
    order = sorted((int(n) + 1 for n in np.flatnonzero(of_tumour[1:])), key=lambda n: (-of_tumour[n], n))
    found = [
        Share(names[n], float(of_tumour[n] * voxel_ml), float(of_tumour[n] / total), float(of_region[n] * voxel_ml))
        for n in order
    ]
    outside = Share(NO_REGION, float(of_tumour[0] * voxel_ml), float(of_tumour[0] / total), 0.0)
    return tuple(found + ([outside] if of_tumour[0] else []))


def shares_csv(found: Sequence[Share]) -> str:
    """One line a region that the tumour touches."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["region", "tumour_ml", "share_of_tumour", "region_ml", "share_of_region"])
    for one in found:
        of_region = f"{one.tumour_ml / one.region_ml:.4f}" if one.region_ml else ""
        region = f"{one.region_ml:.3f}" if one.region_ml else ""
        writer.writerow([one.region, f"{one.tumour_ml:.3f}", f"{one.share_of_tumour:.4f}", region, of_region])
    return text.getvalue()


def palette(names: Sequence[str]) -> npt.NDArray[np.float64]:
    """A colour (red, green, blue from 0 to 1) for each label: neighbours far apart, both sides alike, none red."""
    import colorsys

    plain = [re.sub(r"^(Left|Right) ", "", name) for name in names]
    order = {name: n for n, name in enumerate(dict.fromkeys(plain))}
    colours = np.zeros((len(names), 3))
    for label, name in enumerate(plain[1:], 1):
        hue = 0.08 + 0.84 * ((order[name] * 0.61803398875) % 1)  # the golden section; red is the tumour's
        colours[label] = colorsys.hsv_to_rgb(hue, 0.45 + 0.35 * (order[name] % 2), 0.75 + 0.25 * (order[name] % 3) / 2)
    return colours
