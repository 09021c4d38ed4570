"""The figures: what is drawn and said is what the frozen scores hold, legibly, without colour, and each time alike."""

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text

from study_admin.report import canvas
from study_admin.report.canvas import Figure
from study_admin.report.figures import figures
from study_admin.report.overlap import ExamOverlap, from_rows
from study_admin.report.results import StudyResults, analyse, analyse_pairs
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.pairs import Pairs, pairs
from tests.study_admin.report.reference_material import reference_material
from tests.study_admin.statistics.made_up import differences, frozen
from tests.study_admin.statistics.r_values import from_r, scores

HERE = Path(__file__).parent / "reference"
NAMES = {
    "scores", "forest", "differences_by_reader", "win_tie_loss", "dice_on_volume", "bland_altman", "over_position",
    "blinding", "false_alarms",
}  # fmt: skip


@contextmanager
def sheets() -> Iterator[dict[str, Sheet]]:
    """What is drawn meanwhile, by name."""
    drawn: dict[str, Sheet] = {}
    original = Sheet.savefig

    def keep(self: Sheet, file: Any, **options: Any) -> None:
        drawn[canvas.matplotlib.rcParams["svg.hashsalt"]] = self
        original(self, file, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sheet, "savefig", keep)
        yield drawn


@pytest.fixture(scope="module")
def results() -> StudyResults:
    table = pd.read_csv(HERE / "overlap.csv")
    rows = [ExamOverlap(r.exam, r.dice, r.recall, r.precision, r.volume) for r in table.itertuples()]
    return analyse(reference_material("paper"), overlap=from_rows(rows, ("technician", "dl")))


@pytest.fixture(scope="module")
def drawn(results: StudyResults) -> tuple[Mapping[str, Figure], Mapping[str, Sheet]]:
    with sheets() as kept:
        return figures(results), kept


Drawn = tuple[Mapping[str, Figure], Mapping[str, Sheet]]


def axes_of(sheet: Sheet) -> list[Axes]:
    return [axes for axes in sheet.findobj(Axes) if isinstance(axes, Axes)]


def test_every_figure_is_there_as_picture_and_drawing_with_its_words(drawn: Drawn) -> None:
    found, _ = drawn
    assert set(found) == NAMES
    for name, figure in found.items():
        assert figure.png.startswith(b"\x89PNG") and struct.unpack(">I", figure.png[16:20]) == (1500,), name
        root = ElementTree.fromstring(figure.svg)
        assert float(root.attrib["width"].removesuffix("pt")) == 540, name  # 7.5 inches: 720 pixels of CSS
        assert len(figure.caption) > 80 and len(figure.alt) > 60, name
        assert "nan" not in (figure.caption + figure.alt).lower()
        assert not re.search(r"[\s(]-\d", figure.caption + figure.alt), name  # a true minus sign


def test_fonts_are_8_points_or_more(drawn: Drawn) -> None:
    for name, sheet in drawn[1].items():
        sizes = {text.get_fontsize() for text in sheet.findobj(Text) if text.get_text().strip() and text.get_visible()}
        assert sizes and min(sizes) >= 8, name


def test_equal_results_are_equal_bytes_without_a_date(results: StudyResults, drawn: Drawn) -> None:
    """Here those of masks and checks; those that every report has are drawn again with the page (test_document)."""
    gone = NotEstimable("x", "drawn there")
    again = figures(replace(results, scores=gone, win_tie_loss=gone, bland_altman=gone))
    assert "dice_on_volume" in again
    for name, figure in drawn[0].items():
        assert again.get(name, figure) == figure, name
        assert b"<dc:date>" not in figure.svg and b"tIME" not in figure.png and b"Matplotlib" not in figure.png


def test_ids_of_two_drawings_on_one_page_do_not_clash(drawn: Drawn) -> None:
    """Clip paths and hatches are referred to by id; a glyph of the same font may be shared."""
    seen: dict[str, str] = {}
    for name, figure in drawn[0].items():
        for key in set(re.findall(rb"url\(#([^)]+)\)", figure.svg)):
            assert seen.setdefault(key.decode(), name) == name


def test_arms_differ_in_brightness_marker_and_line() -> None:
    bright = [float(np.dot(to_rgb(c), (0.2126, 0.7152, 0.0722))) for c in (canvas.FIRST, canvas.SECOND)]
    assert abs(bright[0] - bright[1]) > 0.25
    assert canvas.FIRST_MARKER != canvas.SECOND_MARKER and canvas.FIRST_LINE != canvas.SECOND_LINE


def test_bars_of_the_scores_are_the_shares_of_the_table(drawn: Drawn) -> None:
    table = scores("paper")
    heights = [[bar.get_height() for bar in box] for box in axes_of(drawn[1]["scores"])[1].containers]
    for arm, found in zip(("score_technician", "score_dl"), heights, strict=True):
        expected = [100 * (table[arm] == score).mean() for score in range(11)]
        assert found == pytest.approx(expected)
    caption = drawn[0]["scores"].caption
    # the paper's own numbers, section 3: medians 7 and 8, 6.97 ± 0.12 and 7.31 ± 0.13
    assert "technician: median 7, mean 6.97 ± 0.12 (SE with clustering 0.30)" in caption
    assert "dl: median 8, mean 7.31 ± 0.13 (SE with clustering 0.28)" in caption


def test_boxes_are_those_of_each_readers_differences(drawn: Drawn) -> None:
    table = scores("paper")
    table["d"] = table["score_dl"] - table["score_technician"]
    expected = table.groupby("reader")["d"].agg(["median", "mean"])
    drawn_boxes = {}
    for axes in axes_of(drawn[1]["differences_by_reader"]):
        labels = [text.get_text() for text in axes.get_xticklabels()]
        bold = [line for line in axes.lines if line.get_linewidth() == 2.2]
        means = [line for line in axes.lines if line.get_marker() == "D"]
        for label, median, mean in zip(labels, bold, means, strict=True):
            drawn_boxes[label] = (float(median.get_ydata()[0]), float(mean.get_ydata()[0]))  # type: ignore[index]
    assert len(drawn_boxes) == 20
    for reader, values in drawn_boxes.items():
        assert values == pytest.approx(tuple(expected.loc[reader]))


def test_forest_has_each_reader_and_the_primary_estimate_of_r(drawn: Drawn) -> None:
    (axes,) = axes_of(drawn[1]["forest"])
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[:5] == ["R01", "R02", "R03", "R04", "G1"] and labels[-1] == "All" and len(labels) == 26
    table = scores("paper")
    means = (table["score_dl"] - table["score_technician"]).groupby(table["reader"]).mean()
    points = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]  # type: ignore[index]
    assert points == pytest.approx(list(means))
    # lmerTest: 0.3400, SE 0.13334, df 28.34; t of 0.975 there is 2.047, so 0.34 ± 0.273
    assert "0.34 (95 % CI 0.07 to 0.61)" in drawn[0]["forest"].caption


def test_wins_ties_and_losses_are_counted(drawn: Drawn) -> None:
    d = scores("paper")["score_dl"] - scores("paper")["score_technician"]
    counts = [int((d < 0).sum()), int((d == 0).sum()), int((d > 0).sum())]
    (axes,) = axes_of(drawn[1]["win_tie_loss"])
    assert [bar.get_width() for bars in axes.containers[:3] for bar in bars] == pytest.approx([n / 4 for n in counts])
    assert [text.get_text().split(" ")[0] for text in axes.texts[:3]] == [str(n) for n in counts]
    assert "net benefit 0.17" in drawn[0]["win_tie_loss"].caption  # (169 - 101) / 400


def test_lines_of_bland_altman_are_those_of_r(drawn: Drawn) -> None:
    (axes,) = axes_of(drawn[1]["bland_altman"])
    lines = sorted(float(line.get_ydata()[0]) for line in axes.lines)  # type: ignore[index]
    low, zero, bias, high = lines
    variance = 0.155 + 0.435 + 2.264  # of reader, exam, residual: statistics.md, section 3
    assert (zero, bias) == pytest.approx((0, from_r("main", "paper")["mixed_difference"]["estimate"]), abs=1e-6)
    assert (high - bias, bias - low) == pytest.approx([1.96 * variance**0.5] * 2, abs=2e-3)


def test_dice_on_volume_has_the_line_of_r(drawn: Drawn) -> None:
    right = axes_of(drawn[1]["dice_on_volume"])[1]
    x, y = (np.asarray(part, float) for part in right.lines[0].get_data())
    assert (y[-1] - y[0]) / (x[-1] - x[0]) == pytest.approx(0.000395249574189664, abs=1e-9)  # overlap.json
    caption = drawn[0]["dice_on_volume"].caption
    assert "slope 0.00040 a ml (95 % CI 0.00012 to 0.00067), r = 0.28 (0.08 to 0.45)" in caption


def results_of(table: Pairs, like: StudyResults) -> StudyResults:
    return analyse_pairs(table, replace(like.provenance, arms=table.arms), like.flow)


def test_a_table_of_pairs_alone_has_its_figures(results: StudyResults) -> None:
    found = figures(results_of(frozen("null"), results))
    assert set(found) == NAMES - {"dice_on_volume", "blinding"}


@pytest.mark.parametrize("case", ["one reader", "one pair", "all ties", "no pair", "odd names", "many readers"])
def test_odd_studies_are_drawn_without_a_number_that_is_none(results: StudyResults, case: str) -> None:
    rng = np.random.default_rng(4)
    many = [f"Reader-{n:02}-of-us" for n in range(45)]
    tables = {
        "one reader": differences([[1, 0, -2, 3]]),
        "one pair": differences([[1]]),
        "all ties": differences([[0, 0, 0], [0, 0, 0]]),
        "no pair": pairs(["R1"], ["E1"], [float("nan")], [3.0]),
        "odd names": replace(differences([[1, 0], [2, 1]]), arms=("a <b> & $x_1$", "Ω $\\frac$")),
        "many readers": pairs(
            [r for r in many for _ in range(3)], [f"E{n // 9}{e}" for n in range(45) for e in range(3)],
            rng.integers(0, 11, 135), rng.integers(0, 11, 135),
        ),
    }  # fmt: skip
    table = tables[case]
    found = figures(results_of(table, results))
    assert ("forest" in found) == (case != "no pair")
    for name, figure in found.items():
        ElementTree.fromstring(figure.svg)
        assert "nan" not in figure.caption.replace(table.arms[0], "") + figure.alt, name


def test_what_cannot_be_estimated_is_left_out_or_said(results: StudyResults) -> None:
    gone = NotEstimable("x", "there is nothing")
    bare = replace(results, scores=gone, win_tie_loss=gone, overlap=gone, bland_altman=gone)
    assert set(figures(bare)) == {"over_position", "blinding", "false_alarms"}
