"""Window and level: which grey values of a layer become black and white. Numbers come from the image alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PRESETS = ("auto", "narrow", "wide", "full range")
_LARGEST = 1e9
_LOW_PERCENT, _HIGH_PERCENT = 1.0, 99.5
_MOST_SAMPLES = 2_000_000  # percentiles of every n-th voxel differ by less than a grey level


@dataclass(frozen=True)
class Window:
    """Values up to level - width/2 are black, from level + width/2 on white."""

    level: float
    width: float

    @property
    def lower(self) -> float:
        return self.level - self.width / 2

    @property
    def upper(self) -> float:
        return self.level + self.width / 2

    @property
    def is_valid(self) -> bool:
        """Whether float32 can show it."""
        return abs(self.level) <= _LARGEST and 1 / _LARGEST <= self.width <= _LARGEST

    @staticmethod
    def between(lower: float, upper: float) -> "Window":
        """The window from black to white; a width of 1 where an image has one value only."""
        return Window((lower + upper) / 2, upper - lower if upper > lower else 1.0)


def head_mask(array: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Which voxels are not air: all but the constant around a stripped head, else those above Otsu's threshold."""
    return _is_head(array, _air_value(array))


def presets_of(array: npt.NDArray) -> dict[str, Window]:
    """The windows a layer offers, by name: auto is the 1st to the 99.5th percentile inside the head."""
    sample = _sampled(array)
    head = sample[_is_head(sample, _air_value(array))]
    lower, upper = np.percentile(head if head.size else sample, (_LOW_PERCENT, _HIGH_PERCENT))
    auto = Window.between(float(lower), float(upper))
    return {
        "auto": auto,
        "narrow": Window(auto.level, auto.width * 0.5),
        "wide": Window(auto.level, auto.width * 1.75),
        "full range": Window.between(float(array.min()), float(array.max())),
    }


def _air_value(array: npt.NDArray) -> float | None:
    """The one value that most of the image's border has; None where the air is noisy."""
    faces = (array[0], array[-1], array[:, 0], array[:, -1])
    values, counts = np.unique(np.concatenate([face.ravel() for face in faces]), return_counts=True)
    commonest = counts.argmax()
    return float(values[commonest]) if counts[commonest] > counts.sum() / 2 else None


def _is_head(values: npt.NDArray, air: float | None) -> npt.NDArray[np.bool_]:
    return values > _otsu(_sampled(values)) if air is None else values != air


def _sampled(array: npt.NDArray) -> npt.NDArray:
    flat = array.ravel(order="K")
    return flat[:: max(1, flat.size // _MOST_SAMPLES)]


def _otsu(sample: npt.NDArray) -> float:
    """The threshold that parts a histogram into the two groups that differ most (Otsu 1979)."""
    counts, edges = np.histogram(sample, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centres).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[np.nan_to_num(between).argmax()])
