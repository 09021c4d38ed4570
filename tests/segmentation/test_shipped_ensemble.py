"""The ensemble that ships: whole, small enough, what its record says it is, and able to find a tumour."""

import csv
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import pytest

from blindread_assets.ensemble import build, claim
from blindread_assets.ensemble.build import RECIPE
from segmentation import metrics, volumes
from segmentation.ensemble import load_ensemble, member_paths, shipped_or, tumour_mask
from segmentation.network import COMPACT
from segmentation.phantom import simulation
from segmentation.training.recipes import as_dict, as_toml, load_recipe
from segmentation.volumes import Volume
from segmentation.weights import read_description

SHIPPED = Path(str(resources.files("blindread_assets") / "ensemble"))
README = Path(__file__).parents[2] / "README.md"
UNSEEN = simulation.Settings(seed=31)  # neither the seed of the training nor of the test


def test_five_compact_networks_ship_in_less_than_40_mb() -> None:
    with shipped_or(None) as folder:
        ensemble = load_ensemble(folder)
    assert len(ensemble.members) == 5
    assert {member.config for member in ensemble.members} == {COMPACT}
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 40e6
    first, *others = (np.concatenate([p.detach().numpy().ravel() for p in m.parameters()]) for m in ensemble.members)
    assert all(np.abs(first - other).max() > 0.01 for other in others)


def test_the_record_says_how_it_was_made() -> None:
    described = json.loads((SHIPPED / "ensemble.json").read_text(encoding="utf-8"))["provenance"]
    recipe = build.COURSES[-1].recipe
    for path in member_paths(SHIPPED):
        said = read_description(path)["provenance"]
        assert said["steps"] == recipe.steps
        for part in ("schedule", "loss", "augmentation"):
            assert said["recipe"][part] == json.loads(json.dumps(as_dict(recipe)[part]))
        for course in build.COURSES:
            rows = read(path.parent / build.history_name(course))
            assert len(rows) == course.recipe.schedule.epochs
        assert float(rows[-1]["dice"]) == pytest.approx(said["last_epoch"]["dice"])
    assert "no real exam" in described["record"]["data"] and described["record"]["hours"] > 0.5


def test_its_threshold_is_the_one_that_did_best_on_the_exams_of_the_calibration() -> None:
    rows = read(SHIPPED / "calibration.csv")
    assert len(rows) == build.CALIBRATION_SIZE
    means = {float(name): mean(float(row[name]) for row in rows) for name in rows[0] if name != "exam"}
    described = json.loads((SHIPPED / "ensemble.json").read_text(encoding="utf-8"))
    assert means[described["threshold"]] == max(means.values())
    assert described["calibration"]["weights_sha256"] == load_ensemble(SHIPPED).checksum
    assert described["calibration"]["dice"] == pytest.approx(max(means.values()), abs=1e-4)


@pytest.mark.parametrize("kind", ["real", "simulated"])
def test_the_readme_says_how_well_it_does(kind: str) -> None:
    """Mean, standard error and median of the Dice in README, from each exam's own."""
    found = [float(row["dice"]) for row in read(SHIPPED / f"{kind}_metrics.csv")]
    assert len(found) == {"real": 32, "simulated": build.TEST_SIZE}[kind]
    words = {"real": "| Dice | {:.3f} ± {:.3f} | {:.3f} |", "simulated": "truth is {:.3f} ± {:.3f}, median {:.3f};"}
    said = " ".join(README.read_text(encoding="utf-8").split())
    assert words[kind].format(mean(found), stdev(found) / len(found) ** 0.5, median(found)) in said


def read(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_finds_the_tumour_of_somebody_it_never_saw(tmp_path: Path) -> None:
    """In a box about the tumour: whole heads take minutes."""
    exam = simulation.make_exam(UNSEEN, tmp_path / "sim-002")
    truth = volumes.load(exam / "truth.nii.gz").array > 0
    images = [volumes.load(exam / f"{name}.nii.gz").array.astype(np.float32) for name in ("flair", "t1c")]
    brain = images[0] > 0
    scaled = np.stack([np.where(brain, (np.clip(i, *np.percentile(i[brain], (0.5, 99.5))) - i[brain].mean())
                                / i[brain].std(), 0) for i in images])  # fmt: skip
    at = np.argwhere(truth)
    box = tuple(slice(max(0, low - 6), high + 6) for low, high in zip(at.min(0), at.max(0), strict=True))
    roi = np.zeros_like(brain)
    roi[box] = brain[box]
    ensemble = load_ensemble(SHIPPED)
    found = tumour_mask(ensemble.probabilities(scaled.astype(np.float32), roi, threads=1), ensemble.threshold)
    assert metrics.dice(found, truth) > 0.8


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_ensemble_is_built_and_its_claim_tested_by_one_command_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two exams to learn from, two to be tested on, two steps a network: every stage, none of the quality."""
    short, recipe = load_recipe(RECIPE), tmp_path / "recipe.toml"
    short = replace(
        short, schedule=replace(short.schedule, epochs=1, steps_per_epoch=2), sampling=replace(short.sampling, batch=2)
    )
    recipe.write_text(as_toml(short), encoding="utf-8")
    for name in ("RECIPE", "LAST_RECIPE"):
        monkeypatch.setattr(build, name, recipe)
    for name in ("COHORT_SIZE", "TEST_SIZE", "CALIBRATION_SIZE"):
        monkeypatch.setattr(build, name, 2)
    work, out = tmp_path / "work", tmp_path / "out"
    assert build.main([str(work), "--out", str(out), "--jobs", "2"]) == 0
    assert len(load_ensemble(out).members) == 5
    assert len(read(out / "calibration.csv")) == 2
    for picture in ("curves.png", "simulated_worst.png", "calibration.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    assert {row["exam"] for row in read(out / "simulated_metrics.csv")} == {"sim-001", "sim-002"}
    monkeypatch.setattr(claim, "TRAINED_ON", 2)
    monkeypatch.setattr(claim, "CONDITIONS", (claim.Condition(0.5, 1), claim.Condition(2.0, 3)))
    words = [str(work), "--out", str(out), "--figure", str(tmp_path / "claim.png")]
    assert claim.main(words) == 0
    rows = read(out / "claim.csv")
    assert [(row["errors"], row["technicians"], row["exam"]) for row in rows] == [
        ("0.5000", "1", "sim-001"), ("0.5000", "1", "sim-002"), ("2.0000", "3", "sim-001"), ("2.0000", "3", "sim-002")
    ]  # fmt: skip
    good, bad = (np.mean([float(row["technician"]) for row in rows[at : at + 2]]) for at in (0, 2))
    assert good > bad  # half of the usual errors against twice as many
    assert (tmp_path / "claim.png").read_bytes().startswith(b"\x89PNG")


def test_the_readme_says_what_the_claims_table_holds() -> None:
    """Mean and median of the network's Dice with the truth in each row of README's table, from the 240 test exams."""
    rows = read(claim.HERE / "claim.csv")
    assert len(rows) == 240
    readme = README.read_text(encoding="utf-8")
    for condition in claim.CONDITIONS:
        mine = [row for row in rows if float(row["errors"]) == condition.errors]
        mine = [row for row in mine if int(row["technicians"]) == condition.technicians]
        found = [float(row["network"]) for row in mine]
        spread = stdev(found) / len(found) ** 0.5
        assert f"| {mean(found):.3f} ± {spread:.3f}, {median(found):.3f} |" in readme, condition


def test_the_claim_measures_each_against_the_truth(tmp_path: Path) -> None:
    """Bars of voxels: 1-8 true; technicians drew 1-6 and 3-10, agreeing on 3-6; the network found 2-8."""

    def bar(first: int, last: int) -> Volume:
        mask = np.zeros((12, 1, 1), np.uint8)
        mask[first : last + 1] = 1
        return Volume(mask, np.eye(4))

    exam, found = tmp_path / "sim-001", tmp_path / "predicted" / "sim-001"
    exam.mkdir()
    found.mkdir(parents=True)
    masks = {"truth": bar(1, 8), "outline_1": bar(1, 6), "outline_2": bar(3, 10), "consensus": bar(3, 6)}
    for name, mask in masks.items():
        volumes.save(exam / f"{name}.nii.gz", mask)
    volumes.save(found / "mask.nii.gz", bar(2, 8))
    row = claim.measure(exam, tmp_path / "predicted")
    # Dice by hand: 2*6/14, 2*6/16; 2*4/12; 2*7/15; 2*4/11
    assert row["technician"] == pytest.approx((12 / 14 + 12 / 16) / 2)
    assert row["consensus"] == pytest.approx(8 / 12)
    assert row["network"] == pytest.approx(14 / 15)
    assert row["network_against_consensus"] == pytest.approx(8 / 11)


def test_the_claim_outlines_the_same_images_anew(tmp_path: Path) -> None:
    coarse = simulation.Settings(seed=4, spacing_mm=(3.0, 3.0, 4.0))
    (tmp_path / "cohort").mkdir()
    made = simulation.make_exam(coarse, tmp_path / "cohort" / "sim-001")
    careless = claim.Condition(errors=3.0, technicians=1)
    again = claim.outlined(tmp_path / "cohort", tmp_path / "again", careless.settings(4), 1) / "sim-001"
    assert sorted(path.name for path in again.iterdir()) == sorted(
        [*claim.IMAGES, "consensus.nii.gz", "outline_1.nii.gz"]
    )
    assert (again / "t1c.nii.gz").read_bytes() == (made / "t1c.nii.gz").read_bytes()
    truth, drawn = (volumes.load(again / f"{name}.nii.gz").array > 0 for name in ("truth", "outline_1"))
    usual = json.loads((made / "simulation.json").read_text())["outlines"]
    assert metrics.dice(drawn, truth) < min(hand["dice_reached"] for hand in usual)
