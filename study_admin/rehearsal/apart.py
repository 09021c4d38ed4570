"""A rehearsal in a process of its own, for a window that stays quick meanwhile and can stop it.

Readers' computers are played by changing the process's environment, which a window must not share.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError
from study_admin.rehearsal.place import PAGE, Place
from study_admin.study_file import read_study_file, to_toml
from study_admin.study_folder import StudyFolder

if TYPE_CHECKING:
    from study_admin.rehearsal.wish import Wish

Said = tuple[bool, str]  # whether all is well with it, and a sentence
_LOOK_S = 0.2  # how often it is asked whether to stop

Begun = Callable[[str], object]  # what is done now
Progress = Callable[[int, int], None]  # steps done of it, steps in all


def rehearse_apart(wish: "Wish", place: Path, begun: Begun, progress: Progress) -> tuple[Said, ...]:
    """Rehearse into a folder; what the page says first.

    Raises StudyError like `rehearse_whole`, and what `progress` raises, once the process has stopped: what is done is
    kept then, and the same call goes on. RuntimeError if the process fails.
    """
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    stop = context.Event()
    process = context.Process(target=_rehearse, args=(wish, place, there, stop), name="rehearsal")
    process.start()
    there.close()
    try:
        return _listen(here, begun, progress)
    finally:
        stop.set()
        here.close()
        process.join()


def next_place(wish: "Wish") -> Path:
    """Beside the study: the folder of an unfinished rehearsal of just this, else a new one."""
    study = Path(wish.study)
    number, place = 1, study.with_name(f"{study.name}-rehearsal")
    while not _can_go_on(wish, Place(place)):
        number += 1
        place = study.with_name(f"{study.name}-rehearsal-{number}")
    return place


def _can_go_on(wish: "Wish", place: Place) -> bool:
    """Whether the folder is new, or holds the beginning of the same wish on the same design."""
    if (place.path / PAGE).exists():
        return False
    try:
        place.check(wish)
        design = to_toml(read_study_file(StudyFolder(Path(wish.study)).design)).encode()
    except StudyError:
        return not place.path.exists()  # what is wrong with the study, the rehearsal says
    return not place.design.exists() or place.design.read_bytes() == design


def _listen(here: Connection, begun: Begun, progress: Progress) -> tuple[Said, ...]:
    done, total = 0, 0
    while True:
        progress(done, total)
        if not here.poll(_LOOK_S):
            continue
        try:
            word, *more = here.recv()
        except EOFError:
            raise RuntimeError("The rehearsal's process ended without a word.") from None
        if word == "begun":
            done, total = 0, 0
            begun(more[0])
        elif word == "step":
            done, total = more
        elif word == "trouble":
            what, file, remedy = more
            raise StudyError(what, file=file, remedy=remedy)
        elif word == "failed":
            raise RuntimeError(more[0])
        else:
            return tuple(more)


def _rehearse(wish: "Wish", place: Path, there: Connection, stop: Event) -> None:
    """Runs in the process. A window that is gone is one that doesn't listen any more."""

    @contextmanager
    def show(what: str, unit: str = "step") -> Iterator[Progress]:
        there.send(("begun", what))

        def step(done: int, total: int) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            there.send(("step", done, total))

        yield step

    try:
        there.send(("end", *_whole(wish, place, show)))
    except StudyError as error:
        there.send(("trouble", error.what, error.file, error.remedy))
    except (KeyboardInterrupt, BrokenPipeError):
        return
    except Exception:
        there.send(("failed", traceback.format_exc()))


def _whole(wish: "Wish", place: Path, show: Callable[[str, str], AbstractContextManager[Progress]]) -> Iterator[Said]:
    from study_admin.rehearsal.in_words import words  # statistics and figures take seconds to import
    from study_admin.rehearsal.whole import Means, rehearse_whole

    form = rehearse_whole(wish, Place(place), Means(show))
    for line in words(form, "").verdict:
        yield line.is_good, line.text
