"""Non-inferiority and equivalence with a margin fixed before unblinding, on the SE and df of any test (row 13)."""

from dataclasses import dataclass

from scipy import stats

from study_admin.statistics.estimates import Estimate, Interval


@dataclass(frozen=True)
class MarginTest:
    """`p_tost` is of equivalence within ± margin. `bounds` is the interval of level 1 - 2 alpha that decides TOST,
    `lower_bound` the one-sided bound of level 1 - alpha / 2 that decides non-inferiority."""

    method: str
    margin: float
    alpha: float
    p_noninferior: float
    p_upper: float
    p_tost: float
    bounds: Interval
    lower_bound: float
    is_noninferior: bool
    is_equivalent: bool


def margin_test(test: Estimate, margin: float, alpha: float = 0.05) -> MarginTest:
    """t1 = (d + margin) / SE, t2 = (d - margin) / SE; TOST takes the larger p (Schuirmann 1987).

    Non-inferiority is one-sided at alpha / 2, so that it and superiority are one closed procedure: the lower end of the
    1 - alpha interval lies above -margin. Equivalence is both one-sided tests at alpha.
    """
    if margin <= 0:
        raise ValueError("a margin is a positive number of points")
    p_lower = float(stats.t.sf((test.estimate + margin) / test.se, test.df))
    p_upper = float(stats.t.cdf((test.estimate - margin) / test.se, test.df))
    lower = test.interval(1 - alpha)[0]
    return MarginTest(
        method=f"non-inferiority and TOST by: {test.method}", margin=margin, alpha=alpha, p_noninferior=p_lower,
        p_upper=p_upper, p_tost=max(p_lower, p_upper), bounds=test.interval(1 - 2 * alpha), lower_bound=lower,
        is_noninferior=lower > -margin, is_equivalent=max(p_lower, p_upper) < alpha,
    )  # fmt: skip
