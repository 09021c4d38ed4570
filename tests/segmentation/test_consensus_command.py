"""`segmentation consensus`: of files, and of a folder of exams."""

import csv
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.__main__ import main
from segmentation.volumes import Volume

PLACE = np.diag([1.0, 1.0, 2.0, 1.0])
MASKS = {"a": [1, 1, 1, 0], "b": [0, 1, 1, 1], "c": [1, 1, 0, 0]}


def _save(path: Path, values: list[int], place: np.ndarray = PLACE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    volumes.save(path, Volume(np.array(values, np.uint8).reshape(-1, 1, 1) * 2, place))
    return str(path)


def _load(path: Path) -> list[int]:
    return volumes.load(path).array.ravel().tolist()


@pytest.mark.parametrize(
    ("names", "option", "expected"),
    [("ab", [], [0, 1, 1, 0]), ("abc", [], [1, 1, 1, 0]), ("ab", ["--compartments"], [1, 1, 1, 1])],
)
def test_of_files(tmp_path: Path, names: str, option: list[str], expected: list[int]) -> None:
    files = [_save(tmp_path / f"{name}.nii.gz", MASKS[name]) for name in names]
    assert main(["consensus", *files, *option, "--out", str(tmp_path / "out.nii.gz")]) == 0
    assert _load(tmp_path / "out.nii.gz") == expected
    assert main(["consensus", *files, "--out", str(tmp_path / "out.nii.gz")]) == 2  # there is one already


def test_of_exams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        _save(tmp_path / "exams" / "e1" / f"mask_{name}.nii.gz", MASKS[name])
        _save(tmp_path / "exams" / "e2" / f"mask_{name}_t1c.nii.gz", MASKS[name])
        _save(tmp_path / "exams" / "e2" / f"mask_{name}_flair.nii.gz", MASKS["c"])
    _save(tmp_path / "exams" / "e3" / "mask_a.nii.gz", MASKS["a"])
    _save(tmp_path / "exams" / "e3" / "mask_b.nii.gz", MASKS["b"], np.diag([3.0, 1.0, 2.0, 1.0]))
    assert main(["consensus", str(tmp_path / "exams"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "2 of 3 exams done" in said and "failed: e3:" in said and "mask_b.nii.gz: It does not lie" in said
    assert _load(tmp_path / "out" / "e1.nii.gz") == [0, 1, 1, 0]
    assert _load(tmp_path / "out" / "e2.nii.gz") == [1, 1, 1, 0]  # (a and b) or c
    with (tmp_path / "out" / "consensus.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    # voxels of 2 mm^3; Dice of a and b: 2 * 2 / (3 + 3)
    assert first == {
        "exam": "e1",
        "technicians": "2",
        "technicians_ml": "0.01 0.01",
        "consensus_ml": "0.00",
        "mean_dice_between_technicians": "0.6667",
    }


def test_no_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exams" / "e1").mkdir(parents=True)
    assert main(["consensus", str(tmp_path / "exams"), "--out", str(tmp_path / "out")]) == 2
    assert "There is no mask in these exams" in capsys.readouterr().err
