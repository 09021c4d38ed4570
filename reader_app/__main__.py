"""The command line of the reader app: `reader-app [PACKAGE]`, or `verify` and `export` without a window."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from segmentation.errors import StudyError

COMMANDS = ("open", "verify", "export", "demo")

MANUAL = """\
Read a package: score two segmentations of each exam, side by side, from 0 to 10.

A package is the folder that you received from the study's coordinator, or one file that ends in .blindread; the file
is unpacked beside itself, once. `reader-app PACKAGE` opens it; without an argument the window asks for it. Scores are
saved inside the folder, each as soon as it is given.
"""

DETAILS = """\
examples
  reader-app                       open the window and choose a package there
  reader-app ~/mail/R01.blindread  unpack the file, if that was not done yet, and read
  reader-app ~/study/R01           go on reading where you stopped
  reader-app verify ~/study/R01    check every byte of the package and the session
  reader-app verify ~/mail/R01.blindread
                                   check the file as it was mailed, unpacked into a temporary folder
  reader-app export ~/study/R01    write the results file once more
  reader-app demo                  open the bundled demo study, on a copy in demo-output/

environment
  BLINDREAD_HOME    where the window's place and the list of recent packages are kept

exit status
  0    all is well
  2    something is wrong, one line a problem
  70   an error of the app itself; a report lies in the folder of settings
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; a known problem is one sentence on stderr and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in (*COMMANDS, "-h", "--help", "--version"):
        given.insert(0, "open")
    options = _parser().parse_args(given)
    try:
        return int(options.run(options))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("reader-app", description=MANUAL, epilog=DETAILS, formatter_class=style)
    parser.add_argument("--version", action="version", version=f"Blindread {version('blindread')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("open", help="open the window (may be left out)")
    command.add_argument("package", type=Path, nargs="?", help="folder of the package, or its .blindread file")
    command.add_argument("--kiosk", action="store_true", help="full screen, and no way to other folders")
    command.set_defaults(run=_open)
    command = commands.add_parser("verify", help="check every byte of a package, changing nothing")
    command.add_argument("package", type=Path, help="folder of the package, or its .blindread file")
    command.set_defaults(run=_verify)
    command = commands.add_parser("export", help="write the results file")
    command.add_argument("package", type=Path, help="folder of the package; its .blindread file holds no answers")
    command.add_argument("--to", type=Path, help="file or folder (default: into the package)")
    command.set_defaults(run=_export)
    command = commands.add_parser("demo", help="open the bundled demo study")
    command.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for the copy that is read")
    command.add_argument("--scripted", action="store_true", help="let a scripted reader read it, and take pictures")
    command.set_defaults(run=_demo)
    return parser


def _open(options: argparse.Namespace) -> int:
    from PySide6.QtWidgets import QApplication  # the other commands need no display

    from reader_app.desk import Desk
    from reader_app.views import crash, theme
    from reader_app.views.main_window import MainWindow

    app = QApplication(["reader-app"])
    app.setApplicationName("Blindread")
    theme.apply(app)
    desk = Desk()
    crash.install(desk.folder)
    window = MainWindow(desk, is_kiosk=options.kiosk)
    if options.kiosk:
        window.showFullScreen()
    else:
        window.show()
    if options.package:
        window.open_package(options.package)
    return app.exec()


def _verify(options: argparse.Namespace) -> int:
    from reader_app.session.package import open_package, verify_package
    from reader_app.session.parcel import is_parcel, unpacked_folder, verify_parcel

    path: Path = options.package
    is_mailed = is_parcel(path)
    if not is_mailed and not path.is_dir():
        open_package(path)  # says in a sentence that this is no package
    problems = verify_parcel(path) if is_mailed else verify_package(path)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    if is_mailed:
        print("The file is whole, unpacked into a temporary folder: signature, images and session as they were mailed.")
        if folder := unpacked_folder(path):
            print(f"Answers are not in it but in {folder}, which `reader-app verify` checks by itself.")
    else:
        print("The package is whole: signature, images and session.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from reader_app.session.package import open_package
    from reader_app.session.parcel import check_not_parcel
    from reader_app.session.results import write_results
    from reader_app.session.store import SessionStore

    check_not_parcel(options.package)
    package = open_package(options.package)
    with SessionStore.open(package.session, package.manifest, app_version=version("blindread")) as store:
        print(write_results(store, options.to or package.folder))
        if not store.is_signed_off:
            print("Not signed off yet: the file is marked as incomplete.", file=sys.stderr)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from reader_app.views.demonstration import demonstrate

    return demonstrate(options.output.absolute(), is_scripted=options.scripted)


if __name__ == "__main__":
    sys.exit(main())
