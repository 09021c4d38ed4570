"""Simulated readers: what they score, and how large a difference of the arms is in it.

A score is round(clip(m)), m = mean ± effect/2 + reader + exam + reading ± (reader × arm + exam × arm)/2 + noise
+ learning + side, all random parts normal: the model by which `statistics.null_studies` simulates scores in the shape
of the paper's. Clipping swallows a part of any shift of m, so the shift is found that makes the expected difference of
the scores, as they are given, the effect that is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite, sqrt

import numpy as np
from scipy import optimize, special

from segmentation.errors import StudyError
from study_admin.power.variances import PAPER_SHAPED, Variances
from study_admin.statistics.likelihood import Array
from study_admin.statistics.null_studies import ScoreModel
from study_admin.statistics.pairs import Pairs

_PAPER = ScoreModel()
_WIDTH = 10.0  # points of the scale on which the model was fitted
# 0.1 Dice more are a point more: an assumption. With masks whose Dice has an SD of 0.15 to 0.2, scores spread about
# as the paper's do (SD 2.4 to 2.6, from its standard errors); twice as much puts three in ten at the scale's end.
POINTS_PER_DICE = 10.0
SOURCE = (
    "Spread of readers and exams as in scores simulated in the shape of the paper's results (means 6.97 and 7.31, "
    "standard errors 0.12 and 0.13; Mitchell et al. 2020), whose single scores are not public."
)


@dataclass(frozen=True)
class ReaderModel:
    """How simulated readers score. Standard deviations in points of a scale from 0 to 10; shares from 0 to 1.

    `leniency`, `difficulty` and `reading` are what both arms of a reading share: of readers, of exams, of one reader's
    view of one exam. `variances` are those of the paired difference as it is scored (`taste` for an arm). What has no
    source is an assumption, and the page says so.
    """

    variances: Variances = PAPER_SHAPED
    mean: float = _PAPER.mean
    leniency: float = _PAPER.reader
    difficulty: float = _PAPER.exam
    reading: float = _PAPER.reading
    learning: float = 0.3  # points that the last exam gets more than the first, both arms alike
    side_a: float = 0.2  # points more for what stands on A; reference/statistics planted as much
    drop_out: float = 0.05  # share of readers who stop somewhere
    recognises: float = 0.0  # share of guesses in which the reader has really recognised the arm
    undecided: float = 0.3  # share of the other guesses that are "don't know"
    minutes: float = 2.0  # median for an exam

    def check(self) -> None:
        """Raises StudyError for what cannot be readers."""
        self.variances.check()
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "variances":
                continue
            if not isfinite(value) or abs(value) > 10 * _WIDTH:
                what = f"{field.name} = {value:g} makes no reader."
                raise StudyError(what, remedy="Give points of a scale from 0 to 10.")
        for name in ("drop_out", "recognises", "undecided"):
            if not 0 <= getattr(self, name) <= 1:
                what = f"{name} = {getattr(self, name):g} is no share of readers or guesses."
                raise StudyError(what, remedy="Give a number from 0 to 1.")
        for name in ("leniency", "difficulty", "reading", "minutes"):
            if getattr(self, name) < 0 or (name == "minutes" and not self.minutes):
                raise StudyError(f"{name} = {getattr(self, name):g} is too small.", remedy="Give a number above 0.")

    @property
    def taste(self) -> float:
        """SD of a reader's liking for an arm, before clipping."""
        return sqrt(self.variances.reader) / _PAPER.shown

    @property
    def exam_taste(self) -> float:
        """SD of an exam's difference of the arms, before clipping."""
        return sqrt(self.variances.exam) / _PAPER.shown

    @property
    def noise(self) -> float:
        """SD of a single score, before clipping and rounding; in proportion to that of the paper-shaped scores."""
        return _PAPER.noise * sqrt(self.variances.residual / PAPER_SHAPED.residual)


@dataclass(frozen=True, eq=False)
class Quality:
    """Dice of each arm's mask with a reference, in the order of a design's exams: scores follow it."""

    first: Array
    second: Array
    points_per_dice: float = POINTS_PER_DICE
    usual: float | None = None  # the Dice of a mask that gets the readers' mean; None: the mean of these masks

    @property
    def middle(self) -> float:
        return float(np.mean([self.first, self.second])) if self.usual is None else self.usual

    def shift(self) -> tuple[Array, Array]:
        """Points above or below the readers' mean, by exam."""
        return (self.first - self.middle) * self.points_per_dice, (self.second - self.middle) * self.points_per_dice

    def drawn_anew(self, random: np.random.Generator) -> "Quality":
        """As many exams out of these, with replacement: another cohort of the same kind."""
        picked = random.integers(0, len(self.first), len(self.first))
        return replace(self, first=self.first[picked], second=self.second[picked], usual=self.middle)


@dataclass(frozen=True, eq=False)
class Planted:
    """The truth of a rehearsal, on a scale: `effect` is the expected difference of the scores, second minus first."""

    model: ReaderModel
    scale: tuple[int, int]
    effect: float
    shift: float  # of m, on a scale from 0 to 10, that gives the effect
    quality: Quality | None = None

    @property
    def variances(self) -> Variances:
        """Of the paired difference; between exams, where scores follow masks, those that the masks make."""
        assumed = self.model.variances
        if self.quality is None:
            return assumed
        first, second = self.quality.shift()
        exam = float(np.var(second - first, ddof=1)) * _PAPER.shown**2 if len(first) > 1 else 0.0
        return replace(assumed, exam=exam, source=f"{assumed.source}, but between exams as their masks are")


def plant(design: Pairs, model: ReaderModel, scale: tuple[int, int], effect: float) -> Planted:
    """An effect of so many points of the study's scale. Raises StudyError for one that no scores can have."""
    model.check()
    check_effect(effect, scale)

    def excess(shift: float) -> float:
        return expected_difference(design, Planted(model, scale, effect, shift)) - effect

    shift = float(optimize.brentq(excess, -10 * _WIDTH, 10 * _WIDTH, xtol=1e-10)) if effect else 0.0
    return Planted(model, scale, effect, shift)


def check_effect(effect: float, scale: tuple[int, int]) -> None:
    """Raises StudyError for a difference that is hardly possible: more than half of the scale."""
    half = (scale[1] - scale[0]) / 2
    if not isfinite(effect) or abs(effect) > half:
        what = f"A difference of {effect:g} points is beyond what scores from {scale[0]} to {scale[1]} can show."
        raise StudyError(what, remedy=f"Give at most {half:g} points, such as --effect 0.3.")


def plant_quality(design: Pairs, model: ReaderModel, scale: tuple[int, int], quality: Quality) -> Planted:
    """Whatever effect the masks themselves have, if each exam's scores follow the Dice of its masks."""
    model.check()
    planted = Planted(model, scale, 0.0, 0.0, quality)
    return replace(planted, effect=expected_difference(design, planted))


def expected_difference(design: Pairs, planted: Planted) -> float:
    """The mean over the design's readings of the difference that is to be expected, second minus first.

    Sides even out: each reading counts once with the first arm on A, once on B.
    """
    model = planted.model
    first, second = (mean[:, None] for mean in _means(design, planted))
    sides = model.side_a / 2 * np.array([1.0, -1.0])
    spread = _spread(planted)
    return float(np.mean(_expected(second - sides, spread, planted) - _expected(first + sides, spread, planted)))


def draw_scores(design: Pairs, planted: Planted, random: np.random.Generator) -> Pairs:
    """One study's scores for all readings of a design, whose positions and sides they depend on."""
    latent = draw_latent(design, planted, random)
    low, high = planted.scale
    first, second = (np.clip(np.round(_on_scale(m, planted)), low, high) for m in latent)
    return replace(design, first=first, second=second)


def draw_latent(design: Pairs, planted: Planted, random: np.random.Generator) -> tuple[Array, Array]:
    """What readers would say of either arm if a scale had no ends and no steps; on a scale from 0 to 10."""
    model, n = planted.model, len(design)
    readers, exams = len(design.readers), len(design.exams)
    shared = (
        model.leniency * random.standard_normal(readers)[design.reader]
        + _of_exams(planted, model.difficulty) * random.standard_normal(exams)[design.exam]
        + model.reading * random.standard_normal(n)
    )
    half = (
        model.taste * random.standard_normal(readers)[design.reader]
        + _of_exams(planted, model.exam_taste) * random.standard_normal(exams)[design.exam]
    ) / 2
    noise = model.noise * random.standard_normal((2, n))
    side = model.side_a / 2 * np.where(design.side_of_first == "A", 1.0, np.where(design.side_of_first == "B", -1, 0))
    first, second = _means(design, planted)
    return first + shared - half + noise[0] + side, second + shared + half + noise[1] - side


def draw_stops(design: Pairs, model: ReaderModel, random: np.random.Generator) -> Mapping[str, int]:
    """How many exams the readers read who drop out; the others read all."""
    stops = {}
    for code, reader in enumerate(design.readers):
        exams = int(np.sum(design.reader == code))
        drops, after = random.random() < model.drop_out, int(random.integers(0, exams))
        if drops:
            stops[reader] = after
    return stops


def without(study: Pairs, stops: Mapping[str, int]) -> Pairs:
    """The study's readings that readers who drop out still came to."""
    names = np.array(study.readers)[study.reader]
    last = np.array([stops.get(str(name), np.inf) for name in names])
    return study.where(study.position <= last)


def _of_exams(planted: Planted, sd: float) -> float:
    """Where masks were measured, exams differ as these masks do, and not at random besides."""
    return 0.0 if planted.quality else sd


def _means(design: Pairs, planted: Planted) -> tuple[Array, Array]:
    """Of each reading's m for either arm, on a scale from 0 to 10, before sides."""
    model = planted.model
    longest = np.array([design.position[design.reader == code].max() for code in range(len(design.readers))])
    share = (design.position - 1) / np.maximum(longest[design.reader] - 1, 1)
    middle = model.mean + model.learning * (share - 0.5)
    if planted.quality is None:
        return middle - planted.shift / 2, middle + planted.shift / 2
    first, second = planted.quality.shift()
    return middle + first[design.exam], middle + second[design.exam]


def _spread(planted: Planted) -> float:
    """SD of one m around its mean."""
    model = planted.model
    parts = (
        model.leniency, _of_exams(planted, model.difficulty), model.reading, model.noise, model.taste / 2,
        _of_exams(planted, model.exam_taste) / 2,
    )  # fmt: skip
    return sqrt(sum(part**2 for part in parts))


def _on_scale(m: Array, planted: Planted) -> Array:
    low, high = planted.scale
    return low + m * (high - low) / _WIDTH


def _expected(m: Array, spread: float, planted: Planted) -> Array:
    """Of the score: its lowest value, and one more for each step that is passed, so often as it is passed."""
    low, high = planted.scale
    steps = np.arange(low + 1, high + 1) - 0.5
    wide = spread * (high - low) / _WIDTH
    at = _on_scale(m, planted)[..., None]
    return np.asarray(low + special.ndtr((at - steps) / wide).sum(axis=-1))
