"""Build the ensemble that ships anew: `python -m blindread_assets.ensemble.build WORK`.

It learns from simulated exams with simulated technicians' outlines: never from their true extents, never from a real
exam. There are three courses: the first among brains with much bright white matter that is no tumour, one to three
technicians an exam; the second goes on from its weights among other brains, with three technicians each; the third,
among others again, adds soft Dice to the loss and varies grey values more. Then the probability from which on a voxel
is tumour is chosen on further simulated exams, by the technicians' outlines. WORK gets everything that is made on the
way (about 6 GB); interrupted, the same command goes on. The same version of torch gives the same weights on the same
kind of processor. Each step is a command of `segmentation`, printed before it runs, and can be typed alone.
"""

import argparse
import csv
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from segmentation.__main__ import main as segmentation
from segmentation.ensemble import FILE_NAME, load_ensemble, member_paths, write_ensemble
from segmentation.errors import StudyError
from segmentation.training import recipes
from segmentation.training.logbook import HISTORY
from segmentation.weights import read_description
from segmentation.whole_file import write_whole

HERE = Path(__file__).parent
RECIPE, LAST_RECIPE = HERE / "recipe.toml", HERE / "recipe_third.toml"
COHORT_SIZE = 111
CALIBRATION_SEED, CALIBRATION_SIZE = 2031, 30
TEST_SEED, TEST_SIZE = 2027, 40
CLIP = (0.5, 99.5)
CLIPPED = ("--clip", *map(str, CLIP))
STRIPPED = ("--skull-stripped", "--co-registered")
TECHNICIANS = ("--technicians", "3")
AS_SIMULATED = ("--no-denoising", "--no-bias-correction")  # shading and noise stay in the exams it learns from


@dataclass(frozen=True)
class Course:
    """Simulated exams of its own, and a training on them from the weights that the course before has left."""

    name: str
    seed: int  # of the exams and of the training
    simulated_as: tuple[str, ...]
    is_last: bool = False

    @property
    def recipe(self) -> recipes.Recipe:
        """What the networks are trained with: that of the file, with a seed of its own."""
        usual = recipes.load_recipe(LAST_RECIPE if self.is_last else RECIPE)
        return replace(usual, members=replace(usual.members, seed=self.seed))

    def within(self, work: Path) -> Path:
        return work / self.name

    def ensemble(self, work: Path) -> Path:
        return self.within(work) / "ensemble"


COURSES = (
    Course("first", 2026, ("--look", "1")),
    Course("second", 2028, TECHNICIANS),
    Course("third", 2029, TECHNICIANS, is_last=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, test, and put what ships into the ensemble's folder in place of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="a new folder, or one to go on with")
    parser.add_argument("--real", type=Path, metavar="EXAMS", help="real, skull-stripped exams with masks to test on")
    parser.add_argument("--out", type=Path, default=HERE, help="where to put it (default: here)")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (default 1)")
    options = parser.parse_args(arguments)
    return carried_out(lambda: _build(options.work, options.real, options.out, ("--jobs", str(options.jobs))))


def carried_out(course: Callable[[], None]) -> int:
    """The exit status of a course; what went wrong is said in a sentence."""
    try:
        course()
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _build(work: Path, real: Path | None, out: Path, jobs: Sequence[str]) -> None:
    train(work, jobs)
    ship(work, out)
    draw_curves(out)
    calibrate(work, out, jobs)
    test_simulated(work, out, jobs)
    if real is not None:
        test_real(work, real, out, jobs)


def train(work: Path, jobs: Sequence[str]) -> None:
    """Course by course: simulated exams, prepared, and five networks trained on them."""
    start: tuple[object, ...] = ()
    for course in COURSES:
        place = course.within(work)
        cohort, prepared, recipe = place / "cohort", place / "prepared", place / "recipe.toml"
        run("simulate", cohort, "--seed", course.seed, "--count", COHORT_SIZE, *course.simulated_as, *jobs)
        run("preprocess", cohort, prepared, *STRIPPED, *AS_SIMULATED, *CLIPPED, *jobs)
        write_whole(recipe, recipes.as_toml(course.recipe).encode())
        run("train", prepared, course.ensemble(work), "--recipe", recipe, *start, *jobs)
        start = ("--from", course.ensemble(work))


def ship(work: Path, out: Path) -> None:
    """The networks of the last course, the history of every course, and what is on record of them."""
    trained = COURSES[-1].ensemble(work)
    weights = member_paths(trained)
    minutes = 0.0
    for path in weights:
        folder = out / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for file in (path, path.with_suffix(".json")):
            shutil.copyfile(file, folder / file.name)
        for course in COURSES:
            history = course.ensemble(work) / path.parent.name / HISTORY
            minutes += float(_rows(history)[-1]["minutes"])
            shutil.copyfile(history, folder / history_name(course))
    shipped = [out / path.parent.name / path.name for path in weights]
    provenance = load_ensemble(trained).provenance
    made = ", ".join(f"--seed {course.seed} {' '.join(course.simulated_as)}" for course in COURSES)
    record = {
        "data": f"{len(COURSES)} courses of {COHORT_SIZE} simulated exams each (segmentation simulate {made}), "
        "outlined by simulated technicians; no real exam, no true extent",
        "hours": round(minutes / 60, 2),
        "machine": f"{platform.machine()}, {_processor()}, {psutil.cpu_count(logical=False) or '?'} cores",
        "versions": read_description(weights[0])["provenance"]["versions"],
    }
    provenance["preprocessing"] = [*provenance["preprocessing"], *_meant_for(provenance["preprocessing"][0])]
    write_ensemble(out, shipped, {**provenance, "record": record})
    print(f"{out / FILE_NAME}: {len(shipped)} networks, {record['hours']} hours of training")


def history_name(course: Course) -> str:
    """What a network's history of one course is called among what ships."""
    return f"history_{course.name}.csv"


def draw_curves(out: Path) -> None:
    """Loss and Dice on the segments trained with, of each network, epoch by epoch; into curves.png."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained", dpi=150)
    axes = figure.subplots(1, 2)
    for folder in sorted(out.glob("member-*")):
        courses = [_rows(folder / history_name(course)) for course in COURSES]
        lasted = [0, *np.cumsum([len(rows) for rows in courses])]
        for axis, column in zip(axes, ("loss", "dice"), strict=True):
            epochs = [start + int(row["epoch"]) for start, rows in zip(lasted, courses, strict=False) for row in rows]
            axis.plot(epochs, [float(row[column]) for rows in courses for row in rows], label=folder.name, linewidth=1)
            for end in lasted[1:-1]:
                axis.axvline(end + 0.5, color="#7a7a7a", linewidth=0.8, linestyle=":")
    for axis, name in zip(axes, ("cross entropy", "Dice, segments trained with"), strict=True):
        axis.set_xlabel("epoch (dotted: another course begins)")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=7, loc="lower right")
    figure.savefig(out / "curves.png")


def calibrate(work: Path, out: Path, jobs: Sequence[str]) -> None:
    """Choose the threshold on simulated exams of neither the training nor the test, by what technicians drew."""
    place = work / "calibration"
    run("simulate", place / "cohort", "--seed", CALIBRATION_SEED, "--count", CALIBRATION_SIZE, *TECHNICIANS, *jobs)
    run("predict", place / "cohort", out, place / "predicted", *STRIPPED, "--probability", *jobs)
    run("calibrate", place / "predicted", place / "cohort", out, "--reference-name", "consensus.nii.gz", *jobs)


def _meant_for(trained: dict) -> list[dict]:
    """Real exams are prepared with denoising and bias correction, whole heads or stripped ones; that is meant so."""
    usual = {**trained, "denoising_iterations": 5, "has_bias_correction": True}
    return [{**usual, "is_skull_stripped": stripped, "is_co_registered": stripped} for stripped in (True, False)]


def test_simulated(work: Path, out: Path, jobs: Sequence[str]) -> None:
    """Other simulated exams, against their true extents."""
    test = work / "test"
    run("simulate", test / "cohort", "--seed", TEST_SEED, "--count", TEST_SIZE, *jobs)
    run("predict", test / "cohort", out, test / "predicted", *STRIPPED, *jobs)
    _evaluate(test, test / "cohort", "truth.nii.gz", out, "simulated", jobs)


def test_real(work: Path, exams: Path, out: Path, jobs: Sequence[str]) -> None:
    """Real exams, against their experts' masks."""
    test = work / "real"
    run("predict", exams, out, test / "predicted", *STRIPPED, *jobs)
    _evaluate(test, exams, "seg.nii.gz", out, "real", jobs)


def _evaluate(test: Path, reference: Path, name: str, out: Path, kind: str, jobs: Sequence[str]) -> None:
    run("evaluate", test / "predicted", reference, test / "results", "--reference-name", name, *jobs)
    for table in ("metrics", "summary"):
        shutil.copyfile(test / "results" / f"{table}.csv", out / f"{kind}_{table}.csv")
    if kind == "simulated":  # the terms of real exams keep their pictures with them
        shutil.copyfile(test / "results" / "worst.png", out / "simulated_worst.png")


def run(*words: object) -> None:
    """A command of `segmentation`; raises StudyError if it fails."""
    print(f"\n$ segmentation {' '.join(map(str, words))}", flush=True)
    code = segmentation([str(word) for word in words])
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise StudyError(f"segmentation {words[0]} ended with {code}.", remedy="See above; then run this again.")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "processor unknown")


if __name__ == "__main__":
    sys.exit(main())
