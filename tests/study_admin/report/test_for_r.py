"""analysis.R, run by R on the tables that were exported: the main numbers of results.json again, by other code."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from study_admin.report.for_r import for_r
from study_admin.report.json_form import to_json
from study_admin.report.results import StudyResults
from study_admin.scores_file import read_scores
from study_admin.tables import write_material
from tests.study_admin.report.reference_material import reference_material, results_of_study, results_of_table
from tests.study_admin.run_by_r import line_of, run_r

MIXED = {"estimate": 2e-4, "se": 2e-4, "df": 5e-3, "p": 2e-3}  # tolerances of the reference set's README
CLOSED = dict.fromkeys(MIXED, 1e-4)  # R prints six digits


@cache
def has_lmer() -> bool:
    asked = ["Rscript", "--vanilla", "-e", "quit(status = !nzchar(system.file(package = 'lmerTest')))"]
    return bool(shutil.which("Rscript")) and subprocess.run(asked, capture_output=True, timeout=120).returncode == 0


def number_after(output: str, pattern: str) -> float:
    found = re.search(rf"^ *{pattern} *(\S+)", output, re.MULTILINE)
    assert found, output
    return float(found[1])


def of_study(folder: Path) -> StudyResults:
    """A whole study, with the tables of `study-admin tables`; one reader never sent anything."""
    write_material(reference_material("paper"), folder)
    return results_of_study()


def of_table(folder: Path) -> StudyResults:
    """A table with missing readings, readers without a common exam among them."""
    results = results_of_table()
    folder.mkdir()
    for name, content in for_r(results.pairs, 0.05, 0.5).items():
        (folder / name).write_bytes(content)
    return results


def check_line(output: str, label: str, form: Any, tolerances: dict[str, float]) -> None:
    line = line_of(output, label)
    for key, tolerance in tolerances.items():
        name = "net_benefit" if key == "estimate" and "net_benefit" in form else key
        assert form[name] == pytest.approx(line[key], rel=tolerance, abs=2e-6 if key != "p" else None), (label, key)


@pytest.mark.parametrize("make", [pytest.param(of_study, marks=pytest.mark.long), of_table])
def test_r_finds_the_same(make: Any, tmp_path: Path) -> None:
    if not has_lmer():
        pytest.skip("R or its package lmerTest is not installed")
    form = json.loads(to_json(make(tmp_path / "tables")))
    output = run_r(tmp_path / "tables")
    published = form["as_published"]
    check_line(output, "mixed model", form["primary"], MIXED)
    for label, row in (("Obuchowski-Rockette split plot", form["obuchowski_rockette"]),
                       ("U-statistic", form["u_statistic"]), ("net benefit", form["win_tie_loss"]),
                       ("paired t", published["paired_t"])):  # fmt: skip
        check_line(output, label, row, CLOSED)
    for name, group in (("reader", "reader"), ("exam", "exam"), ("residual", "Residual")):
        assert form["variance_components"][name] == pytest.approx(number_after(output, group), rel=5e-3)
    assert form["design_effect"] == pytest.approx(number_after(output, "design effect"), rel=5e-4)
    assert published["sign_test"]["p"] == pytest.approx(number_after(output, "sign test +p"), rel=1e-5)
    assert published["wilcoxon"]["p"] == pytest.approx(
        number_after(output, r"Wilcoxon signed rank +V \S+ +p"), rel=1e-5
    )
    won = form["win_tie_loss"]
    assert f"second higher {won['wins']}, equal {won['ties']}, lower {won['losses']};" in output
    one_sided = number_after(output, r"non-inferiority of the second +margin 0.5 +one-sided p")
    assert form["margin"]["p_noninferior"] == pytest.approx(one_sided, rel=2e-2)


@pytest.mark.long
def test_r_says_what_it_cannot_compute(tmp_path: Path) -> None:
    """All ties: what our own page calls not estimable is no number in R either."""
    if not has_lmer():
        pytest.skip("R or its package lmerTest is not installed")
    (tmp_path / "scores.csv").write_text("reader,exam,score_a,score_b\nR1,E1,3,3\nR1,E2,5,5\nR2,E1,6,6\nR2,E2,1,1\n")
    for name, content in for_r(read_scores(tmp_path / "scores.csv").pairs, 0.05, None).items():
        (tmp_path / name).write_bytes(content)
    output = run_r(tmp_path)
    for label in ("mixed model", "Obuchowski-Rockette", "U-statistic", "net benefit", "paired t", "Wilcoxon"):
        assert re.search(rf"^{label}.* +not computed: ", output, re.MULTILINE), output
    assert "NaN" not in output and "second higher 0, equal 4, lower 0" in output
