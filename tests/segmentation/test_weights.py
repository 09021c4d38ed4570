"""Weights on disk: the same network comes back, and nothing else does."""

import json
from pathlib import Path

import pytest
import torch

from segmentation.ensemble import FILE_NAME, load_ensemble, set_threshold, tumour_mask, write_ensemble
from segmentation.errors import StudyError
from segmentation.weights import load_weights, read_description, save_weights
from tests.segmentation.parity import SMALL, random_network
from tests.segmentation.tiny_network import TINY


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small network's file."""
    path = tmp_path / "weights.safetensors"
    save_weights(path, random_network(SMALL), {"seed": 7})
    return path


def test_round_trip(saved: Path) -> None:
    net, original = load_weights(saved), random_network(SMALL)
    assert net.config == SMALL
    assert not net.training
    state = net.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in original.state_dict().items())
    assert read_description(saved)["provenance"] == {"seed": 7}
    assert sorted(file.name for file in saved.parent.iterdir()) == ["weights.json", "weights.safetensors"]


def test_truncated(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(StudyError, match=r"weights.safetensors: It is not the file that weights.json describes. Copy"):
        load_weights(saved)


def test_another_networks_description(saved: Path, tmp_path: Path) -> None:
    description = json.loads(saved.with_suffix(".json").read_text())
    description["config"]["fc_channels"] = [24, 32]
    saved.with_suffix(".json").write_text(json.dumps(description))
    with pytest.raises(StudyError, match="do not fit the network"):
        load_weights(saved)
    del description["config"]["pathways"]
    saved.with_suffix(".json").write_text(json.dumps(description))
    with pytest.raises(StudyError, match="do not fit the network"):
        load_weights(saved)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "does not describe weights"),
        ('{"format": "other"}', "does not describe weights"),
        ('{"format": "deepmedic-weights", "version": 2}', "of version 2; this program knows versions up to 1. Install"),
    ],
)
def test_descriptions_that_are_none(saved: Path, text: str, words: str) -> None:
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(StudyError, match=words):
        load_weights(saved)


def test_missing_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"absent.json: The file cannot be read \(No such file"):
        load_weights(tmp_path / "absent.safetensors")
    with pytest.raises(StudyError, match=r"cannot be written \(No such file"):
        save_weights(tmp_path / "no folder" / "weights.safetensors", random_network(SMALL), {})


def test_ensemble_round_trip(tmp_path: Path) -> None:
    nets = [random_network(SMALL, seed) for seed in (1, 2)]
    _write(tmp_path, nets)
    ensemble = load_ensemble(tmp_path)
    assert ensemble.provenance == {"recipe": "test"}
    for member, net in zip(ensemble.members, nets, strict=True):
        assert torch.equal(member.fc[0].conv, net.fc[0].conv)


def test_ensembles_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"ensemble.json: There is no ensemble here .* `segmentation train` wrote"):
        load_ensemble(tmp_path)
    _write(tmp_path, [random_network(SMALL), random_network(TINY)])
    with pytest.raises(StudyError, match="different configurations"):
        load_ensemble(tmp_path)
    file = tmp_path / FILE_NAME
    good = json.loads(file.read_text())
    for change, words in (
        ({"members": []}, "names no members"),
        ({"members": ["../other/weights.safetensors"]}, "lies outside"),
        ({"version": 9}, "version 9"),
        ({"format": "recipe"}, "does not describe an ensemble"),
    ):
        file.write_text(json.dumps({**good, **change}))
        with pytest.raises(StudyError, match=words):
            load_ensemble(tmp_path)
    file.write_text("nothing")
    with pytest.raises(StudyError, match="not JSON"):
        load_ensemble(tmp_path)


def test_largest_part() -> None:
    """Parts that touch at a corner are one; the rest goes only if asked."""
    probability = torch.zeros(6, 6, 6).numpy()
    probability[0, 0, :3] = probability[1, 1, 3] = 0.9
    probability[5, 5, 5] = 0.8
    probability[3, 3, 3] = 0.5
    assert tumour_mask(probability).sum() == 5
    assert tumour_mask(probability, only_largest=True).sum() == 4
    assert not tumour_mask(probability * 0, only_largest=True).any()


def test_the_threshold_is_part_of_the_mask() -> None:
    probability = torch.tensor([0.1, 0.3, 0.31, 0.5, 0.51]).view(5, 1, 1).numpy()
    assert tumour_mask(probability, 0.3).ravel().tolist() == [False, False, True, True, True]


def test_an_ensemble_is_cut_at_a_half_until_it_is_calibrated(tmp_path: Path) -> None:
    _write(tmp_path, [random_network(SMALL)])
    before = load_ensemble(tmp_path)
    set_threshold(tmp_path, 0.35, {"exams": 30})
    after = load_ensemble(tmp_path)
    assert (before.threshold, after.threshold) == (0.5, 0.35)
    assert before.provenance == after.provenance == {"recipe": "test"}
    assert before.checksum == after.checksum != ""
    assert json.loads((tmp_path / FILE_NAME).read_text())["calibration"] == {
        "exams": 30, "weights_sha256": after.checksum
    }  # fmt: skip
    set_threshold(tmp_path, 35, {})
    with pytest.raises(StudyError, match=r"ensemble.json: Its threshold is 35, which is no probability"):
        load_ensemble(tmp_path)


def test_a_threshold_stays_with_its_weights_and_goes_with_them(tmp_path: Path) -> None:
    """As when a finished training is started again, and when another member joins."""
    _write(tmp_path, [random_network(SMALL, 1), random_network(SMALL, 2)])
    first, second = sorted(tmp_path.glob("*/*.safetensors"))
    write_ensemble(tmp_path, [first], {})
    set_threshold(tmp_path, 0.35, {})
    write_ensemble(tmp_path, [first], {"recipe": "again"})
    again = load_ensemble(tmp_path)
    assert (again.threshold, again.provenance) == (0.35, {"recipe": "again"})
    write_ensemble(tmp_path, [first, second], {})
    assert load_ensemble(tmp_path).threshold == 0.5
    assert "calibration" not in json.loads((tmp_path / FILE_NAME).read_text())


def _write(folder: Path, nets: list) -> None:
    files = []
    for number, net in enumerate(nets, 1):
        file = folder / f"member-{number}" / "weights.safetensors"
        file.parent.mkdir()
        save_weights(file, net, {})
        files.append(file)
    write_ensemble(folder, files, {"recipe": "test"})
