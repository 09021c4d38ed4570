"""Opening a package: by drag, dialog, argument or from the list; and every way it can be wrong, as a sentence."""

import errno
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from reader_app.session.model import Side
from reader_app.session.parcel import write_parcel
from reader_app.views.introduction_page import IntroductionPage
from reader_app.views.main_window import CHECKING
from reader_app.views.profile_page import ProfilePage
from reader_app.views.start_page import StartPage, received
from reader_app.views.welcome_page import WelcomePage
from tests.reader_app.making import make_package
from tests.reader_app.views.conftest import Reader


def words_of(reader: Reader) -> str:
    return "\n".join(label.text() for label in reader.window.page.findChildren(QLabel))


def refused(reader: Reader, folder: Path) -> str:
    """Try to open a package that is wrong; returns what the window says."""
    reader.window.open_package(folder)
    reader.wait_for(lambda: not reader.window.notice.isHidden())
    assert isinstance(reader.window.page, StartPage) and reader.window.flow is None
    assert CHECKING not in words_of(reader)
    return reader.window.notice.words.text()


def test_the_first_look_shows_study_reader_and_fingerprint(reader: Reader, package: Path) -> None:
    reader.open(package)
    assert isinstance(reader.window.page, WelcomePage)
    words = words_of(reader)
    assert "A made-up study" in words and "reader R01" in words and "3 exams, after 1 for practice" in words
    assert reader.sitting.package.fingerprint in words


def test_a_fingerprint_that_differs_ends_it(reader: Reader, package: Path) -> None:
    reader.open(package)
    button = next(b for b in reader.window.page.findChildren(QPushButton) if b.text() == "They differ")
    button.click()
    assert isinstance(reader.window.page, StartPage)
    assert "Ask the coordinator for a new one" in reader.window.notice.words.text()


def test_the_profile_is_asked_field_by_field_and_stored(reader: Reader, package: Path) -> None:
    reader.open(package)
    reader.press("Enter")
    page = reader.window.page
    assert isinstance(page, ProfilePage)
    reader.press("Ada Example", "Enter", "Neuroradiology", "Enter", "x12y", "Enter", "S1", "Enter")
    profile = reader.sitting.store.profile
    assert profile
    assert (profile.name, profile.specialty) == ("Ada Example", "Neuroradiology")
    assert (profile.years_since_certification, profile.site_code) == (12, "S1")


def test_a_profile_wants_a_name_and_a_specialty(reader: Reader, package: Path) -> None:
    reader.open(package)
    reader.press("Enter")
    page = reader.window.page
    assert isinstance(page, ProfilePage)
    page.press_next()
    assert "Please enter your name." in words_of(reader)
    page.name.setText("Ada")
    page.press_next()
    assert "Please enter your specialty." in words_of(reader)
    assert reader.sitting.store.profile is None


def test_the_introduction_tells_the_scale_and_turns_both_ways(reader: Reader, package: Path) -> None:
    """The words are those of Mitchell et al. 2020, section 2.4."""
    reader.open(package)
    reader.press("Enter", "A", "Enter", "B", "Enter", "Enter", "Enter")
    page = reader.window.page
    assert isinstance(page, IntroductionPage)
    words = words_of(reader)
    assert "no overlap with the MRI-visible tumour" in words and "perfectly matches" in words
    assert "very poor match" in words
    reader.press("Enter", "p")
    assert "1 of 3" in words_of(reader)


def test_a_dropped_folder_is_opened(reader: Reader, package: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(package))])
    none = Qt.KeyboardModifier.NoModifier
    page = reader.window.page
    assert isinstance(page, StartPage) and page.acceptDrops()
    # the application routes drops only after a drag of the window system's own
    page.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none))
    reader.wait_for(lambda: reader.window.flow is not None)


def test_a_file_from_inside_stands_for_its_folder(package: Path) -> None:
    assert received(package / "manifest.json") == package
    assert received(package) == package


@pytest.fixture
def parcel(package: Path, tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    path = tmp_path / "mail" / "R01.blindread"
    write_parcel(package, path)
    return path


def test_a_dropped_file_is_unpacked_beside_itself_and_opened(reader: Reader, parcel: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(parcel))])
    page = reader.window.page
    assert isinstance(page, StartPage)
    none = Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none))
    reader.wait_for(lambda: reader.window.flow is not None)
    assert reader.sitting.package.folder == parcel.parent / "R01"
    assert isinstance(reader.window.page, WelcomePage)


def test_the_file_opens_again_with_the_scores_that_were_given(
    reader: Reader, make_reader: Callable[[], Reader], parcel: Path
) -> None:
    reader.begin(parcel)
    reader.press("7", "8")
    reader.window.close()
    again = make_reader()
    again.open(parcel)
    again.wait_for_exam()
    assert (again.score(Side.A), again.score(Side.B)) == (7, 8)


def test_the_file_may_be_chosen(reader: Reader, parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(parcel), ""))
    button = next(b for b in reader.window.page.findChildren(QPushButton) if b.text() == "Choose the file…")
    reader.click(button)
    reader.wait_for(lambda: reader.window.flow is not None)


def test_a_damaged_file(reader: Reader, parcel: Path) -> None:
    parcel.write_bytes(parcel.read_bytes()[:-100])
    said = refused(reader, parcel)
    assert "R01.blindread" in said and "ask your study coordinator for a new one" in said
    assert [path.name for path in parcel.parent.iterdir()] == [parcel.name]


def test_where_nothing_can_be_written_another_folder_is_asked_for(
    reader: Reader, parcel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def read_only(path: Path, *arguments: Any, **options: Any) -> None:
        if path.parent == parcel.parent:
            raise PermissionError(errno.EACCES, "Permission denied")
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", read_only)
    assert "Permission denied" in refused(reader, parcel)
    (tmp_path / "desk").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: str(tmp_path / "desk"))
    choose = next(b for b in reader.window.question.findChildren(QPushButton) if b.text() == "Choose a folder…")
    reader.click(choose)
    reader.wait_for(lambda: reader.window.flow is not None)
    assert reader.sitting.package.folder == tmp_path / "desk" / "R01"


def test_recent_packages_go_on_with_enter(reader: Reader, make_reader: Callable[[], Reader], package: Path) -> None:
    reader.begin(package)
    reader.press("7", "8", "Enter")
    reader.wait_for_exam()
    reader.press("5", "6")
    reader.window.close()
    again = make_reader()
    button = again.window.page.findChildren(QPushButton)[2]
    assert "A made-up study" in button.text() and "R01" in button.text() and "1 of 3 exams scored" in button.text()
    again.press("Enter")
    again.wait_for_exam()
    assert again.sitting.reading == again.sitting.readings[1]


def test_no_package(reader: Reader, tmp_path: Path) -> None:
    assert "This is not a Blindread package." in refused(reader, tmp_path)


def test_a_changed_manifest(reader: Reader, package: Path) -> None:
    path = package / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"made-up", b"mady-up"))
    said = refused(reader, package)
    assert "manifest.json" in said and "Keep this folder" in said


def test_a_damaged_session_without_a_backup(reader: Reader, package: Path) -> None:
    path = package / "session.sqlite"
    path.write_bytes(path.read_bytes()[:-4096] + bytes(4096))
    assert "session.sqlite" in refused(reader, package)


def test_a_damaged_session_comes_back_from_its_backup(
    reader: Reader, make_reader: Callable[[], Reader], package: Path
) -> None:
    reader.begin(package)
    reader.press("7", "8", "Enter")
    reader.wait_for_exam()
    reader.window.close()
    path = package / "session.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096))
    again = make_reader()
    refused(again, package)
    restore = next(b for b in again.window.question.findChildren(QPushButton) if b.text() == "Restore")
    restore.click()
    again.wait_for_exam()
    practice = again.sitting.store.answers(again.sitting.readings[0].reading_id)
    assert (practice.side(Side.A).score, practice.side(Side.B).score) == (7, 8)


def test_a_session_of_another_reader(reader: Reader, package: Path, tmp_path: Path) -> None:
    other = make_package(tmp_path / "other", reader_code="R02", package_id="99887766554433aa")
    shutil.copy(other / "session.sqlite", package / "session.sqlite")
    assert "reader R02" in refused(reader, package)


def test_a_session_of_a_newer_version(reader: Reader, package: Path) -> None:
    with sqlite3.connect(package / "session.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer" in refused(reader, package)


def test_a_second_window_on_the_same_package(reader: Reader, make_reader: Callable[[], Reader], package: Path) -> None:
    reader.open(package)
    assert "open already" in refused(make_reader(), package)


@pytest.mark.parametrize("folder", ["gone", "gone/deeper"])
def test_a_folder_that_is_not_there(reader: Reader, tmp_path: Path, folder: str) -> None:
    assert folder in refused(reader, tmp_path / folder)


def test_opening_twice_in_a_hurry_opens_once(reader: Reader, package: Path) -> None:
    reader.window.open_package(package)
    reader.window.open_package(package)
    reader.wait_for(lambda: reader.window.flow is not None)
    reader.qtbot.wait(300)
    assert reader.window.notice.isHidden()
    assert isinstance(reader.window.page, WelcomePage)
