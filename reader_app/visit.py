"""One visit of one exam: how long, how active, and which slices were on the screen. Recorded, never shown."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

IDLE_AFTER_MS = 60_000

Clock = Callable[[], int]
SeenSlice = tuple[str, str, int]  # layer, plane, slice index


def monotonic_ms() -> int:
    """Milliseconds that only ever grow, whatever happens to the wall clock."""
    return time.monotonic_ns() // 1_000_000


class Visit:
    """From opening an exam until leaving it.

    Time is active until 60 s after the last input, idle from then on, and paused between pause and resume; the
    three add up to the whole visit.
    """

    def __init__(self, clock: Clock = monotonic_ms) -> None:
        self._clock = clock
        self._opened = self._counted_until = self._last_input = clock()
        self._first_score: int | None = None
        self._spent_ms = {"active_ms": 0, "idle_ms": 0, "paused_ms": 0}
        self._layout_ms: dict[str, int] = defaultdict(int)
        self._layer_ms: dict[str, int] = defaultdict(int)
        self._seen: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._layout = ""
        self._layers: frozenset[str] = frozenset()
        self.is_paused = False

    def touch(self) -> None:
        """The reader pressed a key or moved the mouse."""
        self._count()
        self._last_input = self._counted_until

    def look(self, slices: Iterable[SeenSlice], layout: str) -> None:
        """These slices are on the screen from now on; nothing is while the visit is paused."""
        self._count()
        shown = [] if self.is_paused else list(slices)
        for layer, plane, index in shown:
            self._seen[layer, str(plane)].add(index)
        self._layers = frozenset(layer for layer, _, _ in shown)
        self._layout = str(layout) if shown else ""

    def score(self) -> None:
        """A side was scored; the first time counts."""
        self.touch()
        if self._first_score is None:
            self._first_score = self._counted_until - self._opened

    def pause(self) -> None:
        """The images are hidden."""
        self.look((), "")
        self.is_paused = True

    def resume(self) -> None:
        """The images are shown again; coming back is an input."""
        self._count()
        self.is_paused = False
        self.touch()

    def record(self) -> dict[str, Any]:
        """Times and exposure so far, as JSON values: slice indices as merged, inclusive ranges."""
        self._count()
        exposure: dict[str, dict[str, list[list[int]]]] = {}
        for (layer, plane), indices in sorted(self._seen.items()):
            exposure.setdefault(layer, {})[plane] = ranges(indices)
        return {
            "duration_ms": self._counted_until - self._opened,
            "first_score_ms": self._first_score,
            **self._spent_ms,
            "exposure": exposure,
        }

    def looks(self) -> dict[str, Mapping[str, int]]:
        """How long each layout and each layer was on the screen."""
        self._count()
        return {"layout_ms": dict(self._layout_ms), "layer_ms": dict(self._layer_ms)}

    def _count(self) -> None:
        """Book the time since the last booking."""
        since, now = self._counted_until, self._clock()
        if self.is_paused:
            self._spent_ms["paused_ms"] += now - since
        else:
            idle_from = min(max(self._last_input + IDLE_AFTER_MS, since), now)
            self._spent_ms["active_ms"] += idle_from - since
            self._spent_ms["idle_ms"] += now - idle_from
        if self._layout:
            self._layout_ms[self._layout] += now - since
        for layer in self._layers:
            self._layer_ms[layer] += now - since
        self._counted_until = now


def ranges(indices: Iterable[int]) -> list[list[int]]:
    """Whole numbers as sorted, merged ranges, both ends included.

    >>> ranges([7, 3, 4, 5, 9])
    [[3, 5], [7, 7], [9, 9]]
    """
    merged: list[list[int]] = []
    for index in sorted(set(indices)):
        if merged and index == merged[-1][1] + 1:
            merged[-1][1] = index
        else:
            merged.append([index, index])
    return merged
