"""Several technicians' masks to one, and the compartments of a tumour to the whole (Mitchell et al. 2020, 2.1)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError

Mask = npt.NDArray[np.bool_]


def consensus(masks: Sequence[Mask]) -> Mask:
    """What the technicians agree on: of two, the intersection; of three or more, the voxels of more than half.

    Two of four are no majority. One mask is its own consensus. Raises StudyError if the shapes differ.

    >>> consensus([np.array([1, 1, 0], bool), np.array([1, 1, 1], bool), np.array([1, 0, 0], bool)])
    array([ True,  True, False])
    """
    _check_shapes(masks)
    if len(masks) == 1:
        return masks[0].copy(order="K")
    votes = np.zeros_like(masks[0], np.uint16)  # in the masks' own order in memory, which is far faster
    for mask in masks:
        votes += mask
    return votes == 2 if len(masks) == 2 else votes * 2 > len(masks)


def whole_tumour(compartments: Sequence[Mask]) -> Mask:
    """The union of the compartments. Raises StudyError if the shapes differ.

    >>> whole_tumour([np.array([1, 0, 0], bool), np.array([0, 0, 1], bool)])
    array([ True, False,  True])
    """
    _check_shapes(compartments)
    whole = np.zeros_like(compartments[0])
    for compartment in compartments:
        whole |= compartment
    return whole


def _check_shapes(masks: Sequence[Mask]) -> None:
    if not masks:
        raise ValueError("No mask at all")
    if any(mask.dtype != np.bool_ for mask in masks):
        raise ValueError("A mask is True and False")
    shapes = {mask.shape for mask in masks}
    if len(shapes) > 1:
        sizes = " and ".join("×".join(str(count) for count in shape) for shape in sorted(shapes))
        raise StudyError(f"The masks to unite have different sizes ({sizes}).", remedy="Save them on one grid.")
