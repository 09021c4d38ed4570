"""One instance per session: a lock on a file of its own, which the system frees when the process dies.

Not on session.sqlite itself: closing any other handle of that file would end SQLite's own locks on it (fcntl(2)).
"""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from segmentation.errors import StudyError

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 20  # Windows locks bytes against reading too; this one is beyond the owner's note

    def _take(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


LOCK = "session.lock"


class SessionLock:
    """Held from construction to `release`. Raises StudyError at once if another instance holds it.

    The file stays in the folder, empty: to remove it would let two instances lock two files of one name.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            self._handle = os.open(path, flags, 0o644)
        except OSError as error:
            what = f"Nothing can be written into this folder ({error.strerror}), so no score could be saved."
            remedy = "Copy the whole package to a folder of your own on this computer's disk and open it there."
            raise StudyError(what, file=folder, remedy=remedy) from error
        try:
            _take(self._handle)
        except OSError as error:
            owner = _owner(self._handle)
            os.close(self._handle)
            remedy = "Go on there, or close it first."
            raise StudyError(f"This package is open already{owner}.", file=folder, remedy=remedy) from error
        self._note(json.dumps(_this_process()).encode())

    def _note(self, data: bytes) -> None:
        """For the message of a second instance only: if it cannot be written, the lock holds all the same."""
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, data)
        except OSError:
            return

    def release(self) -> None:
        self._note(b"")
        os.close(self._handle)


def _this_process() -> dict[str, object]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def _owner(handle: int) -> str:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        note = json.loads(os.read(handle, 4_096))
        return f" on {note['host']!s:.80} (process {int(note['pid'])}, since {note['since']!s:.30})"
    except (OSError, ValueError, KeyError, TypeError):
        return " in another window"
