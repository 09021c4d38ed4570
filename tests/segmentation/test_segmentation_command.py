"""The command `segmentation`: what people read, one line for what they did wrong, never a traceback."""

from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.__main__ import main
from segmentation.volumes import Volume


def test_help_reads_like_a_manual(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("OUT/sim-001/t1c.nii.gz", "truth", "ICBM152", "--spacing X Y Z", "goes on with the same command"):
        assert word in text


def test_simulate_makes_exams_and_shows_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(tmp_path / "x"), "--count", "1", "--spacing", "4", "4", "5"]) == 0
    shown = capsys.readouterr()
    assert "1 of 1 exams done in" in shown.out and "100%" in shown.err
    assert volumes.load(tmp_path / "x" / "sim-001" / "t1c.nii.gz").spacing_mm == (4.0, 4.0, 5.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["simulate", "OUT", "--count", "0"], "at least one"),
        (["simulate", "OUT", "--seed", "-3"], "seed"),
        (["simulate", "OUT", "--spacing", "0", "1", "1"], "between 0.5 and 6 mm"),
        (["simulate", "OUT", "--technicians", "0"], "1 to 8 technicians, not 0 to 0"),
        (["simulate", "OUT", "--technicians", "1", "2", "3"], "one number or two"),
        (["simulate", "OUT", "--errors", "-1"], "--errors 1"),
        (["simulate", "OUT", "--volume", "5", "900"], "900 ml does not fit into a brain"),
        (["technician", "OUT/absent.nii.gz", "OUT/x.nii.gz"], "no such file"),
        (["technician", "OUT/empty.nii.gz", "OUT/x.nii.gz"], "empty.nii.gz: The mask is empty"),
        (["technician", "OUT/mask.nii.gz", "OUT/mask.nii.gz"], "such a file already"),
        (["technician", "OUT/mask.nii.gz", "OUT/x.nii.gz", "--seed", "-1"], "seed"),
        (["technician", "OUT/mask.nii.gz", "OUT/x.nii"], "written as .nii.gz"),
        (["technician", "OUT/mask.nii.gz", "OUT/x.nii.gz", "--image", "OUT/other.nii.gz"], "does not have the size"),
    ],
)
def test_mistake_is_one_line_and_status_2(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, array in (("empty", np.zeros((9, 9, 9))), ("mask", np.ones((9, 9, 9))), ("other", np.ones((8, 9, 9)))):
        volumes.save(tmp_path / f"{name}.nii.gz", Volume(array.astype(np.uint8), np.eye(4)))
    assert main([argument.replace("OUT", str(tmp_path)) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and error.startswith("segmentation: ")


def test_technician_draws_on_the_grid_of_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = np.zeros((40, 40, 20), np.uint8)
    truth[10:30, 10:30, 5:15] = 4
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    volumes.save(tmp_path / "truth.nii.gz", Volume(truth, affine))
    volumes.save(tmp_path / "t1c.nii.gz", Volume(np.ones((40, 40, 20), np.int16), affine))
    command = ["technician", str(tmp_path / "truth.nii.gz")]
    for name, more in (("a", []), ("b", ["--image", str(tmp_path / "t1c.nii.gz")]), ("c", ["--seed", "2"])):
        assert main([*command, str(tmp_path / f"{name}.nii.gz"), *more]) == 0
    assert "dice 0." in capsys.readouterr().out
    a, b, c = (volumes.load(tmp_path / f"{name}.nii.gz") for name in "abc")
    assert volumes.is_same_grid(a, Volume(truth, affine))
    assert np.array_equal(a.array, b.array) and not np.array_equal(a.array, c.array)


def test_missing_package_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    assert main(["simulate", str(tmp_path), "--count", "1"]) == 2
    assert capsys.readouterr().err == (
        'segmentation: The package tqdm is not installed. Install it with: pip install "blindread[segmentation]"\n'
    )
