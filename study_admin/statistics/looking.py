"""Scores given without looking: how much of the tumour was on the screen before a reader was done with an exam."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import NotEstimable

Range = Sequence[int]  # first and last slice, both included
Exposure = Mapping[str, Mapping[str, Sequence[Range]]]  # layer -> plane -> ranges that were on the screen
HALF = 0.5


@dataclass(frozen=True)
class Looks:
    """One reading: the exposure of each of its visits, and from which to which slice the tumour reaches, by plane.

    The tumour is the union of both arms' masks, so that nothing here tells them apart.
    """

    reader: str
    exam: str
    visits: Sequence[Exposure]
    tumour: Mapping[str, Range]


@dataclass(frozen=True)
class ReadingSeen:
    """Share of the tumour's slices that were on the screen, in the plane where it is largest."""

    reader: str
    exam: str
    share: float
    by_layer: Mapping[str, float]  # the same for each layer alone


@dataclass(frozen=True)
class WithoutLooking:
    """`unseen` are readings with no slice of the tumour on the screen, `hardly_seen` the others below one half."""

    readings: tuple[ReadingSeen, ...]
    without_record: int  # readings that left no record of what was on the screen: not judged
    median_share: float
    whole: int  # readings in which every slice was seen
    unseen: tuple[ReadingSeen, ...]
    hardly_seen: tuple[ReadingSeen, ...]
    mean_by_reader: Mapping[str, float]


def without_looking(looks: Sequence[Looks]) -> WithoutLooking | NotEstimable:
    """Readings scored on little or nothing. A slice counts however short it was on the screen.

    The record is one of whole visits: it does not tell whether a slice came up before or after the score.
    """
    recorded = [reading for reading in looks if any(reading.visits) and reading.tumour]
    if not recorded:
        return NotEstimable("scores given without looking", "no reading has a record of what was on the screen")
    seen = tuple(_seen(reading) for reading in recorded)
    by_reader: dict[str, list[float]] = {}
    for reading in seen:
        by_reader.setdefault(reading.reader, []).append(reading.share)
    return WithoutLooking(
        readings=seen,
        without_record=len(looks) - len(recorded),
        median_share=float(np.median([reading.share for reading in seen])),
        whole=sum(reading.share == 1 for reading in seen),
        unseen=tuple(reading for reading in seen if reading.share == 0),
        hardly_seen=tuple(reading for reading in seen if 0 < reading.share < HALF),
        mean_by_reader={name: float(np.mean(shares)) for name, shares in sorted(by_reader.items())},
    )


def share_seen(shown: Sequence[Range], tumour: Range) -> float:
    """Share of the slices from tumour[0] to tumour[1] that lie in one of the ranges.

    >>> share_seen([(0, 3), (3, 5), (9, 20)], (2, 9))
    0.625
    """
    first, last = tumour
    slices = {index for low, high in shown for index in range(max(low, first), min(high, last) + 1)}
    return len(slices) / (last - first + 1)


def _seen(reading: Looks) -> ReadingSeen:
    layers = sorted({layer for visit in reading.visits for layer in visit})
    return ReadingSeen(
        reader=reading.reader,
        exam=reading.exam,
        share=_best_plane(reading, layers),
        by_layer={layer: _best_plane(reading, [layer]) for layer in layers},
    )


def _best_plane(reading: Looks, layers: Sequence[str]) -> float:
    return max(
        share_seen(
            [r for visit in reading.visits for layer in layers for r in visit.get(layer, {}).get(plane, ())], tumour
        )
        for plane, tumour in reading.tumour.items()
    )
