"""Readers and groups by themselves, corrections, and descriptives: R's values."""

import numpy as np
import pytest

from study_admin.statistics.by_unit import Units, by_group, by_reader, standardised_by_reader
from study_admin.statistics.descriptives import box, describe
from study_admin.statistics.multiplicity import adjust
from tests.study_admin.statistics.made_up import because, differences, found, frozen, made_up
from tests.study_admin.statistics.r_values import SETS, from_r

CLOSED = 1e-8


@pytest.mark.parametrize("name", SETS)
def test_readers_and_groups_are_those_of_r(name: str) -> None:
    r = from_r("main", name)
    for units, expected, p in (
        (by_reader(frozen(name)), r["readers"], "p_t"), (by_group(frozen(name)), r["groups"], "p_t_reader_means")
    ):  # fmt: skip
        assert means(units) == pytest.approx(expected["mean_difference"], rel=CLOSED)
        assert units.adjusted.p == pytest.approx(expected[p], rel=1e-7)
        assert units.adjusted.holm == pytest.approx(expected["p_holm"], rel=1e-7)
    assert by_reader(frozen(name)).adjusted.benjamini_hochberg == pytest.approx(r["readers"]["p_bh"], rel=1e-7)
    scaled, expected = found(standardised_by_reader(frozen(name))), r["readers"]["z_scored_mixed"]
    assert (scaled.test.estimate, scaled.test.se) == pytest.approx((expected["estimate"], expected["se"]), rel=2e-4)
    assert scaled.test.df == pytest.approx(expected["df_satterthwaite"], rel=5e-3)


def means(units: Units) -> dict[str, float]:
    return {unit.name: unit.mean for unit in units.units}


@pytest.mark.parametrize("name", SETS)
def test_boxes_have_the_hinges_of_r(name: str) -> None:
    expected = from_r("main", name)["readers"]["boxplot"]
    for unit in by_reader(frozen(name)).units:
        found_here = unit.box
        five = [
            found_here.low_whisker, found_here.low_hinge, found_here.median, found_here.high_hinge,
            found_here.high_whisker,
        ]  # fmt: skip
        r = expected[unit.name]
        assert five == pytest.approx(r["stats"])
        assert sorted(found_here.outliers) == sorted(r["out"] if isinstance(r["out"], list) else [r["out"]])
        assert found_here.quartiles_type_7 == pytest.approx(r["quartiles_type7"])


@pytest.mark.parametrize("name", SETS)
def test_descriptives_are_those_of_r(name: str) -> None:
    result, r = found(describe(frozen(name))), from_r("main", name)
    for summary, part in ((result.first, "technician"), (result.second, "dl"), (result.difference, "difference")):
        expected = r["descriptives"][part]
        naive = found(summary.naive)
        assert (summary.n, summary.mean, summary.sd) == pytest.approx(
            (expected["n"], expected["mean"], expected["sd"]), rel=CLOSED
        )
        assert naive.se == pytest.approx(expected["se"], rel=CLOSED)
        assert naive.ci95 == pytest.approx(expected["ci95"], rel=CLOSED)
        assert naive.ignores_clustering
        assert (summary.minimum, *summary.box.quartiles_type_7, summary.maximum) == (
            expected["min"], expected["q1"], expected["median"], expected["q3"], expected["max"]
        )  # fmt: skip
        assert [summary.box.low_hinge, summary.box.high_hinge] == expected["hinges"][1:4:2]
    assert result.pearson == pytest.approx(r["descriptives"]["pearson"], rel=CLOSED)
    assert {f"{score:g}": n for score, n in result.first.counts.items()} == {
        score: n for score, n in r["descriptives"]["histogram_technician"].items() if n
    }
    assert found(result.first.clustered).test.se == pytest.approx(r["or_split_plot_technician_alone"]["se"], rel=CLOSED)


def test_hinges_count_the_median_twice_in_an_odd_number() -> None:
    """R: boxplot.stats(c(1, 2, 3, 4, 20)): 1 2 3 4 4, out 20; numpy's quartiles are 2, 3, 4 too."""
    result = box(np.array([1.0, 2, 3, 4, 20]))
    assert (result.low_whisker, result.low_hinge, result.median, result.high_hinge, result.high_whisker) == (
        1,
        2,
        3,
        4,
        4,
    )
    assert result.outliers == (20,)


def test_a_reader_whose_differences_are_all_equal_has_no_p() -> None:
    units = by_reader(differences([[1, 1], [0, 2]]))
    assert "do not vary" in because(units.units[0].test)
    assert list(units.adjusted.p) == ["R1"]


def test_a_reader_who_gives_one_score_only_is_left_out_of_the_standardised_model() -> None:
    rows = [[2, 0, 1, 3], [1, -2, 0, 2], [0, 0, 0, 0]]
    assert found(standardised_by_reader(differences(rows))).pairs == 8


def test_no_p_values_are_corrected_to_none() -> None:
    assert (adjust({}).holm, adjust({}).benjamini_hochberg) == ({}, {})


def test_nothing_to_describe_is_said() -> None:
    assert "no reading" in because(describe(made_up({})))
