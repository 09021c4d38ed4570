"""What every method hands out: an estimate with its uncertainty, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

from scipy import stats

Interval = tuple[float, float]


@dataclass(frozen=True)
class NotEstimable:
    """A method's answer where the data cannot give one; `because` ends the sentence "not estimable, because …"."""

    method: str
    because: str

    def __str__(self) -> str:
        return f"not estimable, because {self.because}"


@dataclass(frozen=True)
class Estimate:
    """A mean difference (or another estimate in points) with its standard error and the t test of it being 0.

    `df` is inf where the method takes the normal distribution. `ignores_clustering` marks what must not be read as
    evidence: the readings of one reader, and those of one exam, are taken as independent.
    """

    method: str
    estimate: float
    se: float
    df: float
    t: float
    p: float
    ci95: Interval
    ignores_clustering: bool = False

    def interval(self, level: float) -> Interval:
        """The two-sided confidence interval of this level."""
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.se
        return self.estimate - half, self.estimate + half


def t_estimate(
    method: str, estimate: float, se: float, df: float = inf, *, ignores_clustering: bool = False
) -> Estimate | NotEstimable:
    """Estimate and standard error, tested by t on `df`; not estimable without a positive, finite standard error."""
    if not (isfinite(estimate) and isfinite(se) and se > 0 and df > 0):
        return NotEstimable(method, "the differences do not vary, or too few of them are left to measure how they vary")
    t = estimate / se
    half = float(stats.t.ppf(0.975, df)) * se
    return Estimate(
        method=method, estimate=float(estimate), se=float(se), df=float(df), t=float(t),
        p=float(2 * stats.t.sf(abs(t), df)), ci95=(float(estimate - half), float(estimate + half)),
        ignores_clustering=ignores_clustering,
    )  # fmt: skip


@dataclass(frozen=True)
class FTest:
    """Several contrasts tested at once; `df` is (numerator, denominator)."""

    method: str
    f: float
    df: tuple[float, float]
    p: float


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of random effects by name, and of the residual, in points squared.

    `left_out` says for each component that is not in the model why; those "estimated at 0" are 0 in `by_name`.
    """

    by_name: Mapping[str, float]
    residual: float
    left_out: Mapping[str, str]

    @property
    def total(self) -> float:
        return sum(self.by_name.values()) + self.residual
