"""`segmentation simulate` and `segmentation technician`: exams whose truth is known, and outlines of it."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from segmentation.errors import StudyError

_SIMULATE = """\
Make exams of people who do not exist, with tumours whose true extent is known: to try the reader app, to practise,
to demonstrate, and to rehearse a study before the first patient's images are touched.

Each exam is a folder:
  OUT/sim-001/t1c.nii.gz        T1-weighted after contrast agent, skull-stripped, whole numbers, background 0
  OUT/sim-001/flair.nii.gz      FLAIR on the same grid
  OUT/sim-001/truth.nii.gz      the whole tumour, oedema included: 0 and 1
  OUT/sim-001/outline_1.nii.gz  drawn by a simulated technician
  OUT/sim-001/outline_2.nii.gz  drawn by another one
  OUT/sim-001/simulation.json   seed, sizes, and the two technicians' habits
"""
_SIMULATE_END = """\
How it is made: the ICBM152 template (in the package nilearn; nothing is downloaded) is bent and turned at random into
a person; a glioma grows from white matter by reaction and diffusion, pushes tissue aside, gets a necrotic core, an
enhancing rim and oedema along white matter; T1c and FLAIR follow from the tissues, with vessels, shading, blur and
Rician noise. The technicians' outlines overlap with the truth by Dice 0.82 to 0.92.

An interrupted run goes on with the same command: finished exams are kept. The same seed gives the same exams, and
--count 20 begins with the exams of --count 10. An exam takes about 10 seconds and 3 MB.

  segmentation simulate practice --count 5 --seed 7
"""
_TECHNICIAN = """\
Draw an outline from a mask as a hand would draw it: slice by slice, rounded, a little too wide or too tight, wandering
along the border, thin parts missed. The result is simulated and must never be presented as a person's work.
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands to the command line."""
    _add_simulate(commands)
    _add_technician(commands)


def _add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "simulate",
        help="make exams with known truth",
        description=_SIMULATE,
        epilog=_SIMULATE_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder, or one of an interrupted run")
    command.add_argument("--count", type=int, default=5, metavar="N", help="how many exams (default 5)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="a whole number from 0 up (default 1)")
    spacing = "voxel size in mm (default 1 1 2)"
    command.add_argument("--spacing", type=float, nargs=3, default=(1, 1, 2), metavar=("X", "Y", "Z"), help=spacing)
    command.set_defaults(run=_simulate)


def _add_technician(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "technician",
        help="draw a simulated technician's outline",
        description=_TECHNICIAN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("truth", type=Path, metavar="TRUTH", help="a mask; whatever is above 0 counts as tumour")
    command.add_argument("out", type=Path, metavar="OUT", help="a new .nii.gz file: 0 and 1, on the same grid")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="decides habits and hand (default 1)")
    command.add_argument("--image", type=Path, metavar="T1C", help="a stripped image: nothing is drawn where it is 0")
    command.set_defaults(run=_technician)


def _simulate(options: argparse.Namespace) -> None:
    from segmentation.phantom import simulation  # scipy and nilearn take seconds: not for --help

    i, j, k = (float(step) for step in options.spacing)
    settings = simulation.Settings(options.seed, (i, j, k))
    folders = simulation.simulate(options.out, options.count, settings, _with_bar)
    print(f"{len(folders)} exams in {options.out}")


def _with_bar(numbers: Iterable[int]) -> Iterable[int]:
    """A progress bar with the time that is left."""
    from tqdm import tqdm

    todo = list(numbers)
    return tqdm(todo, desc="exams", unit="exam", disable=not todo)


def _technician(options: argparse.Namespace) -> None:
    import numpy as np

    from segmentation import volumes
    from segmentation.phantom import technician

    if options.seed < 0:
        raise StudyError("The seed must be a whole number from 0 up.", remedy="Try --seed 1.")
    if options.out.exists():
        raise StudyError("There is such a file already.", file=options.out, remedy="Choose another name.")
    truth = volumes.load(options.truth)
    brain = None
    if options.image is not None:
        image = volumes.load(options.image)
        volumes.check_same_grid(image, truth, str(options.image), str(options.truth))
        brain = image.array > 0
    hand = technician.draw_technician(np.random.default_rng([options.seed, 0]))
    try:
        drawn = technician.outline(truth, hand, [options.seed, 1], brain)
    except StudyError as error:
        raise StudyError(error.what, file=options.truth, remedy=error.remedy) from error
    volumes.save(options.out, drawn)
    print(f"{options.out}: {', '.join(f'{name} {value:.2f}' for name, value in hand.as_dict().items())}")
