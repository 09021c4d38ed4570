"""Side, place in the list, carry-over and time against lmerTest; with pairs missing, against statsmodels."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.pairs import Pairs, from_frame, pairs
from study_admin.statistics.reading_order import (
    CarryOver,
    Learning,
    ReadingTime,
    SideBias,
    carry_over,
    learning,
    reading_time,
    side_bias,
)
from tests.study_admin.statistics.r_values import SETS, from_r, scores


def agrees(found: Estimate | NotEstimable, of_lmer: Mapping[str, float], sign: int = 1) -> None:
    """Within the tolerances of the reference values: estimate and SE 2e-4, df 5e-3, p 2e-3 relative."""
    assert isinstance(found, Estimate), found
    assert found.estimate == pytest.approx(sign * of_lmer["Estimate"], rel=2e-4, abs=2e-6)
    assert found.se == pytest.approx(of_lmer["Std. Error"], rel=2e-4)
    assert found.df == pytest.approx(of_lmer["df"], rel=5e-3)
    assert found.p == pytest.approx(of_lmer["Pr(>|t|)"], rel=2e-3)


@pytest.mark.parametrize("name", SETS)
def test_side_bias_is_that_of_lmer(name: str) -> None:
    found, of_r = side_bias(from_frame(scores(name))), from_r("validity", name)["side_and_order"]
    assert isinstance(found, SideBias)
    agrees(found.side_a, of_r["side_coef"], sign=-1)
    assert isinstance(found.side_a, Estimate)
    assert found.side_a.estimate == pytest.approx(of_r["side_A_advantage"], abs=2e-4)
    agrees(found.position_slope, of_r["position_slope"])
    agrees(found.arms, of_r["source_effect"])
    assert isinstance(found.a_minus_b, Estimate)
    expected = of_r["mean_A_minus_B"], of_r["naive_side_p"]
    assert (found.a_minus_b.estimate, found.a_minus_b.p) == pytest.approx(expected, abs=1e-8)
    assert (found.first_on_a, found.first_on_b) == (of_r["n_technician_A"], 400 - of_r["n_technician_A"])


@pytest.mark.parametrize("name", SETS)
def test_learning_is_that_of_lmer(name: str) -> None:
    found, of_r = learning(from_frame(scores(name))), from_r("validity", name)["learning"]
    assert isinstance(found, Learning)
    agrees(found.first, of_r["pc"])
    agrees(found.apart, of_r["sourcedl:pc"])
    slopes = [each.estimate for each in (found.first, found.second, found.both) if isinstance(each, Estimate)]
    first, apart = of_r["pc"]["Estimate"], of_r["sourcedl:pc"]["Estimate"]
    assert slopes == pytest.approx([first, first + apart, first + apart / 2], abs=2e-6)


@pytest.mark.parametrize("name", SETS)
def test_carry_over_is_that_of_lmer(name: str) -> None:
    found, of_r = carry_over(from_frame(scores(name))), from_r("validity", name)["carry_over"]
    assert isinstance(found, CarryOver)
    agrees(found.difference, of_r["previous_difference"])
    agrees(found.mean, of_r["previous_mean_on_mean"])


@pytest.mark.parametrize("name", SETS)
def test_time_is_that_of_lmer(name: str) -> None:
    found, of_r = reading_time(from_frame(scores(name))), from_r("validity", name)["seconds"]
    assert isinstance(found, ReadingTime)
    agrees(found.log_slope, of_r["log_slope_per_position"])
    assert found.percent_a_place == pytest.approx(of_r["percent_per_position"], rel=2e-4)
    assert found.fitted_first == pytest.approx(of_r["fitted_first"], rel=2e-4)
    exact = found.geometric_mean, found.spearman_with_difference, found.median, *found.quartiles
    desc = of_r["desc"]
    expected = of_r["geometric_mean"], of_r["spearman_seconds_abs_diff"], desc["median"], desc["q1"], desc["q3"]
    assert exact == pytest.approx(expected, abs=1e-8)
    assert (found.readings, found.left_out) == (desc["n"], 0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = scores("paper")
    mixed = carry_over(from_frame(frame.sample(frac=1, random_state=1)))
    assert isinstance(mixed, CarryOver)
    agrees(mixed.difference, from_r("validity", "paper")["carry_over"]["previous_difference"])


def with_gaps() -> pd.DataFrame:
    frame = scores("null").astype({"score_dl": float, "score_technician": float})
    gone = np.random.default_rng(4).choice(400, 60, replace=False)
    frame.loc[gone[:30], "score_dl"] = np.nan
    frame.loc[gone[30:], "score_technician"] = np.nan
    frame.loc[gone[:5], "seconds"] = np.nan
    return frame


def test_side_bias_with_pairs_missing_is_that_of_statsmodels() -> None:
    frame = with_gaps()
    found = side_bias(from_frame(frame))
    assert isinstance(found, SideBias)
    rows = frame.dropna(subset=["score_dl", "score_technician"])
    s = np.where(rows.side_of_technician == "A", 1.0, -1.0)
    x = np.column_stack([np.ones(len(rows)), s, rows.position - rows.position.mean()])
    design = {name: pd.get_dummies(rows[name]).to_numpy(float) for name in ("reader", "exam")}
    model = MixedLM(
        (rows.score_dl - rows.score_technician).to_numpy(), x, np.zeros(len(rows)), exog_re=None,
        exog_vc=_components(design),
    ).fit(reml=True)  # fmt: skip
    assert isinstance(found.side_a, Estimate)
    assert isinstance(found.position_slope, Estimate)
    assert found.side_a.estimate == pytest.approx(-model.params[1], abs=1e-3)
    assert found.side_a.se == pytest.approx(model.bse[1], rel=1e-3)
    assert found.position_slope.estimate == pytest.approx(model.params[2], abs=1e-3)
    assert (found.first_on_a, found.first_on_b) == (int((s > 0).sum()), int((s < 0).sum()))


def _components(design: Mapping[str, np.ndarray]) -> object:
    from statsmodels.regression.mixed_linear_model import VCSpec

    names = list(design)
    columns = [[[f"{name}{i}" for i in range(design[name].shape[1])]] for name in names]
    return VCSpec(names, columns, [[design[name]] for name in names])


def test_half_pairs_and_missing_seconds_are_counted() -> None:
    table = from_frame(with_gaps())
    time = reading_time(table)
    assert isinstance(time, ReadingTime)
    assert (time.readings, time.left_out) == (395, 5)
    assert isinstance(learning(table), Learning)


def small(**columns: object) -> Pairs:
    reader, exam = ["R1"] * 4 + ["R2"] * 4, ["E1", "E2", "E3", "E4"] * 2
    return pairs(reader, exam, [1, 4, 5, 8, 2, 2, 6, 9], [2, 6, 4, 8, 5, 3, 6, 10], **columns)  # type: ignore[arg-type]


def test_a_table_without_sides_order_and_times_says_so() -> None:
    assert "not known" in str(side_bias(small()))
    assert "not known" in str(learning(small()))
    assert "order is known" in str(carry_over(small()))
    assert "no reading has its time" in str(reading_time(small()))


def test_a_side_that_never_changed_cannot_be_told_from_the_arm() -> None:
    found = side_bias(small(side_of_first=["A"] * 8, position=[1, 2, 3, 4] * 2))
    assert isinstance(found, SideBias)
    assert "never changed" in str(found.side_a)
    assert isinstance(found.position_slope, Estimate)
    same_place = side_bias(small(side_of_first=["A", "B"] * 4, position=[1] * 8))
    assert isinstance(same_place, SideBias)
    assert isinstance(same_place.side_a, Estimate)
    assert "never changed" in str(same_place.position_slope)


def test_times_without_an_order_still_have_a_mean() -> None:
    found = reading_time(small(seconds=[10, 1000, 10, 1000, 10, 1000, 0, np.nan]))
    assert isinstance(found, ReadingTime)
    assert found.geometric_mean == pytest.approx(100)
    assert (found.readings, found.left_out) == (6, 2)
    assert (found.percent_a_place, found.percent_ci95, found.fitted_first) == (None, None, None)


def test_one_reader_is_no_crash() -> None:
    table = pairs(
        ["R1"] * 5, ["E1", "E2", "E3", "E4", "E5"], [1, 4, 5, 8, 2], [2, 6, 4, 8, 5],
        position=[1, 2, 3, 4, 5], side_of_first=["A", "B", "B", "A", "A"], seconds=[9, 8, 7, 9, 6],
    )  # fmt: skip
    assert isinstance(side_bias(table), SideBias)
    assert isinstance(learning(table), Learning)
    assert isinstance(carry_over(table), CarryOver)
    assert isinstance(reading_time(table), ReadingTime)


def test_all_ties_are_a_sentence() -> None:
    table = small(side_of_first=["A", "B"] * 4, position=[1, 2, 3, 4] * 2)
    tied = pairs(
        [table.readers[i] for i in table.reader], [table.exams[i] for i in table.exam], table.first, table.first,
        position=table.position, side_of_first=list(table.side_of_first),
    )  # fmt: skip
    found, carried = side_bias(tied), carry_over(tied)
    assert isinstance(found, SideBias)
    assert isinstance(carried, CarryOver)
    for each in (found.side_a, found.arms, found.a_minus_b, carried.difference):
        assert isinstance(each, NotEstimable)
