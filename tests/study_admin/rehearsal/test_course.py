"""A small rehearsal through everything: what it says, what it broke and how that was caught, how it goes on."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from reader_app.session.results import read_results
from study_admin import conduct
from study_admin.records import Stage
from study_admin.rehearsal import course, page
from study_admin.rehearsal.mishaps import Act
from study_admin.rehearsal.place import PAGE
from study_admin.rehearsal.seals import PASSPHRASE
from study_admin.study_folder import StudyFolder
from tests.study_admin.rehearsal.conftest import rehearse

CAUGHT = {  # what the program itself says, as its own tests have it
    Act.IMAGE: "The file is another one than when the study was opened.",
    Act.CRASH: "No score that it had called saved was lost.",
    Act.WITHDRAWAL: "The study can't be locked yet: ",
    Act.EARLY_UNBLINDING: "The study can't be unblinded: it is open.",
    Act.RESULTS: "it is not as it was signed",
    Act.SESSION: "its answers differ from their history",
    Act.OTHER_STUDY: "These results are of another study, 'Another study'.",
    Act.TWICE: "is in the study already; it counts once.",
    Act.DATABASE: "its audit trail says otherwise of the packages handed out",
}


@pytest.fixture
def form(rehearsed: Path) -> dict[str, Any]:
    return dict(json.loads((rehearsed / page.JSON).read_text(encoding="utf-8")))


def test_everything_that_was_broken_was_caught(form: dict[str, Any], rehearsed: Path) -> None:
    acts = {act["act"]: act for act in form["acts"]}
    assert set(acts) == {act.value for act in Act}
    for act, words in CAUGHT.items():
        assert acts[act.value]["is_caught"], acts[act.value]
        assert words in acts[act.value]["sentence"]
        assert str(rehearsed) not in acts[act.value]["sentence"]


def test_the_planted_difference_comes_through_files_with_the_right_sign(form: dict[str, Any]) -> None:
    """3 points planted: were any reading's arms mixed up, the difference of 11 readings would be far from it."""
    assert form["planted"]["effect"] == 3
    assert form["course"]["primary"]["estimate"] > 1
    assert form["course"]["covers"] is True
    assert form["repetitions"]["mean"] == pytest.approx(3, abs=4 * form["repetitions"]["sd"] / 30**0.5)
    assert form["course"]["scores"]["wrong"] == 0


def test_what_went_through_is_a_whole_study(rehearsed: Path, form: dict[str, Any]) -> None:
    folder = StudyFolder(rehearsed / "study")
    with folder.store() as store:
        assert store.stage is Stage.UNBLINDED and store.verify_audit()
        collected = {item.reader: item.results for item in store.collected()}
        acts = [row.what for row in store.audit()]
    assert acts.count("refuse") == 2  # the edited file and that of another study
    assert len(collected) == 4
    (stopped,) = form["course"]["stopped"]
    assert stopped["read"] == 1
    assert [code for code, results in collected.items() if results.is_incomplete] == [stopped["reader"]]
    with (rehearsed / "tables/long.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 and sum(row["score"] == "" for row in rows) == 4
    assert (form["course"]["due"], form["course"]["complete"], form["course"]["scores"]["given"]) == (12, 10, 20)


def test_the_killed_program_left_a_break_in_its_trail_and_no_gap(rehearsed: Path, form: dict[str, Any]) -> None:
    broken = [
        results
        for results in (read_results(path) for path in (rehearsed / "results").glob("*.json"))
        if "crash_recovered" in [event.type for event in results.events]
    ]
    (results,) = broken
    assert not results.is_incomplete
    places = [event.type for event in results.events].index("crash_recovered")
    before = sum(event.type == "score_set" for event in results.events[:places])
    assert 5 <= before < 8  # of four exams' eight; the process was killed after its fifth


def test_sides_are_even_and_counted(form: dict[str, Any]) -> None:
    sides = form["sides"]
    assert sides["readings"] == 12 and len(sides["readings_by_side"]) == 12
    assert sides["second_on_a"] == sum(cell["second_on_a"] for cell in sides["readings_by_side"])
    assert all(row["excess"] == 1 for row in sides["by_reader"])  # three exams: two and one
    assert all(row["excess"] in (0, 2) for row in sides["by_exam"]) or sides["largest_excess_of_an_exam"] <= 2


def test_names_in_rehearsal_json_stay(form: dict[str, Any]) -> None:
    assert form["format"] == "blindread-rehearsal 1.0"
    assert set(form) == {
        "acts", "course", "design", "format", "guesses", "masks", "planted", "power", "remarks", "repetitions", "seed",
        "sides", "time", "warnings",
    }  # fmt: skip
    assert form["design"]["readings"] == 12 and form["power"]["simulated"]["of"] == 30


def test_the_page_says_it(rehearsed: Path, form: dict[str, Any]) -> None:
    text = (rehearsed / PAGE).read_text(encoding="utf-8")
    assert "each of 20 scores arrived as it was given" in text
    assert "9 things broken on purpose: each was noticed" in text
    assert text.count("data:image/svg+xml") == 1
    for act in form["acts"]:
        assert act["title"] in text
    assert PASSPHRASE in text and "study-admin" in text
    assert not list(rehearsed.glob("*.pdf"))


def test_begun_again_it_does_nothing_twice(rehearsed: Path, quick_seal: None) -> None:
    kept = {path: path.stat().st_mtime_ns for name in ("study", "report", "results", "broken", "exams")
            for path in (rehearsed / name).rglob("*") if path.is_file()}  # fmt: skip
    before = (rehearsed / page.JSON).read_bytes()
    assert rehearse(rehearsed) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (rehearsed / page.JSON).read_bytes() == before


def test_interrupted_anywhere_it_goes_on_to_the_same(
    rehearsed: Path, tmp_path: Path, plain_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the second reader reads, while results are collected, and before the report: each time once."""
    out = tmp_path / "again"
    calls = []

    def second(*given: object, **options: object) -> Path:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return reading(*given, **options)  # type: ignore[arg-type]

    reading = course.read_package
    with monkeypatch.context() as broken:
        broken.setattr(course, "read_package", second)
        assert rehearse(out) == 130
    for step in ("collect", "write_report"):
        with monkeypatch.context() as broken:
            broken.setattr(conduct, step, _interrupt)
            assert rehearse(out) == 130
    assert rehearse(out) == 0
    assert (out / page.JSON).read_bytes() == (rehearsed / page.JSON).read_bytes()


def _interrupt(*given: object, **options: object) -> None:
    raise KeyboardInterrupt
