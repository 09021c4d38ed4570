"""A cohort of simulated exams as a study wants it: by the commands of `segmentation`, each in a process of its own.

simulate, then predict, which prepares the exams as its ensemble wants them; each goes on where it was interrupted. The
study's exams are the simulated ones with the technicians' consensus and the network's mask beside.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from segmentation.errors import StudyError
from study_admin.blinding.drafts import drafts
from study_admin.rehearsal.place import disk
from study_admin.rehearsal.source import ARMS

# as `segmentation simulate` and `segmentation predict` name them
_T1C, _FLAIR, TRUTH, _CONSENSUS, _PREDICTED = (
    "t1c.nii.gz", "flair.nii.gz", "truth.nii.gz", "consensus.nii.gz", "mask.nii.gz",
)  # fmt: skip
_PREPARING = ("--skull-stripped", "--co-registered")  # as simulated exams are
_RECORD = "ensemble.json"


@dataclass(frozen=True)
class Cohort:
    """Where its stages lie: exams as scanned, prepared, segmented, and as the study takes them."""

    path: Path

    @property
    def raw(self) -> Path:
        return self.path / "raw"

    @property
    def prepared(self) -> Path:
        return self.path / "prepared"

    @property
    def predicted(self) -> Path:
        return self.path / "predicted"

    @property
    def exams(self) -> Path:
        return self.path / "exams"


def make_cohort(cohort: Cohort, count: int, seed: int, ensemble: Path | None, jobs: int | None) -> Path:
    """So many exams, simulated, prepared and segmented; returns the study's folder of exams.

    Without an ensemble `predict` takes the one that comes with Blindread.

    Finished stages are left as they are, and each command begins at the exam where it was stopped. Raises StudyError
    if a command fails; its own sentence stands above.
    """
    if ensemble is not None and not (ensemble / _RECORD).is_file():  # before hours of simulation
        remedy = "Give the folder that `segmentation train` wrote."
        raise StudyError("There is no trained ensemble here.", file=ensemble, remedy=remedy)
    if cohort.exams.is_dir():
        return cohort.exams
    with disk(cohort.path):
        cohort.path.mkdir(parents=True, exist_ok=True)
    at_a_time = () if jobs is None else ("--jobs", str(jobs))
    _segmentation("simulate", cohort.raw, "--count", count, "--seed", seed, *at_a_time)
    preparing = (*_PREPARING, "--prepared", cohort.prepared)  # by predict, which knows the ensemble's own steps
    networks = () if ensemble is None else (ensemble,)
    _segmentation("predict", cohort.raw, *networks, cohort.predicted, *preparing, *at_a_time)
    _put_together(cohort)
    return cohort.exams


def _segmentation(*words: object) -> None:
    """A command of `segmentation`, with its progress on this screen."""
    command = [sys.executable, "-m", "segmentation", *map(str, words)]
    print(f"\n$ segmentation {' '.join(map(str, words))}", flush=True)
    code = _run(command)
    if code == 130:
        raise KeyboardInterrupt
    if code:
        what = f"`segmentation {words[0]}` did not end well (exit status {code})."
        raise StudyError(what, remedy="What it says above is to be mended; then run this again: what is done is kept.")


def _run(command: Sequence[str]) -> int:
    """Ctrl-C reaches the command as well, which ends by itself; it is waited for."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def _put_together(cohort: Cohort) -> None:
    """Each exam with one mask an arm; whole or not at all."""
    technician, network = (arm.patterns[0] for arm in ARMS)
    names = sorted(folder.name for folder in cohort.raw.iterdir() if (folder / _T1C).is_file())
    with drafts(cohort.exams) as (draft,):
        for name in names:
            raw, exam = cohort.raw / name, draft / name
            parts = {_T1C: raw / _T1C, _FLAIR: raw / _FLAIR, TRUTH: raw / TRUTH, technician: raw / _CONSENSUS,
                     network: cohort.predicted / name / _PREDICTED}  # fmt: skip
            missing = [path for path in parts.values() if not path.is_file()]
            if missing:
                remedy = "Run the rehearsal again; if it stays away, give another seed."
                raise StudyError(
                    "The file is missing, so that the cohort is not whole.", file=missing[0], remedy=remedy
                )
            exam.mkdir()
            for target, path in parts.items():
                copyfile(path, exam / target)
        draft.chmod(0o755)
