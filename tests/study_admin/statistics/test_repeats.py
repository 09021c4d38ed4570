"""Within-reader SD by hand."""

from math import nan, sqrt

import pytest

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.repeats import Repeats, repeats


def test_pairs_and_a_triple_by_hand() -> None:
    # Squares about the mean: (6, 8) 2; (5, 5) 0; (1, 2, 6) 4 + 1 + 9 = 14; df 1 + 1 + 2 = 4; sd = sqrt(16/4) = 2.
    what = ["a", "a", "b", "b", "c", "c", "c", "d", "e", "e"]
    found = repeats(what, [6, 8, 5, 5, 1, 2, 6, 9, 4, nan])
    assert isinstance(found, Repeats)
    assert found.within_sd == pytest.approx(2.0)
    assert (found.df, found.repeated, found.scores) == (4, 3, 7)
    assert found.repeatability == pytest.approx(2.77 * 2, abs=0.01)  # 2.77 s_w in Bland and Altman
    # chi square on 4 df, from a table: 0.484 and 11.143
    assert found.ci95 == pytest.approx((sqrt(16 / 11.143), sqrt(16 / 0.484)), abs=0.01)


def test_readers_who_repeat_themselves_exactly_have_a_deviation_of_0() -> None:
    found = repeats(["a", "a"], [7, 7])
    assert isinstance(found, Repeats)
    assert (found.within_sd, found.ci95) == (0.0, (0.0, 0.0))


def test_without_repeats_a_sentence_says_so() -> None:
    assert isinstance(repeats(["a", "b"], [1, 2]), NotEstimable)
    assert "scored an exam twice" in str(repeats([], []))
