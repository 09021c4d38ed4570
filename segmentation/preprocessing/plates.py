"""The pictures of one exam's steps, from what the pipeline has in its hands when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from segmentation.preprocessing.brain import Box, Mask, box_of
from segmentation.preprocessing.completeness import Loaded
from segmentation.preprocessing.quality import (
    BRAIN,
    TUMOUR,
    Index,
    Outline,
    Plate,
    Spacing,
    grey,
    planes,
    save_plate,
    save_sheet,
    two_colours,
    where_to_look,
)
from segmentation.preprocessing.resampling import Grid, Matrix, resample
from segmentation.preprocessing.state import State

_SHEET = "sheet.png"
_Z_WINDOW = (-2.5, 4.0)
_FIELD_WINDOW = (0.6, 1.4)
_HEAD_MM, _BRAIN_MM = 30.0, 6.0  # what is shown around the brain


@dataclass(frozen=True, eq=False)
class _View:
    """A part of the grid, and the voxel of it through which the three slices go."""

    box: Box
    at: Index
    spacing_mm: Spacing

    @classmethod
    def around(cls, brain: Mask, margin_mm: float, at: Index, spacing_mm: Spacing) -> "_View":
        """The brain and a margin."""
        box = box_of(brain, margin_mm, spacing_mm)
        i, j, k = (index - (part.start or 0) for index, part in zip(at, box, strict=True))
        return cls(box, (i, j, k), spacing_mm)

    def planes(self, picture: npt.NDArray[np.uint8], outlines: Sequence[Outline] = ()) -> list[Image]:
        """The three slices of a picture of the whole grid."""
        cut = [(mask[self.box], colour) for mask, colour in outlines]
        return planes(picture[self.box], self.spacing_mm, self.at, cut)


def of_exam(
    loaded: Loaded, flair_from_t1c: Matrix, start: State, end: State, scores: Sequence[npt.NDArray[np.float32]]
) -> list[Plate]:
    """Plates of registration, brain, bias field and the prepared images, from the exam's first and last state."""
    at = where_to_look(end.brain, end.tumour)
    head, brain = (_View.around(end.brain, mm, at, start.t1c.spacing_mm) for mm in (_HEAD_MM, _BRAIN_MM))
    t1c, flair = (grey(image.array) for image in (start.t1c, start.flair))
    rows, title = [head.planes(two_colours(t1c, flair))], "T1c cyan, FLAIR orange, as they came: borders must coincide"
    if not np.array_equal(flair_from_t1c, np.eye(4)):
        before = grey(resample(loaded.flair, Grid.of(start.t1c)).array)
        rows.insert(0, head.planes(two_colours(t1c, before)))
        title = "T1c cyan, FLAIR orange; above as scanned, below registered: borders must coincide"
    found = [Plate("registration", title, rows)]
    outline = [(end.brain, BRAIN)]
    found.append(Plate("brain", "Brain mask on T1c and FLAIR", [head.planes(image, outline) for image in (t1c, flair)]))
    if end.fields:
        fields = [brain.planes(grey(field, _FIELD_WINDOW) * end.brain) for field in end.fields]
        title = f"Bias field of T1c and FLAIR, {_FIELD_WINDOW[0]} black to {_FIELD_WINDOW[1]} white: smooth, no anatomy"
        found.append(Plate("bias_field", title, fields))
    outlines = [] if end.tumour is None else [(end.tumour, TUMOUR)]
    shown = [brain.planes(grey(image, _Z_WINDOW) * end.brain, outlines) for image in scores]
    title = f"Prepared T1c and FLAIR, z from {_Z_WINDOW[0]} to {_Z_WINDOW[1]}" + (", tumour" if outlines else "")
    found.append(Plate("prepared", title, shown))
    return found


def save(plates: Sequence[Plate], exam: str, warnings: Sequence[str], folder: Path) -> None:
    """Each plate, and the sheet of all."""
    for plate in plates:
        save_plate(plate, folder / f"{plate.name}.png")
    save_sheet(plates, exam, warnings, folder / _SHEET)
