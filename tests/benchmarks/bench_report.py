"""The report of a study of the paper's size on real-size volumes: 100 exams of 240×240×155 voxels, 400 pairs.

Run by `make bench`. Scores are the frozen ones of the tests; images are made up, as large on the disk as real ones:
four pairs, each the files of 25 exams, while every exam has masks of its own.
"""

import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from reader_app.session.trail import Event
from segmentation import volumes
from segmentation.volumes import Volume
from study_admin.blinding.sources import source_files
from study_admin.records import Collected
from study_admin.report.document import write_material
from study_admin.statistics.bootstrap import bootstrap, weighted_median
from study_admin.statistics.pairs import from_frame
from study_admin.tables.material import Material
from tests.study_admin.report.reference_material import ARMS, reference_material
from tests.study_admin.statistics.r_values import scores

SHAPE, IMAGES = (240, 240, 155), 4
LIMIT_S, BOOTSTRAP_LIMIT_S, DRAWS = 20, 2, 10_000
_PLACE = np.diag([-1.0, -1.0, 1.0, 1.0])
_EXPOSURE = {"exposure": {"T1c": {"axial": [[50, 90]], "coronal": [[90, 130]], "sagittal": [[90, 130]]}}}


def main() -> None:
    _bootstrap()
    with tempfile.TemporaryDirectory() as scratch:
        material = _material(Path(scratch) / "exams")
        known = source_files(material.study)
        for with_pdf in (False, True):
            start, cpu = time.perf_counter(), time.process_time()
            write_material(material, (), known, Path(scratch) / f"report-{with_pdf}", with_pdf=with_pdf)
            spent, cpu = time.perf_counter() - start, time.process_time() - cpu
            words = "with PDF" if with_pdf else "HTML, figures and results.json"
            print(f"report of 100 exams and 400 pairs, {words}: {spent:.1f} s ({LIMIT_S}), {cpu:.1f} CPU-s")


def _bootstrap() -> None:
    table = from_frame(scores("paper"), scale=(0, 10))
    start = time.perf_counter()
    bootstrap(table, weighted_median, draws=DRAWS)
    print(f"{DRAWS} two-way bootstrap draws of the median: {time.perf_counter() - start:.2f} s ({BOOTSTRAP_LIMIT_S})")


def _material(folder: Path) -> Material:
    """The frozen scores on these exams, and what was on the screen as the reader app records it."""
    material = reference_material("paper")
    exams = []
    for exam in material.study.exams:
        masks = {arm: ((folder / exam.name / f"{arm}.nii.gz",),) for arm in ARMS}
        images = (folder / exam.name / f"{name}.nii.gz" for name in ("t1c", "flair"))
        exams.append(replace(exam, t1c=next(images), flair=next(images), masks=masks))
    _write([exam.name for exam in exams], folder)
    collected = tuple(_with_exposure(each) for each in material.collected)
    return replace(material, study=replace(material.study, exams=tuple(exams)), collected=collected)


def _with_exposure(collected: Collected) -> Collected:
    def seen(event: Event) -> Event:
        if event.type != "exam_left":
            return event
        return replace(event, new=json.dumps(json.loads(event.new or "{}") | _EXPOSURE))

    results = replace(collected.results, events=tuple(seen(event) for event in collected.results.events))
    return replace(collected, results=results)


def _write(names: list[str], folder: Path) -> None:
    head = _ball((120, 120, 75), (95, 110, 74))
    with ThreadPoolExecutor(2) as pool:
        pictures = list(pool.map(lambda seed: _picture(head, seed), range(2 * IMAGES)))
        for number, each in enumerate(pictures):
            (folder / f"{number}").mkdir(parents=True)
            (folder / f"{number}" / "image.nii.gz").write_bytes(each)

        def write(number: int) -> None:
            exam = folder / names[number]
            exam.mkdir()
            for layer, name in enumerate(("t1c", "flair")):
                os.link(folder / f"{number % IMAGES + layer * IMAGES}" / "image.nii.gz", exam / f"{name}.nii.gz")
            random = np.random.default_rng(number)
            centre, radii = random.uniform((90, 90, 55), (150, 150, 95)), random.uniform(12, 35, 3)
            for arm in ARMS:
                mask = _ball(centre + random.normal(0, 1.5, 3), radii * random.uniform(0.9, 1.1, 3))
                (exam / f"{arm}.nii.gz").write_bytes(
                    volumes.encode(Volume(mask.astype(np.uint8), _PLACE), dtype=np.uint8)
                )

        list(pool.map(write, range(len(names))))


def _ball(centre: npt.ArrayLike, radii: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    axes = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    parts = zip(axes, np.broadcast_to(centre, 3), np.broadcast_to(radii, 3), strict=True)
    return np.asarray(sum(((axis - middle) / radius) ** 2 for axis, middle, radius in parts) <= 1)


def _picture(head: npt.NDArray[np.bool_], seed: int) -> bytes:
    """Grain in a head on black, as large on the disk as a real T1c without its skull: 2.4 MB."""
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32), 0.8)
    return volumes.encode(Volume(((400 + 30 * grain) * head).astype(np.int16), _PLACE), dtype=np.int16)


if __name__ == "__main__":
    main()
