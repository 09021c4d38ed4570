"""The rehearsal's result as files: one page to read, the same as PDF, and rehearsal.json with every number of it."""

import base64
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from segmentation.whole_file import write_whole
from study_admin.rehearsal.beside_the_paper import Beside
from study_admin.rehearsal.findings import to_json
from study_admin.rehearsal.in_words import words
from study_admin.rehearsal.pictures import overview
from study_admin.rehearsal.place import PAGE, Place
from study_admin.report.canvas import Figure
from study_admin.report.pdf import obstacle, to_pdf

PDF, JSON, PICTURE = "rehearsal.pdf", "rehearsal.json", "rehearsal.png"


def write(form: Mapping[str, Any], place: Place, beside: Beside | None = None, *, with_pdf: bool = True) -> None:
    """Write them, over older ones. Without Pango there is no PDF; `report.pdf.obstacle` says why."""
    drawn = overview(form)
    page = document(form, drawn, place, beside)
    contents = {JSON: to_json(form), PICTURE: drawn.png, PAGE: page.encode()}
    if with_pdf and obstacle() is None:
        contents[PDF] = to_pdf(page)
    for name, content in contents.items():
        write_whole(place.path / name, content)


def document(form: Mapping[str, Any], drawn: Figure, place: Place, beside: Beside | None = None) -> str:
    """The page, a function of rehearsal.json and the figures."""
    environment = Environment(
        loader=PackageLoader("study_admin.rehearsal", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = files("study_admin.rehearsal").joinpath("templates", "rehearsal.css").read_text(encoding="utf-8")
    figures = {"overview": {"source": _address(drawn.svg), "caption": drawn.caption, "alt": drawn.alt}}
    for name, picture in (beside.pictures if beside else {}).items():
        figures[name] = {"source": _address(picture), "caption": "", "alt": beside.figures[name] if beside else ""}
    return environment.get_template("rehearsal.html").render(
        form=form, words=words(form, str(place.study.path)), figures=figures, beside=beside, style=Markup(style)
    )


def _address(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def verdict(form: Mapping[str, Any]) -> Iterator[str]:
    """What the page says first, for a terminal."""
    for line in words(form, "").verdict:
        yield f"{'  ok ' if line.is_good else 'LOOK '} {line.text}"
