"""Did the readers know which side an arm stood on? Bang's and James' indices from their guesses at the end.

The two "arms" of these indices are the two ways an exam can be laid out: the arm on side A, or on side B. A reader
who merely likes to say "A" looks unblinded in one and wrong in the other; only the mean of both tells of the blinding.
Guesses of one reader hang together, so that each index comes with the published standard error, which takes them as
independent, and with one that takes readers as the unit.

Bang, Ni, Davis, Control Clin Trials 2004;25:143. James et al., Stat Med 1996;15:1421.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as t_distribution

from study_admin.statistics.estimates import NotEstimable

BLINDING = "blinding indices"
SIDES = ("A", "B")


@dataclass(frozen=True)
class Guess:
    """A reader's answer for one exam; `guessed` is None for "don't know"."""

    reader: str
    guessed: str | None
    truth: str


@dataclass(frozen=True)
class Index:
    """An index of blinding; `se` and `ci95` as published, the others with readers as the unit and t on readers - 1."""

    estimate: float
    se: float
    ci95: tuple[float, float]
    se_by_reader: float | None  # None with one reader
    ci95_by_reader: tuple[float, float] | None


@dataclass(frozen=True)
class BlindingIndices:
    """`counts[truth][answer]` with answers A, B, don't know.

    Bang: from -1 (all wrong) over 0 (as by chance) to 1 (all right). James: from 0 (all right) over 0.5 (as by chance,
    nobody undecided) to 1 (all undecided).
    """

    counts: tuple[tuple[int, int, int], tuple[int, int, int]]
    readers: int
    bang_a: Index | NotEstimable
    bang_b: Index | NotEstimable
    bang_both: Index | NotEstimable  # mean of the two, so that a liking for one side cancels
    james: Index | NotEstimable


def blinding_indices(guesses: Sequence[Guess]) -> BlindingIndices | NotEstimable:
    """All indices of one study. Raises ValueError for a side that is neither A nor B."""
    if not guesses:
        return NotEstimable(BLINDING, "no reader was asked for a guess, or none answered")
    readers = sorted({guess.reader for guess in guesses})
    by_reader = np.zeros((len(readers), 2, 3))
    for guess in guesses:
        answer = 2 if guess.guessed is None else SIDES.index(guess.guessed)
        by_reader[readers.index(guess.reader), SIDES.index(guess.truth), answer] += 1
    counts = by_reader.sum(axis=0)
    a, b = (tuple(int(n) for n in row) for row in counts)
    return BlindingIndices(
        counts=((a[0], a[1], a[2]), (b[0], b[1], b[2])),
        readers=len(readers),
        bang_a=_bang(by_reader, np.array([1.0, 0.0])),
        bang_b=_bang(by_reader, np.array([0.0, 1.0])),
        bang_both=_bang(by_reader, np.array([0.5, 0.5])),
        james=_james(by_reader),
    )


def _bang(by_reader: NDArray[np.float64], share: NDArray[np.float64]) -> Index | NotEstimable:
    """Right minus wrong guesses over all answers, in the layouts that have a `share`."""
    counts = by_reader.sum(axis=0)
    asked = counts.sum(axis=1)
    if any(n == 0 for n, wanted in zip(asked, share, strict=True) if wanted):
        return NotEstimable("Bang's index", "no guess was asked for with the arm on this side")
    asked = np.where(asked > 0, asked, 1.0)
    points = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])
    of_layout = (counts * points).sum(axis=1) / asked
    influence = share[:, None] * (points - of_layout[:, None]) / asked[:, None]
    return _index(float(share @ of_layout), influence, by_reader)


def _james(by_reader: NDArray[np.float64]) -> Index | NotEstimable:
    """(1 + d + (1 - d) K) / 2: d the share of "don't know", K the disagreement of guess and truth beyond chance.

    With weights 0 for right, 1/2 for wrong and 1 for "don't know" it is d + (1 - d) r / 2, r = 1 + K being the wrong
    guesses over those that the margins let expect. The variance is that of the delta method on the six counts, which
    is what James et al. print.
    """
    counts = by_reader.sum(axis=0)
    n, decided = counts.sum(), counts[:, :2].sum()
    if decided == 0:
        return NotEstimable("James' index", 'no reader chose a side: all answers are "don\'t know"')
    by_truth, by_guess = counts[:, :2].sum(axis=1), counts[:, :2].sum(axis=0)
    crossed = by_truth[0] * by_guess[1] + by_truth[1] * by_guess[0]
    if crossed == 0:
        return NotEstimable("James' index", "every guess named the same side, where the arm always was")
    wrong = counts[0, 1] + counts[1, 0]
    ratio = wrong * decided / crossed  # o / e = 1 + K
    share = decided / n
    estimate = 1 - share + share * ratio / 2
    is_wrong = np.array([[0.0, 1.0], [1.0, 0.0]])
    d_crossed = by_guess[::-1][None, :].T + by_truth[::-1][None, :]
    d_ratio = (is_wrong * decided + wrong) / crossed - wrong * decided * d_crossed / crossed**2
    d_share = 1 / n - decided / n**2
    influence = np.empty((2, 3))
    influence[:, :2] = d_share * (ratio / 2 - 1) + share * d_ratio / 2
    influence[:, 2] = decided / n**2 * (1 - ratio / 2)
    return _index(float(estimate), influence, by_reader)


def _index(estimate: float, influence: NDArray[np.float64], by_reader: NDArray[np.float64]) -> Index:
    """Standard errors from what one guess more in each cell does to the index (it sums to 0 over all guesses)."""
    counts = by_reader.sum(axis=0)
    se = float(np.sqrt((counts * influence**2).sum()))
    limit = float(norm.isf(0.025)) * se
    readers = len(by_reader)
    if readers < 2:
        return Index(estimate, se, (estimate - limit, estimate + limit), None, None)
    sums = (by_reader * influence).sum(axis=(1, 2))
    se_by_reader = float(np.sqrt(readers / (readers - 1) * (sums**2).sum()))
    wide = float(t_distribution.isf(0.025, readers - 1)) * se_by_reader
    return Index(estimate, se, (estimate - limit, estimate + limit), se_by_reader, (estimate - wide, estimate + wide))
