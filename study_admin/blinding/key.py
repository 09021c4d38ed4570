"""The sealed key: the allocation and its seed, in a file that only a passphrase opens. Imported in this folder only.

A sealed file is one line of canonical JSON (what it is, of which study, how it was sealed) and the ciphertext. The
passphrase goes through scrypt (n = 2^17, r = 8, p = 1: 128 MiB and about half a second a guess), the content through
ChaCha20-Poly1305, which authenticates the line as well: it can't be moved to another study or version unnoticed.
"""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from segmentation.errors import StudyError
from study_admin.blinding.plan import Plan, plan_from_form
from study_admin.blinding.randomisation import ALGORITHM, DrawnQuestion, DrawnReading, Groups, identifier, secret_bytes

SHORTEST_PASSPHRASE = 12
_FORMAT, _VERSION = "blindread-sealed-key", [2, 0]
_SCRYPT = {"name": "scrypt", "n": 2**17, "r": 8, "p": 1}
_SEAL_TAG = b"blindread-sealed-key-v1\0"
_COMMITMENT_TAG = b"blindread-commitment-v1\0"
_LONGEST_LINE, _LARGEST_FILE = 4096, 64 * 2**20
_ALLOCATION, _SIGNING = "allocation", "signing"
_FETCH_COPY = "Take the copy of the key that the third person keeps."


@dataclass(frozen=True)
class Allocation:
    """Who sees what where, and all that it was drawn from; lives in memory and in sealed files only."""

    study_id: str
    seed: bytes
    plan: Plan
    exam_groups: Groups
    reader_groups: Groups
    readings: tuple[DrawnReading, ...]
    questions: tuple[DrawnQuestion, ...]
    algorithm: str = ALGORITHM

    @property
    def commitment(self) -> str:
        """Hex SHA-256 over tag, nonce and canonical content: public before the first score, checked after the last.

        The nonce comes from the seed, so that nobody can try all allocations of a small study against the commitment.
        """
        nonce = secret_bytes(self.seed, "commitment nonce")
        return hashlib.sha256(_COMMITMENT_TAG + nonce + _canonical(self._content())).hexdigest()

    def package_id(self, reader: str) -> str:
        """The identifier of a reader's package."""
        return identifier(self.seed, f"package|{self.plan.readers.index(reader)}")

    def _content(self) -> dict[str, Any]:
        return {**asdict(self), "seed": self.seed.hex()}

    @classmethod
    def _from_content(cls, content: Mapping[str, Any]) -> "Allocation":
        groups = {name: tuple(map(tuple, content[name])) for name in ("exam_groups", "reader_groups")}
        drawn = {
            "readings": tuple(DrawnReading(**reading) for reading in content["readings"]),
            "questions": tuple(DrawnQuestion(**question) for question in content["questions"]),
        }
        seed, plan = bytes.fromhex(content["seed"]), plan_from_form(content["plan"])
        return cls(**{**content, **groups, **drawn, "seed": seed, "plan": plan})


def seal_allocation(allocation: Allocation, passphrase: str) -> bytes:
    """A sealed file of the allocation; another one each time, for salt and nonce are new."""
    return _seal(_ALLOCATION, allocation.study_id, _canonical(allocation._content()), passphrase)


def open_allocation(path: Path, passphrase: str, study_id: str | None = None) -> Allocation:
    """Read a sealed allocation; raises StudyError if it's damaged, of another study, or the passphrase is wrong."""
    return Allocation._from_content(json.loads(_open(path, _ALLOCATION, passphrase, study_id)))


def seal_signing_key(key: Ed25519PrivateKey, study_id: str, passphrase: str) -> bytes:
    """The key that signs packages, apart from the allocation: who keeps a copy of that one can't sign packages."""
    return _seal(_SIGNING, study_id, key.private_bytes_raw(), passphrase)


def open_signing_key(path: Path, passphrase: str, study_id: str | None = None) -> Ed25519PrivateKey:
    """Read a sealed signing key; raises like `open_allocation`."""
    return Ed25519PrivateKey.from_private_bytes(_open(path, _SIGNING, passphrase, study_id))


def check_passphrase(passphrase: str) -> None:
    """Raises StudyError for one that a computer guesses."""
    if len(passphrase) < SHORTEST_PASSPHRASE or len(set(passphrase)) < 5:
        remedy = f"Take six random words, at least {SHORTEST_PASSPHRASE} characters, and write them on paper."
        raise StudyError("The passphrase is too short to keep the study blind.", remedy=remedy)


def normal(passphrase: str) -> str:
    """As it is sealed with: the same words typed on another keyboard or system have to open the key (NFKC)."""
    return unicodedata.normalize("NFKC", passphrase)


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _cipher(passphrase: str, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(Scrypt(salt, 32, n=2**17, r=8, p=1).derive(normal(passphrase).encode()))


def _seal(kind: str, study_id: str, content: bytes, passphrase: str) -> bytes:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    head: dict[str, object] = {"format": _FORMAT, "format_version": _VERSION, "kind": kind, "study_id": study_id}
    head |= {"kdf": {**_SCRYPT, "salt": salt.hex()}, "cipher": "ChaCha20-Poly1305", "nonce": nonce.hex()}
    line = _canonical(head)
    return line + b"\n" + _cipher(passphrase, salt).encrypt(nonce, content, _SEAL_TAG + line)


def _open(path: Path, kind: str, passphrase: str, study_id: str | None) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        remedy = f"Check where the key is kept. {_FETCH_COPY}"
        raise StudyError(f"The sealed key can't be read ({error.strerror}).", file=path, remedy=remedy) from error
    line, _, sealed = data.partition(b"\n")
    salt, nonce, its_study = _read_head(line, kind, path)
    if study_id is not None and its_study != study_id:
        what = f"This is the key of another study ({its_study}, not {study_id})."
        raise StudyError(what, file=path, remedy="Take the key from this study's coordinator folder.")
    try:
        return _cipher(passphrase, salt).decrypt(nonce, sealed, _SEAL_TAG + line)
    except InvalidTag:
        remedy = f"Type it again, mind capitals and blanks. {_FETCH_COPY}"
        raise StudyError("The passphrase is wrong, or the file was changed.", file=path, remedy=remedy) from None


def _read_head(line: bytes, kind: str, path: Path) -> tuple[bytes, bytes, str]:
    """(salt, nonce, study id). Only our own cost numbers are accepted: a file mustn't choose how long scrypt takes."""
    broken = StudyError("This is no sealed key of Blindread, or it is damaged.", file=path, remedy=_FETCH_COPY)
    try:
        head = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except (ValueError, RecursionError):
        raise broken from None
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise broken
    version = head.get("format_version")
    if isinstance(version, list) and version and isinstance(version[0], int) and version[0] != _VERSION[0]:
        age = "a newer" if version[0] > _VERSION[0] else "an older"
        remedy = "Open it with the version of Blindread that made it."
        raise StudyError(f"The key was sealed by {age} version of Blindread.", file=path, remedy=remedy)
    if head.get("kind") != kind:
        remedy = "The coordinator folder holds both, take the other one."
        raise StudyError(f"This sealed file doesn't hold the {kind} key.", file=path, remedy=remedy)
    kdf = head.get("kdf")
    if not isinstance(kdf, dict) or {name: kdf.get(name) for name in _SCRYPT} != _SCRYPT:
        raise broken
    salt, nonce, study_id = str(kdf.get("salt")), str(head.get("nonce")), str(head.get("study_id"))
    for value, digits in ((salt, 32), (nonce, 24), (study_id, 16)):
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            raise broken
    return bytes.fromhex(salt), bytes.fromhex(nonce), study_id
