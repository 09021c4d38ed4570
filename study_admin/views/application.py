"""Starting the coordinator's window, and what happens on an error of its own: a report, and words that say so."""

import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtWidgets import QApplication, QMessageBox

from reader_app.views import theme
from study_admin.views.borders import BorderedStyle
from study_admin.views.desk import Desk
from study_admin.views.main_window import MainWindow

BUG_CODE = 70  # EX_SOFTWARE of sysexits(3)
_WORDS = (
    "Blindread has met an error of its own and stops. What the study's database holds is safe: each step is "
    "written as a whole or not at all."
)


def run(folder: Path | None = None) -> int:
    """Show the window, on a study's folder if one is given, until it is closed; returns the exit code."""
    app = QApplication.instance() or QApplication(["study-admin"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Blindread coordinator")
    dress(app)
    desk = Desk()
    stop_on_bugs(app, desk.folder)
    window = MainWindow(desk)
    window.show()
    if folder is not None:
        window.open_study(folder)
    return app.exec()


def dress(app: QApplication) -> None:
    """The reader app's look, with edges that can be seen."""
    theme.apply(app)
    app.setStyle(BorderedStyle())


def stop_on_bugs(app: QApplication, folder: Path) -> None:
    """From now on an unexpected error writes its report into a folder, says so, and ends the window."""

    def stop(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt):
            return
        report = write_report(folder, error)
        QMessageBox.critical(None, "Blindread", f"{_WORDS}\n\n{report or ''}".rstrip())
        app.exit(BUG_CODE)

    sys.excepthook = stop


def write_report(folder: Path, error: BaseException) -> Path | None:
    """Where in the code it happened. Messages and values could tell a side or a passphrase: they are left out."""
    now = datetime.now(UTC)
    frames = [f"{f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    path = folder / f"coordinator-crash-{now:%Y%m%d-%H%M%S}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([now.isoformat(timespec="seconds"), *frames, type(error).__name__, ""]), "utf-8")
    except OSError:
        return None
    return path
