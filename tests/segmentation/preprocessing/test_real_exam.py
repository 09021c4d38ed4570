"""The one raw exam of a patient that is at hand: TCGA-FG-6692, held against HD-BET's masks and ANTs' transforms."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from segmentation import volumes
from segmentation.exams import find_exam
from segmentation.metrics import dice
from segmentation.preprocessing.pipeline import Settings, prepare
from segmentation.preprocessing.resampling import to_native

EXAM = Path(__file__).parents[4] / "shared" / "data" / "raw" / "TCGA-FG-6692"
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not EXAM.is_dir(), reason="the raw exam in ../shared/data/raw is not here"),
]


def _ants(path: Path) -> np.ndarray:
    """ANTs' rigid transform as a matrix between NIfTI worlds: x -> M (x - c) + c + t in ITK's."""
    stored = loadmat(path)
    numbers = next(value for name, value in stored.items() if "Transform" in name).ravel()
    matrix, centre = np.eye(4), stored["fixed"].ravel()
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    return _LPS @ matrix @ _LPS


def test_a_raw_exam_agrees_with_hd_bet_and_ants(tmp_path: Path) -> None:
    found = prepare(find_exam(EXAM), tmp_path, Settings())
    brain = to_native(volumes.load(found.exam.brain_mask).array > 0, found.exam.folder)
    for name in ("hdbet_mask_t1c", "brainles_hdbet_mask_t1c"):  # the two agree with each other by 0.974
        assert dice(brain.array, volumes.load(EXAM / f"{name}.nii.gz").array > 0) > 0.96
    import json

    ours = np.array(json.loads((found.exam.folder / "preprocess.json").read_text())["flair_from_t1c_mm"])
    theirs = _ants(EXAM / "ref_ants_fla_to_t1.mat") @ np.linalg.inv(_ants(EXAM / "ref_ants_t1c_to_t1.mat"))
    inside = np.argwhere(volumes.load(EXAM / "hdbet_mask_t1c.nii.gz").array > 0)
    box = np.array(np.meshgrid(*zip(inside.min(0), inside.max(0), strict=True), indexing="ij")).reshape(3, 8)
    place = volumes.load(EXAM / "t1c.nii.gz").world_from_voxel
    corners = np.vstack([place[:3, :3] @ box + place[:3, 3:], np.ones(8)])

    def apart_mm(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(((a - b) @ corners)[:3], axis=0).mean())

    assert apart_mm(theirs, np.eye(4)) == pytest.approx(27.3, abs=0.1)
    assert apart_mm(theirs, ours) < 1.2  # 0.8 to 0.9 in practice, a tenth of a slice's thickness
