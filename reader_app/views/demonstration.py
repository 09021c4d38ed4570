"""The demo study that comes with the app: opened for a person, or read by the scripted reader without a display."""

import shutil
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from PySide6.QtWidgets import QApplication

from reader_app.desk import Desk
from reader_app.session.model import Side
from reader_app.session.results import read_results
from reader_app.views import theme
from reader_app.views.main_window import MainWindow
from reader_app.views.scripted_reader import ScriptedReader
from segmentation.errors import StudyError

READER = "R01"


def demonstrate(output: Path, *, is_scripted: bool) -> int:
    """Open the demo study on a copy in `output`; a person goes on where they stopped, the script starts anew."""
    package = output / READER
    _refuse_other_study(package)
    if is_scripted:
        shutil.rmtree(package, ignore_errors=True)
        shutil.rmtree(output / "settings", ignore_errors=True)
    if not package.exists():
        _copy_study(package)
    app = QApplication(["reader-app"])
    app.setApplicationName("Blindread")
    theme.apply(app)
    window = MainWindow(Desk(output / "settings"))
    if is_scripted:
        return _read_by_script(app, window, package, output)
    window.show()
    window.open_package(package)
    return app.exec()


def _refuse_other_study(package: Path) -> None:
    """What lies where the demo goes is an earlier demo, or it is left alone."""
    manifest = package / "manifest.json"
    bundled = resources.files("blindread_assets") / "demo" / READER / manifest.name
    if package.exists() and not (manifest.is_file() and manifest.read_bytes() == bundled.read_bytes()):
        remedy = "Choose another place with --output."
        raise StudyError("Something other than this demo study lies here.", file=package, remedy=remedy)


def _copy_study(package: Path) -> None:
    """A package is written to while it is read, so the bundled one stays as it is."""
    part = package.with_name(f".{package.name}.part")
    try:
        package.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        with resources.as_file(resources.files("blindread_assets") / "demo" / READER) as bundled:
            shutil.copytree(bundled, part)
        part.rename(package)
    except OSError as error:
        what = f"The demo study could not be copied ({error.strerror})."
        raise StudyError(what, file=package, remedy="Choose another place with --output.") from error


def _read_by_script(app: QApplication, window: MainWindow, package: Path, output: Path) -> int:
    pictures = output / "screenshots"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    reader = ScriptedReader(window, pictures)
    failures: list[StudyError] = []
    reader.finished.connect(lambda error: failures.append(error) if error else None)
    reader.finished.connect(lambda _error: window.close())
    window.resize(1440, 960)
    window.move(0, 0)
    window.show()
    window.open_package(package)
    reader.start()
    app.exec()
    if failures:
        raise failures[0]
    _report(reader, package)
    return 0


def _report(reader: ScriptedReader, package: Path) -> None:
    """Compare what was typed with what the results file says, and say where everything lies."""
    path = next(package.glob("results-*.json"))
    results = read_results(path)
    typed = {key: value for key, value in reader.scores.items() if key[0] in results.answers}
    stored = {(key, side): answers.side(side).score for key, answers in results.answers.items() for side in Side}
    if typed != stored:
        raise StudyError("The results file does not hold the scores that were typed.", file=path)
    print(f"Blindread {version('blindread')}: the scripted reader read {len(results.answers)} exams of the demo study.")
    print(f"All {len(stored)} scores in the results file are those that were typed.")
    print(f"  screenshots  {reader.taken[0].parent}/ ({len(reader.taken)} pictures)")
    print(f"  session      {package / 'session.sqlite'}")
    print(f"  results      {path}")
