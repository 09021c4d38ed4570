"""How far the two arms' masks agree over the study exams, apart from all scores: Table 3, and what Figs 2 and 3 show.

The first arm is the reference, as the technicians were in the paper. Exams are taken as independent, which they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from segmentation.metrics import Interval, Summary, summary
from study_admin.statistics.estimates import NotEstimable

Array = npt.NDArray[np.float64]
METHOD = "overlap of the two arms' masks"
ON_VOLUME = "Dice on volume, least squares"


@dataclass(frozen=True)
class ExamOverlap:
    """One exam; `volume_ml` is that of the reference. `has_empty`: a mask was empty, see `segmentation.metrics`."""

    exam: str
    dice: float
    recall: float
    precision: float
    volume_ml: float
    other_ml: float | None = None  # not known in a table from elsewhere
    has_empty: bool = False


@dataclass(frozen=True)
class Band:
    """A regression's line over volumes, with the 95 % confidence limits of the mean and of one new exam."""

    volume_ml: Array
    fit: Array
    lower: Array
    upper: Array
    new_lower: Array
    new_upper: Array


@dataclass(frozen=True)
class DiceOnVolume:
    """Least squares; `ml_mean` and `ml_squares` (sum of squared deviations) are what the band needs."""

    intercept: float
    intercept_se: float
    slope: float  # Dice a millilitre
    slope_se: float
    slope_ci95: Interval
    t: float
    df: int
    p: float
    sigma: float
    r: float
    r_ci95: Interval | None  # by Fisher's z; None with fewer than four exams
    r_squared: float
    spearman: float
    ml_mean: float
    ml_squares: float

    def band(self, volume_ml: Sequence[float] | Array) -> Band:
        """At these volumes."""
        x = np.asarray(volume_ml, float)
        fit = self.intercept + self.slope * x
        of_mean = 1 / (self.df + 2) + (x - self.ml_mean) ** 2 / self.ml_squares
        t = float(stats.t.ppf(0.975, self.df)) * self.sigma
        half, new = t * np.sqrt(of_mean), t * np.sqrt(1 + of_mean)
        return Band(x, fit, fit - half, fit + half, fit - new, fit + new)


@dataclass(frozen=True)
class MaskAgreement:
    """Table 3 and Fig 3. `exams` are in ascending order of their Dice: the worst come first; ties by name."""

    arms: tuple[str, str]  # the reference, the other
    exams: tuple[ExamOverlap, ...]
    dice: Summary
    recall: Summary
    precision: Summary
    volume_ml: Summary
    other_ml: Summary | None
    dice_on_volume: DiceOnVolume | NotEstimable
    empty: tuple[str, ...]  # exams in which a mask was empty


def from_rows(rows: Sequence[ExamOverlap], arms: tuple[str, str]) -> MaskAgreement | NotEstimable:
    """Of the exams' rows, in any order."""
    exams = tuple(sorted(rows, key=lambda row: (row.dice, row.exam)))
    dice, recall, precision, volume = (
        summary([getattr(row, name) for row in exams]) for name in ("dice", "recall", "precision", "volume_ml")
    )
    if dice is None or recall is None or precision is None or volume is None:
        return NotEstimable(METHOD, "there is no exam with both masks")
    others = [row.other_ml for row in exams if row.other_ml is not None]
    return MaskAgreement(
        arms=arms, exams=exams, dice=dice, recall=recall, precision=precision, volume_ml=volume,
        other_ml=summary(others) if len(others) == len(exams) else None,
        dice_on_volume=dice_on_volume([row.volume_ml for row in exams], [row.dice for row in exams]),
        empty=tuple(row.exam for row in exams if row.has_empty),
    )  # fmt: skip


def dice_on_volume(volume_ml: Sequence[float], dice: Sequence[float]) -> DiceOnVolume | NotEstimable:
    """Dice = intercept + slope × volume (Fig 3b)."""
    x, y = np.asarray(volume_ml, float), np.asarray(dice, float)
    n = len(x)
    if n < 3:
        return NotEstimable(ON_VOLUME, "there are fewer than three exams")
    if not np.ptp(x):
        return NotEstimable(ON_VOLUME, "all tumours have the same volume")
    if not np.ptp(y):
        return NotEstimable(ON_VOLUME, "all exams have the same Dice")
    line = stats.linregress(x, y)
    rest = y - line.intercept - line.slope * x
    sigma = float(np.sqrt(rest @ rest / (n - 2)))
    if sigma <= 1e-9 * np.ptp(y):
        return NotEstimable(ON_VOLUME, "the exams lie on a line without any scatter")
    half = float(stats.t.ppf(0.975, n - 2) * line.stderr)
    interval = stats.pearsonr(x, y).confidence_interval() if n > 3 else None
    return DiceOnVolume(
        intercept=float(line.intercept), intercept_se=float(line.intercept_stderr), slope=float(line.slope),
        slope_se=float(line.stderr), slope_ci95=(float(line.slope) - half, float(line.slope) + half),
        t=float(line.slope / line.stderr), df=n - 2, p=float(line.pvalue), sigma=sigma, r=float(line.rvalue),
        r_ci95=(float(interval.low), float(interval.high)) if interval else None, r_squared=float(line.rvalue) ** 2,
        spearman=float(stats.spearmanr(x, y).statistic), ml_mean=float(x.mean()),
        ml_squares=float(((x - x.mean()) ** 2).sum()),
    )  # fmt: skip
