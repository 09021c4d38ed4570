"""The simulated technician on a shape whose answer is known: a ball of 20 mm, with a thin finger."""

import numpy as np
import pytest

from segmentation.errors import StudyError
from segmentation.phantom.lapses import Parts, believed
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
    # Menze et al. 2015: two experts' whole tumours overlap by 0.85, standard deviation 0.08
    assert 0.78 < dice(outline(truth, hand, seed=number).array, truth.array) < 0.96


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


def test_skipped_slices_are_interpolated() -> None:
    """A cone drawn on every fourth slice only: between them the width goes evenly from one to the next."""
    i, j, k = np.meshgrid(np.arange(60), np.arange(60), np.arange(33), indexing="ij")
    truth = Volume((np.hypot(i - 30, j - 30) < 4 + k / 2).astype(np.uint8), np.diag([-1.0, -1.0, 2.0, 1.0]))
    habits = {"dice": 1.0, "wander_mm": 0.0, "jitter_mm": 0.0, "thinnest_mm": 0.1, "rounding_mm": 0.1}
    hands = [Technician(**{**HAND.as_dict(), **habits, "every_slice": every}) for every in (1, 4)]
    full, skipping = (outline(truth, hand, 1).array.sum((0, 1)).astype(float) for hand in hands)
    assert full[16] == skipping[16]
    assert skipping[14] == pytest.approx((np.sqrt(skipping[12]) + np.sqrt(skipping[16])) ** 2 / 4, rel=0.05)


def two_balls() -> tuple[np.ndarray, Parts]:
    """A large ball whose one half is oedema, a small one apart, and bright white matter beside and far away."""
    i, j, k = np.meshgrid(np.arange(90), np.arange(90), np.arange(40), indexing="ij")
    large = (i - 40) ** 2 + (j - 40) ** 2 + 4 * (k - 20) ** 2 < 15**2
    small = (i - 70) ** 2 + (j - 40) ** 2 + 4 * (k - 20) ** 2 < 6**2
    near = (np.abs(i - 40) < 3) & (np.abs(j - 62) < 2) & (np.abs(k - 20) < 3)
    far = (np.abs(i - 40) < 3) & (np.abs(j - 87) < 2) & (np.abs(k - 20) < 3)
    return large | small, Parts((large | small) & (i >= 40), near | far)


@pytest.mark.parametrize(
    ("lapse", "gone", "kept", "added"),
    [
        ("misses_satellite", (70, 40, 20), (30, 40, 20), None),
        ("misses_enhancement", (30, 40, 20), (70, 40, 20), None),
        ("includes_hyperintensity", None, (70, 40, 20), (40, 62, 20)),
    ],
)
def test_lapses_of_the_eye(
    lapse: str, gone: tuple[int, ...] | None, kept: tuple[int, ...], added: tuple[int, ...] | None
) -> None:
    truth, parts = two_balls()
    habits = Technician(**{**HAND.as_dict(), lapse: 1.0})
    seen = believed(truth, habits, SPACING, np.random.default_rng(1), parts)
    assert seen[kept] and (gone is None or not seen[gone]) and (added is None or seen[added])
    assert not seen[40, 87, 20]  # 32 mm from the tumour
    assert np.array_equal(believed(truth, HAND, SPACING, np.random.default_rng(1), parts), truth)


def test_more_errors_make_worse_technicians() -> None:
    usual, careless = ([draw_technician(np.random.default_rng(n), e) for n in range(40)] for e in (1.0, 2.0))
    for name in ("misses_satellite", "misses_enhancement", "includes_hyperintensity"):
        assert np.mean([getattr(hand, name) for hand in careless]) == pytest.approx(
            2 * np.mean([getattr(hand, name) for hand in usual]), rel=0.05
        )
    # 1 - Dice doubles
    assert np.mean([hand.dice for hand in careless]) == pytest.approx(2 * np.mean([h.dice for h in usual]) - 1)
