"""`segmentation train` as it is typed: its words, its recipes, and what is refused before anything is loaded."""

import argparse
from pathlib import Path

import pytest

from segmentation.commands import train
from segmentation.errors import StudyError
from segmentation.training import own_ensemble, recipes
from segmentation.training.recipes import AS_PUBLISHED, RECOMMENDED
from segmentation.training.split import Split
from tests.segmentation import prepared_exams


def run(*arguments: object) -> None:
    parser = argparse.ArgumentParser(prog="segmentation")
    train.add(parser.add_subparsers())
    options = parser.parse_args(["train", *map(str, arguments)])
    options.run(options)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """What `own_ensemble.train` is called with, instead of training."""
    calls: list = []
    monkeypatch.setattr(own_ensemble, "train", lambda *a, **b: calls.append((*a, b)) or (Path("weights"),) * 5)
    return calls


def test_the_help_reads_like_a_manual(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    said = capsys.readouterr().out
    for word in ("OUT/split.json", "--minutes", "as-published", "Ctrl-C", "kill -9", "--tune", "segmentation predict"):
        assert word in said
    assert max(len(line) for line in said.splitlines()) <= 120


def test_the_default_is_the_recommended_recipe(asked: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared_exams.write(tmp_path / "exams", "e1", subject="s1")
    run(tmp_path / "exams", tmp_path / "out", "--minutes", "30")
    exams, out, recipe, rest = asked[0]
    assert [exam.subject for exam in exams] == ["s1"] and out == tmp_path / "out" and recipe == RECOMMENDED
    assert rest["minutes"] == 30 and rest["split"] is None and not rest["is_tuning"]
    assert f"5 networks in {out}. Now: segmentation predict" in capsys.readouterr().out


def test_exams_prepared_otherwise_than_those_of_the_start_are_told(
    asked: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The networks that ship learned from exams whose grey values were cut; these were not."""
    prepared_exams.write(tmp_path / "exams", "e1")
    run(tmp_path / "exams", tmp_path / "out", "--from", "shipped")
    assert asked[0][-1]["start"] is not None
    said = capsys.readouterr().err
    assert "careful: e1 was prepared otherwise" in said and "clip_percentiles" in said


def test_options_change_the_recipe(asked: list, tmp_path: Path) -> None:
    prepared_exams.write(tmp_path / "exams", "e1")
    (tmp_path / "who.csv").write_text("exam,subject\ne1,Anna\n")
    (tmp_path / "parts.csv").write_text("subject,part\nAnna,training\n")
    options = [
        "--recipe",
        "as-published",
        "--members",
        "3",
        "--seed",
        "9",
        "--test",
        "0.2",
        "--jobs",
        "2",
        "--workers",
        "4",
    ]
    run(
        tmp_path / "exams",
        tmp_path / "out",
        *options,
        "--subjects",
        tmp_path / "who.csv",
        "--split",
        tmp_path / "parts.csv",
    )
    exams, _, recipe, rest = asked[0]
    assert [exam.subject for exam in exams] == ["Anna"] and rest["split"] == Split(("Anna",), (), ())
    assert (recipe.members.count, recipe.members.seed, recipe.split.test) == (3, 9, 0.2)
    assert recipe.schedule == AS_PUBLISHED.schedule and rest["machine"] == own_ensemble.Machine(2, 4, None)


def test_a_recipe_is_written_to_be_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    run("--write-recipe", path, "--recipe", "as-published", "--members", "2")
    assert recipes.load_recipe(path).members.count == 2 and f"--recipe {path}" in capsys.readouterr().out
    with pytest.raises(StudyError, match=r"mine\.toml: There is such a file already"):
        run("--write-recipe", path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "best"], "There is no recipe called best. Known are recommended, as-published"),
        ([], "segmentation train EXAMS OUT"),
        (["exams", "out", "--jobs", "0"], "at least one job"),
        (["nowhere", "out"], "The folder can't be read"),
        (["exams", "out", "--members", "0"], "0 or less"),
        (["exams", "out", "--split", "none.csv"], "none.csv: It can't be read"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list
) -> None:
    prepared_exams.write(tmp_path / "exams", "e1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as caught:
        run(*arguments)
    assert words in str(caught.value) and caught.value.remedy and not asked
