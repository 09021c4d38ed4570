"""One network's training, from its first weights or its last checkpoint to its last step.

Nothing but the seed and the step decides what happens in a step: an interrupted training that goes on ends with the
very weights of one that was not interrupted, bit for bit on a CPU with the same number of threads.
"""

import contextlib
import hashlib
import math
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segmentation.errors import StudyError
from segmentation.network import CONFIGS, DeepMedic
from segmentation.training import loss as losses
from segmentation.training import sampling, schedule
from segmentation.training.cases import Case
from segmentation.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from segmentation.training.logbook import Logbook, means
from segmentation.training.optimiser import RMSProp
from segmentation.training.recipes import Recipe, as_dict
from segmentation.weights import load_weights, read_description, save_weights

_WEIGHTS, _DROPOUT = 3, 4  # beside sampling's, so that no two draws start from one seed
_VALIDATION_EPOCHS = 5  # DeepMedic default
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
LEARNED = "flair_sha256"  # in the provenance: checksums of the FLAIR voxels of all exams it learned from
_LAYOUT = torch.channels_last_3d  # half the time of torch's usual one in the convolutions of a CPU


@dataclass(frozen=True)
class Plan:
    """One network to train: number 0 tunes the recipe, members of the ensemble count from 1."""

    number: int
    folder: Path
    recipe: Recipe
    cases: tuple[Case, ...]
    validation: tuple[Case, ...] = ()
    workers: int = 0
    device: str = "cpu"
    start: Path | None = None  # weights to start from; None: drawn at random

    @property
    def name(self) -> str:
        """As its folder is called."""
        return self.folder.name

    @property
    def seed(self) -> tuple[int, ...]:
        """Where all its random numbers come from."""
        return (self.recipe.members.seed, self.number)

    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be gone on with."""
        recipe = as_dict(self.recipe)
        recipe["members"].pop("count")  # another member more changes none of the others
        return {
            "number": self.number,
            "recipe": recipe,
            "exams": {case.name: case.checksum for case in self.cases},
            "device": self.device,
            "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
        }


class Stopped(KeyboardInterrupt):
    """Ctrl-C, or the end of the process from outside, after the state has been saved."""


class Trainer:
    """Network, optimiser and what a step does to them."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.recipe = plan, plan.recipe
        self.device = torch.device(plan.device)
        generator = torch.Generator().manual_seed(_derived(plan.seed, _WEIGHTS))
        net = DeepMedic(CONFIGS[plan.recipe.network.configuration], generator)
        if plan.start is not None:
            net.load_state_dict(load_weights(plan.start).state_dict())
        self.net = net.to(self.device).train()
        self.optimiser = _optimiser(self.net, plan.recipe)
        self.segments = sampling.Segments(plan.cases, plan.recipe, self.net.config, plan.seed)

    def step(self, number: int, batch: sampling.Batch) -> Tensor:
        """One optimiser step; gives loss, and voxels in both, predicted and true, for the Dice of what was seen."""
        torch.manual_seed(_derived(self.plan.seed, _DROPOUT, number))
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.learning_rate(self.recipe, number)
        inputs = [torch.from_numpy(image).to(self.device, memory_format=_LAYOUT) for image in batch.inputs]
        labels = torch.from_numpy(batch.labels).to(self.device)
        is_short = self.recipe.members.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_short):
            logits = self.net(*inputs)
        cost = losses.cross_entropy(logits, labels)
        rules, total = self.recipe.loss, cost
        if rules.dice:
            total = total + rules.dice * losses.soft_dice_loss(logits, labels)
        if rules.l1 or rules.l2:
            total = total + losses.penalty(self.net, rules.l1, rules.l2)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.optimiser.step()
        return _tally(cost, logits, labels)


def _derived(seed: tuple[int, ...], *more: int) -> int:
    return int(np.random.SeedSequence((*seed, *more)).generate_state(1, np.uint64)[0] >> 1)


def _optimiser(net: DeepMedic, recipe: Recipe) -> torch.optim.Optimizer:
    rules = recipe.optimiser
    if rules.kind == "adamw":
        return torch.optim.AdamW(net.parameters(), rules.learning_rate, weight_decay=rules.weight_decay)
    return RMSProp(
        net.parameters(),
        rules.learning_rate,
        decay=rules.decay,
        momentum=rules.momentum,
        epsilon=rules.epsilon,
        is_normalised=rules.is_momentum_normalised,
    )


@torch.no_grad()
def _tally(cost: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    predicted, true = logits.argmax(1) > 0, labels > 0
    counts = [(predicted & true).sum(), predicted.sum(), true.sum(), torch.ones((), device=cost.device)]
    return torch.stack([cost.detach().double(), *(count.double() for count in counts)])


def fit(plan: Plan, *, is_alone: bool = True, measure: Callable[[DeepMedic, Plan], float] | None = None) -> Path:
    """Train the network of a plan to its end and write its weights; gives their path.

    Goes on from the checkpoint in the plan's folder; does nothing if the weights are there. `measure` is asked for the
    validation Dice every fifth epoch (DeepMedic default) and after the last. Raises Stopped once the state is saved.
    """
    weights = plan.folder / WEIGHTS
    if weights.exists():
        return weights
    plan.folder.mkdir(parents=True, exist_ok=True)
    be_reproducible(plan.recipe.members.threads)
    trainer = Trainer(plan)
    checkpoint = plan.folder / CHECKPOINT
    identity = plan.identity()
    progress = Progress()
    if checkpoint.exists():
        progress = load_checkpoint(checkpoint, trainer.net, trainer.optimiser, identity)
    with _stop_request() as stop, Logbook(plan.folder, plan.recipe, progress, is_alone) as logbook:
        for _ in _steps(trainer, progress, stop, logbook):
            _end_epoch(trainer, progress, measure)
            save_checkpoint(checkpoint, trainer.net, trainer.optimiser, progress, identity)
            logbook.epoch(progress)
        if stop.is_set() and progress.step < plan.recipe.steps:
            save_checkpoint(checkpoint, trainer.net, trainer.optimiser, progress, identity)
            raise Stopped
    save_weights(weights, trainer.net.eval(), _provenance(plan, progress))
    return weights


def _steps(trainer: Trainer, progress: Progress, stop: threading.Event, logbook: Logbook) -> Iterator[None]:
    """Run the steps that are left; yields at each epoch's end, and ends early if it is asked to stop."""
    recipe, begun = trainer.recipe, time.monotonic() - progress.elapsed_s
    sums = torch.tensor(progress.sums or [0.0] * 5, dtype=torch.float64, device=trainer.device)
    cut = sampling.batches(trainer.segments, progress.step, recipe.steps, trainer.plan.workers)
    with contextlib.closing(cut):
        for batch in cut:
            sums += trainer.step(progress.step, batch)
            progress.step += 1
            progress.elapsed_s = time.monotonic() - begun
            logbook.step(sums)
            is_end = progress.step % recipe.schedule.steps_per_epoch == 0
            if is_end or stop.is_set():
                progress.sums = sums.tolist()
            if is_end:
                yield
                sums.zero_()
            if stop.is_set():
                return


def _end_epoch(trainer: Trainer, progress: Progress, measure: Callable[[DeepMedic, Plan], float] | None) -> None:
    """Close the running epoch: its row in the history."""
    plan, recipe = trainer.plan, trainer.recipe
    if not math.isfinite(sum(progress.sums)):
        what = f"The training of {plan.name} has left all bounds: its loss is no number any more."
        raise StudyError(
            what, file=plan.folder, remedy="Lower optimiser.learning_rate in the recipe; use a new folder."
        )
    done = progress.step // recipe.schedule.steps_per_epoch
    row = {
        "epoch": done,
        "step": progress.step,
        "learning_rate": schedule.learning_rate(recipe, progress.step - 1),
        **means(progress.sums),
        "validation_dice": None,
        "minutes": round(progress.elapsed_s / 60, 2),
    }
    if measure and plan.validation and (done % _VALIDATION_EPOCHS == 0 or progress.step == recipe.steps):
        row["validation_dice"] = measure(trainer.net.eval(), plan)
        trainer.net.train()
    progress.history.append(row)
    progress.sums = []


def be_reproducible(threads: int) -> None:
    """As many threads as the recipe says: sums of another partition are rounded otherwise."""
    torch.set_num_threads(max(1, threads))
    torch.backends.cudnn.benchmark = False


@contextlib.contextmanager
def _stop_request() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, and the end of the process by its parent; a second Ctrl-C stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _provenance(plan: Plan, progress: Progress) -> dict[str, Any]:
    last = {name: progress.history[-1][name] for name in ("loss", "dice", "validation_dice", "minutes")}
    identity = plan.identity()
    seen = {case.fingerprints["flair"] for case in plan.cases}  # so that none is taken for a test later on
    if plan.start is not None:
        seen |= learned_images([plan.start])
    said = {**summary_of(plan), **identity, "exams": len(plan.cases), LEARNED: sorted(seen)}
    return {**said, "steps": progress.step, "last_epoch": last}


def learned_images(weights: Iterable[Path]) -> set[str]:
    """Checksums of the FLAIR voxels of all exams these networks learned from, and those they started from."""
    return {image for path in weights for image in read_description(path)["provenance"].get(LEARNED, ())}


def summary_of(plan: Plan) -> dict[str, Any]:
    """What a network is made for, without the names of exams, so that weights can be passed on."""
    return {
        "channels": ["flair", "t1c"],
        "spacing_mm": list(plan.cases[0].spacing_mm),
        "exams": len(plan.cases),
        "exams_sha256": hashlib.sha256("".join(sorted(case.checksum for case in plan.cases)).encode()).hexdigest(),
    }
