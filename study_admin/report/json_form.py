"""results.json: the results as text, with names that stay."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isinf
from typing import Any

import numpy as np

from study_admin.report.results import StudyResults
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.pairs import Pairs

FORMAT = "blindread-study-results 1.0"


def form_of(results: StudyResults) -> dict[str, Any]:
    """The results as JSON has them.

    What is not estimable is {"not_estimable": why}, what does not apply null, and so are infinite degrees of freedom,
    which are those of the normal distribution. Raises ValueError for a number that is none.
    """
    form = _form(results)
    form["readings"] = form.pop("pairs")
    return {"format": FORMAT} | form


def to_json(results: StudyResults) -> bytes:
    """Canonical: keys sorted, two blanks, UTF-8; equal results are equal bytes."""
    text = json.dumps(form_of(results), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _form(value: Any) -> Any:
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.because}
    if isinstance(value, Pairs):
        return _readings(value)
    if is_dataclass(value):
        return {field.name: _form(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): _form(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_form(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and isinf(value) and value > 0:
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no form for {type(value).__name__}")


def _key(key: Any) -> str:
    return f"{key:g}" if isinstance(key, float) else str(key)


def _readings(pairs: Pairs) -> list[dict[str, Any]]:
    """One row a reading; what is not known is null."""
    return [
        {
            "reader": pairs.readers[pairs.reader[n]],
            "group": pairs.groups[pairs.group[n]],
            "exam": pairs.exams[pairs.exam[n]],
            "position": _known(pairs.position[n]),
            "first": _known(pairs.first[n]),
            "second": _known(pairs.second[n]),
            "side_of_first": str(pairs.side_of_first[n]) or None,
            "seconds": _known(pairs.seconds[n]),
        }
        for n in range(len(pairs))
    ]


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
