"""A training's state on the disk: one file a network, replaced as a whole, from which it goes on to the same weights.

The file is .safetensors: weights, batch statistics and the optimiser's memory as arrays, the rest as JSON in its
header. It holds no random numbers' state, for those follow from seed and step (`sampling`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from segmentation.errors import StudyError
from segmentation.whole_file import write_whole

FORMAT, VERSION = "segmentation-checkpoint", 1
_NET, _OPTIMISER = "net.", "optimiser."


@dataclass
class Progress:
    """How far a training is: optimiser steps done, a row for each finished epoch, sums over the running one."""

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0


def save_checkpoint(
    path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, identity: Mapping[str, Any]
) -> None:
    """Write the state; `identity` is whatever must be equal for it to be gone on with. Raises StudyError."""
    arrays = {_NET + name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    for number, memory in optimiser.state_dict()["state"].items():
        for name, value in memory.items():
            arrays[f"{_OPTIMISER}{number}.{name}"] = value.detach().cpu().contiguous()
    said = {"format": FORMAT, "version": VERSION, "progress": asdict(progress), "identity": dict(identity)}
    write_whole(path, safetensors.torch.save(arrays, {"state": json.dumps(said)}))


def load_checkpoint(
    path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, identity: Mapping[str, Any]
) -> Progress:
    """Put the state into net and optimiser. Raises StudyError for another training's, and for a damaged file."""
    remedy = f"Remove it to begin this network anew, or train into another folder than {path.parent.parent}."
    try:
        with safe_open(path, "pt") as file:
            said = json.loads((file.metadata() or {})["state"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if (said["format"], said["version"]) != (FORMAT, VERSION):
            raise StudyError("Another version of this program wrote it.", file=path, remedy=remedy)
        if differing := differences(said["identity"], identity):
            raise StudyError(f"It is of another training: {differing}.", file=path, remedy=remedy)
        net.load_state_dict({k.removeprefix(_NET): v for k, v in arrays.items() if k.startswith(_NET)})
        _load_optimiser(optimiser, {k: v for k, v in arrays.items() if k.startswith(_OPTIMISER)})
        return Progress(**said["progress"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise StudyError("The checkpoint is damaged.", file=path, remedy=remedy) from error


def _load_optimiser(optimiser: torch.optim.Optimizer, arrays: Mapping[str, Tensor]) -> None:
    """Each memory in the layout of its weight: what walks through both at once must find them in one order."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in arrays.items():
        number, name = key.removeprefix(_OPTIMISER).split(".", 1)
        weight = weights[int(number)]
        fitted = torch.empty_like(weight, dtype=value.dtype).copy_(value) if value.shape == weight.shape else value
        state.setdefault(int(number), {})[name] = fitted
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def differences(before: Mapping[str, Any], now: Mapping[str, Any], at: str = "") -> str:
    """What differs between two descriptions, in words; "" if nothing does.

    >>> differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2})
    'a.b was 1 and is 3'
    """
    found = []
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += [inner] if (inner := differences(old, new, f"{at}{key}.")) else []
        elif (list(old) if isinstance(old, tuple) else old) != (list(new) if isinstance(new, tuple) else new):
            found.append(f"{at}{key} was {old} and is {new}")
    return ", ".join(found)
