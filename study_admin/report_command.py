"""`study-admin report`: the report of an unblinded study, or of a table of scores from anywhere."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.bars import bar
from study_admin.study_folder import StudyFolder

if TYPE_CHECKING:  # argparse has no public name for it
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SUMMARY = "write the report: page, PDF, results, figures, and the scores for R"
_MANUAL = """\
Write the report of an unblinded study, or of a table of scores from anywhere: a page that reads like a results section
(HTML and PDF), results.json with every number of it, the figures, and analysis.R with the scores it reads.
"""
_DETAILS = """\
tables of scores
  One row a score (reader, exam, source, score) or one row a reading (reader, exam, score_FIRST, score_SECOND), as CSV
  (comma, semicolon or tab), .xlsx or .sav. Known without options are Blindread's long.csv and wide_pairs.csv: group,
  position, side or side_of_FIRST, and seconds are used if they are there. Each difference is the second arm minus the
  first, in the order of the table unless --arms says otherwise.

  study-admin report --scores wide_pairs.csv --out report
  study-admin report --scores ratings.csv --out report --scale 1 5 \\
      --columns reader=rater exam=case arm=method score=rating --arms technician network
  study-admin report --scores ratings.csv --out report --columns reader=rater exam=case first=hand second=network

  Roles: reader, exam, group, position, seconds, side; arm and score (one row a score), or first and second (one row a
  reading). A role that is given nothing (seconds=) is left alone.
"""
_OF_SCORES = ("arms", "columns", "scale", "margin", "alpha")


def add_report(commands: "Commands") -> None:
    """Add the command to the parser."""
    style = argparse.RawDescriptionHelpFormatter
    command = commands.add_parser("report", help=_SUMMARY, description=_MANUAL, epilog=_DETAILS, formatter_class=style)
    command.set_defaults(run=_run, interrupted="Interrupted; nothing was written.")
    command.add_argument("study", type=Path, nargs="?", metavar="STUDY", help="the study's folder")
    command.add_argument("--out", type=Path, metavar="DIR", help="folder to make (default: in STUDY/reports)")
    command.add_argument("--pdf", action=argparse.BooleanOptionalAction, default=True, help="the page as PDF, too")
    command.add_argument("--who", default="", metavar="NAME", help="your name for the audit trail (default: log-in)")
    scores = command.add_argument_group("a table of scores, instead of a study")
    scores.add_argument("--scores", type=Path, metavar="FILE", help="the table")
    scores.add_argument("--arms", nargs=2, metavar=("FIRST", "SECOND"), help="the arms that are compared")
    scores.add_argument("--columns", nargs="+", metavar="ROLE=NAME", help="which column is what, if names differ")
    scores.add_argument("--scale", nargs=2, type=int, metavar=("MIN", "MAX"), help="whole numbers (default: 0 10)")
    scores.add_argument("--margin", type=float, metavar="POINTS", help="of non-inferiority and equivalence")
    scores.add_argument("--alpha", type=float, metavar="P", help="two-sided significance level (default: 0.05)")


def _run(options: argparse.Namespace) -> None:
    if (options.study is None) == (options.scores is None):
        what = "A report needs a study or a table of scores" + ("." if options.study is None else ", not both.")
        raise StudyError(what, remedy="Write `report STUDY`, or `report --scores FILE.csv --out DIR`.")
    written = _of_study(options) if options.scores is None else _of_scores(options)
    _tell(written, options.pdf)


def _of_study(options: argparse.Namespace) -> Sequence[Path]:
    given = [name for name in _OF_SCORES if getattr(options, name) is not None]
    if given:
        raise StudyError(f"--{given[0]} is for tables of scores; a study has its own, fixed when it opened.",
                         remedy=f"Leave --{given[0]} away.")  # fmt: skip
    with bar("Looking at masks", "exam") as show:
        return conduct.write_report(
            StudyFolder(options.study), options.out, who=options.who, progress=show, with_pdf=options.pdf
        )


def _of_scores(options: argparse.Namespace) -> Sequence[Path]:
    from study_admin.report.from_scores import ALPHA, report_scores  # a second that no other command needs
    from study_admin.scores_file import mapping_of

    if options.out is None:
        raise StudyError("The report needs a folder.", remedy="Name one that doesn't exist yet: --out DIR.")
    return report_scores(
        options.scores, options.out, columns=mapping_of(options.columns or ()),
        scale=tuple(options.scale) if options.scale else None, arms=options.arms, margin=options.margin,
        alpha=ALPHA if options.alpha is None else options.alpha, with_pdf=options.pdf,
    )  # fmt: skip


def _tell(written: Sequence[Path], is_pdf_wanted: bool) -> None:
    from study_admin.report.pdf import obstacle

    (page,) = (path for path in written if path.suffix == ".html")
    print(f"{page}  (open it in a browser; results.json beside it holds every number)")
    why = obstacle() if is_pdf_wanted else None
    if why is not None:
        print(why, file=sys.stderr)
