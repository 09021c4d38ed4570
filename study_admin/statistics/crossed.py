"""Any linear model with readers and exams crossed random, for the analyses beside the primary one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.reml import CannotFitError, Fit, fit


@dataclass(frozen=True, eq=False)
class Crossed:
    """A fitted model; `factors` are the random ones in it, with codes 0.. for the levels that have rows."""

    method: str
    fit: Fit
    factors: tuple[str, ...]

    def contrast(self, weights: list[float]) -> Estimate | NotEstimable:
        """weights'b, tested by t with Satterthwaite's df."""
        return self.fit.contrast(self.method, weights)

    def variance(self, factor: str) -> float:
        """0 for a factor that is not in the model."""
        return self.fit.variances[self.factors.index(factor)] if factor in self.factors else 0.0

    def variance_of(self, slopes: Mapping[str, float], residual: float) -> float:
        """Of a function of the variances that has these slopes in those of factors, and in the residual's."""
        return self.fit.variance_of([*(slopes[factor] for factor in self.factors), residual])

    @property
    def residual(self) -> float:
        return self.fit.variances[-1]


def crossed(method: str, y: Array, x: Array, factors: Mapping[str, Codes]) -> Crossed | NotEstimable:
    """REML fit of y on x with an intercept for each level of each factor.

    A factor with one level, with one row a level, or with the levels of a factor before it is left out: its variance
    is part of the mean, of the residual, or of that factor's.
    """
    usable: dict[str, Codes] = {}
    for name, codes in factors.items():
        levels, coded = np.unique(codes, return_inverse=True)
        if 1 < len(levels) < len(y) and not any(_are_twins(coded, other) for other in usable.values()):
            usable[name] = coded
    try:
        model = fit(y, x, list(usable.values()))
    except CannotFitError as error:
        return NotEstimable(method, str(error))
    return Crossed(method, model, tuple(usable))


def _are_twins(a: Codes, b: Codes) -> bool:
    """Do both cut the rows into the same parts?"""
    together = len(np.unique(np.stack([a, b]), axis=1).T)
    return bool(together == a.max() + 1 == b.max() + 1)
