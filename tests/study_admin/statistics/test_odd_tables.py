"""Agreement and validity on any table of pairs, however odd: a number or a sentence, never nan and never a crash."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_admin.statistics.agreement import agreement
from study_admin.statistics.bland_altman import limits_of_agreement
from study_admin.statistics.leniency import leniency
from study_admin.statistics.pairs import Pairs, pairs
from study_admin.statistics.validity import validity

NAN = float("nan")
SCORES = st.one_of(st.integers(0, 10).map(float), st.sampled_from([5.0, NAN]))


@st.composite
def tables(draw: st.DrawFn) -> Pairs:
    every = [(reader, exam) for reader in range(draw(st.integers(1, 4))) for exam in range(draw(st.integers(1, 5)))]
    cells = draw(st.lists(st.sampled_from(every), unique=True))
    n = len(cells)
    first = draw(st.lists(SCORES, min_size=n, max_size=n))
    second = draw(st.one_of(st.lists(SCORES, min_size=n, max_size=n), st.just(first), st.just([5.0] * n)))
    places = draw(st.one_of(st.none(), st.lists(st.integers(1, 5).map(float), min_size=n, max_size=n)))
    sides = draw(st.one_of(st.none(), st.lists(st.sampled_from(["A", "B", ""]), min_size=n, max_size=n)))
    seconds = draw(st.one_of(st.none(), st.lists(st.sampled_from([0.0, 9.5, 30.0, NAN]), min_size=n, max_size=n)))
    return pairs(
        [f"R{reader}" for reader, _ in cells], [f"E{exam}" for _, exam in cells], first, second,
        position=places, side_of_first=sides, seconds=seconds,
    )  # fmt: skip


def numbers(value: Any) -> Iterator[float]:
    """Every float in a result, however deep."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float | np.floating):
        yield float(value)


@pytest.mark.parametrize("method", [agreement, validity, leniency, limits_of_agreement])
def test_every_number_is_one(method: Any) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(tables())
    def check(table: Pairs) -> None:
        assert all(isfinite(number) for number in numbers(method(table)))

    check()
