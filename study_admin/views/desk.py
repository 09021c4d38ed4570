"""What the coordinator's window remembers between starts: the studies opened here, its place, and a name.

Nothing of it belongs to a study: a file that cannot be read or written is passed over.
"""

import os
from pathlib import Path

import platformdirs
from PySide6.QtCore import QByteArray, QSettings

_MOST_RECENT = 6


def settings_folder() -> Path:
    """Where this user's settings lie; BLINDREAD_HOME overrides it, as for the reader app."""
    return Path(os.environ.get("BLINDREAD_HOME") or platformdirs.user_config_dir("blindread", appauthor=False))


class Desk:
    """A small settings file of this user."""

    def __init__(self) -> None:
        self.folder = settings_folder()
        self._settings = QSettings(str(self.folder / "coordinator.ini"), QSettings.Format.IniFormat)

    @property
    def recent(self) -> list[Path]:
        """Studies that still exist, the last one first."""
        kept = self._settings.value("recent")
        names = [kept] if isinstance(kept, str) else kept if isinstance(kept, list) else []
        return [Path(name) for name in names if Path(name, "study.toml").is_file()]

    def remember(self, folder: Path) -> None:
        """Put a study on top of the list."""
        others = [entry for entry in self.recent if entry != folder]
        self._settings.setValue("recent", [str(entry) for entry in [folder, *others][:_MOST_RECENT]])

    @property
    def who(self) -> str:
        """The name that the coordinator gave last time; empty if none."""
        return str(self._settings.value("who") or "")

    @who.setter
    def who(self, name: str) -> None:
        self._settings.setValue("who", name)

    @property
    def geometry(self) -> QByteArray | None:
        kept = self._settings.value("geometry")
        return kept if isinstance(kept, QByteArray) else None

    @geometry.setter
    def geometry(self, place: QByteArray) -> None:
        self._settings.setValue("geometry", place)
