"""Chance properties over many simulated studies; every seed here is fixed, so a run never fails by chance."""

import hashlib
import hmac
from collections import Counter
from itertools import product
from math import factorial, sqrt

import pytest
from numpy.random import PCG64, SeedSequence

from study_admin.blinding.randomisation import (
    Stream,
    balanced_sides,
    draw_readings,
    exam_orders,
    identifier,
    new_seed,
    published_sides,
)
from study_admin.design import StudyType

ARMS = ("technician", "network")
FIRST_DRAWS = [55, 80, 49, 83, 17, 8, 17, 74]
FIRST_SHUFFLE = "AECBGHFD"


def seed_of(number: int) -> bytes:
    return hashlib.sha256(b"test study %d" % number).digest()


def names(letter: str, count: int) -> list[str]:
    return [f"{letter}{n:02}" for n in range(1, count + 1)]


def is_halved(count: int, total: int) -> bool:
    return count in (total // 2, (total + 1) // 2)


def test_a_stream_is_what_its_docstring_says() -> None:
    """Worked from the definition with hmac and NumPy's own generator: raw words, remainder by n."""
    seed = seed_of(0)
    entropy = int.from_bytes(hmac.digest(seed, b"stream|order", "sha256"), "big")
    words = PCG64(SeedSequence(entropy, pool_size=8)).random_raw(5)
    stream = Stream(seed, "order")
    assert [stream.below(10) for _ in range(5)] == [int(word) % 10 for word in words]
    assert identifier(seed, "study") == hmac.digest(seed, b"id|study", "sha256").hex()[:16]


def test_first_draws_stay_the_same_for_ever() -> None:
    """A stored study has to be drawn again years later: the values were written down when the algorithm was named."""
    stream = Stream(bytes(32), "order")
    assert [stream.below(100) for _ in range(8)] == FIRST_DRAWS
    assert Stream(bytes(32), "order").shuffled("ABCDEFGH") == list(FIRST_SHUFFLE)


def test_below_is_uniform() -> None:
    """Chi-square over 6 faces, 12,000 throws: 5 degrees of freedom, 99.9 % quantile 20.5 (tables)."""
    stream = Stream(seed_of(1), "dice")
    faces = Counter(stream.below(6) for _ in range(12_000))
    assert set(faces) == set(range(6))
    assert sum((count - 2000) ** 2 / 2000 for count in faces.values()) < 20.5


def test_shuffles_of_four_are_uniform() -> None:
    """Chi-square over 4! = 24 orders: 23 degrees of freedom, 99.9 % quantile 49.7 (tables)."""
    stream = Stream(seed_of(2), "shuffle")
    orders = Counter(tuple(stream.shuffled(range(4))) for _ in range(24_000))
    assert len(orders) == 24
    assert sum((count - 1000) ** 2 / 1000 for count in orders.values()) < 49.7


@pytest.mark.parametrize(("readers", "exams"), [(1, 1), (2, 1), (2, 2), (3, 2), (6, 3), (7, 3), (20, 20), (40, 5)])
def test_orders_are_permutations_and_differ_while_they_can(readers: int, exams: int) -> None:
    for study in range(30):
        orders = exam_orders(Stream(seed_of(study), "order"), readers, exams)
        assert all(sorted(order) == list(range(exams)) for order in orders)
        assert len({tuple(order) for order in orders}) == min(readers, factorial(exams))


def test_every_exam_is_first_equally_often() -> None:
    """4,000 readers of 8 exams: 7 degrees of freedom, 99.9 % quantile 24.3 (tables)."""
    first = Counter(order[0] for study in range(1000) for order in exam_orders(Stream(seed_of(study), "order"), 4, 8))
    assert sum((first[exam] - 500) ** 2 / 500 for exam in range(8)) < 24.3


def test_published_sides_are_one_fair_coin_per_exam() -> None:
    """10,000 exams: 5000 ± 4 standard deviations of 50 (binomial)."""
    heads = 0
    for study in range(500):
        sides = published_sides(Stream(seed_of(study), "sides"), 4, 20)
        assert all(row == sides[0] for row in sides)
        heads += sum(sides[0])
    assert abs(heads - 5000) < 4 * 50


@pytest.mark.parametrize("readers", range(1, 10))
@pytest.mark.parametrize("exams", [1, 2, 3, 4, 5, 8, 11, 20, 33])
def test_balanced_sides_halve_every_row_and_every_column(readers: int, exams: int) -> None:
    for study in range(12):
        sides = balanced_sides(Stream(seed_of(study), "sides"), readers, exams)
        assert (len(sides), {len(row) for row in sides}) == (readers, {exams})
        assert all(is_halved(sum(row), exams) for row in sides)
        assert all(is_halved(sum(column), readers) for column in zip(*sides, strict=True))
        assert is_halved(sum(map(sum, sides)), readers * exams)


def test_balanced_holds_for_the_papers_size() -> None:
    """20 readers of 100 exams, and 4 readers of 20: all sums even, so all exact."""
    for readers, exams in ((20, 100), (4, 20)):
        sides = balanced_sides(Stream(seed_of(3), "sides"), readers, exams)
        assert {sum(row) for row in sides} == {exams // 2}
        assert {sum(column) for column in zip(*sides, strict=True)} == {readers // 2}


@pytest.mark.parametrize(("readers", "exams"), [(2, 3), (3, 3), (4, 6)])
def test_each_cell_is_a_fair_coin(readers: int, exams: int) -> None:
    """4,000 studies: 2000 ± 4.5 standard deviations of 31.6 in every cell (binomial, Bonferroni over 24 cells)."""
    counts = [[0] * exams for _ in range(readers)]
    for study in range(4000):
        sides = balanced_sides(Stream(seed_of(study), "sides"), readers, exams)
        for reader, exam in product(range(readers), range(exams)):
            counts[reader][exam] += sides[reader][exam]
    assert all(abs(count - 2000) < 4.5 * sqrt(1000) for row in counts for count in row)


def test_every_balanced_matrix_is_equally_likely() -> None:
    """There are 90 matrices of 4x4 with all sums 2 (OEIS A058527); 89 degrees of freedom, 99.9 % quantile 135.98."""
    drawn = Counter(tuple(map(tuple, balanced_sides(Stream(seed_of(study), "sides"), 4, 4))) for study in range(18_000))
    assert len(drawn) == 90
    assert sum((count - 200) ** 2 / 200 for count in drawn.values()) < 136


@pytest.mark.parametrize("study_type", list(StudyType))
def test_readings_hold_every_exam_once_per_reader(study_type: StudyType) -> None:
    readers, exams, practice = names("R", 5), names("E", 7), names("P", 2)
    drawn = draw_readings(seed_of(4), study_type, ARMS, readers, exams, practice)
    assert len({reading.reading_id for reading in drawn}) == len(drawn) == 5 * 9
    for reader in readers:
        mine = [reading for reading in drawn if reading.reader == reader]
        assert [(r.exam, r.position) for r in mine if r.is_practice] == [("P01", 1), ("P02", 2)]
        assert sorted(r.exam for r in mine if not r.is_practice) == exams
        assert [r.position for r in mine if not r.is_practice] == list(range(1, 8))
        assert all({r.arm_a, r.arm_b} == set(ARMS) for r in mine)


def test_balance_is_of_the_study_exams_alone() -> None:
    readers, exams = names("R", 4), names("E", 6)
    for study in range(50):
        drawn = draw_readings(seed_of(study), StudyType.BALANCED, ARMS, readers, exams, names("P", 3))
        counted = [reading for reading in drawn if not reading.is_practice]
        for key in ("reader", "exam"):
            first_on_a = Counter(getattr(r, key) for r in counted if r.arm_a == ARMS[0])
            each = len(exams) // 2 if key == "reader" else len(readers) // 2
            assert set(first_on_a.values()) == {each}


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    def draw(seed: bytes) -> object:
        return draw_readings(seed, StudyType.BALANCED, ARMS, names("R", 4), names("E", 20))

    assert draw(seed_of(5)) == draw(seed_of(5)) != draw(seed_of(6))
    assert len({new_seed() for _ in range(100)}) == 100


def test_swapped_arms_change_the_arms_alone() -> None:
    one = draw_readings(seed_of(7), StudyType.BALANCED, ARMS, names("R", 4), names("E", 10))
    two = draw_readings(seed_of(7), StudyType.BALANCED, ARMS[::-1], names("R", 4), names("E", 10))
    assert [(r.reading_id, r.exam, r.position, r.arm_a) for r in one] == [
        (r.reading_id, r.exam, r.position, r.arm_b) for r in two
    ]
