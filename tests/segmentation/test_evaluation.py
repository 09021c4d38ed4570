"""Predicted masks against references: against SimpleITK's measures, by hand, and what is said of gaps."""

import csv
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segmentation import evaluation, volumes
from segmentation.errors import StudyError
from segmentation.evaluation import Pair, find_pairs, measure, summarise
from segmentation.preprocessing.images import engine
from segmentation.volumes import Volume, reorient

AFFINE = np.array([[-0.9, 0, 0, 80.0], [0, -1.1, 0, 90.0], [0, 0, 2.5, -40.0], [0, 0, 0, 1]])


def ragged(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    noise = rng.random((2, 24, 26, 12))
    noise[1] = 0.6 * noise[0] + 0.4 * noise[1]
    noise[:, 18:] = 0
    noise[:, 0], noise[:, :, [0, -1]], noise[..., [0, -1]] = 0, 0, 0  # at the image's edge SimpleITK sees no surface
    return (noise[0] > 0.75).astype(np.uint8), (noise[1] > 0.65).astype(np.uint8) * 4


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    volumes.save(path, Volume(array, affine))
    return path


def itk(path: Path) -> Any:
    return engine().Cast(engine().ReadImage(str(path)) > 0, engine().sitkUInt8)


def surface_distances_mm(a: Any, b: Any) -> np.ndarray:
    """SimpleITK's contours and exact distance maps, both directions in one list."""
    sitk, found = engine(), []
    for one, other in ((a, b), (b, a)):
        edge, target = (sitk.LabelContour(image, fullyConnected=False) for image in (one, other))
        away = sitk.SignedMaurerDistanceMap(target, squaredDistance=False, useImageSpacing=True)
        found.append(sitk.GetArrayFromImage(away).clip(0)[sitk.GetArrayFromImage(edge) > 0])
    return np.concatenate(found)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_those_of_simpleitk(seed: int, tmp_path: Path) -> None:
    reference, predicted = ragged(seed)
    pair = Pair("x", save(tmp_path / "p.nii.gz", predicted), save(tmp_path / "r.nii.gz", reference))
    found = measure(pair).as_row()
    one, other = itk(pair.reference), itk(pair.predicted)
    sitk = engine()
    theirs = sitk.LabelOverlapMeasuresImageFilter()
    theirs.Execute(other, one)
    assert found["dice"] == pytest.approx(theirs.GetDiceCoefficient(), abs=1e-9)
    assert found["precision"] == pytest.approx(1 - theirs.GetFalseDiscoveryRate(), abs=1e-9)
    assert found["recall"] == pytest.approx(1 - theirs.GetFalseNegativeError(), abs=1e-9)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(one)
    assert found["reference_ml"] == pytest.approx(shape.GetPhysicalSize(1) / 1000)
    apart = surface_distances_mm(one, other)
    assert found["mean_surface_mm"] == pytest.approx(apart.mean(), abs=1e-5)
    assert found["hd95_mm"] == pytest.approx(np.percentile(apart, 95), abs=1e-5)


def test_another_order_of_storage_is_no_difference_and_another_place_is_refused(tmp_path: Path) -> None:
    reference, predicted = ragged(1)
    truth = save(tmp_path / "r.nii.gz", reference)
    same = save(tmp_path / "same.nii.gz", predicted)
    turned = reorient(Volume(predicted, AFFINE), "SAL")
    other = save(tmp_path / "turned.nii.gz", turned.array, turned.world_from_voxel)
    assert measure(Pair("x", same, truth)) == measure(Pair("x", other, truth))
    moved = save(tmp_path / "moved.nii.gz", predicted, AFFINE + np.array([[0, 0, 0, 1.0]] + [[0.0] * 4] * 3))
    with pytest.raises(StudyError, match=r"moved.nii.gz.*same place as .*r.nii.gz.*Save it again on the grid"):
        measure(Pair("x", moved, truth))
    smaller = save(tmp_path / "smaller.nii.gz", predicted[1:])
    with pytest.raises(StudyError, match=r"does not have the size.*Save it again"):
        measure(Pair("x", smaller, truth))
    save(tmp_path / "mask_prepared.nii.gz", predicted)  # as `predict` leaves it beside the mask on the T1c's own grid
    with pytest.raises(StudyError, match=r"add: --predicted-name mask_prepared\.nii\.gz"):
        measure(Pair("x", smaller, truth))


def test_exams_are_matched_by_name_and_gaps_are_named(tmp_path: Path) -> None:
    reference, predicted = ragged(0)
    for exam in ("a", "b", "c"):
        save(tmp_path / "exams" / exam / "seg.nii.gz", reference)
        save(tmp_path / "exams" / exam / "brain_mask.nii.gz", reference)
    (tmp_path / "exams" / "notes").mkdir()
    save(tmp_path / "out" / "a" / "mask.nii.gz", predicted)
    save(tmp_path / "out" / "b.nii.gz", predicted)
    save(tmp_path / "out" / "z" / "mask.nii.gz", predicted)
    pairing = find_pairs(tmp_path / "out", tmp_path / "exams")
    assert [(p.name, p.predicted.name, p.reference.parent.name) for p in pairing.pairs] == [
        ("a", "mask.nii.gz", "a"),
        ("b", "b.nii.gz", "b"),
    ]
    assert (pairing.unmatched, pairing.unreferenced) == (("c",), ("z",))


def test_ambiguous_and_missing_masks_are_refused(tmp_path: Path) -> None:
    reference, predicted = ragged(0)
    for name in ("mask_1", "mask_2"):
        save(tmp_path / "exams" / "a" / f"{name}.nii.gz", reference)
    save(tmp_path / "out" / "a" / "mask.nii.gz", predicted)
    with pytest.raises(StudyError, match=r"mask_1.nii.gz, mask_2.nii.gz.*--reference-name.*segmentation consensus"):
        find_pairs(tmp_path / "out", tmp_path / "exams")
    assert find_pairs(tmp_path / "out", tmp_path / "exams", reference_name="*_2.nii.gz").pairs[0].reference.name == (
        "mask_2.nii.gz"
    )
    with pytest.raises(StudyError, match="No exam in this folder has a reference mask"):
        find_pairs(tmp_path / "out", tmp_path / "exams", reference_name="expert*")
    with pytest.raises(StudyError, match="None of the 1 exams with a reference has a net"):
        find_pairs(tmp_path / "out", tmp_path / "exams", "net.nii.gz", "*_2.nii.gz")
    with pytest.raises(StudyError, match="no such folder"):
        find_pairs(tmp_path / "absent", tmp_path / "exams")


def test_tables_by_hand_with_empty_masks_said(tmp_path: Path) -> None:
    """Voxels of 2 mm³. Half: 6 of 10 reference voxels are predicted and none besides; Dice 12/16, recall 0.6."""
    grid = np.diag([1.0, 1.0, 2.0, 1.0])
    ten, six, none = (np.zeros((12, 3, 3), np.uint8) for _ in range(3))
    ten[1:11, 1, 1], six[1:7, 1, 1] = 1, 1
    pairs = []
    for exam, drawn, truth in (("half", six, ten), ("missed", none, ten), ("nothing", none, none)):
        there = (save(tmp_path / exam / "mask.nii.gz", drawn, grid), save(tmp_path / exam / "seg.nii.gz", truth, grid))
        pairs.append(Pair(exam, *there))
    measured = [measure(pair) for pair in pairs]
    rows = list(csv.DictReader(StringIO(evaluation.metrics_csv(measured))))
    assert [row["exam"] for row in rows] == ["missed", "half", "nothing"]
    by_exam = {row["exam"]: row for row in rows}
    half = by_exam["half"]
    assert [float(half[c]) for c in ("dice", "recall", "precision")] == [0.75, 0.6, 1.0]
    assert [float(half[c]) for c in ("reference_ml", "predicted_ml", "difference_ml")] == [0.02, 0.012, -0.008]
    # distances: reference voxels 7-10 lie 1, 2, 3, 4 mm off, the other 12 of 16 surface voxels 0; 10 mm over 16
    assert float(half["mean_surface_mm"]) == pytest.approx(10 / 16)
    assert by_exam["missed"]["hd95_mm"] == "" and "predicted mask is empty" in by_exam["missed"]["note"]
    assert float(by_exam["nothing"]["dice"]) == 1 and "both masks are empty" in by_exam["nothing"]["note"]
    totals = {row["measure"]: row for row in csv.DictReader(StringIO(evaluation.summary_csv(summarise(measured))))}
    # Dice 0, 0.75, 1: mean 1.75/3, median 0.75; the paper's row is Table 3
    assert float(totals["dice"]["mean"]) == pytest.approx(1.75 / 3, abs=1e-6)
    assert float(totals["dice"]["median"]) == 0.75 and totals["dice"]["n"] == "3"
    assert [totals["dice"][c] for c in ("paper_mean", "paper_se", "paper_median")] == ["0.87", "0.01", "0.9"]
    assert totals["hd95_mm"]["n"] == "2" and totals["hd95_mm"]["paper_mean"] == ""
    shown = evaluation.table(summarise(measured))
    assert "Dice" in shown and "0.583 ± 0.300" in shown and "0.87 ± 0.01, 0.90" in shown and "nan" not in shown


def test_one_exam_has_no_standard_error(tmp_path: Path) -> None:
    reference, predicted = ragged(2)
    pair = Pair("x", save(tmp_path / "p.nii.gz", predicted), save(tmp_path / "r.nii.gz", reference))
    summaries = summarise([measure(pair)])
    assert "±" not in evaluation.table(summaries).splitlines()[1].split("0.87")[0]
    (row,) = [r for r in csv.DictReader(StringIO(evaluation.summary_csv(summaries))) if r["measure"] == "dice"]
    assert row["se"] == "" and row["sd"] == ""


def test_results_are_written_with_and_without_images(tmp_path: Path) -> None:
    reference, predicted = ragged(0)
    pairs = []
    for exam in ("bare", "whole"):
        folder = tmp_path / "exams" / exam
        pairs.append(Pair(exam, save(folder / "net.nii.gz", predicted), save(folder / "seg.nii.gz", reference)))
    for name in ("t1c", "flair"):
        save(tmp_path / "exams" / "whole" / f"{name}.nii.gz", (reference * 50 + 100).astype(np.int16))
    measured = [measure(pair) for pair in pairs]
    evaluation.write(tmp_path / "results", pairs, measured, None, 2)
    assert sorted(p.name for p in (tmp_path / "results").iterdir()) == ["metrics.csv", "summary.csv", "worst.png"]
    with_images = (tmp_path / "results" / "worst.png").read_bytes()
    shutil.rmtree(tmp_path / "exams" / "whole")
    evaluation.write(tmp_path / "again", pairs[:1], measured[:1], tmp_path / "nowhere", 2)
    assert with_images.startswith(b"\x89PNG") and (tmp_path / "again" / "worst.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudyError, match="can't be written"):
        evaluation.write(tmp_path / "file", pairs[:1], measured[:1], None, 0)
