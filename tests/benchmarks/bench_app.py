"""The app as a whole: process start to first exam, next exam fetched ahead and cold, memory after twenty exams.

Run by `make bench`. Each start is a process of its own, timed from before it is made.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from reader_app.session.model import ReaderProfile
from reader_app.session.package import open_package
from reader_app.session.store import SessionStore
from reader_app.sitting import Sitting
from segmentation import volumes
from segmentation.volumes import Volume
from study_admin.blinding.export import Sealing, make_packages
from study_admin.design import Arm, MaskRule, Study
from study_admin.exams import find_exams

EXAMS = Path(__file__).parents[2].parent / "shared/data/exams"
COUNT, STARTS = 20, 5


def main() -> None:
    if not EXAMS.is_dir():
        print("bench_app: skipped, the real exams (../shared) are not on this machine")
        return
    with tempfile.TemporaryDirectory() as scratch:
        package = _package(Path(scratch))
        home = str(Path(scratch) / "home")
        runs = [_run(package, home, walks=number == STARTS) for number in range(STARTS + 1)]
    starts = [run["start_ms"] for run in runs[1:]]  # the first warms the disk's cache
    last = runs[-1]
    print(f"start to first exam, warm: median {median(starts):.0f} ms of {STARTS} (target 2500)")
    print(
        f"next exam, fetched ahead:  median {median(last['ahead_ms']):.0f} ms, worst {max(last['ahead_ms']):.0f} (100)"
    )
    print(
        f"an exam, cold:             median {median(last['cold_ms']):.0f} ms, worst {max(last['cold_ms']):.0f} (1000)"
    )
    print(f"memory after {COUNT} exams:     peak {last['peak_mb']:.0f} MB (700)")


def _package(scratch: Path) -> Path:
    """Twenty real exams, the expert's mask against the same one moved by a voxel, past the introduction."""
    exams = scratch / "exams"
    for source in sorted(EXAMS.iterdir())[:COUNT]:
        (exams / source.name).mkdir(parents=True)
        for name in ("t1c.nii.gz", "flair.nii.gz", "seg.nii.gz"):
            (exams / source.name / name).symlink_to(source / name)
        mask = volumes.load(source / "seg.nii.gz")
        moved = Volume((np.roll(mask.array, 1, axis=0) > 0).astype(np.uint8), mask.world_from_voxel)
        volumes.save(exams / source.name / "moved.nii.gz", moved)
    arms = (Arm("expert", ("seg.nii.gz",)), Arm("moved", ("moved.nii.gz",)))
    study = Study(arms, find_exams(exams, arms), ("R01",), mask_rule=MaskRule.NONZERO)
    made = make_packages(study, scratch / "out", scratch / "key", Sealing("a benchmark keeps no secret from anyone"))
    package = open_package(made.packages[0])
    with SessionStore.open(package.session, package.manifest, app_version="benchmark") as store:
        store.record_profile(ReaderProfile("Neuroradiology", 9, "S1", "A Reader"))
        Sitting(store, package).keep(is_introduced=True)
    return package.folder


def _run(package: Path, home: str, *, walks: bool) -> dict[str, list[float]]:
    now = str(time.time())  # the system's own start time of a process is off by up to a second
    command = [sys.executable, "-m", "tests.benchmarks.one_start", str(package), now, *(["walk"] if walks else [])]
    done = subprocess.run(command, env=os.environ | {"BLINDREAD_HOME": home}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
