"""results.json against R's values of the frozen sets (statistics.md, section 3; tolerances of its README)."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from study_admin.design import Closing, source_guess
from study_admin.report.json_form import to_json
from study_admin.report.results import analyse
from tests.study_admin.report.reference_material import ARMS, reference_material, results_of_study, without
from tests.study_admin.statistics.r_values import SETS, from_r

SE, VARIANCE, P = 2e-4, 5e-3, 2e-3


@cache
def written_of(name: str) -> str:
    return to_json(results_of_study() if name == "paper" else analyse(reference_material(name)))


def results_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written_of(name))
    return found


@pytest.fixture(scope="module", params=SETS)
def named(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param, results_of(request.param)


Named = tuple[str, dict[str, Any]]


def test_the_three_methods_are_those_of_r(named: Named) -> None:
    name, results = named
    r = from_r("main", name)
    lmer, split, gallas = r["mixed_difference"], r["or_split_plot"], r["ustat_joint"]
    primary = results["primary"]
    assert primary["estimate"] == pytest.approx(lmer["estimate"], abs=1e-8)
    assert primary["se"] == pytest.approx(lmer["se"], rel=SE)
    assert primary["df"] == pytest.approx(lmer["df_satterthwaite"], rel=VARIANCE)
    assert primary["p"] == pytest.approx(lmer["p_satterthwaite"], rel=P)
    assert primary["ci95"] == pytest.approx(lmer["ci95_satterthwaite"], abs=1e-4)
    for key, expected in (("se", split["se"]), ("df", split["df_hillis"]), ("p", split["p"]), ("ci95", split["ci95"])):
        assert results["obuchowski_rockette"][key] == pytest.approx(expected, rel=1e-8)
    assert results["u_statistic"]["se"] == pytest.approx(gallas["se"], rel=1e-8)
    assert results["u_statistic"]["df"] == 19
    assert results["u_statistic"]["p"] == pytest.approx(gallas["p_t_readers_minus_1"], rel=1e-8)


def test_the_rows_as_published_are_those_of_r_and_marked(named: Named) -> None:
    name, results = named
    r, published = from_r("main", name), results["as_published"]
    for key in ("estimate", "se", "df", "p", "ci95"):
        assert published["paired_t"][key] == pytest.approx(r["naive_paired_t"][key], rel=1e-8)
    assert published["wilcoxon"]["p"] == pytest.approx(r["naive_wilcoxon"]["p_zero_wilcox_no_correction"], rel=1e-8)
    assert published["wilcoxon_pratt"]["p"] == pytest.approx(r["naive_wilcoxon"]["p_pratt"], rel=1e-8)
    assert published["sign_test"]["p"] == pytest.approx(r["win_tie_loss"]["sign_test_p"], rel=1e-8)
    for row in published.values():
        assert row["ignores_clustering"]
        # statistics.md, section 4: from 4.3 % (sign test, no variance) to 49.4 % (paired t, strong readers)
        assert row["false_alarms"]["highest"] > 0.4
    assert not results["primary"]["ignores_clustering"]
    assert results["primary"]["false_alarms"]["highest"] < 0.06


def test_variances_and_what_the_readings_are_worth(named: Named) -> None:
    name, results = named
    r = from_r("main", name)
    expected = {row["grp"]: row["vcov"] for row in r["mixed_difference"]["varcomp"]}
    components = results["variance_components"]
    for key, in_r in (("reader", "reader"), ("exam", "exam"), ("residual", "Residual")):
        assert components[key] == pytest.approx(expected[in_r], rel=VARIANCE)
    assert results["design_effect"] == pytest.approx(r["effect_sizes"]["design_effect_mixed"], rel=SE)
    assert results["effective_pairs"] == pytest.approx(r["effect_sizes"]["effective_pairs"], rel=SE)
    assert results["both_scores"]["westfall_d"] == pytest.approx(r["effect_sizes"]["westfall_d_mixed"], rel=SE)


def test_means_have_both_standard_errors(named: Named) -> None:
    name, results = named
    r = from_r("main", name)
    for place, arm in zip(("first", "second"), ARMS, strict=True):
        summary, expected = results["scores"][place], r["descriptives"][arm]
        assert summary["mean"] == pytest.approx(expected["mean"], abs=1e-9)
        assert summary["box"]["median"] == expected["median"]
        assert summary["naive"]["se"] == pytest.approx(expected["se"], rel=1e-9)
        assert summary["clustered"]["test"]["se"] == pytest.approx(r[f"or_split_plot_{arm}_alone"]["se"], rel=1e-9)
        assert results["medians"][place]["estimate"] == expected["median"]


def test_wins_effects_groups_and_the_margin(named: Named) -> None:
    name, results = named
    r = from_r("main", name)
    for key in ("wins", "ties", "losses", "net_benefit"):
        assert results["win_tie_loss"][key] == pytest.approx(r["win_tie_loss"][key])
    assert results["win_tie_loss"]["ci95"][0] < results["win_tie_loss"]["net_benefit"]
    assert results["effect_sizes"]["d_z"] == pytest.approx(r["effect_sizes"]["d_z"], rel=1e-8)
    assert results["group_by_arm"]["p"] == pytest.approx(r["group_by_source"]["p"], rel=1e-3)
    assert results["by_group"]["adjusted"]["holm"] == pytest.approx(r["groups"]["p_holm"], rel=1e-8)
    means = {unit["name"]: unit["mean"] for unit in results["by_reader"]["units"]}
    assert means == pytest.approx(r["readers"]["mean_difference"], abs=1e-9)
    assert results["margin"]["p_tost"] == pytest.approx(r["tost"]["mixed_05"]["p_tost"], rel=P)


def test_agreement_and_checks(named: Named) -> None:
    name, results = named
    r, checks = from_r("agreement", name), from_r("validity", name)
    for arm in ARMS:
        here, there = results["agreement"][arm], r["agreement"][f"score_{arm}"]
        icc = there["by_group"]["G1"]["psych"]["ICC2"]
        assert here["by_group"]["G1"]["icc"]["icc_2_1"]["estimate"] == pytest.approx(icc["icc"], rel=1e-8)
    assert results["bland_altman"]["limits_naive"] == pytest.approx(r["bland_altman"]["loa_naive"], rel=1e-6)
    assert results["leniency"]["raw"] == pytest.approx(r["readers"]["leniency_raw"], abs=1e-9)
    slope = checks["carry_over"]["previous_difference"]["Estimate"]
    assert results["validity"]["carry_over"]["difference"]["estimate"] == pytest.approx(slope, rel=1e-2)
    arms = checks["side_and_order"]["source_effect"]
    assert results["validity"]["side_bias"]["arms"]["se"] == pytest.approx(arms["Std. Error"], rel=SE)
    assert results["validity"]["reading_time"]["median"] == checks["seconds"]["desc"]["median"]


def test_guesses_are_judged_by_the_side_of_the_arm_that_was_asked_for() -> None:
    """By hand: reader R01 says B (1 mod 3), and what stood on B in its first exam is the other side of technician's."""
    results = results_of("paper")["validity"]["blinding"]
    expected = [[0, 0, 0], [0, 0, 0]]
    material = reference_material("paper")
    for collected in material.collected:
        reader = collected.reader
        first = next(reading for reading in material.readings if reading.reader == reader)
        truth = 1 if material.unblinding and material.unblinding.arm_on_a[first.reading_id] == "technician" else 0
        expected[truth][int(reader[1:]) % 3] += 1
    assert results["counts"] == expected
    assert results["readers"] == 20
    # an own question for the other arm: where the one stood on A, the other stood on B
    asked = replace(material.study, closing=(replace(source_guess(1), asks_for=ARMS[0]),))
    other = json.loads(to_json(analyse(replace(material, study=asked))))
    assert other["validity"]["blinding"]["counts"] == expected[::-1]
    assert (other["provenance"]["asked_arm"], results_of("paper")["provenance"]["asked_arm"]) == ARMS


def test_where_nobody_said_whom_a_guess_is_of_there_is_no_index() -> None:
    material = reference_material("paper")
    for closing, because in (
        ((source_guess(1),), "the study does not say which of the arms a computer drew"),
        ((Closing("Any?", ("A", "B"), exams=1),), "no reader was asked for a guess, or none answered"),
    ):
        found = json.loads(to_json(analyse(replace(material, study=replace(material.study, closing=closing)))))
        assert found["validity"]["blinding"] == {"not_estimable": because}


def test_what_did_not_come_back_is_in_the_flow_only() -> None:
    results = json.loads(to_json(analyse(without(reference_material("paper"), "R07"))))
    flow = results["flow"]
    assert (flow["due"], flow["read"], flow["complete"], flow["missing"]) == (400, 380, 380, 20)
    assert (flow["readers"], flow["readers_collected"]) == (20, 19)
    assert next(row for row in flow["by_reader"] if row["reader"] == "R07")["statuses"] == {"not_collected": 20}
    assert results["scores"]["first"]["n"] == 380
    assert len(results["readings"]) == 400


def test_equal_studies_give_equal_bytes_and_the_hash_of_their_table() -> None:
    assert to_json(analyse(reference_material("null"))) == written_of("null")
    assert results_of("null")["provenance"]["data_sha256"] != results_of("paper")["provenance"]["data_sha256"]


def test_warnings_say_what_applies() -> None:
    """By statistics.md: 130 of 400 pairs of the paper-shaped set are ties (32.5 %); its methods agree below 0.05."""
    warnings = results_of("paper")["warnings"]
    assert any("32.5 % of the pairs are ties" in sentence for sentence in warnings)
    assert not any("disagree" in sentence or "readers have" in sentence for sentence in warnings)
