"""Build the ensemble that ships anew: `python -m blindread_assets.ensemble.build WORK`.

It learns from simulated exams with simulated technicians' outlines: never from their true extents, never from a real
exam. WORK gets everything that is made on the way (about 3 GB); interrupted, the same command goes on. The same version
of torch gives the same weights on the same kind of processor. Each step is a command of `segmentation`, printed before
it runs, and can be typed alone.
"""

import argparse
import csv
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from segmentation.__main__ import main as segmentation
from segmentation.ensemble import FILE_NAME, load_ensemble, member_paths, write_ensemble
from segmentation.errors import StudyError
from segmentation.weights import read_description

HERE = Path(__file__).parent
RECIPE = HERE / "recipe.toml"
COHORT_SEED, COHORT_SIZE = 2026, 111
TEST_SEED, TEST_SIZE = 2027, 40
CLIP = (0.5, 99.5)
CLIPPED = ("--clip", *map(str, CLIP))
STRIPPED = ("--skull-stripped", "--co-registered")
AS_SIMULATED = ("--no-denoising", "--no-bias-correction")  # shading and noise stay in the exams it learns from
_HISTORY = "history.csv"


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
    ship(work / "ensemble", out)
    test_simulated(work, out, jobs)
    if real is not None:
        test_real(work, real, out, jobs)


def train(work: Path, jobs: Sequence[str]) -> None:
    """Simulated exams, prepared, and five networks trained on them."""
    cohort, prepared = work / "cohort", work / "prepared"
    run("simulate", cohort, "--seed", COHORT_SEED, "--count", COHORT_SIZE, *jobs)
    run("preprocess", cohort, prepared, *STRIPPED, *AS_SIMULATED, *CLIPPED, *jobs)
    run("train", prepared, work / "ensemble", "--recipe", RECIPE, *jobs)


def ship(trained: Path, out: Path) -> None:
    """The networks with their history, and what is on record of them."""
    weights = member_paths(trained)
    for path in weights:
        folder = out / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for file in (path, path.with_suffix(".json"), path.with_name(_HISTORY)):
            shutil.copyfile(file, folder / file.name)
    shipped = [out / path.parent.name / path.name for path in weights]
    provenance = load_ensemble(trained).provenance
    histories = [_rows(path.with_name(_HISTORY)) for path in weights]
    record = {
        "data": f"{COHORT_SIZE} simulated exams (segmentation simulate --seed {COHORT_SEED}), outlined by simulated "
        "technicians; no real exam, no true extent",
        "hours": round(sum(float(rows[-1]["minutes"]) for rows in histories) / 60, 2),
        "machine": f"{platform.machine()}, {_processor()}, {psutil.cpu_count(logical=False) or '?'} cores",
        "versions": read_description(weights[0])["provenance"]["versions"],
    }
    provenance["preprocessing"] = [*provenance["preprocessing"], *_meant_for(provenance["preprocessing"][0])]
    write_ensemble(out, shipped, {**provenance, "record": record})
    print(f"{out / FILE_NAME}: {len(shipped)} networks, {record['hours']} hours of training")


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
