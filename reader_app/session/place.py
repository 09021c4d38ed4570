"""What kind of place a package lies in: locks and flushes are only as good as the disk under them."""

from collections.abc import Iterator
from pathlib import Path

_SHARED = {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ceph", "9p", "ncpfs", "davfs", "glusterfs"}
_SYNCED = ("onedrive", "dropbox", "icloud", "mobile documents", "google drive", "googledrive", "nextcloud", "box sync")


def warnings_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> tuple[str, ...]:
    """Sentences for a folder on another computer, or in one that a program copies to a cloud while it is written."""
    folder = folder.absolute()
    return tuple(_warnings(folder, _file_system(folder, mounts)))


def _warnings(folder: Path, kind: str) -> Iterator[str]:
    advice = "Copy the whole package to this computer's own disk and open it there."
    if kind in _SHARED or str(folder).startswith("\\\\"):
        yield f"This package lies on a shared drive, where an interruption can cost answers. {advice}"
    elif kind.startswith("fuse"):
        yield f"This package lies on a drive that another program provides ({kind}). {advice}"
    for part in folder.parts:
        if any(part.casefold().startswith(name) for name in _SYNCED):
            yield f'This package lies in "{part}", which is copied to a cloud while you read. {advice}'
            return


def _file_system(folder: Path, mounts: Path) -> str:
    """The type of the file system that holds a folder, as Linux names it; empty where that cannot be told.

    Fields of a line: see proc_pid_mountinfo(5); the mount point is the fifth, the type follows the dash.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = Path(), ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].encode("utf-8", "surrogateescape").decode("unicode_escape"))
        if folder.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, right.split()[0]
    return kind
