"""Simulated studies against the closed form, and what a simulation refuses."""

import pytest

from segmentation.errors import StudyError
from study_admin.power.closed_form import power
from study_admin.power.plan import Goal, Plan
from study_admin.power.simulation import is_reached, simulate
from study_admin.power.variances import PAPER_SHAPED, stated
from study_admin.statistics.estimates import t_estimate
from tests.study_admin.statistics.made_up import found


@pytest.mark.parametrize(
    "plan",
    [
        Plan(3, 3, 6, 0.9),
        pytest.param(Plan(3, 3, 6, 0.0, Goal.NON_INFERIORITY, 0.9), marks=pytest.mark.long),
        pytest.param(Plan(3, 3, 6, 0.0, Goal.EQUIVALENCE, 1.1), marks=pytest.mark.long),
    ],
    ids=["superiority", "non-inferiority", "equivalence"],
)
def test_the_primary_analysis_keeps_the_closed_forms_word(plan: Plan) -> None:
    """In statistics.md the two differ by .010 at most over 4,000 studies of larger designs; here 150 of a small one,
    within three Monte-Carlo errors and the .02 that a small design's approximate df may cost."""
    simulated = simulate(plan, PAPER_SHAPED, 150, seed=2)
    closed = power(plan, PAPER_SHAPED).power
    assert abs(simulated.power - closed) < 3 * simulated.se + 0.02
    assert simulated.se == pytest.approx((simulated.power * (1 - simulated.power) / 150) ** 0.5)
    assert simulated.not_estimable == 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("size", "in_notes"),
    [((5, 4, 20), 0.678), ((7, 4, 20), 0.826), ((10, 4, 10), 0.816), ((5, 8, 20), 0.896), ((10, 2, 10), 0.539),
     ((4, 3, 25), 0.501)],
)  # fmt: skip
def test_the_simulated_column_of_the_notes(size: tuple[int, int, int], in_notes: float) -> None:
    """statistics.md, section 5: 4,000 studies in another program; 1,000 here, within three errors of both."""
    simulated = simulate(Plan(*size), PAPER_SHAPED, 1000)
    allowed = 3 * (simulated.se**2 + in_notes * (1 - in_notes) / 4000) ** 0.5
    assert abs(simulated.power - in_notes) < allowed


def test_a_simulation_can_be_repeated() -> None:
    plan = Plan(2, 2, 4, 1.0)
    first, again = (simulate(plan, PAPER_SHAPED, 12, seed=9) for _ in range(2))
    assert first == again
    assert len({simulate(plan, PAPER_SHAPED, 3, seed=seed).power for seed in range(1, 6)}) > 1


def test_without_variance_between_readers_and_exams_a_large_difference_is_always_found() -> None:
    """Hand: 12 standard errors."""
    assert simulate(Plan(2, 3, 6, 2.0), stated(0, 0, 1), 30).power == 1


def test_the_goal_decides_what_counts() -> None:
    """By hand on 20 df, t(.975) = 2.086, t(.95) = 1.725: 0.3 ± 0.15 is superior (t = 2), not: 2 < 2.086; it is not
    worse than -0.5, and within ± 0.6 (t = 2 > 1.725) but not within ± 0.5 (t = 1.33)."""
    test = found(t_estimate("made up", 0.3, 0.15, 20))
    assert not is_reached(Plan(), test)
    assert is_reached(Plan(alpha=0.1), test)
    assert is_reached(Plan(delta=0, goal=Goal.NON_INFERIORITY, margin=0.5), test)
    assert is_reached(Plan(delta=0, goal=Goal.EQUIVALENCE, margin=0.6), test)
    assert not is_reached(Plan(delta=0, goal=Goal.EQUIVALENCE, margin=0.5), test)


def test_progress_is_told_and_can_cancel() -> None:
    steps: list[tuple[int, int]] = []

    def cancel(done: int, total: int) -> None:
        steps.append((done, total))
        if done == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate(Plan(2, 2, 3, 1.0), PAPER_SHAPED, 10, progress=cancel)
    assert steps == [(0, 10), (1, 10), (2, 10), (3, 10)]


@pytest.mark.parametrize(
    ("plan", "studies"), [(Plan(100, 20, 20), 10), (Plan(), 0), (Plan(), 10**6), (Plan(delta=0), 9)]
)
def test_what_cannot_be_simulated_is_refused(plan: Plan, studies: int) -> None:
    with pytest.raises(StudyError) as refused:
        simulate(plan, PAPER_SHAPED, studies)
    assert refused.value.remedy


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(StudyError, match="seed of -1"):
        simulate(Plan(), PAPER_SHAPED, 1, seed=-1)
