"""A plan's power as files: the picture, all numbers as JSON, and a table of designs for a spreadsheet."""

import csv
import json
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from study_admin.blinding.drafts import check_free, drafts, flush
from study_admin.power import in_words
from study_admin.power.answer import Answer
from study_admin.power.closed_form import PowerResult
from study_admin.power.designs import neighbours
from study_admin.power.plan import Plan
from study_admin.power.simulation import Simulated
from study_admin.report.power_figures import power_over_designs

FORMAT = "blindread-power 1.0"


def write_power(answer: Answer, out: Path, simulated: Simulated | None = None) -> tuple[Path, ...]:
    """Write power.png, power.svg, power.json and power.csv into a new folder, whole or not at all.

    Raises StudyError if the folder is there already or the disk fails.
    """
    check_free(out)  # a picture takes seconds
    figure = power_over_designs(answer)
    contents = {
        "power.png": figure.png, "power.svg": figure.svg, "power.json": to_json(answer, simulated),
        "power.csv": to_csv(answer),
    }  # fmt: skip
    with drafts(out) as (draft,):
        for name, content in contents.items():
            (draft / name).write_bytes(content)
            flush(draft / name)
    return tuple(out / name for name in contents)


def to_json(answer: Answer, simulated: Simulated | None = None) -> bytes:
    """All numbers by name, and the sentences that say them."""
    form = {
        "format": FORMAT,
        "plan": _plan(answer.plan),
        "variances": asdict(answer.variances),
        **_result(answer.result),
        "wanted_power": answer.wanted,
        "detectable_difference": answer.detectable,
        "power_range": asdict(answer.range),
        "what_if": [{"words": case.words, **_result(case.result)} for case in answer.what_if],
        "smallest_designs": [
            {"growing": way.growing, "plan": _plan(way.result.plan), **_result(way.result)}
            if way.result
            else {"growing": way.growing, "not_reached": True}
            for way in answer.ways
        ],
        "grid": asdict(answer.grid),
        "simulation": asdict(simulated) if simulated else None,
        "sentences": in_words.sentences(answer),
    }
    return json.dumps(form, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def to_csv(answer: Answer) -> bytes:
    """One row a design around the plan: UTF-8, comma, dot."""
    text = StringIO()
    rows = [_plan(found.plan) | _result(found) for found in neighbours(answer.plan, answer.variances)]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _plan(plan: Plan) -> dict[str, Any]:
    return asdict(plan) | {"readers": plan.readers, "exams": plan.exams, "readings": plan.readings}


def _result(result: PowerResult) -> dict[str, float]:
    return {"power": result.power, "se": result.se, "df": result.df, "promised_by_paired_t": result.promised}
