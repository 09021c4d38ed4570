"""Work off the GUI thread, delivered back on it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Signal


class Background(QObject):
    """One worker; `then` is called with the finished Future on the GUI thread."""

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
        self._is_closed = False
        self._finished.connect(self._deliver)

    def run(self, work: Callable[[], Any], then: Callable[["Future[Any]"], None]) -> None:
        self._pool.submit(work).add_done_callback(lambda done: self._hand_over(done, then))

    def _hand_over(self, done: "Future[Any]", then: Callable[["Future[Any]"], None]) -> None:
        """Runs in the worker; a signal between threads waits for the GUI thread's event loop."""
        if not self._is_closed:
            self._finished.emit(done, then)

    def _deliver(self, done: "Future[Any]", then: Callable[["Future[Any]"], None]) -> None:
        if not self._is_closed:
            then(done)

    def close(self) -> None:
        """Wait for what runs; deliver nothing any more."""
        self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
