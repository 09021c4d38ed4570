"""`make demo` without a display: the scripted reader works through the bundled study, as a new user sees it run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from reader_app.__main__ import main

DARK = 40  # the grey of the window itself, or black


def test_the_scripted_reader_reads_the_bundled_study(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reader_app", "demo", "--scripted", "--output", str(tmp_path)]
    env = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "All 12 scores in the results file are those that were typed." in done.stdout
    (results,) = (tmp_path / "R01").glob("results-*.json")
    content = json.loads(results.read_text(encoding="utf-8"))
    assert content["receipt"]["count"] == 6 and not content["is_incomplete"]
    pictures = sorted((tmp_path / "screenshots").glob("*.png"))
    assert len(pictures) == 30
    assert all(_shows_something(picture) for picture in pictures)
    assert all(_shows_an_exam(tmp_path / "screenshots" / f"09-closing-{number}.png") for number in (1, 2))


def test_a_study_that_lies_in_the_way_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "R01/manifest.json"
    other.parent.mkdir()
    other.write_text("a real study")
    assert main(["demo", "--scripted", "--output", str(tmp_path)]) == 2
    assert other.read_text() == "a real study"
    assert "Something other than this demo study lies here." in capsys.readouterr().err


def _shows_something(picture: Path) -> bool:
    """Neither empty nor of one colour: there is black or the window's grey, and something bright on it."""
    greys = _greys(picture)
    return min(greys) <= DARK and max(greys) > 100


def _shows_an_exam(picture: Path) -> bool:
    """Above the middle; a line that says "Loading" covers less than a hundredth."""
    upper = _greys(picture)[: 144 * 48]
    return sum(grey > DARK for grey in upper) > len(upper) / 10


def _greys(picture: Path) -> list[int]:
    """Row by row, 144 by 96."""
    image = QImage(str(picture)).convertToFormat(QImage.Format.Format_Grayscale8).scaled(144, 96)
    return [image.pixelColor(x, y).red() for y in range(96) for x in range(144)]
