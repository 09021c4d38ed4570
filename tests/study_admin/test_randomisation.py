"""Chance properties over many simulated studies; every seed here is fixed, so a run never fails by chance."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import factorial, sqrt

import pytest
from numpy.random import PCG64, SeedSequence

from segmentation.errors import StudyError
from study_admin.blinding.allocation import allocate
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan
from study_admin.blinding.randomisation import (
    DrawnReading,
    Groups,
    Stream,
    balanced_sides,
    draw_groups,
    draw_questions,
    draw_readings,
    exam_orders,
    identifier,
    new_seed,
    published_sides,
)
from study_admin.design import GroupSize, StudyType

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


def test_groups_are_what_the_docstring_says() -> None:
    """Worked by hand from two shuffles: cut from the front; chosen readers keep their places; names in order again."""
    exams, readers = names("E", 5), names("R", 5)
    sizes = (GroupSize(2, 3), GroupSize(3, 2))
    order = Stream(seed_of(8), "exam groups").shuffled(exams)
    free = Stream(seed_of(8), "reader groups").shuffled(["R01", "R03", "R05"])
    exam_groups, reader_groups = draw_groups(seed_of(8), exams, readers, sizes, {"R04": 2, "R02": 1})
    assert exam_groups == (tuple(sorted(order[:3])), tuple(sorted(order[3:])))
    assert reader_groups == (tuple(sorted(["R02", free[0]])), tuple(sorted(["R04", *free[1:]])))


def test_every_split_into_groups_is_equally_likely() -> None:
    """4 exams into 2 and 2; 5 readers into 2 and 3 with one chosen for the second: 4 over 2 = 6 splits of either.

    12,000 studies, 5 degrees of freedom, 99.9 % quantile 20.5 (tables).
    """
    sizes = (GroupSize(2, 2), GroupSize(3, 2))
    splits: tuple[Counter[object], Counter[object]] = (Counter(), Counter())
    for study in range(12_000):
        drawn = draw_groups(seed_of(study), names("E", 4), names("R", 5), sizes, {"R02": 2})
        for counts, groups in zip(splits, drawn, strict=True):
            counts[groups] += 1
        assert "R02" in drawn[1][1]
    for counts in splits:
        assert len(counts) == 6
        assert sum((count - 2000) ** 2 / 2000 for count in counts.values()) < 20.5


@pytest.mark.parametrize(
    ("sizes", "chosen", "message"),
    [
        ([(2, 3), (2, 2)], {}, "The groups hold 4 readers, but the study has 5"),
        ([(2, 3), (3, 3)], {}, "The groups hold 6 exams, but the study has 5"),
        ([(2, 3), (3, 2)], {"R09": 1}, "Group 1 was chosen for R09, and one of the two isn't there"),
        ([(2, 3), (3, 2)], {"R01": 3}, "Group 3 was chosen for R01"),
        ([(2, 3), (3, 2)], {"R01": 0}, "Group 0 was chosen for R01"),
        ([(2, 3), (3, 2)], {"R01": 1, "R02": 1, "R05": 1}, "R01, R02, R05 were chosen for group 1, which has 2 places"),
    ],
)
def test_groups_that_cant_be(sizes: list[tuple[int, int]], chosen: dict[str, int], message: str) -> None:
    groups = [GroupSize(*size) for size in sizes]
    with pytest.raises(StudyError, match=message):
        draw_groups(seed_of(1), names("E", 5), names("R", 5), groups, chosen)


def draw(
    seed: bytes, study_type: StudyType, readers: int, exams: int, practice: int = 0, arms: tuple[str, str] = ARMS
) -> tuple[DrawnReading, ...]:
    """One group."""
    r, e, p = names("R", readers), names("E", exams), names("P", practice)
    return draw_readings(seed, study_type, arms, r, (tuple(e),), (tuple(r),), p)


@pytest.mark.parametrize("study_type", list(StudyType))
def test_readings_hold_every_exam_once_per_reader(study_type: StudyType) -> None:
    drawn = draw(seed_of(4), study_type, 5, 7, 2)
    assert len({reading.reading_id for reading in drawn}) == len(drawn) == 5 * 9
    for reader in names("R", 5):
        mine = [reading for reading in drawn if reading.reader == reader]
        assert [(r.exam, r.position) for r in mine if r.is_practice] == [("P01", 1), ("P02", 2)]
        assert sorted(r.exam for r in mine if not r.is_practice) == names("E", 7)
        assert [r.position for r in mine if not r.is_practice] == list(range(1, 8))
        assert all({r.arm_a, r.arm_b} == set(ARMS) for r in mine)


def test_balance_is_of_the_study_exams_alone() -> None:
    for study in range(50):
        counted = [reading for reading in draw(seed_of(study), StudyType.BALANCED, 4, 6, 3) if not reading.is_practice]
        for key, each in (("reader", 3), ("exam", 2)):
            first_on_a = Counter(getattr(r, key) for r in counted if r.arm_a == ARMS[0])
            assert set(first_on_a.values()) == {each}


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    balanced = StudyType.BALANCED
    assert draw(seed_of(5), balanced, 4, 20) == draw(seed_of(5), balanced, 4, 20) != draw(seed_of(6), balanced, 4, 20)
    assert len({new_seed() for _ in range(100)}) == 100


def test_swapped_arms_change_the_arms_alone() -> None:
    one = draw(seed_of(7), StudyType.BALANCED, 4, 10)
    two = draw(seed_of(7), StudyType.BALANCED, 4, 10, arms=(ARMS[1], ARMS[0]))
    assert [(r.reading_id, r.exam, r.position, r.arm_a) for r in one] == [
        (r.reading_id, r.exam, r.position, r.arm_b) for r in two
    ]


def test_groups_are_drawn_from_streams_of_their_own() -> None:
    """Two groups of one shape have neither orders nor sides in common, as one stream for both would give them."""
    groups = (tuple(names("E", 12)), tuple(names("F", 12))), (tuple(names("R", 4)), tuple(names("S", 4)))
    drawn = draw_readings(seed_of(9), StudyType.BALANCED, ARMS, (*groups[1][0], *groups[1][1]), *groups)
    one, two = ([r for r in drawn if r.reader in members] for members in groups[1])
    assert [r.exam[1:] for r in one] != [r.exam[1:] for r in two]
    sides = [[r.arm_a for r in sorted(part, key=lambda r: (r.reader, r.exam))] for part in (one, two)]
    assert sides[0] != sides[1]


def test_the_exams_asked_about_are_drawn_for_each_reader_and_question() -> None:
    """Each pair of 4 exams equally often: 6 pairs, 6,000 readers and questions, 99.9 % quantile 20.5 (tables)."""
    pairs, same = Counter[frozenset[str]](), 0
    for study in range(1500):
        readings = draw(seed_of(study), StudyType.BALANCED, 2, 4, practice=2)
        exam_of = {r.reading_id: r.exam for r in readings}
        drawn = draw_questions(seed_of(study), names("R", 2), readings, (2, 2, 0))
        assert [(q.reader, q.number) for q in drawn] == [(r, n) for r in names("R", 2) for n in (1, 1, 2, 2, 3)]
        assert len({q.question_id for q in drawn}) == 10
        asked = [frozenset(exam_of[str(q.reading_id)] for q in drawn[n : n + 2]) for n in (0, 2, 5, 7)]
        assert all(len(pair) == 2 for pair in asked) and not any("P01" in pair or "P02" in pair for pair in asked)
        assert drawn[4].reading_id is drawn[9].reading_id is None
        pairs.update(asked)
        same += asked[0] == asked[2]
    assert len(pairs) == 6
    assert sum((count - 1000) ** 2 / 1000 for count in pairs.values()) < 20.5
    assert abs(same - 250) < 4 * sqrt(1500 * 1 / 6 * 5 / 6)  # two readers are asked about one pair by chance alone


PAPER = Plan(
    study_type=StudyType.BALANCED,
    arms=ARMS,
    readers=tuple(names("R", 20)),
    exams=tuple(f"E{n:03}" for n in range(1, 101)),
    practice=("P01", "P02"),
    sizes=(GroupSize(4, 20),) * 5,
    chosen={},
    closing=(3, 0),
    design_sha256="",
    texts_sha256={},
    sources_sha256="",
)


@pytest.mark.parametrize("study_type", list(StudyType))
@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_simulated_studies_of_the_papers_size(count: int, study_type: StudyType) -> None:
    """5 groups of 4 readers and 20 exams, by the code that opens a study; the number of studies can be 10,000."""
    group_of_first, place_of_first, on_a = Counter[int](), Counter[int](), 0
    together = Counter[str]()
    for number in range(count):
        drawn = allocate(replace(PAPER, study_type=study_type), seed_of(number))
        on_a += check_by_counting(drawn, study_type)
        group_of_first[next(n for n, exams in enumerate(drawn.exam_groups) if "E001" in exams)] += 1
        together["exams"] += neighbours_together(PAPER.exams, drawn.exam_groups)
        together["readers"] += neighbours_together(PAPER.readers, drawn.reader_groups)
        place_of_first.update(r.position for r in drawn.readings if r.exam == "E001")
    # 99.9 % quantiles of chi-square with 4 and 19 degrees of freedom (tables)
    assert sum((group_of_first[n] - count / 5) ** 2 / (count / 5) for n in range(5)) < 18.47
    assert sum((place_of_first[n] - count / 5) ** 2 / (count / 5) for n in range(1, 21)) < 43.82
    # 50 pairs of neighbours among the exams share a group with 19/99 each, 10 among the readers with 3/19: 4 standard
    # deviations (disjoint pairs are as good as independent)
    for what, pairs, share in (("exams", 50, 19 / 99), ("readers", 10, 3 / 19)):
        tries = count * pairs
        assert abs(together[what] - tries * share) < 4 * sqrt(tries * share * (1 - share))
    if study_type is StudyType.BALANCED:
        assert on_a == count * 200
    else:  # 100 coins a study, each seen by 4 readers
        assert abs(on_a / 4 - count * 50) < 4 * sqrt(count * 100 / 4)


def neighbours_together(everything: Sequence[str], groups: Groups) -> int:
    """How many pairs of neighbours (first and second, third and fourth ...) are in one group."""
    group_of = {name: number for number, group in enumerate(groups) for name in group}
    return sum(group_of[one] == group_of[two] for one, two in zip(everything[::2], everything[1::2], strict=True))


def check_by_counting(drawn: Allocation, study_type: StudyType) -> int:
    """Every exact property of one study of the paper's size; returns how often the first arm stood on A."""
    assert [len(exams) for exams in drawn.exam_groups] == [20] * 5
    assert [len(readers) for readers in drawn.reader_groups] == [4] * 5
    counted = [r for r in drawn.readings if not r.is_practice]
    assert len({(r.reader, r.exam) for r in counted}) == len(counted) == 400
    assert set(Counter(r.exam for r in counted).values()) == {4}
    assert set(Counter(r.reader for r in counted).values()) == {20}
    orders = {reader: tuple(r.exam for r in counted if r.reader == reader) for reader in PAPER.readers}
    for readers, exams in zip(drawn.reader_groups, drawn.exam_groups, strict=True):
        assert all(set(orders[reader]) == set(exams) for reader in readers)
        assert len({orders[reader] for reader in readers}) == 4
    by_exam, by_reader = (Counter(getattr(r, key) for r in counted if r.arm_a == ARMS[0]) for key in ("exam", "reader"))
    if study_type is StudyType.BALANCED:
        assert set(by_exam.values()) == {2} and len(by_exam) == 100
        assert set(by_reader.values()) == {10} and len(by_reader) == 20
    else:
        assert set(by_exam.values()) <= {4}
    return by_exam.total()
