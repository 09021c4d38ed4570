"""Stages 4 to 7 of a study that is out: progress, collecting, locking, unblinding, tables. No arm before its time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit

from reader_app.views import theme
from study_admin.records import Stage
from study_admin.study_folder import StudyFolder
from study_admin.views.audit_dialog import AuditDialog
from tests.study_admin.running_study import WORDS, hand_out
from tests.study_admin.scripted_readers import packages_in, read_package
from tests.study_admin.views.conftest import Coordinator


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """R01 and R02, three exams each; arms "by hand" and "machine"."""
    folder = hand_out(tmp_path_factory.mktemp("whole") / "study")
    (folder / "study.toml").write_text('[[arm]]\nname = "by hand"\nmasks = "hand.nii.gz"\n[[arm]]\nname = "machine"\n'
                                       'masks = "machine.nii.gz"\n')  # fmt: skip
    return folder


@pytest.fixture
def out(coordinator: Coordinator, handed_out: Path, study: Path) -> Coordinator:
    """The window on a copy of the study."""
    shutil.copytree(handed_out, study)
    coordinator.window.open_study(study)
    coordinator.wait()
    assert coordinator.window.walk.snapshot
    return coordinator


def scores(position: int, side: object) -> int:
    return 5 + position


def sent(study: Path, tmp_path: Path, *readers: str) -> list[Path]:
    """Results files of readers who have read all."""
    packages = [package for package in packages_in(study / "packages") if package.name in readers]
    return [read_package(package, scores, to=tmp_path) for package in packages]


def shown(out: Coordinator) -> list[str]:
    """The readers of the progress table, as they stand there."""
    model = out.progress.filter
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_the_progress_table_sorts_and_narrows(out: Coordinator, study: Path) -> None:
    first, second = packages_in(study / "packages")
    read_package(first, scores)
    read_package(second, scores, exams=1, sign_off=False)
    out.stage(4)
    assert out.progress.summary.text() == "4 of 6 exams scored; 1 of 2 readers have signed off."
    assert shown(out) == ["R01", "R02"]
    header = out.progress.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(4) + 10, header.height() // 2)  # the heading "Scored"
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert shown(out) == ["R02", "R01"]  # 1 of 3 before 3 of 3
    out.click(out.progress.only_open)
    assert shown(out) == ["R02"]
    out.click(out.progress.only_open)
    out.write(out.progress.words, "3 of 3")
    assert shown(out) == ["R01"]


def test_progress_looks_into_other_folders_too(
    out: Coordinator, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "came back"
    package = packages_in(study / "packages")[0]
    shutil.copytree(package, elsewhere / "R01")
    read_package(elsewhere / "R01", scores)
    out.stage(4)
    assert out.progress.summary.text().startswith("0 of 6")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(elsewhere))
    out.click(out.progress.add)
    out.wait()
    assert out.progress.summary.text().startswith("3 of 6")
    assert str(elsewhere) in out.progress.shown_places.text()


def test_a_changed_file_is_refused_with_its_reason_and_a_known_one_counts_once(
    out: Coordinator, study: Path, tmp_path: Path
) -> None:
    (path,) = sent(study, tmp_path, "R01")
    content = json.loads(path.read_text())
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(content).replace('"6"', '"7"').replace("6", "7", 1))
    out.stage(5)
    out.drop(out.collect.box, path, edited)
    table = out.collect.verdicts
    assert [table.item(row, 0).text() for row in range(2)] == ["✓ taken", "⚠ refused"]
    assert "edited.json" in table.item(1, 1).text()
    assert "1 taken, 1 refused" in out.notice
    assert "problem" in out.rail(5) and "edited.json" in out.rail(5)
    out.drop(out.collect.box, path)
    assert table.item(0, 0).text() == "= known"
    assert out.collect.missing.text() == "Missing: R02 not collected."


def test_whole_folders_can_be_chosen(
    out: Coordinator, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(study, tmp_path, "R01", "R02")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    out.stage(5)
    out.click(out.collect.box.folder)
    out.wait()
    assert out.collect.missing.text() == "All 2 readers are there, and signed off."


def test_locking_with_a_session_missing_wants_a_reason(out: Coordinator, study: Path, tmp_path: Path) -> None:
    out.stage(5)
    out.drop(out.collect.box, *sent(study, tmp_path, "R01"))
    plain, marked = out.collect.go_on.palette().button(), out.collect.box.files.palette().button()
    assert plain != marked and marked.color().name() == theme.ACCENT_DEEP
    out.stage(6)
    assert "R02 not collected" in out.unblind.missing.text()
    out.click(out.unblind.lock_button)
    out.answer("")
    assert "Give the reason" in out.dialog().trouble.text()
    assert out.window.walk.snapshot.stage is Stage.OPEN
    out.answer("R02 has left the hospital")
    assert out.window.walk.snapshot.stage is Stage.LOCKED
    assert not out.collect.box.isEnabled()
    assert "Collect them first" not in out.unblind.missing.text()
    assert "Reason: R02 has left the hospital" in out.unblind.lines[1].text()
    out.click(out.unblind.unblind_button)
    (reason,) = [line for line in out.dialog().findChildren(QLineEdit) if line.accessibleName() == "Reason"]
    assert reason.text() == "R02 has left the hospital"
    out.answer(WORDS, "nobody took over")
    assert "Reason: R02 has left the hospital" in out.unblind.lines[1].text()
    assert "Reason: nobody took over" in out.unblind.lines[2].text()
    assert "Collect them first" not in out.unblind.missing.text()
    with StudyFolder(study).store() as store:
        assert next(row.why for row in store.audit() if row.what == "lock") == "R02 has left the hospital"


def test_enter_alone_locks_nothing(out: Coordinator, study: Path, tmp_path: Path) -> None:
    out.stage(5)
    out.drop(out.collect.box, *sent(study, tmp_path, "R01", "R02"))
    out.stage(6)
    out.click(out.unblind.lock_button)
    dialog = out.dialog()
    out.wait_for(dialog.isActiveWindow)
    out.press(Qt.Key.Key_Return)
    assert not dialog.isVisible()
    out.wait()
    assert out.window.walk.snapshot.stage is Stage.OPEN


@pytest.fixture
def locked(out: Coordinator, study: Path, tmp_path: Path) -> Coordinator:
    """On stage 6, all results in."""
    out.stage(5)
    out.drop(out.collect.box, *sent(study, tmp_path, "R01", "R02"))
    out.stage(6)
    out.click(out.unblind.lock_button)
    out.answer()
    assert out.window.walk.snapshot.stage is Stage.LOCKED
    return out


def test_a_wrong_passphrase_unblinds_nothing(locked: Coordinator) -> None:
    locked.click(locked.unblind.unblind_button)
    locked.answer("")
    assert "The passphrase is empty." in locked.dialog().trouble.text()
    locked.answer("not the passphrase of this study")
    assert "passphrase" in locked.notice
    assert locked.window.walk.snapshot.stage is Stage.LOCKED


def test_no_page_names_an_arm_before_the_unblinding(locked: Coordinator, study: Path) -> None:
    """The design names the two methods, on the page of exams; no page says one word more until the key is opened."""

    def pages() -> str:
        return "\n".join(locked.texts(page) for page in locked.window.pages[1:])

    locked.stage(7)
    locked.click(locked.results.write_button)
    locked.wait()
    assert "wide_raters_A.csv" in pages() and not any(arm in pages() for arm in ("by_hand", "machine"))
    (folder,) = (study / "tables").iterdir()
    for path in folder.rglob("*.csv"):
        assert "machine" not in path.read_text(encoding="utf-8-sig")
    locked.stage(6)
    locked.click(locked.unblind.unblind_button)
    locked.answer(WORDS)
    locked.stage(7)
    locked.click(locked.results.write_button)
    locked.wait()
    assert "machine" in pages()


def test_tables_are_written_anew_each_time(locked: Coordinator, study: Path) -> None:
    locked.stage(7)
    assert locked.results.write_button.text() == "Write the blinded tables"
    locked.click(locked.results.write_button)
    locked.wait()
    (first,) = (study / "tables").iterdir()
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    locked.qtbot.wait(1100)  # folders are named by the second
    locked.click(locked.results.write_button)
    locked.wait()
    assert len(list((study / "tables").iterdir())) == 2
    assert all(path.read_bytes() == data for path, data in before.items())


def test_the_audit_trail_can_be_read(locked: Coordinator) -> None:
    locked.click(locked.window.audit)
    (dialog,) = locked.window.findChildren(AuditDialog)
    acts = [dialog.table.item(row, 3).text() for row in range(dialog.table.rowCount())]
    assert acts[-1] == "lock" and "collect" in acts
    dialog.table.setCurrentCell(acts.index("collect"), 0)
    with StudyFolder(locked.window.walk.folder.path).store() as store:
        assert store.audit()[acts.index("collect")].new in dialog.change.toPlainText()
    with StudyFolder(locked.window.walk.folder.path).store() as store:
        assert dialog.head.text() == store.verify_audit()
    dialog.accept()


def test_the_key_of_another_study_is_refused(
    locked: Coordinator, tmp_path: Path, make_coordinator: Callable[[], Coordinator]
) -> None:
    other = hand_out(tmp_path / "other")
    locked.click(locked.unblind.unblind_button)
    dialog = locked.dialog()
    key = next(line for line in dialog.findChildren(type(locked.seal.place)) if line.accessibleName() == "Sealed key")
    locked.write(key, str(other / "keys/allocation.sealed-key"))
    locked.answer(WORDS)
    assert "allocation.sealed-key" in locked.notice and "study" in locked.notice
    assert locked.window.walk.snapshot.stage is Stage.LOCKED
