"""The statistics repeated: right on average, the same however often they were interrupted."""

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin.power.closed_form import power
from study_admin.power.plan import Goal, Plan
from study_admin.power.variances import PAPER_SHAPED
from study_admin.rehearsal.readers import Planted, Quality, ReaderModel, plant, plant_quality
from study_admin.rehearsal.repetitions import repeat, summarise
from study_admin.statistics.pairs import Pairs
from tests.study_admin.rehearsal.split_plots import design


def planted(table: Pairs, effect: float = 1.0) -> Planted:
    return plant(table, ReaderModel(drop_out=0.0), (0, 10), effect)


def _silent(done: int, total: int) -> None:
    pass


def test_the_planted_effect_is_found_again(tmp_path: Path) -> None:
    """60 studies of 3 × 4 × 10: the mean within three of its errors; 95 % intervals miss in 3 of 60, and more than 9
    would be beyond three errors; power beside the closed form, which statistics.md checks."""
    table = design(3, 4, 10)
    rows = repeat(table, planted(table), 1, 60, tmp_path / "rows.json", _silent)
    plan = Plan(3, 4, 10, 1.0)
    found = summarise(rows, plan, 1.0)
    assert found is not None and found.without_answer == 0
    assert found.mean == pytest.approx(1.0, abs=3 * found.sd / 60**0.5)
    assert 60 * (1 - found.covered.share) <= 9
    assert found.reached.share == pytest.approx(power(plan, PAPER_SHAPED).power, abs=3 * found.reached.se + 0.03)
    assert found.reached.se == pytest.approx((found.reached.share * (1 - found.reached.share) / 60) ** 0.5)


def test_exams_whose_masks_scores_follow_are_drawn_anew(tmp_path: Path) -> None:
    """Standard errors on average as large as the estimates really spread (an SD of 60 is known to 9 %), and 95 %
    intervals as above: with the same exams each time, as many as spread here, neither would be."""
    table = design(3, 4, 10)
    random = np.random.default_rng(1)
    quality = Quality(*random.uniform(0.5, 1.0, (2, 30)))
    truth = plant_quality(table, ReaderModel(drop_out=0.0), (0, 10), quality)
    rows = repeat(table, truth, 1, 60, tmp_path / "rows.json", _silent)
    found = summarise(rows, Plan(3, 4, 10, truth.effect), truth.effect)
    assert found is not None
    assert found.sd == pytest.approx(np.mean([test.se for test in found.estimates]), rel=0.27)
    assert 60 * (1 - found.covered.share) <= 9
    assert found.mean == pytest.approx(truth.effect, abs=3 * found.sd / 60**0.5)


def test_interrupted_and_taken_up_again_it_is_the_same(tmp_path: Path) -> None:
    table = design(2, 2, 3)
    truth = planted(table)
    whole = repeat(table, truth, 4, 60, tmp_path / "whole.json", _silent)

    def interrupt(done: int, total: int) -> None:
        if done >= 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repeat(table, truth, 4, 60, tmp_path / "parts.json", interrupt)
    seen: list[int] = []
    again = repeat(table, truth, 4, 60, tmp_path / "parts.json", lambda done, total: seen.append(done))
    assert again == whole
    assert seen[0] == 25  # what was done is kept
    assert repeat(table, truth, 4, 10, tmp_path / "parts.json", _silent) == whole[:10]
    assert repeat(table, truth, 5, 10, tmp_path / "other.json", _silent) != whole[:10]


@pytest.mark.long
def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    table = design(2, 2, 3)
    truth = planted(table)
    one, two = (repeat(table, truth, 4, 100, tmp_path / f"{jobs}.json", _silent, jobs) for jobs in (1, 2))
    assert one == two


def test_what_is_counted() -> None:
    """By hand, t(.975) on 10 df = 2.228: 0.5 ± 0.2228 is significant and holds 0.3, 0 ± 0.2228 is neither."""
    plan = Plan(2, 2, 3, 0.3)
    found = summarise([(0.5, 0.1, 10.0), (0.0, 0.1, 10.0), None], plan, 0.3)
    assert found is not None
    assert (found.reached.share, found.reached.of) == (pytest.approx(1 / 3), 3)
    assert (found.covered.share, found.covered.of) == (0.5, 2)
    assert found.without_answer == 1
    assert summarise([None], plan, 0.3) is None and summarise([], plan, 0.3) is None


def test_non_inferiority_is_counted_as_such() -> None:
    """By hand: the lower end -0.2228 is above -0.25."""
    plan = Plan(2, 2, 3, 0.0, Goal.NON_INFERIORITY, 0.25)
    found = summarise([(0.0, 0.1, 10.0)], plan, 0.0)
    assert found is not None and found.reached.share == 1


def test_a_spoilt_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[[1")
    table = design(2, 2, 3)
    with pytest.raises(StudyError, match=r"rows\.json: The repetitions can't be read\. Delete it"):
        repeat(table, planted(table), 1, 5, tmp_path / "rows.json", _silent)
