"""The command line: from folders to packages, and a sentence for every mistake."""

import getpass
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reader_app.session.model import Revision
from reader_app.session.package import open_package
from study_admin.__main__ import main

WORDS = "gravel otter thimble coast lantern fig"


@pytest.fixture
def command(exams: Path, tmp_path: Path, quick_seal: None) -> list[str]:
    (tmp_path / "words.txt").write_text(f"{WORDS}\n")
    return [
        "package", str(exams), str(tmp_path / "out"), "--arm", "hand=hand.nii.gz", "--arm", "machine=mach*.nii.gz",
        "--readers", "R01,R02", "--passphrase-file", str(tmp_path / "words.txt"),
    ]  # fmt: skip


def refusal(command: list[str], capsys: pytest.CaptureFixture[str], *, tmp_path: Path) -> str:
    assert main(command) == 2
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out-coordinator").exists()
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_packages_and_what_is_printed(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = tmp_path / "closing.toml"
    questions.write_text(
        '[[question]]\ntext = "Hardest?"\nchoices = ["Small", "Large"]\nexams = 2\n'
        'confidence_text = "Sure?"\nconfidence_choices = ["Yes", "No"]\n'
    )
    options = ["--practice", "case03", "--leave-out", "case06", "--closing", str(questions), "--guess", "1"]
    options += ["--title", "A title", "--version", "7", "--revision", "until-next", "--surface"]
    assert main(command + options) == 0
    printed = capsys.readouterr().out
    package = open_package(tmp_path / "out/R02")
    protocol = package.manifest.protocol
    assert (protocol.title, protocol.version, protocol.study_type) == ("A title", "7", "balanced")
    assert (protocol.revision, protocol.is_surface_allowed) == (Revision.UNTIL_NEXT, True)
    assert [q.text[:8] for q in protocol.closing_questions] == ["Hardest?", "Hardest?", "Which si"]
    assert protocol.closing_questions[0].confidence_choices == ("Yes", "No")
    assert len(package.manifest.readings) == 5
    assert "4 exams, 1 for practice, 2 readers." in printed
    assert f"Commitment {package.manifest.commitment}" in printed
    assert package.fingerprint in printed
    assert "No second copy" in printed
    assert sorted(path.name for path in (tmp_path / "out-coordinator").iterdir()) == [
        "allocation.sealed-key", "signing.sealed-key", "study.json",
    ]  # fmt: skip


def test_as_published_by_default_asks_nothing_and_shows_no_surface(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--study-type", "as-published"]) == 0
    protocol = open_package(tmp_path / "out/R01").manifest.protocol
    assert (protocol.study_type, protocol.closing_questions) == ("as-published", ())
    assert not protocol.is_surface_allowed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--practice", "case99"], "case99: There is no exam of this name"),
        (["--readers", "R01,r01"], "Two readers have the code 'r01'"),
        (["--guess", "7"], "asks about 7 exams, but a reader may have only 6"),
        (["--guess", "-1"], "Give 0 or more"),
        (["--arm", "third=hand.nii.gz"], "two arms; 3 were given"),
        (["--t1c", "T1*.nii.gz"], "No NIfTI image for T1c matches"),
        (["--study-type", "as-published", "--surface"], "no 3-D view"),
        (["--title", "hand or not"], "holds the name 'hand'"),
        (["--passphrase-file", "nowhere.txt"], "nowhere.txt: The passphrase can't be read"),
        (["--third-person-passphrase-file", "nowhere.txt"], "nowhere.txt: The passphrase can't be read"),
        (["--closing", "nowhere.toml"], "nowhere.toml: The closing questions can't be read"),
    ],
)
def test_mistakes(
    command: list[str], options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(command + options, capsys, tmp_path=tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x = 1",
        "question = 3",
        "[[question]]\ntext = 'no choices'",
        "[[question]]\ntext = 'one'\nchoices = ['a']",
        "[[question]]\ntext = ''\nchoices = ['a', 'b']",
        "[[question]]\ntext = 'x'\nchoices = ['a', 2]",
        "[[question]]\ntext = 'x'\nchoices = ['a', 'b']\nexams = true",
        "[[question]]\ntext = 'x'\nchoices = ['a', 'b']\nexams = -1",
        "[[question]]\ntext = 'x'\nchoices = ['a', 'b']\ntypo = 1",
        "[[question",
        "\udcff",
    ],
)
def test_closing_files_that_are_wrong(
    command: list[str], content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "closing.toml"
    path.write_bytes(content.encode(errors="surrogateescape"))
    assert re.search(
        r"closing\.toml(, line \d+)?: ", refusal([*command, "--closing", str(path)], capsys, tmp_path=tmp_path)
    )


def test_one_arm_alone(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = command.index("--arm")
    assert "two arms; 1 was given" in refusal(command[:place] + command[place + 2 :], capsys, tmp_path=tmp_path)


def test_several_problems_are_several_lines(
    command: list[str], exams: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (exams / "case02/hand.nii.gz").unlink()
    (exams / "case05/flair.nii.gz").unlink()
    error = refusal(command, capsys, tmp_path=tmp_path)
    assert re.findall(r"case\d\d: No NIfTI image for (.*?) matches", error) == ["arm hand", "FLAIR"]
    assert len(error.splitlines()) == 2


@pytest.mark.parametrize("text", ["name", "=file", "name=", " =x"])
def test_what_is_no_arm(command: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--arm", text])
    assert "isn't NAME=PATTERN" in capsys.readouterr().err


def test_passphrases_are_asked_for_twice(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([WORDS, WORDS, "six other words of a third person", "six other words of a third person"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    assert main(command[:-2]) == 0
    assert (tmp_path / "out-coordinator/allocation-third-person.sealed-key").is_file()
    assert "No second copy" not in capsys.readouterr().out


def test_two_different_passphrases(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([WORDS, WORDS.upper()])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    assert "The two passphrases differ" in refusal(command[:-2], capsys, tmp_path=tmp_path)


def test_nobody_there_to_type(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_terminal(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", no_terminal)
    assert "give --passphrase-file" in refusal(command[:-2], capsys, tmp_path=tmp_path)


def test_an_output_that_exists_is_said_before_anybody_types(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: pytest.fail("asked"))
    (tmp_path / "out").mkdir()
    assert main(command[:-2]) == 2
    assert "out: The folder is there already" in capsys.readouterr().err


def test_interrupted(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(getpass, "getpass", interrupt)
    assert main(command[:-2]) == 130
    assert "Interrupted; nothing was written." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_reads_like_a_manual() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "study_admin", "package", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for words in ("what is drawn", "what is kept secret", "what is printed", "examples", "exit status"):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 121
