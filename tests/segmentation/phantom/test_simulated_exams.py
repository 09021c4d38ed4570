"""Simulated exams: what a radiologist would expect of them, the same from the same seed, and safe to interrupt."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.phantom import anatomy, simulation, tumour
from segmentation.phantom.simulation import Settings, simulate

COARSE = Settings(seed=4, spacing_mm=(3.0, 3.0, 4.0))
FILES = ["flair.nii.gz", "outline_1.nii.gz", "outline_2.nii.gz", "simulation.json", "t1c.nii.gz", "truth.nii.gz"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two coarse exams; not to be changed."""
    out = tmp_path_factory.mktemp("simulated") / "exams"
    simulate(out, 2, COARSE)
    return out


@pytest.fixture(scope="module")
def layers(made: Path) -> dict[str, np.ndarray]:
    names = ("t1c", "flair", "truth", "outline_1", "outline_2")
    return {name: volumes.load(made / "sim-001" / f"{name}.nii.gz").array for name in names}


@pytest.fixture(scope="module")
def parts() -> tuple[anatomy.Anatomy, tumour.Tumour]:
    """Tissues and tumour of sim-001, which its files do not tell."""
    _, person, growth, _ = simulation.build(COARSE, 1)
    return person, growth


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
    for name in ("truth", "outline_1", "outline_2"):
        assert layers[name].dtype == np.uint8 and set(np.unique(layers[name])) == {0, 1}
        assert (layers["t1c"][layers[name] > 0] > 0).all()


def test_tumour_looks_like_a_glioma(
    layers: dict[str, np.ndarray], parts: tuple[anatomy.Anatomy, tumour.Tumour]
) -> None:
    person, growth = parts
    healthy = (person.white > 0.9) & ~growth.mask
    white = {name: np.median(layers[name][healthy]) for name in ("t1c", "flair")}
    rim, oedema = growth.rim > 0.6, growth.oedema > 0.9
    necrosis = (growth.core > 0.9) & (growth.rim < 0.1)
    assert np.median(layers["t1c"][rim]) > 1.2 * white["t1c"]  # enhancement
    assert np.median(layers["t1c"][oedema]) < 0.9 * white["t1c"]
    assert np.median(layers["t1c"][necrosis]) < 0.7 * white["t1c"]
    assert np.median(layers["flair"][oedema]) > 1.5 * white["flair"]


def test_healthy_tissues_have_their_order_of_brightness(
    layers: dict[str, np.ndarray], parts: tuple[anatomy.Anatomy, tumour.Tumour]
) -> None:
    person, growth = parts
    inside = ~growth.mask & (person.depth_mm > 12)
    white, grey, fluid = (inside & (share > 0.85) for share in (person.white, person.grey, person.fluid))
    t1c, flair = layers["t1c"], layers["flair"]
    assert np.median(t1c[white]) > np.median(t1c[grey]) > 1.5 * np.median(t1c[fluid])
    assert np.median(flair[grey]) > np.median(flair[white]) > 1.5 * np.median(flair[fluid])


def test_record_tells_seed_and_sizes(made: Path, layers: dict[str, np.ndarray]) -> None:
    record = json.loads((made / "sim-001" / "simulation.json").read_text())
    assert (record["seed"], record["exam"], record["spacing_mm"]) == (4, 1, [3.0, 3.0, 4.0])
    assert record["tumour"]["whole_ml"] == pytest.approx(layers["truth"].sum() * 36 / 1000, abs=0.01)
    truth = layers["truth"] > 0
    for n, hand in enumerate(record["outlines"], 1):
        drawn = layers[f"outline_{n}"] > 0
        dice = 2 * (drawn & truth).sum() / (drawn.sum() + truth.sum())
        assert hand["dice_reached"] == pytest.approx(dice, abs=1e-4) and 0.8 < dice < 0.94


def test_same_seed_gives_the_same_bytes_and_another_exam_or_seed_others(made: Path, tmp_path: Path) -> None:
    simulate(tmp_path, 1, COARSE)
    for name in FILES:
        first = (made / "sim-001" / name).read_bytes()
        assert (tmp_path / "sim-001" / name).read_bytes() == first
        assert (made / "sim-002" / name).read_bytes() != first
    template = anatomy.load_template()
    plans = [tumour.draw_plan(template, np.random.default_rng([seed, 1])).core_ml for seed in (4, 5)]
    assert plans[0] != plans[1]


def test_interrupted_run_goes_on_and_keeps_what_is_finished(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "exams"
    shutil.copytree(made, out)
    shutil.rmtree(out / "sim-002")
    (out / ".sim-002.part").mkdir()
    (out / ".sim-002.part" / "t1c.nii.gz").write_bytes(b"half")
    kept = (out / "sim-001" / "t1c.nii.gz").stat()
    asked: list[int] = []

    simulate(out, 2, COARSE, lambda numbers: asked.extend(numbers) or list(asked))  # type: ignore[func-returns-value]

    assert asked == [2]
    assert sorted(path.name for path in out.iterdir()) == ["sim-001", "sim-002"]
    assert (out / "sim-001" / "t1c.nii.gz").stat().st_ino == kept.st_ino
    for name in FILES:
        assert (out / "sim-002" / name).read_bytes() == (made / "sim-002" / name).read_bytes()


@pytest.mark.parametrize(
    ("event", "shown", "sentence"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        (OSError(28, "No space left on device"), StudyError, r"No space left on device.*free space"),
    ],
)
def test_nothing_half_written_stays_after_an_interruption(
    event: BaseException, shown: type, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(folder: Path, *_: object) -> dict:
        (folder / "t1c.nii.gz").write_bytes(b"half")
        raise event

    monkeypatch.setattr(simulation, "write_files", stopped)
    with pytest.raises(shown, match=sentence):
        simulate(tmp_path, 1, COARSE)
    assert not list(tmp_path.iterdir())


def test_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(StudyError, match=r"letter\.txt.*empty or a new folder"):
        simulate(tmp_path, 1, COARSE)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("settings", [Settings(5, COARSE.spacing_mm), Settings(4, (3.0, 3.0, 3.0))])
def test_exams_of_other_settings_are_not_mixed_in(made: Path, settings: Settings) -> None:
    with pytest.raises(StudyError, match=r"sim-001: .*another seed, voxel size"):
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


def test_missing_nilearn_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nilearn", None)
    anatomy.load_template.cache_clear()
    with pytest.raises(StudyError, match=r'nilearn.*pip install "blindread\[segmentation\]"'):
        simulate(tmp_path, 1, COARSE)
    anatomy.load_template.cache_clear()
