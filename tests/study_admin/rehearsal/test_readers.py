"""Simulated readers against hand arithmetic, the reference set's numbers, and draws of another program's making."""

from dataclasses import replace

import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin.power.variances import PAPER_SHAPED, stated
from study_admin.rehearsal.readers import (
    Quality,
    ReaderModel,
    draw_latent,
    draw_scores,
    draw_stops,
    expected_difference,
    plant,
    plant_quality,
    without,
)
from study_admin.statistics.mixed import MixedDifference, mixed_difference
from study_admin.statistics.pairs import Pairs
from tests.study_admin.rehearsal.split_plots import design

SCALE = (0, 10)
QUIET = replace(ReaderModel(), learning=0, side_a=0)


def test_variances_before_clipping_are_those_of_hand_arithmetic() -> None:
    """Of the difference: reader .155363/.8² = .2428, exam .435270/.8² = .6801, noise 2 × 1.2² = 2.88: 3.803 in all.
    Of the first arm's score: 1.15² + 2.35² + 1.4² + 1.2² + (.2428 + .6801)/4 = 10.476."""
    table = design()
    planted = plant(table, QUIET, SCALE, 0.0)
    drawn = [draw_latent(table, planted, np.random.default_rng([1, n])) for n in range(300)]
    first = np.array([a for a, _ in drawn])
    d = np.array([b - a for a, b in drawn])
    assert np.mean(d**2) == pytest.approx(3.803, rel=0.02)
    assert np.mean((first - 7.5) ** 2) == pytest.approx(10.476, rel=0.03)
    by_reader = d.reshape(300, 20, 20).mean(axis=2)  # 20 rows of each reader: .2428 + (.6801 + 2.88)/20
    assert np.mean(by_reader**2) == pytest.approx(0.4208, rel=0.05)


def test_scores_have_the_shape_of_the_papers() -> None:
    """Means 6.97 and 7.31, SE as if independent .12 and .13 (paper, section 3); variances of the difference .155, .435,
    2.264 by lmerTest on the reference set (statistics.md, section 3), here over 30 studies, within three errors."""
    table = design()
    planted = plant(table, ReaderModel(), SCALE, 0.34)
    studies = [draw_scores(table, planted, np.random.default_rng([2, n])) for n in range(30)]
    means = np.array([(s.first.mean(), s.second.mean()) for s in studies])
    assert np.all(np.abs(means.mean(axis=0) - (6.97, 7.31)) < 4 * means.std(axis=0, ddof=1) / 30**0.5)
    errors = np.mean([(s.first.std(ddof=1) / 20, s.second.std(ddof=1) / 20) for s in studies], axis=0)
    assert errors == pytest.approx((0.12, 0.13), abs=0.02)
    found = [_components(study) for study in studies]
    wanted = np.array([PAPER_SHAPED.reader, PAPER_SHAPED.exam, PAPER_SHAPED.residual])
    error = np.std(found, axis=0, ddof=1) / 30**0.5
    assert np.all(np.abs(np.mean(found, axis=0) - wanted) < 3 * error + 0.05 * wanted)


def _components(study: Pairs) -> list[float]:
    found = mixed_difference(study)
    assert isinstance(found, MixedDifference)
    parts = found.variance_components
    return [parts.by_name["reader"], parts.by_name["exam"], parts.residual]


@pytest.mark.parametrize(("scale", "effect"), [((0, 10), 0.34), ((0, 10), -1.0), ((1, 5), 0.4), ((0, 10), 0.0)])
def test_the_planted_effect_is_that_of_the_scores_as_given(scale: tuple[int, int], effect: float) -> None:
    """By a million scores drawn here, rounded and clipped by numpy: the expected difference, within four errors."""
    table = design(2, 2, 4)
    model = ReaderModel()
    planted = plant(table, model, scale, effect)
    assert expected_difference(table, planted) == pytest.approx(effect, abs=1e-8)
    random = np.random.default_rng(5)
    width, n = (scale[1] - scale[0]) / 10, 1_000_000
    total = (1.15**2 + 2.35**2 + 1.4**2 + 1.2**2 + (0.155363 + 0.435270) / 0.64 / 4) ** 0.5
    place = random.choice([-0.5, -1 / 6, 1 / 6, 0.5], n) * model.learning
    side = random.choice([-0.5, 0.5], n) * model.side_a
    scores = [
        np.clip(
            np.round(scale[0] + width * (7.5 + sign * planted.shift / 2 + place + sign * side
                                         + total * random.standard_normal(n))), *scale)
        for sign in (-1, 1)
    ]  # fmt: skip
    assert np.mean(scores[1] - scores[0]) == pytest.approx(effect, abs=4 * (2 * scores[0].var() / n) ** 0.5)


def test_scores_follow_the_masks() -> None:
    """Hand: Dice .9 and .7, 10 points for each 1.0: 6 and 4 around a mean of 5, without any spread to speak of."""
    table = design(1, 2, 3)
    still = replace(QUIET, mean=5.0, leniency=0.0, reading=0.0, variances=stated(0, 0, 1e-6))
    quality = Quality(np.full(3, 0.7), np.full(3, 0.9))
    planted = plant_quality(table, still, SCALE, quality)
    assert planted.effect == pytest.approx(2.0, abs=1e-6)
    drawn = draw_scores(table, planted, np.random.default_rng(1))
    assert set(drawn.first) == {4.0} and set(drawn.second) == {6.0}


def test_another_cohort_of_the_same_kind() -> None:
    """Pairs stay together, and a mask of the same Dice is worth the same points as before, whatever is beside it."""
    quality = Quality(np.array([0.5, 0.6, 0.9]), np.array([0.6, 0.8, 0.8]))
    before = {tuple(np.round(pair, 9)) for pair in zip(*quality.shift(), strict=True)}
    again = quality.drawn_anew(np.random.default_rng(2)).drawn_anew(np.random.default_rng(3))
    assert len(again.first) == 3
    assert len({tuple(np.round(pair, 9)) for pair in zip(*again.shift(), strict=True)} | before) == 3


def test_equal_masks_have_no_effect() -> None:
    table = design(1, 2, 3)
    same = np.array([0.7, 0.8, 0.95])
    assert plant_quality(table, ReaderModel(), SCALE, Quality(same, same)).effect == pytest.approx(0, abs=1e-12)


def test_learning_and_a_liking_for_a_side_are_in_the_scores() -> None:
    """Hand: without other spread, the last exam gets 2 points more than the first, and A one point more than B."""
    table = design(1, 2, 3)
    still = replace(QUIET, mean=5.0, leniency=0, difficulty=0, reading=0, variances=stated(0, 0, 1e-9), learning=2.0)
    drawn = draw_scores(table, plant(table, still, SCALE, 0.0), np.random.default_rng(1))
    assert list(drawn.first[:3]) == [4, 5, 6]
    latent = draw_latent(table, plant(table, replace(still, side_a=1.0), SCALE, 0.0), np.random.default_rng(1))
    on_a = table.side_of_first == "A"
    assert (latent[0] - latent[1])[on_a] == pytest.approx(1, abs=1e-3)
    assert (latent[0] - latent[1])[~on_a] == pytest.approx(-1, abs=1e-3)


def test_the_same_seed_gives_the_same_scores() -> None:
    table = design(2, 2, 3)
    planted = plant(table, ReaderModel(), SCALE, 0.3)
    first, again, other = (draw_scores(table, planted, np.random.default_rng(seed)).first for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_readers_drop_out_and_leave_what_they_read() -> None:
    """A share of .5 among 400 readers: 200, within four times √(400 × .5 × .5) = 10."""
    table = design(100, 4, 2)
    model = replace(ReaderModel(), drop_out=0.5)
    stops = draw_stops(table, model, np.random.default_rng(3))
    assert abs(len(stops) - 200) < 40 and set(stops.values()) == {0, 1}
    left = without(table, {"R001": 0, "R002": 1})
    assert "R001" not in left.readers
    assert np.sum(left.reader == left.readers.index("R002")) == 1
    assert len(left) == len(table) - 3


@pytest.mark.parametrize(
    ("change", "words"),
    [({"drop_out": 1.2}, "no share"), ({"leniency": -1.0}, "too small"), ({"minutes": 0.0}, "too small"),
     ({"learning": float("nan")}, "makes no reader"), ({"variances": stated(0.1, 0, 1).times(-1)}, "readers is -0.1")],
)  # fmt: skip
def test_what_cannot_be_readers(change: dict[str, object], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        plant(design(1, 2, 2), replace(ReaderModel(), **change), SCALE, 0.3)  # type: ignore[arg-type]


@pytest.mark.parametrize("effect", [5.1, -6.0, float("nan")])
def test_an_effect_beyond_the_scale(effect: float) -> None:
    with pytest.raises(StudyError, match=r"beyond what scores from 0 to 10 can show\. Give at most 5 points"):
        plant(design(1, 2, 2), ReaderModel(), SCALE, effect)
