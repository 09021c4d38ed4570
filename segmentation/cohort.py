"""Many exams, one after another or several at once: one small function between the work and who does it.

Each worker is a process with its own few threads, so that the results are the same whatever the number of workers.
Whatever happens to one exam, the others go on; what was finished is kept and found again by its record.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from segmentation import step_limit
from segmentation.errors import StudyError

T = TypeVar("T")
R = TypeVar("R")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
_CRASHED = "The program that worked on it was ended from outside, most often because the memory ran out."
STEP_LIMIT_S = 1200.0  # the longest step known, an atlas' B-spline, takes 2 minutes of a slow core
_LATE = "not finished after {:.3g} min, and given up. Look at the images, or allow more time with --step-minutes."
_GIB = 2**30


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """What became of one exam: a result, made now or `is_kept` from an earlier run, or the sentence that says why not.

    `bug` is set if the program itself is at fault; `run_each` raises it when the other exams are done.
    """

    name: str
    result: R | None = None
    error: str = ""
    is_kept: bool = False
    elapsed_s: float = 0.0
    bug: BaseException | None = None


def run_each(
    task: Callable[[T], R],
    exams: Iterable[T],
    *,
    jobs: int | None = None,
    label: str = "exams",
    name_of: Callable[[T], str] = attrgetter("name"),
    kept: Callable[[T], R | None] | None = None,
    memory_gib: float = 2.0,
    threads: int = 1,
    step_limit_s: float = STEP_LIMIT_S,
) -> tuple[Outcome[R], ...]:
    """Do `task` for every exam in `jobs` processes, with a progress bar; outcomes in the order of the exams.

    `task`, `kept` and the exams are pickled: functions of a module, or `functools.partial` of them. `kept` returns the
    result of an earlier run if it still holds, else None. `jobs` None: one a core, as far as `memory_gib` each allows.
    A StudyError, a full disk, a crashed worker and a step (`step_limit.limited`) over its limit concern one exam;
    a bug is raised after the others are done.
    """
    todo = list(exams)
    outcomes: dict[int, Outcome[R]] = {}
    work, jobs = _Work(task, kept, name_of), fitting_jobs(jobs, memory_gib, len(todo))
    with _bar(len(todo), label) as bar:
        for index, outcome in _outcomes(work, todo, jobs, threads, step_limit_s):
            outcomes[index] = outcome
            if outcome.error:
                bar.write(f"{outcome.name}: {outcome.error}", file=sys.stderr)
            bar.set_postfix_str(outcome.name)
            bar.update()
    for outcome in outcomes.values():
        if outcome.bug is not None:
            outcome.bug.add_note(f"This happened with {outcome.name}; the other {label} are done.")
            raise outcome.bug
    return tuple(outcomes[index] for index in range(len(todo)))


def fitting_jobs(jobs: int | None, memory_gib: float, count: int) -> int:
    """How many processes to start: as many as wanted (None: a core each), but no more than exams and free memory."""
    import psutil

    if jobs is not None and jobs < 1:
        raise StudyError("The number of jobs must be a whole number from 1 up.", remedy="Try --jobs 1.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = int(psutil.virtual_memory().available / (memory_gib * _GIB))
    return max(1, min(jobs or cores, room, count))


def failed(outcomes: Sequence[Outcome[Any]]) -> list[Outcome[Any]]:
    """Those that came to nothing."""
    return [outcome for outcome in outcomes if outcome.error]


def results(outcomes: Sequence[Outcome[R]]) -> tuple[R, ...]:
    """Those of all; raises StudyError if one came to nothing, where what comes of the rest would be something else."""
    if bad := failed(outcomes):
        sentences = "\n".join(f"  {outcome.name}: {outcome.error}" for outcome in bad)
        remedy = "When that is put right, the same command goes on from what is finished."
        raise StudyError(f"{len(bad)} of {len(outcomes)} failed:\n{sentences}\n", remedy=remedy)
    return tuple(outcome.result for outcome in outcomes if outcome.result is not None)


def summary(outcomes: Sequence[Outcome[Any]], label: str = "exams") -> str:
    """How many were done, kept and failed, and the sentence of each that failed: the last words of a command."""
    bad = failed(outcomes)
    is_kept = sum(outcome.is_kept for outcome in outcomes)
    seconds = [outcome.elapsed_s for outcome in outcomes if not outcome.error and not outcome.is_kept]
    words = [f"{len(seconds)} of {len(outcomes)} {label} done"]
    if seconds:
        words[0] += f" in {sum(seconds) / len(seconds):.1f} s each"
    words += [f"{is_kept} kept from before"] if is_kept else []
    words += [f"{len(bad)} failed:"] if bad else []
    return "\n".join([", ".join(words), *(f"  {outcome.name}: {outcome.error}" for outcome in bad)])


def fingerprint(files: Iterable[Path], parameters: Mapping[str, Any]) -> str:
    """SHA-256 of what a result depends on: the bytes of its files and the parameters; equal means nothing to redo."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for file in files:
        digest.update(file_sha256(file).encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Checksum of a file; raises StudyError if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        remedy = "Check that it is there and may be read."
        raise StudyError(f"The file can't be read ({error.strerror}).", file=path, remedy=remedy) from error


@dataclass(frozen=True)
class _Work(Generic[T, R]):
    """What travels to a worker."""

    task: Callable[[T], R]
    kept: Callable[[T], R | None] | None
    name_of: Callable[[T], str]

    def __call__(self, exam: T) -> Outcome[R]:
        name, start = self.name_of(exam), time.monotonic()
        step_limit.begin(name)
        try:
            if self.kept is not None and (result := self.kept(exam)) is not None:
                return Outcome(name, result, is_kept=True)
            return Outcome(name, self.task(exam), elapsed_s=time.monotonic() - start)
        except StudyError as error:
            sentence = str(error)
        except MemoryError:
            sentence = "The memory ran out. Try again with fewer --jobs."
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            sentence = f"{where}{error.strerror or error}. Check the folder, its permissions and the free space."
        return Outcome(name, error=sentence, elapsed_s=time.monotonic() - start)


def _outcomes(
    work: _Work[T, R], exams: Sequence[T], jobs: int, threads: int, limit_s: float
) -> Iterator[tuple[int, Outcome[R]]]:
    """Each exam's outcome as it comes. When a worker was killed and left no note, what was in work is done again, one
    by one, to see which exam it was."""
    waiting = list(range(len(exams)))
    suspects: list[int] = []
    with tempfile.TemporaryDirectory(prefix="blindread-notes-") as folder:
        notes = Path(folder)
        while waiting or suspects:
            alone = bool(suspects)
            queue = [suspects.pop(0)] if alone else waiting
            running: dict[Future[Outcome[R]], int] = {}
            with _pool(1 if alone else jobs, threads, notes, limit_s) as pool:
                while queue or running:
                    try:
                        while queue and len(running) < (1 if alone else jobs):
                            running[pool.submit(work, exams[queue[0]])] = queue[0]
                            queue.pop(0)
                        for future in wait(running, return_when=FIRST_COMPLETED).done:
                            yield running[future], _settled(future, work.name_of(exams[running[future]]))
                            del running[future]
                    except BrokenProcessPool:
                        names = {index: work.name_of(exams[index]) for index in sorted(running.values())}
                        guilty = _guilty(names, step_limit.overruns(notes), limit_s)
                        yield from guilty.items()
                        innocent = [index for index in names if index not in guilty]
                        (waiting if guilty else suspects).extend(innocent)
                        break


def _guilty(names: Mapping[int, str], overruns: Mapping[str, str], limit_s: float) -> dict[int, Outcome[Any]]:
    """Of the exams that were in work when a worker ended, those that ended it, if that is known."""
    late = {
        index: Outcome[Any](name, error=f"{overruns[name].capitalize()}: {_LATE.format(limit_s / 60)}")
        for index, name in names.items()
        if name in overruns
    }
    if late or len(names) > 1:
        return late
    return {index: Outcome(name, error=f"{_CRASHED} Try fewer --jobs.") for index, name in names.items()}


def _settled(future: Future[Outcome[R]], name: str) -> Outcome[R]:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as bug:
        return Outcome(name, error=f"An error of the program: {type(bug).__name__}: {bug}", bug=bug)


@contextmanager
def _pool(jobs: int, threads: int, notes: Path, limit_s: float) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes (spawn: a fork would inherit the threads of ITK and torch), ended at once when interrupted."""
    before = {name: os.environ.get(name) for name in _THREADS}
    others = set(multiprocessing.active_children())
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))  # read when numpy, ITK and torch are imported
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin_work, (notes, limit_s))
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        mine = set(multiprocessing.active_children()) - others
        try:
            for child in mine:
                child.terminate()
            pool.shutdown(cancel_futures=True)
        except BaseException:  # Ctrl-C again: left alive, each would wait for the other
            for child in mine:
                child.kill()
            raise
        raise
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin_work(notes: Path, limit_s: float) -> None:
    obey_parent()
    step_limit.watch(notes, limit_s)


def obey_parent() -> None:
    """In a new worker of any pool: it leaves Ctrl-C to its parent, and does not outlive it.

    Ctrl-C reaches every process of a terminal; only the first acts on it and ends the others.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent can't end its workers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _bar(total: int, label: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=label, unit="exam", disable=not total, dynamic_ncols=True)
