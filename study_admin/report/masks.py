"""One look at the masks of each study exam: how far the two arms agree, and where the tumour lies."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from segmentation.metrics import overlap
from study_admin.blinding.encoding import Mask, load_masks
from study_admin.blinding.sources import check_sources
from study_admin.design import Exam, Study
from study_admin.records import SourceFile
from study_admin.report.overlap import ExamOverlap
from study_admin.statistics.looking import Range

Extent = Mapping[str, Range]
Progress = Callable[[int, int], None]
_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}  # of volumes towards left, back and head, as readers have them
_THREADS = 2  # unpacking and counting run outside Python's lock; each thread holds one exam


@dataclass(frozen=True)
class MaskFacts:
    """Of one exam. `extent`: from which to which slice both masks together reach, by plane; empty without a tumour."""

    exam: str  # as the study calls it
    overlap: ExamOverlap
    extent: Extent


def read_masks(
    study: Study, codes: Mapping[str, str], known: Sequence[SourceFile],
    progress: Progress = lambda done, total: None,
) -> tuple[MaskFacts, ...]:  # fmt: skip
    """The masks as readers saw them: the study's rule, consensus and orientation. Practice exams are left out.

    `codes` has by the name of an exam what tables and report call it: E001 …; `known` the files as they were when the
    study opened. Raises `StudyProblemsError` for files of an exam that are others now, or gone.
    """
    arms = (study.arms[0].name, study.arms[1].name)

    def read(exam: Exam) -> MaskFacts:
        check_sources((exam,), known)
        loaded = load_masks(exam, arms, rule=study.mask_rule)
        box = _box(loaded.masks)
        reference, other = (mask[box] for mask in loaded.masks)
        found = overlap(reference, other, loaded.spacing_mm)
        row = ExamOverlap(
            codes[exam.name], found.dice, found.recall, found.precision, found.reference_ml, found.other_ml,
            found.has_empty,
        )  # fmt: skip
        extent = {plane: (box[axis].start, box[axis].stop - 1) for plane, axis in _AXES.items() if reference.size}
        return MaskFacts(exam.name, row, extent)

    facts: list[MaskFacts] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for each in pool.map(read, study.study_exams):
                facts.append(each)
                progress(len(facts), len(study.study_exams))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return tuple(facts)


def _box(masks: tuple[Mask, Mask]) -> tuple[slice, ...]:
    """The smallest that holds both masks; of no voxels if they are empty."""
    either = masks[0] | masks[1]
    flat: Mask = np.any(either, axis=2)
    ends = []
    for shadow in (np.any(flat, axis=1), np.any(flat, axis=0), np.any(either, axis=(0, 1))):
        places = np.flatnonzero(shadow)
        ends.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0))
    return tuple(ends)
