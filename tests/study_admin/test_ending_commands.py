"""The commands of a study from the results to the report: what they print, refuse, and leave unchanged."""

import json
import os
import subprocess
import sys

import pytest

from reader_app.session.canonical import canonical_json
from segmentation.errors import StudyError
from study_admin.__main__ import main
from study_admin.store import StudyStore
from study_admin.study_folder import StudyFolder
from tests.study_admin.office import Office, alter

# --- collect, lock, unblind ---


def test_results_are_refused_whole_or_taken_once(office: Office) -> None:
    results = office.opened().read()
    forged = office.folder / "results-forged.json"
    form = json.loads(results[0].read_bytes())
    form["answers"][0]["a"]["score"] = 11
    forged.write_bytes(canonical_json(form))
    code, _, err = office.run("collect", office.study, forged)
    assert code == 2
    assert "not as it was signed" in err
    assert "0 of 2 collected" in office.do("status")
    assert "results-forged.json" in office.do("audit")  # that somebody tried is on record
    assert "R01" in office.do("collect", results[0])
    office.do("collect", results[0])
    assert "1 of 2 collected" in office.do("status")
    code, out, err = office.run("collect", office.study, forged, results[1])
    assert code == 2
    assert "R02" in out
    assert "results-forged.json" in err
    assert "2 of 2 collected, 2 signed off" in office.do("status")


def test_the_order_of_the_steps(office: Office) -> None:
    office.new()
    for command in ("export", "collect", "lock", "unblind", "tables"):
        words = (*office.own,) if command in ("export", "unblind") else (office.folder,) if command == "collect" else ()
        assert "isn't open yet" in office.refused(command, *words)
    office.do("open", *office.own, *office.third)
    assert "already" in office.refused("open", *office.own, *office.third)
    assert "Lock it first" in office.refused("unblind", *office.own)
    assert "R01 not collected, R02 not collected" in office.refused("lock")
    office.do("lock", "--reason", "the funding ended")
    assert "locked" in office.refused("collect", office.folder)
    assert "not collected" in office.refused("unblind", *office.own)
    office.do("unblind", *office.own, "--reason", "the funding ended")
    assert "already" in office.refused("lock")
    assert "unblinded" in office.refused("unblind", *office.own, "--reason", "again").lower()
    assert office.do("audit").count("the funding ended") == 2


def test_a_third_person_can_unblind(sealed_office: Office) -> None:
    office = sealed_office
    results = office.opened().read()
    office.do("collect", *results)
    office.do("lock")
    key = office.study / "keys/allocation-third-person.sealed-key"
    office.do("unblind", "--key", key, "--passphrase-file", office.folder / "others.txt")


def test_no_arm_in_anything_that_is_said_or_written_before_the_unblinding(office: Office) -> None:
    results = office.opened().read()
    said = "".join(
        (office.do("status"), office.do("progress"), office.do("collect", *results), office.do("tables"),
         office.do("audit"), office.do("lock"), office.do("assign"))
    )  # fmt: skip
    assert "hand.nii" not in said
    assert "machine" not in said
    for path in (office.study / "tables").rglob("*"):
        assert not path.is_file() or b"machine" not in path.read_bytes(), path


def test_a_changed_row_of_the_trail_is_named(office: Office) -> None:
    office.opened()
    alter(office.study / "study.sqlite", "UPDATE audit SET who = 'somebody else' WHERE seq = 2")
    code, _, err = office.run("audit", office.study)
    assert code == 2
    assert "study.sqlite" in err


def test_a_folder_that_is_no_study(office: Office) -> None:
    office.study = office.folder / "nothing"
    for command in ("status", "progress", "audit", "lock", "tables"):
        assert "There is no such folder" in office.refused(command)
    office.study = office.exams
    for command in ("status", "progress", "audit", "lock", "tables"):
        assert "The folder holds no study" in office.refused(command)


def test_the_report_comes_after_the_unblinding_and_is_on_record(office: Office) -> None:
    results = office.opened().read()
    assert "not unblinded yet" in office.refused("report")
    office.do("collect", *results)
    office.do("lock")
    office.do("unblind", *office.own)
    said = office.do("report", "--out", office.folder / "report")
    page = office.folder / "report/report.html"
    assert str(page) in said
    assert "<html" in page.read_text(encoding="utf-8")
    assert json.loads((office.folder / "report/results.json").read_bytes())
    assert "write report  report" in office.do("audit")


def test_tables_of_which_the_trail_cannot_know_are_not_left(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.opened()

    def full(*words: object) -> None:
        raise StudyError("Nothing was changed: the disk is full.")

    monkeypatch.setattr(StudyStore, "note", full)
    office.refused("tables", "--out", office.folder / "tables")
    assert not (office.folder / "tables").exists()


def test_without_a_screen_the_window_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert main([]) == 2
    assert "study-admin --help" in capsys.readouterr().err


def test_output_that_nobody_reads_to_the_end(office: Office) -> None:
    office.new()
    command = f"{sys.executable} -m study_admin status {office.study} | true"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=buffered)
    assert ended.stderr == ""


def test_whoever_uses_the_key_is_on_record(office: Office) -> None:
    office.opened()
    (office.folder / "wrong.txt").write_text("these are not the right words\n")
    office.refused("export", "--passphrase-file", office.folder / "wrong.txt", is_recorded=True)
    office.do("export", *office.own)
    with StudyFolder(office.study).store() as store:
        uses = [(row.subject, row.new) for row in store.audit() if row.what == "use key"]
    assert [subject for subject, _ in uses] == ["export", "export"]
    assert "passphrase is wrong" in uses[0][1]
    assert uses[1][1] == '"opened"'


def test_nothing_is_unblinded_from_an_altered_database(office: Office) -> None:
    office.opened()
    office.do("lock", "--reason", "the funding ended")
    alter(office.study / "study.sqlite", "UPDATE study SET design = replace(design, '0.05', '0.5')")
    code, _, err = office.run("unblind", office.study, *office.own, "--reason", "the funding ended")
    assert code == 2
    assert "study.sqlite" in err
