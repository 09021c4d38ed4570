"""How much the paired difference varies: assumed in the shape of the paper's results, or measured in a pilot study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import StudyError
from study_admin.power.plan import MOST_POINTS
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.likelihood import Array
from study_admin.statistics.mixed import AT_ZERO, mixed_difference
from study_admin.statistics.pairs import Pairs

Rows = tuple[tuple[float, ...], ...]
_LEAST = 1e-9  # share of all variance; less is none, and its square leaves the range of numbers
_FEW_READERS = 5  # fewer say little about readers at large (statistics.md, section 6)


@dataclass(frozen=True)
class Variances:
    """Variances of the paired difference (second score minus first) in points squared.

    `reader`: between readers in their mean difference; `exam`: between exams in theirs; `residual`: the rest of a
    single reading. `uncertainty` is the covariance matrix of the three where they are from a pilot study.
    """

    reader: float
    exam: float
    residual: float
    source: str
    warnings: tuple[str, ...] = ()
    uncertainty: Rows | None = None

    @property
    def total(self) -> float:
        return self.reader + self.exam + self.residual

    def times(self, reader: float = 1, exam: float = 1, residual: float = 1) -> "Variances":
        """Each multiplied; for "what if"."""
        return replace(self, reader=reader * self.reader, exam=exam * self.exam, residual=residual * self.residual)

    def check(self) -> None:
        """Raises StudyError for what cannot be variances."""
        named = (("readers", self.reader), ("exams", self.exam), ("single readings", self.residual))
        for words, variance in named:
            if not 0 <= variance <= MOST_POINTS**2:
                what = f"The variance between {words} is {variance:g}."
                raise StudyError(what, remedy=f"A variance is from 0 to {MOST_POINTS**2}, in points squared.")
        if self.residual < _LEAST * max(self.total, _LEAST):
            remedy = "Give it a variance above 0: nobody scores twice exactly alike."
            raise StudyError("Single readings do not vary at all.", remedy=remedy)


PAPER_WARNING = (
    "These variances are those of simulated scores made in the shape of the paper's results, not of its readers, whose "
    "scores are not public. Your readers and exams may vary half or twice as much: measure it in a small pilot study."
)
# REML on reference/statistics/paper.csv by lmerTest: power.R and power.json beside it have these digits.
PAPER_SHAPED = Variances(0.155363, 0.435270, 2.263706, "shaped like the paper's results", (PAPER_WARNING,))


def stated(reader: float, exam: float, residual: float) -> Variances:
    """Variances that somebody gives. Raises StudyError if they can be none."""
    made = Variances(reader, exam, residual, "as given")
    made.check()
    return made


def from_pilot(pairs: Pairs, name: str = "a pilot study") -> Variances:
    """What the primary analysis estimates from a pilot's scores, with its uncertainty.

    Raises StudyError if the three cannot be told apart there: that needs readers who read the same exams, two at least
    of each.
    """
    found = mixed_difference(pairs)
    if isinstance(found, NotEstimable):
        remedy = "A pilot needs at least two readers who both score the same two exams or more."
        raise StudyError(f"The pilot's scores give no variances, because {found.because}.", remedy=remedy)
    parts = found.variance_components
    for unit in ("reader", "exam"):
        if unit not in parts.by_name:
            remedy = "In a pilot several readers should score the same exams."
            raise StudyError(f"The pilot can't tell how much {unit}s vary: {parts.left_out[unit]}.", remedy=remedy)
    table = pairs.complete
    reader, exam = parts.by_name["reader"], parts.by_name["exam"]
    return Variances(
        reader, exam, parts.residual, f"measured in {name}", tuple(_doubts(table, parts.left_out)),
        _uncertainty(table, (reader, exam, parts.residual)),
    )  # fmt: skip


def _doubts(table: Pairs, left_out: Mapping[str, str]) -> Sequence[str]:
    doubts = []
    if len(table.readers) < _FEW_READERS:
        doubts.append(f"A pilot of {len(table.readers)} readers tells only roughly how much readers vary.")
    for unit, reason in left_out.items():
        if reason == AT_ZERO:
            doubts.append(f"The variance between {unit}s was estimated at 0, which does not show that {unit}s agree.")
    return doubts


def _uncertainty(table: Pairs, variances: tuple[float, float, float]) -> Rows:
    """Inverse of the expected information of REML, I_ij = tr(P V_i P V_j) / 2 (Searle et al. 1992, section 6.6).

    With W = V^-1 and u = W1, P = W - uu'/1'u: one block a group, coupled by the mean alone. A variance at 0 is in it
    like any other, for that is where a small pilot is least sure.
    """
    traces, bent, edges, weight = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros(3), 0.0
    for group in range(len(table.groups)):
        rows = table.group == group
        parts = [_same(table.reader[rows]), _same(table.exam[rows]), np.eye(int(rows.sum()))]
        inverse = np.linalg.inv(sum(v * part for v, part in zip(variances, parts, strict=True)))
        u = inverse.sum(axis=1)
        products = [inverse @ part for part in parts]
        bows = [part @ u for part in parts]
        traces += [[np.sum(a * b.T) for b in products] for a in products]
        bent += [[a @ inverse @ b for b in bows] for a in bows]
        edges += [u @ bow for bow in bows]
        weight += float(u.sum())
    information = (traces - 2 * bent / weight + np.outer(edges, edges) / weight**2) / 2
    return tuple(tuple(float(value) for value in row) for row in np.linalg.inv(information))


def _same(codes: NDArray[np.intp]) -> Array:
    return np.asarray(codes[:, None] == codes[None, :], float)
