"""`segmentation view`: one exam in space."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segmentation.atlas.regions import Share
    from segmentation.viewing.scene import Exhibit

_DESCRIPTION = """\
Show one exam in space: the tumour's surface in red on slices of the T1c, regions of the brain around it in other
colours, seen through, those next to the tumour nearly invisible (Fig. 6 of Mitchell et al. 2020); the three slices flat
below, with the tumour's outline.

  EXAM   the folder of one exam: as `segmentation predict` or `preprocess` left it, or with the skull off already
"""
_END = """\
Drag to turn, Shift and drag to move, wheel to zoom; the wheel over a slice goes through the slices; q closes.

  segmentation view predictions/p01
  segmentation view predictions/p01 --atlas regions/p01 --png p01.png
"""


_LINES = 8  # regions with most of the tumour


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "view",
        help="show an exam's tumour and regions in 3-D",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("exam", type=Path, metavar="EXAM")
    command.add_argument("--mask", type=Path, metavar="FILE", help="the tumour (default: the folder's own)")
    regions = "the regions: the exam's folder that `segmentation atlas` wrote (default: the brain's surface)"
    command.add_argument("--atlas", type=Path, metavar="FOLDER", help=regions)
    command.add_argument("--png", type=Path, metavar="FILE", help="write a picture; no display is needed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """A window, or a picture."""
    from segmentation.viewing import scene

    exhibit = _exhibit(options)
    if options.png is None:
        scene.open_window(exhibit)
    else:
        scene.save_png(exhibit, options.png)
        print(options.png)


def _exhibit(options: argparse.Namespace) -> "Exhibit":
    import numpy as np

    from segmentation import pictures, volumes
    from segmentation.metrics import volume_ml
    from segmentation.subject import open_subject
    from segmentation.viewing.scene import Exhibit

    subject = open_subject(options.exam, options.mask)
    title = f"{subject.name}: tumour {volume_ml(subject.tumour, subject.t1c.spacing_mm):.1f} ml"
    if options.atlas is None:
        return Exhibit(title, subject.t1c, subject.brain, subject.tumour)
    from segmentation.atlas import labelling
    from segmentation.atlas.regions import palette, shares

    names = labelling.read_record(options.atlas)["names"]
    path = options.atlas / labelling.LABELS
    labels = pictures.upright(volumes.load(path))
    volumes.check_same_grid(subject.t1c, labels, "the exam's T1c", str(path))
    shown = labelling.shown_labels(names)
    array = labels.array.astype("int16")
    most = shares(subject.tumour, array, names, volume_ml(np.ones((1, 1, 1), bool), subject.t1c.spacing_mm))[:_LINES]
    lines = [(0, "Tumour in"), *((names.index(s.region) if s.region in names else 0, _line(s)) for s in most)]
    legend = tuple(lines) if most else ()
    return Exhibit(title, subject.t1c, subject.brain, subject.tumour, array, palette(names), shown, legend)


def _line(share: "Share") -> str:
    return f"{share.region}  {share.tumour_ml:.1f} ml"
