"""A rehearsal from the wish to the page: a course through files, repetitions in numbers, and what they come to."""

from dataclasses import dataclass
from typing import Any

from study_admin.rehearsal import page
from study_admin.rehearsal.beside_the_paper import beside_the_paper
from study_admin.rehearsal.course import Rehearsed, Show, rehearse
from study_admin.rehearsal.findings import findings, plan_of
from study_admin.rehearsal.place import Place
from study_admin.rehearsal.readers import check_effect
from study_admin.rehearsal.repetitions import Repeated, repeat, summarise
from study_admin.rehearsal.source import read_source
from study_admin.rehearsal.wish import Wish

_REPETITIONS = "repetitions.json"


@dataclass(frozen=True)
class Means:
    """How it is shown, in how many processes, and whether pages are written as PDF, too; nothing of it changes what
    is found."""

    show: Show
    jobs: int = 1
    with_pdf: bool = True


def rehearse_whole(wish: Wish, place: Place, means: Means, *, is_papers_size: bool = False) -> dict[str, Any]:
    """Everything, into the place; what is done there already is kept. Returns what rehearsal.json holds."""
    wish.check()
    source = read_source(wish)
    check_effect(wish.effect, (source.design.minimum, source.design.maximum))
    place.begin(wish)
    rehearsed = rehearse(wish, place, source, means.show, with_pdf=means.with_pdf)
    repeated = _repeated(wish, place, rehearsed, means)
    form = findings(rehearsed, repeated, place, wish.seed)
    page.write(form, place, beside_the_paper(place) if is_papers_size else None, with_pdf=means.with_pdf)
    return form


def _repeated(wish: Wish, place: Place, rehearsed: Rehearsed, means: Means) -> Repeated | None:
    design, planted = rehearsed.drawn.design, rehearsed.planted
    file = place.path / _REPETITIONS
    with means.show("Repeating in numbers", "study") as progress:
        rows = repeat(design, planted, wish.seed, wish.repetitions, file, progress, means.jobs)
    return summarise(rows, plan_of(rehearsed), planted.effect)
