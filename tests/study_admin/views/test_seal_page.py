"""Stage 3: nothing is drawn without two equal, long passphrases; packages can be stopped and gone on with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLineEdit

from reader_app.session.package import open_package
from study_admin import conduct
from study_admin.records import Stage
from study_admin.study_folder import StudyFolder
from tests.study_admin.scripted_readers import packages_in
from tests.study_admin.views.conftest import THIRD, WORDS, Coordinator


@pytest.fixture
def drafted(coordinator: Coordinator, exams: Path, study: Path) -> Coordinator:
    """On stage 3 of a study that isn't open."""
    coordinator.write_study(exams, study)
    coordinator.stage(3)
    return coordinator


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ((WORDS, WORDS + "x", "", ""), "Yours: the two passphrases differ."),
        (("short", "short", "", ""), "too short"),
        ((WORDS, WORDS, THIRD, "other"), "The third person's: the two passphrases differ."),
        ((WORDS, WORDS, WORDS, WORDS), "same as yours"),
    ],
)
def test_a_passphrase_that_won_t_do(drafted: Coordinator, study: Path, typed: tuple[str, ...], words: str) -> None:
    drafted.click(drafted.seal.open_button)
    drafted.answer(*typed)
    dialog = drafted.dialog()
    assert words in dialog.trouble.text()
    drafted.click(dialog.leave)
    assert drafted.window.walk.snapshot.stage is Stage.DRAFT
    assert not (study / "keys").exists()


def test_each_field_of_the_question_is_as_high_as_its_words(drafted: Coordinator) -> None:
    """Qt gives a new dialog two thirds of a screen at most, and squeezes what doesn't fit, unless it has a minimum."""
    drafted.stage(3)
    drafted.click(drafted.seal.open_button)
    dialog = drafted.dialog()
    lines = dialog.findChildren(QLineEdit)
    assert len(lines) == 4
    assert all(line.height() >= line.sizeHint().height() for line in lines)
    assert dialog.minimumHeight() >= dialog.layout().totalHeightForWidth(dialog.width()) > 400
    drafted.click(dialog.leave)


def test_the_question_says_what_can_t_be_undone_and_shows_no_passphrase(drafted: Coordinator) -> None:
    drafted.click(drafted.seal.open_button)
    dialog = drafted.dialog()
    for line in dialog.findChildren(type(drafted.seal.place)):
        drafted.write(line, WORDS)
        assert WORDS not in line.displayText()
    assert "can't be undone" in drafted.texts()
    drafted.click(dialog.leave)


def test_after_the_opening_commitment_and_fingerprint_can_be_copied(drafted: Coordinator, study: Path) -> None:
    drafted.open_study()
    with StudyFolder(study).store() as store:
        opening = store.opening
    page = drafted.seal
    assert opening and page.commitment.text() == opening.commitment
    assert page.fingerprint.text() == conduct.fingerprint_of(opening)
    page._copy(page.commitment)
    assert QGuiApplication.clipboard().text() == opening.commitment
    assert "allocation-third-person.sealed-key" in page.keys.text()


def test_only_who_says_so_goes_without_a_second_copy(drafted: Coordinator, study: Path) -> None:
    drafted.click(drafted.seal.open_button)
    drafted.answer(WORDS, WORDS, "", "")
    assert "third person's passphrase is empty" in drafted.dialog().trouble.text()
    (nobody,) = drafted.dialog().findChildren(QCheckBox)
    drafted.click(nobody)
    dialog = drafted.dialog()
    third = [line for line in dialog.findChildren(QLineEdit) if not line.isEnabled()]
    assert len(third) == 2
    drafted.click(dialog.act)
    drafted.wait()
    assert drafted.window.walk.snapshot.stage is Stage.OPEN
    assert not list((study / "keys").glob("*third*"))
    assert "third person" not in drafted.seal.keys.text()


def test_writing_can_be_cancelled_and_gone_on_with(
    drafted: Coordinator, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by the Cancel button as soon as a package is there; the ones that are complete stay as they are."""
    drafted.open_study()
    real = conduct.export_packages

    def slowly(folder: StudyFolder, passphrase: str, *, progress: conduct.Progress, **named: object) -> object:
        def step(done: int, total: int) -> None:
            if packages_in(study / "packages"):
                drafted.window.walk.background.cancel()
            progress(done, total)

        return real(folder, passphrase, progress=step, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(conduct, "export_packages", slowly)
    assert drafted.seal.write_button.text() == "Write 4 packages…"
    drafted.write_packages()
    assert drafted.notice.startswith("Cancelled. Packages that are complete stay")
    before = {path.name: (path / "manifest.sig").read_bytes() for path in packages_in(study / "packages")}
    assert 0 < len(before) < 4
    monkeypatch.undo()
    drafted.write_packages()
    after = {path.name: (path / "manifest.sig").read_bytes() for path in packages_in(study / "packages")}
    assert sorted(after) == ["R01", "R02", "R03", "R04"]
    assert before.items() <= after.items()
    assert drafted.seal.go_on.isVisible()
    for package in packages_in(study / "packages"):
        open_package(package)


def test_a_wrong_passphrase_writes_nothing(drafted: Coordinator, study: Path) -> None:
    drafted.open_study()
    drafted.click(drafted.seal.write_button)
    drafted.answer("not the passphrase of this study")
    assert "passphrase" in drafted.notice
    assert not packages_in(study)


def test_packages_as_files_to_mail(drafted: Coordinator, study: Path) -> None:
    drafted.open_study()
    drafted.click(drafted.seal.as_files)
    drafted.write_packages()
    assert sorted(path.name for path in (study / "packages").iterdir()) == [f"R{n:02}.blindread" for n in range(1, 5)]
    assert "R01.blindread" in drafted.texts()


def test_an_exam_that_changed_since_stops_the_opening(drafted: Coordinator, exams: Path) -> None:
    path = exams / "case02/machine.nii.gz"
    path.write_bytes(path.read_bytes()[:-50])
    drafted.open_study()
    assert "machine.nii.gz" in drafted.notice
    assert drafted.window.walk.snapshot.stage is Stage.DRAFT


def test_no_other_folder_than_the_chosen_one(drafted: Coordinator, tmp_path: Path) -> None:
    drafted.open_study()
    place = tmp_path / "elsewhere"
    drafted.write(drafted.seal.place, str(place))
    drafted.write_packages()
    assert [path.name for path in packages_in(place)] == ["R01", "R02", "R03", "R04"]
    assert drafted.seal.place.text() == str(place)


def test_nothing_of_one_study_goes_into_the_next(drafted: Coordinator, exams: Path, tmp_path: Path) -> None:
    """A place chosen for the packages of one study isn't kept for those of another."""
    drafted.open_study()
    drafted.write(drafted.seal.place, str(tmp_path / "elsewhere"))
    drafted.click(drafted.window.home)
    drafted.write_study(exams, tmp_path / "second")
    drafted.open_study()
    assert drafted.seal.place.text() == str(tmp_path / "second/packages")


def test_a_third_passphrase_and_nobody_exclude_each_other(drafted: Coordinator) -> None:
    drafted.click(drafted.seal.open_button)
    dialog = drafted.dialog()
    (nobody,) = dialog.findChildren(QCheckBox)
    third = dialog.findChildren(QLineEdit)[2]
    drafted.write(third, THIRD)
    assert not nobody.isEnabled()
    third.clear()
    drafted.click(nobody)
    assert not third.isEnabled()
    drafted.click(nobody)
    assert third.isEnabled()
    drafted.click(dialog.leave)


def test_a_check_looks_where_the_packages_are_and_writes_no_second_set(
    drafted: Coordinator, study: Path, tmp_path: Path, make_coordinator: Callable[[], Coordinator]
) -> None:
    """Files in another folder; after a restart the check is of them. Elsewhere it asks before it writes."""
    drafted.open_study()
    place = tmp_path / "to mail"
    drafted.write(drafted.seal.place, str(place))
    drafted.click(drafted.seal.as_files)
    drafted.write_packages()
    drafted.window.close()
    again = make_coordinator()
    again.window.open_study(study)
    again.wait()
    again.stage(3)
    assert again.seal.as_files.isChecked() and again.seal.place.text() == str(place)
    before = sorted(path.name for path in place.iterdir())
    again.click(again.seal.write_button)
    assert "nothing is written" in again.texts(again.dialog()) and again.dialog().act.text() == "Check"
    again.answer(WORDS)
    assert sorted(path.name for path in place.iterdir()) == before and not (study / "packages").exists()
    again.click(again.seal.as_folders)
    again.click(again.seal.write_button)
    assert "Written before, but not in" in again.texts(again.dialog()) and again.dialog().act.text() == "Write"
    again.click(again.dialog().leave)


@pytest.mark.parametrize("is_raised", [True, False])
def test_a_cancel_that_comes_too_late_says_so(
    drafted: Coordinator, monkeypatch: pytest.MonkeyPatch, is_raised: bool
) -> None:
    """After the draw is on record, whether the work notices the cancel at its end or not at all."""
    real = conduct.open_study

    def late(*given: object, progress: conduct.Progress, **named: object) -> object:
        made = real(*given, progress=progress, **named)  # type: ignore[arg-type]
        drafted.window.walk.background.cancel()
        if is_raised:
            progress(1, 1)
        return made

    monkeypatch.setattr(conduct, "open_study", late)
    drafted.open_study()
    assert drafted.notice.startswith("It was too late to cancel. The study is open.")


def test_a_place_is_a_whole_path(drafted: Coordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    drafted.open_study()
    drafted.write(drafted.seal.place, "somewhere/else")
    drafted.click(drafted.seal.write_button)
    assert "isn't a whole path" in drafted.notice
    drafted.write(drafted.seal.place, "~/packages of mine")
    drafted.write_packages()
    assert [path.name for path in packages_in(tmp_path / "packages of mine")] == ["R01", "R02", "R03", "R04"]
    assert drafted.seal.place.text() == str(tmp_path / "packages of mine")
