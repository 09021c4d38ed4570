"""All that a rehearsal found, by names that stay: rehearsal.json, and what the page is a function of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from segmentation.errors import StudyError
from study_admin.power import in_words
from study_admin.power.answer import answer
from study_admin.power.plan import WANTED, Goal, Plan, plan_like
from study_admin.rehearsal.course import Rehearsed, scores_that_differ
from study_admin.rehearsal.place import Place
from study_admin.rehearsal.readers import SOURCE
from study_admin.rehearsal.repetitions import Repeated
from study_admin.report.document import RESULTS

FORMAT = "blindread-rehearsal 1.0"


def plan_of(rehearsed: Rehearsed) -> Plan:
    """The design in round numbers, with the planted effect as what is to be found."""
    study = rehearsed.study
    sizes = [(size.readers, size.exams) for size in study.group_sizes]
    plan = plan_like(sizes, study.alpha, study.non_inferiority_margin)
    return replace(plan, delta=rehearsed.planted.effect)


def findings(rehearsed: Rehearsed, repeated: Repeated | None, place: Place, seed: int) -> dict[str, Any]:
    """As JSON has it. The course's own results are those of its report, results.json."""
    results = json.loads((place.report / RESULTS).read_bytes())
    plan = plan_of(rehearsed)
    form: dict[str, Any] = {
        "format": FORMAT,
        "seed": seed,
        "design": _design(rehearsed, plan),
        "planted": _planted(rehearsed),
        "course": _course(rehearsed, results),
        "power": _power(rehearsed, repeated, plan),
        "repetitions": _repetitions(repeated, plan),
        "sides": _sides(rehearsed),
        "guesses": results["validity"]["blinding"],
        "time": _time(rehearsed),
        "acts": [caught.form() for caught in rehearsed.caught],
        "masks": results["overlap"],
        "warnings": results["warnings"],
        "remarks": list(rehearsed.source.remarks),
    }
    text = json.dumps(form, allow_nan=False)  # so that the page sees what the file holds
    return dict(json.loads(text))


def to_json(form: Mapping[str, Any]) -> bytes:
    """Equal findings are equal bytes."""
    return json.dumps(form, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _design(rehearsed: Rehearsed, plan: Plan) -> dict[str, Any]:
    study, table = rehearsed.study, rehearsed.drawn.design
    return {
        "title": study.title, "called": rehearsed.source.called, "study_type": study.study_type.value,
        "arms": [arm.name for arm in study.arms], "scale": [study.scale.minimum, study.scale.maximum],
        "alpha": study.alpha, "level": 1 - study.alpha, "margin": study.non_inferiority_margin,
        "goal": plan.goal.value, "groups": len(table.groups), "readers": len(table.readers),
        "exams": len(table.exams), "practice": len(study.practice_exams), "readings": len(table),
        "are_exams_made_up": rehearsed.source.exams is None,
    }  # fmt: skip


def _planted(rehearsed: Rehearsed) -> dict[str, Any]:
    planted = rehearsed.planted
    quality = planted.quality
    return {
        "effect": planted.effect,
        "follows_masks": quality is not None,
        "dice": None if quality is None else [float(np.mean(quality.first)), float(np.mean(quality.second))],
        "points_per_dice": None if quality is None else quality.points_per_dice,
        "readers": asdict(planted.model),
        "variances": asdict(planted.variances),
        "source": SOURCE,
    }


def _course(rehearsed: Rehearsed, results: Mapping[str, Any]) -> dict[str, Any]:
    """One study: its estimate, and whether each score came back as it was given."""
    primary, effect = results["primary"], rehearsed.planted.effect
    rows = {(row["reader"], row["exam"]): row for row in results["readings"]}
    design = rehearsed.drawn.design
    keys = [(design.readers[r], design.exams[e]) for r, e in zip(design.reader, design.exam, strict=True)]
    first, second = (np.array([_nan(rows[key][arm]) for key in keys]) for arm in ("first", "second"))
    found = {"given": int(np.sum(~np.isnan(first)) + np.sum(~np.isnan(second))),
             "wrong": scores_that_differ(rehearsed, first, second)}  # fmt: skip
    stops = [{"reader": reader.code, "read": reader.stop, "due": len(reader.scores)}
             for reader in rehearsed.readers.values() if reader.stop is not None]  # fmt: skip
    is_there = primary.get("ci") is not None
    covers = bool(primary["ci"][0] <= effect <= primary["ci"][1]) if is_there else None
    return {
        "primary": primary, "covers": covers, "scores": found, "stopped": stops, "due": results["flow"]["due"],
        "complete": results["flow"]["complete"], "means": _means(results), "margin": results["margin"],
    }  # fmt: skip


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _means(results: Mapping[str, Any]) -> list[float] | None:
    scores = results["scores"]
    return None if "not_estimable" in scores else [scores["first"]["mean"], scores["second"]["mean"]]


def _power(rehearsed: Rehearsed, repeated: Repeated | None, plan: Plan) -> dict[str, Any]:
    """Simulated, beside the formula; without a true difference what is counted are false alarms."""
    form: dict[str, Any] = {
        "is_of_nothing": plan.goal is Goal.SUPERIORITY and plan.delta == 0,
        "wanted": WANTED, "simulated": None, "formula": None, "promised_by_paired_t": None, "ways": [], "range": None,
    }  # fmt: skip
    if repeated is not None:
        form["simulated"] = asdict(repeated.reached)
    try:
        found = answer(plan, rehearsed.planted.variances, WANTED)
    except StudyError:
        return form
    ways = [way for way in found.ways if way.result is not None]
    return form | {
        "formula": found.result.power, "promised_by_paired_t": found.result.promised,
        "range": [found.range.low, found.range.high], "detectable": found.detectable,
        "ways": [in_words.way(found, way) for way in ways],
    }  # fmt: skip


def _repetitions(repeated: Repeated | None, plan: Plan) -> dict[str, Any] | None:
    if repeated is None:
        return None
    limits = [test.interval(1 - plan.alpha) for test in repeated.estimates]
    return {
        "covered": asdict(repeated.covered), "without_answer": repeated.without_answer, "mean": repeated.mean,
        "sd": repeated.sd, "se_mean": float(np.mean([test.se for test in repeated.estimates])),
        "intervals": [[test.estimate, *ends] for test, ends in zip(repeated.estimates, limits, strict=True)],
    }  # fmt: skip


def _sides(rehearsed: Rehearsed) -> dict[str, Any]:
    """How often the second arm stood on A, of each reader and of each exam."""
    design = rehearsed.drawn.design
    on_a = design.side_of_first == "B"
    readers = _counted(design.readers, design.reader, on_a)
    exams = _counted(design.exams, design.exam, on_a)
    cells = [
        {"reader": design.readers[r], "group": design.groups[g], "exam": design.exams[e], "second_on_a": bool(a)}
        for r, g, e, a in zip(design.reader, design.group, design.exam, on_a, strict=True)
    ]
    return {
        "second_on_a": int(on_a.sum()), "readings": len(design), "by_reader": readers, "by_exam": exams,
        "largest_excess_of_a_reader": max(row["excess"] for row in readers),
        "largest_excess_of_an_exam": max(row["excess"] for row in exams), "readings_by_side": cells,
    }  # fmt: skip


def _counted(names: Sequence[str], codes: np.ndarray, on_a: np.ndarray) -> list[dict[str, Any]]:
    """`excess`: by how many readings one side has more than the other."""
    rows = []
    for code, name in enumerate(names):
        mine = on_a[codes == code]
        a = int(mine.sum())
        rows.append({"name": name, "second_on_a": a, "readings": len(mine), "excess": abs(2 * a - len(mine))})
    return rows


def _time(rehearsed: Rehearsed) -> dict[str, Any]:
    """From the times that were drawn: an assumption, not a finding."""
    seconds = {reader.code: sum(reader.seconds.values()) for reader in rehearsed.readers.values()}
    return {
        "minutes_per_exam": rehearsed.planted.model.minutes,
        "hours_a_reader": [min(seconds.values()) / 3600, max(seconds.values()) / 3600],
        "hours_in_all": sum(seconds.values()) / 3600,
    }
