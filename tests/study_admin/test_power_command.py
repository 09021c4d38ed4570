"""`study-admin power`: what it prints, writes and refuses."""

import argparse
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin import power_command
from tests.study_admin.statistics.r_values import HERE

PAPER = HERE / "paper.csv"


def _run(*words: object) -> None:
    parser = argparse.ArgumentParser()
    power_command.add_power(parser.add_subparsers(required=True))
    options = parser.parse_args(["power", *map(str, words)])
    options.run(options)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]):
    """What the command says, on one line."""

    def say(*words: object) -> str:
        _run(*words)
        return " ".join(capsys.readouterr().out.split())

    return say


def test_without_options_it_is_the_papers_study_with_a_warning(told) -> None:
    """Values of statistics.md, section 5: .687, SE .1333, 98 % promised, 7 groups for 80 %."""
    said = told()
    assert "0.34 points higher, 69 % of such studies would show a difference. That is less than the 80 %" in said
    assert "5 groups of 4 readers and 20 exams: 20 readers, 100 exams, 400 readings" in said
    assert "Standard error of the mean difference 0.133 points, 24 degrees of freedom" in said
    assert "A paired t-test would promise 98 %. That is wrong" in said
    assert "7 groups instead of 5: 28 readers, 140 exams, 560 readings, power 83 %" in said
    assert "Warning: These variances are those of simulated scores" in said


def test_the_grid_marks_what_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """5 × 8 × 20: .890 (statistics.md)."""
    _run()
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{8:>21} "))
    assert line.split() == ["8", "69", "82*", "89*", "93*", "95*", "97*", "99*"]
    assert not line.endswith(" ")


def test_non_inferiority_is_planned_at_a_difference_of_zero(told) -> None:
    """statistics.md: .949."""
    said = told("--goal", "non-inferiority", "--margin", 0.5)
    assert "If the true difference is 0 points, 95 % of such studies would show" in said
    assert "less than 0.5 points worse" in said


def test_a_pilot_takes_the_place_of_the_papers_shape(told) -> None:
    said = told("--pilot", PAPER, "--groups", 7)
    assert "measured in paper.csv: between readers 0.155, between exams 0.435, single readings 2.26" in said
    assert "83 % of such studies" in said
    assert "simulated scores" not in said


def test_a_pilot_with_other_columns_is_read_by_a_mapping(told, tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(PAPER.read_text(encoding="utf-8"))))
    rows[0] = [{"reader": "rater", "exam": "case"}.get(name, name) for name in rows[0]]
    pilot = tmp_path / "pilot.csv"
    with pilot.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert "measured in pilot.csv" in told("--pilot", pilot, "--columns", "reader=rater", "exam=case")


def test_a_pilots_column_can_be_left_alone(told, tmp_path: Path) -> None:
    """As the refusal of a table whose groups overlap says."""
    pilot = tmp_path / "pilot.csv"
    pilot.write_text(PAPER.read_text(encoding="utf-8").replace("R01,G1", "R01,G2", 1), encoding="utf-8")
    with pytest.raises(StudyError, match="leave the column alone with --columns group="):
        _run("--pilot", pilot)
    assert "between readers 0.155" in told("--pilot", pilot, "--columns", "group=")


def test_a_power_just_below_what_is_wanted_is_not_rounded_up_to_it(told) -> None:
    """0.389 points have a power of 0.7992, by R: pt with ncp as in power.R."""
    said = told("--delta", 0.389)
    assert "80 % of such studies" in said
    assert "That is 79.9 %, less than the 80 % that are wanted." in said
    assert "less than the 99.9 % that are wanted" in told("--wanted", 0.999)


def test_sizes_that_cannot_shrink_and_ranges_without_width_are_said_plainly(told) -> None:
    said = told("--groups", 1, "--readers-per-group", 3, "--delta", 3)
    assert "1 group is the least there can be. It takes the 3 readers in each group." in said
    assert "Power more than 99 % throughout with variances" in told("--groups", 900)


def test_stated_variances_and_a_simulation(told) -> None:
    said = told("--variances", 0.5, 0.5, 1, "--groups", 2, "--readers-per-group", 3, "--exams-per-group", 4,
                "--delta", -3, "--simulate", 20, "--seed", 4)  # fmt: skip
    assert "truly scores 3 points lower" in said
    assert "20 simulated studies: " in said and "the formula says" in said


def test_picture_numbers_and_table_are_written(told, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    assert "4 files" in told("--out", out, "--simulate", 5, "--groups", 2, "--readers-per-group", 2,
                             "--exams-per-group", 3)  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["power.csv", "power.json", "power.png", "power.svg"]
    form = json.loads((out / "power.json").read_bytes())
    assert form["format"] == "blindread-power 1.0"
    assert form["plan"]["readings"] == 12 and form["simulation"]["studies"] == 5
    assert form["variances"]["source"] == "shaped like the paper's results" and form["variances"]["warnings"]
    rows = list(csv.DictReader(io.StringIO((out / "power.csv").read_text(encoding="utf-8"))))
    (here,) = [row for row in rows if [row[k] for k in ("groups", "readers", "exams")] == ["2", "4", "6"]]
    assert float(here["power"]) == pytest.approx(form["power"])
    assert here["promised_by_paired_t"] and here["margin"] == ""
    assert b"<svg" in (out / "power.svg").read_bytes()
    assert (out / "power.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(StudyError, match="there already"):
        _run("--out", out)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--goal", "equivalence"), "margin must be above 0"),
        (("--margin", 1), "Superiority has no margin"),
        (("--groups", 0), "can't be planned"),
        (("--variances", 1, 1, 0), "do not vary"),
        (("--variances", 1, 1, 1, "--pilot", PAPER), "given twice"),
        (("--columns", "reader=rater"), "no table of scores"),
        (("--pilot", PAPER, "--columns", "reader"), "isn't ROLE=NAME"),
        (("--simulate", 2, "--seed", -1), "seed of -1"),
        (("--pilot", "nowhere.csv"), "nowhere.csv"),
        (("--wanted", 1), "makes no plan"),
        (("--simulate", 0), "can't be simulated"),
    ],
)
def test_what_it_refuses_comes_with_a_remedy(words: tuple[object, ...], what: str) -> None:
    with pytest.raises(StudyError) as refused:
        _run(*words)
    assert what in str(refused.value) and refused.value.remedy


def test_other_commands_do_not_pay_for_the_statistics() -> None:
    """The parser, and the window, come up without scipy, statsmodels and matplotlib."""
    code = (
        "import sys, study_admin.power_command, study_admin.views.main_window;"
        "print(*({'scipy', 'matplotlib', 'statsmodels'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
