"""Segments: which, where, how varied; the same whoever cuts them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.exams import PreparedExam
from segmentation.network import NetworkConfig
from segmentation.training import augmentation, cases, sampling
from segmentation.training.cases import Case
from segmentation.training.recipes import AS_PUBLISHED, RECOMMENDED, Augmentation, Recipe
from segmentation.training.sampling import Segments, batches
from tests.segmentation import prepared_exams
from tests.segmentation.tiny_network import TINY

EDGE, MARGIN = 9, 4  # of a segment of 17 voxels in a network that sees 9
PLAIN = Augmentation(shift_sd=0, gain_sd=0, flip=False)


def recipe(
    base: Recipe = AS_PUBLISHED, *, augmentation: Augmentation = PLAIN, batch: int = 10, steps: int = 40
) -> Recipe:
    schedule = replace(base.schedule, steps_per_epoch=steps)
    chosen = replace(base.sampling, segment_vox=17, batch=batch, subepochs=2)
    return replace(base, sampling=chosen, schedule=schedule, augmentation=augmentation)


def lay_out(exam: PreparedExam, cache: Path) -> Case:
    return cases.build(exam, cache, margin=MARGIN, output=EDGE)


def segments_of(tmp_path: Path, count: int = 3, config: NetworkConfig = TINY, **asked: object) -> Segments:
    exams = [prepared_exams.write(tmp_path / "exams", f"e{n}", seed=n) for n in range(count)]
    found = tuple(lay_out(exam, tmp_path / "cache") for exam in exams)
    return Segments(found, recipe(**asked), config, (7, 1))  # type: ignore[arg-type]


def places(folder: Path) -> PreparedExam:
    """An exam whose FLAIR says where a voxel lies: x + 100 y + 10000 z, but for a factor and a constant."""
    exam = prepared_exams.write(folder, "places")
    x, y, z = np.indices(prepared_exams.SHAPE, np.float32)
    prepared_exams.save(exam.flair, (x + 100 * y + 10_000 * z - 110_000) / 70_000)
    return exam


def where(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y, z of each voxel of a `places` image."""
    code = np.rint(image.astype(np.float64) * 70_000 + 110_000).astype(int)
    return code % 100, code // 100 % 100, code // 10_000


def test_half_of_the_segments_are_centred_on_tumour(tmp_path: Path) -> None:
    """DeepMedic's default: equal shares of exams, and of classes within an exam (reference/deepmedic.md, section 3)."""
    segments = segments_of(tmp_path, batch=6, steps=40)
    centre = EDGE // 2
    labels = np.concatenate([segments.batch(step).labels for step in range(20)])  # one subepoch: 120 segments
    assert labels[:, centre, centre, centre].sum() == 60
    plan = segments._plan((0, 0), 120)
    assert np.bincount(plan[:, 0]).tolist() == [40, 40, 40]
    assert {tuple(row) for row in plan[:6]} != {tuple(plan[0])}  # shuffled together


def test_only_so_many_exams_are_drawn_for_a_subepoch(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, count=4)
    few = replace(segments, recipe=replace(segments.recipe, sampling=replace(segments.recipe.sampling, exams=2)))
    drawn = [set(few._plan((epoch, part), 50)[:, 0].tolist()) for epoch in range(4) for part in range(2)]
    assert all(len(exams) == 2 for exams in drawn) and len(set(map(frozenset, drawn))) > 1


def test_an_exam_without_tumour_gives_other_brain_only(tmp_path: Path) -> None:
    exam = prepared_exams.write(tmp_path / "exams", "healthy", has_tumour=False)
    segments = Segments((lay_out(exam, tmp_path / "cache"),), recipe(), TINY, (1, 1))
    assert segments.batch(0).labels.sum() == 0


@pytest.mark.parametrize("flip", [False, True])
def test_image_labels_and_coarse_grids_show_one_place(tmp_path: Path, flip: bool) -> None:
    """Position by the README's formula p_j = s - (f-1)(R-1)/2 + f j, moved by (f-1)/2 in a centred network."""
    case = lay_out(places(tmp_path / "exams"), tmp_path / "cache")
    truth, brain = case.labels(), case.brain()
    segments = Segments((case,), recipe(augmentation=Augmentation(0, 0, flip)), TINY, (3, 1))
    mirrored = 0
    for step in range(4):
        batch = segments.batch(step)
        assert batch.inputs[0].shape == (10, 2, 17, 17, 17) and batch.labels.shape == (10, EDGE, EDGE, EDGE)
        for normal, third, labels in zip(batch.inputs[0], batch.inputs[1], batch.labels, strict=True):
            inner = slice(MARGIN, -MARGIN)
            x, y, z = where(normal[0, inner, inner, inner])
            np.testing.assert_array_equal(truth[x, y, z], labels)
            assert brain[x[4, 4, 4], y[4, 4, 4], z[4, 4, 4]]
            runs = int(np.sign(x[1, 0, 0] - x[0, 0, 0]))
            mirrored += runs < 0
            # coarse voxel 4 + k is the middle of the three output voxels 3 k, 3 k + 1, 3 k + 2
            cx, cy, cz = where(third[0, 4:7, 4:7, 4:7])
            np.testing.assert_array_equal(cx, x[1::3, 1::3, 1::3])
            np.testing.assert_array_equal(cy, y[1::3, 1::3, 1::3])
            np.testing.assert_array_equal(cz, z[1::3, 1::3, 1::3])
    assert (8 < mirrored < 32) if flip else mirrored == 0


def test_a_segment_lies_within_the_image(tmp_path: Path) -> None:
    """Centres from (m - 1) // 2 to size - m + (m - 1) // 2, and within the brain; for odd and even m."""
    inside = np.ones((12, 11, 10), bool)
    for edge, first, last in ((9, 4, (7, 6, 5)), (8, 3, (7, 6, 5))):
        centres = np.unravel_index(cases._centres(inside, edge), inside.shape)
        assert [int(axis.min()) for axis in centres] == [first] * 3
        assert [int(axis.max()) for axis in centres] == list(last)


def test_everything_follows_from_seed_and_step(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, base=RECOMMENDED, augmentation=RECOMMENDED.augmentation)
    again = replace(segments)
    later = again.batch(33)  # without the steps before
    for step in (0, 12, 33):
        first, second = segments.batch(step), later if step == 33 else again.batch(step)
        assert all(np.array_equal(a, b) for a, b in zip(first.inputs, second.inputs, strict=True))
        assert np.array_equal(first.labels, second.labels)
    other = replace(segments, seed=(7, 2)).batch(33)
    assert not np.array_equal(other.inputs[0], later.inputs[0])
    assert not np.array_equal(segments.batch(32).inputs[0], later.inputs[0])


def test_a_process_cuts_the_very_same_segments(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, base=RECOMMENDED, augmentation=RECOMMENDED.augmentation)
    here, there = (list(batches(segments, 3, 12, workers)) for workers in (0, 1))
    assert len(here) == len(there) == 9
    for a, b in zip(here, there, strict=True):
        assert np.array_equal(a.labels, b.labels)
        assert all(np.array_equal(x, y) for x, y in zip(a.inputs, b.inputs, strict=True))


@pytest.mark.parametrize("steps", [1, 7, 40, 41])
def test_subepochs_share_an_epochs_steps(steps: int) -> None:
    rules = replace(AS_PUBLISHED, schedule=replace(AS_PUBLISHED.schedule, steps_per_epoch=steps))
    parts = [sampling._part_of_epoch(rules, step) for step in range(steps)]
    number = min(20, steps)
    assert sorted({part for part, _, _ in parts}) == list(range(number))
    for step, (_, first, length) in enumerate(parts):
        assert first <= step < first + length and length in (steps // number, -(-steps // number))
    assert sum(length for _, length in {part: (first, length) for part, first, length in parts}.values()) == steps


def test_noise_is_of_the_papers_size_and_the_same_in_all_pathways() -> None:
    """Paper, section 2.3: mean 0, standard deviation 0.1; standard error of an SD of 4000 draws is 1.1 %."""
    rng = np.random.default_rng(1)
    draws = [augmentation.draw(AS_PUBLISHED.augmentation, 2, rng) for _ in range(2000)]
    shifts = np.array([draw.shift for draw in draws])
    assert shifts.std() == pytest.approx(0.1, rel=0.05) and abs(shifts.mean()) < 0.006
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.08  # each channel its own
    assert all((draw.gain == 1).all() and not draw.is_mirrored for draw in draws)
    variation = augmentation.Variation(False, np.array([1, 2], np.float32), np.array([2, 3], np.float32))
    normal, coarse = augmentation.recolour(
        [np.zeros((2, 2, 2, 2), np.float32), np.ones((2, 1, 1, 1), np.float32)], variation
    )
    assert normal[0].tolist() == np.full((2, 2, 2), 2).tolist() and normal[1, 0, 0, 0] == 6  # (0+1)2, (0+2)3
    assert coarse.ravel().tolist() == [4, 9]  # (1+1)2, (1+2)3


def test_a_laid_out_exam_is_found_again_and_made_anew_when_a_file_changes(tmp_path: Path) -> None:
    exam = prepared_exams.write(tmp_path / "exams", "e")
    first = lay_out(exam, tmp_path / "cache")
    stamp = (first.folder / "images.npy").stat().st_mtime_ns
    assert lay_out(exam, tmp_path / "cache") == first
    assert (first.folder / "images.npy").stat().st_mtime_ns == stamp
    assert cases.fingerprints(exam) == first.fingerprints
    mask = volumes.load(exam.folder / "mask.nii.gz")
    prepared_exams.save(exam.folder / "mask.nii.gz", np.roll(mask.array, 1, 0))
    changed = lay_out(exam, tmp_path / "cache")
    assert changed.checksum != first.checksum and changed.fingerprints == first.fingerprints


def test_the_padding_is_numpys_mirror(tmp_path: Path) -> None:
    """reference/deepmedic.md, section 3: reflect-pad by (tile - m) / 2, the edge not repeated; FLAIR first."""
    exam = prepared_exams.write(tmp_path / "exams", "e")
    flair = volumes.load(exam.flair).array
    images = lay_out(exam, tmp_path / "cache").images()
    assert images.shape == (2, *(size + 2 * MARGIN for size in flair.shape))
    np.testing.assert_array_equal(images[0, MARGIN:-MARGIN, MARGIN:-MARGIN, MARGIN:-MARGIN], flair)
    np.testing.assert_array_equal(images[0, :MARGIN, 9, 9], flair[MARGIN:0:-1, 5, 5])


def unnormalised(exam: PreparedExam) -> None:
    prepared_exams.save(exam.t1c, volumes.load(exam.t1c).array * 100)


def maskless(exam: PreparedExam) -> None:
    (exam.folder / "mask.nii.gz").unlink()


def foreign_grid(exam: PreparedExam) -> None:
    mask = volumes.load(exam.folder / "mask.nii.gz").array
    prepared_exams.save(exam.folder / "mask.nii.gz", np.ascontiguousarray(mask[1:]))


def no_brain(exam: PreparedExam) -> None:
    prepared_exams.save(exam.brain_mask, np.zeros(prepared_exams.SHAPE, np.uint8))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (unnormalised, "t1c.nii.gz: The brain's values are not normalised"),
        (maskless, "The exam has no mask to learn from"),
        (foreign_grid, "mask.nii.gz: It does not have the size of"),
        (no_brain, "brain_mask.nii.gz: The brain mask is empty"),
    ],
)
def test_an_unusable_exam_is_refused_with_its_file(damage: object, words: str, tmp_path: Path) -> None:
    exam = prepared_exams.write(tmp_path / "exams", "e")
    damage(exam)  # type: ignore[operator]
    with pytest.raises(StudyError) as caught:
        lay_out(exam, tmp_path / "cache")
    assert words in str(caught.value) and caught.value.remedy


def test_an_exam_smaller_than_a_segment_is_refused(tmp_path: Path) -> None:
    exam = prepared_exams.write(tmp_path / "exams", "thin", shape=(26, 28, 8))
    with pytest.raises(StudyError, match="26 x 28 x 8 voxels, less than the 9 of a segment"):
        lay_out(exam, tmp_path / "cache")


def test_all_exams_need_one_voxel_size(tmp_path: Path) -> None:
    case = lay_out(prepared_exams.write(tmp_path / "exams", "e"), tmp_path / "cache")
    with pytest.raises(StudyError, match="other has voxels of 1 x 1 x 1 mm, e of 1 x 1 x 2 mm"):
        cases.check_alike([case, replace(case, name="other", spacing_mm=(1.0, 1.0, 1.0))])
