"""Simulated exams: what a radiologist would expect of them, the same from the same seed, and safe to interrupt."""

import json
import shutil
import sys
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.phantom import anatomy, contrast, simulation, tumour
from segmentation.phantom.simulation import Settings, simulate

COARSE = Settings(seed=4, spacing_mm=(3.0, 3.0, 4.0), technicians=(2, 2))
FILES = [
    "consensus.nii.gz",
    "flair.nii.gz",
    "outline_1.nii.gz",
    "outline_2.nii.gz",
    "parts.nii.gz",
    "simulation.json",
    "t1c.nii.gz",
    "truth.nii.gz",
]
IMAGES = ["flair.nii.gz", "parts.nii.gz", "t1c.nii.gz", "truth.nii.gz"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two coarse exams; not to be changed."""
    out = tmp_path_factory.mktemp("simulated") / "exams"
    out.mkdir()
    for number in (1, 2):
        simulation.make_exam(COARSE, out / f"sim-{number:03d}")
    return out


@pytest.fixture(scope="module")
def layers(made: Path) -> dict[str, np.ndarray]:
    names = ("t1c", "flair", "truth", "outline_1", "outline_2", "consensus", "parts")
    return {name: volumes.load(made / "sim-001" / f"{name}.nii.gz").array for name in names}


@pytest.fixture(scope="module")
def parts() -> tuple[anatomy.Anatomy, tumour.Tumour]:
    """Tissues and tumour of sim-001, which its files do not tell."""
    _, scene, _ = simulation.build(COARSE, 1)
    return scene.anatomy, scene.tumour


def test_exam_has_its_files_and_nothing_else(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == ["sim-001", "sim-002"]
    for folder in made.iterdir():
        assert sorted(path.name for path in folder.iterdir()) == FILES


def test_all_files_lie_on_one_grid_of_the_asked_spacing(made: Path) -> None:
    first, *others = (volumes.load(path) for path in sorted((made / "sim-001").glob("*.nii.gz")))
    assert first.spacing_mm == (3.0, 3.0, 4.0)
    assert volumes.axis_letters(first.world_from_voxel) == (("R", "L"), ("A", "P"), ("I", "S"))
    assert all(volumes.is_same_grid(first, other) for other in others)


def test_layers_are_whole_numbers_with_a_background_of_exactly_zero(
    layers: dict[str, np.ndarray], parts: tuple[anatomy.Anatomy, tumour.Tumour]
) -> None:
    brain = parts[0].brain
    for name in ("t1c", "flair"):
        assert layers[name].dtype == np.int16
        assert np.array_equal(layers[name] > 0, brain)
    # an adult's brain with its inner fluid: 1.2 to 2.1 litres
    assert 1.2e6 < brain.sum() * 3 * 3 * 4 < 2.1e6


def test_masks_lie_inside_the_brain(layers: dict[str, np.ndarray]) -> None:
    for name in ("truth", "outline_1", "outline_2", "consensus"):
        assert layers[name].dtype == np.uint8 and set(np.unique(layers[name])) == {0, 1}
        assert (layers["t1c"][layers[name] > 0] > 0).all()
    # Mitchell et al. 2020, 2.1: of two technicians, the intersection
    assert np.array_equal(layers["consensus"], layers["outline_1"] * layers["outline_2"])


def test_parts_make_up_the_truth(layers: dict[str, np.ndarray], parts: tuple[anatomy.Anatomy, tumour.Tumour]) -> None:
    labels, growth = layers["parts"], parts[1]
    assert np.array_equal(np.isin(labels, (1, 2, 3)), layers["truth"] > 0)
    assert (growth.oedema[labels == 3] > 0.3).all() and (growth.rim[labels == 2] > growth.core[labels == 2] / 2).all()
    assert set(np.unique(labels)) <= {0, 1, 2, 3, 4}


def test_ring_is_dark_bright_and_dark_on_t1c_and_oedema_is_bright_on_flair() -> None:
    """One contrast of the middle of its range: the order every radiologist expects of a glioblastoma."""
    template, grid = anatomy.load_template(), anatomy.Grid((3.0, 3.0, 3.0))
    rng = np.random.default_rng(1)
    plan = tumour.Plan(np.array([[28.0, -20.0, 25.0]]), "ring", 90.0, 40.0, 4.0, 0.2, 0.05)
    person = anatomy.tissues(template, grid, anatomy.place_of(grid, rng), rng)
    growth = tumour.grow(person, plan, rng)
    nothing = np.zeros(grid.shape, np.float32)
    scene = contrast.Scene(person, growth, nothing, nothing)
    scanner = contrast.Scanner(0.01, 0.3, 0.0, 0.0, 0.0, 1.0, 2, 0.0, 0.0, 300)
    t1c, flair = (
        contrast.expose(scene, contrast.Contrast(**colours), scanner, rng) / 300
        for colours in (
            {"white": 1, "grey": 0.85, "fluid": 0.35, "meninges": 1, "oedema": 0.75, "necrosis": 0.5, "rim": 1.7}
            | {"vessel": 2, "hyperintensity": 0.8},
            {"white": 0.9, "grey": 1.1, "fluid": 0.3, "meninges": 1, "oedema": 1.9, "necrosis": 1.3, "rim": 1.6}
            | {"vessel": 1, "hyperintensity": 1.5},
        )
    )
    rim, necrosis = growth.rim > 0.8, (growth.core > 0.9) & (growth.rim < 0.1)
    oedema, white = growth.oedema > 0.9, (person.white > 0.9) & ~growth.mask
    assert np.median(t1c[rim]) > 1.3 > 1.1 > np.median(t1c[white]) > np.median(t1c[oedema])
    assert np.median(t1c[oedema]) > np.median(t1c[necrosis])
    assert np.median(flair[oedema]) > np.median(flair[necrosis]) > np.median(flair[white])
    # volumes are those planned, but for what fluid and coarse voxels take away
    assert growth.mask.sum() * 0.027 == pytest.approx(90, rel=0.12)


@pytest.mark.parametrize("number", [2, 3])
def test_healthy_tissues_have_their_order_of_brightness_whatever_the_scanner(number: int) -> None:
    _, scene, rng = simulation.build(COARSE, number)
    person = scene.anatomy
    t1c, flair = (
        contrast.expose(scene, draw(rng, "ring"), contrast.draw_scanner(rng, 300), rng)
        for draw in (contrast.draw_t1c, partial(contrast.draw_flair, look=contrast.LOOKS[1]))
    )
    inside = ~scene.tumour.mask & (person.depth_mm > 12) & (scene.hyperintensity < 0.05) & (scene.blood < 0.05)
    white, grey, fluid = (inside & (share > 0.8) for share in (person.white, person.grey, person.fluid))
    assert np.median(t1c[white]) > np.median(t1c[grey]) > 1.2 * np.median(t1c[fluid])
    assert np.median(flair[grey]) > np.median(flair[white]) > 1.2 * np.median(flair[fluid])


def test_volumes_are_distributed_as_published() -> None:
    """Mitchell et al. 2020, figure 3: 5.07 to 300.84 ml, mean 88.98, standard deviation 62.68, median 78.20."""
    rng = np.random.default_rng(0)
    drawn = np.array([tumour.Volumes().draw(rng) for _ in range(2000)])
    assert drawn.min() >= 5 and drawn.max() <= 301
    assert drawn.mean() == pytest.approx(88.98, rel=0.04)
    assert drawn.std() == pytest.approx(62.68, rel=0.08)
    assert np.median(drawn) == pytest.approx(78.20, rel=0.06)


def test_seeds_lie_in_white_matter_of_the_hemispheres() -> None:
    template = anatomy.load_template()
    plans = [tumour.draw_plan(template, np.random.default_rng([7, n])) for n in range(60)]
    seeds = np.concatenate([plan.seeds_mm for plan in plans])
    white = template.sample(template.white, seeds.T[:, :, None, None].astype(np.float32))
    assert (white > 0.6).all()
    assert (np.abs(seeds[:, 0]) > 9).all() and (seeds[:, 2] > -28).all()
    assert {plan.kind for plan in plans} == {"ring", "solid", "faint"}
    assert 0.1 < np.mean([len(plan.seeds_mm) > 1 for plan in plans]) < 0.45


def test_hyperintensities_hug_the_ventricles_and_lie_in_white_matter() -> None:
    _, scene, _ = simulation.build(replace(COARSE, look=1), 1)
    person = scene.anatomy
    found = scene.hyperintensity > 0.5
    assert found.any() and (person.white[found] >= 0.5).all()
    ventricles = (person.fluid > 0.6) & (person.depth_mm > 20)
    away_mm = ndimage.distance_transform_edt(~ventricles, sampling=(3, 3, 4))
    assert np.median(away_mm[found]) < 8


def test_the_first_look_has_more_bright_white_matter_and_the_same_people() -> None:
    _, usual, rng = simulation.build(COARSE, 1)
    _, severe, again = simulation.build(replace(COARSE, look=1), 1)
    assert (severe.hyperintensity > 0.5).sum() > 1.5 * (usual.hyperintensity > 0.5).sum()
    assert np.array_equal(severe.tumour.mask, usual.tumour.mask) and np.array_equal(severe.blood, usual.blood)
    assert rng.random() == again.random()  # all that is drawn after them is the same


def test_the_first_look_draws_what_was_drawn_before_there_were_looks() -> None:
    """Numbers of commit 6e6ef8d: the networks that ship began with such exams, and can be made again."""
    drawn = contrast.draw_flair(np.random.default_rng(5), "ring", contrast.LOOKS[1])
    assert (drawn.oedema, drawn.necrosis) == pytest.approx((2.027147, 0.657663), abs=1e-6)
    assert (drawn.rim, drawn.hyperintensity) == pytest.approx((1.148758, 1.739277), abs=1e-6)


def test_the_second_look_has_more_cores_as_dull_as_the_brain() -> None:
    dull = {1: 0, 2: 0}
    for look, seed in product(dull, range(300)):
        drawn = contrast.draw_flair(np.random.default_rng(seed), "solid", contrast.LOOKS[look])
        dull[look] += min(drawn.rim, drawn.necrosis) < drawn.white
    assert dull[1] < 10 and dull[2] > 30  # of 300; by the ranges about 1 and 52


def test_record_tells_seed_and_sizes(made: Path, layers: dict[str, np.ndarray]) -> None:
    record = json.loads((made / "sim-001" / "simulation.json").read_text())
    assert (record["seed"], record["exam"], record["spacing_mm"]) == (4, 1, [3.0, 3.0, 4.0])
    assert record["tumour"]["whole_ml"] == pytest.approx(layers["truth"].sum() * 36 / 1000, abs=0.01)
    truth = layers["truth"] > 0
    assert len({hand["technician"] for hand in record["outlines"]}) == 2
    for n, hand in enumerate(record["outlines"], 1):
        drawn = layers[f"outline_{n}"] > 0
        dice = 2 * (drawn & truth).sum() / (drawn.sum() + truth.sum())
        assert hand["dice_reached"] == pytest.approx(dice, abs=1e-4)


def test_same_seed_gives_the_same_bytes_and_another_exam_others(made: Path, tmp_path: Path) -> None:
    simulation.make_exam(COARSE, tmp_path / "sim-001")
    for name in FILES:
        first = (made / "sim-001" / name).read_bytes()
        assert (tmp_path / "sim-001" / name).read_bytes() == first
        assert (made / "sim-002" / name).read_bytes() != first
    template = anatomy.load_template()
    plans = [tumour.draw_plan(template, np.random.default_rng([seed, 1])).core_ml for seed in (4, 5)]
    assert plans[0] != plans[1]


def test_other_technicians_outline_the_same_images(made: Path, tmp_path: Path) -> None:
    careless = Settings(COARSE.seed, COARSE.spacing_mm, technicians=(3, 3), errors=2.0)
    simulation.make_exam(careless, tmp_path / "sim-001")
    for name in IMAGES:
        assert (tmp_path / "sim-001" / name).read_bytes() == (made / "sim-001" / name).read_bytes()
    record = json.loads((tmp_path / "sim-001" / "simulation.json").read_text())
    usual = json.loads((made / "sim-001" / "simulation.json").read_text())
    assert len(record["outlines"]) == 3
    worse, better = (np.mean([hand["dice_reached"] for hand in r["outlines"]]) for r in (record, usual))
    assert worse < better - 0.05


def test_interrupted_run_goes_on_and_keeps_what_is_finished(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "exams"
    shutil.copytree(made, out)
    shutil.rmtree(out / "sim-002")
    (out / ".sim-002.part").mkdir()
    (out / ".sim-002.part" / "t1c.nii.gz").write_bytes(b"half")
    kept = (out / "sim-001" / "t1c.nii.gz").stat()

    outcomes = simulate(out, 2, COARSE, jobs=2)

    assert [outcome.is_kept for outcome in outcomes] == [True, False]
    assert sorted(path.name for path in out.iterdir()) == ["sim-001", "sim-002"]
    assert (out / "sim-001" / "t1c.nii.gz").stat().st_ino == kept.st_ino
    for name in FILES:
        assert (out / "sim-002" / name).read_bytes() == (made / "sim-002" / name).read_bytes()


@pytest.mark.parametrize("event", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_half_written_stays_after_an_interruption(
    event: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(folder: Path, *_: object) -> dict:
        (folder / "t1c.nii.gz").write_bytes(b"half")
        raise event

    monkeypatch.setattr(simulation, "write_files", stopped)
    with pytest.raises(type(event)):
        simulation.make_exam(COARSE, tmp_path / "sim-001")
    assert not list(tmp_path.iterdir())


def test_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(StudyError, match=r"letter\.txt.*empty or a new folder"):
        simulate(tmp_path, 1, COARSE)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(5, COARSE.spacing_mm, technicians=(2, 2)),
        Settings(4, (3.0, 3.0, 3.0), technicians=(2, 2)),
        Settings(4, COARSE.spacing_mm),
        Settings(4, COARSE.spacing_mm, tumour.Volumes(5, 100), technicians=(2, 2)),
    ],
)
def test_exams_of_other_settings_are_not_mixed_in(made: Path, settings: Settings) -> None:
    with pytest.raises(StudyError, match=r"sim-001: .*another seed, other settings"):
        simulate(made, 2, settings)


def test_exam_without_a_readable_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sim-001").mkdir()
    (tmp_path / "sim-001" / "simulation.json").write_text("[1, 2")
    with pytest.raises(StudyError, match="another seed"):
        simulate(tmp_path, 1, COARSE)


def test_senseless_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="--count 1"):
        simulate(tmp_path, 0, COARSE)
    for spacing in ((0.1, 1.0, 1.0), (1.0, 1.0, 9.0), (float("nan"), 1.0, 1.0)):
        with pytest.raises(StudyError, match=r"between 0\.5 and 6 mm"):
            Settings(1, spacing)
    with pytest.raises(StudyError, match="seed"):
        Settings(-1)
    for people in ((0, 0), (2, 1), (1, 9)):
        with pytest.raises(StudyError, match="1 to 8 technicians"):
            Settings(1, technicians=people)
    for errors in (-0.5, 9.0, float("nan")):
        with pytest.raises(StudyError, match="--errors 1"):
            Settings(1, errors=errors)
    with pytest.raises(StudyError, match="--look 1, 2"):
        Settings(1, look=3)


def test_tumour_larger_than_a_brain_bears_is_refused() -> None:
    for range_ml, sentence in (((5, 900), "900 ml does not fit"), ((50, 20), "rise"), ((0, 20), "at least 1 ml")):
        with pytest.raises(StudyError, match=sentence):
            tumour.Volumes(*range_ml)


def test_missing_nilearn_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nilearn", None)
    load = anatomy.load_template.__wrapped__  # past the cache, which other tests have filled
    with pytest.raises(StudyError, match=r'nilearn.*pip install "blindread\[segmentation\]"'):
        load()
