"""What a statistic can come out as: a number with its interval, or a sentence that says why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate between its two limits, 95 % unless the field that holds it says otherwise."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class NotEstimable:
    """In place of a number that the data cannot give; `because` reads on after "not estimable, because"."""

    because: str

    def __str__(self) -> str:
        return f"not estimable, because {self.because}"
