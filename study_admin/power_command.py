"""`study-admin power`: how likely a study of so many readers and exams is to show what it is made for."""

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError
from study_admin.bars import bar
from study_admin.power.plan import WANTED, Goal, Plan

if TYPE_CHECKING:  # argparse has no public name for its sub-parsers
    from study_admin.power.answer import Answer
    from study_admin.power.variances import Variances

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MANUAL = """\
Plan a study: how many readers and exams does it need?

Prints how many of a hundred such studies would reach their goal, what would raise that, and how far the answer hangs
on the variances that were taken. It needs no study and no scores; with a pilot's scores it is worth more.
"""

DETAILS = """\
what is planned
  GROUPS groups of readers; the readers of a group all score the group's exams, both arms of each. One group is a study
  in which everybody reads everything. The analysis is that of the report: a mixed model of the paired differences with
  readers and exams random. What a paired t-test would promise is printed beside it; it is wrong, and no plan.

goals
  superiority      the arms differ: two-sided test at alpha
  non-inferiority  the second arm is less than MARGIN worse: one-sided at alpha/2; plan for a difference of 0
  equivalence      it differs by less than MARGIN either way: two one-sided tests at alpha

variances of the difference between the arms, in points squared
  --pilot FILE      measured from a table of scores (long.csv, wide_pairs.csv, or any with --columns): the best way
  --variances R E S between readers, between exams, of single readings
  neither           those of simulated scores in the shape of the paper's results, with a warning

examples
  study-admin power --groups 7 --delta 0.34
  study-admin power --goal non-inferiority --margin 0.5
  study-admin power --pilot pilot.csv --delta 0.5 --simulate 1000 --out plan
"""
_WIDTH = 100


def add_power(commands: "Commands") -> None:
    """Add it to the parser."""
    command = commands.add_parser(
        "power", help="plan a study: readers, exams, and how likely it is to find what it looks for",
        description=MANUAL, epilog=DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.set_defaults(run=run, interrupted="Interrupted; nothing was written.")
    _add_plan(command)
    _add_variances(command)
    more = command.add_argument_group("more")
    more.add_argument("--wanted", type=float, default=WANTED, metavar="P", help="power to reach (default: %(default)s)")
    more.add_argument("--simulate", type=int, metavar="N", help="check by N simulated studies; 1000 take a minute")
    more.add_argument("--seed", type=int, metavar="N", help="of the simulation (default: always the same)")
    more.add_argument("--out", type=Path, metavar="DIR", help="folder to make: power.png, .svg, .json and .csv")


def _add_plan(command: argparse.ArgumentParser) -> None:
    paper = Plan()
    plan = command.add_argument_group("plan")
    sizes = (("groups", paper.groups), ("readers-per-group", paper.readers_per_group),
             ("exams-per-group", paper.exams_per_group))  # fmt: skip
    for name, default in sizes:
        plan.add_argument(f"--{name}", type=int, default=default, metavar="N", help="default: %(default)s")
    plan.add_argument("--goal", choices=[goal.value for goal in Goal], default=Goal.SUPERIORITY.value,
                      help="default: %(default)s")  # fmt: skip
    plan.add_argument("--delta", type=float, metavar="POINTS",
                      help=f"true difference, second arm minus first (default: {paper.delta:g}, as published; 0 with "
                      "a margin)")  # fmt: skip
    plan.add_argument("--margin", type=float, metavar="POINTS", help="for non-inferiority and equivalence")
    plan.add_argument("--alpha", type=float, default=paper.alpha, metavar="P", help="default: %(default)s")


def _add_variances(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("variances")
    group.add_argument("--variances", type=float, nargs=3, metavar=("R", "E", "S"), help="in points squared")
    group.add_argument("--pilot", type=Path, metavar="FILE", help="table of a pilot's scores")
    group.add_argument("--columns", nargs="+", default=[], metavar="ROLE=NAME",
                       help="if its columns have other names: reader=rater exam=case …")  # fmt: skip
    group.add_argument("--arms", nargs=2, metavar=("FIRST", "SECOND"), help="if it has more than two, or to order them")
    group.add_argument("--scale", type=int, nargs=2, metavar=("MIN", "MAX"), help="of its scores (default: 0 10)")


def run(options: argparse.Namespace) -> None:
    """Print the answer, and write it if a folder is named."""
    from study_admin.blinding.drafts import check_free  # statistics take a second that no other command needs
    from study_admin.power import in_words
    from study_admin.power.answer import answer
    from study_admin.power.simulation import SEED, simulate

    found = answer(_plan(options), _variances(options), options.wanted)
    if options.out:
        check_free(options.out)  # before anybody waits for a simulation
    _print(found)
    simulated = None
    if options.simulate is not None:
        seed = SEED if options.seed is None else options.seed
        with bar("Simulating", "study") as show:
            simulated = simulate(found.plan, found.variances, options.simulate, seed, show)
        print()
        _say(in_words.simulated(found, simulated))
    if options.out:
        from study_admin.report.power_files import write_power  # as does matplotlib

        written = write_power(found, options.out, simulated)
        print(f"\n{len(written)} files in {options.out}.")


def _plan(options: argparse.Namespace) -> Plan:
    goal = Goal(options.goal)
    usual = Plan.delta if goal is Goal.SUPERIORITY else 0.0
    return Plan(
        options.groups, options.readers_per_group, options.exams_per_group,
        usual if options.delta is None else options.delta, goal, options.margin, options.alpha,
    )  # fmt: skip


def _variances(options: argparse.Namespace) -> "Variances":
    from study_admin.power.variances import PAPER_SHAPED, from_pilot, stated

    if options.variances and options.pilot:
        raise StudyError("Variances are given twice.", remedy="Give --variances or --pilot, not both.")
    if options.pilot:
        from study_admin.scores_file import mapping_of, read_scores

        table = read_scores(options.pilot, mapping_of(options.columns), options.scale, options.arms)
        for note in table.notes:
            print(note)
        return from_pilot(table.pairs, table.name)
    if options.columns or options.arms or options.scale:
        remedy = "Name the pilot's table with --pilot, or leave --columns, --arms and --scale out."
        raise StudyError("There is no table of scores to read.", remedy=remedy)
    return stated(*options.variances) if options.variances else PAPER_SHAPED


def _print(found: "Answer") -> None:
    from study_admin.power import in_words

    _say(f"{in_words.headline(found)} {in_words.verdict(found)}")
    _say(in_words.size(found.plan))
    _say(in_words.precision(found))
    print()
    _say(in_words.promise(found))
    print(f"\nWhat would reach {in_words.wanted(found)}")
    for way in found.ways:
        _say(in_words.way(found, way), "  ")
    print("\nIf the variances are others")
    _say(in_words.variances(found), "  ")
    _say(in_words.spread(found), "  ")
    for case in found.what_if:
        print(f"  {in_words.per_cent(case.result.power):>14}  if {case.words}")
    _print_grid(found)
    for warning in in_words.warnings(found):
        print()
        _say(f"Warning: {warning}")


def _print_grid(found: "Answer") -> None:
    from study_admin.power import in_words

    grid = found.grid
    print(f"\nPower in %, with {in_words.count(found.plan.groups, 'group')} (* reaches what is wanted)")
    print("                        exams in each group")
    print("readers in each group " + "".join(f"{exams:>6}" for exams in grid.exams_per_group))
    for readers, row in zip(grid.readers_per_group, grid.power, strict=True):
        cells = (f"{in_words.cell(share)}{'*' if share >= found.wanted else ' '}" for share in row)
        print((f"{readers:>21} " + "".join(f"{each:>6}" for each in cells)).rstrip())


def _say(words: str, indent: str = "") -> None:
    print(textwrap.fill(words, _WIDTH, initial_indent=indent, subsequent_indent=indent))
