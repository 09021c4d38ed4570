"""The report of a study: one page that stands alone, its results as JSON, and its figures as files."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from segmentation.errors import StudyError
from study_admin.blinding.drafts import check_free, drafts, flush
from study_admin.design import StudyProblemsError
from study_admin.records import AuditRow, SourceFile
from study_admin.report.canvas import Figure
from study_admin.report.figures import figures
from study_admin.report.for_r import for_r
from study_admin.report.json_form import form_of, to_json
from study_admin.report.looked import looks
from study_admin.report.masks import read_masks
from study_admin.report.names import CODEBOOK, results_codebook
from study_admin.report.overlap import METHOD, MaskAgreement, from_rows
from study_admin.report.panels import panels
from study_admin.report.pdf import obstacle, to_pdf
from study_admin.report.results import WITHOUT_LOOKING, StudyResults, analyse
from study_admin.report.shown import Notes, Shown, Tables
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.looking import Looks
from study_admin.store import StudyStore
from study_admin.tables.material import Material, gather

REPORT, PDF, RESULTS, FIGURES = "report.html", "report.pdf", "results.json", "figures"
Progress = Callable[[int, int], None]
_PICTURES = ("lowest_dice", "largest_differences")
# As the page has them, from top to bottom
_ORDER = (
    "forest", "false_alarms", "scores", "win_tie_loss", "differences_by_reader", "bland_altman", "over_position",
    "blinding", "dice_on_volume", *_PICTURES,
)  # fmt: skip


def write_report(
    store: StudyStore, out: Path, progress: Progress = lambda done, total: None, *, with_pdf: bool = True
) -> tuple[Path, ...]:
    """Write the page, results.json with its codebook, the figures and the pairs for R into a new folder, or nothing.

    The page as PDF, too, where `pdf.obstacle` knows of none. `progress(done, total)` counts exams whose files are
    looked at, and may raise to cancel. Raises StudyError before the unblinding, if the database is not what its audit
    trail says, if the folder is there, or if the disk fails.
    """
    check_free(out)
    material = gather(store)
    if material.unblinding is None:
        what = "The study is not unblinded yet, so there are no arms to compare."
        remedy = "Lock the collection and unblind the study first; progress and tables need no key."
        raise StudyError(what, remedy=remedy)
    return write_material(material, store.audit(), store.source_files(), out, progress, with_pdf=with_pdf)


def write_material(
    material: Material, trail: Sequence[AuditRow], known: Sequence[SourceFile], out: Path,
    progress: Progress = lambda done, total: None, *, with_pdf: bool = True,
) -> tuple[Path, ...]:  # fmt: skip
    """The same from what the store holds; `known` are the files of the exams as they were when the study opened."""
    overlap, seen = _from_masks(material, known, progress)
    results = analyse(material, trail, looks=seen, overlap=overlap)
    are_masks_sound = isinstance(overlap, MaskAgreement)
    pictures = panels(material.study, material.exam_codes, results) if are_masks_sound else {}
    return write_results(results, out, pictures, with_pdf=with_pdf)


def write_results(
    results: StudyResults, out: Path, pictures: Mapping[str, Figure] | None = None,
    beside: Mapping[str, bytes] | None = None, *, with_pdf: bool = True,
) -> tuple[Path, ...]:  # fmt: skip
    """The same from results that were computed already, with pictures of exams if there are any.

    `beside` are more files of the folder by name, such as the tables that the results are from.
    """
    drawn = {**figures(results), **(pictures or {})}
    page = document(results, drawn)
    contents = {REPORT: page.encode(), RESULTS: to_json(results), CODEBOOK: results_codebook()}
    contents |= {**for_r(results.pairs, results.provenance.alpha, results.provenance.margin), **(beside or {})}
    if with_pdf and obstacle() is None:
        contents[PDF] = to_pdf(page)
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
    style = _template("style.css").decode()
    shown = Shown(form)
    return _page().render(
        form=form, shown=shown, notes=Notes(shown), tables=Tables(), style=Markup(style), figures=_placed(drawn)
    )


@cache
def _page() -> Template:
    """Compiled once, which takes longer than to fill it."""
    environment = Environment(
        loader=PackageLoader("study_admin.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("report.html")


def _template(name: str) -> bytes:
    return files("study_admin.report").joinpath("templates", name).read_bytes()


def _placed(drawn: Mapping[str, Figure]) -> dict[str, dict[str, object]]:
    """Figures with their numbers in the order of the page, each as an address that holds all of it."""
    names = [name for name in _ORDER if name in drawn]
    return {
        name: {
            "number": number,
            "source": _address(name, drawn[name]),
            "caption": drawn[name].caption,
            "alt": drawn[name].alt,
        }
        for number, name in enumerate(names, 1)
    }


def _address(name: str, figure: Figure) -> str:
    """The figure itself: lines as SVG, pictures of exams as PNG, which is a fraction of their SVG."""
    kind, content = ("png", figure.png) if name in _PICTURES else ("svg+xml", figure.svg)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _from_masks(
    material: Material, known: Sequence[SourceFile], progress: Progress
) -> tuple[MaskAgreement | NotEstimable, Sequence[Looks] | NotEstimable]:
    """What follows from the masks, if they still are those that were read. A report of scores does not fail for them.

    The reason names no file: names of folders and patients do not belong into a report.
    """
    study = material.study
    try:
        facts = read_masks(study, material.exam_codes, known, progress)
    except StudyError as error:
        problems = error.problems if isinstance(error, StudyProblemsError) else (error,)
        because = f"the masks could not be used: {problems[0].what.rstrip('.')}"
        return NotEstimable(METHOD, because), NotEstimable(WITHOUT_LOOKING, because)
    overlap = from_rows([each.overlap for each in facts], (study.arms[0].name, study.arms[1].name))
    return overlap, looks(material, {each.exam: each.extent for each in facts})
