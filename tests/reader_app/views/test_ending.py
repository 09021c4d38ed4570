"""From the last score to the receipt: closing questions, review, signature, results."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from reader_app.session.model import ClosingAnswer, Side
from reader_app.session.results import read_results
from reader_app.session.store import Receipt
from reader_app.views.closing_page import ClosingPage
from reader_app.views.ending_pages import MEANING, ReceiptPage, SignOffPage
from reader_app.views.reading_page import ReadingPage
from reader_app.views.review_page import GAP, ReviewPage
from tests.reader_app.making import make_package, make_protocol
from tests.reader_app.views.conftest import Reader


@pytest.fixture
def asked(reader: Reader, tmp_path: Path) -> Reader:
    """After the last score of a study with two closing questions, the first about exam 1."""
    reader.begin(make_package(tmp_path / "asked", protocol=make_protocol(questions=2)))
    for _ in reader.sitting.readings:
        reader.wait_for_exam()
        reader.press("7", "8", "Enter")
    return reader


def test_closing_questions_come_after_the_last_score(asked: Reader) -> None:
    assert isinstance(asked.window.page, ClosingPage)
    asked.wait_for(lambda: asked.flow.state.exam is not None)
    assert asked.flow.looking.isVisible()  # exam 1 beside its question
    assert asked.sitting.reading == asked.sitting.readings[1]
    asked.press("2", "2", "Enter")
    assert not asked.flow.looking.isVisible()  # the second is about no exam
    asked.press("3", "1", "Enter")
    answers = list(asked.sitting.store.closing_answers().values())
    assert answers == [ClosingAnswer("B", "sure"), ClosingAnswer("no difference", "a guess")]
    assert isinstance(asked.window.page, ReviewPage)


def test_the_viewers_come_back_from_the_closing_page(asked: Reader) -> None:
    asked.press("2", "2", "Enter", "3", "1", "Enter")
    asked.flow.read(asked.sitting.readings[2])
    asked.wait_for_exam()
    assert asked.flow.looking.isVisible() and asked.page.isAncestorOf(asked.flow.looking)


def test_a_question_half_answered_does_not_go_on(asked: Reader) -> None:
    asked.press("2", "Enter")
    assert asked.sitting.store.closing_answers() == {}
    asked.press("Delete", "1", "1", "Enter")
    assert list(asked.sitting.store.closing_answers().values()) == [ClosingAnswer("A", "a guess")]


def test_closing_questions_are_asked_before_the_signature(asked: Reader) -> None:
    asked.flow._review()
    asked.press("Enter")
    assert isinstance(asked.window.page, ClosingPage)


def test_resume_in_the_closing_questions(asked: Reader, make_reader: Callable[[], Reader]) -> None:
    asked.press("2", "2", "Enter")
    folder = asked.sitting.package.folder
    asked.window.close()
    again = make_reader()
    again.open(folder)
    assert isinstance(again.window.page, ClosingPage)
    assert len(again.sitting.open_questions()) == 1


def test_the_review_marks_gaps_and_leads_to_them(reading: Reader) -> None:
    reading.press("7", "8", "Enter")
    for number in range(3):
        reading.wait_for_exam()
        if number == 1:
            reading.press("4", "Enter", "g")
        else:
            reading.press("5", "6", "Enter")
    page = reading.window.page
    assert isinstance(page, ReviewPage)
    table = [[page.table.item(row, column).text() for column in range(3)] for row in range(4)]
    assert table == [
        ["Practice 1 of 1", "7", "8"],
        ["Exam 1 of 3", "5", "6"],
        ["Exam 2 of 3", "4", GAP],
        ["Exam 3 of 3", "5", "6"],
    ]
    reading.press("Enter")
    assert isinstance(reading.window.page, ReadingPage)
    assert reading.sitting.reading == reading.sitting.readings[2]
    assert reading.sitting.entry.focus is Side.B


def test_a_row_of_the_review_leads_to_its_exam(reading: Reader) -> None:
    reading.flow._review()
    page = reading.window.page
    assert isinstance(page, ReviewPage)
    reading.click(page.table.viewport(), page.table.visualItemRect(page.table.item(3, 1)).center())
    assert reading.sitting.reading == reading.sitting.readings[3]


def test_signing_writes_the_results_and_shows_the_receipt(
    reading: Reader, make_reader: Callable[[], Reader], package: Path
) -> None:
    for _ in reading.sitting.readings:
        reading.wait_for_exam()
        reading.press("9", "2", "Enter")
    reading.press("Enter")
    page = reading.window.page
    assert isinstance(page, SignOffPage)
    page.name.clear()
    reading.press("Enter")
    assert not reading.sitting.is_read_only  # no name, no signature
    reading.press("A. Example", "Enter")
    assert isinstance(reading.window.page, ReceiptPage)
    results = read_results(next(package.glob("results-R01-*.json")))
    assert results.receipt and (results.receipt.name, results.receipt.meaning) == ("A. Example", MEANING)
    reading.window.page.copied.emit(package.parent / "copy.json")
    assert read_results(package.parent / "copy.json").receipt == results.receipt
    reading.window.close()
    again = make_reader()
    again.open(package)
    assert isinstance(again.window.page, ReceiptPage)
    again.window.page.reviewed.emit()
    again.window.page.chosen.emit(again.sitting.readings[1])  # type: ignore[attr-defined]
    again.wait_for_exam()
    again.press("3", "k", "u", "Delete")
    assert (again.score(Side.A), again.score(Side.B)) == (9, 2)
    assert again.page.remark.isHidden()


@pytest.mark.parametrize("is_kiosk", [True, False])
def test_a_kiosk_shows_no_way_to_the_files(qtbot: QtBot, tmp_path: Path, is_kiosk: bool) -> None:
    receipt = Receipt(20, "ab" * 32, "3KH3KQRV", datetime(2020, 10, 1, 14, 2, tzinfo=UTC), "Ada", MEANING)
    page = ReceiptPage(receipt, tmp_path / "results.json", is_kiosk=is_kiosk)
    qtbot.addWidget(page)
    names = {button.text() for button in page.findChildren(QPushButton)}
    assert {"Save a copy…", "Open its folder"}.isdisjoint(names) is is_kiosk
    assert "3KH3KQRV" in {label.text() for label in page.findChildren(QLabel)}
