"""The simulated technician on a shape whose answer is known: a ball of 20 mm, with a thin finger."""

import numpy as np
import pytest

from segmentation.errors import StudyError
from segmentation.phantom.technician import Technician, draw_technician, outline
from segmentation.volumes import Volume

SPACING = (1.0, 1.0, 2.0)
HAND = Technician(
    dice=0.88,
    wander_mm=1.0,
    correlation_mm=10,
    bias_mm=0,
    jitter_mm=0.2,
    rounding_mm=1,
    thinnest_mm=4,
    smallest_slice_mm2=20,
)


def ball(code: str = "LPS") -> Volume:
    """20 mm in radius about (0, 0, 0) mm in 90 x 90 x 80 mm, and a finger 2 mm wide reaching 15 mm further back."""
    affine = np.diag([-1.0 if code[0] == "L" else 1.0, -1.0, 2.0, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (44.5, 44.5, 19.5)
    i, j, k = np.meshgrid(np.arange(90), np.arange(90), np.arange(40), indexing="ij")
    x, y, z = i - 44.5, j - 44.5, 2 * (k - 19.5)
    mask = x**2 + y**2 + z**2 < 20**2
    mask |= (np.abs(x) < 1.2) & (y > 0) & (y < 35) & (np.abs(z) < 6)
    return Volume(mask.astype(np.uint8), affine)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice 1945, written out here."""
    return 2 * np.sum((a > 0) * (b > 0)) / (np.sum(a > 0) + np.sum(b > 0))


@pytest.mark.parametrize("wanted", [0.8, 0.85, 0.9, 0.93])
def test_overlap_is_the_one_asked_for(wanted: float) -> None:
    hand = Technician(**{**HAND.as_dict(), "dice": wanted})
    truth = ball()
    drawn = outline(truth, hand, seed=1)
    assert dice(drawn.array, truth.array) == pytest.approx(wanted, abs=0.01)
    assert drawn.array.dtype == np.uint8 and drawn.array.max() == 1


@pytest.mark.parametrize("number", range(12))
def test_technicians_at_random_overlap_as_experts_do(number: int) -> None:
    truth = ball()
    hand = draw_technician(np.random.default_rng(number))
    assert 0.8 < dice(outline(truth, hand, seed=number).array, truth.array) < 0.93


def test_same_seed_same_hand_and_another_seed_another() -> None:
    first, again, other = (outline(ball(), HAND, seed).array for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_bias_draws_more_or_less() -> None:
    wide, tight = (
        outline(ball(), Technician(**{**HAND.as_dict(), "bias_mm": bias, "wander_mm": 0.1}), 1).array.sum()
        for bias in (1.0, -1.0)
    )
    truth = ball().array.sum()
    assert wide > truth > tight


def test_thin_part_is_missed_and_hole_is_filled() -> None:
    truth = ball()
    truth.array[44:46, 44:46, 18:22] = 0
    drawn = outline(truth, Technician(**{**HAND.as_dict(), "dice": 0.97}), seed=3).array
    assert drawn[44:46, 44:46, 18:22].all()
    assert not drawn[:, 44 + 30 :].any()  # the finger ends at 35 mm, the ball at 20 mm


def test_error_wanders_smoothly_along_the_border() -> None:
    """Neighbouring rays from the middle err alike, opposite ones do not: the correlation length is 10 mm."""
    hand = Technician(**{**HAND.as_dict(), "jitter_mm": 0.0})
    angles = np.radians(np.arange(0, 360, 6))  # 2.1 mm apart at 20 mm
    radii = []
    for seed in range(20):
        drawn = outline(ball(), hand, seed).array[:, :, 19]
        at = np.arange(0, 40, 0.25)
        i = np.rint(44.5 + np.outer(np.cos(angles), at)).astype(int)
        j = np.rint(44.5 - np.abs(np.outer(np.sin(angles), at))).astype(int)  # the half without the finger
        radii.append(drawn[i, j].sum(axis=1)[:30] * 0.25)
    errors = np.array(radii) - np.mean(radii, axis=0)
    near = np.corrcoef(errors[:, :-1].ravel(), errors[:, 1:].ravel())[0, 1]
    far = np.corrcoef(errors[:, :10].ravel(), errors[:, 20:].ravel())[0, 1]
    assert near > 0.7 and abs(far) < 0.35


def test_nothing_is_drawn_outside_the_brain() -> None:
    truth = ball()
    brain = np.zeros(truth.shape, bool)
    brain[:50] = True
    assert not outline(truth, HAND, 1, brain).array[50:].any()


def test_grid_of_the_truth_is_kept_whatever_its_axes() -> None:
    truth = ball("RPS")
    drawn = outline(truth, HAND, seed=1)
    assert np.array_equal(drawn.world_from_voxel, truth.world_from_voxel) and drawn.shape == truth.shape
    mirrored = outline(ball("LPS"), HAND, seed=1)
    assert np.array_equal(drawn.array, mirrored.array[::-1])  # the ball is symmetric: same patient, same hand


def test_mask_of_several_labels_counts_whole_and_empty_is_refused() -> None:
    truth = ball()
    labelled = Volume(truth.array * np.float32(4), truth.world_from_voxel)
    assert np.array_equal(outline(labelled, HAND, 1).array, outline(truth, HAND, 1).array)
    with pytest.raises(StudyError, match="empty"):
        outline(Volume(np.zeros((5, 5, 5), np.uint8), truth.world_from_voxel), HAND, 1)
