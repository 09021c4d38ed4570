"""Long work off the GUI thread, one piece at a time, with its progress and a way to stop it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from PySide6.QtCore import QObject, Signal

Progress = Callable[[int, int], None]  # steps done, steps in all


class CancelledError(Exception):
    """The coordinator has stopped a piece of work."""


class Background(QObject):
    """One worker. `then` is called on the GUI thread with the finished Future, which holds the result or the error."""

    started = Signal(str, bool)  # what is done, and whether it can be cancelled
    renamed = Signal(str)  # another part of the same work begins
    progressed = Signal(int, int)
    ended = Signal()
    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="conduct")
        self._cancel = Event()
        self.is_busy = False
        self._is_closed = False
        self._finished.connect(self._deliver)

    def run(
        self,
        what: str,
        work: Callable[[Progress], Any],
        then: Callable[["Future[Any]"], None],
        *,
        is_cancellable: bool = True,
    ) -> None:
        """Begin a piece of work; while one is going on no other can begin, which the window makes sure of."""
        if self.is_busy:
            raise RuntimeError("One piece of work at a time")
        self.is_busy = True
        self._cancel.clear()
        self.started.emit(what, is_cancellable)
        self._pool.submit(lambda: work(self._report)).add_done_callback(lambda done: self._hand_over(done, then))

    @property
    def is_cancel_wanted(self) -> bool:
        """Whether somebody wished to stop the last piece of work, in time or not."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; it does at its next step."""
        self._cancel.set()

    def _report(self, done: int, total: int) -> None:
        """Runs in the worker."""
        if self._cancel.is_set():
            raise CancelledError
        self.progressed.emit(done, total)

    def _hand_over(self, done: "Future[Any]", then: Callable[["Future[Any]"], None]) -> None:
        """Runs in the worker; a signal between threads waits for the GUI thread's event loop."""
        if not self._is_closed:
            self._finished.emit(done, then)

    def _deliver(self, done: "Future[Any]", then: Callable[["Future[Any]"], None]) -> None:
        if self._is_closed:
            return
        self.is_busy = False
        self.ended.emit()
        then(done)

    def close(self) -> None:
        """Stop what runs, wait for it, and deliver nothing any more."""
        self._is_closed = True
        self.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
