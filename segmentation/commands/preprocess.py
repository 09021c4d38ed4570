"""`segmentation preprocess`: exams as scanned to exams as the network wants them."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.errors import StudyError

if TYPE_CHECKING:
    from segmentation.exams import ExamFiles
    from segmentation.preprocessing import pipeline

_PREPROCESS = """\
Prepare exams for training or prediction: check that they are whole, fit the FLAIR to the T1c, bring both to voxels of
1 x 1 x 2 mm, take out noise and the coil's bias field, find the brain, bring the brain's grey values to mean 0 and
variance 1, and make one whole-tumour mask of what the technicians drew.

EXAMS holds a sub-folder per exam, with files whose names say what they are:
  t1c, t1ce, t1gd, ce-gadolinium_T1w ...   T1-weighted after contrast agent      (else: --t1c PATTERN)
  flair, t2f ...                           FLAIR, on any grid                    (else: --flair PATTERN)
  mask_1, mask_2 ... or seg ...            drawn by technicians, if there are    (else: --mask PATTERN)
  mask_1_t1c, mask_1_flair ...             the same in compartments
  brain_mask                               if there is one, it is used           (else: --brain-mask PATTERN)
as .nii.gz or .nii, also in BIDS' sub-.../ses-.../anat; or DICOM series in a folder per exam, with the masks beside:
the series are chosen by their description, else asked for at the keyboard, or given: --t1c-series "AX T1 POST*".
"""
_PREPROCESS_END = """\
Each exam becomes a folder:
  OUT/exam/t1c.nii.gz, flair.nii.gz   float32 z-scores, 0 outside the brain, axes in the order left, back, head
  OUT/exam/brain_mask.nii.gz          0 and 1
  OUT/exam/mask.nii.gz                the whole tumour, 0 and 1, if masks were given: of two technicians the
                                      intersection, of more the majority, then the union of the compartments
  OUT/exam/preprocess.json            every parameter, finding, version and second; checksums; the way back
  OUT/exam/qc/                        a picture of each step, and sheet.png with all of them
and OUT/index.html shows all sheets, those with warnings first. Look at them.

An exam that cannot be prepared is named with the step and the reason, the others go on, and the exit status is 1.
The same command goes on where it was interrupted, and does again only what has changed.
A whole head takes about half a minute of one core, a skull-stripped brain about ten seconds.

  segmentation preprocess raw prepared
  segmentation preprocess brats prepared --skull-stripped --co-registered
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "preprocess",
        help="prepare exams for training or prediction",
        description=_PREPROCESS,
        epilog=_PREPROCESS_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("exams", type=Path, metavar="EXAMS", help="a folder with a sub-folder per exam")
    command.add_argument("out", type=Path, metavar="OUT", help="where the prepared exams go")
    add_names(command)
    add_steps(command)
    command.add_argument(
        "--jobs", type=int, metavar="N", help="exams at a time (default: one a core, as memory allows)"
    )
    command.set_defaults(run=run)


def add_names(command: argparse.ArgumentParser) -> None:
    """Options that say which file of an exam is what; `predict` has them too."""
    names = command.add_argument_group("which files (patterns as in a shell, in quotes)")
    for role in ("t1c", "flair", "mask", "brain-mask"):
        names.add_argument(f"--{role}", metavar="PATTERN", help=f"names of the {role.replace('-', ' ')} files")
    for role in ("t1c", "flair"):
        names.add_argument(f"--{role}-series", metavar="PATTERN", help=f"description of the {role}'s DICOM series")
    names.add_argument("--subjects", type=Path, metavar="CSV", help="which patient each exam is of: exam, subject")


def add_steps(command: argparse.ArgumentParser) -> None:
    """Options that change the steps; `predict` has them too."""
    steps = command.add_argument_group("what was done to the images before")
    steps.add_argument("--skull-stripped", action="store_true", help="only the brain is there, the rest is even")
    steps.add_argument("--co-registered", action="store_true", help="T1c and FLAIR fit already")
    steps.add_argument("--normalised", action="store_true", help="grey values are z-scores: no denoising, no N4")
    how = command.add_argument_group("how")
    how.add_argument("--as-published", action="store_true", help="the paper's order: N4 in the head, then the brain")
    how.add_argument("--cubic", action="store_true", help="tricubic interpolation instead of trilinear")
    how.add_argument("--no-denoising", action="store_true", help="leave out the curvature flow")
    how.add_argument("--no-bias-correction", action="store_true", help="leave out N4")
    clip = "cut grey values to these percentiles of the brain's before normalising, e.g. 0.5 99.5 (default: don't)"
    how.add_argument("--clip", type=float, nargs=2, metavar=("LOW", "HIGH"), help=clip)
    add_step_limit(how)


def add_step_limit(group: argparse._ActionsContainer) -> None:
    """The option that gives an exam up; `atlas` has it too."""
    group.add_argument(
        "--step-minutes",
        type=float,
        default=20.0,
        metavar="M",
        help="give an exam up when one step takes longer (default 20; the longest known takes 2)",
    )


def step_limit_of(options: argparse.Namespace) -> float:
    """In seconds. Raises StudyError where that is no time."""
    if not 0 < options.step_minutes < float("inf"):
        raise StudyError("A step needs some time.", remedy="Try --step-minutes 20.")
    return float(options.step_minutes * 60)


def survey_of(options: argparse.Namespace) -> "tuple[tuple[ExamFiles, ...], tuple[StudyError, ...]]":
    """The exams that the options name, and what is wrong with others."""
    from segmentation import exams

    subjects = exams.read_subjects(options.subjects) if options.subjects else None
    names = exams.Names(options.t1c, options.flair, options.mask, options.brain_mask)
    return exams.survey(options.exams, names, subjects)


def settings_of(options: argparse.Namespace) -> "pipeline.Settings":
    """The steps that the options ask for. Raises StudyError for percentiles that are none."""
    from segmentation.preprocessing import pipeline

    clip = None if options.clip is None else (options.clip[0], options.clip[1])
    if clip is not None and not 0 <= clip[0] < clip[1] <= 100:
        raise StudyError("These are no percentiles to cut at.", remedy="Try --clip 0.5 99.5.")
    return pipeline.Settings(
        is_skull_stripped=options.skull_stripped or options.normalised,
        is_co_registered=options.co_registered,
        is_normalised=options.normalised,
        order="as-published" if options.as_published else "brain-first",
        interpolation="cubic" if options.cubic else "linear",
        denoising_iterations=0 if options.no_denoising else 5,
        has_bias_correction=not options.no_bias_correction,
        clip_percentiles=clip,
        t1c_series=options.t1c_series,
        flair_series=options.flair_series,
    )


def with_series(exam: "ExamFiles", settings: "pipeline.Settings", ask: Callable[[str], str]) -> "ExamFiles":
    """The exam, with the DICOM series that a person chose where their words don't tell; Enter leaves it undecided."""
    from segmentation.preprocessing import dicom

    patterns = {"t1c": settings.t1c_series, "flair": settings.flair_series}
    for role, source in (("t1c", exam.t1c), ("flair", exam.flair)):
        if not source.is_dir():
            continue
        found = dicom.series_in(source)
        try:
            dicom.choose(found, role, patterns[role], source)
        except StudyError:
            listed = "\n".join(f"  {n}: {series}" for n, series in enumerate(found, start=1))
            answer = ask(f"{exam.name}: which series is the {role}?\n{listed}\nnumber, or Enter to leave it out: ")
            if answer.strip().isdecimal() and 1 <= int(answer) <= len(found):
                chosen = found[int(answer) - 1].uid
                exam = replace(exam, t1c_series=chosen) if role == "t1c" else replace(exam, flair_series=chosen)
    return exam


def run(options: argparse.Namespace) -> int:
    """Prepare all exams; 1 if one failed."""
    from segmentation import cohort  # scipy and SimpleITK take seconds: not for --help
    from segmentation.preprocessing import pipeline

    exams, problems = survey_of(options)
    settings = settings_of(options)
    if sys.stdin.isatty():
        exams = tuple(with_series(exam, settings, input) for exam in exams)
    outcomes = pipeline.prepare_all(exams, options.out, settings, options.jobs, step_limit_of(options))
    pipeline.write_index(outcomes, problems, options.out)
    print(cohort.summary(outcomes))
    for problem in problems:
        print(f"left out: {problem}")
    for outcome in outcomes:
        for warning in outcome.result.warnings if outcome.result else ():
            print(f"look at {outcome.name}: {warning}")
    print(f"pictures: {options.out / 'index.html'}")
    return 1 if problems or cohort.failed(outcomes) else 0
