"""Segments for each training step: which exam, which voxel, how varied; cut by as many processes as one likes.

Everything drawn for a step follows from the seed and the step's number. So the segments are the same whoever cuts
them, and a training that goes on after an interruption needs no memory of the random numbers before.
"""

import multiprocessing
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from segmentation import cohort, tiles
from segmentation.errors import StudyError
from segmentation.network import NetworkConfig
from segmentation.training import augmentation
from segmentation.training.cases import CLASSES, Case
from segmentation.training.recipes import Recipe, Sampling

_AHEAD = 3  # batches each process has in work or ready
_PLAN, _SEGMENT = 1, 2  # so that no two draws start from one seed


@dataclass(frozen=True)
class Batch:
    """Inputs of the network, each (batch, channel, x, y, z), and labels (batch, x, y, z) of the middle."""

    inputs: list[npt.NDArray[np.float32]]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Segments:
    """All segments of one network's training."""

    cases: tuple[Case, ...]
    recipe: Recipe
    config: NetworkConfig
    seed: tuple[int, ...]

    @property
    def output(self) -> int:
        """Edge of the part that is classified."""
        return self.recipe.sampling.segment_vox - 2 * self.config.margin

    def batch(self, step: int) -> Batch:
        """What optimiser step `step`, counted from 0, is to see."""
        epoch, within = divmod(step, self.recipe.schedule.steps_per_epoch)
        part, first, steps = _part_of_epoch(self.recipe, within)
        size = self.recipe.sampling.batch
        plan = self._plan((epoch, part), steps * size)
        begin = (within - first) * size
        segments = [
            self._segment(int(case), int(kind), (step, n)) for n, (case, kind) in enumerate(plan[begin : begin + size])
        ]
        inputs = [np.stack(images) for images in zip(*(images for images, _ in segments), strict=True)]
        return Batch(inputs, np.stack([labels for _, labels in segments]))

    def _plan(self, part: tuple[int, int], count: int) -> npt.NDArray[np.int64]:
        counts = tuple(case.centres for case in self.cases)
        return _plan(counts, self.recipe.sampling, count, (*self.seed, _PLAN, *part))

    def _segment(self, case: int, kind: int, key: tuple[int, int]) -> tuple[list[npt.NDArray], npt.NDArray]:
        exam, edge = self._opened[case], self.output
        rng = np.random.default_rng([*self.seed, _SEGMENT, *key])
        variation = augmentation.draw(self.recipe.augmentation, len(exam.images), rng)
        centres = exam.centres[kind]
        centre = np.unravel_index(int(centres[rng.integers(len(centres))]), exam.labels.shape)
        x, y, z = (int(c) - (edge - 1) // 2 for c in centre)
        images, labels = exam.images, exam.labels
        if variation.is_mirrored:
            images, labels, x = images[:, ::-1], labels[::-1], labels.shape[0] - edge - x
        inputs = tiles.cut(images, (x, y, z), (edge, edge, edge), self.config, exam.fill)
        return augmentation.recolour(inputs, variation), labels[x : x + edge, y : y + edge, z : z + edge]

    @cached_property
    def _opened(self) -> list["_Opened"]:
        return [_open(case) for case in self.cases]

    def __getstate__(self) -> dict:
        """Without the opened files, which every process opens for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_opened"}


@dataclass(frozen=True)
class _Opened:
    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    centres: tuple[npt.NDArray[np.int32], ...]
    fill: npt.NDArray[np.float32]


def _open(case: Case) -> _Opened:
    images = case.images()
    centres = tuple(case.centres_of(kind) for kind in range(CLASSES))
    return _Opened(images, case.labels(), centres, tiles.fill_of(images))


def _part_of_epoch(recipe: Recipe, step: int) -> tuple[int, int, int]:
    """Of a step of an epoch: which subepoch it is in, and that one's first step and length; they are nearly equal."""
    steps, parts = recipe.schedule.steps_per_epoch, min(recipe.sampling.subepochs, recipe.schedule.steps_per_epoch)
    part = ((step + 1) * parts - 1) // steps
    first, end = part * steps // parts, (part + 1) * steps // parts
    return part, first, end - first


@lru_cache(maxsize=4)
def _plan(
    counts: tuple[tuple[int, ...], ...], rules: Sampling, count: int, seed: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Exam and class of each segment of a subepoch, shuffled: (count, 2).

    Exams are drawn without replacement and share the segments equally; so do the classes of an exam by
    `tumour_share`. What does not divide goes to some at random; a class an exam lacks leaves its share to the other.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(counts))[: rules.exams]
    shares = _divide(count, np.full(len(chosen), 1 / len(chosen)), rng)
    rows = []
    for case, share in zip(chosen, shares, strict=True):
        weights = np.array([1 - rules.tumour_share, rules.tumour_share]) * (np.array(counts[case]) > 0)
        if not weights.sum():
            weights = np.array(counts[case]) > 0
        for kind, n in enumerate(_divide(int(share), weights / weights.sum(), rng)):
            rows += [(int(case), kind)] * int(n)
    return rng.permutation(np.array(rows, np.int64).reshape(-1, 2))


def _divide(count: int, shares: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Whole numbers that sum to `count`, each its share rounded down or up; who is rounded up is drawn."""
    exact = shares * count
    whole = np.floor(exact + 1e-9).astype(np.int64)
    left, rest = count - int(whole.sum()), np.clip(exact - whole, 0, None)
    if left:
        whole[rng.choice(len(shares), left, replace=False, p=rest / rest.sum())] += 1
    return whole


def batches(segments: Segments, start: int, stop: int, workers: int) -> Generator[Batch, None, None]:
    """Batches of the steps from `start` up to `stop`, in order; cut here, or ahead of time by so many processes.

    To be closed by whoever stops early, which ends the processes.
    """
    if not workers:
        yield from (segments.batch(step) for step in range(start, stop))
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin, (segments,))
    waiting: deque[Future[Batch]] = deque()
    todo = iter(range(start, stop))
    try:
        for _, step in zip(range(workers * _AHEAD), todo, strict=False):
            waiting.append(pool.submit(_cut, step))
        while waiting:
            batch = waiting.popleft().result()
            if (step := next(todo, -1)) >= 0:
                waiting.append(pool.submit(_cut, step))
            yield batch
    except BrokenProcessPool as error:
        what = "A process that cuts segments was ended from outside, most often because the memory ran out."
        raise StudyError(
            what, remedy="Try again with fewer --workers; the training goes on from its last epoch."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_segments: Segments  # of a worker process


def _begin(segments: Segments) -> None:
    global _segments
    _segments = segments
    cohort.obey_parent()


def _cut(step: int) -> Batch:
    return _segments.batch(step)
