"""What was on a reader's screen, beside where the tumours are: from the trails and the masks."""

import json
from collections.abc import Mapping

from reader_app.session.model import Side
from reader_app.session.trail import Event
from study_admin.report.masks import Extent
from study_admin.statistics.looking import Exposure, Looks, Range
from study_admin.tables.material import Material


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
