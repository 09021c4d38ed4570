"""A rehearsal by the window: run beside it, stopped and gone on with, and told in words; the study is only read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDoubleSpinBox

from study_admin.records import Stage
from study_admin.rehearsal.apart import next_place, rehearse_apart
from study_admin.rehearsal.place import PAGE
from study_admin.rehearsal.wish import Wish
from study_admin.views import rehearsal_box
from tests.study_admin.grouped_study import contents
from tests.study_admin.views.conftest import Coordinator


@pytest.fixture
def drafted(coordinator: Coordinator, exams: Path, study: Path) -> Coordinator:
    """On stage 3 of a study that isn't open."""
    coordinator.write_study(exams, study)
    coordinator.stage(3)
    return coordinator


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_coordinator_rehearses_before_opening(
    drafted: Coordinator, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real thing, in its own process: four simulated readers, nine things broken, report and page."""
    before = contents(study)
    told: list[str] = []
    drafted.window.walk.background.renamed.connect(told.append)
    drafted.click(drafted.seal.rehearsal.start)
    drafted.dialog().findChildren(QDoubleSpinBox)[0].setValue(1.5)
    drafted.click(drafted.dialog().act)
    drafted.qtbot.waitUntil(lambda: not drafted.window.walk.background.is_busy, timeout=240_000)
    place = study.with_name("study-rehearsal")
    form = json.loads((place / "rehearsal.json").read_text(encoding="utf-8"))
    assert form["planted"]["effect"] == 1.5 and form["design"]["readers"] == 4
    assert len(form["acts"]) == 9 and form["repetitions"] is not None
    assert "✓ The study can be carried through: 4 simulated readers read it" in _said(drafted)
    assert {"Writing packages", "Reading", "Repeating in numbers"} <= set(told)
    shown: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(shown.append(url.toLocalFile())) or True)
    drafted.click(drafted.seal.rehearsal.look)
    assert shown == [str(place / PAGE)]
    assert contents(study) == before and drafted.window.walk.snapshot.stage is Stage.DRAFT
    assert next_place(Wish(study=str(study), effect=1.5)) == study.with_name("study-rehearsal-2")
    drafted.open_study()
    assert not drafted.seal.rehearsal.isVisible()


def _said(drafted: Coordinator) -> str:
    drafted.wait_for(lambda: all(label.isVisible() for label in drafted.seal.rehearsal.found))
    return "\n".join(label.text() for label in drafted.seal.rehearsal.found)


class StoppedError(Exception):
    """Somebody pressed Cancel."""


def test_a_stopped_rehearsal_is_gone_on_with(drafted: Coordinator, study: Path) -> None:
    parts: list[str] = []

    def stop_while_reading(done: int, total: int) -> None:
        if parts and parts[-1] == "Reading" and done >= 2:
            raise StoppedError

    wish, place = Wish(study=str(study), repetitions=0, acts=()), next_place(Wish(study=str(study)))
    with pytest.raises(StoppedError):
        rehearse_apart(wish, place, parts.append, stop_while_reading)
    done = sorted((place / "results").iterdir())
    assert done and not (place / PAGE).exists()
    assert next_place(wish) == place
    assert next_place(replace(wish, effect=0.5)) == study.with_name("study-rehearsal-2")  # another wish begins anew
    text = (study / "study.toml").read_text(encoding="utf-8")
    (study / "study.toml").write_text(text.replace("Which outline", "Which mask"), encoding="utf-8")
    assert next_place(wish) == study.with_name("study-rehearsal-2")  # and so does another design
    (study / "study.toml").write_text(text, encoding="utf-8")
    kept = {path: path.stat().st_mtime_ns for path in done}
    lines = rehearse_apart(wish, place, parts.append, lambda done, total: None)
    assert lines[0][0] and "each of" in lines[0][1]
    assert {path: path.stat().st_mtime_ns for path in done} == kept  # read once, and not again
    assert (place / PAGE).exists()


def test_what_can_t_be_rehearsed_is_said_in_a_sentence(drafted: Coordinator, exams: Path, study: Path) -> None:
    exams.rename(exams.with_name("elsewhere"))
    drafted.click(drafted.seal.rehearsal.start)
    drafted.click(drafted.dialog().act)
    drafted.wait()
    assert "The folder of the exams is gone." in drafted.notice
    assert not _said(drafted)
    assert not study.with_name("study-rehearsal").exists()


def test_a_page_that_no_program_shows_is_named(drafted: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal_box, "rehearse_apart", lambda *given: ((True, "All is well."), (False, "But.")))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: False)
    drafted.click(drafted.seal.rehearsal.start)
    drafted.click(drafted.dialog().act)
    drafted.wait()
    assert _said(drafted) == "✓ All is well.\n⚠ But."
    drafted.click(drafted.seal.rehearsal.look)
    told = drafted.notice
    drafted.window.walk.changed.emit()  # the study was read anew: what was found may be of an older design
    assert not drafted.seal.rehearsal.found and not drafted.seal.rehearsal.look.isVisible()
    assert PAGE in told and "in your web browser" in told


def test_changes_that_are_not_written_are_not_rehearsed(drafted: Coordinator, study: Path) -> None:
    drafted.window.walk.is_unwritten = True
    drafted.click(drafted.seal.rehearsal.start)
    assert "rehearsed without them. Write or discard them first" in drafted.notice
    drafted.window.walk.is_unwritten = False
