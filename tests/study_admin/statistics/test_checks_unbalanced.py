"""The same checks with readers, exams and pairs missing, against R: reference/validity_unbalanced.R and its values."""

from collections.abc import Mapping
from typing import Any

import pytest

from study_admin.statistics.agreement import PooledIcc, agreement
from study_admin.statistics.bland_altman import LimitsOfAgreement, limits_of_agreement
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.leniency import Leniency, leniency
from study_admin.statistics.pairs import Pairs, from_frame
from study_admin.statistics.reading_order import (
    CarryOver,
    Learning,
    ReadingTime,
    SideBias,
    carry_over,
    learning,
    reading_time,
    side_bias,
)
from tests.study_admin.statistics.r_values import from_r, scores


@pytest.fixture(scope="module")
def table() -> Pairs:
    return from_frame(scores("unbalanced"))


@pytest.fixture(scope="module")
def of_r() -> dict[str, Any]:
    return from_r("validity", "unbalanced")


def agrees(found: Estimate | NotEstimable, of_lmer: Mapping[str, float], sign: int = 1) -> None:
    assert isinstance(found, Estimate), found
    assert found.estimate == pytest.approx(sign * of_lmer["Estimate"], rel=2e-4, abs=2e-6)
    assert found.se == pytest.approx(of_lmer["Std. Error"], rel=2e-4)
    assert found.df == pytest.approx(of_lmer["df"], rel=5e-3)
    assert found.p == pytest.approx(of_lmer["Pr(>|t|)"], rel=2e-3)


def test_side_and_order(table: Pairs, of_r: dict[str, Any]) -> None:
    found, expected = side_bias(table), of_r["side_and_order"]
    assert isinstance(found, SideBias)
    agrees(found.side_a, expected["side_coef"], sign=-1)
    agrees(found.position_slope, expected["position_slope"])
    agrees(found.arms, expected["source_effect"])
    assert found.first_on_a == expected["n_technician_A"]


def test_learning_with_half_pairs(table: Pairs, of_r: dict[str, Any]) -> None:
    found = learning(table)
    assert isinstance(found, Learning)
    agrees(found.first, of_r["learning"]["pc"])
    agrees(found.apart, of_r["learning"]["apart"])


def test_carry_over(table: Pairs, of_r: dict[str, Any]) -> None:
    found = carry_over(table)
    assert isinstance(found, CarryOver)
    agrees(found.difference, of_r["carry_over"]["previous_difference"])
    agrees(found.mean, of_r["carry_over"]["previous_mean_on_mean"])


def test_time(table: Pairs, of_r: dict[str, Any]) -> None:
    found, expected = reading_time(table), of_r["seconds"]
    assert isinstance(found, ReadingTime)
    agrees(found.log_slope, expected["log_slope_per_position"])
    assert found.readings == expected["n"]
    assert found.geometric_mean == pytest.approx(expected["geometric_mean"], abs=1e-8)
    assert found.fitted_first == pytest.approx(expected["fitted_first"], rel=2e-4)


def test_leniency(table: Pairs, of_r: dict[str, Any]) -> None:
    found, expected = leniency(table), of_r["readers"]
    assert isinstance(found, Leniency)
    assert found.raw == pytest.approx(expected["leniency_raw"], abs=1e-8)
    assert found.shrunken == pytest.approx(expected["leniency_blup"], rel=5e-3)
    agrees(found.z_scored, expected["z_scored"])


def test_pooled_icc(table: Pairs, of_r: dict[str, Any]) -> None:
    found = agreement(table)
    for arm, expected in of_r["pooled_icc_variances"].items():
        icc = found[arm].pooled_icc
        assert isinstance(icc, PooledIcc)
        variances = expected["exam"], expected["reader"], expected["Residual"]
        assert (icc.exam, icc.reader, icc.residual) == pytest.approx(variances, rel=5e-3)
        assert icc.agreement == pytest.approx(expected["exam"] / sum(variances), rel=5e-3)


def test_limits_of_agreement(table: Pairs, of_r: dict[str, Any]) -> None:
    found = limits_of_agreement(table)
    assert isinstance(found, LimitsOfAgreement)
    assert found.limits_by_moments == pytest.approx(of_r["limits_by_moments"], abs=1e-8)
    agrees(found.slope, of_r["slope"])
