"""Intraclass correlations against psych::ICC, and where there are none."""

import numpy as np
import pytest

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.icc import Coefficient, IntraclassCorrelations, intraclass_correlations
from tests.study_admin.statistics.r_values import ARMS, SETS, from_r, scores

# Shrout and Fleiss 1979, Table 2: six targets, four judges.
# Their Table 4: ICC(2,1) .29, (3,1) .71, (2,4) .62, (3,4) .91.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def estimated(table: np.ndarray) -> IntraclassCorrelations:
    found = intraclass_correlations(table)
    assert isinstance(found, IntraclassCorrelations), found
    return found


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", SETS)
def test_every_group_has_the_coefficients_and_intervals_of_psych(name: str, arm: str) -> None:
    for group, rows in scores(name).groupby("group"):
        found = estimated(rows.pivot(index="exam", columns="reader", values=arm).to_numpy(float))
        expected = from_r("agreement", name)["agreement"][arm]["by_group"][group]["psych"]
        pairs = (("ICC2", found.icc_2_1), ("ICC2k", found.icc_2_k), ("ICC3", found.icc_3_1), ("ICC3k", found.icc_3_k))
        for key, icc in pairs:
            of_r = expected[key]
            assert isinstance(icc, Coefficient)
            assert (icc.estimate, *icc.ci95) == pytest.approx((of_r["icc"], of_r["lower"], of_r["upper"]), abs=1e-8)
        of_r = expected["ICC3"]
        assert (found.f, found.df1, found.df2) == pytest.approx((of_r["F"], of_r["df1"], of_r["df2"]), abs=1e-8)
        assert (found.exams, found.readers, found.exams_left_out) == (20, 4, 0)


def test_the_example_of_shrout_and_fleiss() -> None:
    found = estimated(SHROUT_FLEISS)
    of_mean = found.icc_2_k, found.icc_3_k
    assert round(found.icc_2_1.estimate, 2) == 0.29
    assert round(found.icc_3_1.estimate, 2) == 0.71
    assert [round(icc.estimate, 2) for icc in of_mean if isinstance(icc, Coefficient)] == [0.62, 0.91]


def test_an_exam_that_one_reader_has_not_scored_is_left_out() -> None:
    with_gap = np.vstack([SHROUT_FLEISS, [1, np.nan, 10, 1]])
    found = estimated(with_gap)
    assert found.icc_2_1 == estimated(SHROUT_FLEISS).icc_2_1
    assert (found.exams, found.exams_left_out) == (6, 1)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([[1], [2], [3]], "fewer than two readers"),
        ([[1, 2], [3, np.nan]], "fewer than two exams"),
        ([[5, 5], [5, 5], [5, 5]], "differ by a constant only"),
        ([[1, 2], [2, 3], [7, 8]], "differ by a constant only"),
        ([[1, 3], [3, 1], [2, 2]], "same mean score"),
    ],
)
def test_where_there_is_none_a_sentence_says_why(table: list[list[float]], why: str) -> None:
    found = intraclass_correlations(np.array(table, float))
    assert isinstance(found, NotEstimable)
    assert why in str(found)


def test_readers_who_contradict_each_other_have_no_coefficient_of_their_mean() -> None:
    # Exams' means hardly differ while readers cross: the lower limit of ICC(2,1) lies below the pole at -1/(k-1).
    found = estimated(np.array([[1, 9, 5], [9, 1, 5], [5, 9, 1], [9, 1, 6]], float))
    assert isinstance(found.icc_2_k, NotEstimable)
    assert np.isfinite([found.icc_2_1.estimate, *found.icc_2_1.ci95]).all()
