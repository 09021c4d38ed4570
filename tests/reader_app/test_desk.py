"""What a desk remembers, and that nothing depends on it."""

from pathlib import Path

import pytest

from reader_app.desk import Desk, Recent, default_folder


def made_package(folder: Path) -> str:
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return str(folder)


def test_the_last_package_comes_first_and_each_only_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    one, two = made_package(tmp_path / "one"), made_package(tmp_path / "two")
    desk.remember(Recent(one, "Study", "R01", 0, 20))
    desk.remember(Recent(two, "Study", "R02", 3, 20))
    desk.remember(Recent(one, "Study", "R01", 7, 20))
    again = Desk(tmp_path / "home").recent
    assert [(entry.folder, entry.done) for entry in again] == [(one, 7), (two, 3)]


def test_a_package_that_is_gone_is_not_offered(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    desk.remember(Recent(str(tmp_path / "gone"), "Study", "R01", 0, 20))
    assert desk.recent == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"recent": [{"other": 1}]}'])
def test_a_damaged_file_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "desk.json").write_text(content)
    desk = Desk(tmp_path)
    assert desk.recent == []
    desk.put("hints_seen", True)
    assert Desk(tmp_path).get("hints_seen") is True


def test_a_place_where_nothing_can_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Desk(tmp_path / "file" / "home").put("hints_seen", True)


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path))
    assert default_folder() == tmp_path
