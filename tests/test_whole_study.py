"""A whole study through the command line: new, assign, open, export, read, collect, lock, unblind, tables.

Which arm stood where is not asked of the code that is tested: the voxels of each package's mask A are compared with
the masks that the arms delivered. And all that a reader gets, and all that anybody sees before the unblinding, is
searched for the names of arms, exams and files: opened as a reader could open it, with controls that are found.
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
from tests.study_admin.told import words_in

SHARED = Path(__file__).parents[2] / "shared/data/exams"
WORDS = "gravel otter thimble coast lantern fig"
THIRD = "six other words of a third person"
READERS = ("R01", "R02", "R03", "R04", "R05", "R06")
# words that occur nowhere else
T1C, FLAIR = "ser05_gadolinium.nii.gz", "ser07_darkfluid.nii.gz"
MASK_OF = {"handiwork": "otto_drew.nii.gz", "clockwork": "unet_fold0.nii.gz"}
ARMS = tuple(MASK_OF)
STEMS = tuple(name.removesuffix(".nii.gz") for name in (T1C, FLAIR, *MASK_OF.values()))
TABLE_FORMATS = {".csv", ".xlsx", ".parquet", ".sav", ".xpt", ".R", ".sps", ".sas", ".txt"}

DESIGN = """
[study]
title = "Which outline is better?"
version = "1.2"

[images]
t1c = "{t1c}"
flair = "{flair}"
practice = {practice}

[masks]
rule = "nonzero"

[[arm]]
name = "handiwork"
masks = "{masks[handiwork]}"

[[arm]]
name = "clockwork"
masks = "{masks[clockwork]}"

[groups]
count = 2
readers_per_group = 3
exams_per_group = {exams}

[blinding]
guesses = 2
"""


def made_up(folder: Path) -> tuple[list[str], list[str]]:
    """Twelve study exams and one for practice, of 20 × 22 × 8 voxels; with words that are in the files themselves."""
    names = [f"case{number:02}" for number in range(13)]
    given = ("t1c.nii.gz", "flair.nii.gz", "hand.nii.gz", "machine.nii.gz")
    for number, name in enumerate(names):
        write_exam(folder / name, number)
        for old, new in zip(given, (T1C, FLAIR, *MASK_OF.values()), strict=True):
            (folder / name / old).rename(folder / name / new)
    return names, ["Smith^John 1956", "drawn by hand", "t1c_smith", "hand_jones"]


def real(folder: Path) -> tuple[list[str], list[str]]:
    """Twelve study exams and one for practice, of 240 × 240 × 155 voxels."""
    if not SHARED.is_dir():
        pytest.skip("the real exams (../shared) are not on this machine")
    names = sorted(path.parent.name for path in SHARED.glob("*/segnet_*.nii.gz"))
    names = list(dict.fromkeys(names))[:13]
    assert len(names) == 13
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / T1C).symlink_to(SHARED / name / "t1c.nii.gz")
        (folder / name / FLAIR).symlink_to(SHARED / name / "flair.nii.gz")
        (folder / name / MASK_OF["handiwork"]).symlink_to(SHARED / name / "seg.nii.gz")
        (folder / name / MASK_OF["clockwork"]).symlink_to(min((SHARED / name).glob("segnet_*.nii.gz")))
    return names, []


Exams = Callable[[Path], tuple[list[str], list[str]]]


@pytest.mark.parametrize("exams", [made_up, pytest.param(real, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_from_folders_to_unblinded_tables(exams: Exams, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, inner = exams(tmp_path / "exams")
    words = [*ARMS, *STEMS, *names, *inner]
    design, study = tmp_path / "study.toml", tmp_path / "study"
    practice = json.dumps(names[:1])
    filled = {"t1c": T1C, "flair": FLAIR, "masks": MASK_OF, "exams": (len(names) - 1) // 2}
    design.write_text(DESIGN.format(practice=practice, **filled))
    (tmp_path / "words.txt").write_text(f"{WORDS}\n")
    (tmp_path / "third.txt").write_text(f"{THIRD}\n")
    own = ["--passphrase-file", str(tmp_path / "words.txt")]
    admin = Admin(capsys)

    admin("new", study, "--design", design, "--exams", tmp_path / "exams")
    check_sources(tmp_path / "exams", study, [*STEMS, *inner], [*ARMS, *names], admin.spoken.pop())
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

    given = [study / "packages", tmp_path / "mailed"]
    assert words_in(given, words) == {}

    truth = {code: sides_by_voxels(folder, tmp_path / "exams", names) for code, folder in desks.items()}
    results = [read_package(folder, scores_of(code), to=tmp_path) for code, folder in desks.items()]
    assert "R06" in admin("progress", study, tmp_path)
    admin("collect", study, *results)
    admin("collect", study, *results)  # taken twice, counted once
    left = [path for desk in desks.values() for path in desk.iterdir() if path.is_file()]
    assert words_in([*left, *results], words) == {}  # what reading left behind; the images are the same still

    admin("tables", study, "--out", tmp_path / "blinded")
    assert words_in([tmp_path / "blinded"], words) == {"exams.csv": names[1:], "study.xlsx": names[1:]}  # no practice
    check_long(tmp_path / "blinded/long.csv", truth, arms=False)

    admin("lock", study)
    admin("status", study)
    admin("audit", study)
    assert len(admin.spoken) > 10 and not any(word in said for said in admin.spoken for word in words)

    admin("unblind", study, *own)
    admin("tables", study, "--out", tmp_path / "unblinded")
    check_long(tmp_path / "unblinded/long.csv", truth, arms=True)
    check_arms_are_found(tmp_path / "unblinded")
    trail = admin("audit", study)
    acts = [line.split("  ")[3] for line in trail.splitlines() if "  " in line.strip()]
    assert "unbroken" in trail
    for act in ("choose group", "open", "hand out", "collect", "lock", "unblind", "write tables"):
        assert act in trail, acts


class Admin:
    """The command line; what it said is kept."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.spoken: list[str] = []

    def __call__(self, *words: object) -> str:
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        assert code == 0, said.err
        self.spoken.append(said.out + said.err)
        return said.out


def check_sources(exams: Path, study: Path, in_files: list[str], known: list[str], said: str) -> None:
    """A control: the words that must be nowhere later are where they come from, and the search finds them."""
    found = words_in([exams], in_files).values()
    assert {word for words in found for word in words} == set(in_files)
    assert words_in([study / "study.sqlite"], known) == {"study.sqlite": known}
    assert all(word in said for word in (*STEMS, *known))


def check_arms_are_found(tables: Path) -> None:
    """A control: in every format the arms would have been found before the unblinding."""
    found = words_in([tables], ARMS)
    assert {Path(name).suffix for name, arms in found.items() if arms == list(ARMS)} == TABLE_FORMATS


def scores_of(code: str) -> Callable[[int, Side], int]:
    """A score that says who gave it, where and on which side: any mix-up changes a table."""
    return lambda position, side: (3 * int(code[1:]) + position + 5 * (side is Side.B)) % 11


def sides_by_voxels(package: Path, exams: Path, names: list[str]) -> dict[int, tuple[str, str]]:
    """For each position the exam's name and the arm on side A, found by comparing voxels."""
    opened = open_package(package)
    sources = {name: nibabel.load(exams / name / T1C).get_fdata() for name in names}
    found = {}
    for reading in opened.manifest.readings:
        if reading.is_practice:
            continue
        shown = {part: volumes.load_bytes(opened.read_image(reading.reading_id, part), part) for part in ("T1c", "A")}
        image = as_ras(shown["T1c"].array, shown["T1c"].world_from_voxel)
        (name,) = [name for name, array in sources.items()
                   if array.shape == image.shape and np.allclose(as_ras_of(exams / name / T1C), image)]  # fmt: skip
        mask = as_ras(shown["A"].array, shown["A"].world_from_voxel) > 0
        (arm,) = [arm for arm, file in MASK_OF.items() if np.array_equal(as_ras_of(exams / name / file) > 0, mask)]
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
                (other,) = {*ARMS} - {arm_on_a}
                assert not arms or row["source"] == (arm_on_a if side is Side.A else other)
                assert arms or "source" not in row
