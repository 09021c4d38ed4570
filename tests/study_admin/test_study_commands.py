"""The commands of a study until the packages are handed out: what they print, refuse, and leave unchanged."""

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin import conduct, study_commands
from study_admin.blinding.export import Sealing
from study_admin.database import stored
from study_admin.design import Study
from study_admin.records import Stage
from study_admin.study_file import read_study_file
from study_admin.study_folder import StudyFolder
from tests.study_admin.made_up_exams import write_image
from tests.study_admin.office import DESIGN, OTHERS, WORDS, Office, alter

# --- design ---


def test_an_example_is_a_design_that_can_be_read(office: Office) -> None:
    path = office.folder / "example.toml"
    assert office.run("new", "--example", path)[0] == 0
    assert [arm.name for arm in read_study_file(path).arms] == ["technician", "network"]
    assert "Choose another name" in office.run("new", "--example", path)[2]


def test_every_problem_is_listed_per_exam_and_nothing_is_written(office: Office) -> None:
    (office.exams / "case01/flair.nii.gz").unlink()
    whole = (office.exams / "case02/t1c.nii.gz").read_bytes()
    (office.exams / "case02/t1c.nii.gz").write_bytes(whole[: len(whole) // 2])
    twin = office.exams / "case03/hand.nii"
    twin.write_bytes((office.exams / "case04/hand.nii.gz").read_bytes())
    code, out, err = office.run("new", office.study, "--design", office.design, "--exams", office.exams)
    assert code == 2
    assert "No NIfTI image for FLAIR matches" in err
    assert "case02/t1c.nii.gz" in err.replace("\\", "/")
    assert "case03" in err
    assert out.count("case0") >= 6  # what was found is shown for all
    assert not office.study.exists()


def test_a_look_writes_nothing(office: Office) -> None:
    code, out, _ = office.run("new", "--check", "--design", office.design, "--exams", office.exams)
    assert code == 0
    assert "6 exams, 0 with problems." in out
    assert not office.study.exists()


def test_a_design_without_exams_says_what_is_needed(office: Office) -> None:
    assert "--example study.toml" in office.run("new", office.study)[2]


def test_the_design_changes_until_the_study_opens(office: Office) -> None:
    office.new()
    office.design.write_text(DESIGN.replace("[groups]", '[study]\ntitle = "Another"\n[groups]'))
    office.do("update", "--design", office.design, "--exams", office.exams, "--reason", "a typing error")
    assert "a typing error" in office.do("audit")
    office.do("open", *office.own, *office.third)
    assert "is open" in office.refused("update", "--design", office.design, "--exams", office.exams)


def test_groups_by_hand(office: Office) -> None:
    office.new()
    assert "by hand: R02" in office.do("assign", "R02=1")
    assert "There is no group 7" in office.refused("assign", "R02=7")
    assert "isn't READER=GROUP" in office.refused("assign", "R02")
    assert "R09" in office.refused("assign", "R09=1")
    assert "by hand" not in office.do("assign", "R02=")
    office.do("assign", "R02=1")
    office.do("open", *office.own, *office.third)
    assert "group 1: R02 read 3 exams" in office.do("assign")
    assert "open" in office.refused("assign", "R01=1")


def test_readers_are_put_into_groups_all_or_none(office: Office) -> None:
    office.new()
    assert "Group 1 is full" in office.refused("assign", "R02=1", "R01=1")
    office.do("assign", "R02=1", "R01=2")
    office.do("assign", "R02=2", "R01=1")  # at once: neither group is full in between
    assert "group 1: 1 reader × 3 exams; by hand: R01" in office.do("assign")


def test_a_place_that_will_not_do_is_said_before_the_exams_are_checked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_commands, "survey", lambda *words, **named: pytest.fail("checked"))
    words = ("--design", office.design, "--exams", office.exams)
    office.study.mkdir()
    assert "there already" in office.run("new", office.study, *words)[2]
    assert "among the exams" in office.run("new", office.exams / "study", *words)[2]
    assert "/proc: No folder can be made here" in office.run("new", "/proc/study", *words)[2]


# --- seal and hand out ---


def test_a_second_copy_is_the_rule(office: Office) -> None:
    office.new()
    assert "--no-third-person" in office.refused("open", *office.own)
    assert "No second copy" in office.do("open", *office.own, "--no-third-person")
    assert not (office.study / "keys/allocation-third-person.sealed-key").exists()


def test_exams_that_changed_after_new_are_refused_at_the_opening(office: Office) -> None:
    office.new()
    path = office.exams / "case02/hand.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    assert "case02/hand.nii.gz" in office.refused("open", *office.own, *office.third)
    assert not (office.study / "keys").exists()


def test_an_opening_that_was_interrupted_can_be_done_again(office: Office) -> None:
    office.new()
    (office.study / "keys").mkdir()
    (office.study / "keys/allocation.sealed-key").write_bytes(b"of an opening that the database never heard of")
    office.do("open", *office.own, *office.third)
    assert (office.study / "keys-unused-1/allocation.sealed-key").is_file()


def test_two_openings_at_once_leave_the_key_of_the_first(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one comes in between the first one's checks and its draw."""
    office.new()
    folder, first = StudyFolder(office.study), []

    def check_and_be_overtaken(study: Study, progress: object) -> tuple[StudyError, ...]:
        monkeypatch.undo()
        first.append(conduct.open_study(folder, Sealing(WORDS)))
        first.append((office.study / "keys/allocation.sealed-key").read_bytes())
        return ()

    monkeypatch.setattr(conduct, "check_exams", check_and_be_overtaken)
    with pytest.raises(StudyError, match="has been opened"):
        conduct.open_study(folder, Sealing(OTHERS))
    assert (office.study / "keys/allocation.sealed-key").read_bytes() == first[1]
    assert not list(office.study.glob("keys-unused*"))
    with folder.store() as store:
        assert store.opening == first[0]


def test_facts_beside_the_exams_are_taken_and_not_lost(office: Office) -> None:
    facts = office.exams / "exams.csv"
    facts.write_text("exam,subject\n" + "".join(f"case0{n},P{min(n, 5)}\n" for n in range(1, 7)))
    code, _, err = office.run("new", office.study, "--design", office.design, "--exams", office.exams)
    assert (code, office.study.exists()) == (2, False)
    assert "P5" in err  # one patient twice
    facts.write_text("exam,subject\n" + "".join(f"case0{n},P{n}\n" for n in range(1, 7)))
    office.new()
    office.do("update")
    with StudyFolder(office.study).store() as store:
        assert [exam.facts.subject for exam in store.exams()] == ["P1", "P2", "P3", "P4", "P5", "P6"]
    facts.unlink()
    assert "would be lost" in office.refused("update")


def test_a_database_of_its_own_is_found_from_anywhere(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    office.do("new", "--design", office.design, "--exams", office.exams, "--database", "sqlite:///central.sqlite")
    monkeypatch.chdir("/")
    assert "6 exams" in office.do("status")
    office.study = office.folder / "second"
    words = (
        "--design",
        office.design,
        "--exams",
        office.exams,
        "--database",
        f"sqlite:///{office.folder}/central.sqlite",
    )
    code, _, err = office.run("new", office.study, *words)
    assert code == 2
    assert "central.sqlite" in err
    assert not office.study.exists()


def test_exams_that_were_moved_are_named_anew(office: Office) -> None:
    office.new()
    moved = office.folder / "moved"
    office.exams.rename(moved)
    assert "update STUDY --exams" in office.refused("open", *office.own, *office.third)
    office.do("update", "--exams", moved)
    office.do("open", *office.own, *office.third)
    moved.rename(office.exams)
    error = office.refused("export", *office.own)
    assert error.count("\n") == 1
    assert "export STUDY --exams" in error
    office.do("export", *office.own, "--exams", office.exams)
    assert "2 of 2 packages" in office.do("status")


def test_a_package_that_an_interrupted_export_has_finished_is_known(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.opened()

    def interrupt(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct.export_packages(StudyFolder(office.study), WORDS, progress=interrupt)
    assert [path.name for path in (office.study / "packages").iterdir()] == ["R01"]
    assert "1 of 2 packages" in office.do("status")


def test_an_opening_cannot_be_cancelled_after_it_is_on_record(office: Office) -> None:
    """Every call of `progress` comes before the database knows of the opening: what was cancelled isn't open."""
    office.new()
    folder = StudyFolder(office.study)
    stages = []

    def look(done: int, total: int) -> None:
        with folder.store() as store:
            stages.append((done, total, store.stage))

    conduct.open_study(folder, Sealing(WORDS), progress=look)
    assert {stage for _, _, stage in stages} == {Stage.DRAFT}
    assert stages[-1][0] == stages[-1][1]


def test_a_draft_that_was_altered_behind_its_trail_is_not_opened(office: Office) -> None:
    office.new()
    alter(office.study / "study.sqlite", "UPDATE reader SET chosen_group = 1 WHERE code = 'R01'")
    assert "study.sqlite" in office.refused("open", *office.own, *office.third)
    assert not (office.study / "keys").exists()


def test_a_key_of_an_opening_that_the_database_refused_is_gone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.new()

    def full(*words: object) -> None:
        raise StudyError("Nothing was changed: the disk is full.")

    monkeypatch.setattr(stored, "write_opening", full)
    assert "the disk is full" in office.refused("open", *office.own, *office.third)
    assert not list(office.study.glob("keys*"))


def test_an_image_changed_after_the_opening_is_not_handed_out(office: Office) -> None:
    office.opened()
    write_image(office.exams / "case02/t1c.nii.gz", np.ones((20, 22, 8)))
    assert "case02/t1c.nii.gz" in office.refused("export", *office.own, is_recorded=True)
    assert not (office.study / "packages").exists()


def test_wrong_passphrase_and_the_key_of_another_study(office: Office, tmp_path: Path) -> None:
    office.opened()
    (tmp_path / "wrong.txt").write_text("these are not the right words\n")
    assert "passphrase is wrong" in office.refused(
        "export", "--passphrase-file", tmp_path / "wrong.txt", is_recorded=True
    )
    first = office.study
    office.study = tmp_path / "second"
    office.opened()
    assert "another study" in office.refused("export", *office.own, "--keys", first / "keys", is_recorded=True)


def test_an_export_goes_on_where_it_stopped(office: Office) -> None:
    office.opened()
    office.do("export", *office.own, "--readers", "R01")
    first = {path: path.read_bytes() for path in (office.study / "packages/R01").rglob("*") if path.is_file()}
    assert "1 of 2 packages" in office.do("status")
    office.do("export", *office.own)
    assert all(path.read_bytes() == data for path, data in first.items())
    assert "2 of 2 packages" in office.do("status")
    assert [line.split()[5] for line in office.do("audit").splitlines() if "hand out" in line] == ["R01", "R02"]
    assert "R07" in office.refused("export", *office.own, "--readers", "R07", is_recorded=True)
