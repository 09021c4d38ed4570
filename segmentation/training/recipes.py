"""A recipe: everything that decides how networks are trained, in one TOML file, each number with its source.

`AS_PUBLISHED` is Mitchell et al. 2020 (J Med Imaging 7(5):055501, section 2.3) and, where the paper says "default",
the configuration that DeepMedic is shipped with. `RECOMMENDED` trains a site's own ensemble without a GPU.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from segmentation.errors import StudyError

FORMAT = 1
_AGAIN = "Write a fresh one with `segmentation train --write-recipe FILE`."


def _value(default: Any, says: str) -> Any:
    """A field with the comment that stands beside it in the file."""
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True)
class Shape:
    """Which network is trained."""

    configuration: str = _value(
        "default", "default or wide (DeepMedic's own), or compact (small: for training on a CPU)"
    )


@dataclass(frozen=True)
class Parts:
    """How subjects are divided into training, validation and test."""

    test: float = _value(100 / 741, "share of subjects nobody may train on; paper: 100 of 741 exams")
    validation: float = _value(41 / 741, "share that the tuning network is measured on; paper: 41 of 741 exams")
    seed: int = _value(1, "decides which subjects")


@dataclass(frozen=True)
class Sampling:
    """Which segments (pieces of an exam) the network sees."""

    segment_vox: int = _value(37, "edge of a segment, of which 16 less are classified: 37 gives 21 (DeepMedic default)")
    batch: int = _value(10, "segments a step (DeepMedic default)")
    tumour_share: float = _value(
        0.5, "share of segments centred on tumour, the others on other brain (DeepMedic default)"
    )
    subepochs: int = _value(20, "times an epoch draws its exams anew (paper)")
    exams: int = _value(50, "exams drawn for a subepoch, all if there are fewer (DeepMedic default)")


@dataclass(frozen=True)
class Augmentation:
    """How segments are varied. One draw for each segment and channel."""

    shift_sd: float = _value(0.1, "standard deviation of what is added to a normalised channel (paper: 0.1)")
    gain_sd: float = _value(0.0, "standard deviation of the factor around 1 (paper: none; recommended: 0.1)")
    flip: bool = _value(False, "half of the segments come from the exam mirrored left to right (paper: none)")


@dataclass(frozen=True)
class Loss:
    """What is minimised: voxel-wise cross entropy (paper), what Dice lacks of 1, and the weights' size."""

    dice: float = _value(0.0, "times 1 - soft Dice of a batch (paper: none; Milletari 2016)")
    l1: float = _value(1e-6, "times the sum of absolute weights (DeepMedic default)")
    l2: float = _value(1e-4, "times the sum of squared weights (DeepMedic default)")


@dataclass(frozen=True)
class Optimiser:
    """How weights follow the gradient."""

    kind: str = _value("rmsprop", "rmsprop (DeepMedic default) or adamw (Loshchilov and Hutter 2019)")
    learning_rate: float = _value(0.001, "at the start (paper: 0.001)")
    decay: float = _value(0.9, "rmsprop: memory of squared gradients (DeepMedic default)")
    epsilon: float = _value(1e-4, "rmsprop: inside the root (DeepMedic default)")
    momentum: float = _value(0.6, "rmsprop: Nesterov momentum (DeepMedic default)")
    is_momentum_normalised: bool = _value(
        False, "rmsprop: step times 1 - momentum (DeepMedic's shipped training: false)"
    )
    weight_decay: float = _value(0.0, "adamw: decoupled weight decay (torch default 0.01)")


@dataclass(frozen=True)
class Schedule:
    """How long, and how the learning rate falls."""

    form: str = _value(
        "halving", "halving (paper), or poly: (1 - progress) to the power 0.9 (DeepMedic's other schedule)"
    )
    epochs: int = _value(74, "a checkpoint after each (paper: 50 and 24)")
    steps_per_epoch: int = _value(2000, "20 subepochs of 1000 segments in batches of 10 (DeepMedic default)")
    halve_at: tuple[int, ...] = _value(
        (20, 30, 35, 40, 45, 59, 62, 65, 68, 71), "halving: finished epochs at which the rate is halved (paper)"
    )
    restart_at: tuple[int, ...] = _value(
        (50,), "halving: finished epochs at which it starts anew (paper: warm restart at 50)"
    )
    warm_up_steps: int = _value(0, "steps over which the rate rises from 0 (paper: none)")


@dataclass(frozen=True)
class Members:
    """The networks whose probabilities are averaged."""

    count: int = _value(5, "networks in the ensemble (paper: 5)")
    seed: int = _value(1, "member n starts from seed and n; decides first weights, segments and augmentation")
    threads: int = _value(0, "CPU threads for a network; another number rounds sums otherwise. 0: chosen at the start")
    precision: str = _value("chosen", "float32 or bfloat16 arithmetic; chosen: bfloat16 where the hardware has it")
    start: str = _value("", "checksum of the ensemble whose networks they start from (--from); empty: drawn at random")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, but for the exams."""

    network: Shape = Shape()
    split: Parts = Parts()
    sampling: Sampling = Sampling()
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    members: Members = Members()

    def __post_init__(self) -> None:
        for is_wrong, sentence in _objections(self):
            if is_wrong:
                raise StudyError(f"The recipe says {sentence}.", remedy=_AGAIN)

    @property
    def steps(self) -> int:
        """Optimiser steps of one network."""
        return self.schedule.epochs * self.schedule.steps_per_epoch


def _objections(recipe: Recipe) -> list[tuple[bool, str]]:
    """Numbers that cannot be meant."""
    parts, sampling, schedule, members = recipe.split, recipe.sampling, recipe.schedule, recipe.members
    optimiser, augmentation, loss = recipe.optimiser, recipe.augmentation, recipe.loss
    small = [
        augmentation.shift_sd,
        augmentation.gain_sd,
        loss.dice,
        loss.l1,
        loss.l2,
        optimiser.weight_decay,
        schedule.warm_up_steps,
    ]
    least = [
        sampling.batch,
        sampling.subepochs,
        sampling.exams,
        schedule.epochs,
        schedule.steps_per_epoch,
        members.count,
    ]
    return [
        (recipe.network.configuration not in ("default", "wide", "compact"),
         f"network.configuration = {recipe.network.configuration!r}, which is none of default, wide, compact"),
        (optimiser.kind not in ("rmsprop", "adamw"), f"optimiser.kind = {optimiser.kind!r}, not rmsprop or adamw"),
        (members.precision not in ("chosen", "float32", "bfloat16"),
         f"members.precision = {members.precision!r}, not float32, bfloat16 or chosen"),
        (schedule.form not in ("halving", "poly"), f"schedule.form = {schedule.form!r}, not halving or poly"),
        (min(parts.test, parts.validation) < 0 or parts.test + parts.validation >= 1,
         "that no subject is left to train on (split.test and split.validation)"),
        (sampling.segment_vox < 17, f"sampling.segment_vox = {sampling.segment_vox}; a network needs at least 17"),
        (not 0 <= sampling.tumour_share <= 1, "a sampling.tumour_share that is not between 0 and 1"),
        (min(small) < 0, "a negative number where none makes sense"),
        (min(least) < 1, "0 or less for something there must be at least one of"),
        (not 0 < optimiser.learning_rate < 10, f"optimiser.learning_rate = {optimiser.learning_rate}"),
        (not (0 <= optimiser.decay < 1 and 0 <= optimiser.momentum < 1 and optimiser.epsilon > 0),
         "an optimiser whose decay or momentum is not between 0 and 1, or whose epsilon is not above 0"),
        (min(parts.seed, members.seed, members.threads) < 0, "a negative seed or number of threads"),
    ]  # fmt: skip


AS_PUBLISHED = Recipe()
RECOMMENDED = Recipe(
    network=Shape("compact"),
    sampling=Sampling(batch=6, subepochs=1),
    augmentation=Augmentation(shift_sd=0.1, gain_sd=0.1, flip=True),
    loss=Loss(l1=0.0, l2=0.0),
    optimiser=Optimiser(kind="adamw", learning_rate=0.002, weight_decay=0.01),
    schedule=Schedule(form="poly", epochs=16, steps_per_epoch=64, halve_at=(), restart_at=(), warm_up_steps=50),
)
RECIPES = {"recommended": RECOMMENDED, "as-published": AS_PUBLISHED}


def within(recipe: Recipe, steps: int) -> Recipe:
    """The recipe on a shorter or longer clock: as many epochs, each of fewer or more steps; never none."""
    per_epoch = max(1, steps // recipe.schedule.epochs)
    return replace(recipe, schedule=replace(recipe.schedule, steps_per_epoch=per_epoch))


def as_toml(recipe: Recipe, heading: str = "") -> str:
    """The recipe as a file for people: a comment says what each number is and where it comes from."""
    lines = [f"# {line}".rstrip() for line in heading.splitlines()] + [f"format = {FORMAT}"]
    for section in fields(recipe):
        part = getattr(recipe, section.name)
        lines += ["", f"# {(type(part).__doc__ or '').strip()}", f"[{section.name}]"]
        for item in fields(part):
            lines.append(f"{item.name} = {_as_toml(getattr(part, item.name))}  # {item.metadata['says']}")
    return "\n".join(lines) + "\n"


def _as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(str(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def as_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe for a JSON file."""
    return {"format": FORMAT, **asdict(recipe)}


def load_recipe(path: Path) -> Recipe:
    """Read a recipe's file; what it leaves out has the published value, what it says beyond the known is refused."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return parse(content)
    except OSError as error:
        raise StudyError(f"It cannot be read ({error.strerror}).", file=path, remedy="Check the name.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"This is no TOML file ({error}).", file=path, remedy=_AGAIN) from error
    except StudyError as error:
        raise StudyError(error.what, file=path, remedy=error.remedy) from error


def parse(content: Mapping[str, Any]) -> Recipe:
    """A recipe from the content of its file."""
    number = content.get("format", FORMAT)
    if number != FORMAT:
        raise StudyError(f"Its format is {number!r}; this program knows {FORMAT}.", remedy="Update the program.")
    sections = {item.name: item for item in fields(Recipe)}
    _refuse_unknown("a section", set(content) - {"format"}, set(sections))
    parts = {}
    for name, section in sections.items():
        kind: type = type(section.default)
        given = content.get(name, {})
        if not isinstance(given, Mapping):
            raise StudyError(f"{name} is a section, [{name}], with lines of its own.", remedy=_AGAIN)
        known = {item.name: item for item in fields(kind)}
        _refuse_unknown(f"a number in [{name}]", set(given), set(known))
        parts[name] = kind(**{key: _read(f"{name}.{key}", value, known[key].default) for key, value in given.items()})
    return Recipe(**parts)


def _refuse_unknown(what: str, given: set[str], known: set[str]) -> None:
    if unknown := sorted(given - known):
        raise StudyError(f"{', '.join(unknown)} is not {what}.", remedy=f"Known are {', '.join(sorted(known))}.")


def _read(name: str, value: Any, default: Any) -> Any:
    """A value of the kind that its default has."""
    if isinstance(default, tuple) and isinstance(value, list) and all(type(item) is int for item in value):
        return tuple(value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "whole numbers"}
        raise StudyError(f"{name} = {value!r} is not {kinds[type(default)]}.", remedy=_AGAIN)
    return value
