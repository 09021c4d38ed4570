"""Krippendorff's alpha and weighted kappa against R, a published table, and hand arithmetic."""

import numpy as np
import pytest

from study_admin.statistics.alpha_kappa import Alpha, WeightedKappa, krippendorff_alpha, weighted_kappa
from study_admin.statistics.estimates import NotEstimable
from tests.study_admin.statistics.r_values import ARMS, SETS, from_r, scores

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C: 4 observers, 12 units, 12 gaps.
# The paper gives nominal .743, ordinal .815 and interval .849.
GAP = np.nan
KRIPPENDORFF = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
    [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
]).T  # fmt: skip


def alpha(table: np.ndarray) -> Alpha:
    found = krippendorff_alpha(table)
    assert isinstance(found, Alpha), found
    return found


def kappa(table: np.ndarray) -> WeightedKappa:
    found = weighted_kappa(table)
    assert isinstance(found, WeightedKappa), found
    return found


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", SETS)
def test_every_group_agrees_with_r(name: str, arm: str) -> None:
    for group, rows in scores(name).groupby("group"):
        table = rows.pivot(index="exam", columns="reader", values=arm).to_numpy(float)
        of_r = from_r("agreement", name)["agreement"][arm]["by_group"][group]
        found, kappas = alpha(table), kappa(table)
        assert (found.ordinal, found.interval) == pytest.approx(
            (of_r["alpha_ordinal"], of_r["alpha_interval"]), abs=1e-8
        )
        of_vcd = of_r["weighted_kappa"]
        assert kappas.linear == pytest.approx(of_vcd["mean_linear_fixed_0_10"], abs=1e-8)
        assert kappas.quadratic == pytest.approx(of_vcd["mean_quadratic_fixed_0_10"], abs=1e-8)
        assert (kappas.pairs, kappas.pairs_left_out) == (of_vcd["pairs"], 0)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", SETS)
def test_the_whole_study_agrees_with_r_though_each_reader_saw_a_fifth(name: str, arm: str) -> None:
    found = alpha(scores(name).pivot(index="exam", columns="reader", values=arm).to_numpy(float))
    of_r = from_r("agreement", name)["agreement"][arm]
    expected = of_r["pooled_alpha_ordinal"], of_r["pooled_alpha_interval"]
    assert (found.ordinal, found.interval) == pytest.approx(expected, abs=1e-8)
    assert found.exams == 100


def test_krippendorffs_own_example_with_gaps() -> None:
    found = alpha(KRIPPENDORFF)
    assert (round(found.ordinal, 3), round(found.interval, 3)) == (0.815, 0.849)
    assert found.exams == 11  # the last unit has one observer


def test_a_level_that_nobody_used_counts_in_kappa() -> None:
    # By hand, agreement 1 - |i - j|/10, pairs (0,0), (10,10), (0,10): observed 2/3; expected, 0 being 2/3 of the
    # first reader's scores and 1/3 of the second's, 2/9 + 2/9 = 4/9; (2/3 - 4/9)/(1 - 4/9) = 0.4.
    assert kappa(np.array([[0.0, 0.0], [10.0, 10.0], [0.0, 10.0]])).linear == pytest.approx(0.4)
    # (0,0), (10,10), (0,1): mean |i - j| observed 1/3, expected (2(0+10+1) + (10+0+9))/9 = 41/9; 1 - 3/41.
    # Taken as ranks among the levels seen, the same scores would give 2/3.
    assert kappa(np.array([[0.0, 0.0], [10.0, 10.0], [0.0, 1.0]])).linear == pytest.approx(1 - 3 / 41)


def test_kappa_leaves_out_pairs_that_cannot_differ_and_says_how_many() -> None:
    # The first two gave 5 throughout (0/0), the third has one exam only, in common with both, on which scores differ.
    table = np.array([[5.0, 5.0, 7.0], [5.0, 5.0, GAP]])
    found = kappa(table)
    assert (found.pairs, found.pairs_left_out) == (2, 1)
    assert found.linear == pytest.approx(0.0)  # observed distance 2, expected 2


def test_without_two_scores_of_an_exam_there_is_no_alpha_and_no_kappa() -> None:
    alone = np.array([[1.0, GAP], [GAP, 2.0]])
    for found in (krippendorff_alpha(alone), weighted_kappa(alone)):
        assert isinstance(found, NotEstimable)
    same = krippendorff_alpha(np.full((3, 2), 10.0))
    assert "every score is the same" in str(same)


def test_the_interval_of_alpha_covers_its_truth_as_often_as_it_says() -> None:
    # Scores are the exam's own value plus noise; alpha of very many exams is the truth. Of 40 intervals that hold it
    # with 95 % each, fewer than 34 do so once in 300 tries; intervals half as wide would hold it 27 times.
    draw = np.random.default_rng(2)

    def made(exams: int) -> np.ndarray:
        return np.clip(np.round(5 + draw.normal(0, 2, (exams, 1)) + draw.normal(0, 1.5, (exams, 3))), 0, 10)

    truth = alpha(made(50_000)).interval
    intervals = [alpha(made(40)).interval_ci95 for _ in range(40)]
    assert sum(ci is not None and ci[0] < truth < ci[1] for ci in intervals) >= 34


def test_the_interval_is_the_same_each_time_and_holds_the_estimate() -> None:
    table = (
        scores("paper").query("group == 'G1'").pivot(index="exam", columns="reader", values="score_dl").to_numpy(float)
    )
    found = alpha(table)
    assert found == alpha(table)
    assert found.ordinal_ci95 is not None
    assert found.ordinal_ci95[0] < found.ordinal < found.ordinal_ci95[1]


def test_few_exams_have_no_interval() -> None:
    assert alpha(np.array([[1.0, 2.0], [3.0, 5.0], [2.0, 1.0], [7.0, 8.0]])).ordinal_ci95 is None


@pytest.mark.parametrize("score", [11.0, 7.5])
def test_a_score_off_the_scale_has_no_kappa_and_is_not_rounded(score: float) -> None:
    assert "not levels of the scale" in str(weighted_kappa(np.array([[7.0, score], [3.0, 4.0]])))


def test_another_scale_has_its_own_levels() -> None:
    # By hand on 1..3, linear: pairs (1,1), (3,3), (1,3): as the ends of any scale, 0.4 (see above).
    found = weighted_kappa(np.array([[1.0, 1.0], [3.0, 3.0], [1.0, 3.0]]), levels=(1, 2, 3))
    assert isinstance(found, WeightedKappa)
    assert found.linear == pytest.approx(0.4)
