"""The threshold of an ensemble: by hand, on exams that it does not know, and into its folder."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from segmentation import calibration, volumes
from segmentation.__main__ import main
from segmentation.calibration import THRESHOLDS, Curve
from segmentation.ensemble import load_ensemble, weights_checksum, write_ensemble
from segmentation.evaluation import Pair
from segmentation.training import cases, split
from segmentation.training.split import Split
from segmentation.volumes import Volume
from segmentation.weights import save_weights
from tests.segmentation import prepared_exams
from tests.segmentation.parity import random_network
from tests.segmentation.tiny_network import TINY

# five voxels, of which the first four are tumour
PROBABILITY = (0.9, 0.62, 0.42, 0.38, 0.12)
TUMOUR = (1, 1, 1, 1, 0)


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    folder = tmp_path / "ensemble"
    (folder / "member-1").mkdir(parents=True)
    save_weights(folder / "member-1" / "weights.safetensors", random_network(TINY), {})
    write_ensemble(folder, [folder / "member-1" / "weights.safetensors"], {"recipe": "test"})
    return folder


def bar(values: tuple[float, ...]) -> Volume:
    return Volume(np.array(values, np.float32).reshape(-1, 1, 1), np.eye(4))


def predicted(tmp_path: Path, ensemble: Path, name: str = "e1", probability: tuple[float, ...] = PROBABILITY) -> None:
    """As `segmentation predict --probability` leaves an exam, and its reference."""
    exam = prepared_exams.write(tmp_path / "prepared", name, seed=len(name) + ord(name[-1]), subject=f"s-{name}")
    out, reference = tmp_path / "out" / name, tmp_path / "exams" / name
    out.mkdir(parents=True)
    reference.mkdir(parents=True)
    volumes.save(out / "probability.nii.gz", bar(probability))
    volumes.save(reference / "mask.nii.gz", bar(TUMOUR))
    record = {
        "weights_sha256": weights_checksum(ensemble),
        "prepared": str(exam.folder),
        "result": {"subject": exam.subject},
        "wish": {"only_largest": False},
    }
    (out / "predict.json").write_text(json.dumps(record), encoding="utf-8")


def run(tmp_path: Path, ensemble: Path) -> int:
    return main(["calibrate", str(tmp_path / "out"), str(tmp_path / "exams"), str(ensemble), "--jobs", "1"])


def test_a_curve_by_hand(tmp_path: Path, ensemble: Path) -> None:
    """Above 0.5 lie 2 of 4: 2·2/(2+4); above 0.35 all 4 and nothing else; above 0.05 one too many: 2·4/(5+4)."""
    predicted(tmp_path, ensemble)
    pair = Pair("e1", tmp_path / "out/e1/probability.nii.gz", tmp_path / "exams/e1/mask.nii.gz")
    at = dict(zip(THRESHOLDS, calibration.curve(pair).dice, strict=True))
    assert [at[t] for t in (0.05, 0.35, 0.4, 0.5, 0.9)] == pytest.approx([8 / 9, 1, 6 / 7, 4 / 6, 0])
    # 0.15 to 0.35 are equally good, of which 0.35 is nearest to a half
    assert calibration.choose([calibration.curve(pair)]).threshold == 0.35


def test_the_best_on_average_is_chosen() -> None:
    """Not the best of any one exam: 0.3 and 0.7 have 1.0 and 0.2, 0.45 has 0.8 twice, 0.5 has 0.7 and 0.75."""
    flat = dict.fromkeys(THRESHOLDS, 0.1)
    first = Curve("a", tuple((flat | {0.3: 1.0, 0.7: 0.2, 0.45: 0.8, 0.5: 0.7}).values()))
    second = Curve("b", tuple((flat | {0.3: 0.2, 0.7: 1.0, 0.45: 0.8, 0.5: 0.75}).values()))
    found = calibration.choose([first, second])
    assert found.threshold == 0.45
    assert (found.dice.mean, found.even.mean) == pytest.approx((0.8, 0.725))
    # gains 0.1 and 0.05: mean 0.075, SD 0.05/sqrt(2), SE 0.025
    assert (found.gain.mean, found.gain.se) == pytest.approx((0.075, 0.025))


def test_the_command_writes_threshold_curves_and_how_it_was_found(
    tmp_path: Path, ensemble: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predicted(tmp_path, ensemble, "e1")
    predicted(tmp_path, ensemble, "e2", (0.9, 0.8, 0.45, 0.35, 0.33))
    assert run(tmp_path, ensemble) == 0
    said = capsys.readouterr().out
    # at 0.30: 1 and 8/9; at 0.35: 1 and 6/7; at 0.5: 4/6 twice
    assert "from a mean probability of 0.30 on" in said and "Mean Dice of 2 exams 0.944; at 0.50 it is 0.667" in said
    assert "careful: that is chosen by 2 exams only." in said
    assert load_ensemble(ensemble).threshold == 0.3
    written = json.loads((ensemble / "ensemble.json").read_text())
    assert written["provenance"] == {"recipe": "test"}
    assert written["calibration"]["exams"] == 2
    assert written["calibration"]["dice"] == pytest.approx((1 + 8 / 9) / 2)
    rows = list(csv.DictReader((ensemble / "calibration.csv").read_text().splitlines()))
    assert [(row["exam"], row["0.30"], row["0.50"]) for row in rows] == [
        ("e1", "1.0000", "0.6667"), ("e2", "0.8889", "0.6667")
    ]  # fmt: skip
    assert (ensemble / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_chosen_on_the_test_or_on_what_was_learned(
    tmp_path: Path, ensemble: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predicted(tmp_path, ensemble)
    before = (ensemble / "ensemble.json").read_bytes()
    (ensemble / "split.json").write_bytes(split.as_json(Split(("s-a",), (), ("s-e1",)), {}))
    assert run(tmp_path, ensemble) == 2
    assert "e1 is sequestered for the test: a threshold" in capsys.readouterr().err
    (ensemble / "split.json").unlink()
    (exam,) = prepared_exams_in(tmp_path)
    learned = {"flair_sha256": [cases.fingerprints(exam)["flair"]]}
    save_weights(ensemble / "member-1" / "weights.safetensors", random_network(TINY), learned)
    assert run(tmp_path, ensemble) == 2
    assert "The ensemble has learned from e1, and knows its mask." in capsys.readouterr().err
    assert (ensemble / "ensemble.json").read_bytes() == before and not (ensemble / "calibration.csv").exists()


def prepared_exams_in(tmp_path: Path) -> tuple:
    from segmentation.exams import find_prepared

    return find_prepared(tmp_path / "prepared")


def test_mistakes_are_sentences(tmp_path: Path, ensemble: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predicted(tmp_path, ensemble)
    record = tmp_path / "out" / "e1" / "predict.json"
    good = record.read_text()
    for text, words in (
        (good.replace(weights_checksum(ensemble), "other"), "Another ensemble has predicted this."),
        (good.replace("false", "true"), "It was predicted with --largest"),
        ("{}", "predict.json: It does not say which ensemble made the prediction."),
        ("", "It does not say which ensemble"),
    ):
        record.write_text(text)
        assert run(tmp_path, ensemble) == 2
        said = capsys.readouterr().err
        assert words in said and "segmentation predict EXAMS ENSEMBLE OUT --probability" in said
    record.write_text(good)
    (tmp_path / "exams" / "e2").mkdir()
    volumes.save(tmp_path / "exams" / "e2" / "mask.nii.gz", bar(TUMOUR))
    assert run(tmp_path, ensemble) == 2
    assert "No probability of e2, which has a mask" in capsys.readouterr().err
    (tmp_path / "exams" / "e2" / "mask.nii.gz").unlink()
    volumes.save(tmp_path / "exams" / "e1" / "mask.nii.gz", bar((1, 1)))
    assert run(tmp_path, ensemble) == 2
    assert "e1" in capsys.readouterr().err
    assert load_ensemble(ensemble).threshold == 0.5
