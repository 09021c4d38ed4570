"""A whole study through the command line: new, assign, open, export, read, collect, lock, unblind, tables.

Which arm stood where is not asked of the code that is tested: the voxels of each package's mask A are compared with
the masks that the arms delivered.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from reader_app.session.model import Side
from reader_app.session.package import open_package
from reader_app.session.parcel import unpack_parcel
from segmentation import volumes
from study_admin.__main__ import main
from tests.study_admin.made_up_exams import write_exam
from tests.study_admin.scripted_readers import packages_in, read_package

SHARED = Path(__file__).parents[2] / "shared/data/exams"
WORDS = "gravel otter thimble coast lantern fig"
THIRD = "six other words of a third person"
READERS = ("R01", "R02", "R03", "R04", "R05", "R06")
# expert against a real network's segmentation of the same tumour
REAL = (
    "b18-2013-3", "b18-CBICA-ALU", "b18-CBICA-AQN", "b18-TCIA01-201", "b18-TCIA01-425", "b18-TCIA01-499",
    "b18-TCIA02-135", "b18-TCIA02-370", "b18-TCIA02-606", "b18-TCIA03-265", "b18-TCIA10-628",
)  # fmt: skip

DESIGN = """
[study]
title = "Which outline is better?"
version = "1.2"

[images]
practice = {practice}

[masks]
rule = "nonzero"

[[arm]]
name = "expert"
masks = "{expert}"

[[arm]]
name = "machine"
masks = "{machine}"

[groups]
count = 2
readers_per_group = 3
exams_per_group = {exams}

[blinding]
guesses = 2
"""


def made_up(folder: Path) -> tuple[list[str], str, str]:
    """Twelve study exams and one for practice, of 20 × 22 × 8 voxels."""
    names = [f"case{number:02}" for number in range(13)]
    for number, name in enumerate(names):
        write_exam(folder / name, number)
    return names, "hand.nii.gz", "machine.nii.gz"


def real(folder: Path) -> tuple[list[str], str, str]:
    """Twelve study exams and one for practice, of 240 × 240 × 155 voxels."""
    if not SHARED.is_dir():
        pytest.skip("the real exams (../shared) are not on this machine")
    names = sorted(path.parent.name for path in SHARED.glob("*/segnet_*.nii.gz"))
    names = list(dict.fromkeys(names))[:13]
    assert len(names) == 13
    for name in names:
        (folder / name).mkdir(parents=True)
        for file in ("t1c.nii.gz", "flair.nii.gz", "seg.nii.gz"):
            (folder / name / file).symlink_to(SHARED / name / file)
        (folder / name / "network.nii.gz").symlink_to(min((SHARED / name).glob("segnet_*.nii.gz")))
    return names, "seg.nii.gz", "network.nii.gz"


Exams = Callable[[Path], tuple[list[str], str, str]]


@pytest.mark.parametrize("exams", [made_up, pytest.param(real, marks=pytest.mark.long)])
def test_from_folders_to_unblinded_tables(exams: Exams, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, expert, machine = exams(tmp_path / "exams")
    design, study = tmp_path / "study.toml", tmp_path / "study"
    practice = json.dumps(names[:1])
    design.write_text(DESIGN.format(practice=practice, expert=expert, machine=machine, exams=(len(names) - 1) // 2))
    (tmp_path / "words.txt").write_text(f"{WORDS}\n")
    (tmp_path / "third.txt").write_text(f"{THIRD}\n")
    own = ["--passphrase-file", str(tmp_path / "words.txt")]

    def admin(*words: object) -> str:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    admin("new", study, "--design", design, "--exams", tmp_path / "exams")
    admin("assign", study, "R04=1", "--who", "Coordinator")
    said = admin("open", study, *own, "--third-person-passphrase-file", tmp_path / "third.txt")
    assert "Commitment" in said
    key = study / "keys/allocation-third-person.sealed-key"
    said = admin("regenerate", key, study / "keys/study.json", "--passphrase-file", tmp_path / "third.txt")
    assert said == "equal\n"

    admin("export", study, *own, "--readers", "R01,R02,R03")
    admin("export", study, *own, "--readers", "R04,R05,R06", "--mail", "--out", tmp_path / "mailed")
    desks = {folder.name: folder for folder in packages_in(study / "packages")}
    for code in READERS[3:]:
        desks[code] = unpack_parcel(tmp_path / f"mailed/{code}.blindread")
    assert sorted(desks) == list(READERS)

    arms = {"expert": expert, "machine": machine}
    truth = {code: sides_by_voxels(folder, tmp_path / "exams", names, arms) for code, folder in desks.items()}
    results = [read_package(folder, scores_of(code), to=tmp_path) for code, folder in desks.items()]
    assert "R06" in admin("progress", study, tmp_path)
    admin("collect", study, *results)
    admin("collect", study, *results)  # taken twice, counted once

    blinded = tmp_path / "blinded"
    admin("tables", study, "--out", blinded)
    for path in blinded.rglob("*"):
        assert not path.is_file() or b"machine" not in path.read_bytes(), path
    check_long(blinded / "long.csv", truth, arms=False)

    admin("lock", study)
    admin("unblind", study, *own)
    admin("tables", study, "--out", tmp_path / "unblinded")
    check_long(tmp_path / "unblinded/long.csv", truth, arms=True)
    trail = admin("audit", study)
    acts = [line.split("  ")[3] for line in trail.splitlines() if "  " in line.strip()]
    assert "unbroken" in trail
    for act in ("choose group", "open", "hand out", "collect", "lock", "unblind", "write tables"):
        assert act in trail, acts


def scores_of(code: str) -> Callable[[int, Side], int]:
    """A score that says who gave it, where and on which side: any mix-up changes a table."""
    return lambda position, side: (3 * int(code[1:]) + position + 5 * (side is Side.B)) % 11


def sides_by_voxels(package: Path, exams: Path, names: list[str], arms: dict[str, str]) -> dict[int, tuple[str, str]]:
    """For each position the exam's name and the arm on side A, found by comparing voxels."""
    opened = open_package(package)
    sources = {name: nibabel.load(exams / name / "t1c.nii.gz").get_fdata() for name in names}
    found = {}
    for reading in opened.manifest.readings:
        if reading.is_practice:
            continue
        shown = {part: volumes.load_bytes(opened.read_image(reading.reading_id, part), part) for part in ("T1c", "A")}
        image = as_ras(shown["T1c"].array, shown["T1c"].world_from_voxel)
        (name,) = [name for name, array in sources.items()
                   if array.shape == image.shape and np.allclose(as_ras_of(exams / name / "t1c.nii.gz"), image)]  # fmt: skip
        mask = as_ras(shown["A"].array, shown["A"].world_from_voxel) > 0
        (arm,) = [arm for arm, file in arms.items() if np.array_equal(as_ras_of(exams / name / file) > 0, mask)]
        found[reading.position] = (name, arm)
    return found


def as_ras(array: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """By nibabel, not by the code that is tested."""
    return np.asarray(nibabel.as_closest_canonical(nibabel.Nifti1Image(array, affine)).dataobj)


def as_ras_of(path: Path) -> np.ndarray:
    return np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj)


def check_long(path: Path, truth: dict[str, dict[int, tuple[str, str]]], *, arms: bool) -> None:
    """Every reader, exam, side and score, none missing, and none twice."""
    with (path.parent / "exams.csv").open(encoding="utf-8", newline="") as file:
        name_of = {row["exam"]: row["name"] for row in csv.DictReader(file)}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["reader"], int(row["position"]), row["side"]): row for row in rows}
    assert len(found) == len(rows) == sum(2 * len(readings) for readings in truth.values())
    for code, readings in truth.items():
        for position, (name, arm_on_a) in readings.items():
            for side in Side:
                row = found[code, position, side.value]
                assert name_of[row["exam"]] == name
                assert int(row["score"]) == scores_of(code)(position, side)
                other = {"expert": "machine", "machine": "expert"}[arm_on_a]
                assert not arms or row["source"] == (arm_on_a if side is Side.A else other)
                assert arms or "source" not in row
