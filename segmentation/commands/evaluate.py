"""`segmentation evaluate`: how good the masks are, exam by exam and in the form of the paper's Table 3."""

import argparse
import sys
from pathlib import Path

from segmentation.errors import StudyError

_DESCRIPTION = """\
Hold predicted masks against reference masks (an expert's, or the technicians' consensus) and say how well they agree.

  PREDICTED   the folder that `segmentation predict` wrote, or any with PREDICTED/<exam>/mask.nii.gz or
              PREDICTED/<exam>.nii.gz; or one mask
  REFERENCE   the folder of exams with their masks, matched by the exams' names; or one mask
  OUT         gets the results:
    metrics.csv    a line an exam, the worst first: Dice, recall, precision, both volumes and their difference in ml,
                   the 95th percentile and the mean of the distances between the surfaces in mm
    summary.csv    a line a measure: n, mean, standard error, standard deviation, median, quartiles, extremes, and
                   the row of the paper beside it
    worst.png      the exams with the lowest Dice, cut where the masks differ most
"""
_END = """\
Both masks of an exam must lie on one grid; whatever is above 0 is tumour. Two empty masks agree (Dice 1), an empty one
against one that isn't has Dice 0 and no distances; both are noted in metrics.csv. An exam that has a reference but no
prediction is an error, as leaving it out would better the mean; one without a reference is passed over and named.
Exit status: 0 all exams measured, 1 some could not be, 2 nothing could be done.

  segmentation evaluate predictions exams results
  segmentation evaluate predictions prepared results --predicted-name mask_prepared.nii.gz
  segmentation evaluate exams/p01/network.nii.gz exams/p01/seg.nii.gz results
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "evaluate",
        help="measure masks against reference masks",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("predicted", type=Path, metavar="PREDICTED")
    command.add_argument("reference", type=Path, metavar="REFERENCE")
    command.add_argument("out", type=Path, metavar="OUT", help="a folder; what it held of an earlier run is replaced")
    predicted = "file of each exam in PREDICTED (default mask.nii.gz)"
    command.add_argument("--predicted-name", default="mask.nii.gz", metavar="PATTERN", help=predicted)
    reference = "file of each exam in REFERENCE (default: the usual names, such as mask, seg, OTMultiClass, truth)"
    command.add_argument("--reference-name", metavar="PATTERN", help=reference)
    images = "exams' folders with T1c and FLAIR, for worst.png (default: beside the reference)"
    command.add_argument("--images", type=Path, metavar="FOLDER", help=images)
    command.add_argument("--worst", type=int, default=4, metavar="N", help="exams in worst.png (default 4; 0: none)")
    command.add_argument("--jobs", type=int, metavar="N", help="exams at a time (default: one a core)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from segmentation import evaluation
    from segmentation.cohort import failed, run_each
    from segmentation.cohort import summary as outcome_summary

    if options.worst < 0:
        raise StudyError("A picture can't show fewer than no exams.", remedy="Try --worst 4.")
    pairing = evaluation.find_pairs(
        options.predicted, options.reference, options.predicted_name, options.reference_name
    )
    outcomes = run_each(evaluation.measure, pairing.pairs, jobs=options.jobs, label="exams", memory_gib=1.0)
    measured = [outcome.result for outcome in outcomes if outcome.result is not None]
    if measured:
        evaluation.write(options.out, pairing.pairs, measured, options.images, options.worst)
        print(evaluation.table(evaluation.summarise(measured)))
    for one in measured:
        if one.note:
            print(f"{one.exam}: {one.note}")
    if pairing.unreferenced:
        print(f"No reference, not measured: {', '.join(pairing.unreferenced)}")
    print(outcome_summary(outcomes))
    if pairing.unmatched:
        print(f"No prediction, missing from all numbers: {', '.join(pairing.unmatched)}", file=sys.stderr)
    return 1 if failed(outcomes) or pairing.unmatched else 0
