"""Agreement by group and over all groups, against R (lme4 for the pooled ICC), and with pairs missing."""

import json

import numpy as np
import pytest

from study_admin.statistics.agreement import PooledIcc, agreement, table_of
from study_admin.statistics.alpha_kappa import Alpha, krippendorff_alpha
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.icc import IntraclassCorrelations, intraclass_correlations
from study_admin.statistics.pairs import from_frame, pairs
from tests.study_admin.statistics.r_values import HERE, SETS, from_r, scores

REML = 5e-3  # of variances, relative (README of the reference values)


@pytest.mark.parametrize("arm", ["technician", "dl"])
@pytest.mark.parametrize("name", SETS)
def test_the_pooled_icc_is_that_of_lme4(name: str, arm: str) -> None:
    found = agreement(from_frame(scores(name)))[arm].pooled_icc
    of_r = from_r("agreement", name)["agreement"][f"score_{arm}"]
    assert isinstance(found, PooledIcc)
    assert found.agreement == pytest.approx(of_r["pooled_icc_agreement_varcomp"], rel=REML)
    assert found.consistency == pytest.approx(of_r["pooled_icc_consistency_varcomp"], rel=REML)
    components = of_r["varcomp"]
    expected = components["exam"], components["reader"], components["Residual"]
    assert (found.exam, found.reader, found.residual) == pytest.approx(expected, rel=REML)


@pytest.mark.parametrize("arm", ["technician", "dl"])
@pytest.mark.parametrize("name", SETS)
def test_the_pooled_iccs_interval_is_that_of_lmertest_and_near_a_bootstrap(name: str, arm: str) -> None:
    """pooled_icc.R: exact from lmerTest's covariance of the variance parameters; 2,000 draws of bootMer (lme4)."""
    found = agreement(from_frame(scores(name)))[arm].pooled_icc
    of_r = json.loads((HERE / "pooled_icc.json").read_text(encoding="utf-8"))[name][arm]
    assert isinstance(found, PooledIcc)
    for kind in ("agreement", "consistency"):
        limits = getattr(found, f"{kind}_ci95")
        assert limits == pytest.approx(of_r[kind], abs=2e-5)
        assert limits == pytest.approx(of_r[f"{kind}_bootstrap"], abs=0.015)


def test_without_a_variance_between_exams_the_pooled_icc_has_no_interval() -> None:
    """Two readers turn each other's scores round, so that all exams have the mean 5."""
    scored = [4, 6, 3, 7, 6, 4, 7, 3]
    found = agreement(pairs(["R1"] * 4 + ["R2"] * 4, ["E1", "E2", "E3", "E4"] * 2, scored, scored))["first"].pooled_icc
    assert isinstance(found, PooledIcc) and found.agreement == 0
    assert isinstance(found.agreement_ci95, NotEstimable) and "estimated at 0" in found.agreement_ci95.because
    assert isinstance(found.consistency_ci95, NotEstimable)


@pytest.mark.parametrize("name", SETS)
def test_each_group_of_each_arm_is_there_with_its_own_readers(name: str) -> None:
    found = agreement(from_frame(scores(name)))
    of_r = from_r("agreement", name)["agreement"]
    assert list(found) == ["technician", "dl"]
    for arm, of_arm in found.items():
        assert list(of_arm.by_group) == ["G1", "G2", "G3", "G4", "G5"]
        for group, of_group in of_arm.by_group.items():
            expected = of_r[f"score_{arm}"]["by_group"][group]
            assert isinstance(of_group.icc, IntraclassCorrelations)
            assert of_group.icc.icc_2_1.estimate == pytest.approx(expected["psych"]["ICC2"]["icc"], abs=1e-8)
            assert isinstance(of_group.alpha, Alpha)
            assert of_group.alpha.ordinal == pytest.approx(expected["alpha_ordinal"], abs=1e-8)
        assert isinstance(of_arm.alpha, Alpha)
        assert of_arm.alpha.ordinal == pytest.approx(of_r[f"score_{arm}"]["pooled_alpha_ordinal"], abs=1e-8)


def test_a_half_pair_counts_for_neither_arm() -> None:
    frame = scores("paper")
    frame["score_dl"] = frame["score_dl"].astype(float)
    frame.loc[0, "score_dl"] = np.nan  # R01, E018, of G1
    found = agreement(from_frame(frame))["technician"].by_group["G1"]
    rows = frame[(frame.group == "G1") & (frame.exam != "E018")]
    by_hand = rows.pivot(index="exam", columns="reader", values="score_technician").to_numpy(float)
    without_exam = intraclass_correlations(by_hand)
    assert isinstance(found.icc, IntraclassCorrelations)
    assert isinstance(without_exam, IntraclassCorrelations)
    assert found.icc.icc_2_1 == without_exam.icc_2_1
    assert (found.icc.exams, found.icc.exams_left_out) == (19, 1)
    gap = frame[frame.group == "G1"].pivot(index="exam", columns="reader", values="score_technician").astype(float)
    gap.loc["E018", "R01"] = np.nan
    assert found.alpha == krippendorff_alpha(gap.to_numpy())  # alpha keeps the exam's other three scores


def test_the_table_has_exams_in_rows_and_readers_in_columns() -> None:
    table = pairs(["R1", "R2", "R2"], ["E1", "E1", "E2"], [1, 2, 3], [4, 5, 6], arms=("human", "machine"))
    assert np.array_equal(table_of(table, "human"), [[1, 2], [np.nan, 3]], equal_nan=True)
    assert np.array_equal(table_of(table, "machine"), [[4, 5], [np.nan, 6]], equal_nan=True)


@pytest.mark.parametrize(
    ("reader", "exam", "first", "why"),
    [
        (["R1", "R1", "R1"], ["E1", "E2", "E3"], [1, 5, 9], "only one reader"),
        (["R1", "R1", "R2", "R2"], ["E1", "E2", "E3", "E4"], [1, 5, 9, 4], "no exam was scored by two readers"),
        (["R1", "R1", "R2", "R2"], ["E1", "E2", "E1", "E2"], [5, 5, 5, 5], "equal"),
    ],
)
def test_where_there_is_no_pooled_icc_a_sentence_says_why(
    reader: list[str], exam: list[str], first: list[float], why: str
) -> None:
    found = agreement(pairs(reader, exam, first, first))["first"].pooled_icc
    assert isinstance(found, NotEstimable)
    assert why in found.because
