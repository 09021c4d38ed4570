"""The report of a study: one page that stands alone, its results as JSON, and its figures as files."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from segmentation.errors import StudyError
from study_admin.blinding.drafts import check_free, drafts, flush
from study_admin.report.canvas import Figure
from study_admin.report.figures import figures
from study_admin.report.json_form import form_of, to_json
from study_admin.report.overlap import METHOD, MaskAgreement, mask_agreement
from study_admin.report.results import StudyResults, analyse
from study_admin.report.shown import Shown
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.looking import Looks
from study_admin.store import StudyStore
from study_admin.tables.material import Material, gather

REPORT, RESULTS, FIGURES = "report.html", "results.json", "figures"
Progress = Callable[[int, int], None]
# As the page has them, from top to bottom
_ORDER = (
    "forest", "false_alarms", "scores", "win_tie_loss", "differences_by_reader", "bland_altman", "over_position",
    "blinding", "dice_on_volume",
)  # fmt: skip


def write_report(
    store: StudyStore, out: Path, progress: Progress = lambda done, total: None, *, looks: Sequence[Looks] = ()
) -> tuple[Path, ...]:
    """Write report.html, results.json and the figures into a new folder, whole or not at all, and return its files.

    `progress(done, total)` counts the exams whose masks are compared and may raise to cancel. Raises StudyError before
    the unblinding, if the database is not what its audit trail says, if the folder is there, or if the disk fails.
    """
    check_free(out)
    material = gather(store)
    if material.unblinding is None:
        what = "The study is not unblinded yet, so there are no arms to compare."
        raise StudyError(
            what, remedy="Lock the collection and unblind the study first; progress and tables need no key."
        )
    overlap = _overlap(material, progress)
    return write_results(analyse(material, store.audit(), looks=looks, overlap=overlap), out)


def write_results(results: StudyResults, out: Path) -> tuple[Path, ...]:
    """The same from results that were computed already."""
    drawn = figures(results)
    contents = {REPORT: document(results, drawn).encode(), RESULTS: to_json(results)}
    for name, figure in drawn.items():
        contents |= {f"{FIGURES}/{name}.svg": figure.svg, f"{FIGURES}/{name}.png": figure.png}
    with drafts(out) as (draft,):
        (draft / FIGURES).mkdir()
        for name, content in contents.items():
            (draft / name).write_bytes(content)
            flush(draft / name)
    return tuple(out / name for name in sorted(contents))


def document(results: StudyResults, drawn: Mapping[str, Figure]) -> str:
    """The page. It is a function of results.json and the figures, so that it can say nothing else."""
    form: dict[str, Any] = json.loads(json.dumps(form_of(results)))
    environment = Environment(
        loader=PackageLoader("study_admin.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = files("study_admin.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    page = environment.get_template("report.html")
    return page.render(form=form, shown=Shown(form), style=Markup(style), figures=_placed(drawn))


def _placed(drawn: Mapping[str, Figure]) -> dict[str, dict[str, object]]:
    """Figures with their numbers in the order of the page, each as an address that holds all of it."""
    names = [name for name in _ORDER if name in drawn]
    return {
        name: {
            "number": number,
            "source": "data:image/svg+xml;base64," + base64.b64encode(drawn[name].svg).decode(),
            "caption": drawn[name].caption,
            "alt": drawn[name].alt,
        }
        for number, name in enumerate(names, 1)
    }


def _overlap(material: Material, progress: Progress) -> MaskAgreement | NotEstimable:
    """Of the masks where they lay when the study opened. A report of scores does not fail for want of them."""
    try:
        return mask_agreement(material.study, material.exam_codes, progress)
    except StudyError as error:
        return NotEstimable(METHOD, f"the masks could not be read ({str(error).splitlines()[0]})")
