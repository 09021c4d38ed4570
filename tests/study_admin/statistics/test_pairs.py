"""The table of pairs: what it takes, and what it refuses by row."""

import numpy as np
import pandas as pd
import pytest

from segmentation.errors import StudyError
from study_admin.statistics.pairs import Pairs, from_frame, pairs
from tests.study_admin.statistics.made_up import frozen
from tests.study_admin.statistics.r_values import scores


def small() -> pd.DataFrame:
    return pd.DataFrame({
        "reader": ["R1", "R1", "R2", "R2"], "group": ["G1"] * 4, "exam": ["E1", "E2", "E1", "E2"],
        "position": [1, 2, 2, 1], "side_of_manual": ["A", "B", "B", "A"], "score_manual": [5, 6, 7, 8],
        "score_net": [6, 6, 9, None], "seconds": [30.5, None, 20, 10], "comment": ["", "x", "", ""],
    })  # fmt: skip


def test_columns_are_recognised() -> None:
    table = from_frame(small())
    assert table.arms == ("manual", "net")
    assert (table.readers, table.exams, table.groups) == (("R1", "R2"), ("E1", "E2"), ("G1",))
    assert table.side_of_first.tolist() == ["A", "B", "B", "A"]
    assert table.difference.tolist()[:3] == [1, 0, 2]
    assert np.isnan(table.difference[3])
    assert table.position.tolist() == [1, 2, 2, 1]
    assert np.isnan(table.seconds[1])
    assert len(table.complete) == 3


def test_nullable_columns_of_our_own_tables_are_taken() -> None:
    frame = small().astype({"reader": "string", "position": "Int64", "score_manual": "Int64", "score_net": "Int64"})
    assert np.array_equal(from_frame(frame).difference, from_frame(small()).difference, equal_nan=True)


def test_the_frozen_sets_have_the_design_of_the_study() -> None:
    table = frozen("paper")
    assert (len(table), len(table.readers), len(table.exams), len(table.groups)) == (400, 20, 100, 5)
    assert np.bincount(table.group_of_reader).tolist() == [4] * 5
    assert np.bincount(table.group_of_exam).tolist() == [20] * 5


def test_without_a_group_those_who_share_exams_are_one() -> None:
    found = from_frame(scores("paper").drop(columns="group"))
    assert [sorted(np.unique(found.reader[found.group == g])) for g in range(5)] == [
        list(range(4 * g, 4 * g + 4)) for g in range(5)
    ]


def test_names_without_rows_go() -> None:
    table = frozen("paper")
    left = table.where(table.exam >= 20)
    assert (len(left.readers), len(left.exams), len(left.groups)) == (16, 80, 4)
    assert left.exams[0] == "E021"
    assert left.exam.min() == 0


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("score_net", [6, 6, "nine", 2], "Row 4 has “nine” in score_net, where a number belongs."),
        ("score_net", [6, 6, 11, 2], "Row 4 has 11 in score_net, outside the scale from 0 to 10."),
        ("score_net", [6, 6, float("inf"), 2], "Row 4 has an infinite number in score_net."),
        ("reader", ["R1", None, "R2", "R2"], "Row 3 has no reader."),
        ("exam", ["E1", "E1", "E1", "E2"], "Reader R1 has more than one row for exam E1."),
        ("group", ["G1", "G2", "G1", "G1"], "Reader R1 is in the groups G1 and G2; each belongs to one."),
        ("group", ["G1", "G1", "G2", "G2"], "Exam E1 is in the groups G1 and G2; each belongs to one."),
        ("side_of_manual", ["A", "left", "B", "A"], "Row 3 has “left” in side_of_manual, where A or B belongs."),
    ],
)
def test_what_is_wrong_is_said_with_its_row(column: str, values: list[object], sentence: str) -> None:
    with pytest.raises(StudyError) as refused:
        from_frame(small().assign(**{column: values}), scale=(0, 10), file="scores.csv")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("scores.csv: ")


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(StudyError, match=r"no column exam.*It has 1 columns that begin with score_"):
        from_frame(pd.DataFrame({"reader": ["R1"], "score_net": [1]}))


def test_many_problems_are_named_and_counted() -> None:
    with pytest.raises(StudyError, match="And 3 more"):
        from_frame(small().assign(score_net=["a"] * 4, score_manual=["b"] * 4))


def test_an_empty_table_is_empty() -> None:
    table = from_frame(small().iloc[:0])
    assert isinstance(table, Pairs)
    assert (len(table), len(table.complete), table.readers) == (0, 0, ())
    assert len(pairs([], [], [], [])) == 0
