"""A bug stops loudly and leaves a report that tells no score."""

import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from reader_app.views import crash


def failing_with(secret: str) -> BaseException:
    try:
        raise ValueError(f"score {secret}")
    except ValueError as error:
        return error


def test_the_report_tells_where_but_not_what(tmp_path: Path) -> None:
    report = crash.write_report(tmp_path / "home", failing_with("seven"))
    assert report
    words = report.read_text(encoding="utf-8")
    assert "test_crash.py" in words and "failing_with" in words and "ValueError" in words
    assert "seven" not in words


def test_a_bug_is_told_and_ends_the_app(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, ended = [], []
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "__excepthook__", lambda *_: None)
    monkeypatch.setattr(crash.QMessageBox, "critical", lambda *arguments: told.append(arguments[-1]))
    monkeypatch.setattr(crash.QApplication, "exit", lambda *arguments: ended.append(arguments[-1]))
    crash.install(tmp_path)
    error = failing_with("seven")
    sys.excepthook(type(error), error, error.__traceback__)
    assert ended == [crash.EXIT_CODE]
    assert "Every score that was marked as saved is safe" in told[0]
    assert str(next(tmp_path.glob("crash-*.txt"))) in told[0]


def test_where_no_report_can_be_written_it_is_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert crash.write_report(tmp_path / "file" / "home", failing_with("seven")) is None
