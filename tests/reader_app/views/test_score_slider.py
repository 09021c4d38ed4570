"""The scale's words never touch, from the smallest window to the largest; where the handle stands."""

from itertools import pairwise

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from reader_app.session.model import PUBLISHED_SCALE
from reader_app.views import theme
from reader_app.views.score_slider import ScoreSlider


@pytest.fixture
def slider(qtbot: QtBot) -> ScoreSlider:
    theme.apply(QApplication.instance())  # type: ignore[arg-type]
    made = ScoreSlider(PUBLISHED_SCALE)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize("width", [350, 460, 470, 700, 1600])
def test_the_words_of_neighbours_do_not_touch(slider: ScoreSlider, width: int) -> None:
    slider.resize(width, 120)
    spans = []
    for anchor in PUBLISHED_SCALE.anchors:
        widest = max(slider.fontMetrics().horizontalAdvance(line) for line in slider._lines(anchor.label))
        centre = slider.centre_of(anchor.value).x()
        spans.append((centre - widest / 2, centre + widest / 2))
    assert all(left[1] < right[0] for left, right in pairwise(spans))
    assert spans[0][0] >= 0 and spans[-1][1] <= width


def test_the_track_is_even(slider: ScoreSlider) -> None:
    slider.resize(600, 120)
    steps = [b.x() - a.x() for a, b in pairwise(slider.centre_of(value) for value in range(11))]
    assert steps == pytest.approx([steps[0]] * 10)


def test_without_a_value_no_number_is_marked(slider: ScoreSlider) -> None:
    """The pictures of no score and of 0 differ, and the hollow handle stands left of the scale."""
    slider.resize(600, 120)
    slider.show()
    empty = slider.grab().toImage()
    slider.show_value(0)
    zero = slider.grab().toImage()
    assert empty != zero
    at = slider.centre_of(0).toPoint()
    assert zero.pixelColor(at).name() == theme.ACCENT
    assert empty.pixelColor(at).name() == theme.LINE
