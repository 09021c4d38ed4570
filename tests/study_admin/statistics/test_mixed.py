"""Against lmerTest 3.1.3 on the frozen sets and on unbalanced.csv; hand arithmetic where a set is too odd for it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from study_admin.statistics.mixed import AT_ZERO, group_by_arm, mixed_both_scores, mixed_difference, mixed_test
from study_admin.statistics.reml import fit
from tests.study_admin.statistics.made_up import NAN, because, differences, found, frozen, made_up
from tests.study_admin.statistics.r_values import HERE, SETS, from_r

# Tolerances of the reference set's README: SE 2e-4, variances and df 5e-3, p 2e-3. R itself stops a little early.
SE, VARIANCE, P = 2e-4, 5e-3, 2e-3
UNBALANCED: dict[str, Any] = json.loads((HERE / "unbalanced.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SETS)
def test_the_primary_analysis_is_that_of_lmer_test(name: str) -> None:
    result, r = found(mixed_difference(frozen(name))), from_r("main", name)
    expected = r["mixed_difference"]
    assert result.test.estimate == pytest.approx(expected["estimate"], abs=1e-8)
    assert result.test.se == pytest.approx(expected["se"], rel=SE)
    assert result.test.df == pytest.approx(expected["df_satterthwaite"], rel=VARIANCE)
    assert result.test.p == pytest.approx(expected["p_satterthwaite"], rel=P)
    assert result.test.ci95 == pytest.approx(expected["ci95_satterthwaite"], abs=1e-4)
    assert result.log_likelihood == pytest.approx(expected["reml_loglik"], abs=1e-6)
    variances = {row["grp"]: row["vcov"] for row in expected["varcomp"]}
    assert result.variance_components.by_name["reader"] == pytest.approx(variances["reader"], rel=VARIANCE)
    assert result.variance_components.by_name["exam"] == pytest.approx(variances["exam"], rel=VARIANCE)
    assert result.variance_components.residual == pytest.approx(variances["Residual"], rel=VARIANCE)
    assert not result.variance_components.left_out
    assert result.design_effect == pytest.approx(r["effect_sizes"]["design_effect_mixed"], rel=SE)
    assert result.effective_pairs == pytest.approx(r["effect_sizes"]["effective_pairs"], rel=SE)
    for component in ("reader", "exam"):
        test = result.component_tests[component]
        assert test.ratio == pytest.approx(expected["lrt_random"][f"{component}_lrt"], rel=1e-5)
        assert test.p == pytest.approx(expected["lrt_random"][f"{component}_p_half"], rel=1e-4)
    assert result.reader_effects == pytest.approx(r["readers"]["blup_difference"], rel=1e-4)
    assert mixed_test(frozen(name)) == result.test


@pytest.mark.parametrize("name", SETS)
def test_the_model_of_both_scores_is_that_of_lmer_test(name: str) -> None:
    result, r = found(mixed_both_scores(frozen(name))), from_r("main", name)
    expected = r["mixed_full_variance_components"]
    assert result.test.estimate == pytest.approx(expected["estimate"], abs=1e-8)
    assert result.test.se == pytest.approx(expected["se"], rel=SE)
    assert result.test.df == pytest.approx(expected["df_satterthwaite"], rel=VARIANCE)
    assert result.log_likelihood == pytest.approx(expected["reml_loglik"], abs=1e-6)
    names = {"reader": "reader", "exam": "exam", "re": "reader:exam", "rs": "reader:arm", "es": "exam:arm"}
    for row in expected["varcomp"]:
        components = result.variance_components
        found_here = components.residual if row["grp"] == "Residual" else components.by_name[names[row["grp"]]]
        assert found_here == pytest.approx(row["vcov"], rel=VARIANCE)
    assert result.westfall_d == pytest.approx(r["effect_sizes"]["westfall_d_mixed"], rel=SE)
    assert result.scores == 800


@pytest.mark.parametrize("name", SETS)
def test_group_by_arm_is_the_f_of_lmer_test(name: str) -> None:
    result, expected = found(group_by_arm(frozen(name))), from_r("main", name)["group_by_source"]
    assert result.f == pytest.approx(expected["F"], rel=SE)
    assert result.df == pytest.approx((expected["num_df"], expected["den_df"]), rel=VARIANCE)
    assert result.p == pytest.approx(expected["p"], rel=P)


def test_missing_and_half_pairs_are_as_in_lmer_test() -> None:
    table = frozen("unbalanced")
    expected = UNBALANCED["mixed_difference"]
    result = found(mixed_difference(table))
    assert result.pairs == 63
    assert (result.test.estimate, result.test.se) == pytest.approx((expected["estimate"], expected["se"]), rel=SE)
    assert result.test.df == pytest.approx(expected["df"], rel=VARIANCE)
    assert result.test.p == pytest.approx(expected["p"], rel=P)
    assert result.reader_effects == pytest.approx(UNBALANCED["blups"], rel=1e-3)
    both, expected = found(mixed_both_scores(table)), UNBALANCED["both_scores"]
    assert both.scores == 132  # 69 rows, six of them with one score
    assert (both.test.estimate, both.test.se) == pytest.approx((expected["estimate"], expected["se"]), rel=SE)
    assert both.test.df == pytest.approx(expected["df"], rel=VARIANCE)
    assert both.log_likelihood == pytest.approx(expected["loglik"], abs=1e-5)
    groups, expected = found(group_by_arm(table)), UNBALANCED["group_by_arm"]
    assert groups.f == pytest.approx(expected["f"], rel=SE)
    assert groups.df == pytest.approx(expected["df"], rel=VARIANCE)


def test_a_variance_at_zero_is_left_out_and_said() -> None:
    """R calls this fit singular, exam variance 0; unbalanced.R makes the differences."""
    table, expected = frozen("unbalanced").complete, UNBALANCED["exam_at_zero"]
    result = found(mixed_difference(table, np.array(expected["d"], float)))
    assert result.variance_components.by_name["exam"] == 0
    assert result.variance_components.left_out == {"exam": AT_ZERO}
    assert result.variance_components.by_name["reader"] == pytest.approx(expected["variances"]["reader"], rel=VARIANCE)
    assert result.test.se == pytest.approx(expected["se"], rel=SE)
    assert result.test.df == pytest.approx(expected["df"], rel=VARIANCE)
    assert result.component_tests["exam"].ratio == pytest.approx(0, abs=1e-9)


def test_one_reader_an_exam_leaves_the_exam_in_the_residual() -> None:
    """The first reader of each exam of unbalanced.csv; R: lmer(d ~ 1 + (1|reader))."""
    table = frozen("unbalanced").complete
    first = np.zeros(len(table), bool)
    first[np.unique(table.exam, return_index=True)[1]] = True
    result, expected = found(mixed_difference(table.where(first))), UNBALANCED["one_reader_an_exam"]
    assert (result.test.estimate, result.test.se) == pytest.approx((expected["estimate"], expected["se"]), rel=SE)
    assert result.test.df == pytest.approx(expected["df"], rel=VARIANCE)
    assert "part of the residual" in result.variance_components.left_out["exam"]
    both = found(mixed_both_scores(table.where(first)))
    assert both.test.se == pytest.approx(result.test.se, rel=1e-6)
    assert set(both.variance_components.by_name) == {"reader", "reader:exam", "reader:arm"}


def test_without_variance_between_readers_and_exams_it_is_the_one_sample_t() -> None:
    """2 x 2 Latin square of ±1 about 0.5: row and column means are equal, so SE = s / sqrt N and df = N - 1.

    s^2 = 4 / 3, SE = sqrt(1/3) = 0.57735.
    """
    result = found(mixed_difference(differences([[1.5, -0.5], [-0.5, 1.5]])))
    assert result.test.estimate == pytest.approx(0.5)
    assert result.test.se == pytest.approx(np.sqrt(1 / 3), rel=1e-9)
    assert result.test.df == pytest.approx(3, rel=1e-6)
    assert set(result.variance_components.left_out) == {"reader", "exam"}


def test_balanced_variances_are_those_of_the_mean_squares() -> None:
    """One crossed group of 3 x 4, all components positive: REML is the analysis of variance."""
    d = np.array([[0, 1, -2, 1], [3, 0, -1, 2], [6, 5, 2, 7]], float)
    rows, columns = d.mean(axis=1), d.mean(axis=0)
    rest = d - rows[:, None] - columns + d.mean()
    msr = 4 * ((rows - d.mean()) ** 2).sum() / 2
    msc, mse = 3 * ((columns - d.mean()) ** 2).sum() / 3, (rest**2).sum() / 6
    result = found(mixed_difference(differences(d.tolist())))
    components = result.variance_components
    assert components.residual == pytest.approx(mse, rel=1e-8)
    assert components.by_name["reader"] == pytest.approx((msr - mse) / 4, rel=1e-7)
    assert components.by_name["exam"] == pytest.approx((msc - mse) / 3, rel=1e-7)
    assert result.test.se == pytest.approx(np.sqrt((msr + msc - mse) / 12), rel=1e-8)
    df = (msr + msc - mse) ** 2 / (msr**2 / 2 + msc**2 / 3 + mse**2 / 6)
    assert result.test.df == pytest.approx(df, rel=1e-6)


def test_the_order_of_the_rows_and_the_names_do_not_matter() -> None:
    table = frozen("unbalanced")
    shuffled = np.random.default_rng(3).permutation(len(table))
    cells = {
        (f"x{table.readers[table.reader[i]]}", f"y{table.exams[table.exam[i]]}"): (table.first[i], table.second[i])
        for i in shuffled
    }
    again = found(mixed_difference(made_up(cells)))
    assert again.test.se == pytest.approx(found(mixed_difference(table)).test.se, rel=1e-8)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1, 2, 3]], "there is only one reader"),
        ([[1], [2], [0]], "there is only one exam"),
        ([[1, 1], [1, 1]], "its values are all equal"),
        ([[0, 0], [0, 0]], "its values are all equal"),
        ([[1, 2], [2, 3]], "explain every one of its values without rest"),
        ([[1, None], [2, 3]], "explain every one of its values without rest"),
    ],
)
def test_what_cannot_be_estimated_says_why(rows: list[list[float | None]], reason: str) -> None:
    assert reason in because(mixed_difference(differences(rows)))
    assert reason in because(mixed_test(differences(rows)))


def test_no_pair_at_all_is_said() -> None:
    assert "fewer than two readings" in because(
        mixed_difference(made_up({("R1", "E1"): (1, NAN), ("R2", "E1"): (NAN, 3)}))
    )


def test_an_arm_that_is_missing_is_said() -> None:
    table = frozen("paper")
    nothing = replace(table, second=np.full(len(table), np.nan))
    for analysis in (mixed_difference, mixed_both_scores, group_by_arm):
        assert "not estimable, because" in because(analysis(nothing))


def test_one_group_has_no_group_effect() -> None:
    assert "only one group" in because(group_by_arm(differences([[1, 0, 2], [2, 5, 0]])))


def test_groups_of_one_reader_have_no_group_effect() -> None:
    cells = {("R1", "E1"): (1, 2), ("R1", "E2"): (1, 5), ("R2", "E3"): (3, 2), ("R2", "E4"): (4, 2)}
    assert "more than one reader" in because(group_by_arm(made_up(cells, {"R1": "G1", "R2": "G2"})))


def test_a_crossed_study_of_two_thousand_pairs_is_that_of_its_mean_squares() -> None:
    """Large enough that nothing of pairs squared would do; the expectation is the ANOVA of a crossed design."""
    random = np.random.default_rng(8)
    d = random.normal(0, 1, (20, 1)) + random.normal(0, 1, (1, 100)) + random.normal(0, 1, (20, 100))
    result = found(mixed_difference(differences(d.tolist())))
    rest = d - d.mean(axis=1, keepdims=True) - d.mean(axis=0) + d.mean()
    assert result.variance_components.residual == pytest.approx((rest**2).sum() / (19 * 99), rel=1e-7)


def test_the_likelihood_is_that_of_the_dense_formula() -> None:
    """-2 l = log|V| + log|X'V^-1X| + y'Py + (n - p) log 2 pi, at the fitted variances."""
    table = frozen("unbalanced").complete
    y, x = table.difference, np.column_stack([np.ones(len(table)), table.position])
    model = fit(y, x, [table.reader, table.exam])
    v = model.variances[2] * np.eye(len(y))
    for variance, codes in zip(model.variances, (table.reader, table.exam), strict=False):
        v += variance * (codes[:, None] == codes)
    inverse = np.linalg.inv(v)
    xx = x.T @ inverse @ x
    beta = np.linalg.solve(xx, x.T @ inverse @ y)
    rest = y - x @ beta
    value = np.linalg.slogdet(v)[1] + np.linalg.slogdet(xx)[1] + rest @ inverse @ rest
    value += (len(y) - 2) * np.log(2 * np.pi)
    assert model.log_likelihood == pytest.approx(-value / 2, rel=1e-10)
    assert model.beta == pytest.approx(beta, rel=1e-9)
    assert model.covariance == pytest.approx(np.linalg.inv(xx), rel=1e-8)
