"""A small study that is open and handed out: readers R01 and R02, one practice exam and three that count."""

import shutil
from pathlib import Path

from study_admin.blinding.export import Sealing, seal_study, write_packages
from study_admin.design import Arm, Study, source_guess
from study_admin.exams import find_exams
from study_admin.store import StudyStore
from tests.study_admin.made_up_exams import write_exam
from tests.study_admin.quick_seal import quick_seals

WORDS = "six words that only this test needs"


def hand_out(folder: Path) -> Path:
    """Make the study in a folder: `study.sqlite`, `keys` (sealed quickly) and `packages`; returns the folder."""
    for number in range(1, 5):
        write_exam(folder / "exams" / f"case{number:02}", number)
    arms = (Arm("by hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
    exams = find_exams(folder / "exams", arms, practice=("case01",))
    study = Study(arms=arms, exams=exams, readers=("R01", "R02"), title="Two readers", closing=(source_guess(1),))
    with quick_seals(), StudyStore.create(folder / "study.sqlite", study, who="A. Coordinator") as store:
        opening = seal_study(study, {}, folder / "keys", Sealing(WORDS))
        store.open_study(study, (), lambda chosen: opening)
        store.record_handed_out(write_packages(study, opening, folder / "keys", WORDS, folder / "packages"))
    return folder


def copy_of(study: Path, folder: Path) -> Path:
    """The study as it was handed out, to be read and collected by one test."""
    return Path(shutil.copytree(study, folder))
