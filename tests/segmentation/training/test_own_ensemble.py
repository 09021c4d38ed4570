"""From prepared exams to an ensemble: the same weights again, after any interruption; nobody sequestered is seen."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor

from segmentation import cohort, network
from segmentation.ensemble import load_ensemble
from segmentation.errors import StudyError
from segmentation.exams import PreparedExam
from segmentation.training import cases, checkpoints, fitting, own_ensemble, recipes
from segmentation.training.fitting import Plan, Stopped, Trainer, fit
from segmentation.training.recipes import AS_PUBLISHED, RECOMMENDED, Recipe, as_toml
from segmentation.training.split import Split, read_split
from segmentation.weights import load_weights, read_description
from tests.segmentation import prepared_exams
from tests.segmentation.tiny_network import TINY

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(network.CONFIGS, "compact", TINY)


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedExam, ...]:
    folder = tmp_path_factory.mktemp("exams")
    return tuple(prepared_exams.write(folder, f"e{n}", seed=n, subject=f"s{n}") for n in range(5))


@pytest.fixture(scope="module")
def laid_out(exams: tuple[PreparedExam, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[cases.Case, ...]:
    cache = tmp_path_factory.mktemp("cache")
    return tuple(cases.build(exam, cache, margin=4, output=9) for exam in exams)


def short(base: Recipe = RECOMMENDED, epochs: int = 3, steps: int = 4) -> Recipe:
    """A course of some steps with tiny segments, on one thread, in float32."""
    return replace(
        base,
        network=replace(base.network, configuration="compact"),
        sampling=replace(base.sampling, segment_vox=17, batch=4),
        schedule=replace(base.schedule, epochs=epochs, steps_per_epoch=steps),
        members=replace(base.members, count=2, threads=1, precision="float32"),
    )


def plan_in(folder: Path, laid_out: tuple[cases.Case, ...], recipe: Recipe | None = None, number: int = 1) -> Plan:
    return Plan(number, folder / f"member-{number}", recipe or short(), laid_out)


def arrays(weights: Path) -> dict[str, Tensor]:
    return load_weights(weights).state_dict()


def are_equal(a: Path, b: Path) -> bool:
    first, second = arrays(a), arrays(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("recipe", [short(), short(AS_PUBLISHED)], ids=["recommended", "as-published"])
def test_the_same_recipe_gives_the_same_weights(
    recipe: Recipe, tmp_path: Path, laid_out: tuple[cases.Case, ...]
) -> None:
    first, second = (fit(plan_in(tmp_path / name, laid_out, recipe)) for name in ("a", "b"))
    assert are_equal(first, second)
    other = fit(plan_in(tmp_path / "a", laid_out, recipe, number=2))
    assert not are_equal(first, other)


@pytest.mark.parametrize("part", ["dice", "l1", "l2"])
def test_each_part_of_the_loss_is_minimised(part: str, tmp_path: Path, laid_out: tuple[cases.Case, ...]) -> None:
    plain = replace(short(epochs=1, steps=2), loss=recipes.Loss(dice=0, l1=0, l2=0))
    more = replace(plain, loss=replace(plain.loss, **{part: 0.5}))
    first, second = (fit(plan_in(tmp_path / name, laid_out, recipe)) for name, recipe in (("a", plain), ("b", more)))
    assert not are_equal(first, second)


@pytest.mark.parametrize("base", [RECOMMENDED, AS_PUBLISHED], ids=["adamw", "rmsprop"])
@pytest.mark.parametrize("at", [3, 4, 9])  # within an epoch, at its end, after two
def test_an_interrupted_training_ends_with_the_same_weights(
    base: Recipe, at: int, tmp_path: Path, laid_out: tuple[cases.Case, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short(base)
    whole = fit(plan_in(tmp_path / "whole", laid_out, recipe))
    plan = plan_in(tmp_path / "halted", laid_out, recipe)
    step = Trainer.step

    def interrupted(self: Trainer, number: int, batch: object) -> Tensor:
        if number == at - 1:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C in the middle of a step
        return step(self, number, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", interrupted)
        with pytest.raises(Stopped):
            fit(plan)
    assert not (plan.folder / fitting.WEIGHTS).exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert are_equal(fit(plan), whole)
    rows = [(tmp_path / name / "member-1" / "history.csv").read_text() for name in ("whole", "halted")]
    first, second = ([line.rsplit(",", 1)[0] for line in text.splitlines()] for text in rows)  # all but the minutes
    assert first == second and len(first) == 1 + 3


def test_kill_9_and_go_on(exams: tuple[PreparedExam, ...], laid_out: tuple[cases.Case, ...], tmp_path: Path) -> None:
    """Through the command, with a real SIGKILL once two epochs are on the disk; who cuts segments ends as well."""
    asked = replace(short(epochs=12), members=replace(short().members, count=1), split=recipes.Parts(0, 0))
    recipe, out = tmp_path / "short.toml", tmp_path / "out"
    recipe.write_text(as_toml(asked))
    program = [sys.executable, "-m", "tests.segmentation.tiny_training", "train", str(exams[0].folder.parent)]
    command = [*program, str(out), "--recipe", str(recipe), "--workers", "1"]
    history = out / "member-1" / "history.csv"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 200
    while killed.poll() is None and time.monotonic() < end:
        if history.exists() and len(history.read_text().splitlines()) > 2:
            cutters = psutil.Process(killed.pid).children(recursive=True)
            killed.kill()
            break
        time.sleep(0.02)
    assert killed.wait(60) == -signal.SIGKILL
    assert cutters and not psutil.wait_procs(cutters, timeout=60)[1]
    assert (out / "member-1" / fitting.CHECKPOINT).exists() and not (out / "member-1" / fitting.WEIGHTS).exists()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "1 network in" in done.stdout and "segmentation predict" in done.stdout
    whole = fit(plan_in(tmp_path / "whole", laid_out, asked))
    assert are_equal(out / "member-1" / fitting.WEIGHTS, whole)


def test_an_ensemble_from_a_folder_of_exams(
    exams: tuple[PreparedExam, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ensemble"
    weights = own_ensemble.train(exams, out, short())
    split = read_split(out / "split.json")
    assert (len(split.training), len(split.validation), len(split.test)) == (3, 1, 1)
    ensemble = load_ensemble(out)
    assert len(ensemble.members) == 2 and ensemble.provenance["exams"] == 4
    assert ensemble.provenance["spacing_mm"] == [1, 1, 2] and ensemble.provenance["channels"] == ["flair", "t1c"]
    assert ensemble.provenance["preprocessing"] == [{}]  # the made-up exams have no settings
    assert recipes.load_recipe(out / "recipe.toml") == short()
    said = read_description(weights[0])["provenance"]
    assert said["steps"] == 12 and said["exams"] == 4 and said["versions"]["torch"] == torch.__version__
    everything = b"".join(path.read_bytes() for path in out.rglob("*.json") if path.name != "split.json")
    assert not any(f'"{exam.name}"'.encode() in everything for exam in exams)  # weights can be passed on
    with (out / "member-2" / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and float(rows[2]["loss"]) < float(rows[0]["loss"])
    assert list((out / "member-2" / "tensorboard").iterdir()) and not (out / "cache").exists()
    assert "member-1: epoch 3/3, loss" in capsys.readouterr().err
    stamp = weights[0].stat().st_mtime_ns
    assert own_ensemble.train(exams, out, short()) == weights and weights[0].stat().st_mtime_ns == stamp
    more = replace(short(), members=replace(short().members, count=3))
    assert len(own_ensemble.train(exams, out, more)) == 3 and weights[0].stat().st_mtime_ns == stamp


@pytest.mark.long
def test_two_at_a_time_are_the_same_as_one_after_the_other(
    exams: tuple[PreparedExam, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the processes know the real compact network
    recipe = short(epochs=1, steps=2)
    recipe = replace(recipe, sampling=replace(recipe.sampling, segment_vox=19))
    machines = [own_ensemble.Machine(jobs=jobs) for jobs in (1, 2)]
    one, two = (own_ensemble.train(exams, tmp_path / str(m.jobs), recipe, machine=m) for m in machines)
    assert all(are_equal(a, b) for a, b in zip(one, two, strict=True))


def test_tuning_learns_from_training_and_is_measured_on_validation_subjects(
    exams: tuple[PreparedExam, ...], tmp_path: Path
) -> None:
    recipe = short(epochs=6, steps=12)
    split = Split(("s0", "s1", "s2"), ("s3",), ("s4",))
    (weights,) = own_ensemble.train(exams, tmp_path / "out", recipe, split=split, is_tuning=True)
    assert weights.parent.name == "tuning" and read_description(weights)["provenance"]["exams"] == 3
    with (weights.parent / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    measured = [row["epoch"] for row in rows if row["validation_dice"]]
    assert measured == ["5", "6"]  # every fifth epoch, and the last
    assert float(rows[-1]["validation_dice"]) > 0.5  # a ball that is brighter than anything else
    assert not (tmp_path / "out" / "ensemble.json").exists()


def test_nobody_sequestered_is_trained_on(exams: tuple[PreparedExam, ...], tmp_path: Path) -> None:
    """A test subject's exam comes back under another name: with its own subject it is left out, as the same image
    under another subject it is found by its voxels."""
    out = tmp_path / "out"
    split = Split(("s0", "s1", "s2"), ("s3",), ("s4",))
    again = replace(exams[4], name="again")
    weights = own_ensemble.train((*exams[:4], again), out, short(epochs=1), split=split)
    assert read_description(weights[0])["provenance"]["exams"] == 4
    disguised = replace(exams[4], name="disguised", subject="s3")
    with pytest.raises(StudyError, match="The same image lies in two exams: flair of disguised is flair of e4"):
        own_ensemble.train((*exams[:3], disguised, exams[4]), tmp_path / "other", short(), split=split)
    assert not (tmp_path / "other" / "member-1").exists()


def test_the_folders_division_and_recipe_are_binding(exams: tuple[PreparedExam, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    own_ensemble.settle_split(exams, out_of(out), short(), None)
    with pytest.raises(StudyError, match="The subjects of this folder are divided otherwise"):
        own_ensemble.settle_split(exams, out, short(), Split(("s0",), ("s1",), ("s2", "s3", "s4")))
    newcomer = prepared_exams.write(tmp_path / "more", "new")
    with pytest.raises(StudyError, match=r"Subject new .* was not there when the subjects were divided"):
        own_ensemble.train((*exams, newcomer), out, short())
    plan = Plan(0, out / "tuning", short(), ())
    assert own_ensemble.settle_recipe(plan, out, short(), None, 1) == short()
    warmer = replace(short(), optimiser=replace(short().optimiser, learning_rate=0.01))
    with pytest.raises(StudyError, match=r"optimiser\.learning_rate was 0\.002 and is 0\.01"):
        own_ensemble.settle_recipe(plan, out, warmer, None, 1)


def test_what_was_left_open_is_decided_once(tmp_path: Path) -> None:
    plan = Plan(0, tmp_path / "tuning", short(), ())
    is_open = replace(short(), members=replace(short().members, threads=0, precision="chosen"))
    settled = own_ensemble.settle_recipe(plan, tmp_path, is_open, None, 1)
    assert settled.members.threads >= 1 and settled.members.precision in ("float32", "bfloat16")
    assert own_ensemble.settle_recipe(plan, tmp_path, is_open, None, 1000) == settled
    other = replace(is_open, members=replace(is_open.members, threads=settled.members.threads + 1))
    with pytest.raises(StudyError, match=r"members\.threads was"):
        own_ensemble.settle_recipe(plan, tmp_path, other, None, 1)


def out_of(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_minutes_become_steps_once(
    laid_out: tuple[cases.Case, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """1 minute less 3 % at 0.5 s a step: 116 steps; 3 epochs of 38."""
    monkeypatch.setattr(own_ensemble, "seconds_per_step", lambda plan: 0.5)
    plan = Plan(0, tmp_path / "tuning", short(), laid_out)
    settled = own_ensemble.settle_recipe(plan, tmp_path, short(), 1, 1)
    assert (settled.schedule.epochs, settled.schedule.steps_per_epoch) == (3, 38)
    monkeypatch.setattr(own_ensemble, "seconds_per_step", lambda plan: 5.0)
    text = (tmp_path / "recipe.toml").read_text()
    assert "what fits into 1 minutes a network" in text
    assert own_ensemble.settle_recipe(plan, tmp_path, short(), 60, 1) == settled
    assert (tmp_path / "recipe.toml").read_text() == text
    assert "recipe.toml decides: 114 steps a network, as begun" in capsys.readouterr().err
    with pytest.raises(StudyError, match="more than 0 minutes"):
        own_ensemble.settle_recipe(plan, out_of(tmp_path / "new"), short(), 0, 1)


def test_a_step_is_timed(laid_out: tuple[cases.Case, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_ensemble, "_TIMED_S", 0.1)
    assert 0 < own_ensemble.seconds_per_step(Plan(0, tmp_path, short(), laid_out)) < 60


def test_a_training_that_leaves_all_bounds_stops(tmp_path: Path, laid_out: tuple[cases.Case, ...]) -> None:
    plan = plan_in(tmp_path, laid_out)
    with pytest.raises(StudyError, match="The training of member-1 has left all bounds"):
        fit_with_loss(plan, float("nan"))
    assert not (plan.folder / fitting.CHECKPOINT).exists()


def fit_with_loss(plan: Plan, loss: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Trainer, "step", lambda self, number, batch: torch.tensor([loss, 0, 0, 0, 1], dtype=torch.float64)
        )
        fit(plan)


def test_short_arithmetic_trains_as_well(tmp_path: Path, laid_out: tuple[cases.Case, ...]) -> None:
    """bfloat16 is emulated where the hardware lacks it; it has 8 bits of mantissa, so the loss differs by a percent."""
    losses = {}
    for precision in ("float32", "bfloat16"):
        recipe = replace(short(epochs=1), members=replace(short().members, precision=precision))
        weights = fit(plan_in(tmp_path / precision, laid_out, recipe))
        losses[precision] = read_description(weights)["provenance"]["last_epoch"]["loss"]
        assert all(value.dtype in (torch.float32, torch.int64) for value in arrays(weights).values())
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.03) and losses["bfloat16"] != losses["float32"]


def test_every_failed_exam_is_named_and_nothing_is_trained(exams: tuple[PreparedExam, ...], tmp_path: Path) -> None:
    folder = tmp_path / "exams"
    bad = [prepared_exams.write(folder, name, seed=9 + n) for n, name in enumerate(("broken", "maskless"))]
    (bad[0].folder / "t1c.nii.gz").write_bytes(b"")
    (bad[1].folder / "mask.nii.gz").unlink()
    with pytest.raises(StudyError) as caught:
        own_ensemble.train((*exams, *bad), tmp_path / "out", no_test())
    assert "2 of 7 failed" in str(caught.value)
    assert "t1c.nii.gz: The file is empty" in str(caught.value) and "no mask to learn from" in str(caught.value)
    assert not (tmp_path / "out" / "member-1").exists()


def no_test() -> Recipe:
    return replace(short(), split=replace(short().split, test=0.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda plan: replace(plan, recipe=replace(plan.recipe, loss=recipes.Loss(l1=1, l2=0))),
            r"recipe\.loss\.l1 was",
        ),
        (lambda plan: replace(plan, cases=plan.cases[1:]), r"exams\.e0 was .* and is None"),
        (lambda plan: replace(plan, recipe=with_threads(plan.recipe, 2)), r"recipe\.members\.threads was 1 and is 2"),
    ],
)
def test_another_trainings_checkpoint_is_refused(
    change: Callable[[Plan], Plan], words: str, tmp_path: Path, laid_out: tuple[cases.Case, ...]
) -> None:
    plan = plan_in(tmp_path, laid_out, short(epochs=1, steps=1))
    fit(plan)
    (plan.folder / fitting.WEIGHTS).unlink()
    with pytest.raises(StudyError, match=f"It is of another training: .*{words}"):
        fit(change(plan))


def with_threads(recipe: Recipe, threads: int) -> Recipe:
    return replace(recipe, members=replace(recipe.members, threads=threads))


@pytest.mark.parametrize("length", [0, 7, 5000])
def test_a_damaged_checkpoint_is_refused(length: int, tmp_path: Path, laid_out: tuple[cases.Case, ...]) -> None:
    plan = plan_in(tmp_path, laid_out, short(epochs=1, steps=1))
    fit(plan)
    (plan.folder / fitting.WEIGHTS).unlink()
    path = plan.folder / fitting.CHECKPOINT
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StudyError, match=r"checkpoint\.safetensors: The checkpoint is damaged"):
        fit(plan)


def test_a_checkpoint_is_arrays_and_json(tmp_path: Path, laid_out: tuple[cases.Case, ...]) -> None:
    """safetensors: 8 bytes of length, a JSON header, raw numbers; the batch statistics' ring goes with the weights."""
    plan = plan_in(tmp_path, laid_out, short(epochs=1, steps=3))
    fit(plan)
    data = (plan.folder / fitting.CHECKPOINT).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(header["__metadata__"]["state"])["progress"]["step"] == 3
    assert {"net.bn_ring_position", "net.norm.1.bn_rolling_mean", "optimiser.0.exp_avg"} <= header.keys()
    assert checkpoints.differences({"a": (1, 2)}, {"a": [1, 2]}) == ""


def test_first_weights_follow_from_seed_and_member(laid_out: tuple[cases.Case, ...], tmp_path: Path) -> None:
    def first(number: int, seed: int = 1) -> Tensor:
        recipe = replace(short(), members=replace(short().members, seed=seed))
        return Trainer(plan_in(tmp_path, laid_out, recipe, number)).net.norm[0].conv.detach()  # type: ignore[index, union-attr, return-value]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2)) and not torch.equal(first(1), first(1, seed=2))
    assert np.isclose(first(1).std(), (2 / 54) ** 0.5, rtol=0.3)  # He: 2 channels of 27 voxels in


def test_training_goes_on_from_an_earlier_ensemble(exams: tuple[PreparedExam, ...], tmp_path: Path) -> None:
    first = own_ensemble.train(exams[:3], tmp_path / "first", short(), split=Split(("s0", "s1", "s2"), (), ()))
    still = replace(short(), optimiser=replace(RECOMMENDED.optimiser, learning_rate=1e-12))
    more = replace(still, members=replace(still.members, count=3))
    parts = Split(("s0", "s1"), ("s2",), ("s3", "s4"))
    again = own_ensemble.train(exams, tmp_path / "more", more, split=parts, start=tmp_path / "first")
    for begun, done in zip((*first, first[0]), again, strict=True):  # the third starts from the first
        before, after = (dict(load_weights(path).named_parameters()) for path in (begun, done))
        assert all(torch.allclose(before[name], after[name]) for name in before)
    assert recipes.load_recipe(tmp_path / "more" / "recipe.toml").members.start == cohort.fingerprint(first, {})
    with pytest.raises(StudyError, match=r"starts from an earlier ensemble.*--from"):
        own_ensemble.train(exams, tmp_path / "other", recipes.load_recipe(tmp_path / "more" / "recipe.toml"))
    with pytest.raises(StudyError, match=r"trained on exams that are to be the test: e0\."):
        own_ensemble.train(
            exams, tmp_path / "leak", more, split=Split(("s1", "s2", "s3", "s4"), (), ("s0",)), start=tmp_path / "first"
        )
    third = own_ensemble.train(
        exams[3:], tmp_path / "third", short(epochs=1), split=Split(("s4",), (), ("s3",)), start=tmp_path / "more"
    )
    assert len(fitting.learned_images(third)) == 4  # what the first two learned from is known to the third


def test_an_ensemble_of_another_configuration_is_no_start(exams: tuple[PreparedExam, ...], tmp_path: Path) -> None:
    parts = Split(("s0", "s1", "s2", "s3"), (), ("s4",))
    own_ensemble.train(exams, tmp_path / "tiny", short(epochs=1, steps=1), split=parts)
    other = replace(short(), network=replace(RECOMMENDED.network, configuration="default"))
    with pytest.raises(StudyError, match=r"tiny: .*not of the configuration default"):
        own_ensemble.train(exams, tmp_path / "default", other, split=parts, start=tmp_path / "tiny")
    assert not (tmp_path / "default").exists()
