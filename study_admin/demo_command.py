"""`study-admin demo`: the bundled demo study, after it was read, from the results file to the report.

Its key is public, so that the study can be made again from the package: everybody could, and nothing of it is secret.
"""

import argparse
import shutil
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from reader_app.session.package import open_package
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.bars import bar
from study_admin.blinding.public import read_public
from study_admin.blinding.sealing import KEY, PUBLIC, open_sealed
from study_admin.blinding.sources import source_files
from study_admin.design import Arm
from study_admin.records import HandedOut
from study_admin.study_file import StudyFile, to_toml
from study_admin.study_folder import StudyFolder

if TYPE_CHECKING:  # argparse has no public name for it
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SUMMARY = "collect, unblind and report the bundled demo study after it was read"
_MANUAL = """\
Take back what was read with `reader-app demo`, open the demo's public key, and write its tables and its report.
Each step is the one of a real study; demo-output/study opens in the window, too: study-admin demo-output/study
"""
_WHO = "Demo"
PASSPHRASE = "everybody may open this demo"
READER = "R01"
DESIGN = StudyFile(
    arms=(Arm("technician", ("technician.nii.gz",)), Arm("network", ("network.nii.gz",))),
    title="Demo study",
    practice=("practice-1", "practice-2"),
    readers=(READER,),
    groups=1,
    readers_per_group=1,
    exams_per_group="all",
    guesses=2,
    computer="network",
    is_surface_allowed=True,
)
_COORDINATOR = "coordinator"
_MADE = ("report", "tables", "study", "exams")
_READ = "Read the demo first, to its end: reader-app demo"


def add_demo(commands: "Commands") -> None:
    """Add the command to the parser."""
    style = argparse.RawDescriptionHelpFormatter
    command = commands.add_parser("demo", help=_SUMMARY, description=_MANUAL, formatter_class=style)
    command.set_defaults(run=_run, interrupted="Interrupted; run it again.")
    command.add_argument("--output", type=Path, default=Path("demo-output"), help="where the demo was read")
    command.add_argument("--pdf", action=argparse.BooleanOptionalAction, default=True, help="the page as PDF, too")


def _run(options: argparse.Namespace) -> None:
    out = options.output.absolute()
    package = out / READER
    if not list(package.glob("results-*.json")):
        raise StudyError("No results of the demo study lie here.", file=package, remedy=_READ)
    folder = StudyFolder(out / "study")
    with resources.as_file(resources.files("blindread_assets") / "demo") as demo:
        _clear(out, demo)
        _write_exams(demo, out / "exams")
        _open_study(folder, demo, out / "exams")
    _unblind(folder, package)
    written = conduct.write_tables(folder, out / "tables", who=_WHO)
    print(f"  tables       {out / 'tables'}/ ({len(written)} files)")
    with bar("Looking at masks", "exam") as show:
        written = conduct.write_report(folder, out / "report", who=_WHO, progress=show, with_pdf=options.pdf)
    for path in (path for path in written if path.suffix in (".html", ".pdf")):
        print(f"  report       {path}")
    print(f"  study        {folder.path}/ (the coordinator's window: study-admin {folder.path})")


def _clear(out: Path, demo: Path) -> None:
    """An earlier demo's study makes room; anything else that lies there is left alone."""
    made = [out / name for name in _MADE if (out / name).exists()]
    public = out / "exams" / PUBLIC
    is_ours = public.is_file() and public.read_bytes() == (demo / _COORDINATOR / PUBLIC).read_bytes()
    if made and not is_ours:
        remedy = "Choose another place with --output, for the reading, too."
        raise StudyError("Something other than this demo study lies here.", file=made[0], remedy=remedy)
    for folder in made:  # the exams last: by what lies there the rest is known as ours
        shutil.rmtree(folder)


def _write_exams(demo: Path, exams: Path) -> None:
    """The exams that the demo was made of: the package's own files, each mask under the name of its arm."""
    exams.mkdir(parents=True)
    shutil.copyfile(demo / _COORDINATOR / PUBLIC, exams / PUBLIC)
    patterns = {arm.name: arm.patterns[0] for arm in DESIGN.arms}
    opening = read_public(demo / _COORDINATOR / PUBLIC).opening
    for drawn in open_sealed(demo / _COORDINATOR / KEY, PASSPHRASE, opening).readings:
        arm_b = next(arm for arm in patterns if arm != drawn.arm_a)
        names = {"T1c": "t1c.nii.gz", "FLAIR": "flair.nii.gz", "A": patterns[drawn.arm_a], "B": patterns[arm_b]}
        (exams / drawn.exam).mkdir()
        for part, name in names.items():
            shutil.copyfile(demo / READER / "images" / f"{drawn.reading_id}_{part}.nii.gz", exams / drawn.exam / name)


def _open_study(folder: StudyFolder, demo: Path, exams: Path) -> None:
    """A study as its coordinator would have it, opened with the demo's own draw."""
    with TemporaryDirectory() as scratch:
        design = Path(scratch) / "study.toml"
        design.write_text(to_toml(DESIGN), encoding="utf-8")
        conduct.new_study(folder.path, design, exams, who=_WHO)
    shutil.copytree(demo / _COORDINATOR, folder.keys)
    with folder.store(_WHO) as store:
        opening = store.open_study(
            store.study, source_files(store.study), lambda chosen: read_public(folder.keys / PUBLIC).opening
        )
        manifest = open_package(demo / READER).manifest
        place = str(demo / READER)
        store.record_handed_out([HandedOut(READER, manifest.package_id, manifest.trail_head, place)])
    print(f"Demo study {opening.study_id}, commitment {opening.commitment}")


def _unblind(folder: StudyFolder, package: Path) -> None:
    """Collect what was read, lock, and open the key."""
    verdicts = conduct.collect(folder, [package], who=_WHO)
    for verdict in verdicts:
        print(verdict.sentence)
    with folder.store() as store:
        collected = store.collected()
    if not collected:
        raise StudyError("The results are not of this demo study.", file=package, remedy=_READ)
    is_partial = any(each.results.is_incomplete for each in collected)
    reason = "The demo was not read to its end." if is_partial else ""
    conduct.lock(folder, why=reason, who=_WHO)
    conduct.unblind(folder, PASSPHRASE, reason=reason, who=_WHO)
