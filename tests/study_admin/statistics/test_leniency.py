"""Leniency against R: means by hand of R, BLUPs of lme4, z-scored model of lmerTest."""

import pytest

from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.leniency import Leniency, leniency
from study_admin.statistics.pairs import Pairs, from_frame, pairs
from tests.study_admin.statistics.r_values import SETS, from_r, scores


def of(table: Pairs) -> Leniency:
    found = leniency(table)
    assert isinstance(found, Leniency), found
    return found


@pytest.mark.parametrize("name", SETS)
def test_leniency_is_that_of_r(name: str) -> None:
    found, of_r = of(from_frame(scores(name))), from_r("agreement", name)["readers"]
    assert found.raw == pytest.approx(of_r["leniency_raw"], abs=1e-8)
    assert found.shrunken == pytest.approx(of_r["leniency_blup"], rel=5e-3, abs=1e-6)
    z, of_lmer = found.z_scored, of_r["z_scored_mixed"]
    assert isinstance(z, Estimate)
    assert (z.estimate, z.se) == pytest.approx((of_lmer["estimate"], of_lmer["se"]), abs=2e-4)
    assert z.df == pytest.approx(of_lmer["df_satterthwaite"], rel=5e-3)
    assert z.p == pytest.approx(of_lmer["p_satterthwaite"], rel=2e-3)
    assert found.without_scale == ()


def test_a_reader_who_gave_one_score_throughout_has_no_scale() -> None:
    reader = [name for name in ("R1", "R2", "R3") for _ in range(3)]
    first, second = [7, 7, 7, 3, 5, 9, 2, 6, 6], [7, 7, 7, 4, 5, 6, 3, 9, 5]
    found = of(pairs(reader, ["E1", "E2", "E3"] * 3, first, second))
    assert found.without_scale == ("R1",)
    assert isinstance(found.z_scored, Estimate)
    # Means of both scores by reader 7, 32/6, 31/6; of the group (42 + 32 + 31)/18 = 35/6.
    assert found.raw == pytest.approx({"R1": 7 / 6, "R2": -1 / 2, "R3": -2 / 3})


def test_what_is_too_little_says_so() -> None:
    alone = of(pairs(["R1"] * 3, ["E1", "E2", "E3"], [1, 2, 3], [3, 2, 5]))
    assert "no group has more than one reader" in str(alone.shrunken)
    assert "fewer than two readers" in str(alone.z_scored)
    half = leniency(pairs(["R1"], ["E1"], [1], [float("nan")]))
    assert isinstance(half, NotEstimable)
