"""Where a study stands: the state of each stage, and what it waits for, in a sentence."""

from dataclasses import dataclass
from enum import StrEnum

from study_admin.records import Stage
from study_admin.store import StudyStore


class State(StrEnum):
    """How a stage looks in the rail."""

    EMPTY = "empty"  # can't begin yet
    READY = "ready"  # is to be done now
    DONE = "done"


@dataclass(frozen=True)
class StageStatus:
    """One stage of the rail, and what it waits for."""

    name: str
    state: State
    sentence: str


def stages(store: StudyStore) -> tuple[StageStatus, ...]:
    """The seven stages from Exams to Results."""
    study, stage, opening = store.study, store.stage, store.opening
    is_open, is_over = opening is not None, stage in (Stage.LOCKED, Stage.UNBLINDED)
    due, handed = len(store.readers()), {item.reader for item in store.handed_out()}
    collected = store.collected()
    signed = sum(not item.results.is_incomplete for item in collected)
    exams = f"{count(len(study.study_exams), 'exam')}, {len(study.practice_exams)} for practice"
    chosen = sum(reader.chosen_group is not None for reader in store.readers())
    groups = f"{count(due, 'reader')} in {count(len(study.groups) or 1, 'group')}"
    waiting = State.READY if is_open else State.EMPTY
    all_out = is_open and len(handed) == due
    rows = (
        ("Exams", State.DONE, f"{exams}."),
        ("Readers & groups", State.DONE if is_open else State.READY,
         f"{groups}, drawn." if is_open else f"{groups}; {chosen or 'none'} chosen by hand, the rest will be drawn."),
        ("Seal & hand out", State.DONE if all_out or is_over else State.READY,
         f"{len(handed)} of {due} packages written." if is_open else "Not opened yet: nothing is drawn or sealed."),
        ("Progress", State.DONE if is_over else waiting,
         f"{count(len(handed), 'package')} with the readers." if is_open else "Opens when the study does."),
        ("Collect", State.DONE if is_over or signed == due else waiting,
         f"{len(collected)} of {due} collected, {signed} signed off." if is_open else "Opens when the study does."),
        _unblind_status(stage, signed == due),
        ("Results", State.READY if is_open else State.EMPTY, _results_sentence(stage)),
    )  # fmt: skip
    return tuple(StageStatus(*row) for row in rows)


def _unblind_status(stage: Stage, is_complete: bool) -> tuple[str, State, str]:
    match stage:
        case Stage.UNBLINDED:
            return "Unblind", State.DONE, "Unblinded."
        case Stage.LOCKED:
            return "Unblind", State.READY, "Locked; the sealed key can be opened."
        case Stage.OPEN if is_complete:
            return "Unblind", State.READY, "All results are in: lock the study."
        case _:
            return "Unblind", State.EMPTY, "Waits for all results."


def _results_sentence(stage: Stage) -> str:
    match stage:
        case Stage.UNBLINDED:
            return "Score tables with arms can be written."
        case Stage.DRAFT:
            return "Opens when the study does."
        case _:
            return "Until the unblinding, tables show sides, not arms."


def count(number: int, noun: str) -> str:
    """A number and its noun, in the plural where it has to be."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
