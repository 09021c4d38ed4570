"""Bang's and James' indices against published figures, and standard errors by reader by hand."""

import pytest

from study_admin.statistics.blinding_indices import BlindingIndices, Guess, Index, blinding_indices
from study_admin.statistics.estimates import NotEstimable

Counts = tuple[tuple[int, int, int], tuple[int, int, int]]  # truth A, B; answers A, B, don't know


def guesses(counts: Counts, readers: int = 1) -> list[Guess]:
    """As many as the counts say, dealt out to readers in turn."""
    return [
        Guess(f"R{number % readers}", guessed, truth)
        for truth, row in zip("AB", counts, strict=True)
        for guessed, count in zip(("A", "B", None), row, strict=True)
        for number in range(count)
    ]


def indices(given: list[Guess]) -> BlindingIndices:
    found = blinding_indices(given)
    assert isinstance(found, BlindingIndices), found
    return found


def index(found: Index | NotEstimable) -> Index:
    assert isinstance(found, Index), found
    return found


def test_the_example_of_another_program() -> None:
    # BlindingIndex.jl, README (after R's BI): 48 4 330 / 22 30 319 gives James 0.896, SE 0.011, 0.875 to 0.918,
    # Bang 0.115, SE 0.018, 0.08 to 0.15, and 0.022, SE 0.019, -0.016 to 0.06.
    found = indices(guesses(((48, 4, 330), (22, 30, 319))))
    expected = {"james": (0.896, 0.011, 0.875, 0.918), "bang_a": (0.115, 0.018, 0.08, 0.15)}
    expected["bang_b"] = (0.022, 0.019, -0.016, 0.06)
    for name, numbers in expected.items():
        one = index(getattr(found, name))
        assert tuple(round(x, 3) for x in (one.estimate, one.se, *one.ci95)) == numbers


def test_the_trial_in_bangs_paper() -> None:
    # CRISP (Bang et al. 2004): 82 25 170 on the drug, 27 29 83 on placebo; by hand (82 - 25)/277 and (29 - 27)/139.
    # The paper: 0.21 and 0.01; James' index 0.75.
    found = indices(guesses(((82, 25, 170), (27, 29, 83))))
    assert index(found.bang_a).estimate == pytest.approx(57 / 277)
    assert index(found.bang_b).estimate == pytest.approx(2 / 139)
    assert index(found.bang_both).estimate == pytest.approx((57 / 277 + 2 / 139) / 2)
    assert round(index(found.james).estimate, 2) == 0.75


@pytest.mark.parametrize(
    ("counts", "bang", "james"),
    [
        (((5, 0, 0), (0, 5, 0)), 1.0, 0.0),  # all right
        (((0, 5, 0), (5, 0, 0)), -1.0, 1.0),  # all wrong: K = 1
        (((5, 5, 0), (5, 5, 0)), 0.0, 0.5),  # by chance: K = 0
        (((1, 1, 98), (1, 1, 98)), 0.0, 0.99),  # d = 0.98, K = 0
        (((9, 1, 0), (9, 1, 0)), 0.0, 0.5),  # a liking for A, and no knowledge: the mean of both sides is 0
    ],
)
def test_known_extremes(counts: Counts, bang: float, james: float) -> None:
    found = indices(guesses(counts))
    assert index(found.bang_both).estimate == pytest.approx(bang)
    assert index(found.james).estimate == pytest.approx(james)
    assert found.counts == counts


def test_a_liking_for_one_side_shows_in_each_layout_with_opposite_signs() -> None:
    found = indices(guesses(((9, 1, 0), (9, 1, 0))))
    assert (index(found.bang_a).estimate, index(found.bang_b).estimate) == pytest.approx((0.8, -0.8))


def test_readers_who_always_answer_alike_count_once_each() -> None:
    # Truth A throughout. Two readers of 4 exams: one always right, one always wrong. Bang 0; deviations of the readers'
    # sums from their share 4/8 and -4/8; variance 2/1 * (1/4 + 1/4) = 1, and as if independent 8/64 = 1/8.
    given = [Guess("R1", "A", "A")] * 4 + [Guess("R2", "B", "A")] * 4
    one = index(indices(given).bang_a)
    assert one.se == pytest.approx((1 / 8) ** 0.5)
    assert one.se_by_reader == pytest.approx(1.0)
    assert one.ci95_by_reader == pytest.approx((-12.706, 12.706), abs=1e-3)  # t on 1 df, from a table


def test_james_by_reader_equals_the_published_error_if_each_reader_guesses_once() -> None:
    # n readers with one guess each: the sum over readers is the sum over guesses, but for n/(n - 1).
    given = [Guess(f"R{i}", each.guessed, each.truth) for i, each in enumerate(guesses(((6, 2, 2), (3, 5, 2))))]
    one = index(indices(given).james)
    assert one.se_by_reader == pytest.approx(one.se * (20 / 19) ** 0.5)


def test_one_reader_alone_has_no_error_by_reader() -> None:
    one = index(indices(guesses(((3, 1, 1), (1, 3, 1)))).james)
    assert (one.se_by_reader, one.ci95_by_reader) == (None, None)


def test_what_cannot_be_computed_says_why() -> None:
    assert "asked for a guess" in str(blinding_indices([]))
    undecided = indices(guesses(((0, 0, 3), (0, 0, 2))))
    assert "chose a side" in str(undecided.james)
    assert index(undecided.bang_both).estimate == 0
    one_sided = indices(guesses(((3, 1, 1), (0, 0, 0))))
    assert "on this side" in str(one_sided.bang_b)
    assert "on this side" in str(one_sided.bang_both)
    assert index(one_sided.bang_a).estimate == pytest.approx(0.4)
    assert "same side" in str(indices(guesses(((4, 0, 1), (0, 0, 1)))).james)


def test_a_side_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        blinding_indices([Guess("R1", "C", "A")])
