"""What is planned: a balanced split plot, the difference it is to find, and the test that decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from segmentation.errors import StudyError

MOST = 1000  # groups, readers in each, exams in each
MOST_POINTS = 1000  # no scale of scores is wider
WANTED = 0.8  # power, as is usual


class Goal(StrEnum):
    """What the study is to show of the second arm."""

    SUPERIORITY = "superiority"  # the arms differ; two-sided at alpha
    NON_INFERIORITY = "non-inferiority"  # it is less than a margin worse; one-sided at alpha / 2
    EQUIVALENCE = "equivalence"  # it is less than a margin better or worse; both one-sided tests at alpha (TOST)


@dataclass(frozen=True)
class Plan:
    """Each group's readers all read the group's own exams; one group is the fully crossed study.

    `delta` is the true difference to plan for, second arm minus first, in points; `margin`, too, for the two goals
    that have one. The defaults are the paper's study: 5 groups × 4 readers × 20 exams, a difference of 0.34.
    """

    groups: int = 5
    readers_per_group: int = 4
    exams_per_group: int = 20
    delta: float = 0.34
    goal: Goal = Goal.SUPERIORITY
    margin: float | None = None
    alpha: float = 0.05

    @property
    def readers(self) -> int:
        return self.groups * self.readers_per_group

    @property
    def exams(self) -> int:
        return self.groups * self.exams_per_group

    @property
    def readings(self) -> int:
        return self.readers * self.exams_per_group

    def check(self) -> None:
        """Raises StudyError for a plan whose power means nothing."""
        self._check_sizes()
        if not 0 < self.alpha < 0.5:
            raise StudyError(f"An alpha of {self.alpha:g} is no error rate.", remedy="Take 0.05, as is usual.")
        if not (isfinite(self.delta) and isfinite(self.margin or 0)):
            what = "The true difference, or the margin, is no number."
            raise StudyError(what, remedy="Give it in points of the scale, such as 0.5.")
        if max(abs(self.delta), self.margin or 0) > MOST_POINTS:
            what = f"A difference of {max(abs(self.delta), self.margin or 0):g} points is on no scale."
            raise StudyError(what, remedy=f"Give at most {MOST_POINTS} points; most scales have 10 or 100.")
        if self.goal is Goal.SUPERIORITY:
            self._check_difference()
        else:
            self._check_margin()

    def _check_sizes(self) -> None:
        sizes = (("groups", self.groups), ("readers in each group", self.readers_per_group),
                 ("exams in each group", self.exams_per_group))  # fmt: skip
        for words, size in sizes:
            if not 1 <= size <= MOST:
                raise StudyError(f"{size} {words} can't be planned.", remedy=f"Give a number from 1 to {MOST}.")
        for words, size in (("reader", self.readers), ("exam", self.exams)):
            if size < 2:
                what = f"With one {words} nothing can be said about other {words}s."
                raise StudyError(what, remedy=f"Plan two {words}s or more.")

    def _check_difference(self) -> None:
        if self.margin is not None:
            remedy = "Leave the margin out, or choose non-inferiority or equivalence."
            raise StudyError("Superiority has no margin.", remedy=remedy)
        if self.delta == 0:
            what = "With a true difference of 0 there is nothing to find."
            remedy = "Give the smallest difference that would matter, or choose non-inferiority or equivalence."
            raise StudyError(what, remedy=remedy)

    def _check_margin(self) -> None:
        if self.margin is None or not (isfinite(self.margin) and self.margin > 0):
            remedy = "Give the largest difference that would not matter, in points, such as 0.5."
            raise StudyError(f"For {self.goal.value} the margin must be above 0.", remedy=remedy)
        is_outside = self.delta <= -self.margin or (self.goal is Goal.EQUIVALENCE and self.delta >= self.margin)
        if is_outside:
            what = f"A true difference of {self.delta:g} points is not within the margin of {self.margin:g} points."
            raise StudyError(f"{what} There is no {self.goal.value} to show.",
                             remedy="Give a smaller difference (usually 0) or a larger margin.")  # fmt: skip


def plan_like(sizes: Sequence[tuple[int, int]], alpha: float, margin: float | None) -> Plan:
    """The plan of a design: (readers, exams) of each group, evened out to whole means; a margin makes it one of
    non-inferiority."""
    readers, exams = (max(round(sum(each) / len(sizes)), 1) for each in zip(*sizes, strict=True))
    if margin is None:
        return Plan(len(sizes), readers, exams, alpha=alpha)
    return Plan(len(sizes), readers, exams, 0.0, Goal.NON_INFERIORITY, margin, alpha)
