"""All that is said of a plan, by the command, by the window and in files: one object, so that they say the same."""

from dataclasses import dataclass

from segmentation.errors import StudyError
from study_admin.power.closed_form import PowerResult, power
from study_admin.power.designs import (
    Grid,
    Growing,
    PowerRange,
    Route,
    Way,
    WhatIf,
    detectable,
    grid,
    power_range,
    route,
    smallest,
    what_if,
)
from study_admin.power.plan import WANTED, Plan
from study_admin.power.variances import Variances

_REACH = 4  # routes go on to so many times the plan's readings


@dataclass(frozen=True)
class Answer:
    """`detectable` is the smallest true difference found with the wanted power; None unless the goal is superiority."""

    result: PowerResult
    variances: Variances
    wanted: float
    range: PowerRange
    what_if: tuple[WhatIf, ...]
    ways: tuple[Way, ...]
    detectable: float | None
    routes: tuple[Route, ...]
    grid: Grid

    @property
    def plan(self) -> Plan:
        return self.result.plan


def answer(plan: Plan, variances: Variances, wanted: float = WANTED) -> Answer:
    """Power of the plan, what it depends on, and what would reach the wanted power. Raises StudyError."""
    if not 0.5 <= wanted <= 0.999:
        raise StudyError(f"A wanted power of {wanted:g} makes no plan.", remedy="Take 0.8 or 0.9, as is usual.")
    result = power(plan, variances)
    return Answer(
        result=result, variances=variances, wanted=wanted, range=power_range(plan, variances),
        what_if=what_if(plan, variances), ways=tuple(smallest(plan, variances, wanted, size) for size in Growing),
        detectable=detectable(plan, variances, wanted), grid=grid(plan, variances),
        routes=tuple(route(plan, variances, size, _REACH * plan.readings) for size in Growing),
    )  # fmt: skip
