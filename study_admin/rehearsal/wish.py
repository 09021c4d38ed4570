"""What is to be rehearsed, as it was asked for; a rehearsal that is interrupted goes on only for the same wish."""

from dataclasses import asdict, dataclass, field
from typing import Any

from segmentation.errors import StudyError
from study_admin.power.plan import Plan
from study_admin.rehearsal.mishaps import ALL_ACTS, Act
from study_admin.rehearsal.readers import ReaderModel

MOST_REPETITIONS = 100_000


@dataclass(frozen=True)
class Wish:
    """`study` is a study's folder or a design's file, or empty: then the three sizes count.

    `exams` is a folder of exams, or empty: then those of the study are taken, else small ones are made up.
    `reference` is a mask in each exam's folder that the readers' scores follow, by its Dice with either arm's mask.
    """

    study: str = ""
    exams: str = ""
    groups: int = 2
    readers_per_group: int = 4
    exams_per_group: int = 10
    effect: float = 0.3
    seed: int = 1
    repetitions: int = 400
    acts: tuple[Act, ...] = ALL_ACTS
    reference: str = ""
    readers: ReaderModel = field(default_factory=ReaderModel)

    def check(self) -> None:
        """Raises StudyError for what can't be rehearsed, before anything is written."""
        if not self.study:
            Plan(self.groups, self.readers_per_group, self.exams_per_group).check()
        if self.seed < 0:
            raise StudyError(f"A seed of {self.seed} is none.", remedy="Give a whole number from 0 on: --seed 1.")
        if not 0 <= self.repetitions <= MOST_REPETITIONS:
            remedy = f"Give a number from 0 to {MOST_REPETITIONS}; 400 tell the power to about 2.5 points per cent."
            raise StudyError(f"{self.repetitions} repetitions can't be made.", remedy=remedy)
        self.readers.check()

    def identity(self) -> dict[str, Any]:
        """What has to be the same for a rehearsal to go on; repetitions may be added."""
        return {name: value for name, value in asdict(self).items() if name != "repetitions"}
