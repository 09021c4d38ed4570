"""Prediction: back on the T1c's own grid, kept when nothing changed, and what is said of odd results."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segmentation import cohort, prediction, volumes
from segmentation.__main__ import main
from segmentation.commands import predict
from segmentation.ensemble import Ensemble, load_ensemble, unlike_training, write_ensemble
from segmentation.errors import StudyError
from segmentation.exams import find_exams, open_prepared, read_record
from segmentation.metrics import dice
from segmentation.network import DeepMedic, NetworkConfig, Pathway
from segmentation.prediction import Wish
from segmentation.preprocessing import pipeline
from segmentation.volumes import Volume
from segmentation.weights import save_weights

TINY = NetworkConfig(
    "tiny",
    tuple(Pathway((2,) * 8, (f, f, f)) for f in (1, 3)),
    residual_blocks=(),
    fc_channels=(4,),
    fc_kernel=1,
    fc_residual_blocks=(),
    fc_dropout=(0.0, 0.0),
)
NATIVE = np.array([[0, 1.9, 0, -70.0], [-2.2, 0, 0, 80.0], [0, 0, 5.0, 5.0], [0, 0, 0, 1]])  # axes: back, right, head


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble")
    files = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        (folder / f"member-{seed}").mkdir()
        files.append(folder / f"member-{seed}" / "weights.safetensors")
        save_weights(files[-1], DeepMedic(TINY), {})
    write_ensemble(folder, files, {"spacing_mm": [1.0, 1.0, 2.0]})
    return folder


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stripped heads, an ellipsoid each, with a ball that is bright on FLAIR at the patient's left and front."""
    folder = tmp_path_factory.mktemp("exams")
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        (folder / name).mkdir()
        brain, ball = heads()
        grey = np.where(brain, 100 + 10 * rng.standard_normal(brain.shape), 0)
        for kind, array in (("t1c", grey), ("flair", grey + 90 * ball)):
            volumes.save(folder / name / f"{kind}.nii.gz", Volume(array.clip(0).astype(np.int16), NATIVE))
    return folder


def heads() -> tuple[np.ndarray, np.ndarray]:
    """Brain and ball on the native grid (back, right, head)."""
    i, j, k = np.indices((80, 72, 26))
    brain = ((i - 40) * 2.2 / 45) ** 2 + ((j - 36) * 1.9 / 40) ** 2 + ((k - 13) * 5 / 34) ** 2 < 1
    ball = ((i - 32) * 2.2) ** 2 + ((j - 30) * 1.9) ** 2 + ((k - 14) * 5) ** 2 < 14**2
    return brain, ball & brain


@pytest.fixture(scope="module")
def prepared(exams: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    settings = pipeline.Settings(is_skull_stripped=True, is_co_registered=True, has_bias_correction=False)
    for exam in find_exams(exams):
        pipeline.prepare(exam, out, settings)
    return out


class Bright(Ensemble):
    """Calls tumour what is bright on FLAIR, the first channel."""

    def probabilities(self, images: np.ndarray, roi: np.ndarray, **_: Any) -> np.ndarray:
        return np.where(roi, 1 / (1 + np.exp(-4 * (images[0] - 2))), 0).astype(np.float32)


class Nothing(Ensemble):
    def probabilities(self, images: np.ndarray, roi: np.ndarray, **_: Any) -> np.ndarray:
        return np.zeros(roi.shape, np.float32)


def use(patch: pytest.MonkeyPatch, kind: type[Ensemble], provenance: dict[str, Any] | None = None) -> None:
    patch.setattr(prediction, "_loaded", lambda *_: kind((), provenance or {}))


def run(exam: Path, out: Path, wish: Wish = Wish()) -> prediction.Predicted:  # noqa: B008 (frozen)
    return prediction.predict(open_prepared(exam), ensemble=Path("x"), out=out, wish=wish, ensemble_sha="s")


def test_mask_comes_back_on_the_grid_of_the_t1c(
    prepared: Path, exams: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Bright)
    found = run(prepared / "a", tmp_path, Wish(has_probability=True))
    mask = volumes.load(tmp_path / "a" / "mask.nii.gz")
    volumes.check_same_grid(volumes.load(exams / "a" / "t1c.nii.gz"), mask, "t1c", "mask")
    _, ball = heads()
    assert dice(ball, mask.array > 0) > 0.9
    # a ball of radius 14 mm: 4/3 pi 2,744 mm³ = 11.5 ml
    assert found.tumour_ml == pytest.approx(11.5, rel=0.1) and found.note == "" and found.subject == "a"
    probability = volumes.load(tmp_path / "a" / "probability.nii.gz")
    assert np.array_equal(probability.array > 0.5, mask.array > 0)
    on_prepared = volumes.load(tmp_path / "a" / "mask_prepared.nii.gz")
    volumes.check_same_grid(volumes.load(prepared / "a" / "t1c.nii.gz"), on_prepared, "t1c", "mask")
    assert (tmp_path / "a" / "overlay.png").read_bytes().startswith(b"\x89PNG")


def test_only_the_largest_part_if_asked(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Two(Bright):
        def probabilities(self, images: np.ndarray, roi: np.ndarray, **_: Any) -> np.ndarray:
            found = super().probabilities(images, roi)
            middle = tuple(slice(n // 2 - 3, n // 2 + 3) for n in roi.shape)
            found[middle] = 0.9
            return found

    use(monkeypatch, Two)
    both = run(prepared / "a", tmp_path / "both")
    one = run(prepared / "a", tmp_path / "one", Wish(only_largest=True))
    assert both.parts == 2 and one.parts == 1
    assert one.tumour_ml == pytest.approx(both.largest_ml, rel=0.02) and one.tumour_ml < both.tumour_ml


def test_a_calibrated_ensemble_is_cut_at_its_threshold_unless_another_is_asked_for(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doubtful(Ensemble):
        def probabilities(self, images: np.ndarray, roi: np.ndarray, **_: Any) -> np.ndarray:
            return np.where(roi, 1 / (1 + np.exp(2 - images[0])), 0).astype(np.float32)

    monkeypatch.setattr(prediction, "_loaded", lambda *_: Doubtful((), {}, 0.2))
    for asked, threshold in ((None, 0.2), (0.8, 0.8)):
        run(prepared / "a", tmp_path, Wish(has_probability=True, threshold=asked))
        mask, probability = (volumes.load(tmp_path / "a" / f"{n}.nii.gz").array for n in ("mask", "probability"))
        assert np.array_equal(mask > 0, probability > threshold)
        assert json.loads((tmp_path / "a" / "predict.json").read_text())["threshold"] == threshold
        assert (mask > 0).sum() != (probability > 0.5).sum()
        on_prepared = volumes.load(tmp_path / "a" / "mask_prepared.nii.gz").array > 0
        flair, brain = (volumes.load(prepared / "a" / f"{n}.nii.gz").array for n in ("flair", "brain_mask"))
        # 1 / (1 + exp(2 - z)) is above p where z is above 2 + ln(p / (1 - p))
        assert np.array_equal(on_prepared, (flair > 2 + np.log(threshold / (1 - threshold))) & (brain > 0))


def test_empty_result_is_said(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Nothing)
    found = run(prepared / "a", tmp_path)
    assert (found.tumour_ml, found.parts, found.note) == (0, 0, "no tumour was found")
    rows = read(prediction.write_table(tmp_path, [found]))
    assert rows[0]["note"] == "no tumour was found" and rows[0]["tumour_ml"] == "0.000"


def test_other_voxels_than_in_the_training_are_refused(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Bright, {"spacing_mm": [1.0, 1.0, 1.0]})
    with pytest.raises(StudyError, match=r"voxels of 1 x 1 x 2 mm; the ensemble was trained on 1 x 1 x 1 mm"):
        run(prepared / "a", tmp_path)


@pytest.mark.parametrize(
    ("length", "words"), [(0, "no tumour"), (5, "less than 1 ml"), (500, ""), (9000, "more than 500 ml")]
)
def test_unusual_volumes_are_said(prepared: Path, length: int, words: str) -> None:
    """A row of voxels of 100 mm³: ten of them are 1 ml."""
    array = np.zeros((9000, 3, 1), bool)
    array[:length, 1] = True
    found = prediction._described(open_prepared(prepared / "a"), Volume(array, np.diag([5.0, 5.0, 4.0, 1.0])))
    assert found.tumour_ml == pytest.approx(length / 10) and (words in found.note if words else found.note == "")


def test_record_without_the_way_back_is_refused_before_the_work(prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared / "a", tmp_path / "a")
    record = json.loads((folder / "preprocess.json").read_text())
    del record["native_grid"]
    (folder / "preprocess.json").write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"preprocess.json: .*own T1c.*Prepare the exam again"):
        run(folder, tmp_path / "out")


def test_other_preparation_than_in_the_training_is_said(prepared: Path) -> None:
    exams = [open_prepared(prepared / "a")]
    same = dict(read_record(prepared / "a")["settings"])
    clipped = {**same, "clip_percentiles": [0.5, 99.5], "order": "as-published"}
    for trained, words in (([same], ""), ([clipped, same], ""), ([clipped], "clip_percentiles, order"), ([], "")):
        said = unlike_training(exams, Bright((), {"preprocessing": trained}))
        assert (words in said) if words else said == ""
    assert unlike_training(exams, Bright((), {})) == ""


def read(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text().splitlines()))


@pytest.fixture(autouse=True)
def only_predict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentation.__main__._COMMANDS", (predict,))


def arguments(*words: object) -> list[str]:
    return [str(word) for word in words]


def test_command_from_raw_exams_to_masks_and_again(
    exams: Path, ensemble: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ["--skull-stripped", "--co-registered", "--no-bias-correction", "--jobs", "1"]
    assert main(arguments("predict", exams, ensemble, out, *options)) == 0
    assert "2 of 2 exams done" in capsys.readouterr().out
    rows = read(out / "predict.csv")
    assert [row["exam"] for row in rows] == ["a", "b"]
    record = json.loads((out / "a" / "predict.json").read_text())
    assert record["wish"]["mode"] == "fast" and record["outputs"].keys() == {
        "mask.nii.gz",
        "mask_prepared.nii.gz",
        "overlay.png",
    }
    before = {path: path.stat().st_mtime_ns for path in out.glob("?/*")}
    (out / "b" / "mask.nii.gz").write_bytes(b"cut")
    assert main(arguments("predict", out / "prepared", ensemble, out, "--jobs", "1")) == 0
    assert "1 kept from before" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path.parent.name == "a")
    assert volumes.load(out / "b" / "mask.nii.gz").array.max() <= 1
    exam, sha = open_prepared(out / "prepared" / "a"), cohort.fingerprint(prediction.ensemble_files(ensemble), {})
    assert prediction.kept(exam, out, Wish(), sha) is not None
    assert prediction.kept(exam, out, Wish(), "another ensemble") is None
    assert prediction.kept(exam, out, Wish(only_largest=True), sha) is None


def test_without_an_ensemble_the_shipped_one_is_taken_and_its_clipping_with_it(
    exams: Path, ensemble: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ensemble, tmp_path / "assets" / "ensemble")
    shipped, trained = tmp_path / "assets" / "ensemble", {"clip_percentiles": [2.0, 98.0]}
    write_ensemble(shipped, sorted(shipped.glob("*/*.safetensors")), {"preprocessing": [trained, {**trained}]})
    monkeypatch.setattr("segmentation.ensemble.resources.files", lambda package: tmp_path / "assets")
    (tmp_path / "exams").mkdir()
    shutil.copytree(exams / "a", tmp_path / "exams" / "a")
    options = ["--skull-stripped", "--co-registered", "--no-bias-correction", "--jobs", "1"]
    for out, more, clipped in (("own", [], [2.0, 98.0]), ("given", ["--clip", "1", "99"], [1.0, 99.0])):
        assert main(arguments("predict", tmp_path / "exams", tmp_path / out, *options, *more)) == 0
        assert "comes with Blindread" in capsys.readouterr().out
        assert read_record(tmp_path / out / "prepared" / "a")["settings"]["clip_percentiles"] == clipped
        assert (tmp_path / out / "a" / "mask.nii.gz").is_file()


def test_masks_do_not_depend_on_threads(prepared: Path, ensemble: Path, tmp_path: Path) -> None:
    masks: Sequence[bytes] = []
    for threads in (1, 2):
        out = tmp_path / str(threads)
        prediction.predict(
            open_prepared(prepared / "a"), ensemble=ensemble, out=out, wish=Wish(), ensemble_sha="s", threads=threads
        )
        masks = [*masks, (out / "a" / "mask.nii.gz").read_bytes()]
    assert masks[0] == masks[1]


def test_mistakes_are_sentences(
    exams: Path, ensemble: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments("predict", exams, tmp_path, tmp_path / "out")) == 2
    assert "segmentation train" in capsys.readouterr().err
    assert main(arguments("predict", exams, ensemble, tmp_path / "out", "--threshold", "50")) == 2
    assert "A threshold of 50 is no probability between 0 and 1. Try --threshold 0.5." in capsys.readouterr().err
    assert main(arguments("predict", exams, ensemble)) == 2  # OUT forgotten: nothing may be written there
    assert "holds an ensemble" in capsys.readouterr().err and not (ensemble / "prepared").exists()
    (tmp_path / "raw" / "x").mkdir(parents=True)
    assert main(arguments("predict", tmp_path / "raw", ensemble, tmp_path / "out")) == 2
    assert "T1c is missing" in capsys.readouterr().err
    assert load_ensemble(ensemble).provenance == {"spacing_mm": [1.0, 1.0, 2.0]}
