"""The paper's tests, wins, margins and effect sizes: R's values (stats, coin, binom.test) and hand arithmetic."""

import pytest

from study_admin.statistics.effects import effect_sizes
from study_admin.statistics.estimates import Estimate
from study_admin.statistics.margins import margin_test
from study_admin.statistics.mixed import mixed_difference
from study_admin.statistics.published import paired_t, wilcoxon, wilcoxon_pratt
from study_admin.statistics.split_plot import split_plot
from study_admin.statistics.wins import win_tie_loss
from tests.study_admin.statistics.made_up import because, differences, found, frozen, made_up
from tests.study_admin.statistics.r_values import SETS, from_r

CLOSED = 1e-8


@pytest.mark.parametrize("name", SETS)
def test_the_paired_t_is_that_of_r_and_is_marked(name: str) -> None:
    result, expected = found(paired_t(frozen(name))), from_r("main", name)["naive_paired_t"]
    assert (result.estimate, result.se, result.t, result.df) == pytest.approx(
        (expected["estimate"], expected["se"], expected["t"], expected["df"]), rel=CLOSED
    )
    assert result.p == pytest.approx(expected["p"], rel=1e-7)
    assert result.ci95 == pytest.approx(expected["ci95"], rel=CLOSED)
    assert result.ignores_clustering


@pytest.mark.parametrize("name", SETS)
def test_wilcoxon_by_both_rules_for_zeros_is_that_of_r(name: str) -> None:
    expected = from_r("main", name)["naive_wilcoxon"]
    dropped, pratt = found(wilcoxon(frozen(name))), found(wilcoxon_pratt(frozen(name)))
    assert (dropped.v_plus, dropped.v_minus, dropped.zeros) == (
        expected["V_plus"], expected["V_minus"], expected["zeros"]
    )  # fmt: skip
    assert dropped.p == pytest.approx(expected["p_zero_wilcox_no_correction"], rel=1e-7)
    assert dropped.p_corrected == pytest.approx(expected["p_zero_wilcox_correction"], rel=1e-7)
    assert dropped.z == pytest.approx(expected["z_zero_wilcox"], rel=1e-7)
    assert pratt.p == pytest.approx(expected["p_pratt"], rel=1e-7)
    assert pratt.z == pytest.approx(expected["z_pratt"], rel=1e-7)
    assert dropped.estimate == expected["hodges_lehmann_median_of_walsh_averages_with_zeros"]
    assert dropped.ignores_clustering
    assert pratt.ignores_clustering


def test_z_has_the_sign_of_the_difference() -> None:
    assert found(wilcoxon(differences([[-1, -2, -3, 1]]))).z < 0
    assert found(wilcoxon_pratt(differences([[-1, -2, -3, 0, 1]]))).z < 0


@pytest.mark.parametrize("name", SETS)
def test_wins_ties_and_losses_are_those_of_r(name: str) -> None:
    result, expected = found(win_tie_loss(frozen(name))), from_r("main", name)["win_tie_loss"]
    assert (result.wins, result.ties, result.losses) == (expected["wins"], expected["ties"], expected["losses"])
    same = {
        "win_share": "win_share_ties_out", "win_probability": "win_probability_ties_half", "net_benefit": "net_benefit",
        "win_ratio": "win_ratio", "win_odds": "win_odds", "log_odds": "bradley_terry_log_odds",
        "log_odds_se_naive": "bradley_terry_se_naive", "davidson_nu": "davidson_nu",
        "net_benefit_se_naive": "net_benefit_se_naive", "sign_test_p": "sign_test_p",
    }  # fmt: skip
    for ours, theirs in same.items():
        assert getattr(result, ours) == pytest.approx(expected[theirs], rel=1e-7), ours
    assert result.win_share_ci95 == pytest.approx(expected["win_share_ci_clopper"], rel=1e-7)
    net = found(result.net_benefit_test)
    assert net.estimate == pytest.approx(expected["net_benefit"], rel=CLOSED)
    assert net.se == pytest.approx(expected["net_benefit_se_ustat_joint"], rel=CLOSED)
    assert net.p == pytest.approx(expected["net_benefit_p_ustat_t"], rel=1e-7)


def test_all_ties_leave_no_ratio_and_no_test() -> None:
    result = found(win_tie_loss(differences([[0, 0], [0, 0]])))
    assert (result.wins, result.ties, result.losses, result.net_benefit, result.win_probability) == (0, 4, 0, 0, 0.5)
    assert result.win_odds == 1
    none = (result.win_share, result.win_share_ci95, result.sign_test_p, result.win_ratio, result.log_odds)
    assert none == (None,) * 5
    assert "all differences are equal" in because(result.net_benefit_test)
    assert "no pair with a difference" in because(wilcoxon(differences([[0, 0], [0, 0]])))
    assert "do not vary" in because(paired_t(differences([[0, 0], [0, 0]])))


def test_nothing_lost_leaves_no_ratio() -> None:
    """Three wins of four, one tie: win odds 3.5 / 0.5; P(sign test) = 2 / 2^3."""
    result = found(win_tie_loss(differences([[1, 2], [1, 0]])))
    assert (result.win_ratio, result.win_odds, result.sign_test_p) == (None, 7, 0.25)


def test_no_pair_at_all_is_said() -> None:
    nothing = made_up({})
    for method in (paired_t, wilcoxon, win_tie_loss, effect_sizes):
        assert "not estimable, because" in because(method(nothing))


@pytest.mark.parametrize("name", SETS)
def test_margins_are_those_of_r(name: str) -> None:
    r = from_r("main", name)["tost"]
    table = frozen(name)
    tests = {
        ("naive_05", 0.5): found(paired_t(table)), ("mixed_05", 0.5): found(mixed_difference(table)).test,
        ("mixed_1", 1.0): found(mixed_difference(table)).test, ("or_05", 0.5): found(split_plot(table)).test,
    }  # fmt: skip
    for (key, margin), test in tests.items():
        result, expected = margin_test(test, margin), r[key]
        assert result.p_noninferior == pytest.approx(expected["p_noninferior"], rel=2e-3)
        assert result.p_upper == pytest.approx(expected["p_upper"], rel=2e-3)
        assert result.p_tost == pytest.approx(expected["p_tost"], rel=2e-3)
        assert result.bounds == pytest.approx(expected["ci90"], abs=2e-4)


def test_non_inferiority_is_the_lower_end_of_the_interval() -> None:
    """Estimate 0, SE 0.2 on many df: 95 % bound -0.392, 90 % interval ±0.329."""
    test = Estimate(method="x", estimate=0.0, se=0.2, df=1e9, t=0.0, p=1.0, ci95=(-0.392, 0.392))
    assert margin_test(test, 0.40).is_noninferior
    assert not margin_test(test, 0.38).is_noninferior
    assert margin_test(test, 0.34).is_equivalent
    assert not margin_test(test, 0.32).is_equivalent
    assert margin_test(test, 0.38).lower_bound == pytest.approx(-0.392, abs=1e-3)
    with pytest.raises(ValueError, match="positive"):
        margin_test(test, 0)


@pytest.mark.parametrize("name", SETS)
def test_effect_sizes_are_those_of_r(name: str) -> None:
    result, expected = found(effect_sizes(frozen(name))), from_r("main", name)["effect_sizes"]
    same = {
        "d_z": "d_z", "d_av": "d_av_mean_sd", "d_av_pooled": "d_av_pooled", "hedges_g": "hedges_g_av_pooled",
        "d_rm": "d_rm", "rank_biserial": "matched_rank_biserial", "common_language": "cles_ties_half",
    }  # fmt: skip
    for ours, theirs in same.items():
        assert getattr(result, ours) == pytest.approx(expected[theirs], rel=CLOSED), ours


def test_equal_differences_have_no_d_z() -> None:
    result = found(effect_sizes(differences([[1, 1, 1]])))
    assert (result.d_z, result.d_av, result.rank_biserial, result.common_language) == (None, None, 1, 1)
