"""The warnings of statistics.md, section 6, each on a study made so that it applies; and departures from the plan."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from study_admin.records import AuditRow
from study_admin.report.cautions import cautions
from study_admin.report.circumstances import Flow, deviations, flow
from study_admin.report.methods import Row, row
from study_admin.statistics.blinding_indices import Guess
from study_admin.statistics.estimates import t_estimate
from study_admin.statistics.mixed import mixed_difference
from study_admin.statistics.pairs import Pairs, pairs
from study_admin.statistics.validity import validity
from tests.study_admin.report.reference_material import reference_material, without

Scores = Callable[[int, int], tuple[float, float]]


def made_up(readers: int, exams: int, scores: Scores, sides: str = "AB", *, groups: int = 2) -> Pairs:
    """Readers and exams shared out to groups in turn; a reader reads the exams of the group."""
    cells = [(r, e) for r in range(readers) for e in range(exams) if r % groups == e % groups]
    given = [scores(r, e) for r, e in cells]
    return pairs(
        [f"R{r:02}" for r, _ in cells], [f"E{e:02}" for _, e in cells], [one for one, _ in given],
        [two for _, two in given], group=[f"G{r % groups}" for r, _ in cells], position=[e + 1 for _, e in cells],
        side_of_first=[sides[(r + e // groups) % len(sides)] for r, e in cells], arms=("hand", "machine"),
    )  # fmt: skip


def lively(r: int, e: int) -> tuple[float, float]:
    """Scores from 2 to 8 with differences of both signs, few ties."""
    random = np.random.default_rng(100 * r + e)
    first = int(random.integers(3, 7))
    return first, first + int(random.choice([-1, 1, 1]))


def warned(table: Pairs, *, guesses: Sequence[Guess] = (), rows: dict[str, Row] | None = None, due: int = 0) -> str:
    due = due or len(table.complete)
    complete = len(table.complete)
    flow = Flow(2, 6, 10, 6, 6, due, due, due, complete, complete, due - complete, (due - complete) / due, ())
    checks = validity(table, guesses=guesses)
    return " ".join(cautions(table, flow, rows or {}, mixed_difference(table), checks, (0, 10), 0.05))


def test_a_sound_study_gets_no_warning_of_its_size_scores_or_sides() -> None:
    words = warned(made_up(6, 20, lively))
    for each in ("Only", "one group", "ties", "of the scale", "not balanced", "one reader only", "due lack"):
        assert each not in words


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (made_up(4, 20, lively), "Only 4 readers have complete pairs"),
        (made_up(6, 20, lively, groups=1), "There is one group only"),
        (made_up(6, 6, lively, groups=6), "6 of 6 exams have complete pairs of one reader only"),
        (made_up(4, 8, lively, "AAAB", groups=1), "The sides are not balanced: hand stood on side A in 75.0 %"),
        (made_up(6, 20, lambda r, e: (5, 5 + (e % 4 == 0) - (e % 4 == 1))), "of the pairs are ties"),
        (made_up(6, 20, lambda r, e: (10, 8 + (r + e) % 2)), "100.0 % of the scores of hand are the highest"),
        (made_up(6, 20, lambda r, e: (4, 5)), "The primary analysis is not estimable, because"),
        (made_up(1, 20, lively, groups=1), "not estimable, because there is only one reader"),
    ],
)  # fmt: skip
def test_what_applies_is_said(table: Pairs, sentence: str) -> None:
    assert sentence in warned(table)


def test_a_variance_at_zero_is_said() -> None:
    """Differences of 1 and -1 in turn, so that neither readers nor exams differ in their mean."""
    table = made_up(4, 8, lambda r, e: (5, 6 if (r // 2 + e // 2) % 2 else 4))
    assert "The variance between readers is estimated at 0" in warned(table)
    assert "The variance between exams is estimated at 0" in warned(table)


def test_methods_that_disagree_leave_the_result_undecided() -> None:
    """t = 2.1 on 60 and 10 degrees of freedom: p 0.040 and 0.062 (tables of t)."""
    dfs = {"primary": 60, "u_statistic": 10}
    rows = {name: row(name, t_estimate("a test", 2.1, 1, df), 0.05) for name, df in dfs.items()}
    words = warned(made_up(6, 20, lively), rows=rows)
    assert "The three methods disagree across alpha = 0.05: mixed model p = 0.04; U-statistic p = 0.062" in words
    agreeing = {name: row(name, t_estimate("a test", 2.1, 1, 60), 0.05) for name in ("primary", "u_statistic")}
    assert "disagree" not in warned(made_up(6, 20, lively), rows=agreeing)


def test_missing_readings_and_leaking_blinding_are_said() -> None:
    table = made_up(6, 20, lively)
    assert "20 of 80 readings that were due lack a complete pair" in warned(table, due=80)
    right = [Guess(f"R{r:02}", side, side) for r in range(6) for side in "AB"]
    assert "Readers guessed the sides better than chance (Bang's index 1.00)" in warned(table, guesses=right)
    wrong = [Guess(guess.reader, "AB"[guess.truth == "A"], guess.truth) for guess in right]
    assert "better than chance" not in warned(table, guesses=wrong)


def test_the_flow_counts_what_was_due_read_and_missing_by_reader() -> None:
    found = flow(without(reference_material("paper"), "R02"))
    assert (found.due, found.read, found.complete, found.missing, found.missing_share) == (400, 380, 380, 20, 0.05)
    assert found.groups == 5
    row_of = {each.reader: each for each in found.by_reader}
    assert (row_of["R01"].read, row_of["R01"].missing) == (20, 0)
    assert (row_of["R02"].read, row_of["R02"].missing) == (0, 20)


def act(what: str, *, subject: str = "study", old: str = "", new: str = "", why: str = "") -> AuditRow:
    return AuditRow(1, "2026-03-04T10:20:30.000000Z", "A. Miller", what, subject, old, new, why, "", "")


def test_departures_are_the_acts_that_a_reviewer_asks_of() -> None:
    trail = [
        act("new"), act("replace study", why="one exam more"), act("open"), act("hand out", subject="R01"),
        act("collect", subject="R01", new='{"sha256":"a"}'), act("collect", subject="R01", old='{"sha256":"a"}'),
        act("refuse", subject="results.json", new='"This is no results file."'), act("lock"),
        act("lock", why="R02 is ill"), act("unblind", why="the sponsor needs it"), act("write tables"),
    ]  # fmt: skip
    found = deviations(trail)
    assert [(each.act.split()[0], each.subject, each.why) for each in found] == [
        ("design", "study", "one exam more"),
        ("results", "R01", ""),
        ("results", "results.json", "This is no results file."),
        ("locked", "study", "R02 is ill"),
        ("unblinded", "study", "the sponsor needs it"),
    ]
    assert found[0].utc == "2026-03-04 10:20"
    assert replace(found[0], why="") not in found
