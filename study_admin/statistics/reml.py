"""Mixed models by REML with Satterthwaite's degrees of freedom: what lmerTest does, on numpy (statistics.md, row 3).

Variances are linear in the covariance, so gradient and Hessian of the likelihood are exact: with P as usual,
sum_i v_i P V_i P = P gives every term of the residual from those of the factors, and no matrix of the size of y.
Sources: Patterson & Thompson 1971 (REML); Fai & Cornelius 1996 (df of several contrasts); Kuznetsova 2017 (lmerTest).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize, stats

from study_admin.statistics.estimates import Estimate, FTest, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array, Codes, Evaluation, Likelihood

_SMALL = 0.05  # a relative standard deviation that may be 0 and is tried at 0
_FIXED = 1e8  # a ratio at which random effects are as good as fixed ones
_NEGLIGIBLE = 1e-12  # a sum of squares, relative to that of y, that is rounding


class CannotFitError(ValueError):
    """The likelihood has no maximum; the text says why, as a sentence's end."""


@dataclass(frozen=True)
class _Curvature:
    """Second derivatives of -2 REML in the variances (factors, then residual), and the first ones."""

    gradient: Array
    hessian: Array


class Fit:
    """A fitted model. `variances` are in the order of the factors, the residual's last; some may be 0."""

    def __init__(self, likelihood: Likelihood, ratios: Array) -> None:
        self._likelihood, self._ratios = likelihood, ratios
        self._at = likelihood.evaluate(ratios)
        self._residual = self._at.rss / (likelihood.n - likelihood.p)
        self.variances = tuple(float(v) for v in np.append(ratios * self._residual, self._residual))
        self.beta: Array = self._at.beta
        self.covariance: Array = self._residual * np.linalg.inv(self._at.xx)
        self.log_likelihood = -0.5 * likelihood.minus_two(self._at)

    def effects(self, factor: int) -> Array:
        """Predicted effects (BLUPs) of this factor's levels."""
        return np.asarray(self._ratios[factor] * self._at.zr[self._likelihood.levels[factor]])

    def contrast(self, method: str, weights: Sequence[float] | Array) -> Estimate | NotEstimable:
        """weights'b with its t test; df = 2 v^2 / (g'Ag)."""
        w = np.asarray(weights, float)
        return t_estimate(method, float(w @ self.beta), float(np.sqrt(w @ self.covariance @ w)), self._df(w))

    def f_test(self, method: str, contrasts: Array) -> FTest:
        """All rows of `contrasts` at once, denominator df by Fai and Cornelius as in lmerTest."""
        values, vectors = np.linalg.eigh(contrasts @ self.covariance @ contrasts.T)
        rows = vectors.T @ contrasts
        squares = (rows @ self.beta) ** 2 / values
        dfs = np.array([self._df(row) for row in rows])
        f, df = float(squares.mean()), _denominator(dfs)
        return FTest(method, f, (float(len(rows)), df), float(stats.f.sf(f, len(rows), df)))

    def variance_of(self, gradient: Sequence[float]) -> float:
        """Of a function of the variances, by the delta method from its slopes in them; one at 0 is taken as known."""
        slopes = np.asarray(gradient, float)[[*self._active, len(self._ratios)]]
        return float(slopes @ self._variance_of_variances @ slopes)

    def _df(self, w: Array) -> float:
        g = np.array([w @ slope @ w for slope in self._slopes])
        return float(2 * (w @ self.covariance @ w) ** 2 / (g @ self._variance_of_variances @ g))

    @cached_property
    def _active(self) -> list[int]:
        return [i for i, ratio in enumerate(self._ratios) if ratio > 0]

    @cached_property
    def _slopes(self) -> list[Array]:
        """Of the covariance of b in the variances: those above 0, then the residual's."""
        xx, slopes = self._at.xx / self._residual, []
        left = xx.copy()
        for i in self._active:
            zx = self._at.zx[self._likelihood.levels[i]] / self._residual
            left -= self.variances[i] * zx.T @ zx
            slopes.append(zx.T @ zx)
        slopes.append(left / self._residual)
        return [self.covariance @ slope @ self.covariance for slope in slopes]

    @cached_property
    def _variance_of_variances(self) -> Array:
        """A = 2 H^-1; directions in which the likelihood does not curve downwards say nothing and are left out."""
        hessian = _curvature(self._likelihood, self._ratios, self._at, self._active).hessian
        scale = np.array([*(self.variances[i] for i in self._active), self._residual])
        values, vectors = np.linalg.eigh(hessian * np.outer(scale, scale))
        good = values > 1e-8 * values.max()
        inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T
        return np.asarray(2 * inverse * np.outer(scale, scale))


def fit(y: Array, x: Array, factors: Sequence[Codes]) -> Fit:
    """REML fit of y on the columns of x with one random intercept a factor.

    Each factor needs more than one level and fewer levels than rows. Raises CannotFitError if nothing is left as
    residual.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(y) <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
        raise CannotFitError("there are too few readings for this model")
    likelihood = Likelihood(y, x, factors)
    _check_residual(likelihood)
    ratios = _search(likelihood, np.ones(len(factors)))
    for _ in range(4):
        ratios = _polish(likelihood, _at_zero(likelihood, ratios))
        rising = (ratios == 0) & (likelihood.gradient(likelihood.evaluate(ratios)) < -1e-6)
        if not rising.any():
            break
        ratios = _search(likelihood, np.sqrt(np.where(rising, 1e-3, ratios)))
    return Fit(likelihood, ratios)


def _search(likelihood: Likelihood, start: Array) -> Array:
    """Ratios near the maximum; searched in their square roots, whose sign does not matter."""
    if not len(start):
        return start

    def value(roots: Array) -> tuple[float, Array]:
        at = likelihood.evaluate(np.minimum(roots**2, _FIXED))
        return likelihood.minus_two(at), 2 * roots * likelihood.gradient(at)

    # BFGS as it is plain numpy: L-BFGS-B calls a threaded solver for each tiny system, ten times as slow in all
    found = optimize.minimize(value, start, jac=True, method="BFGS", options={"gtol": 1e-4})
    return np.asarray(found.x**2)


def _at_zero(likelihood: Likelihood, ratios: Array) -> Array:
    """The same, with each small ratio at 0 if the likelihood falls from there."""
    for i in np.flatnonzero(ratios < _SMALL**2):
        without = np.where(np.arange(len(ratios)) == i, 0.0, ratios)
        if likelihood.gradient(likelihood.evaluate(without))[i] >= 0:
            ratios = without
    return ratios


def _polish(likelihood: Likelihood, ratios: Array) -> Array:
    """Newton's steps on the exact Hessian, as long as they help: the search alone leaves the fifth digit open."""
    active = [i for i, ratio in enumerate(ratios) if ratio > 0]
    at = likelihood.evaluate(ratios)
    for _ in range(8 if active else 0):
        residual = at.rss / (likelihood.n - likelihood.p)
        variances = np.append(ratios[active] * residual, residual)
        curvature = _curvature(likelihood, ratios, at, active)
        step = np.linalg.lstsq(curvature.hessian, -curvature.gradient, rcond=None)[0]
        moved = variances + step
        if (moved <= 0).any():
            break
        trial = ratios.copy()
        trial[active] = moved[:-1] / moved[-1]
        there = likelihood.evaluate(trial)
        if likelihood.minus_two(there) > likelihood.minus_two(at) + 1e-9:
            break
        ratios, at = trial, there
        if np.all(np.abs(step) <= 1e-9 * variances):
            break
    return ratios


def _curvature(likelihood: Likelihood, ratios: Array, at: Evaluation, active: list[int]) -> _Curvature:
    """Derivatives of -2 REML: t_i - |k_i|^2 and -|K_ij|^2 + 2 k_i'K_ij k_j, where K = Z'PZ, k = Z'Py, t_i = tr K_ii."""
    nu = likelihood.n - likelihood.p
    ve = at.rss / nu
    zpz, zpy = likelihood.zpz(ratios, at) / ve, at.zr / ve
    parts = [likelihood.levels[i] for i in active]
    v = ratios[active] * ve
    t = at.trace[active] / ve
    kk = np.array([zpy[part] @ zpy[part] for part in parts])
    size = np.array([[np.sum(zpz[a, b] ** 2) for b in parts] for a in parts]).reshape(len(v), len(v))
    bent = np.array([[zpy[a] @ zpz[a, b] @ zpy[b] for b in parts] for a in parts]).reshape(len(v), len(v))
    trace_p = (nu - v @ t) / ve
    trace_vpp, bent_e = (t - size @ v) / ve, (kk - bent @ v) / ve
    ypy = at.rss / ve
    yppy = (ypy - v @ kk) / ve
    corner = -(trace_p - v @ trace_vpp) / ve + 2 * (yppy - v @ bent_e) / ve
    edge = -trace_vpp + 2 * bent_e
    hessian = np.block([[-size + 2 * bent, edge[:, None]], [edge[None, :], np.array([[corner]])]])
    return _Curvature(np.append(t - kk, trace_p - yppy), hessian)


def _denominator(dfs: Array) -> float:
    """One denominator df from those of independent contrasts (lmerTest, get_Fstat_ddf)."""
    if np.ptp(dfs) < 1e-8:
        return float(dfs.mean())
    if (dfs <= 2).any():
        return 2.0
    e = float(np.sum(dfs / (dfs - 2)))
    return 2 * e / (e - len(dfs))


def _check_residual(likelihood: Likelihood) -> None:
    """Refuse what fixed effects and levels explain without rest: the residual variance would run to 0."""
    nothing = np.zeros(len(likelihood.levels))
    free = likelihood.evaluate(nothing).rss
    if free <= _NEGLIGIBLE * likelihood.y_squared:
        raise CannotFitError("its values are all equal")
    if likelihood.evaluate(nothing + _FIXED).rss <= 10 / _FIXED * free:
        raise CannotFitError("the effects of readers and exams explain every one of its values without rest")
