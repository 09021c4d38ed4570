"""An exam between two steps: both images and all masks on the common grid."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.preprocessing.resampling import Grid
from segmentation.volumes import Volume

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class State:
    """`covered`: what the FLAIR's field of view shows; `fields`: what N4 divided T1c and FLAIR by, for the picture.

    `brain` is empty until the brain is found; `tumour` is None if the exam came without masks.
    """

    t1c: Volume
    flair: Volume
    covered: Mask
    tumour: Mask | None
    brain: Mask
    fields: tuple[npt.NDArray[np.float32], ...] = ()

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return Grid.of(self.t1c)
