"""An exam from T1c and FLAIR as scanned to what the network sees: the steps of Mitchell et al. 2020, 2.2, in a row.

Two changes against the paper's order, unless it is asked for: each image is interpolated once, straight to the common
grid; and the brain is found before the noise and the bias field, so that N4 is fitted in the brain, five times as fast
and closer to the truth than in the head.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segmentation import cohort, volumes
from segmentation.errors import StudyError
from segmentation.exams import PREPARED_JSON, PREPARED_VERSION, ExamFiles, PreparedExam, open_prepared, read_record
from segmentation.preprocessing import bias_field, brain, completeness, denoising, dicom, normalisation, plates, quality
from segmentation.preprocessing.completeness import Loaded
from segmentation.preprocessing.diary import Diary, versions
from segmentation.preprocessing.resampling import Grid, Matrix, common_grid, coverage, resample
from segmentation.preprocessing.state import State
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]
_MEMORY_GIB = 2.0  # a raw exam with 0.5 mm voxels took 1.6
_MARGIN_MM = 10.0  # around the brain, so that the curvature flow has no border there
_COVERED, _BARELY_COVERED = 0.98, 0.5  # share of the brain inside the FLAIR's field of view


@dataclass(frozen=True)
class Settings:
    """What is done to an exam; equal settings and equal files give an equal result."""

    is_skull_stripped: bool = False
    is_co_registered: bool = False
    is_normalised: bool = False
    order: Literal["brain-first", "as-published"] = "brain-first"
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0)  # 2.2, step 4
    interpolation: Literal["linear", "cubic"] = "linear"  # 2.2, step 4
    denoising_time_step: float = 0.03  # no number in the paper; measured, see `denoising`
    denoising_iterations: int = 5  # ITK's default; 0 leaves the step out
    has_bias_correction: bool = True
    clip_percentiles: tuple[float, float] | None = None  # the paper clips nothing
    t1c_series: str | None = None  # which DICOM series, by a pattern of its description
    flair_series: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A prepared exam and what is worth a look."""

    exam: PreparedExam
    warnings: tuple[str, ...]


def prepare_all(
    exams: Sequence[ExamFiles],
    out: Path,
    settings: Settings,
    jobs: int | None = None,
    step_limit_s: float = cohort.STEP_LIMIT_S,
) -> tuple[cohort.Outcome[Prepared], ...]:
    """Prepare each exam into `out`; what is there already, of the same files and settings, is kept.

    An exam of which a step takes longer than its limit is given up, and the others go on.
    """
    task, still_good = partial(prepare, out=out, settings=settings), partial(kept, out=out, settings=settings)
    return cohort.run_each(
        task,
        exams,
        kept=still_good,
        jobs=jobs,
        label="prepare",
        memory_gib=_MEMORY_GIB,
        step_limit_s=step_limit_s,
    )


def write_index(outcomes: Sequence[cohort.Outcome[Prepared]], problems: Sequence[StudyError], out: Path) -> None:
    """`out`/index.html: the sheets of all exams prepared there, those with warnings or a failure first."""
    there = {place.name for place in out.iterdir() if (place / PREPARED_JSON).is_file()} if out.is_dir() else set()
    shown = {name: read_record(out / name)["warnings"] for name in there}
    rows = [(name, f"{name}/qc/sheet.png", warnings) for name, warnings in shown.items()]
    rows += [(outcome.name, "", (outcome.error,)) for outcome in cohort.failed(outcomes)]
    rows += [("left out", "", (str(problem),)) for problem in problems]
    quality.save_index(rows, "Prepared exams", out)


def kept(exam: ExamFiles, out: Path, settings: Settings) -> Prepared | None:
    """What an earlier run made of the same files with the same settings, if all its files are whole; else None."""
    folder = out / exam.name
    try:
        record = read_record(folder)
        is_whole = all(cohort.file_sha256(folder / name) == sha for name, sha in record["outputs"].items())
        if is_whole and record["fingerprint"] == _fingerprint(exam, settings):
            return Prepared(open_prepared(folder), tuple(record["warnings"]))
    except (StudyError, KeyError):
        pass  # the exam itself will say what is wrong with it
    return None


def prepare(exam: ExamFiles, out: Path, settings: Settings | None = None) -> Prepared:
    """Prepare one exam into the folder `out`/exam, whole or not at all. Raises StudyError, naming the step."""
    settings, diary = settings or Settings(), Diary()
    fingerprint = _fingerprint(exam, settings)
    with diary.step("completeness") as found:
        loaded = _load(exam, settings)
        found.update(t1c=_described(loaded.t1c), flair=_described(loaded.flair), technicians=len(loaded.masks))
        diary.warn(*loaded.warnings)
    flair_from_t1c = _aligned(loaded, settings, diary)
    state = _on_common_grid(loaded, flair_from_t1c, settings, diary)
    start = state
    if settings.order == "brain-first":
        state = _with_brain(state, loaded, settings, diary)
        state = _cleaned(state, settings, diary)
    else:
        state = _cleaned(state, settings, diary)
        state = _with_brain(state, loaded, settings, diary)
    scores = _normalised(state, settings, diary)
    pictures = plates.of_exam(loaded, flair_from_t1c, start, state, scores)
    record = _record(exam, settings, diary) | {
        "fingerprint": fingerprint,
        "native_grid": Grid.of(loaded.t1c).as_record(),
        "grid": state.grid.as_record(),
        "flair_from_t1c_mm": flair_from_t1c.tolist(),
    }
    with _draft(out / exam.name) as folder:
        _write(folder, state, scores, record, pictures)
    return Prepared(PreparedExam(exam.name, exam.subject, out / exam.name), tuple(diary.warnings))


def _record(exam: ExamFiles, settings: Settings, diary: Diary) -> dict[str, Any]:
    """What `preprocess.json` says whatever became of the images."""
    return {
        "version": PREPARED_VERSION,
        "exam": exam.name,
        "subject": exam.subject,
        "settings": asdict(settings),
        "inputs": _inputs(exam),
        "steps": diary.steps,
        "warnings": diary.warnings,
        "versions": versions(),
    }


def _load(exam: ExamFiles, settings: Settings) -> Loaded:
    t1c = _read(exam.t1c, "t1c", exam.t1c_series or settings.t1c_series)
    return completeness.load(exam, t1c, _read(exam.flair, "flair", exam.flair_series or settings.flair_series))


def _read(source: Path, role: str, series: str | None) -> Volume:
    """A NIfTI file, or the series of the role in a DICOM folder."""
    if not source.is_dir():
        return volumes.load(source)
    return dicom.read(dicom.choose(dicom.series_in(source), role, series, source), source)


def _aligned(loaded: Loaded, settings: Settings, diary: Diary) -> Matrix:
    """The 4x4 matrix from the T1c's world to the FLAIR's, in mm."""
    if settings.is_co_registered:
        return np.eye(4)
    from segmentation.preprocessing import registration

    with diary.step("registration") as found:
        result = registration.register(loaded.t1c, loaded.flair)
        found.update(result.findings)
        diary.warn(*result.warnings)
    return result.moving_from_fixed


def _on_common_grid(loaded: Loaded, flair_from_t1c: Matrix, settings: Settings, diary: Diary) -> State:
    """Both images and the technicians' agreed whole tumour on the grid of the T1c's field of view."""
    with diary.step("resampling", spacing_mm=settings.spacing_mm, interpolation=settings.interpolation) as found:
        grid = common_grid(loaded.t1c, settings.spacing_mm)
        t1c, flair = loaded.t1c, loaded.flair
        if settings.order == "as-published":  # two interpolations of the FLAIR, as the paper describes it
            flair = resample(flair, Grid.of(t1c), settings.interpolation, flair_from_t1c)
        onto = flair_from_t1c if settings.order == "brain-first" else None
        covered = coverage(loaded.flair, grid, flair_from_t1c)
        t1c, flair = (resample(image, grid, settings.interpolation, m) for image, m in ((t1c, None), (flair, onto)))
        found.update(shape=list(grid.shape))
    tumour = None
    if loaded.masks:
        with diary.step("consensus") as found:
            drawn = [
                {m.compartment: resample(m.volume, grid, "nearest", flair_from_t1c if m.is_on_flair else None).array
                 for m in compartments}
                for compartments in loaded.masks
            ]  # fmt: skip
            tumour = completeness.agreed_tumour(drawn)
            each = [completeness.agreed_tumour([one]) for one in drawn]
            found.update(tumour_ml=_ml(tumour, grid), technicians_ml=[_ml(one, grid) for one in each])
            if any(one.any() for one in each) and not tumour.any():
                diary.warn("The technicians agree on not a single voxel; the consensus is empty.")
    return State(t1c, flair, covered, tumour, np.zeros(grid.shape, bool))


def _with_brain(state: State, loaded: Loaded, settings: Settings, diary: Diary) -> State:
    """The state with its brain mask; the tumour belongs to the brain wherever there are data."""
    source = "given" if loaded.brain is not None else "background" if settings.is_skull_stripped else "deepbet"
    with diary.step("brain", source=source) as found:
        if loaded.brain is not None:
            mask = resample(loaded.brain, state.grid, "nearest").array
        elif settings.is_skull_stripped:
            native = Volume(brain.from_background(loaded.t1c), loaded.t1c.world_from_voxel)
            mask = resample(native, state.grid, "nearest").array
        else:
            from segmentation.preprocessing import extraction

            mask = extraction.find_brain(state.t1c)
        spacing = state.t1c.spacing_mm
        diary.warn(*brain.judge(mask, spacing))
        if state.tumour is not None:
            joined = brain.with_tumour(mask, state.tumour, spacing)
            found.update(outside_share=round(joined.outside, 4))
            diary.warn(*joined.warnings)
            if source != "background":  # where a stripped image is empty there is nothing to add
                found.update(added_for_tumour_ml=round((joined.mask & ~mask).sum() * np.prod(spacing) / 1000, 2))
                mask = joined.mask
        found.update(brain_ml=_ml(mask, state.grid))
        _check_coverage(state.covered, mask, found, diary)
    return replace(state, brain=mask)


def _check_coverage(covered: Mask, mask: Mask, found: dict[str, Any], diary: Diary) -> None:
    share = float(covered[mask].mean())
    found.update(flair_covers=round(share, 4))
    if share < _BARELY_COVERED:
        what = f"The FLAIR shows only {share:.0%} of the brain that the T1c shows."
        raise StudyError(what, remedy="Check that both are of one exam, and that the FLAIR is whole.")
    if share < _COVERED:
        diary.warn(f"The FLAIR's field of view cuts the brain off: it shows {share:.0%} of it.")


def _cleaned(state: State, settings: Settings, diary: Diary) -> State:
    """Noise and bias field taken out of both images: of the brain and a margin, or, as published, of the whole head."""
    if settings.is_normalised:
        return state
    is_published = settings.order == "as-published"
    box = np.s_[:, :, :] if is_published else brain.box_of(state.brain, _MARGIN_MM, state.t1c.spacing_mm)
    images = [_part(image, box) for image in (state.t1c, state.flair)]
    if settings.denoising_iterations:
        step, count = settings.denoising_time_step, settings.denoising_iterations
        with diary.step("denoising", time_step=step, iterations=count):
            images = [denoising.curvature_flow(image, step, count) for image in images]
    fields: tuple[npt.NDArray, ...] = ()
    if settings.has_bias_correction:
        with diary.step(
            "bias field", fitted_in="head" if is_published else "brain without FLAIR-bright parts"
        ) as found:
            spared = None if is_published else bias_field.without_lesion(images[1], state.brain[box])
            corrected = [
                bias_field.correct(im, bias_field.head_mask(im) if spared is None else spared) for im in images
            ]
            for name, image, result in zip(("t1c", "flair"), images, corrected, strict=True):
                found[name] = {"field_1st_percentile": result.low, "field_99th_percentile": result.high}
                if state.tumour is not None and not is_published:
                    tumour, rest = state.tumour[box] & state.brain[box], state.brain[box] & ~state.tumour[box]
                    pair = [_contrast(values, tumour, rest) for values in (image.array, result.volume.array)]
                    found[name]["tumour_over_brain_before_after"] = pair
            images = [result.volume for result in corrected]
            fields = tuple(_whole(result.field, box, state.grid, 1.0) for result in corrected)
    t1c, flair = (Volume(_whole(im.array, box, state.grid, 0.0), state.grid.world_from_voxel) for im in images)
    return replace(state, t1c=t1c, flair=flair, fields=fields)


def _part(volume: Volume, box: brain.Box) -> Volume:
    """The voxels of a box, in their place."""
    place = volume.world_from_voxel.copy()
    place[:3, 3] += place[:3, :3] @ [part.start or 0 for part in box]
    return Volume(volume.array[box], place)


def _whole(values: npt.NDArray, box: brain.Box, grid: Grid, outside: float) -> npt.NDArray[np.float32]:
    """The values of a box on the whole grid."""
    array = np.full(grid.shape, outside, np.float32, order="F")
    array[box] = values
    return array


def _normalised(state: State, settings: Settings, diary: Diary) -> tuple[npt.NDArray[np.float32], ...]:
    scores = []
    with diary.step("normalisation", clip_percentiles=settings.clip_percentiles) as found:
        for name, image, seen in (("t1c", state.t1c, state.brain), ("flair", state.flair, state.brain & state.covered)):
            result = normalisation.z_scores(image.array, seen, settings.clip_percentiles)
            found[name] = {"mean": result.mean, "sd": result.sd, "clipped_to": result.limits}
            scores.append(result.array)
    diary.warn(*normalisation.judge_contrasts(scores[0], scores[1], state.brain, state.t1c.spacing_mm))
    return tuple(scores)


def _contrast(values: npt.NDArray, tumour: Mask, rest: Mask) -> float | None:
    """Mean of the tumour over the mean of the other brain: shows whether N4 took tumour for bias."""
    if not tumour.any() or not rest.any():
        return None
    return round(float(values[tumour].mean() / values[rest].mean()), 4)


def _ml(mask: Mask, grid: Grid) -> float:
    return round(float(mask.sum() * abs(np.linalg.det(grid.world_from_voxel[:3, :3])) / 1000), 2)


def _described(volume: Volume) -> dict[str, Any]:
    low, middle, high = np.percentile(volume.array[volume.array != 0], [1, 50, 99])
    spacing = [round(step, 4) for step in volume.spacing_mm]
    return {
        "shape": list(volume.shape),
        "spacing_mm": spacing,
        "percentiles_1_50_99": [float(low), float(middle), float(high)],
    }


def _files(exam: ExamFiles) -> dict[str, list[Path]]:
    """All files of an exam by their role; those of a DICOM folder together."""
    files = {"t1c": _files_of(exam.t1c), "flair": _files_of(exam.flair)}
    if exam.brain_mask is not None:
        files["brain_mask"] = [exam.brain_mask]
    for technician in exam.masks:
        for file in technician.compartments:
            files[f"mask {technician.name} {file.compartment}".rstrip()] = [file.path]
    return files


def _files_of(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    return sorted(file for file in source.rglob("*") if file.is_file() and not file.name.endswith((".nii", ".nii.gz")))


def _inputs(exam: ExamFiles) -> dict[str, dict[str, Any]]:
    """Where each image came from, and what it was."""
    found = {}
    for role, files in _files(exam).items():
        source = {"t1c": exam.t1c, "flair": exam.flair}.get(role, files[0] if files else exam.t1c)
        sha = cohort.file_sha256(files[0]) if len(files) == 1 else cohort.fingerprint(files, {})
        found[role] = {"path": str(source.resolve()), "files": len(files), "sha256": sha}
    return found


def _fingerprint(exam: ExamFiles, settings: Settings) -> str:
    files = _files(exam)
    words = {"roles": list(files), "subject": exam.subject, "series": [exam.t1c_series, exam.flair_series]}
    every = [file for each in files.values() for file in each]
    return cohort.fingerprint(every, {"version": PREPARED_VERSION, **words, **asdict(settings)})


def _write(folder: Path, state: State, scores: Sequence[npt.NDArray], record: dict[str, Any], pictures: Any) -> None:
    """Everything of a prepared exam into `folder`; the record last."""
    place = state.grid.world_from_voxel
    masks = {"brain_mask": state.brain} | ({} if state.tumour is None else {"mask": state.tumour})
    for name, values in {"t1c": scores[0], "flair": scores[1]}.items():
        volumes.save(folder / f"{name}.nii.gz", Volume(values, place), dtype=np.float32)
    for name, mask in masks.items():
        volumes.save(folder / f"{name}.nii.gz", Volume(mask.astype(np.uint8), place))
    plates.save(pictures, record["exam"], record["warnings"], folder / "qc")
    record["outputs"] = {file.name: cohort.file_sha256(file) for file in sorted(folder.glob("*.nii.gz"))}
    (folder / PREPARED_JSON).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place when all went well, and is removed when it didn't."""
    if folder.exists() and any(folder.iterdir()) and not (folder / PREPARED_JSON).is_file():
        remedy = "Choose another folder for the prepared exams."
        raise StudyError("This folder holds something else than a prepared exam.", file=folder, remedy=remedy)
    draft, old = (folder.with_name(f".{folder.name}.{word}") for word in ("part", "old"))
    for rest in (draft, old):
        shutil.rmtree(rest, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if folder.exists():
            folder.replace(old)
        draft.replace(folder)
    finally:
        for rest in (draft, old):
            shutil.rmtree(rest, ignore_errors=True)
