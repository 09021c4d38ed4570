"""`study-admin package`: blinded packages for one group of readers in one step, without a study database."""

import argparse
from pathlib import Path
from typing import Any

from reader_app.session.model import Revision
from segmentation.errors import StudyError
from study_admin.asking import sealing_passphrases
from study_admin.bars import bar
from study_admin.blinding.export import Made, Sealing, check_places, make_packages
from study_admin.design import Arm, MaskRule, Study, StudyType, source_guess
from study_admin.exams import find_exams
from study_admin.study_file import read_closing

MANUAL = """\
Make blinded reader packages from a folder of exams.

EXAMS holds one sub-folder per exam, and in each of them a T1c image, a FLAIR image and one segmentation per arm,
all as NIfTI (.nii.gz or .nii) on the grid of the T1c. An arm is one of the two methods that the study compares.
OUT gets one package (a folder) per reader, named by the reader's code. Hand each reader theirs, and nothing else.
"""

DETAILS = """\
what is drawn
  For each reader an order of the exams, and for each exam which arm stands on side A.
    balanced      half and half within each reader and over the readers of each exam (default)
    as-published  one fair draw per exam, the same for all readers, as in Mitchell et al. 2020
  Everything comes from one secret seed by a documented algorithm (blindread-pcg64-2).

what is kept secret
  Which arm stands where goes into a sealed key in the key folder, never into a package. The key opens with your
  passphrase only: six random words, on paper, in a safe place. There is no other way to learn the result of the
  study. A third person can keep a second copy under a passphrase of their own; then move
  allocation-third-person.sealed-key to them. The key that signs the packages is sealed in the same folder.

what is printed
  The commitment proves later that the key was not changed after the first score: publish it or mail it now.
  The fingerprint goes into the readers' invitation: the reader app shows the same one if the package is genuine.

closing questions (--closing FILE.toml), asked after the last score
  [[question]]
  text = "Which tumours were hardest to judge?"
  choices = ["Small ones", "Large ones", "No difference"]
  confidence_text = "How sure are you?"         # optional
  confidence_choices = ["A guess", "Sure"]      # optional
  asks_for = "network"                          # optional: the arm whose side is asked for; readers never see it
  exams = 3                                     # optional: ask for 3 random exams per reader, else once

examples
  study-admin package exams packages --arm technician=tech.nii.gz --arm network=net.nii.gz --readers R01,R02
  study-admin package exams packages --arm expert=seg.nii.gz --arm "network=segnet_*.nii.gz" --mask-rule nonzero \\
      --readers R01,R02 --practice case01,case02 --guess 5 --passphrase-file words.txt

exit status
  0    all packages are there
  2    something is wrong, one line a problem; nothing was written
  130  interrupted; nothing was written
"""


def add_package(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    package = commands.add_parser(
        "package",
        help="packages for one group of readers in one step, without a study folder",
        description=MANUAL,
        epilog=DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    package.add_argument("exams", type=Path, metavar="EXAMS", help="folder with one sub-folder per exam")
    package.add_argument("out", type=Path, metavar="OUT", help="folder to make; it must not exist yet")
    _add_finding(package)
    _add_design(package)
    _add_sealing(package)
    package.set_defaults(run=_package, interrupted="Interrupted; nothing was written.")


def _add_finding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which files")
    group.add_argument(
        "--arm",
        type=_arm,
        action="append",
        required=True,
        metavar="NAME=PATTERN",
        help="an arm's name and its segmentation's file name in each exam's folder; twice. A pattern with * and ? "
        "may stand for names that differ, and has to match exactly one image per exam",
    )
    group.add_argument("--t1c", default="t1c.nii*", metavar="PATTERN", help="the T1c image (default: %(default)s)")
    group.add_argument("--flair", default="flair.nii*", metavar="PATTERN", help="the FLAIR (default: %(default)s)")
    names: dict[str, Any] = {"type": _names, "default": (), "metavar": "NAME[,NAME]"}
    group.add_argument("--practice", help="exams (sub-folders) shown first, in this order, and never counted", **names)
    group.add_argument("--leave-out", help="exams to leave out; * and ? stand for any letters", **names)
    group.add_argument(
        "--mask-rule",
        type=MaskRule,
        choices=list(MaskRule),
        default=MaskRule.BINARY,
        help="binary: a mask holds 0 and 1 (default); nonzero: every label above 0 is tumour",
    )
    group.add_argument("--allow-empty-masks", action="store_true", help="accept segmentations with nothing in them")


def _add_design(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the study")
    group.add_argument("--readers", type=_names, required=True, metavar="CODE[,CODE]", help="for instance R01,R02")
    group.add_argument(
        "--study-type",
        type=StudyType,
        choices=list(StudyType),
        default=StudyType.BALANCED,
        help="how sides are drawn (default: %(default)s; see below)",
    )
    group.add_argument("--title", default=Study.title, help="shown to the readers (default: %(default)s)")
    group.add_argument("--version", default=Study.version, help="of your study protocol (default: %(default)s)")
    group.add_argument(
        "--revision",
        type=Revision,
        choices=list(Revision),
        default=Revision.UNTIL_SIGN_OFF,
        help="until when a reader may change a score (default: %(default)s)",
    )
    group.add_argument("--closing", type=Path, metavar="FILE.toml", help="questions after the last score (see below)")
    group.add_argument(
        "--guess",
        type=int,
        default=0,
        metavar="K",
        help="after the last score, ask for K random exams per reader which side a computer drew",
    )
    group.add_argument(
        "--computer", default="", metavar="ARM", help="the arm that a computer drew, for --guess (default: the second)"
    )
    group.add_argument("--surface", action="store_true", help="allow the 3-D pane (not in the study as published)")


def _add_sealing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the sealed key")
    group.add_argument("--key-folder", type=Path, metavar="DIR", help="folder to make (default: OUT-coordinator)")
    group.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="take the passphrase from a file's first line instead of asking for it",
    )
    group.add_argument(
        "--third-person-passphrase-file",
        type=Path,
        metavar="FILE",
        help="seal a second copy under the passphrase in this file; asked for if you type yours",
    )
    group.add_argument("--no-third-person", action="store_true", help="seal no second copy of the key")


def _arm(text: str) -> Arm:
    name, _, pattern = text.partition("=")
    if not name.strip() or not pattern:
        raise argparse.ArgumentTypeError(f"{text!r} isn't NAME=PATTERN, for instance network=net.nii.gz")
    return Arm(name.strip(), (pattern,))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _package(options: argparse.Namespace) -> None:
    study = _study(options)
    study.check()
    key_folder = options.key_folder or options.out.with_name(f"{options.out.name}-coordinator")
    check_places(options.out, key_folder)  # before anybody types a passphrase
    print(f"{len(study.study_exams)} exams, {len(study.practice_exams)} for practice, {len(study.readers)} readers.")
    third = options.third_person_passphrase_file
    is_third_wanted = third is not None or (options.passphrase_file is None and not options.no_third_person)
    sealing = Sealing(*sealing_passphrases(options.passphrase_file, third, is_third_wanted=is_third_wanted))
    with bar("Checking and packing") as show:
        made = make_packages(study, options.out, key_folder, sealing, show)
    _report(made, options.out)


def _study(options: argparse.Namespace) -> Study:
    if len(options.arm) != 2:
        what = f"A study compares two arms; {len(options.arm)} {'was' if len(options.arm) == 1 else 'were'} given."
        raise StudyError(what, remedy="Give --arm NAME=PATTERN twice.")
    if options.guess < 0:
        raise StudyError("--guess takes the number of exams to ask about.", remedy="Give 0 or more.")
    exams = find_exams(
        options.exams,
        options.arm,
        t1c=options.t1c,
        flair=options.flair,
        practice=options.practice,
        left_out=options.leave_out,
    )
    closing = read_closing(options.closing) if options.closing else ()
    return Study(
        arms=(options.arm[0], options.arm[1]),
        exams=exams,
        readers=options.readers,
        title=options.title,
        version=options.version,
        study_type=options.study_type,
        mask_rule=options.mask_rule,
        are_empty_masks_allowed=options.allow_empty_masks,
        revision=options.revision,
        closing=closing
        + ((source_guess(options.guess, options.computer or options.arm[1].name),) if options.guess else ()),
        is_surface_allowed=options.surface,
    )


def _report(made: Made, out: Path) -> None:
    print(f"Packages   {out}: {', '.join(path.name for path in made.packages)}")
    print(f"Sealed key {made.key_folder}  (keep it from the readers, and make a backup)")
    print(f"Study      {made.study_id}")
    print(f"Commitment {made.commitment}")
    print(f"Fingerprint for the invitation: {made.fingerprint}")
    if not made.has_third_copy:
        print("No second copy of the key was sealed: if you lose the passphrase, the study can't be unblinded.")
