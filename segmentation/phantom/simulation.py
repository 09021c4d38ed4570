"""A folder of simulated exams: which are there, which are still to be made, and the files of one."""

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation import volumes
from segmentation.cohort import Outcome, run_each
from segmentation.consensus import consensus
from segmentation.errors import StudyError
from segmentation.phantom import contrast
from segmentation.phantom.anatomy import Grid, load_template, place_of, tissues
from segmentation.phantom.contrast import Scene
from segmentation.phantom.hyperintensities import hyperintensities
from segmentation.phantom.lapses import Parts
from segmentation.phantom.technician import Technician, draw_technician, outline
from segmentation.phantom.tumour import Plan, Tumour, Volumes, draw_plan, grow, push_aside
from segmentation.volumes import Volume

METHOD = "blindread-phantom-2"  # another number wherever the same seed would give other voxels
RECORD = "simulation.json"
CORE, RIM, OEDEMA, HYPERINTENSITY = 1, 2, 3, 4  # in parts.nii.gz; the last is no tumour
PANEL = 8  # technicians a cohort's outlines are drawn by, each with their own habits
_EXAM, _DRAFT = re.compile(r"sim-\d{3,}"), re.compile(r"\.sim-\d{3,}\.part")
_LEVELS = {"t1c": 300, "flair": 220}
_DRAWN_TODAY = 0.02  # standard deviation of one technician's Dice from exam to exam


@dataclass(frozen=True)
class Settings:
    """What decides every voxel, together with an exam's number."""

    seed: int
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0)
    volumes: Volumes = field(default_factory=Volumes)
    technicians: tuple[int, int] = (1, 3)  # fewest and most an exam
    errors: float = 1.0  # times the technicians' errors; decides no image
    look: int = contrast.USUAL_LOOK

    def __post_init__(self) -> None:
        fewest, most = self.technicians
        for is_wrong, what, remedy in (
            (
                not all(0.5 <= step <= 6 for step in self.spacing_mm),
                "The voxel size must lie between 0.5 and 6 mm.",
                "Try --spacing 1 1 2.",
            ),
            (not 0 <= self.seed < 2**63, "The seed must be a whole number from 0 up.", "Try --seed 1."),
            (
                not 1 <= fewest <= most <= PANEL,
                f"An exam is outlined by 1 to {PANEL} technicians, not {fewest} to {most}.",
                "Try --technicians 1 3.",
            ),
            (
                not 0 <= self.errors <= 4,
                "The technicians' errors must lie between 0 and 4 times the usual.",
                "Try --errors 1.",
            ),
            (
                self.look not in contrast.LOOKS,
                f"There is no look {self.look}.",
                f"Try one of these: --look {', '.join(map(str, contrast.LOOKS))}.",
            ),
        ):
            if is_wrong:
                raise StudyError(what, remedy=remedy)

    def record(self, number: int) -> dict[str, Any]:
        """The start of an exam's record, by which a later run knows it again."""
        return {
            "method": METHOD,
            "seed": self.seed,
            "exam": number,
            "spacing_mm": list(self.spacing_mm),
            "volume_range_ml": [self.volumes.smallest, self.volumes.largest],
            "technicians": list(self.technicians),
            "errors": self.errors,
            "look": self.look,
        }

    def panel(self) -> list[Technician]:
        """All technicians of the cohort."""
        return [draw_technician(np.random.default_rng([self.seed, 0, n]), self.errors) for n in range(PANEL)]


def simulate(out: Path, count: int, settings: Settings, jobs: int | None = None) -> tuple[Outcome[Path], ...]:
    """Make exams sim-001 ... in `out`; those that are there already, made with the same settings, are kept.

    An exam's folder appears only when it is complete. Raises StudyError before any is made if `out` holds other things.
    """
    if count < 1:
        raise StudyError(f"{count} exams cannot be made.", remedy="Ask for at least one: --count 1.")
    load_template()  # without it no exam can be made, so say so once
    folders = [out / f"sim-{number:03d}" for number in range(1, count + 1)]
    try:
        _prepare(out)
    except OSError as error:
        remedy = "Check the permissions and the free space (3 MB an exam), then give the same command again."
        what = f"The exams cannot be written ({error.strerror or error})."
        raise StudyError(what, file=error.filename or out, remedy=remedy) from error
    for number, folder in enumerate(folders, 1):
        _is_finished(folder, settings.record(number))
    return run_each(partial(make_exam, settings), folders, jobs=jobs, kept=partial(_kept, settings), memory_gib=1.5)


def make_exam(settings: Settings, folder: Path) -> Path:
    """Make the exam whose number is in the folder's name; nothing half-written stays."""
    number = _number_of(folder)
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
    return folder


def _prepare(out: Path) -> None:
    """Make the folder, refuse one with other things in it, clear away what an interrupted run left."""
    out.mkdir(parents=True, exist_ok=True)
    for entry in sorted(out.iterdir()):
        if _DRAFT.fullmatch(entry.name):
            shutil.rmtree(entry)
        elif not (_EXAM.fullmatch(entry.name) and entry.is_dir()):
            what = f"The folder holds something else already ({entry.name})."
            raise StudyError(what, file=out, remedy="Choose an empty or a new folder.")


def _number_of(folder: Path) -> int:
    return int(folder.name.removeprefix("sim-"))


def _kept(settings: Settings, folder: Path) -> Path | None:
    return folder if _is_finished(folder, settings.record(_number_of(folder))) else None


def _is_finished(folder: Path, record: dict[str, Any]) -> bool:
    if not folder.exists():
        return False
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        same = {key: found.get(key) for key in record} == record
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        what = "This exam was made with another seed, other settings or another version."
        raise StudyError(what, file=folder, remedy="Choose another folder, or remove this one.")
    return True


def write_files(folder: Path, settings: Settings, number: int) -> dict[str, Any]:
    """Images, truth, outlines and consensus of one exam; returns what belongs in its record."""
    plan, scene, rng = build(settings, number)
    affine = scene.anatomy.grid.world_from_voxel
    taken: dict[str, Any] = {}
    draw_flair = partial(contrast.draw_flair, look=contrast.LOOKS[settings.look])
    for name, draw in (("t1c", contrast.draw_t1c), ("flair", draw_flair)):
        colours, scanner = draw(rng, plan.kind), contrast.draw_scanner(rng, _LEVELS[name])
        layer = contrast.expose(scene, colours, scanner, rng)
        volumes.save(folder / f"{name}.nii.gz", Volume(layer, affine), dtype=np.int16)
        taken[name] = {"contrast": _rounded(colours), "scanner": _rounded(scanner)}
    volumes.save(folder / "parts.nii.gz", Volume(_parts(scene), affine))
    volumes.save(folder / "truth.nii.gz", Volume(scene.tumour.mask.astype(np.uint8), affine))
    return (
        _described(plan, scene.tumour, scene.anatomy.grid)
        | taken
        | {"outlines": outline_exam(folder, folder, settings, number)}
    )


def build(settings: Settings, number: int) -> tuple[Plan, Scene, np.random.Generator]:
    """Person, tumour and all else there is to see of one exam, and the random numbers where they stand."""
    rng = np.random.default_rng([settings.seed, number])
    template, grid = load_template(), Grid(settings.spacing_mm)
    plan = draw_plan(template, rng, settings.volumes)
    anatomy = tissues(template, grid, push_aside(template, place_of(grid, rng), plan), rng)
    tumour = grow(anatomy, plan, rng)
    vessels = contrast.vessels(anatomy, rng)
    bright = hyperintensities(anatomy, rng, contrast.LOOKS[settings.look].burden)
    return plan, Scene(anatomy, tumour, vessels, bright), rng


def _parts(scene: Scene) -> npt.NDArray[np.uint8]:
    """What each voxel is; 0 is healthy or background. A voxel with some oedema looks like oedema on FLAIR."""
    tumour = scene.tumour
    kinds = np.where(tumour.oedema > 0.3, OEDEMA, np.where(tumour.rim > tumour.core / 2, RIM, CORE))
    bright = np.where(scene.hyperintensity > 0.4, HYPERINTENSITY, 0)
    return np.where(tumour.mask, kinds, bright).astype(np.uint8)


def outline_exam(exam: Path, out: Path, settings: Settings, number: int) -> list[dict[str, Any]]:
    """Let some of the panel outline a simulated exam, and save their masks and consensus in `out`.

    Returns what each did, for the record. Only technicians, errors and seed of the settings matter: an exam can be
    outlined again by others.
    """
    found, t1c = volumes.load(exam / "parts.nii.gz"), volumes.load(exam / "t1c.nii.gz")
    labels, brain = found.array, t1c.array > 0
    truth = Volume(((labels > 0) & (labels != HYPERINTENSITY)).astype(np.uint8), found.world_from_voxel)
    rng = np.random.default_rng([settings.seed, number, 0])
    fewest, most = settings.technicians
    chosen = rng.permutation(PANEL)[: rng.integers(fewest, most + 1)]
    parts = Parts(labels == OEDEMA, labels == HYPERINTENSITY)
    panel, told, drawn = settings.panel(), [], []
    for n, person in enumerate(chosen, 1):
        today = 1 - (1 - panel[person].dice) * float(np.exp(rng.normal(0, _DRAWN_TODAY / 0.12)))
        hand = replace(panel[person], dice=min(max(today, 0.3), 1.0))
        mask = outline(truth, hand, [settings.seed, number, n], brain, parts)
        volumes.save(out / f"outline_{n}.nii.gz", mask)
        drawn.append(mask.array > 0)
        reached = _dice(mask.array, truth.array)
        told.append(hand.as_dict() | {"technician": f"technician-{person + 1}", "dice_reached": reached})
    agreed = consensus(drawn).astype(np.uint8)
    volumes.save(out / "consensus.nii.gz", Volume(agreed, truth.world_from_voxel))
    return told


def _described(plan: Plan, tumour: Tumour, grid: Grid) -> dict[str, Any]:
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000
    return {
        "note": "Simulated on the ICBM152 template; no patient. All outlines are by simulated technicians.",
        "tumour": {
            "kind": plan.kind,
            "seeds_mni_mm": [[round(float(c), 1) for c in seed] for seed in plan.seeds_mm],
            "whole_ml": round(int(tumour.mask.sum()) * voxel_ml, 2),
            "core_ml": round(int((tumour.core > 0.5).sum()) * voxel_ml, 2),
            "rim_mm": round(plan.rim_mm, 2),
            "mass_effect": round(plan.shift, 2),
        },
    }


def _rounded(drawn: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in vars(drawn).items()}


def _dice(a: npt.NDArray, b: npt.NDArray) -> float:
    return round(2 * float(np.count_nonzero((a > 0) & (b > 0))) / float((a > 0).sum() + (b > 0).sum()), 4)
