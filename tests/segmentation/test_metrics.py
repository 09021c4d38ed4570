"""Agreement of two masks: by hand arithmetic, and against scikit-learn and a search of all pairs of points."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, precision_score, recall_score

from segmentation import metrics
from segmentation.errors import StudyError
from segmentation.metrics import dice, overlap, precision, recall, summary, surface_distances, volume_ml

EMPTY = np.zeros((4, 4, 4), bool)


def box(shape: tuple[int, int, int], first: tuple[int, int, int], last: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = True
    return mask


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two ragged masks that overlap in part."""
    rng = np.random.default_rng(seed)
    noise = rng.random((2, 9, 11, 7))
    noise[1] = 0.6 * noise[0] + 0.4 * noise[1]
    return noise[0] > 0.7, noise[1] > 0.6


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_that_of_scikit_learn(seed: int) -> None:
    reference, other = blobs(seed)
    found = overlap(reference, other, (1.0, 1.0, 2.0))
    truth, guess = reference.ravel(), other.ravel()
    assert found.dice == pytest.approx(f1_score(truth, guess), abs=1e-12)  # F1 and Dice are the same number
    assert found.recall == pytest.approx(recall_score(truth, guess), abs=1e-12)
    assert found.precision == pytest.approx(precision_score(truth, guess), abs=1e-12)
    assert (dice(reference, other), recall(reference, other), precision(reference, other)) == (
        found.dice, found.recall, found.precision,
    )  # fmt: skip
    assert found.dice not in (0, 1) and found.recall != found.precision and not found.has_empty


def test_volumes_are_voxels_times_their_size() -> None:
    # 6 and 4 voxels of 0.5 x 0.5 x 2 mm = 0.5 mm^3 each: 0.003 and 0.002 ml
    a, b = box((4, 4, 4), (0, 0, 0), (2, 1, 0)), box((4, 4, 4), (0, 0, 0), (1, 1, 0))
    found = overlap(a, b, (0.5, 0.5, 2.0))
    assert (found.reference_ml, found.other_ml) == pytest.approx((0.003, 0.002))
    assert volume_ml(a, (0.5, 0.5, 2.0)) == pytest.approx(0.003)
    assert (found.recall, found.precision, found.dice) == pytest.approx((4 / 6, 1.0, 8 / 10))


def test_two_empty_masks_agree_and_one_empty_mask_is_wrong() -> None:
    """By the rule of house.md: with nothing to find, finding nothing is right."""
    some = box((4, 4, 4), (1, 1, 1), (2, 2, 2))
    for a, b, share in ((EMPTY, EMPTY, 1.0), (EMPTY, some, 0.0), (some, EMPTY, 0.0)):
        found = overlap(a, b, (1.0, 1.0, 1.0))
        assert (found.dice, found.recall, found.precision) == (share, share, share)
        assert (dice(a, b), recall(a, b), precision(a, b)) == (share, share, share)
        assert found.has_empty
    assert surface_distances(EMPTY, EMPTY, (1.0, 1.0, 1.0)) == metrics.SurfaceDistances(0.0, 0.0)
    assert surface_distances(EMPTY, some, (1.0, 1.0, 1.0)) is None
    assert surface_distances(some, EMPTY, (1.0, 1.0, 1.0)) is None


def test_masks_of_other_sizes_are_refused_with_both_sizes() -> None:
    with pytest.raises(StudyError, match="4×4×4 and 4×4×5"):
        dice(EMPTY, np.zeros((4, 4, 5), bool))
    with pytest.raises(ValueError, match="True and False"):
        dice(EMPTY.astype(np.uint8), EMPTY)


def test_a_moved_plate_is_apart_by_how_far_it_was_moved() -> None:
    # plates of one voxel's thickness, two slices of 3 mm apart: every distance is 6 mm
    a, b = box((5, 5, 9), (0, 0, 2), (4, 4, 2)), box((5, 5, 9), (0, 0, 4), (4, 4, 4))
    assert surface_distances(a, b, (1.0, 1.0, 3.0)) == metrics.SurfaceDistances(6.0, 6.0)


def test_a_cube_in_a_cube() -> None:
    """A cube of 5 around one of 3, 1 mm: all 26 surface voxels of the inner are 1 mm from the outer's surface.

    Of the 98 outer ones, 54 on the faces' inner 3x3 are 1 mm away, 36 along the edges (12 x 3) root 2, 8 corners
    root 3.
    """
    inner, outer = box((7, 7, 7), (2, 2, 2), (4, 4, 4)), box((7, 7, 7), (1, 1, 1), (5, 5, 5))
    found = surface_distances(inner, outer, (1.0, 1.0, 1.0))
    assert found is not None
    assert found.mean_mm == pytest.approx((26 + 54 + 36 * 2**0.5 + 8 * 3**0.5) / 124)
    # the 95th percentile of 124 values lies at 0.95 x 123 = 116.85: between the 117th and the 118th; the 8 root 3 begin
    # with the 117th, as 124 - 8 = 116, so that it is root 3
    assert found.percentile_95_mm == pytest.approx(3**0.5)


@pytest.mark.parametrize("seed", range(3))
def test_distances_are_those_of_a_search_of_all_pairs(seed: int) -> None:
    a, b = blobs(seed)
    spacing = (0.9, 1.1, 2.5)

    def points(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        neighbours = [np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (-1, 1)]
        return np.argwhere(mask & ~np.logical_and.reduce(neighbours)) * np.array(spacing)

    apart = cdist(points(a), points(b))
    both = np.concatenate([apart.min(axis=0), apart.min(axis=1)])
    found = surface_distances(a, b, spacing)
    assert found is not None
    assert found.mean_mm == pytest.approx(both.mean())
    assert found.percentile_95_mm == pytest.approx(np.percentile(both, 95))


def test_summary_by_hand() -> None:
    # 1, 2, 4, 9: mean 4, squares of deviations 9 + 4 + 0 + 25 = 38, sd root(38/3), se half of it; type 7 quartiles
    found = summary([4, 1, 9, 2])
    assert found is not None
    assert (found.n, found.mean, found.median, found.minimum, found.maximum) == (4, 4.0, 3.0, 1.0, 9.0)
    assert found.sd == pytest.approx((38 / 3) ** 0.5) and found.se == pytest.approx((38 / 3) ** 0.5 / 2)
    assert found.quartiles == (1.75, 5.25)
    single = summary([0.5])
    assert single is not None and single.sd is None and single.se is None
    assert summary([]) is None
