"""The FLAIR onto the T1c: a known move is found again, and what is no move of a patient is refused."""

import locale
from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import StudyError
from segmentation.preprocessing.registration import register, similarity
from segmentation.preprocessing.resampling import Grid
from segmentation.volumes import Volume
from tests.segmentation.heads import COARSE_PLACE, COARSE_SHAPE, head


def _move(degrees: float, mm: tuple[float, float, float]) -> np.ndarray:
    """About the head's long axis, then a shift."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    move = np.eye(4)
    move[:2, :2] = [[c, -s], [s, c]]
    move[:3, 3] = mm
    return move


def test_a_known_move_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    language = locale.setlocale(locale.LC_ALL)
    move = _move(9, (14, -10, 8))  # the patient's world from the FLAIR's
    fixed = head(COARSE_PLACE, COARSE_SHAPE).t1c
    moving = head(COARSE_PLACE, COARSE_SHAPE, moved=move, seed=2).flair
    found = register(fixed, moving)
    true = np.linalg.inv(move)
    corners = Grid.of(fixed).corners()
    wrong = corners @ (found.moving_from_fixed - true)[:3, :3].T + (found.moving_from_fixed - true)[:3, 3]
    assert np.linalg.norm(wrong, axis=1).max() < 1.0  # a third of a voxel
    assert found.findings["turned_degrees"] == pytest.approx(9, abs=0.5)
    assert "look at the picture" in found.warnings[0]
    assert np.array_equal(register(fixed, moving).moving_from_fixed, found.moving_from_fixed)
    assert not list(tmp_path.iterdir())  # elastix writes where it stands unless it is told otherwise
    assert capfd.readouterr().out == ""
    assert locale.setlocale(locale.LC_ALL) == language  # elastix sets "C", and Python would read ASCII from then on


def test_noise_cannot_be_fitted() -> None:
    fixed = head(COARSE_PLACE, COARSE_SHAPE).t1c
    noise = np.random.default_rng(5).normal(100, 10, (61, 73, 38)).astype(np.float32)
    far = COARSE_PLACE.copy()
    far[:3, :3] *= 0.4  # a field of view of less than half a head
    with pytest.raises(StudyError, match="can't be fitted to the T1c"):
        register(fixed, Volume(noise, far))


def test_mutual_information_is_highest_where_images_fit() -> None:
    exam = head(COARSE_PLACE, COARSE_SHAPE)
    fits, shifted = (similarity(exam.t1c, exam.flair, _move(0, (mm, 0, 0))) for mm in (0, 9))
    assert similarity(exam.t1c, exam.t1c, np.eye(4)) == pytest.approx(2)  # of an image with itself: 2 H / H
    assert 1 < shifted < fits < 2
    assert similarity(exam.t1c, exam.flair, _move(0, (900, 0, 0))) == 1
