"""Each step on images whose answer is known: by hand, by construction, or from another library."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.preprocessing import bias_field, brain, denoising, normalisation
from segmentation.preprocessing.completeness import agreed_tumour
from segmentation.preprocessing.elastix import elastix_engine
from segmentation.preprocessing.images import engine, from_itk, to_itk
from segmentation.preprocessing.resampling import Grid, common_grid, coverage, resample
from segmentation.volumes import Volume
from tests.segmentation.heads import COARSE_PLACE, COARSE_SHAPE, head

OBLIQUE = np.array([[-0.9, 0.0, 0.3, 80], [0.0, 1.2, 0.0, -70], [0.3, 0.0, 2.7, -60], [0, 0, 0, 1]])


def _ball(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    centre = (np.array(shape) - 1) / 2
    return np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - centre, axis=-1) < radius


def test_an_image_lies_in_the_same_place_in_itk() -> None:
    volume = Volume(np.arange(60, dtype=np.float32).reshape(3, 4, 5, order="F"), OBLIQUE)
    image = to_itk(volume)
    left, back, head_ = image.TransformIndexToPhysicalPoint((2, 1, 3))  # ITK's own arithmetic; it counts left and back
    x, y, z, _ = OBLIQUE @ [2, 1, 3, 1]
    assert np.allclose((-left, -back, head_), (x, y, z))
    assert image[2, 1, 3] == volume.array[2, 1, 3]
    again = from_itk(image)
    assert np.array_equal(again.array, volume.array) and np.allclose(again.world_from_voxel, OBLIQUE)


def test_the_atlas_says_how_to_get_elastix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(engine(), "ElastixImageFilter")  # as in the package simpleitk
    with pytest.raises(StudyError, match=r"without elastix.*pip uninstall"):
        elastix_engine()


@pytest.mark.parametrize(
    ("shape", "spacing", "expected"),
    [
        ((240, 240, 155), (1.0, 1.0, 1.0), (240, 240, 78)),  # 155 mm hold 77.5 slices of 2 mm
        ((256, 224, 26), (0.8984, 0.8984, 5.5), (230, 202, 72)),  # 229.99, 201.2 and 143 mm
        ((512, 512, 68), (0.4688, 0.4688, 2.5), (241, 241, 85)),  # 240.03 mm: more than a hundredth over
    ],
)
def test_the_common_grid_has_the_field_of_view_of_the_t1c(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], expected: tuple[int, int, int]
) -> None:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -50, -60, -70
    grid = common_grid(Volume(np.broadcast_to(np.float32(0), shape), affine))
    assert grid.shape == expected
    assert volumes.axis_letters(grid.world_from_voxel) == (("R", "L"), ("A", "P"), ("I", "S"))
    middle = grid.world_from_voxel @ [*(np.array(expected) - 1) / 2, 1]
    assert np.allclose(middle, affine @ [*(np.array(shape) - 1) / 2, 1])


def test_an_exam_on_the_grid_already_stays_as_it_is() -> None:
    place = np.array([[-1.0, 0, 0, 0], [0, -1.0, 0, 239], [0, 0, 2.0, 0], [0, 0, 0, 1]])
    volume = Volume(np.random.default_rng(1).normal(size=(12, 10, 8)).astype(np.float32), place)
    grid = common_grid(volume)
    assert np.allclose(grid.world_from_voxel, place)
    assert np.array_equal(resample(volume, grid).array, volume.array)


def test_resampling_agrees_with_scipy() -> None:
    noise = np.random.default_rng(2).normal(size=(20, 24, 16)).astype(np.float32)
    source = Volume(noise, OBLIQUE)
    grid = common_grid(source, (1.1, 1.3, 2.2))
    move = np.eye(4)
    move[:3, :3] = [[np.cos(0.1), -np.sin(0.1), 0], [np.sin(0.1), np.cos(0.1), 0], [0, 0, 1]]
    move[:3, 3] = 2, -3, 1
    voxels = np.linalg.inv(OBLIQUE) @ move @ grid.world_from_voxel
    where = voxels[:3, :3] @ np.indices(grid.shape).reshape(3, -1) + voxels[:3, 3:]
    inside = ((where > 0.01) & (where < np.array(noise.shape)[:, None] - 1.01)).all(0).reshape(grid.shape)
    for order, name in ((1, "linear"), (3, "cubic")):
        expected = ndimage.map_coordinates(noise, where, order=order, mode="mirror").reshape(grid.shape)
        ours = resample(source, grid, name, move).array
        assert np.abs(ours - expected)[inside].max() < 2e-3
    assert coverage(source, grid, move)[inside].all()


def test_a_mask_stays_a_mask() -> None:
    mask = Volume(_ball((20, 20, 10), 6), np.diag([1.0, 1.0, 2.0, 1.0]))
    finer = resample(mask, Grid((40, 40, 20), np.diag([0.5, 0.5, 1.0, 1.0])), "nearest")
    assert finer.array.dtype == np.bool_
    assert finer.array.sum() / 8 == pytest.approx(mask.array.sum(), rel=0.1)
    with pytest.raises(ValueError, match="no values between"):
        resample(mask, Grid.of(mask), "linear")


def test_curvature_flow_takes_noise_and_leaves_edges_and_even_images() -> None:
    even = Volume(np.full((20, 20, 10), 7, np.float32), np.eye(4))
    assert np.array_equal(denoising.curvature_flow(even).array, even.array)
    step = np.zeros((40, 40, 20), np.float32)
    step[20:] = 100
    noisy = Volume(step + np.random.default_rng(3).normal(0, 5, step.shape).astype(np.float32), np.eye(4))
    quiet = denoising.curvature_flow(noisy).array
    assert (quiet - step)[5:15, 5:35, 5:15].std() < 0.75 * (noisy.array - step)[5:15, 5:35, 5:15].std()
    assert (quiet[20] - quiet[19]).mean() > 90
    assert denoising.curvature_flow(noisy, 0.0625, 10).array.std() < quiet.std()


def test_n4_takes_the_bias_field_and_spares_the_tumour() -> None:
    exam = head(COARSE_PLACE, COARSE_SHAPE, is_stripped=True)
    i, j, _ = np.indices(exam.brain.shape)
    field = 1 + 0.4 * np.cos(np.pi * i / 61) + 0.15 * np.sin(np.pi * j / 73)
    flair = Volume((exam.flair.array * field).astype(np.float32), exam.flair.world_from_voxel)
    even = exam.flair.array > 300
    even &= exam.brain & ~exam.tumour & (exam.flair.array < 360)  # one tissue of the phantom: 330
    fitted = bias_field.without_lesion(flair, exam.brain)
    assert (exam.tumour & ~fitted).sum() > 0.9 * exam.tumour.sum()
    assert fitted.sum() > 0.8 * (exam.brain & ~exam.tumour).sum()
    corrected = bias_field.correct(flair, fitted)
    variation = [float(values[even].std() / values[even].mean()) for values in (flair.array, corrected.volume.array)]
    assert variation[1] < 0.35 * variation[0]
    unspared = bias_field.correct(flair, exam.brain).volume.array
    true, spared, lost = (
        float(values[exam.tumour].mean() / values[even].mean())
        for values in (exam.flair.array, corrected.volume.array, unspared)
    )
    assert lost < 0.95 * true < 0.97 * true < spared < 1.12 * true


def test_n4_needs_a_brain() -> None:
    with pytest.raises(StudyError, match="too little brain"):
        bias_field.correct(head().t1c, np.zeros((92, 108, 50), bool))


@pytest.mark.parametrize("background", [0, -3.16])
def test_the_brain_of_a_stripped_image(background: float) -> None:
    ball = _ball((40, 40, 30), 12)
    array = np.where(ball, 5.0, background).astype(np.float32)
    array[20, 20, 15] = background  # a dark voxel inside is brain
    array[1, 1, 1] = 3  # a stray voxel outside is not
    assert np.array_equal(brain.from_background(Volume(array, np.eye(4))), ball)


def test_a_whole_head_is_not_taken_for_a_stripped_one() -> None:
    with pytest.raises(StudyError, match="not skull-stripped"):
        brain.from_background(head().t1c)


def test_the_tumour_is_never_cut_away_by_the_brain_mask() -> None:
    ball = _ball((60, 60, 30), 12)
    tumour = np.roll(_ball((60, 60, 30), 5), 12, axis=0)
    joined = brain.with_tumour(ball, tumour, (1.0, 1.0, 2.0))
    assert joined.mask[tumour].all() and joined.mask[ball].all()
    assert joined.outside == pytest.approx((tumour & ~ball).sum() / tumour.sum())
    assert "of the tumour lies outside" in joined.warnings[0]
    inside = brain.with_tumour(ball, _ball((60, 60, 30), 3), (1.0, 1.0, 2.0))
    assert inside.mask is ball and not inside.warnings


def test_an_implausible_brain_is_named() -> None:
    spacing = (2.0, 2.0, 2.0)
    good = _ball((80, 80, 80), 35.0)  # 4/3 pi 70^3 mm^3 = 1437 ml
    assert brain.judge(good, spacing) == ()
    assert "has 478 ml" in brain.judge(_ball((80, 80, 80), 24.25), spacing)[0]  # 4/3 pi 48.5^3
    assert "cuts the brain off (above)" in brain.judge(good[:, :, :60], spacing)[0]
    assert brain.judge(good[:, :, 6:], spacing) == ()  # 41 mm across below, as a brain stem: 1290 mm^2
    two = good | np.roll(good, 1, 0)
    two[38:42] = False
    assert "several large pieces" in "".join(brain.judge(two, spacing))
    with pytest.raises(StudyError, match="has 0 ml"):
        brain.judge(np.zeros((9, 9, 9), bool), spacing)


def test_z_scores_by_hand() -> None:
    values = np.array([2.0, 4, 4, 4, 5, 5, 7, 9, 100]).reshape(9, 1, 1)
    mask = values < 50  # mean 5, population SD 2: the usual example
    found = normalisation.z_scores(values, mask)
    assert (found.mean, found.sd, found.limits) == (5, 2, None)
    assert found.array.ravel().tolist() == [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2, 0]


def test_clipping_cuts_to_percentiles_of_the_brain() -> None:
    values = np.arange(101.0).reshape(101, 1, 1)
    found = normalisation.z_scores(values, np.ones(values.shape, bool), (10, 90))
    assert found.limits == (10, 90)  # of 0 ... 100
    assert found.array.min() == found.array[10, 0, 0] and found.array.max() == found.array[90, 0, 0]


def test_nothing_to_normalise() -> None:
    with pytest.raises(StudyError, match="no brain"):
        normalisation.z_scores(np.ones((3, 3, 3)), np.zeros((3, 3, 3), bool))
    with pytest.raises(StudyError, match="same everywhere"):
        normalisation.z_scores(np.full((3, 3, 3), 0.1), np.ones((3, 3, 3), bool))


def test_swapped_images_are_noticed() -> None:
    exam = head()
    spacing = exam.t1c.spacing_mm
    t1c, flair = (normalisation.z_scores(image.array, exam.brain).array for image in (exam.t1c, exam.flair))
    assert normalisation.judge_contrasts(t1c, flair, exam.brain, spacing) == ()
    assert "may have been swapped" in normalisation.judge_contrasts(flair, t1c, exam.brain, spacing)[0]


def test_oedema_in_the_depth_is_no_swap() -> None:
    """White matter of which more than half is bright on FLAIR and dark on T1c, as around a large tumour."""
    exam = head()
    grid = np.indices(exam.brain.shape)[0]
    oedema = exam.brain & (grid > exam.brain.shape[0] * 0.4)
    oedema &= ndimage.distance_transform_edt(exam.brain, exam.t1c.spacing_mm) > 12
    images = []
    for image, brightness in ((exam.t1c, 0.5), (exam.flair, 2.5)):
        values = image.array.astype(float)
        values[oedema] = brightness * np.median(values[exam.brain])
        images.append(normalisation.z_scores(values, exam.brain).array)
    t1c, flair = images
    assert normalisation.judge_contrasts(t1c, flair, exam.brain, exam.t1c.spacing_mm) == ()
    assert normalisation.judge_contrasts(flair, t1c, exam.brain, exam.t1c.spacing_mm) != ()


def test_consensus_of_each_compartment_and_then_their_union() -> None:
    def mask(*values: int) -> np.ndarray:
        return np.array(values, bool)

    first = {"t1c": mask(1, 1, 0, 0), "flair": mask(0, 0, 1, 1)}
    second = {"t1c": mask(1, 0, 1, 0), "flair": mask(0, 1, 1, 0)}
    # intersections 1000 and 0010; that of the whole tumours would be 1110
    assert agreed_tumour([first, second]).tolist() == [True, False, True, False]
    assert agreed_tumour([first, {"": mask(1, 1, 1, 0)}]).tolist() == [True, True, True, False]


def test_pictures_show_the_patients_right_on_the_left_and_the_nose_up(tmp_path: Path) -> None:
    from segmentation.preprocessing.quality import planes

    picture = np.zeros((10, 12, 8), np.uint8)  # voxels towards left, back, head
    picture[0, 0, 7] = 255  # right, front, top
    axial, coronal, sagittal = planes(picture, (1.0, 1.0, 1.0), (0, 0, 7))
    assert all(panel.getpixel((0, 0)) == (255, 255, 255) for panel in (axial, coronal, sagittal))
