"""The signed manifest of a package: what it may hold, and that it is as it was signed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reader_app.session.canonical import FormatError, canonical_json, read_canonical_json
from reader_app.session.files import read_plain, write_whole
from reader_app.session.forms import (
    HASH,
    SIGNED,
    Design,
    design_form,
    design_from_form,
    matching,
    members,
    newness,
    whole,
)
from reader_app.session.model import Protocol, Reading, Side
from segmentation.errors import StudyError

FORMAT, FORMAT_VERSION = "blindread-package", (1, 0)
MANIFEST, SIGNATURE, IMAGES = "manifest.json", "manifest.sig", "images"
# never "copy the package again": the scores lie inside it
ASK_AGAIN = "Keep this folder, for your scores are in it, and ask your study coordinator for this file again."
_TAG = b"blindread-package-v1\0"
MOST_MANIFEST, MOST_SIGNATURE = 16 << 20, 1_000  # bytes
_MAX_IMAGE = 1 << 30
_ENTRIES = ("format", "format_version", "package_id", "reader_code", "protocol", "readings", "files", "session_sha256",
            "trail_head", "commitment", "public_key")  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """What the signature covers. `files` maps the names of images to their `sha256` and `size`."""

    package_id: str
    reader_code: str
    protocol: Protocol
    readings: tuple[Reading, ...]
    files: Mapping[str, Mapping[str, str | int]]
    session_sha256: str  # of session.sqlite as it was handed out
    trail_head: str  # hash of its first event
    commitment: str  # to the sealed allocation
    public_key: str

    @property
    def design(self) -> Design:
        return Design(self.package_id, self.reader_code, self.protocol, self.readings)


def image_name(reading_id: str, name: str) -> str:
    """Where an image lies in the package."""
    return f"{IMAGES}/{reading_id}_{name}.nii.gz"


def fingerprint(public_key: str) -> str:
    """A public key for people to compare: 12 groups of 4 hex digits, from its SHA-256."""
    digest = hashlib.sha256(bytes.fromhex(public_key)).hexdigest()
    return " ".join(digest[place : place + 4] for place in range(0, 48, 4))


def write_manifest(folder: Path, manifest: Manifest, private_key: Ed25519PrivateKey) -> None:
    """Sign the package that lies in a folder. Raises StudyError for a manifest that readers would refuse."""
    form = {**asdict(manifest), **design_form(manifest.design)}
    data = canonical_json(form | {"format": FORMAT, "format_version": list(FORMAT_VERSION)})
    try:
        _manifest_from_form(read_canonical_json(data), is_newer=False)
    except FormatError as error:
        remedy = "Correct the study's texts and exams, and make the packages again."
        raise StudyError(f"No package can be made of this: {error}.", file=folder / MANIFEST, remedy=remedy) from error
    write_whole(folder / MANIFEST, data)
    write_whole(folder / SIGNATURE, private_key.sign(_TAG + data).hex().encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a package that lies in a folder, checked by `parse_manifest`."""
    path = folder / MANIFEST
    data = read_plain(path, MOST_MANIFEST, ASK_AGAIN)
    return parse_manifest(data, lambda: read_plain(folder / SIGNATURE, MOST_SIGNATURE, ASK_AGAIN), path)


def parse_manifest(data: bytes, read_signature: Callable[[], bytes], path: Path) -> Manifest:
    """Version, then signature, then content: a newer version may be signed and written in another way.

    `path` is named in the StudyError if anything is wrong.
    """
    try:
        form = read_canonical_json(data)
        is_newer = newness(form, FORMAT, FORMAT_VERSION, "This package was", path)
        public_key = matching(form.get("public_key"), HASH, "its public key")
        _check_signature(data, read_signature(), public_key, path)
        return _manifest_from_form(form, is_newer)
    except FormatError as error:
        raise StudyError(f"The manifest is damaged: {error}.", file=path, remedy=ASK_AGAIN) from error


def _check_signature(data: bytes, signed: bytes, public_key: str, path: Path) -> None:
    signature = signed.decode("ascii", "replace")
    if not SIGNED.fullmatch(signature):
        raise StudyError("The signature is damaged.", file=path.with_name(SIGNATURE), remedy=ASK_AGAIN)
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), _TAG + data)
    except (InvalidSignature, ValueError) as error:
        what = f"The package is not as it was signed: {MANIFEST} or {SIGNATURE} was altered."
        raise StudyError(what, file=path, remedy=ASK_AGAIN) from error


def _manifest_from_form(form: Any, is_newer: bool) -> Manifest:
    values = members(form, _ENTRIES, "the manifest", is_newer)
    design = design_from_form({name: values[name] for name in (f.name for f in fields(Design))}, is_newer=is_newer)
    return Manifest(
        **{f.name: getattr(design, f.name) for f in fields(Design)},
        files=_files(values["files"], design),
        session_sha256=matching(values["session_sha256"], HASH, "session_sha256"),
        trail_head=matching(values["trail_head"], HASH, "trail_head"),
        commitment=matching(values["commitment"], HASH, "commitment"),
        public_key=matching(values["public_key"], HASH, "public_key"),
    )


def _files(form: object, design: Design) -> dict[str, dict[str, str | int]]:
    """Exactly the images of the design, under names that are made here, never taken from the manifest."""
    parts = (*design.protocol.layers, *Side)
    names = [image_name(reading.reading_id, part) for reading in design.readings for part in parts]
    if not isinstance(form, dict) or form.keys() != set(names):
        raise FormatError("its list of images does not fit its exams")
    files: dict[str, dict[str, str | int]] = {}
    for name in names:
        entry = members(form[name], ("sha256", "size"), "an image's entry")
        size = whole(entry["size"], 1, _MAX_IMAGE, "an image's size")
        files[name] = {"sha256": matching(entry["sha256"], HASH, "an image's hash"), "size": size}
    return files
