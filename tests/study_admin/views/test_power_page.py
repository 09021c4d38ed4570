"""Planning in the window: before any study, from the form, and from a study's folder."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from reader_app.views import theme
from study_admin.power.plan import Goal
from study_admin.views import power_page
from tests.study_admin.statistics.r_values import HERE
from tests.study_admin.views.conftest import Coordinator


def _plan_first(coordinator: Coordinator):
    coordinator.click(coordinator.window._start.power)
    page = coordinator.window.power
    assert page.isVisible()
    return page


def _set(coordinator: Coordinator, field, value: float) -> None:
    """Type a number; the answer follows by itself."""
    page = coordinator.window.power
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, str(value))
    coordinator.wait_for(lambda: page.answer is not None and field.value() == value and not page._late.isActive())


def test_planning_comes_before_any_study(coordinator: Coordinator) -> None:
    """The paper's study first: .687 and 98 % promised (statistics.md, section 5); 7 groups make it .834."""
    page = _plan_first(coordinator)
    assert "0.34 points higher, 69 % of such studies" in page.headline.text()
    assert page.verdict.text() == "That is less than the 80 % that are wanted."
    assert "would promise 98 %. That is wrong" in page.promise.text()
    assert "simulated scores" in page.warnings.text()
    assert "7 groups instead of 5" in page.ways.text()
    _set(coordinator, page.form.groups, 7)
    assert "83 % of such studies" in page.headline.text()
    assert page.verdict.text() == "That reaches the 80 % that are wanted."
    assert "83 % at 560 readings" in page.chart.accessibleDescription()


def test_a_click_in_the_table_is_a_plan(coordinator: Coordinator) -> None:
    """5 × 8 × 20: .890 (statistics.md)."""
    page = _plan_first(coordinator)
    row, column = (page.answer.grid.readers_per_group.index(8), page.answer.grid.exams_per_group.index(20))
    assert page.table.item(row, column).text() == "89"
    page.table.cellClicked.emit(row, column)
    coordinator.wait_for(lambda: page.answer.plan.readers_per_group == 8)
    assert "89 % of such studies" in page.headline.text()
    again = page.answer.grid.readers_per_group.index(8), page.answer.grid.exams_per_group.index(20)
    assert page.table.item(*again).text() == "[89]"


def test_a_new_study_takes_the_numbers_over(coordinator: Coordinator) -> None:
    page = _plan_first(coordinator)
    _set(coordinator, page.form.groups, 6)
    page.form.goal.put(Goal.NON_INFERIORITY)
    page.form.goal.activated.emit(page.form.goal.currentIndex())
    _set(coordinator, page.form.margin, 0.7)
    assert page.form.delta.value() == 0
    coordinator.click(page.take)
    assert coordinator.exams.isVisible()
    design = coordinator.exams.form.design()
    assert (design.groups, design.readers_per_group, design.exams_per_group) == (6, 4, 20)
    assert design.non_inferiority_margin == 0.7
    assert "numbers are in the form" in coordinator.notice


def test_without_a_name_no_study_begins_and_the_plan_stays(coordinator: Coordinator) -> None:
    coordinator.window._start.who.clear()
    page = _plan_first(coordinator)
    _set(coordinator, page.form.groups, 6)
    coordinator.window.walk.who = ""
    coordinator.click(page.take)
    assert "Your name is empty" in coordinator.notice and coordinator.window._start.isVisible()
    assert _plan_first(coordinator).form.groups.value() == 6


def test_a_study_is_planned_with_its_own_numbers(coordinator: Coordinator, exams: Path, study: Path) -> None:
    """2 groups of 2 readers × 2 exams; put back into the form, they are a change that isn't written."""
    coordinator.write_study(exams, study)
    coordinator.click(coordinator.groups.power)
    page = coordinator.window.power
    plan = page.answer.plan
    assert (plan.groups, plan.readers_per_group, plan.exams_per_group) == (2, 2, 2)
    assert "4 readers: fewer than 5" in page.warnings.text()
    coordinator.click(page.back)
    assert coordinator.groups.isVisible()
    coordinator.click(coordinator.groups.power)
    _set(coordinator, page.form.readers, 3)
    coordinator.click(page.take)
    assert coordinator.exams.form.readers_each.text() == "3" and coordinator.exams.is_unwritten
    assert "write the changes" in coordinator.notice
    coordinator.exams.form.readers_each.setText("4")
    coordinator.click(coordinator.exams.form.power)
    assert page.answer.plan.readers_per_group == 4  # what the form holds, though it isn't written
    coordinator.click(page.back)
    coordinator.exams.discard()
    coordinator.open_study()
    coordinator.stage(2)
    coordinator.click(coordinator.groups.power)
    assert not page.take.isVisible()  # an open study takes nothing over


def test_a_number_that_cannot_be_read_is_said_where_the_form_is(coordinator: Coordinator) -> None:
    coordinator.window.begin_new()
    coordinator.write(coordinator.exams.form.readers_each, "several")
    coordinator.click(coordinator.exams.form.power)
    assert "can't be read as a number" in coordinator.notice and coordinator.exams.isVisible()


def test_a_pilot_gives_the_variances_until_somebody_edits_them(coordinator: Coordinator) -> None:
    page = _plan_first(coordinator)
    page.read_pilot(HERE / "null.csv")
    coordinator.wait()
    coordinator.wait_for(lambda: "null.csv" in page.answer.variances.source)
    # lmerTest on null.csv, as statistics.md has it: 0.725, 0.981, 1.262
    assert page.form.between_readers.value() == pytest.approx(0.725, abs=1e-3)
    assert page.answer.variances.uncertainty is not None and not page.warnings.text()
    assert "about 80 % confidence" in page.others.text()
    _set(coordinator, page.form.between_readers, 0.5)
    assert page.answer.variances.reader == 0.5 and page.answer.variances.source == "as given"
    coordinator.click(page.form.usual)
    coordinator.wait_for(lambda: page.answer.variances.reader == 0.155363)


def test_a_pilot_that_gives_none_is_said(coordinator: Coordinator, tmp_path: Path) -> None:
    pilot = tmp_path / "pilot.csv"
    pilot.write_text("reader,exam,score_hand,score_machine\nR01,E01,5,6\nR01,E02,5,7\n", encoding="utf-8")
    page = _plan_first(coordinator)
    page.read_pilot(pilot)
    coordinator.wait()
    assert "only one reader" in coordinator.notice
    pilot.write_text("rater,case,hand,machine\nR01,E01,5,6\n", encoding="utf-8")
    page.read_pilot(pilot)
    coordinator.wait()
    assert "no column reader" in coordinator.notice and "`study-admin power --pilot`" in coordinator.notice
    assert page.answer.variances.reader == 0.155363


def test_a_plan_that_means_nothing_is_said_on_the_page(coordinator: Coordinator) -> None:
    page = _plan_first(coordinator)
    page.form.delta.setValue(0)
    coordinator.wait_for(lambda: page.answer is None)
    assert "nothing to find" in page.headline.text()
    assert not page.take.isEnabled() and not page.check.isEnabled() and not page.chart.isVisible()
    page.form.delta.setValue(0.5)
    coordinator.wait_for(lambda: page.answer is not None)
    assert page.chart.isVisible() and page.take.isEnabled()


def test_a_simulation_checks_the_formula_and_can_be_cancelled(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _plan_first(coordinator)
    coordinator.click(page.check)
    coordinator.wait_for(lambda: coordinator.window.work.isVisible() and coordinator.window.work.bar.value() > 0)
    coordinator.click(coordinator.window.work.cancel)
    coordinator.wait()
    assert coordinator.notice == "Cancelled; the simulation is not used."
    assert not page.simulated.isVisible()
    monkeypatch.setattr(power_page, "STUDIES", 50)
    for field, value in ((page.form.groups, 2), (page.form.readers, 2), (page.form.exams, 2)):
        _set(coordinator, field, value)
    coordinator.click(page.check)
    coordinator.wait()
    assert page.simulated.text().startswith("50 simulated studies: ")
    assert "the formula says" in page.simulated.text()
    _set(coordinator, page.form.exams, 3)
    assert not page.simulated.isVisible()  # it was of another plan


def test_picture_and_numbers_are_written(coordinator: Coordinator, tmp_path: Path) -> None:
    page = _plan_first(coordinator)
    page.write(tmp_path / "plan")
    coordinator.wait()
    assert (tmp_path / "plan/power.json").is_file() and "The plan is in" in coordinator.notice
    page.write(tmp_path / "plan")
    coordinator.wait()
    assert "there already" in coordinator.notice


def test_the_page_fits_on_a_small_screen_and_is_walked_by_keys(coordinator: Coordinator) -> None:
    page = _plan_first(coordinator)
    assert (coordinator.window.width(), coordinator.window.height()) == (1280, 800)
    assert page.minimumSizeHint().width() <= page.width() and page.minimumSizeHint().height() <= page.height()
    assert page.headline.font().pointSizeF() >= theme.MINIMUM_PT
    assert QApplication.focusWidget() is page.form.groups
    coordinator.press(Qt.Key.Key_Up)
    coordinator.wait_for(lambda: page.answer.plan.groups == 6)
    coordinator.press(Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is page.form.readers
