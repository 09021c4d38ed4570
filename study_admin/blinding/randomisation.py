"""All chance of a study, drawn from one secret seed by the algorithm "blindread-pcg64-1". Pure: no file, no clock.

The algorithm, so that a third party can draw again in any language what the seed fixes:

1. A *stream* is named by a label. Its generator is NumPy's PCG64 over `SeedSequence(entropy, pool_size=8)` with
   entropy = HMAC-SHA256(seed, "stream|" + label) read as a big-endian integer. Only the raw 64-bit words are used:
   NumPy promises them for all versions (NEP 19), and doesn't promise `permutation` and its like.
2. `below(n)` takes words until one lies below the largest multiple of n in 2^64, and gives its remainder by n.
   A shuffle is Fisher-Yates from the last place down: for i = last ... 1, swap i with below(i + 1).
3. Exam orders, stream "order": a shuffle per reader in turn; an order that an earlier reader has is drawn again, as
   long as there are orders left.
4. Sides, streams "sides" and "practice sides": a matrix, readers by exams, true where the first arm stands on A.
   As published: one coin (below(2)) per exam, the same in every row. Balanced: see `balanced_sides`.
5. Identifiers: the first 8 bytes of HMAC-SHA256(seed, "id|" + label), in hex.

Streams are separate because a reader sees what some of them gave. PCG64 isn't a cipher: from enough of its output
the rest can be computed (Bouillaguet et al. 2020). Whoever breaks the stream of orders learns the orders that they
already had, and still faces HMAC-SHA256 before the sides; identifiers don't pass through PCG64 at all.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import TypeVar

from numpy.random import PCG64, SeedSequence

from study_admin.design import StudyType

ALGORITHM = "blindread-pcg64-1"
SEED_BYTES = 32

T = TypeVar("T")
Sides = list[list[bool]]  # [reader][exam]: whether the first arm stands on side A


def new_seed() -> bytes:
    """256 bits from the operating system."""
    return secrets.token_bytes(SEED_BYTES)


def secret_bytes(seed: bytes, label: str) -> bytes:
    """32 bytes that only the seed gives: HMAC-SHA256 of the label."""
    return hmac.new(seed, label.encode(), hashlib.sha256).digest()


def identifier(seed: bytes, label: str) -> str:
    """16 hex digits that stand for a label and tell nothing of it."""
    return secret_bytes(seed, f"id|{label}")[:8].hex()


class Stream:
    """Uniform draws from one labelled stream of the seed."""

    def __init__(self, seed: bytes, label: str) -> None:
        entropy = int.from_bytes(secret_bytes(seed, f"stream|{label}"), "big")
        self._generator = PCG64(SeedSequence(entropy, pool_size=8))

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        limit = 2**64 - 2**64 % count
        while True:
            word = int(self._generator.random_raw())
            if word < limit:
                return word % count

    def coin(self) -> bool:
        return self.below(2) == 1

    def shuffled(self, items: Sequence[T]) -> list[T]:
        shuffled = list(items)
        for last in range(len(shuffled) - 1, 0, -1):
            other = self.below(last + 1)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled


def exam_orders(stream: Stream, readers: int, exams: int) -> list[list[int]]:
    """An order of the exams per reader; no two are equal while there are orders left."""
    orders: list[list[int]] = []
    taken: set[tuple[int, ...]] = set()
    for _ in range(readers):
        if len(taken) == factorial(exams):
            taken.clear()
        order = stream.shuffled(range(exams))
        while tuple(order) in taken:
            order = stream.shuffled(range(exams))
        taken.add(tuple(order))
        orders.append(order)
    return orders


def published_sides(stream: Stream, readers: int, exams: int) -> Sides:
    """One coin per exam; every reader sees the same sides, as in Mitchell et al. 2020, section 2.4."""
    row = [stream.coin() for _ in range(exams)]
    return [list(row) for _ in range(readers)]


def balanced_sides(stream: Stream, readers: int, exams: int) -> Sides:
    """Half and half within every reader and over the readers of every exam; odd counts are off by half an exam.

    A chessboard has that property, and keeps it when its rows and columns are shuffled and its colours swapped by a
    coin (which makes every single cell a fair coin). Then 10 trades per reader: two random rows pool the columns
    in which they differ, shuffle the pool, and take back as many as they had. Trades keep all row and column sums and
    lead to every such matrix with the same probability (Curveball: Strona et al. 2014, Carstens 2015).
    """
    flip = stream.coin()
    rows, columns = stream.shuffled(range(readers)), stream.shuffled(range(exams))
    sides = [[(row + column + flip) % 2 == 1 for column in columns] for row in rows]
    for _ in range(10 * readers if readers > 1 else 0):
        one = stream.below(readers)
        other = (one + 1 + stream.below(readers - 1)) % readers
        _trade(stream, sides[one], sides[other])
    return sides


def _trade(stream: Stream, one: list[bool], other: list[bool]) -> None:
    pool = [column for column in range(len(one)) if one[column] != other[column]]
    kept = sum(one[column] for column in pool)
    for place, column in enumerate(stream.shuffled(pool)):
        one[column], other[column] = place < kept, place >= kept


@dataclass(frozen=True)
class DrawnReading:
    """One row of the allocation: what a reader gets to see, and which arm stands where."""

    reading_id: str
    reader: str
    exam: str
    position: int  # from 1, practice and study exams counted apart
    is_practice: bool
    arm_a: str
    arm_b: str


def draw_readings(
    seed: bytes,
    study_type: StudyType,
    arms: tuple[str, str],
    readers: Sequence[str],
    exams: Sequence[str],
    practice: Sequence[str] = (),
) -> tuple[DrawnReading, ...]:
    """The whole allocation, reader by reader: practice exams in the order given, then the study exams in drawn order.

    Exams and readers enter by their place in the sequences; give both in a stored order to draw the same again.
    """
    draw_sides = balanced_sides if study_type is StudyType.BALANCED else published_sides
    # balance is a property of the study exams alone: practice exams never count
    sides = draw_sides(Stream(seed, "sides"), len(readers), len(exams))
    practice_sides = draw_sides(Stream(seed, "practice sides"), len(readers), len(practice))
    orders = exam_orders(Stream(seed, "order"), len(readers), len(exams))
    drawn = []
    for row, reader in enumerate(readers):
        plan = [(practice[column], True, practice_sides[row][column]) for column in range(len(practice))]
        plan += [(exams[column], False, sides[row][column]) for column in orders[row]]
        for place, (exam, is_practice, is_first_on_a) in enumerate(plan, start=1):
            arm_a, arm_b = arms if is_first_on_a else (arms[1], arms[0])
            position = place if is_practice else place - len(practice)
            reading_id = identifier(seed, f"reading|{row}|{place}")
            drawn.append(DrawnReading(reading_id, reader, exam, position, is_practice, arm_a, arm_b))
    return tuple(drawn)
