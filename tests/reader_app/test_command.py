"""The reader app's commands that need no window."""

from pathlib import Path

import pytest

from reader_app.__main__ import main
from reader_app.session.parcel import unpack_parcel, write_parcel
from reader_app.session.results import read_results
from tests.reader_app.making import make_package


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


@pytest.fixture
def parcel(package: Path, tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    write_parcel(package, tmp_path / "mail" / "P1.blindread")
    return tmp_path / "mail" / "P1.blindread"


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


def test_verify_a_file_as_it_was_mailed(parcel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing appears beside it; where answers are is told once it was unpacked there."""
    assert main(["verify", str(parcel)]) == 0
    told = capsys.readouterr()
    assert "whole" in told.out and "temporary folder" in told.out and not told.err
    assert list(parcel.parent.iterdir()) == [parcel]
    folder = unpack_parcel(parcel)
    (folder / "session.sqlite").write_bytes(b"")  # what lies beside it does not count
    assert main(["verify", str(parcel)]) == 0
    assert f"Answers are not in it but in {folder}" in capsys.readouterr().out


def test_verify_a_file_that_is_damaged(parcel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(parcel.read_bytes())
    data[len(data) // 2] ^= 1
    parcel.write_bytes(data)
    assert main(["verify", str(parcel)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{parcel}: ") and told.count("\n") == 1 and "Keep this folder" not in told


@pytest.mark.parametrize("name", ["results.json", "nowhere.blindread"])
def test_verify_what_is_no_package(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.json").write_bytes(b"{}")
    assert main(["verify", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / name}: This is not a Blindread package.") and "Keep this folder" not in told


def test_export_of_a_file_as_it_was_mailed_says_where_the_answers_are(
    parcel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(parcel)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{parcel}: A file as it was mailed holds no answers.") and told.count("\n") == 1
    assert str(parcel.parent / "R01") not in told
    folder = unpack_parcel(parcel)
    assert main(["export", str(parcel)]) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"unpacked into: {folder}")


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
