"""The power of a plan against R (power.R, its values frozen in reference/power.json), PowerTOST, and by hand."""

import json
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from segmentation.errors import StudyError
from study_admin.power.closed_form import Precision, chance, power, precision
from study_admin.power.designs import Growing, detectable, smallest
from study_admin.power.plan import Goal, Plan, plan_like
from study_admin.power.variances import PAPER_SHAPED, Variances
from tests.study_admin.statistics.r_values import HERE

R: dict[str, Any] = json.loads((HERE / "power.json").read_text(encoding="utf-8"))
ROWS = [row for part in ("superiority", "smaller_effect", "noninferiority_delta0_margin05") for row in R[part]]


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['G']}x{row['J']}x{row['K']} {row['delta']} {row['margin']}"
)
def test_every_row_that_r_computed(row: dict[str, Any]) -> None:
    """13 designs, delta .34, .25, and non-inferiority with margin .5 at 0, the crossed ones (G = 1) among them."""
    goal = Goal.SUPERIORITY if row["margin"] is None else Goal.NON_INFERIORITY
    found = power(Plan(row["G"], row["J"], row["K"], row["delta"], goal, row["margin"]), PAPER_SHAPED)
    assert (found.plan.readers, found.plan.exams) == (row["readers"], row["exams"])
    assert found.plan.readings == row["readings"]
    assert found.se == pytest.approx(row["se"], rel=1e-12)
    assert found.df == pytest.approx(row["df_satterthwaite"], rel=1e-12)
    assert found.power == pytest.approx(row["power_satterthwaite"], abs=1e-6)
    if row["margin"] is None:  # of one tail in R
        assert found.promised == pytest.approx(row["power_naive_claimed"], abs=5e-5)


@pytest.mark.parametrize(
    ("size", "se", "closed", "promise"),
    [
        ((5, 4, 20), 0.1333, 0.687, 0.980),
        ((7, 4, 20), 0.1127, 0.834, None),
        ((10, 4, 10), 0.1179, 0.806, 0.980),
        ((5, 8, 20), 0.1052, 0.890, 1.0),
        ((10, 2, 10), 0.1531, 0.541, 0.808),
        ((4, 3, 25), 0.1576, 0.506, 0.935),
        ((20, 2, 10), 0.1083, 0.857, 0.980),
        ((1, 20, 20), 0.1876, 0.414, 0.980),
        ((1, 20, 100), 0.1151, 0.821, 1.0),
    ],
)
def test_the_table_of_the_notes(size: tuple[int, int, int], se: float, closed: float, promise: float | None) -> None:
    """statistics.md, section 5, to the digits it has."""
    found = power(Plan(*size), PAPER_SHAPED)
    assert found.se == pytest.approx(se, abs=5.1e-5)
    assert found.power == pytest.approx(closed, abs=5.1e-4)
    if promise is not None:
        assert found.promised == pytest.approx(promise, abs=5.1e-4)


def test_non_inferiority_of_the_notes() -> None:
    """statistics.md, section 5: margin .5, true 0, 5 × 4 × 20: .949."""
    found = power(Plan(delta=0, goal=Goal.NON_INFERIORITY, margin=0.5), PAPER_SHAPED)
    assert found.power == pytest.approx(0.949, abs=5.1e-4)


@pytest.mark.parametrize("row", R["groups_needed"], ids=lambda row: f"{row['delta']} {row['power']}")
def test_groups_of_four_readers_and_twenty_exams_needed(row: dict[str, Any]) -> None:
    """statistics.md: delta .20: 18/24; .25: 12/16; .34: 7/9; .50: 4/5 for 80/90 %."""
    way = smallest(Plan(delta=row["delta"]), PAPER_SHAPED, row["power"], Growing.GROUPS)
    assert way.result and way.result.plan.groups == row["G"]
    assert way.result.power >= row["power"]


@pytest.mark.parametrize(
    ("cv", "n", "claimed"),
    [(0.30, 40, 0.8158453), (0.25, 28, 0.807439), (0.20, 20, 0.834680)],
)
def test_equivalence_against_powertost(cv: float, n: int, claimed: float) -> None:
    """R package PowerTOST: power.TOST(CV = 0.3, n = 40) "should give 0.8158453" (its help page), and sampleN.TOST's
    achieved power for CV 0.25 and 0.20; limits 0.8 and 1.25, ratio 0.95, on the log scale, n - 2 df."""
    plan = Plan(delta=log(0.95), goal=Goal.EQUIVALENCE, margin=log(1.25))
    at = Precision(np.array(sqrt(2 * log(1 + cv**2) / n)), np.array(n - 2.0))
    assert float(chance(plan, at)) == pytest.approx(claimed, abs=1e-6)


def test_equivalence_where_the_margin_is_too_narrow() -> None:
    """Hand: at a margin of 1.5 SE and 10 df, t = 1.812: reached only if SE falls below 1.5/1.812 of the true one.
    A million draws of a normal mean and a χ² variance say how often (Monte-Carlo error 0.0003)."""
    random = np.random.default_rng(7)
    mean, se = random.normal(size=1_000_000), np.sqrt(random.chisquare(10, 1_000_000) / 10)
    t = stats.t.ppf(0.95, 10)
    drawn = np.mean(((mean + 1.5) / se > t) & ((mean - 1.5) / se < -t))
    plan = Plan(delta=0, goal=Goal.EQUIVALENCE, margin=1.5)
    assert float(chance(plan, Precision(np.array(1.0), np.array(10.0)))) == pytest.approx(drawn, abs=1.2e-3)


@pytest.mark.parametrize("delta", [0.34, 1e-9, 5.0, 300.0])
@pytest.mark.parametrize("size", [(1, 2, 2), (2, 1, 30), (30, 1, 2), (3, 3, 1), (5, 1, 1), (200, 50, 50)])
def test_every_design_has_a_power_between_alpha_and_one(size: tuple[int, int, int], delta: float) -> None:
    """scipy's noncentral t is nan in its far tails; a plan's power never is. On less than 1 df it is good to 1e-4."""
    found = power(Plan(*size, delta=delta), PAPER_SHAPED)
    assert 0.05 - 1e-4 <= found.power <= 1 + 1e-12
    assert np.isfinite([found.se, found.df, found.promised]).all()


def test_one_reader_a_group_leaves_the_groups_alone() -> None:
    """By hand: readers' means are independent with variance vr + (vc + ve)/K, so a t test of G of them: df G - 1."""
    v = PAPER_SHAPED
    found = power(Plan(12, 1, 25), v)
    assert found.df == 11
    assert found.se == pytest.approx(sqrt((v.reader + (v.exam + v.residual) / 25) / 12))
    assert power(Plan(12, 25, 1), v).df == 11


@pytest.mark.parametrize("zero", ["reader", "exam", "both"])
def test_a_variance_of_zero_is_an_ordinary_value(zero: str) -> None:
    """By hand from the formula with V = ve/GJK + … and no other term."""
    reader, exam = (0.0 if zero in (name, "both") else 0.4 for name in ("reader", "exam"))
    found = power(Plan(), Variances(reader, exam, 2.0, "made up"))
    assert found.se == pytest.approx(sqrt(reader / 20 + exam / 100 + 2.0 / 400))
    msr, msc = 20 * reader + 2, 4 * exam + 2
    assert found.df == pytest.approx((msr + msc - 2) ** 2 / (msr**2 / 15 + msc**2 / 95 + 4 / 285))


def test_the_difference_that_can_be_found_is_found_with_that_power() -> None:
    needed = detectable(Plan(), PAPER_SHAPED, 0.8)
    assert needed and power(Plan(delta=needed), PAPER_SHAPED).power == pytest.approx(0.8, abs=1e-4)
    assert detectable(Plan(delta=0, goal=Goal.EQUIVALENCE, margin=0.5), PAPER_SHAPED, 0.8) is None


@given(st.integers(2, 12), st.integers(2, 12), st.integers(2, 60), st.floats(0.05, 2), st.floats(0, 2), st.floats(0, 2))
def test_more_groups_never_hurt_and_the_direction_does_not_matter(
    groups: int, readers: int, exams: int, delta: float, reader: float, exam: float
) -> None:
    variances = Variances(reader, exam, 1.0, "made up")
    here = power(Plan(groups, readers, exams, delta), variances)
    assert power(Plan(groups + 1, readers, exams, delta), variances).power >= here.power - 1e-9
    assert power(Plan(groups, readers, exams, -delta), variances).power == pytest.approx(here.power)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(groups=0), "0 groups can't be planned"),
        (Plan(1, 1, 20), "With one reader"),
        (Plan(1, 4, 1), "With one exam"),
        (Plan(delta=0), "nothing to find"),
        (Plan(delta=float("nan")), "no number"),
        (Plan(margin=0.5), "Superiority has no margin"),
        (Plan(goal=Goal.NON_INFERIORITY, delta=0), "margin must be above 0"),
        (Plan(goal=Goal.NON_INFERIORITY, delta=-0.5, margin=0.5), "no non-inferiority to show"),
        (Plan(goal=Goal.EQUIVALENCE, delta=0.5, margin=0.5), "no equivalence to show"),
        (Plan(alpha=0.5), "no error rate"),
        (Plan(delta=-1e10), r"1e\+10 points is on no scale"),
        (Plan(goal=Goal.EQUIVALENCE, delta=0, margin=2000), "2000 points is on no scale"),
        (Plan(goal=Goal.EQUIVALENCE, delta=0, margin=float("inf")), "no number"),
    ],
)
def test_what_means_nothing_is_refused_with_a_remedy(plan: Plan, words: str) -> None:
    with pytest.raises(StudyError, match=words) as refused:
        power(plan, PAPER_SHAPED)
    assert refused.value.remedy


def test_many_designs_at_once_are_those_one_by_one() -> None:
    at = precision(PAPER_SHAPED, np.array(5.0), np.array([1.0, 2.0, 4.0])[:, None], np.array([1.0, 10.0, 20.0]))
    for row, readers in enumerate((1, 2, 4)):
        for column, exams in enumerate((1, 10, 20)):
            one = power(Plan(5, readers, exams), PAPER_SHAPED)
            assert (at.se[row, column], at.df[row, column]) == pytest.approx((one.se, one.df))


def test_a_design_of_uneven_groups_is_evened_out() -> None:
    """By hand: 4, 4, 3 readers are 3.67 → 4; 20, 21, 20 exams 20.3 → 20."""
    assert plan_like([(4, 20), (4, 21), (3, 20)], 0.05, None) == Plan(3, 4, 20)
    assert plan_like([(4, 20)] * 2, 0.025, 0.5) == Plan(2, 4, 20, 0.0, Goal.NON_INFERIORITY, 0.5, 0.025)
