"""The names in results.json: those that were promised are there, and each value has its line in the codebook."""

import csv
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from study_admin.report.json_form import to_json
from study_admin.report.names import results_codebook
from tests.study_admin.report.reference_material import results_of_study, results_of_table

NUMBER, COUNT, INTERVAL = "number", "integer", "interval"
TEST = {"estimate": NUMBER, "se": NUMBER, "df": NUMBER, "p": NUMBER, "ci95": INTERVAL}
# Item 12 of the issue: names that other programs rely on, with what they hold for the frozen, complete set
PROMISED = {
    "primary": TEST,
    "obuchowski_rockette": TEST,
    "u_statistic": TEST,
    "as_published.paired_t": TEST,
    "as_published.wilcoxon": {"estimate": NUMBER, "p": NUMBER},
    "variance_components": {"reader": NUMBER, "exam": NUMBER, "residual": NUMBER},
    "design_effect": NUMBER,
    "win_tie_loss": {"wins": COUNT, "ties": COUNT, "losses": COUNT, "net_benefit": NUMBER, "se": NUMBER, "p": NUMBER},
    "agreement": {"technician": {}, "dl": {}},
    "validity": {"side_bias": {}, "learning": {}, "carry_over": {}, "reading_time": {}, "without_looking": {},
                 "blinding": {}, "repeats": {}},
    "warnings": "list",
}  # fmt: skip
TYPES = {
    "number": (int, float), "integer": (int,), "text": (str,), "true/false": (bool,), "interval": (list,),
    "list": (list,), "object": (dict,),
}  # fmt: skip
ANY = re.compile(r"[A-Z]+")  # a step that stands for any name


@cache
def form_of_study() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(results_of_study()))
    return found


@cache
def form_of_table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(results_of_table()))
    return found


@pytest.fixture(scope="module", params=[form_of_study, form_of_table], ids=["study", "table"])
def form(request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = request.param()
    return made


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(results_codebook().decode())))


def is_of(kind: str, value: Any) -> bool:
    if kind == INTERVAL:
        low, high = value
        return is_of(NUMBER, low) and is_of(NUMBER, high) and low <= high
    return isinstance(value, TYPES[kind]) and (kind == "true/false" or not isinstance(value, bool))


def check(expected: Any, value: Any, path: str) -> None:
    if isinstance(expected, str):
        assert is_of(expected, value), path
    else:
        assert isinstance(value, dict) and ("not_estimable" not in value or not expected), path
        for name, each in expected.items():
            check(each, value[name], f"{path}.{name}")


def test_the_names_that_were_promised(form: dict[str, Any]) -> None:
    for path, expected in PROMISED.items():
        value = form
        for step in path.split("."):
            value = value[step]
        check(expected, value, path)
    assert isinstance(form["provenance"]["arms"], list) and len(form["provenance"]["arms"]) == 2


def test_they_are_those_of_the_difference_of_second_minus_first() -> None:
    """statistics.md, section 3: dl, the second column, has 0.34 points more than technician."""
    assert form_of_study()["primary"]["estimate"] == pytest.approx(0.34)


def test_each_promise_has_its_own_line(rows: list[dict[str, str]]) -> None:
    told = {row["path"] for row in rows}
    for path, expected in PROMISED.items():
        if isinstance(expected, str):
            assert path in told
        elif path not in ("agreement", "validity"):
            assert {f"{path}.{name}" for name in expected} <= told


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value that is no object, and each reason, with the way to it; N is any place in a list of objects."""
    if isinstance(value, dict) and value and set(value) != {"not_estimable"}:
        for name, each in value.items():
            yield from paths(each, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for each in value:
            yield from paths(each, (*path, "N"))
    else:
        yield path, value


def fits(pattern: list[str], path: tuple[str, ...]) -> bool:
    return all(wanted == step or bool(ANY.fullmatch(wanted)) for wanted, step in zip(pattern, path, strict=False))


def test_every_value_has_a_line_of_its_type(form: dict[str, Any], rows: list[dict[str, str]]) -> None:
    lines = [(row["path"].split("."), row["type"]) for row in rows]
    examples = {(path, type(value)): value for path, value in paths(form) if value is not None and value != {}}
    for (path, _), value in examples.items():
        if isinstance(value, dict):  # a reason: its line, or those of what isn't there
            assert any(fits(line, path) and len(line) >= len(path) for line, _ in lines), path
            continue
        kinds = [kind for line, kind in lines if len(line) == len(path) and fits(line, path)]
        whole = any(len(line) < len(path) and fits(line, path) and kind in ("object", "list") for line, kind in lines)
        assert any(is_of(kind, value) for kind in kinds) or (whole and not kinds), (path, kinds)


def test_every_line_is_of_something_and_says_what(rows: list[dict[str, str]]) -> None:
    known = {path for made in (form_of_study(), form_of_table()) for path, _ in paths(made)}
    for row in rows:
        line = row["path"].split(".")
        assert row["meaning"] and row["type"] in TYPES and None not in row
        assert any(fits(line, path) for path in known), row["path"]
