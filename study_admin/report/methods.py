"""The methods of one table: each with its estimate, interval, p, and how often it is wrong where nothing is."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from study_admin.statistics.estimates import Estimate, Interval, NotEstimable
from study_admin.statistics.margins import MarginTest, margin_test
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.published import Wilcoxon, paired_t, wilcoxon, wilcoxon_pratt
from study_admin.statistics.type_one_error import error_rates
from study_admin.statistics.wins import WinTieLoss

MARGIN = "non-inferiority and equivalence"


@dataclass(frozen=True)
class FalseAlarms:
    """How often a method called a difference where there was none, over simulated studies of 5 × 4 × 20."""

    rates: Mapping[str, float]  # by scenario
    lowest: float
    highest: float
    studies: int
    nominal: float
    seed: int


@dataclass(frozen=True)
class MethodRow:
    """A test of the difference being 0. `ci` is the interval at 1 - alpha of the study; `df` None: normal."""

    method: str
    estimate: float | None
    se: float | None
    df: float | None
    statistic: float | None
    p: float
    ci95: Interval | None
    ci: Interval | None
    is_significant: bool
    ignores_clustering: bool
    false_alarms: FalseAlarms


Row = MethodRow | NotEstimable


def row(key: str, test: Estimate | NotEstimable, alpha: float) -> Row:
    """A t test as a row; `key` is the method's name in results.json."""
    if isinstance(test, NotEstimable):
        return test
    return MethodRow(
        method=test.method, estimate=test.estimate, se=test.se, df=test.df if isfinite(test.df) else None,
        statistic=test.t, p=test.p, ci95=test.ci95, ci=test.interval(1 - alpha), is_significant=test.p < alpha,
        ignores_clustering=test.ignores_clustering, false_alarms=false_alarms(key),
    )  # fmt: skip


def as_published(pairs: Pairs, wins: WinTieLoss | NotEstimable, alpha: float) -> Mapping[str, Row]:
    """The tests of the paper, which take the readings as independent."""
    return {
        "paired_t": row("paired_t", paired_t(pairs), alpha),
        "wilcoxon": _wilcoxon("wilcoxon", wilcoxon(pairs), alpha),
        "wilcoxon_pratt": _wilcoxon("wilcoxon_pratt", wilcoxon_pratt(pairs), alpha),
        "sign_test": _sign_test(wins, alpha),
    }


def margin_of(test: Estimate | NotEstimable, margin: float | None, alpha: float) -> MarginTest | NotEstimable:
    if margin is None:
        return NotEstimable(MARGIN, "no margin was fixed before the study opened")
    if isinstance(test, NotEstimable):
        return NotEstimable(MARGIN, test.because)
    return margin_test(test, margin, alpha)


def false_alarms(key: str) -> FalseAlarms:
    rates = error_rates(key)
    by_scenario = {rate.scenario: rate.rate for rate in rates}
    any_rate = rates[0]
    return FalseAlarms(
        by_scenario, min(by_scenario.values()), max(by_scenario.values()), any_rate.studies, any_rate.nominal,
        any_rate.seed,
    )  # fmt: skip


def _wilcoxon(key: str, test: Wilcoxon | NotEstimable, alpha: float) -> Row:
    if isinstance(test, NotEstimable):
        return test
    return MethodRow(test.method, test.estimate, None, None, test.z, test.p, None, None, test.p < alpha, True,
                     false_alarms(key))  # fmt: skip


def _sign_test(wins: WinTieLoss | NotEstimable, alpha: float) -> Row:
    method = "sign test, ties dropped (ignores clustering)"
    if isinstance(wins, NotEstimable) or wins.sign_test_p is None:
        return NotEstimable(method, "there is no pair with a difference")
    p = wins.sign_test_p
    return MethodRow(method, None, None, None, None, p, None, None, p < alpha, True, false_alarms("sign_test"))
