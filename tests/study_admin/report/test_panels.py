"""Pictures of exams: the right exams, each arm's outline in its own column, the right way round; by hand."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text

from segmentation.errors import StudyError
from study_admin.blinding.sources import source_files
from study_admin.design import Arm, Exam, Study
from study_admin.report.masks import read_masks
from study_admin.report.overlap import from_rows
from study_admin.report.panels import largest_differences, panels
from study_admin.report.results import NO_MASKS, StudyResults, analyse_pairs
from study_admin.statistics.pairs import Pairs
from tests.study_admin.made_up_exams import AFFINE, SHAPE, write_image
from tests.study_admin.report.reference_material import results_of_study
from tests.study_admin.statistics.made_up import made_up

ARMS = ("hand", "machine")
# name, code, columns (i) of hand and machine; 3 x 4 x 2 voxels from (., 6, 3) of 1 x 1 x 2 mm
EXAMS = {"apart": ("E001", 4, 12), "near": ("E002", 5, 6), "same": ("E003", 8, 8)}
SCORES = {  # machine minus hand: E001 -3 and -1, E002 0 and 1, E003 2 and 4
    ("R1", "E001"): (8, 5), ("R2", "E001"): (7, 6), ("R1", "E002"): (5, 5), ("R2", "E002"): (5, 6),
    ("R1", "E003"): (2, 4), ("R2", "E003"): (3, 7),
}  # fmt: skip


def box(i: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[i : i + 3, 6:10, 3:5] = 1
    return mask


def write(folder: Path, hand: np.ndarray, machine: np.ndarray, flip: bool = False) -> None:
    """A head in air that is brightest at the patient's right front; flipped, the same stored from right to left."""
    t1c = np.zeros(SHAPE, np.int16)
    t1c[2:18, 2:20, 1:7] = 300
    t1c[3:6, 3:6, 1:7] = 900
    affine = AFFINE
    arrays = {"t1c": t1c, "flair": (t1c // 2).astype(np.int16), "hand": hand, "machine": machine}
    if flip:
        affine = AFFINE @ np.array([[-1.0, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        arrays = {name: array[::-1] for name, array in arrays.items()}
    for name, array in arrays.items():
        write_image(folder / f"{name}.nii.gz", array, affine=affine)


def study_of(folder: Path) -> Study:
    exams = tuple(
        Exam(
            name, folder / name / "t1c.nii.gz", folder / name / "flair.nii.gz",
            {arm: ((folder / name / f"{arm}.nii.gz",),) for arm in ARMS},
        )
        for name in EXAMS
    )  # fmt: skip
    return Study((Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",))), exams, ("R1", "R2"))


CODES = {name: code for name, (code, _, _) in EXAMS.items()}


def table() -> Pairs:
    return replace(made_up(SCORES), arms=ARMS)


@pytest.fixture(scope="module")
def like() -> StudyResults:
    return results_of_study()


def results_of(study: Study, like: StudyResults) -> StudyResults:
    facts = read_masks(study, CODES, source_files(study))
    agreement = from_rows([each.overlap for each in facts], ARMS)
    return analyse_pairs(table(), replace(like.provenance, arms=ARMS), like.flow, overlap=agreement)


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sheet]]:
    """What is drawn, once each."""
    drawn: list[Sheet] = []
    original = Sheet.savefig

    def keep(self: Sheet, file: object, **options: object) -> None:
        if self not in drawn:
            drawn.append(self)
        original(self, file, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Sheet, "savefig", keep)
    return drawn


def views(sheet: Sheet) -> list[list[list[Axes]]]:
    """By arm, row and plane."""
    columns = [column.findobj(Axes) for column in sheet.subfigs]
    return [[axes[row : row + 3] for row in range(0, len(axes), 3)] for axes in columns]


def outline(axes: Axes) -> list[float]:
    """Left, right, lowest and highest of what is outlined, in mm from the centre of the first voxel."""
    (red,) = [c for c in axes.collections if isinstance(c, QuadContourSet) and c.get_edgecolor()[0][0] == 1]
    vertices = red.get_paths()[0].vertices
    return [*vertices[:, 0].min(keepdims=True), vertices[:, 0].max(), vertices[:, 1].min(), vertices[:, 1].max()]


def test_exams_with_the_largest_differences_by_hand() -> None:
    assert largest_differences(table()) == [("E003", 3.0), ("E001", -2.0)]
    one = replace(made_up({("R1", "E7"): (4, 5)}), arms=ARMS)
    assert largest_differences(one) == [("E7", 1.0)]
    assert largest_differences(made_up({("R1", "E7"): (4, float("nan"))})) == []


def test_worst_exams_are_shown_with_each_arms_outline_in_its_column(
    tmp_path: Path, like: StudyResults, sheets: list[Sheet]
) -> None:
    for name, (_, hand, machine) in EXAMS.items():
        write(tmp_path / name, box(hand), box(machine))
    study = study_of(tmp_path)
    found = panels(study, CODES, results_of(study, like))
    assert list(found) == ["lowest_dice", "largest_differences"]
    # apart: nothing in common; near: two of three columns, 2 * 2 / 6
    assert "E001: Dice 0.00; E002: Dice 0.67" in found["lowest_dice"].caption
    assert "E003: 3.00 points; E001: −2.00 points" in found["largest_differences"].caption
    worst, extreme = (views(sheet) for sheet in sheets)
    assert len(worst[0]) == len(worst[1]) == 4 and [len(row) for row in worst[0]] == [3] * 4
    for arm, columns in enumerate(((4, 5), (12, 6))):
        for exam, i in enumerate(columns):
            for row in (2 * exam, 2 * exam + 1):
                axial, coronal, _ = worst[arm][row]
                # edges of the voxels, half a voxel from their centres: i to i + 2, 6 to 9, 3 to 4 of 2 mm
                assert outline(axial) == pytest.approx([i - 0.5, i + 2.5, 5.5, 9.5])
                assert outline(coronal) == pytest.approx([i - 0.5, i + 2.5, 5.0, 9.0])
    # the middle of E001's union, 3 columns each at 4 and 12, is where its first half ends: only hand is there
    assert outline(worst[0][0][2]) == pytest.approx([5.5, 9.5, 5.0, 9.0])
    assert not worst[1][0][2].collections
    means = [
        text.get_text() for arm in extreme for row in arm[::2] for text in row[0].texts if "mean" in text.get_text()
    ]
    assert means == ["mean 2.50", "mean 7.50", "mean 5.50", "mean 5.50"]
    for figure in found.values():
        assert struct.unpack(">I", figure.png[16:20]) == (1500,)
    for sheet in sheets:
        assert min(text.get_fontsize() for text in sheet.findobj(Text) if text.get_text()) >= 8
    assert panels(study, CODES, results_of(study, like)) == found


def one_sheet(study: Study, like: StudyResults) -> None:
    """Draw the exams of the lowest Dice only: without a pair of scores there is no largest difference."""
    nobody = replace(made_up({("R1", "E001"): (1, float("nan"))}), arms=ARMS)
    assert list(panels(study, CODES, replace(results_of(study, like), pairs=nobody))) == ["lowest_dice"]


@pytest.mark.parametrize("flip", [False, True])
def test_the_patients_right_is_at_the_left_and_the_front_and_the_head_above(
    tmp_path: Path, like: StudyResults, sheets: list[Sheet], flip: bool
) -> None:
    for name in EXAMS:
        write(tmp_path / name, box(4), box(4), flip)
    study = study_of(tmp_path)
    one_sheet(study, like)
    axial, coronal, sagittal = views(sheets[0])[0][0]
    image = np.asarray(axial.images[0].get_array(), float)
    left, right, first, last = axial.images[0].get_extent()
    y, x = np.argwhere(image > 0.9).mean(axis=0) / image.shape
    assert (left + x * (right - left), first + y * (last - first)) == pytest.approx((4, 4), abs=0.6)  # of i, j = 3 to 5
    assert axial.get_ylim()[0] > axial.get_ylim()[1] and axial.get_xlim()[0] < axial.get_xlim()[1]  # front above
    for upright in (coronal, sagittal):
        assert upright.get_ylim()[0] < upright.get_ylim()[1]  # the last slice is that of the head
    letters = [[text.get_text() for text in axes.texts if len(text.get_text()) == 1] for axes in (axial, sagittal)]
    assert letters == [["R"], ["A"]]
    sides = {round(float(np.ptp(axes.get_xlim())), 6) for axes in (axial, coronal, sagittal)}
    assert len(sides) == 1  # one scale in all views


def test_empty_masks_are_shown_without_an_outline(tmp_path: Path, like: StudyResults, sheets: list[Sheet]) -> None:
    for name in EXAMS:
        write(tmp_path / name, np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8))
    study = study_of(tmp_path)
    one_sheet(study, like)
    assert not any(axes.collections for axes in sheets[0].findobj(Axes))


def test_what_the_results_lack_is_left_out_and_a_file_that_is_gone_is_named(tmp_path: Path, like: StudyResults) -> None:
    for name, (_, hand, machine) in EXAMS.items():
        write(tmp_path / name, box(hand), box(machine))
    study = study_of(tmp_path)
    results = results_of(study, like)
    assert list(panels(study, CODES, replace(results, overlap=NO_MASKS))) == ["largest_differences"]
    (tmp_path / "apart" / "flair.nii.gz").unlink()
    with pytest.raises(StudyError, match=r"apart/flair\.nii\.gz"):
        panels(study, CODES, results)
