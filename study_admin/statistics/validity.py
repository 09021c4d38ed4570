"""Can the reading be trusted? All checks of it in one place."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from study_admin.statistics.blinding_indices import BlindingIndices, Guess, blinding_indices
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.looking import Looks, WithoutLooking, without_looking
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.reading_order import (
    CarryOver,
    Learning,
    ReadingTime,
    SideBias,
    carry_over,
    learning,
    reading_time,
    side_bias,
)
from study_admin.statistics.repeats import Repeats, repeats


@dataclass(frozen=True)
class Validity:
    """Each check, or why the study cannot give it."""

    side_bias: SideBias | NotEstimable
    learning: Learning | NotEstimable
    carry_over: CarryOver | NotEstimable
    reading_time: ReadingTime | NotEstimable
    without_looking: WithoutLooking | NotEstimable
    blinding: BlindingIndices | NotEstimable
    repeats: Repeats | NotEstimable


def validity(
    pairs: Pairs,
    *,
    looks: Sequence[Looks] = (),
    guesses: Sequence[Guess] = (),
    repeated: Sequence[tuple[Hashable, float]] = (),
) -> Validity:
    """All checks; `repeated` are scores with what they are of. A table from elsewhere has pairs only."""
    return Validity(
        side_bias=side_bias(pairs),
        learning=learning(pairs),
        carry_over=carry_over(pairs),
        reading_time=reading_time(pairs),
        without_looking=without_looking(looks),
        blinding=blinding_indices(guesses),
        repeats=repeats([what for what, _ in repeated], [score for _, score in repeated]),
    )
