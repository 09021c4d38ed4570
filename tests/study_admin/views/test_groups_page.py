"""Stage 2: the matrix as it is planned and drawn; readers put into groups by mouse and by keys."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDropEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from study_admin.design import ExamFacts
from study_admin.records import ExamRecord, ReaderRecord
from study_admin.study_folder import StudyFolder
from study_admin.views.group_board import CardList
from study_admin.views.matrix import drawn
from tests.study_admin.views.conftest import Coordinator


@pytest.fixture
def drafted(coordinator: Coordinator, exams: Path, study: Path) -> Coordinator:
    """On stage 2 of a study of 2 groups × 2 readers × 2 exams that isn't open."""
    coordinator.write_study(exams, study)
    return coordinator


def cards(coordinator: Coordinator) -> list[list[str]]:
    return [[board.item(row).text() for row in range(board.count())] for board in coordinator.groups.board.lists]


def chosen(study: Path) -> dict[str, int | None]:
    with StudyFolder(study).store() as store:
        return {reader.code: reader.chosen_group for reader in store.readers()}


def drop_card(coordinator: Coordinator, reader: str, onto: CardList) -> None:
    """As Qt delivers the drop of a dragged card, whose source is the list that it comes from."""
    (source,) = [
        cards for cards in coordinator.groups.board.lists if cards.findItems(reader, Qt.MatchFlag.MatchExactly)
    ]
    source.setCurrentItem(source.findItems(reader, Qt.MatchFlag.MatchExactly)[0])

    class Drop(QDropEvent):
        def source(self) -> CardList:
            return source

    none = Qt.KeyboardModifier.NoModifier
    event = Drop(QPointF(9, 9), Qt.DropAction.MoveAction, QMimeData(), Qt.MouseButton.LeftButton, none)
    onto.dropEvent(event)
    assert event.dropAction() is Qt.DropAction.IgnoreAction  # else the source would lose its card by itself
    coordinator.wait()


def test_all_are_drawn_at_random_at_first(drafted: Coordinator, study: Path) -> None:
    assert cards(drafted) == [["R01", "R02", "R03", "R04"], [], []]
    assert set(chosen(study).values()) == {None}
    assert not drafted.groups.matrix.matrix.is_drawn


def test_a_dropped_card_puts_its_reader_into_the_group(drafted: Coordinator, study: Path) -> None:
    drop_card(drafted, "R03", drafted.groups.board.lists[2])
    assert chosen(study) == {"R01": None, "R02": None, "R03": 2, "R04": None}
    assert cards(drafted) == [["R01", "R02", "R04"], [], ["R03"]]
    assert "R03" in drafted.groups.matrix.matrix.readers[2:]
    drop_card(drafted, "R03", drafted.groups.board.lists[0])
    assert set(chosen(study).values()) == {None}


def test_the_keyboard_moves_a_card_as_well(drafted: Coordinator, study: Path) -> None:
    """Enter opens the card's menu; its last entry is group 2. The focus goes with the card."""
    board = drafted.groups.board
    board.lists[0].setCurrentRow(1)
    board.lists[0].setFocus()
    drafted.press(Qt.Key.Key_Return)
    assert [action.text() for action in board.menu.actions()] == ["R02: draw at random", "R02: Group 1", "R02: Group 2"]
    QTest.keyClick(board.menu, Qt.Key.Key_Up)
    QTest.keyPress(board.menu, Qt.Key.Key_Return)
    drafted.wait()
    assert chosen(study)["R02"] == 2
    drafted.wait_for(lambda: QApplication.focusWidget() is board.lists[2])


def test_a_full_group_refuses_in_a_sentence(drafted: Coordinator, study: Path) -> None:
    for reader in ("R01", "R02", "R03"):
        drop_card(drafted, reader, drafted.groups.board.lists[1])
    assert "R03" in drafted.notice or "full" in drafted.notice or "2" in drafted.notice
    assert cards(drafted) == [["R03", "R04"], ["R01", "R02"], []]
    assert chosen(study)["R03"] is None


def test_all_choices_can_be_taken_back(drafted: Coordinator, study: Path) -> None:
    drop_card(drafted, "R01", drafted.groups.board.lists[1])
    drafted.click(drafted.groups.draw_all)
    drafted.wait()
    assert set(chosen(study).values()) == {None}
    assert not drafted.groups.draw_all.isEnabled()


def test_after_the_opening_the_matrix_is_the_stored_one(drafted: Coordinator, study: Path) -> None:
    drop_card(drafted, "R04", drafted.groups.board.lists[1])
    drafted.open_study()
    drafted.stage(2)
    with StudyFolder(study).store() as store:
        due = {(reading.reader, reading.exam) for reading in store.readings() if not reading.is_practice}
    matrix = drafted.groups.matrix.matrix
    shown = {
        (reader, exam)
        for row, reader in enumerate(matrix.readers)
        for column, exam in enumerate(matrix.exams)
        if matrix.is_read(row, column)
    }
    assert shown == due and len(due) == 8
    assert "R04" in cards(drafted)[0] and len(cards(drafted)) == 2
    assert not any(board.acceptDrops() for board in drafted.groups.board.lists)


def test_pointing_at_a_cell_tells_who_reads_what(drafted: Coordinator) -> None:
    drafted.open_study()
    drafted.stage(2)
    view = drafted.groups.matrix
    place = view.cell_rect(0, 0).center().toPoint()
    QApplication.sendEvent(view, QHelpEvent(QHelpEvent.Type.ToolTip, place, view.mapToGlobal(place)))
    assert QToolTip.text() == f"{view.matrix.readers[0]} reads {view.matrix.exams[0]}."
    assert view.cell_at(QPointF(QPoint(1, 1))) is None


def test_unequal_groups_are_drawn_as_blocks() -> None:
    """By hand: group 1 has readers B and C and exam x, group 2 has reader A and exams w and y; p is for practice."""
    readers = [ReaderRecord("A", None, 2), ReaderRecord("B", None, 1), ReaderRecord("C", 1, 1)]
    exams = [
        ExamRecord("p", True, None, ExamFacts()),
        *(ExamRecord(name, False, group, ExamFacts()) for name, group in (("w", 2), ("x", 1), ("y", 2))),
    ]
    matrix = drawn(readers, exams)
    assert matrix.readers == ("B", "C", "A") and matrix.exams == ("x", "w", "y")
    assert [[matrix.is_read(row, column) for column in range(3)] for row in range(3)] == [
        [True, False, False],
        [True, False, False],
        [False, True, True],
    ]
    assert matrix.summary() == "2 groups (readers × exams): 2 × 1, 1 × 2; 4 readings."
