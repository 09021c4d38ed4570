"""The template on an exam: a template that was moved by a known amount is found again; cut brains are told."""

import json
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.__main__ import main
from segmentation.atlas import labelling, template
from segmentation.commands import atlas as command
from segmentation.errors import StudyError
from segmentation.preprocessing.resampling import Grid, resample
from segmentation.subject import Subject, is_exam, open_subject
from segmentation.volumes import Volume

ATLAS = Path(__file__).parents[4] / "shared" / "data" / "atlas"
COARSE = Grid((70, 80, 64), np.array([[-3.0, 0, 0, 105], [0, -3, 0, 100], [0, 0, 3, -80], [0, 0, 0, 1]]))


def turned(degrees: float, shift_mm: tuple[float, float, float]) -> np.ndarray:
    """A nod about the x axis, and a shift."""
    angle = np.radians(degrees)
    move = np.eye(4)
    move[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    move[:3, 3] = shift_mm
    return move


def halves() -> Volume:
    """Labels in the template's space: 1 left and front, 2 right and front, 3 left and back, 4 right and back."""
    space = template.template_volume()
    at = np.indices(space.shape)
    x, y = at[0] + space.world_from_voxel[0, 3], at[1] + space.world_from_voxel[1, 3]
    return Volume((1 + (x > 0) + 2 * (y < -20)).astype(np.int16), space.world_from_voxel)


@pytest.fixture(scope="module")
def moved() -> tuple[Subject, np.ndarray]:
    """The template, nodding by 8° and 12 mm off, at 3 mm with a T1c's grey values; and the labels as they must be."""
    template_from_exam = turned(8, (4.0, -12.0, 6.0))
    space = template.template_volume()
    image = resample(space, COARSE, "linear", template_from_exam)
    labels = resample(halves(), COARSE, "nearest", template_from_exam).array
    brain = image.array > 0.3
    t1c = np.where(brain, 200 + 600 * image.array, 0).astype(np.float32)
    turned_up = [volumes.reorient(Volume(a, COARSE.world_from_voxel), "RAS") for a in (t1c, brain, labels)]
    tumour = np.zeros(turned_up[0].shape, bool)
    tumour[40:46, 40:46, 30:36] = True
    return Subject("x", turned_up[0], turned_up[1].array, tumour & turned_up[1].array, ()), turned_up[2].array


def test_affine_step_finds_a_known_move(moved: tuple[Subject, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong by 3 mm at the borders at most: that concerns 2 % of the voxels of these large labels."""
    subject, expected = moved
    monkeypatch.setattr(template, "cut_face", lambda *_: "cut for the test")
    monkeypatch.setattr(template, "_AFFINE_ITERATIONS", 200)
    found = template.fit(subject, halves())
    assert (found.kind, found.reason, found.jacobian) == ("affine", "cut for the test", None)
    assert volumes.is_same_grid(found.labels, subject.t1c)
    inside = subject.brain
    assert (found.labels.array[inside] == expected[inside]).mean() > 0.95
    assert not found.labels.array[~inside].any() and found.brain_dice > 0.95


@pytest.mark.long
@pytest.mark.timeout(900)
def test_bspline_keeps_a_whole_brain_and_is_not_kept_on_a_cut_one(moved: tuple[Subject, np.ndarray]) -> None:
    subject, expected = moved
    whole = template.fit(subject, halves())
    assert whole.kind == "B-spline" and whole.reason == "" and whole.jacobian is not None
    assert 0.6 < whole.jacobian[1] < 1 < whole.jacobian[2] < 1.6  # nothing had to be bent: noise, far from the limits
    assert (whole.labels.array[subject.brain] == expected[subject.brain]).mean() > 0.95
    front = np.arange(subject.brain.shape[1]) > 40
    cut = Subject("x", subject.t1c, subject.brain & front[:, None], subject.tumour & front[:, None], ())
    found = template.fit(cut, halves())
    assert found.kind == "affine" and "cuts the brain off at the back" in found.reason


def ellipsoid() -> np.ndarray:
    i, j, k = np.indices((80, 90, 70))
    return ((i - 40) / 35) ** 2 + ((j - 45) / 40) ** 2 + ((k - 35) / 30) ** 2 < 1


@pytest.mark.parametrize(
    ("axis", "part", "word"),
    [(0, slice(55, None), "right"), (1, slice(None, 30), "back"), (2, slice(None, 20), "bottom")],
)
def test_cut_faces_are_named(axis: int, part: slice, word: str) -> None:
    """Voxels of 2 mm: the cut is a disc of more than 100 cm², a whole ellipsoid ends in one of less than 20."""
    brain = ellipsoid()
    assert template.cut_face(brain, (2.0, 2.0, 2.0)) == ""
    where: list[slice] = [slice(None)] * 3
    where[axis] = part
    brain[tuple(where)] = False
    assert f"at the {word} (" in template.cut_face(brain, (2.0, 2.0, 2.0))


def test_volume_factors_of_a_known_transform() -> None:
    """A field that stretches by 1.2, 0.9 and 1.0: 1.08 everywhere, whatever the voxels and their order."""
    grid = Volume(np.ones((6, 7, 8), bool), np.array([[0, -2.0, 0, 5], [3, 0, 0, 1], [0, 0, 1.5, 2], [0, 0, 0, 1]]))
    at = np.tensordot(grid.world_from_voxel[:3, :3], np.indices(grid.shape), axes=1)
    field = at * np.array([1.2, 0.9, 1.0]).reshape(3, 1, 1, 1) + 7
    assert template._jacobian(field, grid) == pytest.approx((1.08, 1.08, 1.08))


def small_exam(folder: Path, *, has_skull: bool = False) -> Path:
    folder.mkdir(parents=True)
    brain = ellipsoid()
    grey = np.where(brain | has_skull, 100, 0) + np.arange(brain.size).reshape(brain.shape) % 7
    affine = np.diag([-2.0, -2.0, 2.0, 1.0])
    shown = np.where(brain | has_skull, grey, 0)
    for name in ("t1c", "flair"):
        volumes.save(folder / f"{name}.nii.gz", Volume(shown.astype(np.int16), affine))
    tumour = np.zeros(brain.shape, np.uint8)
    tumour[30:36, 30:36, 30:36] = 1
    volumes.save(folder / "seg.nii.gz", Volume(tumour, affine))
    return folder


def test_subject_of_a_stripped_exam(tmp_path: Path) -> None:
    folder = small_exam(tmp_path / "a")
    found = open_subject(folder)
    assert found.name == "a" and found.brain.sum() == ellipsoid().sum()
    # stored from right to left and front to back: voxel 30-35 of 80 is 44-49 in upright order
    assert np.argwhere(found.tumour).min(0).tolist() == [44, 54, 30] and found.tumour.sum() == 216
    assert is_exam(folder) and not is_exam(tmp_path)
    (folder / "mask_2.nii.gz").write_bytes((folder / "seg.nii.gz").read_bytes())
    (folder / "mask_1.nii.gz").write_bytes((folder / "seg.nii.gz").read_bytes())
    with pytest.raises(StudyError, match=r"Several masks are there: .*--mask FILE"):
        open_subject(folder)
    assert open_subject(folder, folder / "mask_2.nii.gz").tumour.sum() == 216
    with pytest.raises(StudyError, match="skull is still there"):
        open_subject(small_exam(tmp_path / "b", has_skull=True))
    with pytest.raises(StudyError, match="no such folder"):
        open_subject(tmp_path / "absent")


def tiny_atlas(folder: Path) -> Path:
    folder.mkdir()
    for kind, names, short in (("Cortical", "Frontal_Pole", "cort"), ("Subcortical", "Left_Thalamus", "sub")):
        (folder / f"HarvardOxford-{kind}_index.txt").write_text(names)
        image = Volume(np.ones((4, 4, 4), np.uint8), np.eye(4))
        volumes.save(folder / f"HarvardOxford-{short}-maxprob-thr25-1mm.nii.gz", image)
    return folder


def test_command_writes_keeps_and_names_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a fit that is made up, in this process: elastix is tested above."""
    small_exam(tmp_path / "exams" / "a")
    small_exam(tmp_path / "exams" / "b", has_skull=True)
    folder = tiny_atlas(tmp_path / "atlas")

    def fake(subject: Subject, labels: Volume) -> template.Fit:
        marked = Volume(np.where(subject.brain, np.int16(1), np.int16(0)), subject.t1c.world_from_voxel)
        return template.Fit(marked, subject.t1c, "affine", "made up", 0.9, None)

    monkeypatch.setattr(labelling, "fit", fake)
    place, other = labelling.find_places(tmp_path / "exams")
    located = labelling.locate(place, tmp_path / "out", folder, "sha")
    # 216 voxels of 8 mm³
    assert [(s.region, s.tumour_ml) for s in located.shares] == [("Left Frontal Pole", pytest.approx(1.728))]
    assert labelling.kept(place, tmp_path / "out", "sha") == located
    assert labelling.kept(place, tmp_path / "out", "other atlas") is None
    record = json.loads((tmp_path / "out" / "a" / "atlas.json").read_text())
    assert "non-commercial" in record["licence"] and record["result"]["reason"] == "made up"
    assert (tmp_path / "out" / "a" / "atlas.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "out" / "a" / "atlas.csv").write_text("changed")
    assert labelling.kept(place, tmp_path / "out", "sha") is None
    with pytest.raises(StudyError, match="skull is still there"):
        labelling.locate(other, tmp_path / "out", folder, "sha")
    assert "a,affine,Left Frontal Pole,1.728,1.0000" in labelling.table([located])
    monkeypatch.setattr("segmentation.__main__._COMMANDS", (command,))
    assert main(["atlas", str(tmp_path / "exams"), str(tmp_path / "out"), "--atlas", str(tmp_path / "out")]) == 2
    assert "fetch_atlas_harvard_oxford" in capsys.readouterr().err


@pytest.mark.skipif(not ATLAS.is_dir(), reason="The Harvard-Oxford atlas may not be part of the project.")
def test_the_real_atlas_puts_known_places_into_their_regions() -> None:
    """MNI coordinates from the literature: left thalamus (-11, -18, 8), right hippocampus (26, -22, -14),
    left amygdala (-22, -4, -18), right putamen (26, 4, 2), right occipital pole (18, -100, 2)."""
    from segmentation.atlas.regions import load_atlas

    found = load_atlas(ATLAS)
    voxel_from_world = np.linalg.inv(found.labels.world_from_voxel)
    for at, region in (
        ((-11, -18, 8), "Left Thalamus"),
        ((26, -22, -14), "Right Hippocampus"),
        ((-22, -4, -18), "Left Amygdala"),
        ((26, 4, 2), "Right Putamen"),
        ((18, -100, 2), "Right Occipital Pole"),
    ):
        i, j, k = np.rint(voxel_from_world @ [*at, 1])[:3].astype(int)
        assert found.names[found.labels.array[i, j, k]] == region
