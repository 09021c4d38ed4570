"""`segmentation consensus`: what several technicians agree on, of one exam or of all."""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError

if TYPE_CHECKING:
    from segmentation.exams import Technician
    from segmentation.volumes import Volume

_CONSENSUS = """\
Make one mask of what several technicians drew of the same exam, as Mitchell et al. 2020 did (2.1): of two masks the
voxels in both, of three or more those in more than half. Whatever is above 0 counts as tumour.
"""
_CONSENSUS_END = """\
of files:
  segmentation consensus anna.nii.gz ben.nii.gz carla.nii.gz --out agreed.nii.gz
  segmentation consensus t1c_part.nii.gz flair_part.nii.gz --compartments --out whole.nii.gz
of a folder with a sub-folder per exam that holds mask_1.nii.gz, mask_2.nii.gz ... (compartments: mask_1_t1c,
mask_1_flair ...: first the consensus of each compartment, then their union):
  segmentation consensus EXAMS --out MASKS        makes MASKS/exam.nii.gz and MASKS/consensus.csv

All masks of an exam must lie on one grid. Where compartments were drawn on T1c and FLAIR as scanned, each on its own
grid, `segmentation preprocess` brings them together and makes the consensus on the way.
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "consensus",
        help="several technicians' masks to one",
        description=_CONSENSUS,
        epilog=_CONSENSUS_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("masks", type=Path, nargs="+", metavar="MASK", help="mask files, or one folder of exams")
    command.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="a new .nii.gz file; a folder for exams"
    )
    command.add_argument("--mask", metavar="PATTERN", help="in a folder of exams: the names of the mask files")
    command.add_argument("--compartments", action="store_true", help="unite the files: they are parts of one tumour")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the consensus of files or of a folder of exams; 1 if an exam failed."""
    if len(options.masks) == 1 and options.masks[0].is_dir():
        return _of_exams(options.masks[0], options.out, options.mask)
    _of_files(options.masks, options.out, options.compartments)
    return 0


def _of_files(paths: Sequence[Path], out: Path, is_union: bool) -> None:
    from segmentation import consensus, volumes
    from segmentation.volumes import Volume

    if out.exists():
        raise StudyError("There is such a file already.", file=out, remedy="Choose another name.")
    masks = _loaded(paths)
    unite = consensus.whole_tumour if is_union else consensus.consensus
    agreed = unite([mask.array for mask in masks])
    volumes.save(out, Volume(agreed.astype("u1"), masks[0].world_from_voxel))
    for path, mask in zip(paths, masks, strict=True):
        print(f"{path}: {_ml(mask):.2f} ml")
    print(f"{out}: {_ml(Volume(agreed, masks[0].world_from_voxel)):.2f} ml")


def _of_exams(folder: Path, out: Path, pattern: str | None) -> int:
    from segmentation import exams

    problems, rows = [], []
    found = exams.find_masks(folder, pattern)
    out.mkdir(parents=True, exist_ok=True)
    for name, technicians in found.items():
        try:
            rows.append({"exam": name, **_of_exam(technicians, out / f"{name}.nii.gz")})
        except StudyError as error:
            problems.append(f"{name}: {error}")
    _write_table(rows, out / "consensus.csv")
    print(f"{len(rows)} of {len(found)} exams done: {out / 'consensus.csv'}")
    for problem in problems:
        print(f"failed: {problem}")
    return 1 if problems else 0


def _of_exam(technicians: "Sequence[Technician]", out: Path) -> Mapping[str, object]:
    """Write one exam's consensus; a row of the table."""
    from segmentation import consensus, metrics, volumes
    from segmentation.preprocessing.completeness import agreed_tumour
    from segmentation.volumes import Volume

    paths = [file.path for technician in technicians for file in technician.compartments]
    loaded = dict(zip(paths, _loaded(paths), strict=True))
    drawn = [{file.compartment: loaded[file.path].array for file in person.compartments} for person in technicians]
    agreed = agreed_tumour(drawn)
    place = loaded[paths[0]].world_from_voxel
    volumes.save(out, Volume(agreed.astype("u1"), place))
    whole = [consensus.whole_tumour(list(compartments.values())) for compartments in drawn]
    pairs = [metrics.dice(a, b) for a, b in itertools.combinations(whole, 2)]
    return {
        "technicians": len(whole),
        "technicians_ml": " ".join(f"{_ml(Volume(mask, place)):.2f}" for mask in whole),
        "consensus_ml": f"{_ml(Volume(agreed, place)):.2f}",
        "mean_dice_between_technicians": f"{sum(pairs) / len(pairs):.4f}" if pairs else "",
    }


def _loaded(paths: Sequence[Path]) -> "list[Volume]":
    """Masks on one grid."""
    from segmentation import volumes
    from segmentation.volumes import Volume

    found = [volumes.load(path) for path in paths]
    for path, volume in zip(paths, found, strict=True):
        volumes.check_same_grid(found[0], volume, paths[0].name, str(path))
    return [Volume(volume.array > 0, volume.world_from_voxel) for volume in found]


def _ml(mask: "Volume") -> float:
    i, j, k = mask.spacing_mm
    return float(mask.array.sum()) * i * j * k / 1000


def _write_table(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    import csv

    columns = ("exam", "technicians", "technicians_ml", "consensus_ml", "mean_dice_between_technicians")
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)
