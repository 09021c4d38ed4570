"""`study-admin rehearse`: a study with simulated readers, from its design to its report, before anybody is asked."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError
from study_admin.bars import bar

if TYPE_CHECKING:  # argparse has no public name for its sub-parsers
    from study_admin.rehearsal.place import Place
    from study_admin.rehearsal.readers import ReaderModel
    from study_admin.rehearsal.wish import Wish

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MANUAL = """\
Rehearse a study before the first reader is asked: will it work, and will its analysis find what there is to find?

Simulated readers go through your study from the draw to the report, by the same steps, files and checks that your
readers will meet; a difference of the two arms is planted in their scores; things are broken on purpose. Then the
statistics are repeated some hundred times. The answer is one page: OUT/rehearsal.html, the same as PDF, and
OUT/rehearsal.json with every number.

STUDY is the folder of a study, or the file of a design (study.toml). It is only ever read: the rehearsal has a folder,
a database and a key of its own. Without STUDY the sizes count, and without exams small ones are made up.
"""

DETAILS = """\
what is broken on purpose, and has to be noticed
  image             a voxel of an exam is changed after the study was frozen
  crash             a reader's program is killed in the middle of an exam, and started again
  withdrawal        a reader stops half-way and never signs
  early-unblinding  somebody unblinds while results are still coming in
  results           a score is changed in a results file after the sign-off
  session           a score is changed in a signed session with a database program
  other-study       a results file of another study comes in
  twice             a results file is handed in a second time
  database          a cell of the study's database is changed behind its audit trail

the readers
  Scores are simulated in the shape of the paper's results (Mitchell et al. 2020): means near 7, readers and exams that
  vary as there. What has no source (learning, side, drop-out, time) is an assumption, and the page says so. With
  --reference FILE, a mask in each exam's folder, scores follow each arm's Dice with it, and the difference is theirs.

the paper's size
  --paper makes 100 simulated exams with a known truth, prepares and segments them with the ensemble, and has 20 readers
  compare technicians and network in 400 readings; the page puts the paper's figures beside. Hours on two cores.

An interrupted rehearsal goes on with the same command; what is done is kept. The same seed gives the same rehearsal.

examples
  study-admin rehearse --out rehearsal                                   the paper's design, on made-up exams
  study-admin rehearse --out small --groups 2 --exams-per-group 10 --effect 0.5
  study-admin rehearse study.toml --exams EXAMS --out rehearsal          your design, on your exams
  study-admin rehearse STUDY --out rehearsal --repetitions 1000
  study-admin rehearse --paper --out paper
"""
_PAPER_SIZES = {"groups": 5, "readers_per_group": 4, "exams_per_group": 20}


def add_rehearse(commands: "Commands") -> None:
    """Add it to the parser."""
    command = commands.add_parser(
        "rehearse", help="try a study with simulated readers, from the draw to the report, before anybody is asked",
        description=MANUAL, epilog=DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.set_defaults(run=run, interrupted="Interrupted; what is done is kept. Run it again to go on.")
    command.add_argument("study", type=Path, nargs="?", metavar="STUDY", help="a study's folder, or a design (.toml)")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the rehearsal; new, or to go on"
    )
    command.add_argument("--exams", type=Path, metavar="DIR", help="exams to rehearse on (default: the study's own)")
    command.add_argument("--pdf", action=argparse.BooleanOptionalAction, default=True, help="the pages as PDF, too")
    command.add_argument("--jobs", type=int, metavar="N", help="processes at a time (default: one a core)")
    _add_sizes(command)
    _add_readers(command)
    _add_acts(command)
    _add_paper(command)


def _add_sizes(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("size, if there is no STUDY")
    for name, default in _PAPER_SIZES.items():
        option = name.replace("_", "-")
        group.add_argument(f"--{option}", type=int, metavar="N", help=f"default: {default}, as published")


def _add_readers(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("simulated readers")
    group.add_argument("--effect", type=float, metavar="POINTS",
                       help="true difference, second arm minus first, in points (default: 0.3)")  # fmt: skip
    group.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    group.add_argument("--repetitions", type=int, default=400, metavar="N",
                       help="of the statistics, for power and coverage (default: %(default)s)")  # fmt: skip
    group.add_argument(
        "--reference", default="", metavar="FILE", help="a mask in each exam's folder that scores follow"
    )
    group.add_argument("--variances", type=float, nargs=3, metavar=("R", "E", "S"),
                       help="of the difference, in points squared: readers, exams, single readings")  # fmt: skip
    wanted = (
        ("learning", "POINTS", "that scores rise from the first exam to the last"),
        ("side-a", "POINTS", "that side A gets more"),
        ("drop-out", "SHARE", "of readers who stop somewhere, from 0 to 1"),
        ("recognises", "SHARE", "of guesses in which the reader knows"),
        ("undecided", "SHARE", 'of the other guesses that are "don\'t know"'),
        ("minutes", "N", "for an exam, half of them taking less"),
    )
    for name, value, words in wanted:
        group.add_argument(f"--{name}", type=float, metavar=value, help=words)


def _add_acts(command: argparse.ArgumentParser) -> None:
    from study_admin.rehearsal.mishaps import ALL_ACTS

    group = command.add_argument_group("broken on purpose").add_mutually_exclusive_group()
    group.add_argument("--break", dest="acts", nargs="+", metavar="WHAT", choices=[act.value for act in ALL_ACTS],
                       help="only these (default: all; see below)")  # fmt: skip
    group.add_argument("--no-break", dest="acts", action="store_const", const=[], help="nothing")


def _add_paper(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("the paper's size, on a cohort with known truth")
    group.add_argument("--paper", action="store_true", help="simulate, prepare, segment, read, report")
    group.add_argument("--cohort", type=Path, metavar="DIR", help="where the cohort lies or goes (default: OUT-cohort)")
    group.add_argument("--ensemble", type=Path, metavar="DIR", help="trained networks (default: those of Blindread)")


def run(options: argparse.Namespace) -> None:
    """Rehearse, and say where the page lies."""
    from study_admin.rehearsal import page  # statistics and figures take seconds that --help needs not
    from study_admin.rehearsal.place import PAGE, Place
    from study_admin.rehearsal.whole import Means, rehearse_whole
    from study_admin.report.pdf import obstacle

    wish = _wish(options)
    wish.check()
    place = Place(options.out.absolute())
    if options.paper:
        wish = _on_cohort(options, wish, place)
    jobs = (os.cpu_count() or 1) if options.jobs is None else options.jobs
    means = Means(bar, jobs, with_pdf=options.pdf)
    form = rehearse_whole(wish, place, means, is_papers_size=options.paper)
    for line in page.verdict(form):
        print(line)
    print(f"{place.path / PAGE}  (open it in a browser; {page.JSON} beside it holds every number)")
    why = obstacle() if options.pdf else None
    if why is not None:
        print(why, file=sys.stderr)


def _on_cohort(options: argparse.Namespace, wish: "Wish", place: "Place") -> "Wish":
    """The wish on exams that are simulated, prepared and segmented first, if they are not yet."""
    from study_admin.rehearsal.cohort import TRUTH, Cohort, make_cohort

    cohort = Cohort((options.cohort or place.path.with_name(f"{place.path.name}-cohort")).absolute())
    wish = replace(wish, exams=str(cohort.exams), reference=options.reference or TRUTH)
    place.check(wish)  # before hours of work
    count = wish.groups * wish.exams_per_group
    make_cohort(cohort, count, wish.seed, options.ensemble, options.jobs)
    return wish


def _wish(options: argparse.Namespace) -> "Wish":
    from study_admin.rehearsal.mishaps import ALL_ACTS, Act
    from study_admin.rehearsal.wish import Wish

    _check(options)
    sizes = {name: getattr(options, name) for name in _PAPER_SIZES if getattr(options, name) is not None}
    return Wish(
        study=str(options.study.absolute()) if options.study else "",
        exams=str(options.exams.absolute()) if options.exams else "",
        **(_PAPER_SIZES | sizes),
        effect=Wish.effect if options.effect is None else options.effect, seed=options.seed,
        repetitions=options.repetitions,
        acts=ALL_ACTS if options.acts is None else tuple(act for act in Act if act.value in options.acts),
        reference=options.reference, readers=_readers(options),
    )  # fmt: skip


def _readers(options: argparse.Namespace) -> "ReaderModel":
    from study_admin.power.variances import stated
    from study_admin.rehearsal.readers import ReaderModel

    names = ("learning", "side_a", "drop_out", "recognises", "undecided", "minutes")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.variances:
        given["variances"] = stated(*options.variances)
    return ReaderModel(**given)


def _check(options: argparse.Namespace) -> None:
    """Raises StudyError for options that contradict each other."""
    if options.jobs is not None and options.jobs < 1:
        raise StudyError(f"{options.jobs} processes do nothing.", remedy="Give --jobs 1 or more.")
    if options.paper and (options.study or options.exams):
        what = "--paper makes its own exams and its own design."
        raise StudyError(what, remedy="Leave STUDY and --exams out; --cohort says where the exams go.")
    if not options.paper and (options.cohort or options.ensemble):
        raise StudyError("--cohort and --ensemble belong to --paper.", remedy="Add --paper, or leave them out.")
    if (options.paper or options.reference) and options.effect is not None:
        what = "The scores follow the masks' Dice with the reference, and so does the difference."
        raise StudyError(what, remedy="Leave --effect out, or plant one without --reference and --paper.")
    if options.study and (options.groups is not None or options.readers_per_group is not None):
        raise StudyError("The study has a size of its own.", remedy="Leave --groups and --readers-per-group out.")
