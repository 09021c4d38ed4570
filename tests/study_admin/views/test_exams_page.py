"""Stage 1: what is missing is said at its exam, before anything is written; the form keeps what it was given."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from reader_app.session.model import Revision
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.blinding.export import Sealing
from study_admin.design import Arm, Heads, MaskRule, StudyType
from study_admin.records import Stage
from study_admin.study_file import StudyFile, read_study_file, to_toml
from study_admin.study_folder import StudyFolder
from study_admin.views.act_dialog import ActDialog
from study_admin.views.design_form import BEGINNING, DesignForm
from tests.study_admin.made_up_exams import AFFINE, tumour, write_image
from tests.study_admin.views.conftest import DESIGN, WORDS, Coordinator


def begin(coordinator: Coordinator, exams: Path, study: Path, design: StudyFile = DESIGN) -> None:
    """A new study with its form filled in."""
    coordinator.window.begin_new()
    page = coordinator.exams
    page.form.show_design(design)
    coordinator.write(page.exams_folder, str(exams))
    coordinator.write(page.study_folder, str(study))


def rows(coordinator: Coordinator) -> list[list[str]]:
    table = coordinator.exams.found.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def test_looking_shows_the_files_of_each_exam(coordinator: Coordinator, exams: Path, study: Path) -> None:
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    files = ["t1c.nii.gz", "flair.nii.gz", "hand.nii.gz", "machine.nii.gz"]
    assert rows(coordinator)[0] == ["case01", "✓ all found", *files, "practice"]
    assert [row[0] for row in rows(coordinator)] == [f"case{n:02}" for n in range(1, 6)]
    assert coordinator.exams.write_button.isEnabled()
    assert not study.exists()


def test_a_missing_file_is_said_at_its_exam_with_its_remedy(coordinator: Coordinator, exams: Path, study: Path) -> None:
    (exams / "case03/flair.nii.gz").unlink()
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    row = rows(coordinator)[2]
    assert row[:2] == ["case03", "⚠ 1 problem"] and row[3] == "–"
    assert "No NIfTI image for FLAIR" in coordinator.exams.found.problems.text()
    assert "leave out case03" in coordinator.exams.found.problems.text()
    assert "problem" in coordinator.rail(1)
    assert not coordinator.exams.write_button.isEnabled()


def test_only_exams_with_problems_can_be_shown(coordinator: Coordinator, exams: Path, study: Path) -> None:
    (exams / "case03/flair.nii.gz").unlink()
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    coordinator.exams.found.only_problems.setFocus()
    coordinator.press(Qt.Key.Key_Space)
    table = coordinator.exams.found.table
    assert [table.isRowHidden(row) for row in range(5)] == [True, True, False, True, True]


def test_a_broken_image_is_found_before_anything_is_written(coordinator: Coordinator, exams: Path, study: Path) -> None:
    """Two exams at once: one cut off, one whose mask lies 27 mm away."""
    path = exams / "case02/t1c.nii.gz"
    path.write_bytes(path.read_bytes()[:-200])
    moved = AFFINE.copy()
    moved[2, 3] += 27
    write_image(exams / "case04/hand.nii.gz", tumour(4, 5.0), affine=moved)
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    coordinator.click(coordinator.exams.write_button)
    coordinator.wait()
    assert [row[1] for row in rows(coordinator)].count("⚠ 1 problem") == 2
    problems = {entry.name: str(entry.problems[0]) for entry in coordinator.exams.found.entries if entry.problems}
    assert set(problems) == {"case02", "case04"}
    assert "hand.nii.gz" in problems["case04"] and "27 mm" in problems["case04"]
    assert not study.exists() and not list(study.parent.glob(".*partial"))


def test_a_picture_comes_up_for_the_chosen_exam(coordinator: Coordinator, exams: Path, study: Path) -> None:
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    coordinator.wait_for(lambda: not coordinator.exams.found.picture.pixmap().isNull())
    page = coordinator.exams
    QTest.keyClick(page.tabs.tabBar(), Qt.Key.Key_Right)
    assert page.tabs.currentWidget() is page.pictures
    coordinator.wait_for(lambda: all(page.thumbnails.picture(f"case{n:02}") for n in range(1, 6)))


def test_no_picture_has_its_reason(coordinator: Coordinator, exams: Path, study: Path) -> None:
    path = exams / "case01/t1c.nii.gz"
    path.write_bytes(b"not an image")
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    coordinator.wait_for(lambda: "No picture:" in coordinator.exams.found.picture.text())
    assert "t1c.nii.gz" in coordinator.exams.found.picture.text()


def test_cancelling_writes_nothing_and_keeps_the_form(
    coordinator: Coordinator, exams: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = conduct.new_study

    def cancelled_at_once(*given: object, progress: object, **named: object) -> object:
        coordinator.window.walk.background.cancel()
        return slow(*given, progress=progress, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(conduct, "new_study", cancelled_at_once)
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    coordinator.click(coordinator.exams.write_button)
    coordinator.wait()
    assert coordinator.notice == "Cancelled; nothing was written."
    assert not study.exists()
    assert coordinator.exams.study_folder.text() == str(study)
    assert coordinator.exams.form.title.text() == DESIGN.title


def test_a_draft_can_be_changed(coordinator: Coordinator, exams: Path, study: Path) -> None:
    coordinator.write_study(exams, study)
    coordinator.stage(1)
    page = coordinator.exams
    page.tabs.setCurrentIndex(0)
    coordinator.write(page.form.title, "Another title")
    assert not page.write_button.isEnabled()  # what was found belongs to another design
    coordinator.click(page.look_button)
    coordinator.click(page.write_button)
    coordinator.wait()
    assert coordinator.notice == "The changes are written."
    assert read_study_file(study / "study.toml").title == "Another title"
    with StudyFolder(study).store() as store:
        assert store.study.title == "Another title"


def test_an_open_study_is_fixed(coordinator: Coordinator, exams: Path, study: Path) -> None:
    coordinator.write_study(exams, study)
    coordinator.open_study()
    coordinator.stage(1)
    page = coordinator.exams
    assert not page.write_button.isEnabled() and not page.look_button.isEnabled() and not page.form.isEnabled()
    assert "fixed" in page.sentence.text()


def test_what_is_known_of_the_exams_is_never_dropped_unseen(
    coordinator: Coordinator, exams: Path, study: Path, tmp_path: Path
) -> None:
    facts = tmp_path / "facts.csv"
    facts.write_text("exam,subject\n" + "".join(f"case{n:02},P{n}\n" for n in range(1, 6)))
    coordinator.window.begin_new()
    coordinator.exams.facts_file.setText(str(facts))
    coordinator.exams.form.show_design(DESIGN)
    coordinator.write(coordinator.exams.exams_folder, str(exams))
    coordinator.write(coordinator.exams.study_folder, str(study))
    coordinator.click(coordinator.exams.look_button)
    coordinator.click(coordinator.exams.write_button)
    coordinator.wait_for(lambda: coordinator.window.walk.folder is not None)
    coordinator.wait()
    coordinator.stage(1)
    coordinator.click(coordinator.exams.look_button)
    coordinator.click(coordinator.exams.write_button)
    assert "Choose the table of exams again" in coordinator.notice


def test_choosing_a_folder_proposes_the_rest(
    coordinator: Coordinator, exams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exams / "exams.csv").write_text("exam,subject\n")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(exams))
    coordinator.window.begin_new()
    coordinator.exams._choose_exams()
    assert coordinator.exams.study_folder.text() == f"{exams}-study"
    assert coordinator.exams.facts_file.text() == str(exams / "exams.csv")


def test_a_study_file_is_taken_over(coordinator: Coordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "design.toml"
    path.write_text(to_toml(replace(DESIGN, title="From a file")), encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    coordinator.window.begin_new()
    coordinator.click(coordinator.exams.load_button)
    assert coordinator.exams.form.design() == replace(DESIGN, title="From a file")
    path.write_text("[study]\ntitel = 'x'\n")
    coordinator.click(coordinator.exams.load_button)
    assert "titel" in coordinator.notice and "title" in coordinator.notice


def test_the_form_says_what_is_missing(coordinator: Coordinator) -> None:
    coordinator.window.begin_new()
    coordinator.click(coordinator.exams.look_button)
    assert "No folder of exams is chosen" in coordinator.notice


ALL_CHANGED = StudyFile(
    arms=(Arm("expert", ("t1c_seg*.nii.gz", "flair_seg*.nii.gz"), True), Arm("network", ("net.nii.gz",))),
    title="A title",
    version="2",
    study_type=StudyType.AS_PUBLISHED,
    revision=Revision.UNTIL_NEXT,
    is_surface_allowed=True,
    t1c="t1.nii.gz",
    flair="fl.nii.gz",
    practice=("a", "b"),
    left_out=("c*",),
    heads=Heads.BRAIN_ONLY,
    brain_mask="brain.nii.gz",
    mask_rule=MaskRule.NONZERO,
    are_empty_masks_allowed=True,
    question="How well does it fit?",
    groups=3,
    readers_per_group=(4, 4, 3),
    exams_per_group="all",
    readers=tuple(f"X{n}" for n in range(11)),
    guesses=7,
    alpha=0.01,
    non_inferiority_margin=0.5,
)


@pytest.mark.parametrize("design", [BEGINNING, DESIGN, ALL_CHANGED])
def test_the_form_gives_back_what_it_was_given(coordinator: Coordinator, design: StudyFile) -> None:
    form = DesignForm()
    form.show_design(design)
    assert form.design() == design


@pytest.mark.parametrize("words", ["", "four", "4, 4, 4", "4,", "-1", "４"])
def test_a_number_of_readers_that_is_none(coordinator: Coordinator, words: str) -> None:
    """Three numbers for two groups, signs, words, and digits of another alphabet."""
    form = DesignForm()
    form.show_design(DESIGN)
    form.readers_each.setText(words)
    if words == "4,":
        assert form.design().readers_per_group == 4
        return
    with pytest.raises(StudyError, match=r"Readers in each: .* can't be read"):
        form.design()


@pytest.mark.parametrize("spoilt", ["missing", "one name", "one file"])
def test_no_picture_shows_one_arm_alone(coordinator: Coordinator, exams: Path, study: Path, spoilt: str) -> None:
    """A mask that is missing, two arms of one name, two arms with the same file: what is left would be one arm's."""
    design = DESIGN
    if spoilt == "missing":
        (exams / "case02/machine.nii.gz").unlink()
    elif spoilt == "one name":
        design = replace(DESIGN, arms=(Arm("same", ("hand.nii.gz",)), Arm("same", ("machine.nii.gz",))))
    else:
        design = replace(DESIGN, arms=(Arm("by hand", ("hand.nii.gz",)), Arm("machine", ("hand.nii.gz",))))
    begin(coordinator, exams, study, design)
    coordinator.click(coordinator.exams.look_button)
    page = coordinator.exams
    entry = next(entry for entry in page.found.entries if entry.name == "case02")
    assert not entry.has_picture and not entry.masks
    page.found.table.setCurrentCell(1, 0)
    assert "masks of both methods" in page.found.picture.text()
    assert page.thumbnails.picture("case02") is None


def changed_title(coordinator: Coordinator, exams: Path, study: Path) -> None:
    """A draft whose form holds another title than the study."""
    coordinator.write_study(exams, study)
    coordinator.stage(1)
    coordinator.exams.tabs.setCurrentIndex(0)
    coordinator.write(coordinator.exams.form.title, "Another title")


def test_changes_that_aren_t_written_stop_the_sealing(coordinator: Coordinator, exams: Path, study: Path) -> None:
    changed_title(coordinator, exams, study)
    assert "Changes are not written" in coordinator.rail(1)
    coordinator.stage(3)
    coordinator.click(coordinator.seal.open_button)
    assert "Write or discard them first" in coordinator.notice
    assert not [dialog for dialog in coordinator.window.findChildren(ActDialog) if dialog.isVisible()]
    coordinator.stage(1)
    coordinator.click(coordinator.exams.discard_button)
    assert coordinator.exams.form.title.text() == DESIGN.title
    assert "Changes" not in coordinator.rail(1) and not coordinator.exams.discard_button.isVisible()
    coordinator.open_study()
    assert coordinator.window.walk.snapshot.stage is Stage.OPEN


def test_the_fixed_design_is_that_of_the_study(coordinator: Coordinator, exams: Path, study: Path) -> None:
    """Opened elsewhere meanwhile: the form never shows as fixed what was only typed into it."""
    changed_title(coordinator, exams, study)
    conduct.open_study(StudyFolder(study), Sealing(WORDS, None), who="somebody else")
    coordinator.window.walk.do("Looking", lambda _: None, lambda _: None)
    coordinator.wait()
    assert coordinator.exams.form.title.text() == DESIGN.title
    assert "Changes" not in coordinator.rail(1)


def test_a_form_that_isn_t_written_is_kept_or_given_up_on_purpose(
    coordinator: Coordinator, exams: Path, study: Path
) -> None:
    begin(coordinator, exams, study)
    coordinator.click(coordinator.window.home)
    coordinator.click(coordinator.dialog().leave)
    assert coordinator.exams.isVisible() and coordinator.exams.study_folder.text() == str(study)
    coordinator.window.close()
    assert coordinator.window.isVisible()
    coordinator.click(coordinator.dialog().leave)
    assert coordinator.exams.form.title.text() == DESIGN.title
    coordinator.click(coordinator.window.home)
    coordinator.click(coordinator.dialog().act)
    assert coordinator.window._start.isVisible()
    assert coordinator.exams.study_folder.text() == ""


def test_paths_in_the_form_are_whole(
    coordinator: Coordinator, exams: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    begin(coordinator, exams, study)
    page = coordinator.exams
    coordinator.write(page.exams_folder, "exams")
    coordinator.click(page.look_button)
    assert "Folder of exams: this isn't a whole path" in coordinator.notice
    coordinator.write(page.exams_folder, "~/exams")
    coordinator.click(page.look_button)
    assert page.exams_folder.text() == str(exams) and len(page.found.entries) == 5
    page.tabs.setCurrentIndex(0)
    coordinator.write(page.study_folder, "study")
    coordinator.click(page.look_button)
    coordinator.click(page.write_button)
    assert "Study folder: this isn't a whole path" in coordinator.notice


def test_a_long_name_is_elided_in_its_middle(coordinator: Coordinator, exams: Path, study: Path) -> None:
    name = "case02-a-rather-long-exam-0001"
    (exams / "case02").rename(exams / name)
    begin(coordinator, exams, study)
    coordinator.click(coordinator.exams.look_button)
    table = coordinator.exams.found.table
    assert table.textElideMode() is Qt.TextElideMode.ElideMiddle and not table.wordWrap()
    assert table.columnWidth(0) > table.fontMetrics().horizontalAdvance(name)
