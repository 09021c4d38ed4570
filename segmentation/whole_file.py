"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from segmentation.errors import StudyError


def write_whole(path: Path, data: bytes, called: str = "file") -> None:
    """Write a file that appears whole or not at all, even if the power fails. Raises StudyError about the `called`."""
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                os.chmod(draft, 0o644)  # noqa: PTH101
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise StudyError(f"The {called} cannot be written ({error.strerror}).", file=path, remedy=remedy) from error
