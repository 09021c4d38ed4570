"""What each simulated reader will do, settled before any of them begins: scores, times, guesses, and who drops out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reader_app.session.model import ClosingQuestion, ReaderProfile, Side
from study_admin.blinding.sealing import KEY, open_sealed
from study_admin.rehearsal.readers import Planted, draw_scores, draw_stops
from study_admin.rehearsal.seals import PASSPHRASE
from study_admin.statistics.pairs import Pairs, pairs
from study_admin.store import StudyStore
from study_admin.study_folder import StudyFolder
from study_admin.tables.material import gather

SCORES, STOPS, GUESSES, TIMES, PROFILES, ROLES, REPEATS = range(1, 8)  # streams of random numbers, each its own
_LEAST_S, _SPREAD = 10.0, 0.4  # of the time for an exam: log-normal; an assumption
_YEARS = (14.2, 8.0, 1, 23)  # mean, SD, least, most years since certification (Mitchell et al. 2020, section 2.4)


@dataclass(frozen=True)
class Reader:
    """One reader's script. `scores` has A and B by position, `seconds` the time; `stop` is the last exam, if any."""

    code: str
    profile: ReaderProfile
    scores: Mapping[int, tuple[int, int]]
    seconds: Mapping[int, float]
    guesses: Mapping[str, str]  # by reading id
    stop: int | None = None

    def score(self, position: int, side: Side) -> int:
        return self.scores[position][side is Side.B]

    def answer(self, question: ClosingQuestion) -> str:
        """A guess where one is asked for; else the last choice."""
        guess = self.guesses.get(question.reading_id or "")
        return guess if guess in question.choices else question.choices[-1]


@dataclass(frozen=True, eq=False)
class Drawn:
    """The opened study as the analysis will see it: all its readings with their sides, without scores.

    The sides are read from the sealed key: a simulated reader has no eyes to see what an arm has drawn. `reading` has
    their ids in the order of the table, `exams` the exams' names by the code that report and tables use.
    """

    design: Pairs
    reading: Sequence[str]
    exams: Mapping[str, str]


def read_draw(folder: StudyFolder) -> Drawn:
    """From the rehearsal's own study, whose passphrase is no secret."""
    with folder.store("Rehearsal") as store:
        return _drawn(store, folder)


def _drawn(store: StudyStore, folder: StudyFolder) -> Drawn:
    material = gather(store)
    allocation = open_sealed(folder.keys / KEY, PASSPHRASE, material.opening)
    on_a = {drawn.reading_id: drawn.arm_a for drawn in allocation.readings}
    first = material.study.arms[0].name
    due = material.readings
    design = pairs(
        [reading.reader for reading in due], [material.exam_codes[reading.exam] for reading in due],
        np.zeros(len(due)), np.zeros(len(due)), group=[material.group_of_reader[reading.reader] for reading in due],
        position=[float(reading.position) for reading in due],
        side_of_first=["A" if on_a[reading.reading_id] == first else "B" for reading in due],
        arms=(first, material.study.arms[1].name),
    )  # fmt: skip
    exams = {code: name for name, code in material.exam_codes.items()}
    return Drawn(design, [reading.reading_id for reading in due], exams)


def scripts(drawn: Drawn, planted: Planted, seed: int, computer: str) -> Mapping[str, Reader]:
    """One a reader, the same for the same seed; `computer` is the arm that guesses ask for, or empty."""
    model, design = planted.model, drawn.design
    scored = draw_scores(design, planted, np.random.default_rng([seed, SCORES]))
    stops = draw_stops(design, model, np.random.default_rng([seed, STOPS]))
    times, guesses, people = (np.random.default_rng([seed, stream]) for stream in (TIMES, GUESSES, PROFILES))
    found = {}
    for code, name in enumerate(design.readers):
        rows = np.flatnonzero(design.reader == code)
        scores, seconds, guessed = {}, {}, {}
        for row in rows:
            position, first_on_a = int(design.position[row]), design.side_of_first[row] == "A"
            pair = (int(scored.first[row]), int(scored.second[row]))
            scores[position] = pair if first_on_a else pair[::-1]
            seconds[position] = max(60 * model.minutes * float(np.exp(_SPREAD * times.standard_normal())), _LEAST_S)
            truth = Side.A if first_on_a == (computer == design.arms[0]) else Side.B
            guessed[drawn.reading[int(row)]] = _guess(truth, planted, guesses)
        found[name] = Reader(name, _profile(name, code, people), scores, seconds, guessed, stops.get(name))
    return found


def _guess(truth: Side, planted: Planted, random: np.random.Generator) -> str:
    """A side, or "Don't know"; right by chance only, but for the share that is recognised."""
    recognised, decided, coin = random.random(3)
    if recognised < planted.model.recognises:
        return truth.value
    if decided < planted.model.undecided:
        return "Don't know"
    return Side.A.value if coin < 0.5 else Side.B.value


def _profile(name: str, code: int, random: np.random.Generator) -> ReaderProfile:
    mean, sd, least, most = _YEARS
    years = int(np.clip(round(random.normal(mean, sd)), least, most))
    return ReaderProfile("Neuroradiology (simulated)", years, f"S{code % 3 + 1}", f"Simulated reader {name}")


def cast(readers: Mapping[str, Reader], seed: int) -> tuple[str, ...]:
    """The readers in the order in which parts are given out: to those first who read to the end."""
    names = sorted(readers)
    order = [names[place] for place in np.random.default_rng([seed, ROLES]).permutation(len(names))]
    return tuple(sorted(order, key=lambda name: readers[name].stop is not None))
