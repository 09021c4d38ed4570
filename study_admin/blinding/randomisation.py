"""All chance of a study, drawn from one secret seed by the algorithm "blindread-pcg64-2". Pure: no file, no clock.

The algorithm, so that a third party can draw again in any language what the seed fixes. What goes in: the seed (32
bytes), the study exams sorted by name, the practice exams and the readers in the order of the study, the two arms in
the order of the study, the sizes of the groups, the readers whose group was chosen by hand, and of each closing
question how many exams it is about (0: it is asked once). Labels are UTF-8. Groups are counted from 1; rows (readers),
columns (exams), closing questions and places in lists from 0, unless said otherwise.

1. A *stream* is named by a label. Its generator is NumPy's PCG64 over `SeedSequence(entropy, pool_size=8)` with
   entropy = HMAC-SHA256(seed, "stream|" + label) read as a big-endian integer. Only the raw 64-bit words are used:
   NumPy promises them for all versions (NEP 19), and doesn't promise `permutation` and its like.
2. `below(n)` takes words until one lies below the largest multiple of n in 2^64, and gives its remainder by n.
   A coin is below(2) = 1. A shuffle is Fisher-Yates from the last place down: for i = last ... 1, swap i with
   below(i + 1).
3. Groups of exams, stream "exam groups": one shuffle of the study exams; the first group takes as many as it holds
   from the front, then the second, and so on.
4. Groups of readers, stream "reader groups": one shuffle of the readers without a chosen group; the first group takes
   from the front as many as it has places left beside the readers chosen for it, then the second, and so on.
   Within a group, exams and readers then stand in the order in which they went in.
5. Exam orders of group g, stream "order|g": a shuffle of the columns per reader in turn; an order that an earlier
   reader of the group has is drawn again, as long as there are orders left.
6. Sides of group g, stream "sides|g": a matrix, readers by exams, true where the first arm stands on A. As published:
   one coin per exam, the same in every row. Balanced: see `balanced_sides`. The sides of practice exams are one more
   such matrix, all readers by all practice exams, stream "practice sides".
7. A reader's readings are the practice exams in the order of the study, then the exams of the group in drawn order.
8. Identifiers: the first 8 bytes of HMAC-SHA256(seed, "id|" + label), in hex. Labels: "study"; "package|" + the
   reader's row among all readers; "reading|" + that row + "|" + place among the reader's readings, from 1;
   "closing|" + that row + "|" + number of the closing question + "|" + place among those that come of it.
9. A closing question about k exams comes k times to each reader, about exams drawn for them: stream "closing|" + row +
   "|" + number of the question: one shuffle of the identifiers of the reader's study readings, sorted; the first k, in
   that order. One that is asked once is about no exam and has place 0.
10. The files of a reader's package are written in an order drawn for the purpose, stream "writing|" + row: one shuffle
   of their sorted names, which are the identifier of the reading, "_", and one of T1c, FLAIR, A, B.

Streams are separate because a reader sees what some of them gave. PCG64 isn't a cipher: from enough of its output
the rest can be computed (Bouillaguet et al. 2020). Whoever breaks the streams of groups and orders learns what they
already had, and still faces HMAC-SHA256 before the sides; identifiers don't pass through PCG64 at all.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import TypeVar

from numpy.random import PCG64, SeedSequence

from segmentation.errors import StudyError
from study_admin.design import GroupSize, StudyType

ALGORITHM = "blindread-pcg64-2"
SEED_BYTES = 32

T = TypeVar("T")
Sides = list[list[bool]]  # [reader][exam]: whether the first arm stands on side A
Groups = tuple[tuple[str, ...], ...]  # names by group


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
        """True or false, half and half."""
        return self.below(2) == 1

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a random order, each order with the same probability."""
        shuffled = list(items)
        for last in range(len(shuffled) - 1, 0, -1):
            other = self.below(last + 1)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled


def draw_groups(
    seed: bytes, exams: Sequence[str], readers: Sequence[str], sizes: Sequence[GroupSize], chosen: Mapping[str, int]
) -> tuple[Groups, Groups]:
    """The exams and the readers of each group; `chosen` names the group of readers who aren't drawn, from 1.

    Raises StudyError if the sizes don't add up, or if more readers were chosen for a group than it has places.
    """
    _check_sizes(exams, readers, sizes, chosen)
    rest = Stream(seed, "exam groups").shuffled(exams)
    exam_groups = []
    for size in sizes:
        exam_groups.append(_in_order(exams, rest[: size.exams]))
        rest = rest[size.exams :]
    rest = Stream(seed, "reader groups").shuffled([reader for reader in readers if reader not in chosen])
    reader_groups = []
    for number, size in enumerate(sizes, start=1):
        by_hand = [reader for reader in readers if chosen.get(reader) == number]
        free = size.readers - len(by_hand)
        reader_groups.append(_in_order(readers, by_hand + rest[:free]))
        rest = rest[free:]
    return tuple(exam_groups), tuple(reader_groups)


def _in_order(everything: Sequence[str], some: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in everything if name in some)


def _check_sizes(
    exams: Sequence[str], readers: Sequence[str], sizes: Sequence[GroupSize], chosen: Mapping[str, int]
) -> None:
    for what, there, held in (
        ("exams", len(exams), sum(size.exams for size in sizes)),
        ("readers", len(readers), sum(size.readers for size in sizes)),
    ):
        if there != held:
            remedy = "Change the sizes of the groups, or what is in the study, until the two are equal."
            raise StudyError(f"The groups hold {held} {what}, but the study has {there}.", remedy=remedy)
    for reader, group in chosen.items():
        if reader not in readers or not 1 <= group <= len(sizes):
            remedy = "Choose among the study's readers and groups."
            raise StudyError(f"Group {group} was chosen for {reader}, and one of the two isn't there.", remedy=remedy)
    for number, size in enumerate(sizes, start=1):
        by_hand = [reader for reader, group in chosen.items() if group == number]
        if len(by_hand) > size.readers:
            what = f"{', '.join(by_hand)} were chosen for group {number}, which has {size.readers} places."
            raise StudyError(what, remedy="Choose another group for some of them, or leave them to the draw.")


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
    in which they differ, shuffle the pool, and take back as many as they had. Trades keep all row and column sums.

    Without end they would give every matrix with these sums the same probability (Curveball: Strona et al. 2014,
    Carstens 2015); 10 per reader come close. Unless both counts are odd, these are all the balanced matrices of the
    group: which readers (or exams) have one more on A, half of them, comes from the shuffle. With both odd the
    chessboard is one cell off half as a whole, either way by the coin, and so are the readers, and the exams, that
    have one more on A. Matrices that are off by more as a whole, balanced for each reader and exam, aren't drawn.
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
    exam_groups: Groups,
    reader_groups: Groups,
    practice: Sequence[str] = (),
) -> tuple[DrawnReading, ...]:
    """The whole table, reader by reader: practice exams in the order given, then the group's exams in drawn order."""
    draw_sides = balanced_sides if study_type is StudyType.BALANCED else published_sides
    # balance is a property of the study exams alone: practice exams never count
    practice_sides = draw_sides(Stream(seed, "practice sides"), len(readers), len(practice))
    plans = {
        reader: [(exam, True, is_first_on_a) for exam, is_first_on_a in zip(practice, row, strict=True)]
        for reader, row in zip(readers, practice_sides, strict=True)
    }
    for number, (exams, members) in enumerate(zip(exam_groups, reader_groups, strict=True), start=1):
        sides = draw_sides(Stream(seed, f"sides|{number}"), len(members), len(exams))
        orders = exam_orders(Stream(seed, f"order|{number}"), len(members), len(exams))
        for reader, row, order in zip(members, sides, orders, strict=True):
            plans[reader] += [(exams[column], False, row[column]) for column in order]
    drawn = []
    for number, reader in enumerate(readers):
        for place, (exam, is_practice, is_first_on_a) in enumerate(plans[reader], start=1):
            arm_a, arm_b = arms if is_first_on_a else (arms[1], arms[0])
            position = place if is_practice else place - len(practice)
            reading_id = identifier(seed, f"reading|{number}|{place}")
            drawn.append(DrawnReading(reading_id, reader, exam, position, is_practice, arm_a, arm_b))
    return tuple(drawn)


@dataclass(frozen=True)
class DrawnQuestion:
    """A closing question as one reader gets it."""

    question_id: str
    reader: str
    number: int  # which of the study's closing questions, from 1
    reading_id: str | None  # None: it is about no exam


def draw_questions(
    seed: bytes, readers: Sequence[str], readings: Sequence[DrawnReading], closing: Sequence[int]
) -> tuple[DrawnQuestion, ...]:
    """Reader by reader, in the order in which they are asked; `closing` is the number of exams of each question."""
    drawn = []
    for row, reader in enumerate(readers):
        counted = sorted(r.reading_id for r in readings if r.reader == reader and not r.is_practice)
        for number, exams in enumerate(closing):
            label = f"closing|{row}|{number}"
            about: Sequence[str | None] = Stream(seed, label).shuffled(counted)[:exams] if exams else [None]
            drawn += [
                DrawnQuestion(identifier(seed, f"{label}|{place}"), reader, number + 1, reading_id)
                for place, reading_id in enumerate(about)
            ]
    return tuple(drawn)


def writing_order(seed: bytes, row: int, names: Sequence[str]) -> list[str]:
    """The order in which the images of the reader in this row are written: the disk's own order then tells nothing."""
    return Stream(seed, f"writing|{row}").shuffled(sorted(names))
