"""Table 3 and Dice on volume: R's values of overlap.csv (lm, predict, cor.test), and masks drawn by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segmentation.errors import StudyError
from study_admin.design import Arm, Exam, Study
from study_admin.report.overlap import (
    DiceOnVolume,
    ExamOverlap,
    MaskAgreement,
    dice_on_volume,
    from_rows,
    mask_agreement,
)
from study_admin.statistics.estimates import NotEstimable
from tests.study_admin.made_up_exams import write_exam, write_image

HERE = Path(__file__).parent / "reference"
R: dict[str, Any] = json.loads((HERE / "overlap.json").read_text(encoding="utf-8"))
ARMS = ("hand", "machine")
SHAPE = (20, 22, 8)  # 1 x 1 x 2 mm


@pytest.fixture(scope="module")
def agreement() -> MaskAgreement:
    table = pd.read_csv(HERE / "overlap.csv")
    rows = [ExamOverlap(r.exam, r.dice, r.recall, r.precision, r.volume) for r in table.itertuples()]
    found = from_rows(rows, ARMS)
    assert isinstance(found, MaskAgreement)
    return found


@pytest.mark.parametrize("name", ["dice", "recall", "precision"])
def test_table_3_is_that_of_r(agreement: MaskAgreement, name: str) -> None:
    found, expected = getattr(agreement, name), R[name]
    low, high = found.quartiles
    values = (found.n, found.mean, found.sd, found.se, found.median, low, high)
    assert values == pytest.approx([expected[k] for k in ("n", "mean", "sd", "se", "median", "q1", "q3")], abs=1e-8)


def test_dice_on_volume_is_that_of_r(agreement: MaskAgreement) -> None:
    line, expected = agreement.dice_on_volume, R["regression"]
    assert isinstance(line, DiceOnVolume)
    for name in ("intercept", "intercept_se", "slope", "slope_se", "t", "p", "df", "r", "r_squared", "sigma"):
        assert getattr(line, name) == pytest.approx(expected[name], abs=1e-8), name
    assert line.spearman == pytest.approx(expected["spearman"], abs=1e-8)
    assert line.slope_ci95 == pytest.approx(expected["slope_ci"], abs=1e-8)
    assert line.r_ci95 == pytest.approx(expected["r_ci"], abs=1e-8)
    band = line.band([row["volume"] for row in R["band"]])
    for ours, theirs in (
        (band.fit, "fit"), (band.lower, "lower"), (band.upper, "upper"),
        (band.new_lower, "pred_lower"), (band.new_upper, "pred_upper"),
    ):  # fmt: skip
        assert ours == pytest.approx([row[theirs] for row in R["band"]], abs=1e-8)


def test_the_worst_exams_come_first(agreement: MaskAgreement) -> None:
    # from the file: sort -t, -k3 overlap.csv
    table = pd.read_csv(HERE / "overlap.csv").sort_values("dice")
    assert [row.exam for row in agreement.exams[:2]] == list(table.exam[:2])
    tied = from_rows([ExamOverlap(name, 0.5, 0.5, 0.5, 9.0) for name in ("b", "a")], ARMS)
    assert isinstance(tied, MaskAgreement) and [row.exam for row in tied.exams] == ["a", "b"]


def test_what_cannot_be_estimated_says_why() -> None:
    assert isinstance(from_rows([], ARMS), NotEstimable)
    for volumes, dices, because in (
        ([1.0, 2.0], [0.5, 0.6], "fewer than three"),
        ([2.0, 2.0, 2.0], [0.5, 0.6, 0.7], "same volume"),
        ([1.0, 2.0, 3.0], [0.9, 0.9, 0.9], "same Dice"),
        ([1.0, 2.0, 3.0], [0.7, 0.8, 0.9], "without any scatter"),
    ):
        found = dice_on_volume(volumes, dices)
        assert isinstance(found, NotEstimable) and because in found.because


def study_of(folder: Path, *names: str) -> Study:
    exams = tuple(
        Exam(
            name, folder / name / "t1c.nii.gz", folder / name / "flair.nii.gz",
            {arm: ((folder / name / f"{arm}.nii.gz",),) for arm in ARMS}, is_practice=name == "practice",
        )
        for name in names
    )  # fmt: skip
    return Study((Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",))), exams, ("R01",))


def draw(folder: Path, name: str, rows: int) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:10, 5 : 5 + rows, 3] = 1
    write_image(folder / f"{name}.nii.gz", mask)


def test_masks_of_the_study_exams_by_hand(tmp_path: Path) -> None:
    """Of 5 x 10 voxels of 2 mm^3 the machine draws 5 x 4 within them, then 5 x 12 that hold them; then nothing."""
    for name, hand, machine in (("within", 10, 4), ("around", 10, 12), ("nothing", 10, 0), ("practice", 3, 9)):
        write_exam(tmp_path / name, 1)
        draw(tmp_path / name, "hand", hand)
        draw(tmp_path / name, "machine", machine)
    seen: list[tuple[int, int]] = []
    study = study_of(tmp_path, "practice", "within", "around", "nothing")
    codes = {"within": "E001", "around": "E002", "nothing": "E003"}
    found = mask_agreement(study, codes, lambda *at: seen.append(at))
    assert isinstance(found, MaskAgreement)
    nothing, within, around = found.exams
    assert (nothing.exam, nothing.dice, nothing.recall, nothing.precision) == ("E003", 0.0, 0.0, 0.0)
    assert (within.exam, within.dice, within.recall, within.precision) == pytest.approx(("E001", 40 / 70, 0.4, 1.0))
    assert (around.exam, around.dice, around.recall) == pytest.approx(("E002", 100 / 110, 1.0))
    assert around.precision == pytest.approx(50 / 60)
    assert (within.volume_ml, within.other_ml, around.other_ml) == pytest.approx((0.1, 0.04, 0.12))
    assert found.empty == ("E003",)
    assert found.other_ml is not None and found.other_ml.mean == pytest.approx((0 + 0.04 + 0.12) / 3)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    write_exam(tmp_path / "one", 1)
    (tmp_path / "one" / "machine.nii.gz").unlink()
    with pytest.raises(StudyError, match=r"machine\.nii\.gz"):
        mask_agreement(study_of(tmp_path, "one"), {"one": "E001"})
