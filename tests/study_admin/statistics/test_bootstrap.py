"""The two-way bootstrap against its exact variance, R's draws, and an average one can do by hand."""

import numpy as np
import pytest

from study_admin.statistics.bootstrap import bootstrap, exact_variance, share_positive, weighted_mean, weighted_median
from tests.study_admin.statistics.made_up import because, differences, found, frozen
from tests.study_admin.statistics.r_values import SETS, from_r


@pytest.mark.parametrize("name", SETS)
def test_its_variance_is_the_exact_one(name: str) -> None:
    table, r = frozen(name), from_r("main", name)
    expected = r["bootstrap_two_way_exact_variance"]["var"]
    assert found(exact_variance(table)) == pytest.approx(expected, rel=1e-8)
    result = found(bootstrap(table, weighted_mean, draws=20_000))
    assert result.se == pytest.approx(np.sqrt(expected), rel=0.02)
    assert result.estimate == pytest.approx(float(table.difference.mean()))
    assert result.ci95 == pytest.approx(r["bootstrap_two_way_mc"]["percentile95"], abs=0.03)
    # R's own draws for "null" are 1.4 % wider than the exact SE, so their p lies a little high
    assert result.p == pytest.approx(r["bootstrap_two_way_mc"]["p"], abs=0.02)
    assert result.draws == 20_000


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    table = frozen("unbalanced")
    first, second, other = (bootstrap(table, weighted_median, draws=500, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_weighted_medians_are_those_of_the_values_written_out() -> None:
    random = np.random.default_rng(5)
    values, weights = np.array([0.0, 1, 2.5, 7]), random.integers(0, 4, (200, 4)).astype(float)
    weights = weights[weights.sum(axis=1) > 0]
    written_out = [np.median(np.repeat(values, row.astype(int))) for row in weights]
    assert weighted_median(values, weights).tolist() == written_out


def test_medians_and_shares_have_an_interval_around_the_estimate() -> None:
    table = frozen("paper")
    median = found(bootstrap(table, weighted_median, values=table.second, draws=2000))
    assert median.estimate == 8  # the paper's, and R's for this set
    assert median.ci95[0] <= 8 <= median.ci95[1]
    share = found(bootstrap(table, share_positive, draws=2000))
    assert share.estimate == pytest.approx(0.585 - 0.5)
    assert share.ci95[0] < share.estimate < share.ci95[1]


def test_readers_and_exams_are_drawn_inside_their_group() -> None:
    """Two groups with the differences 0 and 10 and nothing else: each draw has both groups whole, so the mean is fixed.

    Drawn across the groups it would not be.
    """
    table = differences([[0, 0, None, None], [0, 0, None, None], [None, None, 10, 10], [None, None, 10, 10]])
    assert len(table.groups) == 2
    result = found(bootstrap(table, weighted_mean, draws=200))
    assert (result.estimate, result.se) == (5, 0)
    assert found(exact_variance(table)) == pytest.approx(0, abs=1e-12)


def test_missing_readings_have_no_exact_variance_and_one_reader_no_bootstrap() -> None:
    assert "missing" in because(exact_variance(frozen("unbalanced")))
    assert "two readers" in because(bootstrap(differences([[1, 2, 3]]), weighted_mean))
