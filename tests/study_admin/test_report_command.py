"""`study-admin report`: from a table to the page, and a sentence for each mistake."""

import json
from pathlib import Path

import pytest

from study_admin.__main__ import main

TABLE = "rater;case;method;rating\n" + "".join(
    f"R{reader};C{case};{method};{1 + (reader * case + bonus) % 5},5\n"
    for reader in range(1, 4)
    for case in range(1, 5)
    for method, bonus in (("network", 1), ("hand", 0))
)
MAPPING = ["--columns", "reader=rater", "exam=case", "arm=method", "score=rating"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_a_table_by_its_mapping(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.parent / "report"
    options = ["--arms", "hand", "network", "--scale", "0", "6", "--margin", "1", "--alpha", "0.1", "--no-pdf"]
    assert main(["report", "--scores", str(table), "--out", str(out), *MAPPING, *options]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(str(out / "report.html")) and not said.err
    form = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert form["provenance"]["arms"] == ["hand", "network"] and form["provenance"]["scale"] == [0, 6]
    assert (form["margin"]["margin"], form["provenance"]["alpha"], form["flow"]["complete"]) == (1, 0.1, 12)
    # By hand: the rating is 1.5 + r c mod 5, one more by the network, but 4 less where 4 becomes 0: r c = 4 or 9
    assert form["scores"]["difference"]["mean"] == pytest.approx((12 - 5 * sum(
        reader * case % 5 == 4 for reader in range(1, 4) for case in range(1, 5))) / 12)  # fmt: skip
    names = {path.name for path in out.iterdir()}
    assert names >= {"analysis.R", "long.csv", "wide_pairs.csv", "codebook.csv", "results_codebook.csv"}
    assert "report.pdf" not in names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "A report needs a study or a table of scores."),
        (["STUDY", "--scores", "x.csv"], "not both"),
        (["--scores", "x.csv"], "The report needs a folder."),
        (["--scores", "none.csv", "--out", "report"], "none.csv: The table can't be read (No such file"),
        (["STUDY", "--alpha", "0.1"], "--alpha is for tables of scores"),
        (["STUDY", "--scale", "0", "5"], "--scale is for tables of scores"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in refused(arguments, capsys)
    assert not list(tmp_path.iterdir())


def test_a_mapping_is_read_or_refused(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(table.parent / "report")]
    assert "'rater' isn't ROLE=NAME" in refused(["--scores", str(table), *out, "--columns", "rater"], capsys)
    told = refused(["--scores", str(table), *out], capsys)
    assert "no column reader and no column exam. Its columns are rater, case, method, rating." in told
    assert "--columns reader=RATER exam=CASE arm=METHOD score=RATING" in told
    assert not (table.parent / "report").exists()
