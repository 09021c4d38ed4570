"""What the command refuses, in sentences; and that what it rehearses is only ever read."""

import json
import resource
from pathlib import Path

import pytest

from study_admin.__main__ import main
from study_admin.rehearsal import page
from study_admin.rehearsal.place import NOTES, Place
from study_admin.rehearsal.source import read_source
from study_admin.rehearsal.wish import Wish
from study_admin.study_folder import StudyFolder
from tests.study_admin.grouped_study import contents
from tests.study_admin.made_up_exams import tumour, write_image
from tests.study_admin.office import Office
from tests.study_admin.rehearsal.conftest import rehearse

MACHINE_AND_HAND = """
[[arm]]
name = "machine"
masks = "machine.nii.gz"
[[arm]]
name = "hand"
masks = "hand.nii.gz"
[groups]
count = 2
readers_per_group = 2
exams_per_group = 3
"""
QUICK = ("--repetitions", "0", "--no-break", "--no-pdf", "--jobs", "1")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--readers-per-group", 0), "0 readers in each group can't be planned. Give a number from 1 to 1000."),
        (("--groups", 1, "--readers-per-group", 1), "With one reader nothing can be said about other readers."),
        (("--effect", 6), "A difference of 6 points is beyond what scores from 0 to 10 can show. Give at most 5"),
        (("--seed", -1), "A seed of -1 is none. Give a whole number from 0 on"),
        (("--repetitions", -1), "-1 repetitions can't be made."),
        (("--drop-out", 2), "drop_out = 2 is no share of readers or guesses. Give a number from 0 to 1."),
        (("--variances", 0.1, 0.1, 0), "Single readings do not vary at all."),
        (("--jobs", 0), "0 processes do nothing."),
        (("--reference", "truth.nii.gz", "--effect", 1), "Leave --effect out"),
        (("--ensemble", "somewhere"), "--cohort and --ensemble belong to --paper."),
        (("--paper", "--exams", "somewhere"), "--paper makes its own exams"),
        (("--exams", "nowhere"), "nowhere: There is no such folder of exams. Check the name."),
        (("nowhere.toml",), "nowhere.toml: The design can't be read (No such file or directory)."),
    ],
)
def test_what_is_refused_leaves_nothing(
    words: tuple[object, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse(tmp_path / "out", *words) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_an_ensemble_nothing_is_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse(tmp_path / "out", "--paper", "--ensemble", tmp_path) == 2
    assert f"{tmp_path}: There is no trained ensemble here." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_something_else_in_the_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    assert rehearse(tmp_path) == 2
    assert "Something other than a rehearsal lies here. Choose a new or an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_another_rehearsal_is_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Place(tmp_path / "out").begin(Wish(seed=1, effect=0.3))
    before = (tmp_path / "out" / NOTES).read_bytes()
    assert rehearse(tmp_path / "out", "--effect", 0.5) == 2
    assert "A rehearsal with other settings lies here (groups: 2, and now 5)." in capsys.readouterr().err
    assert (tmp_path / "out" / NOTES).read_bytes() == before


def test_notes_that_are_none_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / NOTES).write_text("{}")
    assert rehearse(tmp_path) == 2
    assert f"{tmp_path / NOTES}: The notes of this rehearsal can't be read." in capsys.readouterr().err


def test_a_study_is_read_and_not_touched(office: Office, tmp_path: Path, plain_report: None) -> None:
    """As a draft it is rehearsed whole, on its own exams; open already, it is read as well. Every byte stays."""
    office.new()
    office.do("assign", "R02=1")
    for stage in ("draft", "open"):
        if stage == "open":
            office.do("open", *office.own, *office.third)
        before = contents(office.study) | contents(office.exams)
        times = {path: path.stat().st_mtime_ns for path in office.study.rglob("*")}
        source = read_source(Wish(study=str(office.study)))
        assert source.choices == {"R02": 1} and source.exams == office.exams
        assert [stage in remark for remark in source.remarks] == ([True] if stage == "open" else [])
        if stage == "draft":
            assert rehearse(tmp_path / "out", office.study, *QUICK) == 0
        assert contents(office.study) | contents(office.exams) == before
        assert {path: path.stat().st_mtime_ns for path in office.study.rglob("*")} == times
    with StudyFolder(tmp_path / "out/study").store() as store:
        assert store.opening is not None and "R02" in store.opening.reader_groups[0]
    form = json.loads((tmp_path / "out" / page.JSON).read_text(encoding="utf-8"))
    assert form["design"]["arms"] == ["hand", "machine"] and not form["design"]["are_exams_made_up"]


def test_the_rehearsal_may_not_lie_in_what_it_rehearses(office: Office) -> None:
    office.new()
    assert "is never written to" in office.refused("rehearse", "--out", office.study / "rehearsal")


def test_a_database_on_a_server_is_left_alone(office: Office, tmp_path: Path) -> None:
    office.new()
    (office.study / "database.url").write_text("postgresql+psycopg://nobody@nowhere/study\n")
    assert "on a server, where a rehearsal mustn't touch it" in office.refused("rehearse", "--out", tmp_path / "out")


def test_a_full_disk_is_said_and_the_rehearsal_goes_on_later(
    tmp_path: Path, plain_report: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A design without exams. The system itself refuses files above a size: the made-up images, then the database."""
    design = tmp_path / "study.toml"
    assert main(["new", "--example", str(design)]) == 0
    text = design.read_text(encoding="utf-8")
    for old, new in (("count = 5", "count = 2"), ("readers_per_group = 4", "readers_per_group = [2, 1]"),
                     ("exams_per_group = 20", "exams_per_group = [2, 2]"), ("guesses = 5", "guesses = 1"),
                     ("practice = []", 'practice = ["warm-up"]')):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    design.write_text(text, encoding="utf-8")
    words = (design, "--repetitions", "0", "--no-pdf", "--break", "twice")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for bytes_at_most, sentence in ((20_000, "(File too large)"), (60_000, "the disk does not take it")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, limits[1]))
        try:
            assert rehearse(tmp_path / "out", *words) == 2
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "out/study").exists()
    assert rehearse(tmp_path / "out", *words) == 0
    form = json.loads((tmp_path / "out" / page.JSON).read_text(encoding="utf-8"))
    assert [act["act"] for act in form["acts"]] == ["twice"]
    assert form["repetitions"] is None and form["power"]["simulated"] is None
    assert (form["design"]["readers"], form["design"]["exams"], form["design"]["practice"]) == (3, 4, 1)
    assert form["design"]["are_exams_made_up"]
    assert design.read_text(encoding="utf-8") == text


def test_a_design_that_changed_is_not_reported_on_by_an_older_rehearsal(
    tmp_path: Path, exams: Path, plain_report: None, capsys: pytest.CaptureFixture[str]
) -> None:
    design = tmp_path / "study.toml"
    design.write_text(MACHINE_AND_HAND)
    words = (design, "--exams", exams, *QUICK)
    assert rehearse(tmp_path / "out", *words) == 0
    before = contents(tmp_path / "out")
    design.write_text(MACHINE_AND_HAND.replace("exams_per_group = 3", "exams_per_group = 2"))
    assert rehearse(tmp_path / "out", *words) == 2
    assert "The design has changed since this rehearsal began. Choose another folder" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before


def test_scores_follow_a_reference(tmp_path: Path, exams: Path, plain_report: None) -> None:
    """hand.nii.gz itself is the reference: its Dice is 1, and it is scored higher than the machine's."""
    design = tmp_path / "study.toml"
    design.write_text(MACHINE_AND_HAND)
    words = (design, "--exams", exams, "--reference", "hand.nii.gz", *QUICK)
    assert rehearse(tmp_path / "out", *words) == 0
    form = json.loads((tmp_path / "out" / page.JSON).read_text(encoding="utf-8"))
    assert form["planted"]["follows_masks"] and form["planted"]["dice"][1] == 1
    assert form["planted"]["effect"] > 0


def test_a_missing_reference_is_named(
    tmp_path: Path, exams: Path, quick_seal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    design = tmp_path / "study.toml"
    design.write_text(MACHINE_AND_HAND)
    write_image(exams / "case03/truth.nii.gz", tumour(1, 5.0))
    assert rehearse(tmp_path / "out", design, "--exams", exams, "--reference", "truth.nii.gz", *QUICK) == 2
    said = capsys.readouterr().err
    assert said.count("The reference is missing.") == 5 and "case03" not in said
