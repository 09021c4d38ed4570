"""The same study many times over, in numbers alone: how often it reaches its goal, and how often it is right.

Each repetition draws new readers, exams and readings for the design of the course, with its sides and its chance of
readers dropping out, and runs the primary analysis. Where scores follow masks, exams are drawn from the study's own
with replacement: the analysis speaks of exams like these, and with the same ones each time its intervals would seem too
wide.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from segmentation.cohort import obey_parent
from segmentation.errors import StudyError
from segmentation.whole_file import write_whole
from study_admin.power.plan import Plan
from study_admin.power.simulation import is_reached
from study_admin.rehearsal.readers import Planted, draw_scores, draw_stops, without
from study_admin.rehearsal.script import REPEATS
from study_admin.statistics.estimates import Estimate, t_estimate
from study_admin.statistics.mixed import PRIMARY, mixed_test
from study_admin.statistics.pairs import Pairs

Row = tuple[float, float, float] | None  # estimate, standard error, df; None where the analysis gave no answer
Progress = Callable[[int, int], None]
_BLOCK = 25  # repetitions between two looks at the disk
_FEW = 100  # as many are done before a second process has started


@dataclass(frozen=True)
class Share:
    """Of repetitions; `se` is the simulation's own error."""

    share: float
    se: float
    of: int


@dataclass(frozen=True)
class Repeated:
    """`reached` counts the goal of the plan, `covered` the intervals that hold the planted effect; both of `of` all,
    and of those with an answer."""

    estimates: Sequence[Estimate]
    without_answer: int
    reached: Share
    covered: Share
    mean: float
    sd: float


def repeat(
    design: Pairs, planted: Planted, seed: int, wanted: int, file: Path, progress: Progress, jobs: int = 1
) -> list[Row]:
    """So many repetitions; those that `file` has already are not made again. Repetition n is always the same one."""
    rows = _known(file)[:wanted]
    blocks = [range(at, min(at + _BLOCK, wanted)) for at in range(len(rows), wanted, _BLOCK)]
    for block in _run(partial(_block, design, planted, seed), blocks, jobs):
        progress(len(rows), wanted)
        rows += block
        write_whole(file, json.dumps(rows).encode(), "repetitions file")
    progress(wanted, wanted)
    return rows


def summarise(rows: Sequence[Row], plan: Plan, effect: float) -> Repeated | None:
    """None if nothing was repeated, or nothing had an answer."""
    tests = [t_estimate(PRIMARY, *row) for row in rows if row is not None]
    found = [test for test in tests if isinstance(test, Estimate)]
    if not found:
        return None
    level = 1 - plan.alpha
    limits = [test.interval(level) for test in found]
    values = np.array([test.estimate for test in found])
    return Repeated(
        estimates=found, without_answer=len(rows) - len(found),
        reached=_share(sum(is_reached(plan, test) for test in found), len(rows)),
        covered=_share(sum(low <= effect <= high for low, high in limits), len(found)),
        mean=float(values.mean()), sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
    )  # fmt: skip


def _share(part: int, of: int) -> Share:
    share = part / of
    return Share(share, sqrt(share * (1 - share) / of), of)


def _known(file: Path) -> list[Row]:
    if not file.exists():
        return []
    try:
        return [None if row is None else (row[0], row[1], row[2]) for row in json.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError, IndexError) as error:
        remedy = "Delete it: the repetitions are made again, and are the same."
        raise StudyError("The repetitions can't be read.", file=file, remedy=remedy) from error


def _run(work: Callable[[range], list[Row]], blocks: Sequence[range], jobs: int) -> Iterator[list[Row]]:
    """In order, whichever process is done first."""
    if jobs < 2 or len(blocks) * _BLOCK < _FEW:
        yield from map(work, blocks)
        return
    with ProcessPoolExecutor(min(jobs, len(blocks)), get_context("spawn"), obey_parent) as pool:
        try:
            yield from pool.map(work, blocks)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _block(design: Pairs, planted: Planted, seed: int, numbers: range) -> list[Row]:
    return [_one(design, planted, seed, number) for number in numbers]


def _one(design: Pairs, planted: Planted, seed: int, number: int) -> Row:
    random = np.random.default_rng([seed, REPEATS, number])
    if planted.quality is not None:
        planted = replace(planted, quality=planted.quality.drawn_anew(random))
    study = without(draw_scores(design, planted, random), draw_stops(design, planted.model, random))
    test = mixed_test(study)
    return (test.estimate, test.se, test.df) if isinstance(test, Estimate) else None
