"""What time it is, in the forms an event holds."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

UTC_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Moment(NamedTuple):
    """Wall time for people, monotonic time for durations."""

    utc: str
    utc_offset: int  # seconds east
    monotonic_ns: int


Clock = Callable[[], Moment]


def now() -> Moment:
    utc = datetime.now(UTC)
    offset = utc.astimezone().utcoffset()
    return Moment(utc.strftime(UTC_FORMAT), int(offset.total_seconds()) if offset else 0, time.monotonic_ns())


def as_datetime(utc: str) -> datetime:
    return datetime.strptime(utc, UTC_FORMAT).replace(tzinfo=UTC)


def boot_id() -> str:
    """What monotonic times of one run of the computer have in common; where no system tells it, of one process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{uuid.uuid4().hex[:16]}"
