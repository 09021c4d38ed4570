"""The REML likelihood of y = X b + crossed random intercepts + residual, in time that does not grow with pairs squared.

With ratios r_i = v_i / v_e the covariance is v_e S, S = I + sum_i r_i Z_i Z_i'. Nothing of the size of y is inverted:
the factor with most levels has a diagonal Z'Z and is eliminated first, what is left is a matrix of the size of the
other factors' levels, and that falls into blocks where groups of readers and exams share nothing (statistics.md,
row 3). A ratio of 0 is an ordinary value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
_BLOCK = 48  # kept levels: smaller blocks cost more in Python than they save in arithmetic


@dataclass(frozen=True)
class _Block:
    """Cross products of the rows that share no level with rows outside. U = [Z of kept levels, X, y]."""

    kept: Codes  # columns of all levels that are kept, …
    eliminated: Codes  # … and that are eliminated
    counts: Array  # rows of each eliminated level
    sums: Array  # Ze'U
    products: Array  # U'U


@dataclass(frozen=True)
class Evaluation:
    """Everything of one set of ratios that needs no second derivative. Sums over S^-1, not over the covariance."""

    log_determinant: float
    xx: Array
    beta: Array
    rss: float
    trace: Array  # of Z'PZ, one for each factor
    zx: Array  # Z'S^-1X, all levels
    zr: Array  # Z'S^-1(y - Xb) = Z'Py, all levels


class Likelihood:
    """Data reduced to cross products. `factors` are the codes 0.. of each random factor's level, row by row."""

    def __init__(self, y: Array, x: Array, factors: Sequence[Codes]) -> None:
        self.n, self.p = x.shape
        self.y_squared = float(y @ y)
        sizes = [int(codes.max()) + 1 for codes in factors]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.levels = tuple(slice(*ends) for ends in pairwise(starts.tolist()))
        self.factor_of = np.repeat(np.arange(len(sizes)), sizes)
        self._largest = int(np.argmax(sizes)) if sizes else 0
        columns = [codes + start for codes, start in zip(factors, starts[:-1], strict=True)]
        z = sparse.csr_matrix(
            (np.ones(self.n * len(sizes)), (np.tile(np.arange(self.n), len(sizes)), np.concatenate(columns))),
            shape=(self.n, int(starts[-1])),
        ) if sizes else sparse.csr_matrix((self.n, 0))  # fmt: skip
        is_kept = self.factor_of != self._largest
        self._blocks = [self._block(y, x, z, rows, is_kept) for rows in _packed(z, is_kept)]

    def _block(self, y: Array, x: Array, z: sparse.csr_matrix, rows: Codes, is_kept: NDArray[np.bool_]) -> _Block:
        here = z[rows]
        counts = np.asarray(here.sum(axis=0)).ravel()
        kept, eliminated = np.flatnonzero((counts > 0) & is_kept), np.flatnonzero((counts > 0) & ~is_kept)
        u = np.hstack([here[:, kept].toarray(), x[rows], y[rows, None]])
        return _Block(kept, eliminated, counts[eliminated], here[:, eliminated].T @ u, u.T @ u)

    def evaluate(self, ratios: Array) -> Evaluation:
        """The pieces of the likelihood and of its gradient."""
        levels, p = len(self.factor_of), self.p
        log_determinant, core = 0.0, np.zeros((p + 1, p + 1))
        diagonal, zu = np.zeros(levels), np.zeros((levels, p + 1))
        for block in self._blocks:
            solved = _Solved(block, self._scales(block, ratios), self._ratio_eliminated(ratios))
            log_determinant += solved.log_determinant
            core += solved.core
            diagonal[block.kept], diagonal[block.eliminated] = solved.diagonals()
            zu[block.kept], zu[block.eliminated] = solved.kept_u, solved.eliminated_u
        xx = core[:p, :p]
        beta = np.linalg.solve(xx, core[:p, p])
        zx = zu[:, :p]
        projected = diagonal - np.einsum("lp,pl->l", zx, np.linalg.solve(xx, zx.T))
        trace = np.bincount(self.factor_of, weights=projected, minlength=len(self.levels))
        rss = float(core[p, p] - core[:p, p] @ beta)
        return Evaluation(log_determinant, xx, beta, rss, np.asarray(trace, float), zx, zu[:, p] - zx @ beta)

    def zpz(self, ratios: Array, at: Evaluation) -> Array:
        """Z'PZ of all levels, dense; for second derivatives."""
        full = -at.zx @ np.linalg.solve(at.xx, at.zx.T)
        for block in self._blocks:
            solved = _Solved(block, self._scales(block, ratios), self._ratio_eliminated(ratios))
            here = np.concatenate([block.kept, block.eliminated])
            full[np.ix_(here, here)] += solved.full()
        return full

    def minus_two(self, at: Evaluation) -> float:
        """-2 log likelihood (REML), the residual variance at its best for these ratios; lme4's constant."""
        nu = self.n - self.p
        log_xx = float(np.linalg.slogdet(at.xx)[1])
        return at.log_determinant + log_xx + nu * (1 + float(np.log(2 * np.pi * at.rss / nu)))

    def gradient(self, at: Evaluation) -> Array:
        """Of `minus_two` with respect to the ratios."""
        squares = np.bincount(self.factor_of, weights=at.zr**2, minlength=len(self.levels))
        return np.asarray(at.trace - (self.n - self.p) * squares / at.rss)

    def _scales(self, block: _Block, ratios: Array) -> Array:
        return np.asarray(np.sqrt(ratios[self.factor_of[block.kept]]))

    def _ratio_eliminated(self, ratios: Array) -> float:
        return float(ratios[self._largest]) if len(ratios) else 0.0


class _Solved:
    """One block at one set of ratios: inner products over S^-1."""

    def __init__(self, block: _Block, scales: Array, ratio: float) -> None:
        self._q, self._shrink = len(block.kept), 1 / (1 + ratio * block.counts)
        q = self._q
        products = block.products - block.sums.T @ ((ratio * self._shrink)[:, None] * block.sums)
        inner = np.eye(q) + scales[:, None] * products[:q, :q] * scales
        factor = linalg.cholesky(inner, lower=True, check_finite=False)
        # Inverted, not solved for each column: OpenBLAS's threaded triangular solver takes thirty times as long here.
        self._inverse_half = (linalg.lapack.dtrtri(factor, lower=1)[0] if q else factor) * scales
        half = self._inverse_half @ products[:q]
        self._counts, self._sums = block.counts, block.sums
        self._kept = products[:q] - half[:, :q].T @ half  # Zk'S^-1U
        self._bridge = block.sums[:, :q] @ self._inverse_half.T  # of the eliminated levels to the kept ones
        self._eliminated = self._shrink[:, None] * (block.sums - self._bridge @ half)  # Ze'S^-1U
        self.core = products[q:, q:] - half[:, q:].T @ half[:, q:]
        self.log_determinant = float(np.log1p(ratio * block.counts).sum() + 2 * np.log(np.diag(factor)).sum())
        self.kept_u, self.eliminated_u = self._kept[:, q:], self._eliminated[:, q:]

    def diagonals(self) -> tuple[Array, Array]:
        """Of Z'S^-1Z: kept levels, eliminated levels."""
        own = self._shrink * self._counts - self._shrink**2 * (self._bridge**2).sum(axis=1)
        return np.diag(self._kept[:, : self._q]), own

    def full(self) -> Array:
        """Z'S^-1Z: kept levels first, then the eliminated ones."""
        bridge = self._shrink[:, None] * self._bridge
        across = self._eliminated[:, : self._q]
        return np.block(
            [[self._kept[:, : self._q], across.T], [across, np.diag(self._shrink * self._counts) - bridge @ bridge.T]]
        )


def _packed(z: sparse.csr_matrix, is_kept: NDArray[np.bool_]) -> list[Codes]:
    """The rows in parts that share no level; small parts together."""
    if not z.shape[1]:
        return [np.arange(z.shape[0])]
    part_of_level = csgraph.connected_components(z.T @ z, directed=False)[1]
    part_of_row = part_of_level[z.indices[z.indptr[:-1]]]
    sizes = np.bincount(part_of_level[is_kept], minlength=int(part_of_level.max()) + 1)
    pack, packs = np.zeros(len(sizes), dtype=np.intp), 0
    room = _BLOCK
    for part, size in enumerate(sizes):
        if size > room and room < _BLOCK:
            packs, room = packs + 1, _BLOCK
        pack[part] = packs
        room -= int(size)
    return [np.flatnonzero(pack[part_of_row] == number) for number in range(packs + 1)]
