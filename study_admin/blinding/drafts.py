"""Folders that appear whole or not at all, also when the run is interrupted or the disk is full."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from segmentation.errors import StudyError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows can't open folders
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_free(*folders: Path) -> None:
    """Raises StudyError for a folder that is there already."""
    for folder in folders:
        if folder.exists():
            remedy = "Choose a folder that doesn't exist yet; what was made once is never changed."
            raise StudyError("The folder is there already.", file=folder, remedy=remedy)


@contextmanager
def drafts(*folders: Path) -> Iterator[tuple[Path, ...]]:
    """An empty folder beside each of the given ones; they take their names in that order when the block ends well.

    Raises StudyError if a folder is there already, if another run is at it, or if the disk fails. What an
    interrupted run left behind is removed by the next one.
    """
    folders = tuple(folder.absolute() for folder in folders)
    check_free(*folders)
    with _emptied(folders) as made:
        yield made
        _name(made, folders)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty hidden folder for what is needed in between; it is gone when the block ends. Raises like `drafts`."""
    with _emptied((folder.absolute(),)) as (made,):
        yield made


@contextmanager
def _emptied(folders: tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """The drafts of the folders, for this process alone, cleared before and after."""
    made = tuple(folder.with_name(f".{folder.name}.partial") for folder in folders)
    try:
        for folder in folders:
            folder.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as locks:
            for draft in made:
                locks.enter_context(_only_run(draft))
            _clear(made)
            try:
                for draft in made:
                    draft.mkdir(mode=0o700)
                yield made
            finally:
                _clear(made)
    except OSError as error:
        remedy = "Check the free space and the permissions, then run it again; nothing half-made was left."
        where = error.filename or folders[-1]
        raise StudyError(f"Writing failed ({error.strerror or error}).", file=where, remedy=remedy) from error


def _name(made: tuple[Path, ...], folders: tuple[Path, ...]) -> None:
    named: list[tuple[Path, Path]] = []
    try:
        for draft, folder in zip(made, folders, strict=True):
            draft.rename(folder)
            named.append((draft, folder))
            flush(folder.parent)
    except BaseException:
        for draft, folder in named:
            folder.rename(draft)
        raise


def _clear(made: tuple[Path, ...]) -> None:
    for draft in made:
        if draft.exists():
            shutil.rmtree(draft)


@contextmanager
def _only_run(draft: Path) -> Iterator[None]:
    """A lock that the system frees when its process dies, on a file beside the draft that is gone afterwards."""
    lock = draft.with_suffix(".lock")
    handle = _locked(lock, draft)
    try:
        yield
    finally:
        if sys.platform == "win32":
            os.close(handle)
            with suppress(OSError):  # an open file can't be removed there: another run has it by now
                lock.unlink()
        else:
            lock.unlink(missing_ok=True)  # while it is held: who has opened it by now, sees below that it is gone
            os.close(handle)


def _locked(lock: Path, draft: Path) -> int:
    """A handle that holds the lock on the file of this name, not on one that its last holder has removed."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        is_ours = False
        try:
            _take(handle)
            with suppress(FileNotFoundError):
                is_ours = os.path.samestat(os.fstat(handle), lock.stat())
        except (BlockingIOError, PermissionError) as error:
            remedy = "Wait for it to end, or choose another folder."
            raise StudyError("Another run is writing here.", file=draft, remedy=remedy) from error
        finally:
            if not is_ours:
                os.close(handle)
        if is_ours:
            return handle
