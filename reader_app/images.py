"""An exam's layers and both segmentations on one grid, ready to show.

Of the segmentations nothing is derived but the start voxel, and that from both together, so that neither side
chooses what is seen first. Windows and the head's box come from the images alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reader_app.layout import Voxel
from reader_app.session.model import Side
from reader_app.window import Window, head_mask, presets_of
from segmentation.errors import StudyError
from segmentation.volumes import Letters, Volume, axis_letters, check_same_grid, load_bytes, reorient

_AGAIN = "Ask the study's coordinator for the package again; you can go on with the other exams."
_NOISE_SHARE = 0.002  # a plane of the image with fewer head voxels than this is beyond the head


class ImageSource(Protocol):
    """Where an exam's files come from, checked; `session.package.Package` is one."""

    def read_image(self, reading_id: str, name: str) -> bytes: ...


@dataclass(frozen=True, eq=False)
class ExamImages:
    """One reading's images, with axes to the patient's left, back and head as nearly as the grid allows."""

    reading_id: str
    layers: dict[str, Volume]
    masks: dict[Side, Volume]  # 0 and 1, uint8
    letters: tuple[Letters, Letters, Letters]  # per voxel axis, at its first and its last voxel
    presets: Mapping[str, Mapping[str, Window]]  # per layer, by name
    start_vox: Voxel
    head_box: tuple[Voxel, Voxel]  # first and last voxel

    @property
    def layer_names(self) -> tuple[str, ...]:
        return tuple(self.layers)

    @property
    def shape(self) -> Voxel:
        return self._grid.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        return self._grid.spacing_mm

    @property
    def windows(self) -> dict[str, Window]:
        """Each layer's window as the exam opens."""
        return {layer: presets["auto"] for layer, presets in self.presets.items()}

    @property
    def byte_count(self) -> int:
        """Memory held by the voxels."""
        return sum(volume.array.nbytes for volume in (*self.layers.values(), *self.masks.values()))

    @property
    def _grid(self) -> Volume:
        return next(iter(self.layers.values()))

    def position_mm(self, vox: Voxel) -> tuple[float, float, float]:
        """A voxel's centre in the patient: to the left, the back and the head of the scanner's origin."""
        x, y, z = (self._grid.world_from_voxel @ [*vox, 1.0])[:3]
        return -float(x), -float(y), float(z)

    def intensity(self, layer: str, vox: Voxel) -> float:
        return float(self.layers[layer].array[vox])


def load_exam(package: ImageSource, reading_id: str, layers: tuple[str, ...]) -> ExamImages:
    """Read and check a reading's images.

    Raises StudyError, naming the file, for one that is damaged, lies on another grid, or is no segmentation.
    """
    files = {name: f"{reading_id}_{name}.nii.gz" for name in (*layers, *Side)}
    volumes = {name: load_bytes(package.read_image(reading_id, name), file) for name, file in files.items()}
    for name, file in files.items():
        check_same_grid(volumes[layers[0]], volumes[name], files[layers[0]], file)
    masks = {side: _as_mask(volumes[side], files[side]) for side in Side}
    return exam_of(reading_id, {layer: volumes[layer] for layer in layers}, masks)


def exam_of(reading_id: str, layers: dict[str, Volume], masks: dict[Side, Volume]) -> ExamImages:
    """An exam from volumes that are on one grid already."""
    layers = {name: reorient(_lean(volume), "LPS") for name, volume in layers.items()}
    masks = {side: reorient(volume, "LPS") for side, volume in masks.items()}
    first = next(iter(layers.values()))
    head = head_mask(first.array)
    return ExamImages(
        reading_id=reading_id,
        layers=layers,
        masks=masks,
        letters=axis_letters(first.world_from_voxel),
        presets={name: presets_of(volume.array) for name, volume in layers.items()},
        start_vox=_start_vox([masks[side].array for side in Side]),
        head_box=_head_box(head),
    )


def _as_mask(volume: Volume, name: str) -> Volume:
    mask = volume.array.astype(np.uint8, copy=False)
    if mask.max() > 1 or not np.array_equal(mask, volume.array):
        raise StudyError("The segmentation has values other than 0 and 1.", file=name, remedy=_AGAIN)
    return Volume(mask, volume.world_from_voxel)


def _lean(volume: Volume) -> Volume:
    """Whole numbers as int16, which takes half the memory of float32 and loses nothing."""
    array = volume.array
    if array.dtype.kind != "f" or array.min() < -32768 or array.max() > 32767:
        return volume
    whole = array.astype(np.int16)
    return Volume(whole, volume.world_from_voxel) if np.array_equal(whole, array) else volume


def _start_vox(masks: list[npt.NDArray]) -> Voxel:
    """Along each axis the slice in which both masks together are largest; the image's middle if there is nothing."""
    union = np.logical_or.reduce(masks)
    if not union.any():
        i, j, k = (n // 2 for n in union.shape)
    else:
        areas = (np.count_nonzero(union, axis=others) for others in ((1, 2), (0, 2), (0, 1)))
        i, j, k = (int(area.argmax()) for area in areas)
    return i, j, k


def _head_box(head: npt.NDArray[np.bool_]) -> tuple[Voxel, Voxel]:
    """First and last voxel of the head; the whole image if there is none."""
    box = []
    for axis in range(3):
        counts = np.count_nonzero(head, axis=tuple(a for a in range(3) if a != axis))
        planes = np.flatnonzero(counts > _NOISE_SHARE * head.size / head.shape[axis])
        box.append((int(planes[0]), int(planes[-1])) if planes.size else (0, head.shape[axis] - 1))
    (i0, i1), (j0, j1), (k0, k1) = box
    return (i0, j0, k0), (i1, j1, k1)
