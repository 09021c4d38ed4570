"""The whole walk in the window: from a folder of exams to tables with the two methods' names."""

from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin.records import Stage
from study_admin.report import pdf
from tests.study_admin.scripted_readers import packages_in, read_package
from tests.study_admin.views.conftest import WORDS, Coordinator


@pytest.fixture
def quick_seal() -> None:
    """The whole walk has the true seal."""


def test_from_exams_to_tables(coordinator: Coordinator, exams: Path, study: Path, tmp_path: Path) -> None:
    """5 exams, one for practice; 2 groups of 2 readers × 2 exams: 8 readings, 16 scores."""
    window = coordinator.window
    coordinator.click(window._start.new)
    coordinator.write_study(exams, study)
    assert "2 groups of 2 readers × 2 exams: 8 readings" in coordinator.groups.summary.text()
    coordinator.open_study()
    assert window.walk.snapshot.stage is Stage.OPEN
    coordinator.write_packages()
    packages = packages_in(study / "packages")
    assert [package.name for package in packages] == ["R01", "R02", "R03", "R04"]
    sent = [read_package(package, lambda position, side: 7, to=tmp_path) for package in packages]
    coordinator.stage(4)
    assert "8 of 8 exams scored; 4 of 4 readers have signed off." in coordinator.progress.summary.text()
    coordinator.stage(5)
    coordinator.drop(coordinator.collect.box, *sent)
    assert coordinator.notice == "4 taken, 0 refused, 0 there already."
    coordinator.click(coordinator.collect.go_on)
    assert not coordinator.results.report_button.isEnabled()
    coordinator.click(coordinator.unblind.lock_button)
    coordinator.answer()
    coordinator.click(coordinator.unblind.unblind_button)
    coordinator.answer(WORDS)
    assert window.walk.snapshot.stage is Stage.UNBLINDED
    coordinator.click(coordinator.unblind.go_on)
    coordinator.click(coordinator.results.write_button)
    coordinator.wait()
    (folder,) = (study / "tables").iterdir()
    rows = (folder / "long.csv").read_text().splitlines()
    assert len(rows) == 1 + 16
    assert "long.csv" in coordinator.texts()
    coordinator.click(coordinator.results.report_button)
    coordinator.wait()
    (folder,) = (study / "reports").iterdir()
    assert "report.html" in coordinator.texts()
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
    assert all("done" in coordinator.rail(number) for number in range(1, 7))


def test_a_report_without_its_pdf_says_why(
    coordinator: Coordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "obstacle", lambda: StudyError("Pango is not installed.", remedy="apt-get it."))
    coordinator.results._tell_report([tmp_path / "report.html"])
    assert coordinator.notice.endswith("with a browser. Pango is not installed. apt-get it.")
