"""What happens on a bug: a report without scores or images, and words that say so. Nothing is swallowed."""

import platform
import sys
import traceback
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from PySide6.QtWidgets import QApplication, QMessageBox

EXIT_CODE = 70  # EX_SOFTWARE of sysexits(3)
_WORDS = "Blindread has met an error of its own and stops. Every score that was marked as saved is safe."

_SEND = "Please send this report to the study's coordinator; it holds no scores and no images:"


def install(folder: Path) -> None:
    """From now on an unexpected error writes its report into a folder and ends the app."""

    def stop(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt):
            return
        _tell(write_report(folder, error))
        if app := QApplication.instance():
            app.exit(EXIT_CODE)

    sys.excepthook = stop


def write_report(folder: Path, error: BaseException) -> Path | None:
    """Where in the code it happened, and on which system. Messages and values could tell a score: they are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [
        f"Blindread {version('blindread')}, Python {platform.python_version()}, {platform.platform()}",
        datetime.now(UTC).isoformat(timespec="seconds"),
        *(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames),
        type(error).__name__,
    ]
    path = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError:
        return None
    return path


def _tell(report: Path | None) -> None:
    where = f"\n\n{_SEND}\n{report}" if report else ""
    if QApplication.instance():
        QMessageBox.critical(None, "Blindread", _WORDS + where)
