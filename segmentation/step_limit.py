"""A limit on the time of each step, for where a library hangs: the worker ends, and leaves a note of what it was at.

Nothing but its end stops a process that is inside a C++ loop. Python's watchdog does that without the interpreter's
lock; `cohort` then reads the note, names the exam and the step, and goes on with the other exams. Outside a worker
nothing is limited, so that no window or notebook is ended.
"""

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_OVERRUN = "Timeout ("  # with this the watchdog begins what it writes when it ends the process


@dataclass
class _Watch:
    """This worker's."""

    notes: Path | None = None
    limit_s: float = 0.0
    exam: str = ""


_watch = _Watch()


def watch(notes: Path, limit_s: float) -> None:
    """Limit the steps of this process from now on; called in a worker, which may end."""
    _watch.notes, _watch.limit_s = notes, limit_s


def begin(exam: str) -> None:
    """The exam whose steps follow."""
    _watch.exam = exam


@contextmanager
def limited(step: str) -> Iterator[None]:
    """End this worker if what is inside takes longer than the limit; steps don't lie inside each other."""
    if _watch.notes is None:
        yield
        return
    note = _watch.notes / f"{os.getpid()}.txt"
    with note.open("w", encoding="utf-8") as file:
        file.write(f"{_watch.exam}\n{step}\n")
        file.flush()
        faulthandler.dump_traceback_later(_watch.limit_s, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    note.unlink()


def overruns(notes: Path) -> dict[str, str]:
    """The step that took too long, by exam; the notes are taken away."""
    found = {}
    for note in notes.iterdir():
        lines = note.read_text(encoding="utf-8", errors="replace").split("\n", 2)
        if len(lines) == 3 and lines[2].startswith(_OVERRUN):
            found[lines[0]] = lines[1]
        note.unlink()
    return found
