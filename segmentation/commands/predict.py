"""`segmentation predict`: tumour masks of new exams by a trained ensemble."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from segmentation.commands import preprocess
from segmentation.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from segmentation.exams import PreparedExam

_DESCRIPTION = """\
Segment the whole tumour in new exams with an ensemble that `segmentation train` has trained.

  EXAMS      a folder with a sub-folder per exam, as scanned (T1c and FLAIR; see `segmentation preprocess --help` for
             the names), or as `segmentation preprocess` left them
  ENSEMBLE   the folder that `segmentation train` wrote; without it, the ensemble that comes with Blindread: five
             compact networks trained on simulated exams only. README says how well it does on real ones
  OUT        gets a folder per exam:
    OUT/exam/mask.nii.gz            the tumour, 0 and 1, on the grid of the exam's own T1c
    OUT/exam/mask_prepared.nii.gz   the same on the network's grid of 1 x 1 x 2 mm
    OUT/exam/probability.nii.gz     with --probability: the mean of the networks, on the grid of the T1c
    OUT/exam/overlay.png            the outline over T1c and FLAIR in three planes. Look at it
    OUT/exam/predict.json           ensemble, options, versions, seconds, checksums
  and OUT/predict.csv, a line an exam: volume in ml, number of parts, what is unusual.
"""
_END = """\
Exams as scanned are prepared first, into OUT/prepared or the folder of --prepared. Prepare them as the exams of the
training were prepared: with the same options. Where --clip isn't given, it is what it was in the training.

The same command goes on where it was interrupted; an exam is done again only if its files, the ensemble or an option
has changed. An exam that can't be segmented is named, the others go on, and the exit status is 1. The masks don't
depend on --jobs. Not a medical device: for research.

  segmentation predict exams out
  segmentation predict exams ensemble out
  segmentation predict brats ensemble out --skull-stripped --co-registered
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "predict",
        help="segment new exams with a trained ensemble",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("exams", type=Path, metavar="EXAMS")
    command.add_argument("ensemble", type=Path, nargs="?", metavar="ENSEMBLE")
    command.add_argument("out", type=Path, metavar="OUT")
    exact = "the original's tiling: slower, other values where its tiles meet (default: fast)"
    command.add_argument("--exact", action="store_true", help=exact)
    largest = "keep the largest connected part only (not in the paper: a second focus is lost)"
    command.add_argument("--largest", action="store_true", help=largest)
    threshold = "probability above which a voxel is tumour (default: what `segmentation calibrate` found, or 0.5)"
    command.add_argument("--threshold", type=float, metavar="P", help=threshold)
    command.add_argument("--probability", action="store_true", help="write the mean probability, too")
    command.add_argument(
        "--prepared", type=Path, metavar="FOLDER", help="where prepared exams go (default OUT/prepared)"
    )
    command.add_argument(
        "--jobs", type=int, metavar="N", help="exams at a time (default: one a core, as memory allows)"
    )
    preprocess.add_names(command)
    preprocess.add_steps(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Segment all exams; 1 if one failed."""
    from segmentation.ensemble import FILE_NAME, shipped_or  # torch takes seconds: not for --help

    if options.ensemble is None:
        if (options.out / FILE_NAME).exists():  # the masks' folder was forgotten, and this is not it
            remedy = "Say where the masks go: segmentation predict EXAMS ENSEMBLE OUT"
            raise StudyError("The folder for the masks holds an ensemble.", file=options.out, remedy=remedy)
        print("By the ensemble that comes with Blindread, trained on simulated exams only.")
    with shipped_or(options.ensemble) as folder:
        return _predict(options, folder)


def _predict(options: argparse.Namespace, folder: Path) -> int:
    from segmentation import cohort, ensemble, prediction

    wish = prediction.Wish(
        "exact" if options.exact else "fast", options.largest, options.probability, options.threshold
    )
    networks = ensemble.load_ensemble(folder)  # a wrong folder is told before anything is prepared
    exams, failures = _prepared(options, networks.provenance.get("preprocessing", []))
    outcomes = prediction.predict_all(exams, folder, options.out, wish, options.jobs) if exams else ()
    found = [outcome.result for outcome in outcomes if outcome.result is not None]
    print(cohort.summary(outcomes))
    for failure in failures:
        print(f"left out: {failure}")
    if unlike := ensemble.unlike_training(exams, networks):
        print(f"careful: {unlike}; expect worse masks.")
    for one in found:
        if one.note:
            print(f"look at {one.exam}: {one.note}")
    if found:
        print(f"volumes: {prediction.write_table(options.out, found)}; look at each exam's overlay.png")
    return 1 if failures or cohort.failed(outcomes) else 0


def _prepared(
    options: argparse.Namespace, trained: "Sequence[Mapping[str, Any]]"
) -> "tuple[Sequence[PreparedExam], list[str]]":
    """The exams, prepared if they are not, and a sentence for each that could not be.

    `trained` are the settings with which the exams of the training were prepared.
    """
    from segmentation import cohort
    from segmentation.exams import PREPARED_JSON, find_prepared
    from segmentation.preprocessing import pipeline

    places = [options.exams, *options.exams.glob("*/")]
    if any((place / PREPARED_JSON).is_file() for place in places):
        return find_prepared(options.exams), []
    raw, problems = preprocess.survey_of(options)
    if not raw:
        raise StudyError("There is no exam to segment:\n" + "\n".join(map(str, problems)))
    folder = options.prepared or options.out / "prepared"
    clips = {tuple(settings.get("clip_percentiles") or ()) for settings in trained}
    if options.clip is None and len(clips) == 1:
        options.clip = next(iter(clips)) or None
    settings, limit_s = preprocess.settings_of(options), preprocess.step_limit_of(options)
    outcomes = pipeline.prepare_all(raw, folder, settings, options.jobs, limit_s)
    pipeline.write_index(outcomes, problems, folder)
    for outcome in outcomes:
        for warning in outcome.result.warnings if outcome.result else ():
            print(f"look at {outcome.name}: {warning}")
    failures = [*map(str, problems), *(f"{outcome.name}: {outcome.error}" for outcome in cohort.failed(outcomes))]
    return [outcome.result.exam for outcome in outcomes if outcome.result is not None], failures
