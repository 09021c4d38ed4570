"""`segmentation simulate` and `segmentation technician`: exams whose truth is known, and outlines of it."""

import argparse
from pathlib import Path

from segmentation.errors import StudyError

_SIMULATE = """\
Make exams of people who do not exist, with tumours whose true extent is known: to try the reader app, to practise,
to demonstrate, to train networks on, and to rehearse a study before the first patient's images are touched.

Each exam is a folder:
  OUT/sim-001/t1c.nii.gz        T1-weighted after contrast agent, skull-stripped, whole numbers, background 0
  OUT/sim-001/flair.nii.gz      FLAIR on the same grid
  OUT/sim-001/truth.nii.gz      the whole tumour, oedema included: 0 and 1
  OUT/sim-001/parts.nii.gz      1 necrosis or solid tumour, 2 enhancing rim, 3 oedema; 4 bright white matter, no tumour
  OUT/sim-001/outline_1.nii.gz  drawn by a simulated technician; outline_2 and outline_3 by others, if there are more
  OUT/sim-001/consensus.nii.gz  what they agree on: of two the intersection, of three the majority
  OUT/sim-001/simulation.json   every number drawn: tumour, contrasts, scanners' faults, the technicians' habits
"""
_SIMULATE_END = """\
How it is made: the ICBM152 template (in the package nilearn; nothing is downloaded) is bent and turned at random into
a person; a glioma grows from one or more seeds by reaction and diffusion, faster in white matter than in grey, pushes
tissue aside, gets a necrotic core, an enhancing rim and oedema, or hardly enhances at all; T1c and FLAIR follow from
the tissues, each with a contrast, resolution, shading, noise and faults of its own, and with what is bright but no
tumour: vessels, meninges, white matter about the ventricles. Volumes are distributed as in Mitchell et al. 2020,
figure 3. Outlines come from a panel of eight technicians with their own habits: a hand that wanders, draws too wide or
too tight, skips slices; an eye that misses satellites or enhancement, or takes other bright white matter for tumour.

An interrupted run goes on with the same command: finished exams are kept. The same seed gives the same exams, whatever
--jobs, and --count 20 begins with the exams of --count 10. --technicians and --errors decide no image: they give other
outlines of the same people. An exam takes about 6 seconds of one core and 3 MB.

  segmentation simulate practice --count 5 --seed 7
  segmentation simulate cohort --count 160 --seed 2026
  segmentation simulate careless --count 160 --seed 2026 --technicians 1 --errors 2
  segmentation preprocess cohort prepared --skull-stripped --co-registered
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
    people = "technicians an exam: a number, or the fewest and the most (default 1 3)"
    command.add_argument("--technicians", type=int, nargs="+", default=[1, 3], metavar="N", help=people)
    errors = "times the technicians' usual errors (default 1; 0: the truth, but for the hand's smoothness)"
    command.add_argument("--errors", type=float, default=1.0, metavar="X", help=errors)
    sizes = "range of the tumours' volumes in ml (default 5 301)"
    command.add_argument("--volume", type=float, nargs=2, default=(5, 301), metavar=("MIN", "MAX"), help=sizes)
    look = "2 (default): like most real exams; 1: much bright white matter about it, few cores dull as the brain"
    command.add_argument("--look", type=int, default=2, metavar="N", help=look)
    command.add_argument(
        "--jobs", type=int, metavar="N", help="exams at a time (default: one a core, as memory allows)"
    )
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


def _simulate(options: argparse.Namespace) -> int:
    """Make the exams; 1 if one could not be made."""
    from segmentation import cohort  # scipy and nilearn take seconds: not for --help
    from segmentation.phantom.simulation import Settings, simulate
    from segmentation.phantom.tumour import Volumes

    i, j, k = (float(step) for step in options.spacing)
    if len(options.technicians) > 2:
        raise StudyError("--technicians takes one number or two.", remedy="Try --technicians 1 3.")
    people = (options.technicians[0], options.technicians[-1])
    sizes = Volumes(*options.volume)
    settings = Settings(options.seed, (i, j, k), sizes, people, options.errors, options.look)
    outcomes = simulate(options.out, options.count, settings, options.jobs)
    print(cohort.summary(outcomes))
    return 1 if cohort.failed(outcomes) else 0


def _technician(options: argparse.Namespace) -> int:
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
    return 0
