"""Files that appear whole or not at all, and files read only if they are plain ones of a known size."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from segmentation.errors import StudyError

if sys.platform == "darwin":
    import fcntl


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after any interruption the old one or the new one is there; returns when it is on the disk.

    Raises OSError.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            flush(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
        flush_folder(path.parent)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def flush(handle: int) -> None:
    """Wait until a file's content is on the disk."""
    if sys.platform == "darwin":
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # fsync ends at the disk's own cache there
    else:
        os.fsync(handle)


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_plain(path: Path, most: int, remedy: str) -> bytes:
    """The bytes of an ordinary file; StudyError for a link, a device, a missing or a too large one."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        if path.is_symlink():  # Windows has no O_NOFOLLOW
            raise StudyError("This is a link, not a file.", file=path, remedy=remedy)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StudyError("This is not an ordinary file.", file=path, remedy=remedy)
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise StudyError("The file is missing.", file=path, remedy=remedy) from error
    except OSError as error:
        raise StudyError(f"The file cannot be read ({error.strerror}).", file=path, remedy=remedy) from error
    if len(data) > most:
        raise StudyError(f"The file is larger than {most} bytes.", file=path, remedy=remedy)
    return data


def files_below(folder: Path, pattern: str, depth: int = 4) -> Iterator[Path]:
    """Ordinary files whose name matches a pattern, by name, so many folders down; no link, no hidden folder.

    Raises StudyError for a folder that cannot be read.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        remedy = "Check the folder and its permissions."
        raise StudyError(f"The folder cannot be read ({error.strerror}).", file=folder, remedy=remedy) from error
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and fnmatchcase(entry.name, pattern):
            yield Path(entry.path)
        elif depth and entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from files_below(Path(entry.path), pattern, depth - 1)
