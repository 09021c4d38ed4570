"""A site's own ensemble: from a folder of prepared exams to networks that answer as one.

OUT/split.json says who is sequestered, OUT/recipe.toml what is done; both are written first, and hold from then on.
Then each network has a folder: OUT/tuning, measured on the validation subjects, or OUT/member-1 and so on, trained on
training and validation subjects; OUT/ensemble.json names the members.
"""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from segmentation import cohort, metrics
from segmentation.ensemble import member_paths, weights_checksum, write_ensemble
from segmentation.errors import StudyError
from segmentation.exams import PreparedExam, read_record
from segmentation.inference.whole_brain import probabilities
from segmentation.network import CONFIGS, DeepMedic
from segmentation.training import sampling
from segmentation.training import split as splits
from segmentation.training.cases import Case, build, check_alike, fingerprints
from segmentation.training.checkpoints import differences
from segmentation.training.fitting import Plan, Trainer, be_reproducible, fit, learned_images, summary_of
from segmentation.training.recipes import Recipe, as_dict, as_toml, load_recipe, within
from segmentation.training.split import Split
from segmentation.weights import load_weights
from segmentation.whole_file import write_whole

R = TypeVar("R")
Fingerprints = Mapping[str, Mapping[str, str]]
SPLIT, RECIPE, CACHE, TUNING = "split.json", "recipe.toml", "cache", "tuning"
_MEMORY_GIB = 3.0  # of one network in training, batches of 10 on a CPU; measured: compact 1.5, default 2.9
_RESERVED = 0.03  # of the time that is given: start, checkpoints
_WARM_UP_STEPS, _TIMED_STEPS, _TIMED_S = 2, 6, 15.0
_HEADING = """\
What the networks in this folder are trained with. Written once by `segmentation train`; the same command goes on from
where it stopped, with these numbers. To change one, copy this file and give it to --recipe, with another folder."""


@dataclass(frozen=True)
class Machine:
    """With what it is trained; nothing here changes the weights, but for the device."""

    jobs: int = 1
    workers: int | None = None
    device: str | None = None

    @property
    def chosen_device(self) -> str:
        """The graphics card if there is one."""
        return self.device or ("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def chosen_workers(self) -> int:
        """On a CPU cutting takes 0.3 % of a step, so it needs no process of its own."""
        if self.workers is not None:
            return self.workers
        return 0 if self.chosen_device == "cpu" else max(1, min(8, _cores() - 1))


def train(
    exams: Sequence[PreparedExam],
    out: Path,
    recipe: Recipe,
    *,
    minutes: float | None = None,
    split: Split | None = None,
    is_tuning: bool = False,
    machine: Machine | None = None,
    start: Path | None = None,
) -> tuple[Path, ...]:
    """Train the ensemble, or with `is_tuning` the one network that is measured on the validation subjects.

    `start` is the folder of an ensemble that is trained further: member n begins with its network n.
    Gives the weights' files. `minutes` a network: turned into a number of steps by a timing run, once, and written
    into the recipe. What was begun in `out` goes on. Raises StudyError, and KeyboardInterrupt once all is saved.
    """
    machine = machine or Machine()
    earlier, recipe = starting_from(start, recipe)
    out.mkdir(parents=True, exist_ok=True)
    split = settle_split(exams, out, recipe, split)
    parts = ("training",) if is_tuning else ("training", "validation")
    chosen = split.exams(exams, *parts)
    split.refuse_test(chosen)
    validation = split.exams(exams, "validation") if is_tuning else ()
    if is_tuning and not validation:
        raise StudyError("No subject is left for validation.", remedy="Make split.validation larger, in a new folder.")
    cases, known = _lay_out([*chosen, *validation], split.exams(exams, *splits.PARTS), out, recipe)
    refuse_known_test(split.exams(exams, "test"), known, earlier)
    plan = Plan(0, out / TUNING, recipe, cases[: len(chosen)], cases[len(chosen) :], machine.chosen_workers,
                machine.chosen_device, earlier[0] if earlier else None)  # fmt: skip
    plan = replace(plan, recipe=settle_recipe(plan, out, recipe, minutes, machine.jobs))
    if is_tuning:
        return (fit(plan, measure=validation_dice),)
    plans = [
        replace(plan, number=n, folder=out / f"member-{n}", start=earlier[(n - 1) % len(earlier)] if earlier else None)
        for n in range(1, plan.recipe.members.count + 1)
    ]
    weights = _fit_all(plans, machine.jobs)
    said = {"preprocessing": _settings(chosen), "recipe": as_dict(plan.recipe)}
    write_ensemble(out, weights, {**summary_of(plan), **said})
    shutil.rmtree(out / CACHE, ignore_errors=True)
    return weights


def starting_from(start: Path | None, recipe: Recipe) -> tuple[tuple[Path, ...], Recipe]:
    """The weights of the ensemble to start from, and the recipe that names it by its checksum. Raises StudyError."""
    if start is None:
        if recipe.members.start:
            remedy = "Give its folder: --from ENSEMBLE"
            raise StudyError("By its recipe, this training starts from an earlier ensemble.", remedy=remedy)
        return (), recipe
    weights = member_paths(start)
    wanted = CONFIGS[recipe.network.configuration]
    if any(load_weights(path).config != wanted for path in weights):
        what = f"Its networks are not of the configuration {recipe.network.configuration}, which the recipe trains."
        raise StudyError(what, file=start, remedy="Choose another ensemble, or correct network.configuration.")
    checksum = weights_checksum(start)
    if recipe.members.start not in ("", checksum):
        remedy = 'Give the one it was written for, or set start = "" in the recipe.'
        raise StudyError("The recipe was written for another ensemble to start from.", file=start, remedy=remedy)
    return weights, replace(recipe, members=replace(recipe.members, start=checksum))


def refuse_known_test(test: Sequence[PreparedExam], known: Fingerprints, earlier: Sequence[Path]) -> None:
    """Raise StudyError if an earlier network has learned from a test exam, known by the voxels of its FLAIR."""
    learned = learned_images(earlier)
    if seen := [exam.name for exam in test if known[exam.name]["flair"] in learned]:
        what = f"The ensemble to start from was trained on exams that are to be the test: {', '.join(seen)}."
        raise StudyError(what, remedy="Start from another ensemble, or sequester other subjects (--split).")


def settle_split(exams: Sequence[PreparedExam], out: Path, recipe: Recipe, given: Split | None) -> Split:
    """The folder's division of subjects: the one it has, else the one given, else a draw; on disk from now on."""
    path = out / SPLIT
    if path.exists():
        found = splits.read_split(path)
        if given is not None and given != found:
            remedy = "Leave the option out, or train into a new folder."
            raise StudyError("The subjects of this folder are divided otherwise.", file=path, remedy=remedy)
        return found
    made = {"by": "a file"} if given else {"by": "a draw", **as_dict(recipe)["split"]}
    split = given or splits.divide((exam.subject for exam in exams), recipe.split)
    split.exams(exams)  # a subject that no part lists is found before anything is written
    write_whole(path, splits.as_json(split, made))
    return split


def settle_recipe(plan: Plan, out: Path, asked: Recipe, minutes: float | None, jobs: int) -> Recipe:
    """The folder's recipe: the one it has, if it is the one asked for, else that with what was left open decided."""
    path = out / RECIPE
    if path.exists():
        return _settled_before(path, asked, minutes)
    precision = asked.members.precision
    if precision == "chosen":
        precision = "bfloat16" if has_bfloat16(plan.device) else "float32"
    threads = asked.members.threads or max(1, _cores() // jobs)
    settled = replace(asked, members=replace(asked.members, threads=threads, precision=precision))
    note = ""
    if minutes is not None:
        settled = within(settled, _affordable_steps(replace(plan, recipe=settled), minutes, jobs))
        note = (
            f"\nThe steps of an epoch are what fits into {minutes:g} minutes a network, by a timing run at the start."
        )
    write_whole(path, as_toml(settled, _HEADING + note).encode())
    return settled


def _settled_before(path: Path, asked: Recipe, minutes: float | None) -> Recipe:
    """The recipe on the disk; raises StudyError if what is asked for now contradicts it. Only members may be added."""
    found = load_recipe(path)
    members = replace(
        asked.members,
        threads=asked.members.threads or found.members.threads,
        precision=found.members.precision if asked.members.precision == "chosen" else asked.members.precision,
    )
    asked = replace(asked, members=members)
    if minutes is not None:
        per_epoch = found.schedule.steps_per_epoch
        asked = replace(asked, schedule=replace(asked.schedule, steps_per_epoch=per_epoch))
        print(f"{path} decides: {found.steps} steps a network, as begun.", file=sys.stderr)
    same_count = replace(found, members=replace(found.members, count=members.count))
    if differing := differences(as_dict(same_count), as_dict(asked)):
        remedy = "Leave the options as they were, or train into a new folder."
        raise StudyError(f"This folder was begun with another recipe: {differing}.", file=path, remedy=remedy)
    if same_count != found:
        write_whole(path, as_toml(same_count, _HEADING).encode())
    return same_count


def has_bfloat16(device: str) -> bool:
    """Whether the hardware itself multiplies bfloat16; emulated, it is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _affordable_steps(plan: Plan, minutes: float, jobs: int) -> int:
    """Steps that fit into the time, found by taking some; with several jobs, all of them at once, as later."""
    if minutes <= 0:
        raise StudyError("The time must be more than 0 minutes.", remedy="Try --minutes 30.")
    print(f"Timing some steps to see what fits into {minutes:g} minutes …", file=sys.stderr)
    if jobs == 1:
        seconds = [seconds_per_step(plan)]
    else:
        plans = [replace(plan, number=n, folder=plan.folder.with_name(f"timing-{n}")) for n in range(1, jobs + 1)]
        seconds = list(cohort.results(_run(seconds_per_step, plans, jobs, "timed")))
    steps = max(1, int(minutes * 60 * (1 - _RESERVED) / max(seconds)))
    print(f"{max(seconds):.2f} s a step: {steps} steps.", file=sys.stderr)
    return steps


def seconds_per_step(plan: Plan) -> float:
    """Wall time of a training step on this machine as it is now, cutting included."""
    be_reproducible(plan.recipe.members.threads)
    trainer, taken = Trainer(plan), []
    begun = time.monotonic()
    with contextlib.closing(sampling.batches(trainer.segments, 0, plan.recipe.steps, plan.workers)) as batches:
        for number, batch in enumerate(batches):
            before = time.monotonic()
            trainer.step(number, batch).tolist()
            taken.append(time.monotonic() - before)
            if number >= _WARM_UP_STEPS + _TIMED_STEPS and time.monotonic() - begun > _TIMED_S:
                break
    return float(np.mean(taken[_WARM_UP_STEPS:] or taken))


def _settings(exams: Sequence[PreparedExam]) -> list[dict]:
    """With which settings the exams were prepared, each once: what is predicted should be prepared alike."""
    distinct: list[dict] = []
    for exam in exams:
        settings = read_record(exam.folder).get("settings", {})
        if settings not in distinct:
            distinct.append(settings)
    return distinct


def _run(task: Callable[[Plan], R], plans: Sequence[Plan], jobs: int, label: str) -> tuple[cohort.Outcome[R], ...]:
    threads = plans[0].recipe.members.threads
    return cohort.run_each(task, plans, jobs=jobs, label=label, memory_gib=_MEMORY_GIB, threads=threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _lay_out(
    exams: Sequence[PreparedExam], everybody: Sequence[PreparedExam], out: Path, recipe: Recipe
) -> tuple[tuple[Case, ...], Fingerprints]:
    """The exams in the cache, and everybody's images' checksums. Raises StudyError if one can't be used, or if an
    image is there under two names."""
    config = CONFIGS[recipe.network.configuration]
    task = partial(
        build, cache=out / CACHE, margin=config.margin, output=recipe.sampling.segment_vox - 2 * config.margin
    )
    cases = cohort.results(cohort.run_each(task, exams, label="exams laid out", memory_gib=1.0))
    check_alike(cases)
    known = {case.name: case.fingerprints for case in cases}
    others = [exam for exam in everybody if exam.name not in known]
    if others:
        prints = cohort.results(
            cohort.run_each(fingerprints, others, label="sequestered exams compared", memory_gib=0.5)
        )
        known |= {exam.name: found for exam, found in zip(others, prints, strict=True)}
    splits.refuse_twins(everybody, known)
    return cases, known


def _fit_all(plans: Sequence[Plan], jobs: int) -> tuple[Path, ...]:
    if jobs == 1:
        return tuple(fit(plan) for plan in plans)
    return cohort.results(_run(partial(fit, is_alone=False), plans, jobs, "networks"))


def validation_dice(net: DeepMedic, plan: Plan) -> float:
    """Mean Dice of whole exams of the validation subjects, as the network stands."""
    scores = []
    for case in plan.validation:
        margin = net.config.margin
        images = case.images()[:, margin:-margin, margin:-margin, margin:-margin]
        tumour = probabilities([net], np.ascontiguousarray(images), case.brain() > 0) > 0.5
        scores.append(metrics.dice(case.labels() > 0, tumour))
    return float(np.mean(scores))
