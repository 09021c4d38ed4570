"""The pictures of one exam's steps, from what the pipeline has in its hands when it is done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmentation.preprocessing.completeness import Loaded
from segmentation.preprocessing.quality import (
    BRAIN,
    TUMOUR,
    Plate,
    grey,
    planes,
    save_plate,
    save_sheet,
    two_colours,
    where_to_look,
)
from segmentation.preprocessing.resampling import Grid, Matrix, resample

_SHEET = "sheet.png"
_Z_WINDOW = (-2.5, 4.0)
_FIELD_WINDOW = (0.5, 1.5)


def of_exam(
    loaded: Loaded, flair_from_t1c: Matrix, start: Any, end: Any, scores: Sequence[npt.NDArray[np.float32]]
) -> list[Plate]:
    """Plates of registration, brain, bias field and the prepared images; `start` and `end` as in `pipeline._State`."""
    grid, spacing = Grid.of(start.t1c), start.t1c.spacing_mm
    at = where_to_look(end.brain, end.tumour)
    t1c, flair = grey(start.t1c.array), grey(start.flair.array)
    after = planes(two_colours(t1c, flair), spacing, at)
    if np.array_equal(flair_from_t1c, np.eye(4)):
        rows, title = [after], "T1c cyan, FLAIR orange, as they came: borders must coincide"
    else:
        before = grey(resample(loaded.flair, grid).array)
        rows = [planes(two_colours(t1c, before), spacing, at), after]
        title = "T1c cyan, FLAIR orange; above as scanned, below registered: borders must coincide"
    found = [Plate("registration", title, rows)]
    outline = [(end.brain, BRAIN)]
    found.append(
        Plate("brain", "Brain mask on T1c and FLAIR", [planes(image, spacing, at, outline) for image in (t1c, flair)])
    )
    if end.fields:
        fields = [planes(grey(field * end.brain, _FIELD_WINDOW), spacing, at) for field in end.fields]
        title = f"Bias field of T1c and FLAIR, {_FIELD_WINDOW[0]} black to {_FIELD_WINDOW[1]} white: smooth, no anatomy"
        found.append(Plate("bias_field", title, fields))
    outlines = [] if end.tumour is None else [(end.tumour, TUMOUR)]
    shown = [planes(grey(image, _Z_WINDOW), spacing, at, outlines) for image in scores]
    title = f"Prepared T1c and FLAIR, z from {_Z_WINDOW[0]} to {_Z_WINDOW[1]}" + (", tumour" if outlines else "")
    found.append(Plate("prepared", title, shown))
    return found


def save(plates: Sequence[Plate], exam: str, warnings: Sequence[str], folder: Path) -> None:
    """Each plate, and the sheet of all."""
    for plate in plates:
        save_plate(plate, folder / f"{plate.name}.png")
    save_sheet(plates, exam, warnings, folder / _SHEET)
