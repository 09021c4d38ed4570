"""The split-plot test, the U-statistic and the cross-checks: R's values, and moments counted pair by pair."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from study_admin.statistics.clusters import cluster_robust, exam_means_t, group_means_t, reader_means_t
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.sign_flips import sign_flip
from study_admin.statistics.split_plot import balanced_anova, split_plot
from study_admin.statistics.ustatistic import u_statistic
from tests.study_admin.statistics.made_up import because, differences, found, frozen, made_up
from tests.study_admin.statistics.r_values import HERE, SETS, from_r

CLOSED = 1e-8  # closed forms
UNBALANCED: dict[str, Any] = json.loads((HERE / "unbalanced.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SETS)
def test_the_split_plot_is_that_of_r(name: str) -> None:
    table, r = frozen(name), from_r("main", name)
    values = {
        "or_split_plot": None,
        "or_split_plot_technician_alone": table.first,
        "or_split_plot_dl_alone": table.second,
    }
    for part, scores in values.items():
        result, expected = found(split_plot(table, scores)), r[part]
        assert result.ms_reader_in_group == pytest.approx(expected["ms_reader_in_group"], rel=CLOSED)
        assert result.covariance_between_readers == pytest.approx(expected["cov_between_readers"], rel=CLOSED)
        assert result.readers_shared == expected["j_tilde"]
        assert result.test.estimate == pytest.approx(expected["estimate"], rel=CLOSED)
        assert result.test.se == pytest.approx(expected["se"], rel=CLOSED)
        assert result.test.df == pytest.approx(expected["df_hillis"], rel=CLOSED)
        assert result.test.p == pytest.approx(expected["p"], rel=1e-7)
        assert result.test.ci95 == pytest.approx(expected["ci95"], rel=CLOSED)


@pytest.mark.parametrize("name", SETS)
def test_the_balanced_analysis_of_variance_is_that_of_r(name: str) -> None:
    result, expected = found(balanced_anova(frozen(name))), from_r("main", name)["anova_dbm"]
    assert result.ms_group == pytest.approx(expected["ms_group"], rel=CLOSED)
    assert result.ms_reader == pytest.approx(expected["ms_reader"], rel=CLOSED)
    assert result.ms_exam == pytest.approx(expected["ms_exam"], rel=CLOSED)
    assert result.ms_error == pytest.approx(expected["ms_error"], rel=CLOSED)
    assert result.test.se == pytest.approx(expected["se"], rel=CLOSED)
    assert result.test.df == pytest.approx(expected["df_satterthwaite"], rel=CLOSED)
    assert result.test.p == pytest.approx(expected["p"], rel=1e-7)


def test_the_split_plot_with_missing_readings_is_that_of_r() -> None:
    table = frozen("unbalanced").complete
    for part, values in (("or_split_plot", None), ("or_technician", table.first)):
        result, expected = found(split_plot(table, values)), UNBALANCED[part]
        assert result.covariance_between_readers == pytest.approx(expected["cov"], rel=CLOSED)
        assert result.readers_shared == pytest.approx(expected["jt"], rel=CLOSED)
        assert result.test.se == pytest.approx(expected["se"], rel=CLOSED)
        assert result.test.df == pytest.approx(expected["df"], rel=CLOSED)
    assert "not complete" in because(balanced_anova(table))


def test_readers_without_a_common_exam_do_not_covary_and_with_one_it_is_not_known() -> None:
    """R1 and R2 share E1, E2, E3 with d = 1, 2, 3 and 2, 4, 3: covariance 0.5, times 3 / (3 * 4).

    R3 shares nothing with R1 (0) and E4 alone with R2 (not known): the mean of 0.125 and 0.
    """
    table = made_up(
        {("R1", "E1"): (5, 6), ("R1", "E2"): (5, 7), ("R1", "E3"): (5, 8), ("R2", "E1"): (5, 7), ("R2", "E2"): (5, 9),
         ("R2", "E3"): (5, 8), ("R2", "E4"): (5, 5), ("R3", "E4"): (5, 6), ("R3", "E5"): (5, 4)},
    )  # fmt: skip
    assert found(split_plot(table)).covariance_between_readers == pytest.approx(0.125 / 2, rel=1e-12)


def test_a_negative_covariance_counts_as_none() -> None:
    """Reader means 0 and 2, MS = 2, covariance of (-1, 1) and (3, 1) below 0: SE = sqrt(2 / 2) = 1 on 1 df."""
    result = found(split_plot(differences([[-1, 1], [3, 1]])))
    assert result.covariance_between_readers < 0
    assert (result.test.estimate, result.test.se, result.test.df) == pytest.approx((1, 1, 1), rel=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_the_u_statistic_is_that_of_imrmc(name: str) -> None:
    table, r = frozen(name), from_r("main", name)
    result, expected = found(u_statistic(table)), r["ustat_joint"]
    assert result.test.estimate == pytest.approx(expected["difference"], rel=CLOSED)
    assert result.test.se == pytest.approx(expected["se"], rel=CLOSED)
    assert result.test.df == 19
    assert result.test.p == pytest.approx(expected["p_t_readers_minus_1"], rel=1e-7)
    assert result.coefficients == pytest.approx(expected["coeff"]["ABminusCD"], rel=CLOSED)
    for values, key in ((table.second, "var_dl"), (table.first, "var_technician")):
        assert found(u_statistic(table, values)).test.se ** 2 == pytest.approx(expected[key], rel=CLOSED)
    moments = found(u_statistic(table, table.second)).moments
    assert moments == pytest.approx(expected["moments"]["AB"], rel=CLOSED)


def test_the_u_statistic_with_missing_readings_is_what_counting_pairs_of_readings_gives() -> None:
    """Each kind of pair (nothing shared, same exam, same reader, same reading): mean product of all such pairs.

    The variance is the kinds' shares in all N^2 pairs, times their means, less the mean of those that share nothing.
    """
    table = frozen("unbalanced").complete
    assert found(u_statistic(table)).test.se ** 2 == pytest.approx(counted(table), rel=1e-10)


def counted(table: Pairs) -> float:
    products: dict[tuple[bool, bool], list[float]] = {}
    for i, k in product(range(len(table)), repeat=2):
        kind = (bool(table.reader[i] == table.reader[k]), bool(table.exam[i] == table.exam[k]))
        products.setdefault(kind, []).append(table.difference[i] * table.difference[k])
    n = len(table)
    return float(sum(len(p) / n**2 * np.mean(p) for p in products.values()) - np.mean(products[False, False]))


@pytest.mark.parametrize("name", SETS)
def test_the_cross_checks_are_those_of_r(name: str) -> None:
    table, r = frozen(name), from_r("main", name)
    for key, test in (
        ("reader_means_t", reader_means_t), ("exam_means_t", exam_means_t), ("group_means_t", group_means_t)
    ):  # fmt: skip
        result = found(test(table))
        assert (result.estimate, result.se, result.df) == pytest.approx((r[key]["mean"], r[key]["se"], r[key]["df"]))
        assert result.p == pytest.approx(r[key]["p"], rel=1e-7)
    robust, expected = found(cluster_robust(table)), r["two_way_cluster_robust"]
    assert robust.test.se == pytest.approx(expected["se"], rel=CLOSED)
    assert robust.test.p == pytest.approx(expected["p"], rel=1e-7)
    assert (robust.v_reader, robust.v_exam, robust.v_pair, robust.is_raised) == pytest.approx(
        (expected["V_reader"], expected["V_exam"], expected["V_pair"], False)
    )


@pytest.mark.parametrize("name", SETS)
def test_the_sign_flips_are_those_of_r(name: str) -> None:
    table, r = frozen(name), from_r("main", name)["sign_flip_exact"]
    units = {"pair": np.arange(400), "exam": table.exam, "reader": table.reader, "group": table.group}
    for what, codes in units.items():
        result = found(sign_flip(table, codes, what))
        assert (result.units, result.statistic) == (r[what]["units"], r[what]["statistic"])
        assert result.p == pytest.approx(r[what]["p_two_sided"], rel=1e-7)


def test_scores_between_whole_numbers_have_no_exact_flips() -> None:
    table = differences([[0.5, 1]])
    assert "whole numbers" in because(sign_flip(table, table.reader, "readers"))


@pytest.mark.parametrize("method", [split_plot, u_statistic, cluster_robust, balanced_anova])
@pytest.mark.parametrize("rows", [[[1, 2, 3]], [[1], [2]], [[0, 0], [0, 0]], [[2, 2], [2, 2]]])
def test_what_cannot_be_estimated_says_why(method: Any, rows: list[list[float | None]]) -> None:
    assert "not estimable, because" in because(method(differences(rows)))


def test_readers_of_equal_means_have_no_hillis_df() -> None:
    assert "means of the readers of a group are all equal" in because(split_plot(differences([[1, 2], [2, 1]])))


def test_two_readings_that_share_nothing_are_a_sample_of_two() -> None:
    """d = 1 and 2: mean 1.5, SE = sqrt(0.5 / 2) = 0.5 on 1 df, however one clusters."""
    table = differences([[1, None], [None, 2]])
    for result in (found(u_statistic(table)).test, found(cluster_robust(table)).test):
        assert (result.estimate, result.se, result.df) == pytest.approx((1.5, 0.5, 1))
    assert "more than one reader" in because(split_plot(table))
