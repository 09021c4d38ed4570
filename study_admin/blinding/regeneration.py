"""Drawing a study again: whether seed and public design give what was sealed, for anybody who has both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.allocation import allocate
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan
from study_admin.blinding.public import PublicFacts, public_facts, read_public
from study_admin.blinding.randomisation import ALGORITHM, DrawnQuestion, DrawnReading
from study_admin.records import ReadingRecord


@dataclass(frozen=True)
class Regeneration:
    """Whether a study could be drawn again; if not, where it first differs, in a sentence that names no arm."""

    is_equal: bool
    first_difference: str


def regenerate(sealed_key: Path, passphrase: str, public: Path) -> Regeneration:
    """Draw a study again from the seed in its key and the design in its `study.json`, and compare all there is.

    Raises StudyError if one of the two can't be read, is another study's, or if the algorithm is unknown here.
    """
    facts = read_public(public)
    sealed = key.open_allocation(sealed_key, passphrase, facts.opening.study_id)
    for path, algorithm in ((public, facts.opening.algorithm), (sealed_key, sealed.algorithm)):
        if algorithm != ALGORITHM:
            remedy = "Draw it again with a version of Blindread that knows this algorithm."
            raise StudyError(
                f"It was drawn by {algorithm!r}; this version draws by {ALGORITHM}.", file=path, remedy=remedy
            )
    drawn = allocate(facts.plan, sealed.seed)
    difference = next(_differences(drawn, sealed, facts), "")
    return Regeneration(not difference, difference)


def _differences(drawn: Allocation, sealed: Allocation, facts: PublicFacts) -> Iterator[str]:
    """From the coarse to the fine, each in a sentence."""
    if drawn.study_id != sealed.study_id:
        yield "The study's identifier drawn anew and in the sealed key differ."
    for field in fields(Plan):
        if getattr(drawn.plan, field.name) != getattr(sealed.plan, field.name):
            yield f"The plan differs: its {field.name.replace('_', ' ')} in study.json and in the sealed key."
    again, stored = public_facts(drawn, facts.opening.public_key, has_third_copy=False).opening, facts.opening
    for what, mine, its, where in (
        ("exams", drawn.exam_groups, sealed.exam_groups, "the sealed key"),
        ("exams", again.exam_groups, stored.exam_groups, "study.json"),
        ("readers", drawn.reader_groups, sealed.reader_groups, "the sealed key"),
        ("readers", again.reader_groups, stored.reader_groups, "study.json"),
    ):
        yield from _differences_of_groups(what, mine, its, where)
    yield from _differences_of_readings(drawn.readings, sealed.readings, "the sealed key")
    yield from _differences_of_readings(again.readings, stored.readings, "study.json")
    yield from _differences_of_questions(drawn.questions, sealed.questions, "the sealed key")
    yield from _differences_of_questions(drawn.questions, facts.questions, "study.json")
    for commitment, where in ((sealed.commitment, "the sealed key"), (stored.commitment, "study.json")):
        if drawn.commitment != commitment:
            yield f"The commitment of {where} is another one than that of the new draw."


def _differences_of_groups(
    what: str, drawn: tuple[tuple[str, ...], ...], stored: tuple[tuple[str, ...], ...], where: str
) -> Iterator[str]:
    if len(drawn) != len(stored):
        yield f"There are {len(drawn)} groups of {what} drawn anew, {len(stored)} in {where}."
    for number, (mine, its) in enumerate(zip(drawn, stored, strict=False), start=1):
        if mine != its:
            yield f"Group {number}, {what}: drawn anew {', '.join(mine)}; in {where} {', '.join(its)}."


def _differences_of_readings(
    drawn: Sequence[DrawnReading | ReadingRecord],
    stored: Sequence[DrawnReading | ReadingRecord],
    where: str,
) -> Iterator[str]:
    place: dict[str, int] = {}
    for mine, its in zip(drawn, stored, strict=False):
        number = place[mine.reader] = place.get(mine.reader, 0) + 1
        if mine != its:
            yield f"Reading {number} of {mine.reader}: {_difference(mine, its, where)}."
    if len(drawn) != len(stored):
        yield f"There are {len(drawn)} readings drawn anew, {len(stored)} in {where}."


def _differences_of_questions(
    drawn: Sequence[DrawnQuestion], stored: Sequence[DrawnQuestion], where: str
) -> Iterator[str]:
    for mine, its in zip(drawn, stored, strict=False):
        if mine != its:
            yield f"Closing question {mine.number} of {mine.reader}: {_difference(mine, its, where)}."
    if len(drawn) != len(stored):
        yield f"There are {len(drawn)} closing questions drawn anew, {len(stored)} in {where}."


def _difference(
    mine: DrawnReading | ReadingRecord | DrawnQuestion, its: DrawnReading | ReadingRecord | DrawnQuestion, where: str
) -> str:
    """The first field in which they differ; which arm stood where stays unsaid."""
    name = next(name for name in vars(mine) if getattr(mine, name) != getattr(its, name))
    if name in ("arm_a", "arm_b"):
        return f"the sides drawn anew are others than those in {where}"
    return f"{name.replace('_', ' ')} {getattr(mine, name)} drawn anew, {getattr(its, name)} in {where}"
