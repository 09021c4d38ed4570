"""What a trail tells beside the answers: how long an exam was looked at, and how its scores came to be."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from reader_app.session.trail import Event

_LONGEST_VISIT_MS = 7 * 24 * 3_600_000


@dataclass
class ScoreHistory:
    """The scores of one side, as saved one after the other."""

    values: list[int] = field(default_factory=list)
    first_utc: str = ""
    last_utc: str = ""
    _is_open: bool = False  # the last value was a typed 1, and the exam was not left since

    @property
    def changes(self) -> int:
        return sum(one != other for one, other in zip(self.values, self.values[1:], strict=False))

    def add(self, event: Event) -> None:
        if event.new is None:
            self._is_open = False
            return
        value = int(event.new)  # the rules of the trail let whole numbers through only
        self.first_utc, self.last_utc = self.first_utc or event.utc, event.utc
        if self._is_open and (value, event.old, event.reason) == (10, "1", "key"):
            self.values[-1] = 10  # keys type 10 as 1, 0, and the 1 is saved at once: one entry, no change
        else:
            self.values.append(value)
        self._is_open = (value, event.reason) == (1, "key")

    def leave(self) -> None:
        self._is_open = False


@dataclass
class ReadingHistory:
    """All visits of one exam."""

    visits: int = 0
    active_ms: int | None = None  # None: no visit told its time
    scores: dict[str, ScoreHistory] = field(default_factory=lambda: {"A": ScoreHistory(), "B": ScoreHistory()})

    @property
    def seconds(self) -> float | None:
        return None if self.active_ms is None else self.active_ms / 1000

    def add(self, event: Event) -> None:
        match event.type:
            case "exam_opened":
                self.visits += 1
            case "exam_left":
                for history in self.scores.values():
                    history.leave()
                active_ms = _active_ms(event)
                if active_ms is not None:
                    self.active_ms = (self.active_ms or 0) + active_ms
            case "score_set" | "score_changed" | "score_cleared" if event.side:
                self.scores[event.side].add(event)


def histories(events: Iterable[Event]) -> dict[str, ReadingHistory]:
    """The history of each exam that a trail mentions, by reading_id."""
    found: dict[str, ReadingHistory] = {}
    for event in events:
        if event.reading_id:
            found.setdefault(event.reading_id, ReadingHistory()).add(event)
    return found


def _active_ms(event: Event) -> int | None:
    """The active time of a visit. Notes of a trail follow no form, so a time that is none counts as not recorded."""
    try:
        content = json.loads(event.new or "")
    except (ValueError, RecursionError):
        return None
    active_ms = content.get("active_ms") if isinstance(content, dict) else None
    return active_ms if type(active_ms) is int and 0 <= active_ms <= _LONGEST_VISIT_MS else None
