"""The FLAIR onto the T1c: a known move is found again, and what is no move of a patient is refused."""

import locale
from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import StudyError
from segmentation.preprocessing import elastix, multistart
from segmentation.preprocessing.images import engine
from segmentation.preprocessing.registration import register, similarity
from segmentation.preprocessing.resampling import Grid, Matrix
from segmentation.volumes import Volume
from tests.segmentation.heads import COARSE_PLACE, COARSE_SHAPE, head


def _move(degrees: float, mm: tuple[float, float, float]) -> np.ndarray:
    """About the head's long axis, then a shift."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    move = np.eye(4)
    move[:2, :2] = [[c, -s], [s, c]]
    move[:3, 3] = mm
    return move


def _wrong_mm(fixed: Volume, found: Matrix, true: Matrix) -> float:
    """How far the worst corner of the field of view is off."""
    corners = Grid.of(fixed).corners()
    return float(np.linalg.norm(corners @ (found - true)[:3, :3].T + (found - true)[:3, 3], axis=1).max())


def test_a_known_move_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    language = locale.setlocale(locale.LC_ALL)
    move = _move(9, (14, -10, 8))  # the patient's world from the FLAIR's
    fixed = head(COARSE_PLACE, COARSE_SHAPE).t1c
    moving = head(COARSE_PLACE, COARSE_SHAPE, moved=move, seed=2).flair
    found = register(fixed, moving)
    assert _wrong_mm(fixed, found.moving_from_fixed, np.linalg.inv(move)) < 1.0  # a third of a voxel
    assert found.findings["engine"] == "elastix"
    assert found.findings["turned_degrees"] == pytest.approx(9, abs=0.5)
    assert "look at the picture" in found.warnings[0]
    assert np.array_equal(register(fixed, moving).moving_from_fixed, found.moving_from_fixed)
    assert not list(tmp_path.iterdir())  # elastix writes where it stands unless it is told otherwise
    assert capfd.readouterr().out == ""
    assert locale.setlocale(locale.LC_ALL) == language  # elastix sets "C", and Python would read ASCII from then on


def test_without_elastix_a_known_move_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(engine(), "ElastixImageFilter")  # as in the package simpleitk
    move = _move(-12, (20, 15, -10))
    fixed = head(COARSE_PLACE, COARSE_SHAPE).t1c
    found = register(fixed, head(COARSE_PLACE, COARSE_SHAPE, moved=move, seed=2).flair)
    assert _wrong_mm(fixed, found.moving_from_fixed, np.linalg.inv(move)) < 3.0  # a voxel, at the worst corner
    assert found.findings["engine"] == "SimpleITK"
    assert "elastix is not installed" in found.warnings[0]


def test_where_elastix_leads_nowhere_many_starts_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(fixed: Volume, moving: Volume, start: str) -> Matrix:
        raise StudyError(f"elastix says: too many samples map outside, from {start}.")

    monkeypatch.setattr(elastix, "rigid", lost)
    monkeypatch.setattr(multistart, "rigid", lambda fixed, moving: _move(0, (3, 0, 0)))
    exam = head(COARSE_PLACE, COARSE_SHAPE)
    moving = Volume(exam.flair.array, _move(0, (3, 0, 0)) @ exam.flair.world_from_voxel)
    found = register(exam.t1c, moving)
    assert found.moving_from_fixed[0, 3] == 3
    assert "elastix led nowhere" in found.warnings[0]


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
