"""A folder of simulated exams: which are there, which are still to be made, and the files of one."""

import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.phantom.anatomy import Anatomy, Grid, load_template, place_of, tissues
from segmentation.phantom.contrast import FLAIR, T1C, expose, vessels
from segmentation.phantom.technician import draw_technician, outline
from segmentation.phantom.tumour import Plan, Tumour, draw_plan, grow, push_aside
from segmentation.volumes import Volume

METHOD = "blindread-phantom-1"  # another number wherever the same seed would give other voxels
RECORD = "simulation.json"
_EXAM, _DRAFT = re.compile(r"sim-\d{3,}"), re.compile(r"\.sim-\d{3,}\.part")


@dataclass(frozen=True)
class Settings:
    """What decides every voxel, together with an exam's number."""

    seed: int
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0)

    def __post_init__(self) -> None:
        if not all(0.5 <= step <= 6 for step in self.spacing_mm):
            raise StudyError("The voxel size must lie between 0.5 and 6 mm.", remedy="Try --spacing 1 1 2.")
        if not 0 <= self.seed < 2**63:
            raise StudyError("The seed must be a whole number from 0 up.", remedy="Try --seed 1.")

    def record(self, number: int) -> dict[str, Any]:
        """The start of an exam's record, by which a later run knows it again."""
        return {"method": METHOD, "seed": self.seed, "exam": number, "spacing_mm": list(self.spacing_mm)}


def simulate(
    out: Path, count: int, settings: Settings, progress: Callable[[Iterable[int]], Iterable[int]] = iter
) -> list[Path]:
    """Make exams sim-001 ... in `out`; those that are there already, made with the same settings, are kept.

    An exam's folder appears only when it is complete. `progress` wraps the numbers still to be made.
    """
    if count < 1:
        raise StudyError(f"{count} exams cannot be made.", remedy="Ask for at least one: --count 1.")
    folders = [out / f"sim-{number:03d}" for number in range(1, count + 1)]
    try:
        _prepare(out)
        missing = [n for n, folder in enumerate(folders, 1) if not _is_finished(folder, settings.record(n))]
        for number in progress(missing):
            _write_exam(folders[number - 1], settings, number)
    except OSError as error:
        what = f"The exams cannot be written ({error.strerror or error})."
        remedy = "Check the permissions and the free space (3 MB an exam), then give the same command again."
        raise StudyError(what, file=error.filename or out, remedy=remedy) from error
    return folders


def _prepare(out: Path) -> None:
    """Make the folder, refuse one with other things in it, clear away what an interrupted run left."""
    out.mkdir(parents=True, exist_ok=True)
    for entry in sorted(out.iterdir()):
        if _DRAFT.fullmatch(entry.name):
            shutil.rmtree(entry)
        elif not (_EXAM.fullmatch(entry.name) and entry.is_dir()):
            what = f"The folder holds something else already ({entry.name})."
            raise StudyError(what, file=out, remedy="Choose an empty or a new folder.")


def _is_finished(folder: Path, record: dict[str, Any]) -> bool:
    if not folder.exists():
        return False
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        same = {key: found.get(key) for key in record} == record
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        what = "This exam was made with another seed, voxel size or version."
        raise StudyError(what, file=folder, remedy="Choose another folder, or remove this one.")
    return True


def _write_exam(folder: Path, settings: Settings, number: int) -> None:
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        record = settings.record(number) | write_files(draft, settings, number)
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        (draft / RECORD).write_text(text, encoding="utf-8")
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_files(folder: Path, settings: Settings, number: int) -> dict[str, Any]:
    """Images, truth and two outlines of one exam; returns what belongs in its record."""
    plan, anatomy, tumour, rng = build(settings, number)
    affine = anatomy.grid.world_from_voxel
    blood = vessels(anatomy, rng)
    for name, contrast in (("t1c", T1C), ("flair", FLAIR)):
        layer = expose(anatomy, tumour, blood, contrast, rng)
        volumes.save(folder / f"{name}.nii.gz", Volume(layer, affine), dtype=np.int16)
    truth = Volume(tumour.mask.astype(np.uint8), affine)
    volumes.save(folder / "truth.nii.gz", truth)
    hands = [draw_technician(rng) for _ in range(2)]
    found = []
    for n, hand in enumerate(hands, 1):
        drawn = outline(truth, hand, [settings.seed, number, n], anatomy.brain)
        volumes.save(folder / f"outline_{n}.nii.gz", drawn)
        found.append(_dice(drawn.array, truth.array))
    return _described(plan, tumour, anatomy.grid) | {
        "outlines": [hand.as_dict() | {"dice_reached": dice} for hand, dice in zip(hands, found, strict=True)],
    }


def build(settings: Settings, number: int) -> tuple[Plan, Anatomy, Tumour, np.random.Generator]:
    """Person and tumour of one exam, and the random numbers where they stand."""
    rng = np.random.default_rng([settings.seed, number])
    template, grid = load_template(), Grid(settings.spacing_mm)
    plan = draw_plan(template, rng)
    anatomy = tissues(template, grid, push_aside(template, place_of(grid, rng), plan))
    return plan, anatomy, grow(anatomy, plan, rng), rng


def _described(plan: Plan, tumour: Tumour, grid: Grid) -> dict[str, Any]:
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000
    return {
        "note": "Simulated on the ICBM152 template; no patient. Both outlines are by a simulated technician.",
        "tumour": {
            "centre_mni_mm": [round(float(c), 1) for c in plan.centre_mm],
            "whole_ml": round(int(tumour.mask.sum()) * voxel_ml, 2),
            "core_ml": round(int((tumour.core > 0.5).sum()) * voxel_ml, 2),
            "rim_mm": round(plan.rim_mm, 2),
            "mass_effect": round(plan.shift, 2),
        },
    }


def _dice(a: npt.NDArray, b: npt.NDArray) -> float:
    return round(2 * float(np.count_nonzero((a > 0) & (b > 0))) / float((a > 0).sum() + (b > 0).sum()), 4)
