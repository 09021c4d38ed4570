"""What this desk remembers between starts: packages opened here, the window's place, hints already seen.

Nothing of it is an answer: a file that cannot be read or written is passed over.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

_MOST_RECENT = 6


@dataclass(frozen=True)
class Recent:
    """A package that was opened here, as far as the start page shows it."""

    folder: str
    title: str
    reader_code: str
    done: int
    total: int


class Desk:
    """A small JSON file in the user's configuration folder, or in BLINDREAD_HOME."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._path = self.folder / "desk.json"
        self._data = self._read()

    def get(self, name: str) -> Any:
        """A remembered value, None if there is none."""
        return self._data.get(name)

    def put(self, name: str, value: object) -> None:
        """Remember a JSON value."""
        if self._data.get(name) == value:
            return
        self._data[name] = value
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(self._data, indent=1), encoding="utf-8")
            part.replace(self._path)

    @property
    def recent(self) -> list[Recent]:
        """Packages that still exist, the last one first."""
        found = []
        for entry in self._data.get("recent") or []:
            with contextlib.suppress(TypeError):
                found.append(Recent(**entry))
        return [entry for entry in found if Path(entry.folder, "manifest.json").is_file()]

    def remember(self, recent: Recent) -> None:
        """Put a package on top of the list."""
        others = [entry for entry in self.recent if entry.folder != recent.folder]
        self.put("recent", [asdict(entry) for entry in [recent, *others][:_MOST_RECENT]])

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            data = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(data, dict):
                return data
        return {}


def default_folder() -> Path:
    """Where this user's settings lie; BLINDREAD_HOME overrides it."""
    home = os.environ.get("BLINDREAD_HOME")
    return Path(home) if home else platformdirs.user_config_path("blindread")
