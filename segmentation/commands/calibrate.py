"""`segmentation calibrate`: from which probability on a voxel is called tumour."""

import argparse
from pathlib import Path

from segmentation.errors import StudyError

_DESCRIPTION = """\
Choose from which mean probability on an ensemble calls a voxel tumour. The paper's is 0.5: more probable than not.
Where its networks disagree, an ensemble then draws too little (or too much); a look at exams with masks tells.

  PREDICTED   what `segmentation predict EXAMS ENSEMBLE PREDICTED --probability` wrote, of exams that the ensemble has
              not learned from and is not tested on
  REFERENCE   the folder of these exams with their masks
  ENSEMBLE    gets the threshold, and what it was chosen by:
    ensemble.json     the threshold; `segmentation predict` takes it from now on
    calibration.csv   a line an exam: its Dice at each threshold from 0.05 to 0.95
    calibration.png   the same as curves, with their mean

The threshold with the best mean Dice is taken.
"""
_END = """\
An exam of the ensemble's training or of its sequestered test is refused, as is one that another ensemble predicted. One
number is chosen, so a dozen exams will do; measure the ensemble on others.

  segmentation predict later ensemble out --probability
  segmentation calibrate out later ensemble
"""
_FEW = 10


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "calibrate",
        help="choose from which probability on a voxel is tumour",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("predicted", type=Path, metavar="PREDICTED")
    command.add_argument("reference", type=Path, metavar="REFERENCE")
    command.add_argument("ensemble", type=Path, metavar="ENSEMBLE")
    reference = "file of each exam in REFERENCE (default: the usual names, such as mask, seg, OTMultiClass, truth)"
    command.add_argument("--reference-name", metavar="PATTERN", help=reference)
    command.add_argument("--jobs", type=int, metavar="N", help="exams at a time (default: one a core)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from segmentation import calibration, evaluation
    from segmentation.prediction import PROBABILITY

    pairing = evaluation.find_pairs(options.predicted, options.reference, PROBABILITY, options.reference_name)
    if pairing.unmatched:
        what = f"No probability of {', '.join(pairing.unmatched)}, which has a mask: left out, it would decide nothing."
        remedy = "Predict all of them, with --probability, or take its mask out of REFERENCE."
        raise StudyError(what, file=options.predicted, remedy=remedy)
    choice = calibration.calibrate(pairing.pairs, options.ensemble, options.jobs)
    spread = "" if choice.gain.se is None else f" ± {choice.gain.se:.3f}"
    print(f"{options.ensemble}: tumour from a mean probability of {choice.threshold:.2f} on.")
    print(f"Mean Dice of {choice.dice.n} exams {choice.dice.mean:.3f}; at 0.50 it is {choice.even.mean:.3f} "
          f"(difference {choice.gain.mean:.3f}{spread}).")  # fmt: skip
    if choice.dice.n < _FEW:
        print(f"careful: that is chosen by {choice.dice.n} exams only.")
    if pairing.unreferenced:
        print(f"No mask, not looked at: {', '.join(pairing.unreferenced)}")
    print(f"curves: {options.ensemble / calibration.PICTURE}")
