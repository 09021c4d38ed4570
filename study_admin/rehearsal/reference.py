"""How well each arm's masks agree with a reference: what simulated readers' scores follow, where there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from segmentation.errors import StudyError
from segmentation.metrics import dice
from study_admin.blinding.encoding import load_masks
from study_admin.design import Exam, Study, StudyProblemsError
from study_admin.rehearsal.readers import Quality

_REFERENCE = "the reference"
Progress = Callable[[int, int], None]


def measure(study: Study, reference: str, progress: Progress) -> Mapping[str, tuple[float, float]]:
    """Dice of either arm's mask with the reference, by the study exam's name; masks as readers see them.

    Raises `StudyProblemsError` with all references that are missing or on another grid.
    """
    found: dict[str, tuple[float, float]] = {}
    problems: list[StudyError] = []
    for number, exam in enumerate(study.study_exams):
        progress(number, len(study.study_exams))
        try:
            found[exam.name] = _of_exam(study, exam, reference)
        except StudyProblemsError as error:
            problems += error.problems
    progress(len(study.study_exams), len(study.study_exams))
    if problems:
        raise StudyProblemsError(problems)
    return found


def _of_exam(study: Study, exam: Exam, reference: str) -> tuple[float, float]:
    path = exam.t1c.parent / reference
    if not path.is_file():
        remedy = "Put it there, or leave --reference out: then the planted effect is --effect."
        raise StudyProblemsError([StudyError("The reference is missing.", file=path, remedy=remedy)])
    values = []
    for arm in study.arms:
        pair = replace(exam, masks={arm.name: exam.masks[arm.name], _REFERENCE: ((path,),)})
        drawn, truth = load_masks(pair, (arm.name, _REFERENCE), rule=study.mask_rule).masks
        values.append(dice(truth, drawn))
    return values[0], values[1]


def quality(measured: Mapping[str, Sequence[float]], exams: Mapping[str, str], codes: Sequence[str]) -> Quality:
    """The same in the order of a design's exams; `exams` has names by code."""
    values = np.array([measured[exams[code]] for code in codes], float)
    return Quality(values[:, 0], values[:, 1])
