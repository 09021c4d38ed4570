"""The next and the previous exam are decoded before they are asked for: one worker, a memory limit. Knows no Qt."""

from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Lock
from typing import Protocol

from reader_app.images import ExamImages, ImageSource, load_exam
from reader_app.session.model import Reading

MEMORY_LIMIT = 400 * 2**20  # bytes of voxels; three exams of 240x240x155 take 155 MB


class _Design(Protocol):
    @property
    def layers(self) -> tuple[str, ...]: ...


class _Contents(Protocol):
    @property
    def protocol(self) -> _Design: ...


class ImagePackage(ImageSource, Protocol):
    """What is needed of `session.package.Package`."""

    @property
    def manifest(self) -> _Contents: ...


class Prefetch:
    """Decoded exams of a package, at most three at a time: the one asked for last, and its neighbours in the order."""

    def __init__(self, package: ImagePackage, readings: Sequence[Reading], *, memory_limit: int = MEMORY_LIMIT) -> None:
        self._package = package
        self._layers = package.manifest.protocol.layers
        self._order = [reading.reading_id for reading in readings]
        self._memory_limit = memory_limit
        self._asked: str | None = None
        self._futures: dict[str, Future[ExamImages]] = {}
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="prefetch")

    def get(self, reading_id: str) -> Future[ExamImages]:
        """An exam's images, perhaps there already; decoding its neighbours begins. A failed exam is tried again.

        What waits for exams that are no longer wanted is cancelled.
        """
        with self._lock:
            wanted = self._with_neighbours(reading_id)
            for other, future in list(self._futures.items()):
                is_handed_out = other == reading_id == self._asked
                is_waiting = not (future.done() or future.running() or is_handed_out)
                if other not in wanted or is_waiting or _has_failed(future):
                    future.cancel()
                    del self._futures[other]
            self._asked = reading_id
            for other in wanted:
                if other not in self._futures:
                    self._futures[other] = self._worker.submit(self._decode, other)
            return self._futures[reading_id]

    def close(self) -> None:
        """Drop all images and end the worker."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._futures.clear()

    def _with_neighbours(self, reading_id: str) -> list[str]:
        """The reading, the next one, the previous one: in this order they are decoded."""
        at = self._order.index(reading_id)
        return [reading_id, *self._order[at + 1 : at + 2], *self._order[max(at - 1, 0) : at]]

    def _decode(self, reading_id: str) -> ExamImages:
        with self._lock:
            is_ahead = reading_id != self._asked
            if is_ahead and not self._has_room():
                self._futures.pop(reading_id, None)  # decoded when it is asked for
                raise CancelledError
        return load_exam(self._package, reading_id, self._layers)

    def _has_room(self) -> bool:
        """Whether one more exam as large as the largest so far fits into the limit."""
        done = (future for future in self._futures.values() if future.done() and not future.cancelled())
        sizes = [future.result().byte_count for future in done if not future.exception()]
        return not sizes or sum(sizes) + max(sizes) <= self._memory_limit


def _has_failed(future: Future[ExamImages]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)
