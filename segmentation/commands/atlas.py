"""`segmentation atlas`: in which regions of the brain the tumours lie."""

import argparse
from pathlib import Path

from segmentation.commands.preprocess import add_step_limit, step_limit_of

_DESCRIPTION = """\
Put the Harvard-Oxford regions on exams and say how much of the tumour lies in each.

  EXAMS   a folder of exams, or one exam: as `segmentation preprocess` or `predict` left them, or with the skull off
          already (t1c, and a mask of the tumour such as seg.nii.gz)
  OUT     gets a folder per exam:
    OUT/exam/atlas.nii.gz   the regions' labels on the grid of the exam
    OUT/exam/atlas.csv      ml of tumour in each region, and its share of the tumour and of the region
    OUT/exam/atlas.png      the regions on the T1c, and the template in its place. Look at it
    OUT/exam/atlas.json     the labels' names, how the template was fitted, versions, checksums
  and OUT/atlas.csv with all exams.
"""
_END = """\
The atlas is FSL's, for non-commercial use only, and no part of this program. Give the folder that has it: FSL's own
(.../data/atlases), or what nilearn downloads with

  {download}

How: elastix lays the ICBM152 template (nilearn ships it) on the T1c, affine, then B-spline; the tumour and 4 mm around
it are left out of what is compared. Where the field of view cuts the brain off, or the B-spline would squeeze or tear
the template, the affine fit is kept and the picture says so. Labels are for looking at, not for measuring: template and
atlas are of two generations of MNI space, some mm apart. An exam takes about a minute of one core.

  segmentation atlas prepared regions --atlas atlas
  segmentation atlas exams regions --atlas /usr/local/fsl/data/atlases --masks predictions
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    from segmentation.atlas.regions import DOWNLOAD

    command = commands.add_parser(
        "atlas",
        help="say in which regions of the brain tumours lie",
        description=_DESCRIPTION,
        epilog=_END.format(download=DOWNLOAD.replace("%", "%%")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("exams", type=Path, metavar="EXAMS")
    command.add_argument("out", type=Path, metavar="OUT")
    command.add_argument("--atlas", type=Path, required=True, metavar="FOLDER", help="where the atlas lies")
    masks = "take the tumours from FOLDER/exam/mask.nii.gz (default: the exams' own)"
    command.add_argument("--masks", type=Path, metavar="FOLDER", help=masks)
    command.add_argument("--mask-name", default="mask.nii.gz", metavar="NAME", help="the file's name in --masks")
    command.add_argument(
        "--jobs", type=int, metavar="N", help="exams at a time (default: one a core, as memory allows)"
    )
    add_step_limit(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Put the regions on all exams; 1 if one failed."""
    from segmentation import cohort  # SimpleITK and nilearn take seconds: not for --help
    from segmentation.atlas import labelling
    from segmentation.whole_file import write_whole

    places = labelling.find_places(options.exams, options.masks, options.mask_name)
    outcomes = labelling.locate_all(places, options.out, options.atlas, options.jobs, step_limit_of(options))
    found = [outcome.result for outcome in outcomes if outcome.result is not None]
    if found:
        write_whole(options.out / "atlas.csv", labelling.table(found).encode())
    for one in found:
        largest = ", ".join(f"{share.region} {share.tumour_ml:.1f} ml" for share in one.shares[:3])
        print(f"{one.exam}: {largest or 'no tumour'}{'; affine only: ' + one.reason if one.reason else ''}")
    print(cohort.summary(outcomes))
    return 1 if cohort.failed(outcomes) else 0
