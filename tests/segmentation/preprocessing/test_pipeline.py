"""Exams through the whole pipeline, from a folder by the command line to what training and prediction read."""

import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.__main__ import main
from segmentation.errors import StudyError
from segmentation.exams import find_exam, find_exams, find_prepared, open_prepared
from segmentation.metrics import dice
from segmentation.preprocessing.pipeline import Settings, kept, prepare, prepare_all
from segmentation.preprocessing.resampling import to_native
from segmentation.volumes import Volume
from tests.segmentation.heads import COARSE_PLACE, COARSE_SHAPE, Head, head, save_exam
from tests.segmentation.preprocessing.test_dicom import save_series

STRIPPED = Settings(is_skull_stripped=True, is_co_registered=True, spacing_mm=(3, 3, 4))
QUICK = replace(STRIPPED, has_bias_correction=False, denoising_iterations=0)
TURNED = np.eye(4)
TURNED[:2, :2] = [[0.99, -0.141], [0.141, 0.99]]
TURNED[:3, 3] = 12, -9, 6


def _coarse(**words: object) -> Head:
    return head(COARSE_PLACE, COARSE_SHAPE, **words)  # type: ignore[arg-type]


def _save(folder: Path, exam: Head, **more: object) -> Path:
    files = {"t1c": exam.t1c, "flair": exam.flair, **more}
    return save_exam(folder, files, COARSE_PLACE)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Head]:
    """A skull-stripped exam, prepared in full."""
    root, exam = tmp_path_factory.mktemp("stripped"), _coarse(is_stripped=True)
    smaller = exam.tumour & np.roll(exam.tumour, 2, 0)
    folder = _save(root / "exams" / "a", exam, mask_1=exam.tumour, mask_2=smaller)
    prepare(find_exam(folder, subject="p"), root / "out", STRIPPED)
    return folder, root / "out" / "a", exam


def test_a_prepared_exam(stripped: tuple[Path, Path, Head]) -> None:
    _, folder, exam = stripped
    prepared = open_prepared(folder)
    t1c, flair, brain = (volumes.load(path) for path in (prepared.t1c, prepared.flair, prepared.brain_mask))
    assert (prepared.name, prepared.subject) == ("a", "p")
    assert t1c.shape == COARSE_SHAPE and np.allclose(t1c.world_from_voxel, COARSE_PLACE)
    inside = brain.array > 0
    assert np.array_equal(inside, exam.brain)
    for image in (t1c, flair):
        assert image.array.dtype == np.float32 and not image.array[~inside].any()
        assert image.array[inside].mean() == pytest.approx(0, abs=1e-5)
        assert image.array[inside].std() == pytest.approx(1, abs=1e-5)
    assert prepared.mask is not None
    mask = volumes.load(prepared.mask).array > 0
    assert np.array_equal(mask, exam.tumour & np.roll(exam.tumour, 2, 0))  # two technicians: the intersection
    assert (flair.array[mask] > 1).mean() > 0.9


def test_the_record_tells_all(stripped: tuple[Path, Path, Head]) -> None:
    source, folder, _ = stripped
    record = json.loads((folder / "preprocess.json").read_text())
    steps = [step["step"] for step in record["steps"]]
    expected = ["completeness", "resampling", "consensus", "brain", "denoising", "bias field", "normalisation"]
    assert steps == expected and all(step["elapsed_s"] >= 0 for step in record["steps"])
    assert record["inputs"]["t1c"]["path"] == str(source / "t1c.nii.gz")
    assert record["settings"]["denoising_time_step"] == 0.03
    assert "simpleitk-simpleelastix" in record["versions"]
    assert sorted(record["outputs"]) == ["brain_mask.nii.gz", "flair.nii.gz", "mask.nii.gz", "t1c.nii.gz"]
    pictures = sorted(path.name for path in (folder / "qc").iterdir())
    assert pictures == ["bias_field.png", "brain.png", "prepared.png", "registration.png", "sheet.png"]


def test_what_is_done_is_kept_until_something_changes(stripped: tuple[Path, Path, Head], tmp_path: Path) -> None:
    source, folder, _ = stripped
    exam, out = find_exam(source, subject="p"), tmp_path / "out"
    shutil.copytree(folder, out / "a")
    found = kept(exam, out, STRIPPED)
    assert found is not None and found.exam == open_prepared(out / "a")
    assert kept(exam, out, replace(STRIPPED, clip_percentiles=(1, 99))) is None
    assert kept(replace(exam, masks=exam.masks[:1]), out, STRIPPED) is None
    data = (out / "a" / "t1c.nii.gz").read_bytes()
    (out / "a" / "t1c.nii.gz").write_bytes(data[:-20])
    assert kept(exam, out, STRIPPED) is None
    assert kept(exam, tmp_path / "nowhere", STRIPPED) is None


def test_the_way_back_to_the_native_grid(tmp_path: Path) -> None:
    """A T1c of other voxels, in another order of axes."""
    place = np.array([[0, 0, 5.0, -75], [1.8, 0, 0, -90], [0, 2.2, 0, -60], [0, 0, 0, 1]])
    exam = head(place, (104, 72, 31), is_stripped=True)
    folder = save_exam(tmp_path / "a", {"t1c": exam.t1c, "flair": exam.flair, "mask": exam.tumour}, place)
    prepare(find_exam(folder), tmp_path / "out", replace(QUICK, spacing_mm=(1.5, 1.5, 2)))
    mask = volumes.load(tmp_path / "out" / "a" / "mask.nii.gz").array > 0
    back = to_native(mask, tmp_path / "out" / "a")
    assert back.shape == exam.t1c.shape and np.array_equal(
        back.world_from_voxel, volumes.load(folder / "t1c.nii.gz").world_from_voxel
    )
    assert dice(back.array, exam.tumour) > 0.95
    soft = to_native(mask.astype(np.float32), tmp_path / "out" / "a").array
    assert soft.dtype == np.float32 and dice(soft >= 0.5, exam.tumour) > 0.95
    with pytest.raises(StudyError, match="voxels and the prepared exam"):
        to_native(mask[1:], tmp_path / "out" / "a")


@pytest.mark.parametrize("order", ["brain-first", pytest.param("as-published", marks=pytest.mark.long)])
def test_a_whole_head_with_a_moved_flair_and_two_compartments(tmp_path: Path, order: str) -> None:
    """The FLAIR, and what was drawn on it, lie elsewhere; afterwards all fits."""
    still, moved = _coarse(), _coarse(moved=TURNED, seed=2)
    core = still.tumour & (still.t1c.array > 500)  # the enhancing rim, drawn on the T1c
    place = COARSE_PLACE.copy()
    place[2, 3] -= 2  # a grid of its own
    moved_there = head(place, COARSE_SHAPE, moved=TURNED, seed=2)
    assert not np.array_equal(moved.brain, moved_there.brain)
    folder = _save(tmp_path / "exams" / "a", still, mask_t1c=core, brain_mask=still.brain)
    (folder / "flair.nii.gz").unlink()
    volumes.save(folder / "flair.nii.gz", moved_there.flair)
    volumes.save(folder / "mask_flair.nii.gz", Volume(moved_there.tumour.astype(np.uint8), place))
    settings = Settings(spacing_mm=(3, 3, 4), order=order, denoising_iterations=2)  # type: ignore[arg-type]
    found = prepare(find_exam(folder), tmp_path / "out", settings)
    flair, mask = (volumes.load(tmp_path / "out" / "a" / f"{name}.nii.gz").array for name in ("flair", "mask"))
    assert dice(mask > 0, still.tumour) > 0.93
    assert (flair[still.tumour] > 0.5).mean() > 0.9
    assert any("moved by" in warning for warning in found.warnings)


def test_normalised_input_is_only_resampled(tmp_path: Path) -> None:
    exam = _coarse(is_stripped=True)
    scores = []
    for image in (exam.t1c, exam.flair):
        inside = image.array[exam.brain].astype(np.float32)
        values = np.full(image.shape, -3.0, np.float32)
        values[exam.brain] = (inside - inside.mean()) / inside.std()
        scores.append(Volume(np.asfortranarray(values), COARSE_PLACE))
    folder = save_exam(tmp_path / "exams" / "a", {"t1c": scores[0], "flair": scores[1]}, COARSE_PLACE)
    prepare(find_exam(folder), tmp_path / "out", replace(STRIPPED, is_normalised=True))
    record = json.loads((tmp_path / "out" / "a" / "preprocess.json").read_text())
    assert [step["step"] for step in record["steps"]] == ["completeness", "resampling", "brain", "normalisation"]
    assert record["steps"][-1]["found"]["t1c"]["sd"] == pytest.approx(1, abs=0.05)
    assert not (tmp_path / "out" / "a" / "mask.nii.gz").exists()


def _break(folder: Path, exam: Head) -> None:
    """One exam for each thing that goes wrong in hospitals; `good` and `large` are sound."""
    t1c, flair = exam.t1c, exam.flair
    for name in ("good", "torn", "nan", "four", "one_slice", "swapped", "no_flair", "other_grid", "constant", "same"):
        _save(folder / name, exam)
    torn = folder / "torn" / "t1c.nii.gz"
    torn.write_bytes(torn.read_bytes()[:-5000])
    import nibabel

    holes = t1c.array.astype(np.float32)
    holes[30, 30, 20] = np.nan
    nibabel.save(nibabel.Nifti1Image(holes, COARSE_PLACE), folder / "nan" / "t1c.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.stack([t1c.array] * 2, -1), COARSE_PLACE), folder / "four" / "t1c.nii.gz")
    volumes.save(folder / "one_slice" / "t1c.nii.gz", Volume(t1c.array[:, :, :1], COARSE_PLACE))
    volumes.save(folder / "swapped" / "t1c.nii.gz", flair)
    volumes.save(folder / "swapped" / "flair.nii.gz", t1c)
    (folder / "no_flair" / "flair.nii.gz").unlink()
    volumes.save(folder / "other_grid" / "mask.nii.gz", Volume(exam.tumour[1:].astype(np.uint8), COARSE_PLACE))
    volumes.save(folder / "constant" / "flair.nii.gz", Volume(np.full(t1c.shape, 7, np.int16), COARSE_PLACE))
    volumes.save(folder / "same" / "flair.nii.gz", t1c)
    cut = Volume(flair.array[:, :, 17:], COARSE_PLACE @ _from(17))  # from 8 mm above the middle
    _save(folder / "flair_cut", exam)
    volumes.save(folder / "flair_cut" / "flair.nii.gz", cut)


def _from(k: int) -> np.ndarray:
    shift = np.eye(4)
    shift[2, 3] = k
    return shift


def test_a_cohort_with_everything_that_goes_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _break(tmp_path / "exams", _coarse(is_stripped=True))
    command = ["preprocess", str(tmp_path / "exams"), str(tmp_path / "out"), "--skull-stripped", "--co-registered"]
    command += ["--no-bias-correction", "--no-denoising", "--jobs", "2"]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert said.startswith("2 of 10 exams done") and "8 failed:" in said
    for sentence in (
        "torn/t1c.nii.gz: Completeness: The image breaks off",
        "nan/t1c.nii.gz: Completeness: Some voxels are not numbers",
        "four/t1c.nii.gz: Completeness: The file holds 2 volumes",
        "one_slice/t1c.nii.gz: Completeness: The image has 61 x 73 x 1 voxels",
        "other_grid/mask.nii.gz: Completeness: The mask lies neither on the grid of the T1c nor on the FLAIR's",
        "constant/flair.nii.gz: Completeness: All voxels have the same value",
        "same/flair.nii.gz: Completeness: T1c and FLAIR are the same image",
        "flair_cut: Brain: The FLAIR shows only",
        "no_flair: The FLAIR is missing",
        "look at swapped: T1c and FLAIR may have been swapped",
    ):
        assert sentence in said
    assert "Traceback" not in said
    assert [exam.name for exam in find_prepared(tmp_path / "out")] == ["good", "swapped"]
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'src="good/qc/sheet.png"' in page and "may have been swapped" in page and "The FLAIR is missing" in page
    before = (tmp_path / "out" / "good" / "t1c.nii.gz").stat().st_mtime_ns
    assert main(command) == 1
    assert "2 kept from before" in capsys.readouterr().out
    assert (tmp_path / "out" / "good" / "t1c.nii.gz").stat().st_mtime_ns == before


def test_the_same_result_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        _save(tmp_path / "exams" / name, _coarse(is_stripped=True, seed=seed))
    outputs = []
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        prepare_all(find_exams(tmp_path / "exams"), out, replace(QUICK, denoising_iterations=2), jobs)
        outputs.append({f"{n}/{f}": (out / n / f).read_bytes() for n in "ab" for f in ("t1c.nii.gz", "flair.nii.gz")})
    assert outputs[0] == outputs[1]


def test_a_step_that_takes_too_long_costs_its_exam(tmp_path: Path) -> None:
    _save(tmp_path / "exams" / "a", _coarse(is_stripped=True))
    (outcome,) = prepare_all(find_exams(tmp_path / "exams"), tmp_path / "out", QUICK, step_limit_s=0.001)
    assert outcome.error.startswith("Completeness: not finished after") and "--step-minutes" in outcome.error
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_half_done(tmp_path: Path) -> None:
    folder = _save(tmp_path / "exams" / "a", _coarse(is_stripped=True))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # the kernel refuses longer files
    try:
        with pytest.raises(StudyError, match=r"t1c.nii.gz: The image cannot be written \(File too large\)"):
            prepare(find_exam(folder), tmp_path / "out", QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    folder = _save(tmp_path / "exams" / "a", _coarse(is_stripped=True))
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "thesis.docx").write_text("precious")
    with pytest.raises(StudyError, match="holds something else"):
        prepare(find_exam(folder), tmp_path / "out", QUICK)
    assert (tmp_path / "out" / "a" / "thesis.docx").read_text() == "precious"


def test_dicom_gives_what_nifti_gives(tmp_path: Path) -> None:
    exam = _coarse(is_stripped=True)
    _save(tmp_path / "nifti" / "a", exam)
    save_series(tmp_path / "dicom" / "a" / "s1", exam.t1c, "T1 GD", 1)
    save_series(tmp_path / "dicom" / "a" / "s2", exam.flair, "FLAIR", 2)
    for kind in ("nifti", "dicom"):
        prepare(find_exam(tmp_path / kind / "a"), tmp_path / f"{kind}-out", QUICK)
    first, second = (volumes.load(tmp_path / f"{kind}-out" / "a" / "t1c.nii.gz") for kind in ("nifti", "dicom"))
    assert np.abs(first.array - second.array).max() < 1e-5
    assert np.allclose(first.world_from_voxel, second.world_from_voxel, atol=1e-4)


def test_an_image_without_a_brain_names_the_step(tmp_path: Path) -> None:
    """deepbet itself runs here, on a small bright block in the dark."""
    block = np.zeros(COARSE_SHAPE, np.float32, order="F")
    block[20:24, 20:24, 10:14] = 100
    images = {"t1c": Volume(block, COARSE_PLACE), "flair": Volume(np.asfortranarray(block[::-1]), COARSE_PLACE)}
    folder = save_exam(tmp_path / "exams" / "a", images, COARSE_PLACE)
    with pytest.raises(StudyError, match=r"^Brain: No brain can be found on the T1c"):
        prepare(find_exam(folder), tmp_path / "out", replace(QUICK, is_skull_stripped=False))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["preprocess", "OUT/absent", "OUT/out"], "can't be read"),
        (["preprocess", "OUT", "OUT/out", "--clip", "90", "10"], "no percentiles"),
        (["preprocess", "OUT", "OUT/out", "--jobs", "0"], "from 1 up"),
        (["preprocess", "OUT", "OUT/out", "--subjects", "OUT/absent.csv"], "can't be read"),
    ],
)
def test_one_line_for_what_was_asked_wrongly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "a").mkdir()
    for name in ("t1c", "flair"):
        (tmp_path / "a" / f"{name}.nii.gz").touch()
    assert main([word.replace("OUT", str(tmp_path)) for word in arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_help_reads_like_a_manual(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["preprocess", "--help"])
    text = capsys.readouterr().out
    for word in ("1 x 1 x 2 mm", "mask_1_t1c", "--t1c PATTERN", "preprocess.json", "index.html", "exit status is 1"):
        assert word in text
