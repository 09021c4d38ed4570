"""The paper's boldest claim, tested: does a network outperform the technicians whose outlines it learned from?

`python -m blindread_assets.ensemble.claim WORK`, with the WORK folder of `blindread_assets.ensemble.build`. In real
exams nobody knows the truth; in simulated ones it is known, so that technicians and network can both be held against
it. The same simulated people are outlined anew by technicians who err as usual or more, alone or three at a time; one
network is trained on each set of outlines, all by one recipe, and measured on other simulated people. Interrupted, the
same command goes on.
"""

import argparse
import csv
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from blindread_assets.ensemble import build
from segmentation import metrics, volumes
from segmentation.cohort import results, run_each
from segmentation.phantom.simulation import Settings, outline_exam
from segmentation.training import recipes
from segmentation.whole_file import write_whole

HERE = Path(__file__).parent
TRAINED_ON = 60  # exams; the first of the ensemble's own
IMAGES = ("t1c.nii.gz", "flair.nii.gz", "parts.nii.gz", "truth.nii.gz")
COLUMNS = ("errors", "technicians", "exam", "technician", "consensus", "network", "network_against_consensus")


@dataclass(frozen=True)
class Condition:
    """How the outlines come about that a network learns from: times the usual errors, and technicians an exam."""

    errors: float
    technicians: int

    @property
    def name(self) -> str:
        return f"errors-{self.errors:g}-technicians-{self.technicians}"

    def settings(self, seed: int) -> Settings:
        return Settings(seed, technicians=(self.technicians, self.technicians), errors=self.errors)


LEARNED_FROM = build.COURSES[1]  # whose images the networks see, under other outlines
CONDITIONS = tuple(Condition(errors, count) for errors in (1.0, 2.0, 3.0) for count in (1, 3))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and measure under each condition; a table and a figure into the ensemble's folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="where the ensemble was built")
    parser.add_argument("--out", type=Path, default=HERE, help="where the table goes (default: here)")
    parser.add_argument("--figure", type=Path, default=HERE.parent / "screenshots" / "claim.png", help="a .png file")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (default 1)")
    options = parser.parse_args(arguments)
    return build.carried_out(lambda: _claim(options.work, options.out, options.figure, ("--jobs", str(options.jobs))))


def _claim(work: Path, out: Path, figure: Path, jobs: Sequence[str]) -> None:
    rows = [row for condition in CONDITIONS for row in tested(condition, work, jobs)]
    write_table(out / "claim.csv", rows)
    draw(rows, figure)


def tested(condition: Condition, work: Path, jobs: Sequence[str]) -> list[dict[str, object]]:
    """Outline, train and measure under one condition: a row for each test exam."""
    place = work / "claim" / condition.name
    done = place / "rows.json"
    if done.exists():
        return list(json.loads(done.read_text(encoding="utf-8")))
    course = LEARNED_FROM
    learned = outlined(course.within(work) / "cohort", place / "cohort", condition.settings(course.seed), TRAINED_ON)
    asked = outlined(work / "test" / "cohort", place / "test", condition.settings(build.TEST_SEED), build.TEST_SIZE)
    build.run("preprocess", learned, place / "prepared", *build.STRIPPED, *build.AS_SIMULATED, *build.CLIPPED, *jobs)
    recipe = place / "recipe.toml"
    usual = recipes.load_recipe(build.RECIPE)
    recipe.write_text(recipes.as_toml(replace(usual, members=replace(usual.members, count=1))), encoding="utf-8")
    build.run("train", place / "prepared", place / "network", "--recipe", recipe)
    prepared = work / "test" / "predicted" / "prepared"
    build.run("predict", prepared, place / "network", place / "predicted", *jobs)
    exams = sorted(asked.iterdir())
    measured = results(run_each(partial(measure, predicted=place / "predicted"), exams, label="exams measured"))
    rows = [{"errors": condition.errors, "technicians": condition.technicians, **row} for row in measured]
    write_whole(done, json.dumps(rows).encode())
    return rows


def outlined(cohort: Path, out: Path, settings: Settings, count: int) -> Path:
    """The first exams of a cohort with other technicians' outlines of the same images."""
    exams = [out / f"sim-{number:03d}" for number in range(1, count + 1)]
    results(run_each(partial(_outline, cohort=cohort, settings=settings), exams, label="exams outlined"))
    return out


def _outline(exam: Path, cohort: Path, settings: Settings) -> None:
    if exam.exists():
        return
    draft = exam.with_name(f".{exam.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name in IMAGES:
        shutil.copyfile(cohort / exam.name / name, draft / name)
    outline_exam(draft, draft, settings, int(exam.name.removeprefix("sim-")))
    draft.rename(exam)


def measure(exam: Path, predicted: Path) -> dict[str, object]:
    """Dice of one exam: a technician, their consensus and the network against the truth, the network against them."""
    truth, consensus, network = (
        volumes.load(path).array > 0
        for path in (exam / "truth.nii.gz", exam / "consensus.nii.gz", predicted / exam.name / "mask.nii.gz")
    )
    outlines = [volumes.load(path).array > 0 for path in sorted(exam.glob("outline_*.nii.gz"))]
    return {
        "exam": exam.name,
        "technician": float(np.mean([metrics.dice(outline, truth) for outline in outlines])),
        "consensus": metrics.dice(consensus, truth),
        "network": metrics.dice(network, truth),
        "network_against_consensus": metrics.dice(network, consensus),
    }


def write_table(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """One line for each test exam and condition."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({name: f"{v:.4f}" if isinstance(v, float) else v for name, v in row.items()} for row in rows)


def draw(rows: Sequence[dict[str, object]], path: Path) -> None:
    """Mean Dice under each condition, with the 95 % interval of the mean over test exams."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained", dpi=150)
    axes = figure.subplots(1, 2, sharey=True)
    series = {
        "technician": ("a technician, with the truth", "o", "#7a7a7a", "#7a7a7a"),
        "consensus": ("what three agree on, with the truth", "s", "#1f6f8b", "#1f6f8b"),
        "network": ("network trained on their outlines, with the truth", "D", "#c8421f", "#c8421f"),
        "network_against_consensus": ("the same network, with their outlines", "D", "#c8421f", "white"),
    }
    for axis, count in zip(axes, (1, 3), strict=True):
        levels = sorted({float(str(row["errors"])) for row in rows if row["technicians"] == count})
        for shift, (column, (label, marker, colour, face)) in enumerate(series.items()):
            if column == "consensus" and count == 1:
                continue  # one technician's consensus is the outline
            found = [_values(rows, level, count, column) for level in levels]
            means = [values.mean() for values in found]
            spread = [1.96 * values.std(ddof=1) / np.sqrt(len(values)) for values in found]
            at = np.arange(len(levels)) + (shift - 1.5) * 0.12
            axis.errorbar(at, means, spread, fmt=marker, color=colour, mfc=face, label=label, capsize=3)
        axis.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axis.set_xlabel("technicians' errors, times the usual")
        axis.set_title("one technician an exam" if count == 1 else "three technicians an exam", fontsize=10)
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel("mean Dice (95 % interval)")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(path)


def _values(rows: Sequence[dict[str, object]], errors: float, technicians: int, column: str) -> np.ndarray:
    return np.array(
        [float(str(row[column])) for row in rows if row["errors"] == errors and row["technicians"] == technicians]
    )


if __name__ == "__main__":
    sys.exit(main())
