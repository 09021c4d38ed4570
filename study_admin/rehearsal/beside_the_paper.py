"""The paper's figures beside those of a rehearsal at its size (Mitchell et al. 2020, section 3, Table 3, Figs 3-7)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study_admin.rehearsal.place import Place
from study_admin.report.canvas import number, significant
from study_admin.report.document import FIGURES, RESULTS

_FIGURES = {
    "dice_on_volume": "As Fig. 3 of the paper: Dice of the two masks over the volume of the first arm’s.",
    "scores": "As Fig. 4: how often each score was given to either arm.",
    "differences_by_reader": "As Fig. 7, with the sign turned: differences of the two scores of an exam, by reader.",
}


@dataclass(frozen=True)
class Row:
    """A quantity as the paper prints it, and as the rehearsal's report has it."""

    name: str
    paper: str
    rehearsal: str


@dataclass(frozen=True)
class Beside:
    """`figures` has captions by name, `pictures` the report's own SVG files."""

    rows: Sequence[Row]
    figures: Mapping[str, str]
    pictures: Mapping[str, bytes]


def beside_the_paper(place: Place) -> Beside:
    """From the report that lies in the place."""
    results = json.loads((place.report / RESULTS).read_bytes())
    paths = {name: place.report / FIGURES / f"{name}.svg" for name in _FIGURES}
    there = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return Beside(tuple(_rows(results)), {name: _FIGURES[name] for name in there}, there)


def _rows(results: Mapping[str, Any]) -> Sequence[Row]:
    flow, rows = results["flow"], []
    size = f"{flow['exams']}, {flow['readers']}, {flow['complete']} of {flow['due']}"
    rows.append(Row("Exams, readers, readings with both scores", "100, 20, 400", size))
    rows += _of_masks(results["overlap"])
    rows += _of_scores(results)
    return rows


def _of_masks(masks: Mapping[str, Any]) -> Sequence[Row]:
    """Of the second arm's masks against the first arm's, as in the paper: technicians are its reference."""
    if "not_estimable" in masks:
        return ()
    paper = {"dice": "0.87 ± 0.01, 0.90", "recall": "0.87 ± 0.01, 0.91", "precision": "0.88 ± 0.01, 0.90"}
    rows = [
        Row(f"{name.capitalize()}, mean ± SE, median (Table 3)", printed, _mean(masks[name]))
        for name, printed in paper.items()
    ]
    volume, line = masks["volume_ml"], masks["dice_on_volume"]
    spread = f"{volume['mean']:.0f} ± {volume['sd'] or 0:.0f}, {volume['minimum']:.0f} to {volume['maximum']:.0f}"
    rows.append(Row("Volume, mean ± SD, range, ml (Fig. 3)", "89 ± 63, 5 to 301", spread))
    if "not_estimable" not in line:
        slope = f"{significant(line['slope'])}, {number(line['r'])}"
        rows.append(Row("Dice on volume: slope per ml, r (Fig. 3)", "0.0004, 0.28", slope))
    return rows


def _of_scores(results: Mapping[str, Any]) -> Sequence[Row]:
    scores, primary = results["scores"], results["primary"]
    if "not_estimable" in scores:
        return ()
    rows = [
        Row(f"Score of {words}, mean ± SE, median (Fig. 4)", printed, _score(scores[arm]))
        for arm, words, printed in (
            ("first", "technicians", "6.97 ± 0.12, 7"),
            ("second", "the network", "7.31 ± 0.13, 8"),
        )
    ]
    published = results["as_published"].get("paired_t", {})
    if published.get("p") is not None:
        found = f"{number(published['estimate'])}, {_p(published['p'])}"
        rows.append(Row("Difference, p as published (readings as independent)", "0.34, < 0.00007", found))
    if primary.get("p") is not None:
        found = f"{number(primary['estimate'])} ± {number(primary['se'])}, {_p(primary['p'])}"
        rows.append(Row("The same with readers and exams random, ± SE", "not given", found))
    return rows


def _mean(values: Mapping[str, Any]) -> str:
    return f"{values['mean']:.2f} ± {values['se'] or 0:.2f}, {values['median']:.2f}"


def _score(values: Mapping[str, Any]) -> str:
    naive = values["naive"].get("se")
    spread = "" if naive is None else f" ± {naive:.2f}"
    return f"{values['mean']:.2f}{spread}, {values['box']['median']:g}"


def _p(p: float) -> str:
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {significant(p)}" if p >= 1e-5 else "p < 0.00001"
