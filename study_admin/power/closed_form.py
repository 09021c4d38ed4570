"""The power of a plan, closed form: noncentral t on Satterthwaite's df (Obuchowski, Gallas, Hillis 2012; Hillis 2014).

With variances vr, vc, ve of the paired difference, G groups of J readers and K exams,

    V = vr/(GJ) + vc/(GK) + ve/(GJK),   MSR = K vr + ve,  MSC = J vc + ve,  MSE = ve,
    df = (MSR + MSC - MSE)² / (MSR²/(G(J-1)) + MSC²/(G(K-1)) + MSE²/(G(J-1)(K-1))).

With one reader a group, or one exam, the groups' means are all there is: df = G - 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from study_admin.power.plan import Goal, Plan
from study_admin.power.variances import Variances
from study_admin.statistics.likelihood import Array

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)
_FAR = 8.0  # normal deviations beyond which there is less than 1e-15


@dataclass(frozen=True)
class Precision:
    """Standard error of the mean difference and its degrees of freedom."""

    se: Array
    df: Array


@dataclass(frozen=True)
class PowerResult:
    """`promised` is what a paired t-test over all readings would promise: wrong, and never to be planned on."""

    plan: Plan
    power: float
    se: float
    df: float
    promised: float


def power(plan: Plan, variances: Variances) -> PowerResult:
    """The chance that the primary analysis reaches the plan's goal. Raises StudyError for a plan that means nothing."""
    plan.check()
    variances.check()
    g, j, k = (np.array(n, float) for n in (plan.groups, plan.readers_per_group, plan.exams_per_group))
    at = precision(variances, g, j, k)
    naive = Precision(np.sqrt(variances.total / np.array(plan.readings, float)), np.array(plan.readings - 1.0))
    return PowerResult(plan, float(chance(plan, at)), float(at.se), float(at.df), float(chance(plan, naive)))


def precision(variances: Variances, groups: Array, readers: Array, exams: Array) -> Precision:
    """Of designs of so many groups, readers in each and exams in each, broadcast against each other."""
    g, j, k = np.broadcast_arrays(groups, readers, exams)
    mse = variances.residual
    msr, msc = k * variances.reader + mse, j * variances.exam + mse
    top = msr + msc - mse
    is_crossed = (j > 1) & (k > 1)
    inner_j, inner_k = np.where(is_crossed, j - 1, 1), np.where(is_crossed, k - 1, 1)
    bottom = msr**2 / inner_j + msc**2 / inner_k + mse**2 / (inner_j * inner_k)
    df = np.where(is_crossed, g * top**2 / bottom, g - 1)
    return Precision(np.sqrt(top / (g * j * k)), df)


def chance(plan: Plan, at: Precision) -> Array:
    """Of reaching the goal, for each precision: the test's rejection region, integrated over the estimated SE.

    Given the ratio s of estimated to true SE, s² df ~ χ²(df), the estimate is normal: exact for TOST too (Owen's Q),
    where two noncentral t's would only approximate.
    """
    mean, margin = plan.delta / at.se, (plan.margin or 0.0) / at.se
    if plan.goal is Goal.SUPERIORITY:
        t = stats.t.ppf(1 - plan.alpha / 2, at.df)
        return _mean_over_s(at.df, None, lambda s: special.ndtr(mean - t * s) + special.ndtr(-mean - t * s))
    if plan.goal is Goal.NON_INFERIORITY:
        t = stats.t.ppf(1 - plan.alpha / 2, at.df)
        return _mean_over_s(at.df, None, lambda s: special.ndtr(mean + margin - t * s))
    t = stats.t.ppf(1 - plan.alpha, at.df)
    return _mean_over_s(
        at.df, margin / t, lambda s: special.ndtr(margin - mean - t * s) - special.ndtr(t * s - margin - mean)
    )


def _mean_over_s(df: Array, highest: Array | None, chance_at: Callable[[Array], Array]) -> Array:
    """The mean of a chance that depends on s, over s up to `highest`; by Gauss and Legendre in normal deviations z.

    Beyond `highest` the chance is 0; a kink there would spoil the rule.
    """
    top = np.full(df.shape, _FAR)
    if highest is not None:
        below = special.gammainc(df / 2, df * highest**2 / 2)
        top = np.clip(special.ndtri(below), -_FAR, _FAR)
    half = (top + _FAR) / 2
    shape = (-1,) + (1,) * df.ndim
    z = half * (_NODES.reshape(shape) + 1) - _FAR
    s = np.sqrt(2 * special.gammaincinv(df / 2, special.ndtr(z)) / df)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(half * np.sum(_WEIGHTS.reshape(shape) * density * chance_at(s), axis=0))
