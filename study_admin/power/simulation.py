"""Whether the closed form keeps its word: simulated studies, each analysed as the real one will be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from segmentation.errors import StudyError
from study_admin.power.plan import Goal, Plan
from study_admin.power.variances import Variances
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.margins import margin_test
from study_admin.statistics.mixed import mixed_test
from study_admin.statistics.null_studies import split_plot_table
from study_admin.statistics.pairs import Pairs

STUDIES, SEED = 1000, 20260101
MOST_READINGS, MOST_STUDIES = 20_000, 100_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Simulated:
    """The share of simulated studies that reach the goal; `se` is the simulation's own error.

    A study whose analysis gives no answer counts as one that missed its goal; there are `not_estimable` of them.
    """

    power: float
    se: float
    studies: int
    seed: int
    not_estimable: int


def simulate(
    plan: Plan,
    variances: Variances,
    studies: int = STUDIES,
    seed: int = SEED,
    progress: Progress = lambda done, total: None,
) -> Simulated:
    """Draw normal reader, exam and residual effects, run the primary analysis and the goal's test on each study.

    `progress` may raise to cancel. Raises StudyError for a plan that means nothing, or one too large to simulate.
    """
    _check(plan, variances, studies, seed)
    design = split_plot_table(plan.groups, plan.readers_per_group, plan.exams_per_group)
    random = np.random.default_rng(seed)
    reached, failed = 0, 0
    for number in range(studies):
        progress(number, studies)
        test = mixed_test(_study(design, plan.delta, variances, random))
        failed += isinstance(test, NotEstimable)
        reached += isinstance(test, Estimate) and is_reached(plan, test)
    progress(studies, studies)
    share = reached / studies
    return Simulated(share, sqrt(share * (1 - share) / studies), studies, seed, failed)


def is_reached(plan: Plan, test: Estimate) -> bool:
    """Whether a study with this result has shown what the plan is for."""
    if plan.goal is Goal.SUPERIORITY:
        return test.p < plan.alpha
    assert plan.margin is not None
    found = margin_test(test, plan.margin, plan.alpha)
    return found.is_noninferior if plan.goal is Goal.NON_INFERIORITY else found.is_equivalent


def _study(design: Pairs, delta: float, variances: Variances, random: np.random.Generator) -> Pairs:
    difference = (
        delta
        + sqrt(variances.reader) * random.standard_normal(len(design.readers))[design.reader]
        + sqrt(variances.exam) * random.standard_normal(len(design.exams))[design.exam]
        + sqrt(variances.residual) * random.standard_normal(len(design))
    )
    return replace(design, second=difference)


def _check(plan: Plan, variances: Variances, studies: int, seed: int) -> None:
    plan.check()
    variances.check()
    if seed < 0:
        raise StudyError(f"A seed of {seed} is none.", remedy="Give a whole number from 0 on.")
    if plan.readings > MOST_READINGS:
        what = f"A study of {plan.readings} readings is too large to be simulated here."
        remedy = f"Simulate one of at most {MOST_READINGS}; the formula holds for larger ones."
        raise StudyError(what, remedy=remedy)
    if not 1 <= studies <= MOST_STUDIES:
        remedy = f"Give a number from 1 to {MOST_STUDIES}; 1000 tell the power to about 1.5 points per cent."
        raise StudyError(f"{studies} studies can't be simulated.", remedy=remedy)
