"""Small tables of pairs for hand arithmetic, and the frozen sets as pairs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.pairs import Pairs, from_frame, pairs
from tests.study_admin.statistics.r_values import scores

Found = TypeVar("Found")
NAN = float("nan")


def frozen(name: str) -> Pairs:
    return from_frame(scores(name), scale=(0, 10))


def made_up(cells: Mapping[tuple[str, str], tuple[float, float]], groups: Mapping[str, str] | None = None) -> Pairs:
    """Scores by (reader, exam); groups by reader."""
    readers, exams = [reader for reader, _ in cells], [exam for _, exam in cells]
    first, second = [a for a, _ in cells.values()], [b for _, b in cells.values()]
    group = None if groups is None else [groups[reader] for reader in readers]
    return pairs(readers, exams, first, second, group=group)


def differences(rows: Sequence[Sequence[float | None]]) -> Pairs:
    """One group; readers in rows, exams in columns, None where nothing was read. The first arm always scores 5."""
    return made_up({
        (f"R{r}", f"E{e}"): (5, 5 + d) for r, row in enumerate(rows) for e, d in enumerate(row) if d is not None
    })  # fmt: skip


def found(result: Found | NotEstimable) -> Found:
    """The result, which must be there."""
    assert not isinstance(result, NotEstimable), str(result)
    return result


def because(result: Any) -> str:
    assert isinstance(result, NotEstimable)
    return str(result)
