"""The reader app's commands that need no window."""

from pathlib import Path

import pytest

from reader_app.__main__ import main
from reader_app.session.results import read_results
from tests.reader_app.making import make_package


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def test_verify_a_whole_package(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(package)]) == 0
    assert "whole" in capsys.readouterr().out


def test_verify_names_each_damaged_file(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = sorted((package / "images").iterdir())[:2]
    for image in images:
        image.write_bytes(image.read_bytes()[:-1])
    assert main(["verify", str(package)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all(any(image.name in line for line in told) for image in images)


def test_export_into_the_package_and_elsewhere(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(package)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == package and read_results(path).is_incomplete
    assert main(["export", str(package), "--to", str(tmp_path / "mine.json")]) == 0
    assert read_results(tmp_path / "mine.json").is_incomplete


def test_what_is_no_package_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "manifest.json" in told


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--help", "--version"):
        with pytest.raises(SystemExit) as end:
            main([flag])
        assert end.value.code == 0
    assert "reader-app verify" in capsys.readouterr().out
