"""A trained network on disk: `<name>.safetensors`, and `<name>.json` that says what it is. Neither can hold code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from segmentation.errors import StudyError
from segmentation.network import DeepMedic, NetworkConfig, Pathway
from segmentation.whole_file import write_whole

FORMAT, VERSION = "deepmedic-weights", 1
_COPY_AGAIN = "Copy the .safetensors file and the .json file of the same name again, both together."


def save_weights(path: Path, net: DeepMedic, provenance: Mapping[str, Any]) -> None:
    """Write `path` (.safetensors) and its .json; each appears whole or not at all.

    `provenance` is anything JSON can hold: recipe, seed, versions, hashes of the data. Raises StudyError.
    """
    data = safetensors.torch.save({name: value.contiguous() for name, value in net.state_dict().items()})
    description = {
        "format": FORMAT,
        "version": VERSION,
        "config": asdict(net.config),
        "sha256": hashlib.sha256(data).hexdigest(),
        "provenance": dict(provenance),
    }
    write_whole(path, data)
    write_whole(path.with_suffix(".json"), (json.dumps(description, indent=2) + "\n").encode())


def load_weights(path: Path) -> DeepMedic:
    """The network, ready for inference. Raises StudyError for whatever is not what `save_weights` wrote."""
    description = read_description(path)
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != description.get("sha256"):
        raise StudyError(f"It is not the file that {path.stem}.json describes.", file=path, remedy=_COPY_AGAIN)
    try:
        net = DeepMedic(_config(description["config"]))
        net.load_state_dict(tensors(data))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        what = "The weights do not fit the network that the .json file describes."
        raise StudyError(what, file=path, remedy=_COPY_AGAIN) from error
    return net.eval()


def tensors(data: bytes) -> dict[str, Tensor]:
    """The named arrays in the bytes of a .safetensors file; raises SafetensorError."""
    return safetensors.torch.load(data)


def read_description(path: Path) -> dict[str, Any]:
    """What the .json beside a .safetensors file says; its "provenance" is what was saved. Raises StudyError."""
    beside = path.with_suffix(".json")
    try:
        description = json.loads(_read(beside))
    except ValueError as error:
        raise StudyError("This is not JSON.", file=beside, remedy=_COPY_AGAIN) from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise StudyError("This does not describe weights of DeepMedic.", file=beside, remedy=_COPY_AGAIN)
    version = description.get("version")
    if not isinstance(version, int) or version > VERSION:
        what = f"These weights are of version {version}; this program knows versions up to {VERSION}."
        raise StudyError(what, file=beside, remedy="Install the newer version of this program.")
    return description


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = "Check that it is there and may be read."
        raise StudyError(f"The file cannot be read ({error.strerror}).", file=path, remedy=remedy) from error


def _config(described: Mapping[str, Any]) -> NetworkConfig:
    """The configuration from its JSON form; raises KeyError, TypeError or ValueError for any other."""
    fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in described.items()}
    pathways = tuple(Pathway(tuple(p["channels"]), tuple(p["factor"])) for p in described["pathways"])
    fields["pathways"] = pathways
    return NetworkConfig(**fields)
