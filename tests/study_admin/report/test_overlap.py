"""Table 3 and Dice on volume: R's values of overlap.csv (lm, predict, cor.test)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study_admin.report.overlap import (
    DiceOnVolume,
    ExamOverlap,
    MaskAgreement,
    dice_on_volume,
    from_rows,
)
from study_admin.statistics.estimates import NotEstimable

HERE = Path(__file__).parent / "reference"
R: dict[str, Any] = json.loads((HERE / "overlap.json").read_text(encoding="utf-8"))
ARMS = ("hand", "machine")


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
