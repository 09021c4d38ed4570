"""The strip shows the state and passes on what is chosen; it says where the crosshair is and nothing of a mask."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSlider, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from reader_app.layout import Layout, OverlayStyle, Plane
from reader_app.state import ViewState, Window
from reader_app.views.look_strip import LookStrip
from tests.reader_app.made_exams import ball, made_exam

EXAM = made_exam()


@pytest.fixture
def state() -> ViewState:
    made = ViewState()
    made.open_exam(EXAM)
    return made


@pytest.fixture
def strip(qtbot: QtBot, state: ViewState) -> Iterator[LookStrip]:
    window = QWidget()  # the strip is never a window itself
    qtbot.addWidget(window)
    window.resize(1280, 60)
    made = LookStrip(state, window)
    made.resize(1280, 40)
    with qtbot.waitExposed(window):
        window.show()
    yield made


def button(strip: LookStrip, words: str) -> QToolButton:
    return next(b for b in strip.findChildren(QToolButton) if words in (b.text(), b.accessibleName().split("  (")[0]))


def number(strip: LookStrip, name: str) -> QDoubleSpinBox:
    return next(box for box in strip.findChildren(QDoubleSpinBox) if box.accessibleName() == name)


def click(qtbot: QtBot, strip: LookStrip, words: str) -> None:
    qtbot.mouseClick(button(strip, words), Qt.MouseButton.LeftButton)


def test_buttons_do_what_they_say(qtbot: QtBot, strip: LookStrip, state: ViewState) -> None:
    click(qtbot, strip, "FLAIR")
    assert state.layer == "FLAIR"
    click(qtbot, strip, "Both layers, three planes")
    assert state.layout is Layout.BOTH
    click(qtbot, strip, "Show or hide both segmentations")
    assert not state.is_overlay_shown
    click(qtbot, strip, "Filled or outlined")
    assert state.overlay_style is OverlayStyle.OUTLINE
    click(qtbot, strip, "Smooth or voxels")
    assert not state.is_interpolated
    click(qtbot, strip, "Show or hide the crosshair")
    assert not state.is_crosshair_shown
    click(qtbot, strip, "Reset the view")
    assert state.is_overlay_shown and state.is_crosshair_shown


def test_buttons_show_the_state_whoever_changed_it(qtbot: QtBot, strip: LookStrip, state: ViewState) -> None:
    assert button(strip, "T1c").isChecked() and not button(strip, "FLAIR").isChecked()
    state.toggle_layer()
    assert button(strip, "FLAIR").isChecked() and not button(strip, "T1c").isChecked()
    click(qtbot, strip, "FLAIR")  # pressed though it was down: it stays down
    assert button(strip, "FLAIR").isChecked()
    state.set_layout(Layout.PLANE)
    assert button(strip, "One plane, large").isChecked() and not button(strip, "One layer, three planes").isChecked()
    state.toggle_overlay()
    assert not button(strip, "Show or hide both segmentations").isChecked()


def test_opacity_goes_both_ways(strip: LookStrip, state: ViewState) -> None:
    (slider,) = strip.findChildren(QSlider)
    slider.setValue(80)
    assert state.opacity == 0.8
    state.set_opacity(0.255)
    assert slider.value() in (25, 26)
    assert state.opacity == 0.255  # showing it does not round it


def test_window_numbers_can_be_typed(qtbot: QtBot, strip: LookStrip, state: ViewState) -> None:
    for name, text in (("Level", "333"), ("Width", "222")):
        box = number(strip, name)
        box.setFocus()
        box.selectAll()
        qtbot.keyClicks(box, text)
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert state.windows["T1c"] == Window(333, 222)
    assert state.windows["FLAIR"] == EXAM.windows["FLAIR"]
    assert not number(strip, "Width").hasFocus()  # keys are the window's again


def test_a_width_of_nothing_is_not_taken(qtbot: QtBot, strip: LookStrip, state: ViewState) -> None:
    box = number(strip, "Width")
    box.selectAll()
    qtbot.keyClicks(box, "0")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert state.windows == EXAM.windows
    assert box.value() == round(EXAM.windows["T1c"].width)


def test_leaving_a_number_does_not_round_the_window(qtbot: QtBot, strip: LookStrip, state: ViewState) -> None:
    state.set_window("T1c", Window(333.3125, 222.4375))
    box = number(strip, "Level")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert state.windows["T1c"] == Window(333.3125, 222.4375)


def test_z_scores_are_shown_with_decimals(strip: LookStrip, state: ViewState) -> None:
    state.set_window("T1c", Window(0.25, 1.5))
    assert (number(strip, "Level").value(), number(strip, "Width").value()) == (0.25, 1.5)


def test_presets_are_named_and_chosen(strip: LookStrip, state: ViewState) -> None:
    preset = next(box for box in strip.findChildren(QComboBox) if box.findText("narrow") >= 0)
    assert preset.currentText() == "auto"
    preset.setCurrentText("narrow")
    preset.textActivated.emit("narrow")
    assert state.windows["T1c"] == EXAM.presets["T1c"]["narrow"]
    state.set_window("T1c", Window(1, 2))
    assert preset.currentText() == "by hand"
    preset.textActivated.emit("by hand")
    assert state.windows["T1c"] == Window(1, 2)


def test_the_plane_is_chosen_where_one_is_shown(strip: LookStrip, state: ViewState) -> None:
    plane = next(box for box in strip.findChildren(QComboBox) if box.findText("coronal") >= 0)
    assert plane.isHidden()
    state.set_layout(Layout.PLANE)
    assert not plane.isHidden()
    plane.textActivated.emit("coronal")
    assert state.plane is Plane.CORONAL


def test_surfaces_are_offered_only_where_the_study_has_them(strip: LookStrip, state: ViewState) -> None:
    words = "3-D surfaces, if the study shows them"
    assert button(strip, words).isHidden()
    state.allow_surface(True)
    assert not button(strip, words).isHidden()


def test_the_readout_tells_place_and_grey_values(strip: LookStrip, state: ViewState) -> None:
    # the made exam has voxels of 1 mm with voxel 0 at the origin, and i, j, k to the left, back and head
    state.move_cursor((20, 25, 15))
    t1c, flair = (EXAM.layers[name].array[20, 25, 15] for name in ("T1c", "FLAIR"))
    assert strip.readout.lines() == ("L 20.0   P 25.0   S 15.0 mm", f"T1c {t1c}   FLAIR {flair}")


def test_the_readout_names_the_other_directions(qtbot: QtBot) -> None:
    world = np.diag([-1.0, -1.0, 1.0, 1.0])
    world[:3, 3] = 30.5, 30.5, -40  # voxel 0 lies 30.5 mm to the right and front, 40 mm towards the feet
    state = ViewState()
    strip = LookStrip(state)
    qtbot.addWidget(strip)
    state.open_exam(made_exam(world))
    state.move_cursor((0, 1, 2))
    assert strip.readout.lines()[0] == "R 30.5   A 29.5   I 38.0 mm"


def test_nothing_on_the_strip_depends_on_a_mask(qtbot: QtBot) -> None:
    pictures = []
    for mask in (ball((25, 20, 15), 6), ball((25, 20, 15), 3)):
        state = ViewState()
        strip = LookStrip(state)
        qtbot.addWidget(strip)
        strip.resize(1200, 40)
        exam = made_exam(mask_a=mask)
        state.open_exam(exam)
        state.move_cursor((25, 20, 15))
        pictures.append(strip.grab().toImage())
    assert pictures[0] == pictures[1]


def test_without_an_exam_the_strip_is_off(strip: LookStrip, state: ViewState) -> None:
    state.close_exam()
    assert not strip.isEnabled()
    assert strip.readout.lines() == ("", "")


def test_the_strip_fits_the_smallest_window(strip: LookStrip, state: ViewState) -> None:
    state.allow_surface(True)
    state.set_layout(Layout.PLANE)
    assert strip.minimumSizeHint().width() <= 1280
