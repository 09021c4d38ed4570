"""Limits of agreement against R: lme4 for the variances, iMRMC's laWRBM for those by moments."""

from math import sqrt

import pytest

from study_admin.statistics.bland_altman import LimitsOfAgreement, limits_of_agreement
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.pairs import Pairs, from_frame, pairs
from tests.study_admin.statistics.r_values import SETS, from_r, scores

# Variances of reader, exam and residual of the difference, and its mean: mixed_difference of paper.json and null.json.
MIXED = {
    "paper": (0.34, 0.155363016861709 + 0.435270412350322 + 2.26370648059929),
    "null": (0.305, 0.725188791230994 + 0.98129305332924 + 1.2618846119225),
}


def limits(table: Pairs) -> LimitsOfAgreement:
    found = limits_of_agreement(table)
    assert isinstance(found, LimitsOfAgreement), found
    return found


@pytest.mark.parametrize("name", SETS)
def test_limits_are_those_of_lme4_and_of_imrmc(name: str) -> None:
    found, of_r = limits(from_frame(scores(name))), from_r("agreement", name)["bland_altman"]
    assert (found.bias, found.sd) == pytest.approx((of_r["bias"], of_r["sd"]), abs=1e-8)
    assert found.limits_naive == pytest.approx(of_r["loa_naive"], abs=1e-8)
    moments = of_r["loa_imrmc_laWRBM"]
    assert found.limits_by_moments == pytest.approx((moments["la_bottom"], moments["la_top"]), abs=1e-8)
    bias, variance = MIXED[name]
    expected = bias - 1.959964 * sqrt(variance), bias + 1.959964 * sqrt(variance)
    assert found.limits == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("name", SETS)
def test_the_slope_by_least_squares_is_that_of_r(name: str) -> None:
    slope = limits(from_frame(scores(name))).slope_naive
    assert isinstance(slope, Estimate)
    of_r = from_r("agreement", name)["bland_altman"]["slope_difference_on_mean"]
    assert (slope.estimate, slope.se, slope.p) == pytest.approx(of_r, abs=1e-8)
    assert slope.ignores_clustering


def test_readers_who_differ_widen_the_limits() -> None:
    # 4 readers on 6 exams, R4 three points higher for the second arm. By hand over the 24 differences: the naive SD
    # takes readers as noise with n - 1, the limits by moments give them their whole variance.
    steps = [0, 1, -1, 0, 1, -1, 1, -1, 0, -1, 0, 1, 0, 0, 1, -1, 0, 0, 3, 4, 2, 3, 3, 4]
    readers = [f"R{i // 6}" for i in range(24)]
    exams = [f"E{i % 6}" for i in range(24)]
    found = limits(pairs(readers, exams, [4] * 24, [4 + step for step in steps]))
    assert not isinstance(found.limits, NotEstimable)
    assert found.limits[1] - found.limits[0] > found.limits_naive[1] - found.limits_naive[0]


def test_moments_on_a_full_table_are_the_textbooks() -> None:
    # 2 readers x 3 exams, d = [[0, 2, 1], [1, 5, 3]]: mean 2; readers 1, 3; exams .5, 3.5, 2.
    # MSR = 3 * 2 / 1 = 6; MSC = 2 * (2.25 + 2.25) / 2 = 4.5; SSE = 16 - 6 - 9 = 1, MSE = 1/2.
    # vr = (6 - .5)/3, vc = (4.5 - .5)/2 = 2, ve = .5: together 4.3333.
    second = [0, 2, 1, 1, 5, 3]
    found = limits(pairs(["R1"] * 3 + ["R2"] * 3, ["E1", "E2", "E3"] * 2, [0] * 6, second))
    half = 1.959963984540054 * sqrt(13 / 3)
    assert found.limits_by_moments == pytest.approx((2 - half, 2 + half))


def test_what_is_too_little_says_so() -> None:
    assert "fewer than three" in str(limits_of_agreement(pairs(["R1", "R1"], ["E1", "E2"], [1, 2], [3, 4])))
    alike = limits(pairs(["R1", "R1", "R2", "R2"], ["E1", "E2"] * 2, [5] * 4, [5] * 4))
    assert isinstance(alike.limits, NotEstimable)
    assert isinstance(alike.limits_by_moments, NotEstimable)
    assert "equal" in str(alike.slope_naive)
    assert alike.limits_naive == (0, 0)
    alone = limits(pairs(["R1"] * 4, ["E1", "E2", "E3", "E4"], [1, 2, 3, 4], [1, 4, 3, 6]))
    assert isinstance(alone.limits_by_moments, NotEstimable)
