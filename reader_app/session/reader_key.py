"""The key this computer signs a reader's results with: made at the first opening, kept outside the package."""

import os
from pathlib import Path

import platformdirs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.files import flush
from segmentation.errors import StudyError


def reader_key(package_id: str) -> Ed25519PrivateKey:
    """This computer's key for a package, made if there is none; only its owner may read the file.

    BLINDREAD_HOME overrides the user's data folder. Raises StudyError if the key can be neither read nor made.
    """
    home = os.environ.get("BLINDREAD_HOME") or platformdirs.user_data_dir("blindread", appauthor=False)
    path = Path(home) / "keys" / f"{package_id}.key"
    try:
        if not path.exists():
            _make(path)
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except OSError as error:
        what = f"The key that signs your results cannot be kept ({error.strerror})."
        raise StudyError(what, file=path, remedy="Check the folder's permissions and the free space.") from error
    except ValueError as error:
        remedy = "Rename the file and open the package again: a new key is made, and the change is recorded."
        raise StudyError("The key that signs your results is damaged.", file=path, remedy=remedy) from error


def _make(path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex().encode())
        file.flush()
        flush(file.fileno())
    draft.replace(path)
