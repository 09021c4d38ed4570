"""What was on a reader's screen, beside where the tumours are: from the trails and the masks."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from reader_app.session.model import Side
from reader_app.session.trail import Event
from study_admin.blinding.encoding import load_exam
from study_admin.design import Exam, Study
from study_admin.statistics.looking import Exposure, Looks, Range
from study_admin.tables.material import Material

_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}  # of volumes towards left, back and head, as readers have them
_THREADS = 2
Extent = Mapping[str, Range]


def looks(material: Material, extents: Mapping[str, Extent]) -> tuple[Looks, ...]:
    """One for each reading with a score; `extents` has by the name of an exam where its tumour lies."""
    found = []
    for reading in material.readings:
        results = material.results.get(reading.reader)
        if results is None:
            continue
        answers = results.answers[reading.reading_id]
        if any(answers.side(side).score is not None for side in Side):
            left = [event for event in results.events if event.reading_id == reading.reading_id]
            visits = [_exposure(event) for event in left if event.type == "exam_left"]
            code = material.exam_codes[reading.exam]
            found.append(Looks(reading.reader, code, visits, extents.get(reading.exam, {})))
    return tuple(found)


def extents(study: Study, progress: Callable[[int, int], None]) -> Mapping[str, Extent]:
    """From which to which slice both masks together reach, by exam and plane; none for an exam without a tumour.

    Raises StudyError for files that are gone or no longer what they were.
    """
    arms = (study.arms[0].name, study.arms[1].name)

    def extent(exam: Exam) -> Extent:
        first, second = load_exam(exam, arms, rule=study.mask_rule, are_empty_masks_allowed=True).masks
        places = np.nonzero(first | second)
        return {plane: (int(places[n].min()), int(places[n].max())) for plane, n in _AXES.items() if len(places[n])}

    found: dict[str, Extent] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for exam, each in zip(study.study_exams, pool.map(extent, study.study_exams), strict=True):
                found[exam.name] = each
                progress(len(found), len(study.study_exams))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def has_exposure(material: Material) -> bool:
    """Whether any trail tells what was on the screen."""
    events = (event for results in material.results.values() for event in results.events)
    return any(_exposure(event) for event in events if event.type == "exam_left")


def _exposure(event: Event) -> Exposure:
    """Of one visit. Notes of a trail follow no form: what is no exposure counts as none recorded."""
    try:
        exposure = json.loads(event.new or "")["exposure"]
        return {
            str(layer): {str(plane): [_range(each) for each in ranges] for plane, ranges in planes.items()}
            for layer, planes in exposure.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _range(value: list[int]) -> Range:
    low, high = value
    if type(low) is not int or type(high) is not int or not 0 <= low <= high < 1 << 16:
        raise ValueError("no range of slices")
    return low, high
