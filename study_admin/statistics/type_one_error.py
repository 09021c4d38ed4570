"""How often each test is wrong where there is nothing to find, as measured by `null_studies` and stored here.

Statistics.md, section 4, has the same table from another program; the tests compare the two.
"""

import json
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("type_one_error.json")


@dataclass(frozen=True)
class Scenario:
    """How much the true difference of the arms varies: standard deviations in points of the scores as given."""

    name: str
    between_readers: float
    between_exams: float


SCENARIOS = (
    Scenario("none", 0.0, 0.0),
    Scenario("weak", 0.3, 0.3),
    Scenario("paper-like", 0.45, 0.75),
    Scenario("readers strong", 1.1, 0.3),
    Scenario("exams strong", 0.3, 1.1),
    Scenario("both strong", 1.1, 1.1),
)


@dataclass(frozen=True)
class ErrorRate:
    """The share of null studies that a test calls significant; `se` is that of the simulation."""

    method: str
    scenario: str
    rate: float
    se: float
    nominal: float
    studies: int
    seed: int


def error_rates(method: str) -> tuple[ErrorRate, ...]:
    """One rate a scenario, for a method by its name in results.json (primary, paired_t, wilcoxon …)."""
    stored = _stored()
    n = int(stored["studies"])
    rates = [(name, float(by_method[method])) for name, by_method in stored["rates"].items()]
    return tuple(
        ErrorRate(method, name, rate, sqrt(rate * (1 - rate) / n), float(stored["alpha"]), n, int(stored["seed"]))
        for name, rate in rates
    )


@cache
def _stored() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))
