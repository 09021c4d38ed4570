"""Make the reader packages of a study and its sealed key: all of it, or nothing.

Exams are checked and encoded once, into a folder beside the output; only when all are sound are the packages put
together from them. At the end the key folder and then the packages get their names: packages never lie there without
the key that opens them.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.package import fingerprint
from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.drafts import check_free, drafts, flush
from study_admin.blinding.encoding import EncodedExam, encode_exam
from study_admin.blinding.key import Allocation
from study_admin.blinding.package import PackageDraft
from study_admin.blinding.randomisation import SEED_BYTES, draw_readings, identifier, new_seed
from study_admin.design import Study, StudyProblemsError

KEY, THIRD_KEY, SIGNING_KEY = "allocation.sealed-key", "allocation-third-person.sealed-key", "signing.sealed-key"
PUBLIC = "study.json"

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True)
class Made:
    """What a run has made, as far as it may be printed."""

    study_id: str
    packages: tuple[Path, ...]
    key_folder: Path
    commitment: str
    fingerprint: str
    has_third_copy: bool


@dataclass(frozen=True, repr=False)  # not into any log
class Sealing:
    """What seals and signs. A third person's passphrase seals a second copy of the allocation, not of the signing key.

    Seed and signing key are drawn anew unless given; the same ones and the same study give the same packages, byte
    for byte.
    """

    passphrase: str
    third_passphrase: str | None = None
    seed: bytes | None = None
    signing_key: Ed25519PrivateKey | None = None

    def check(self) -> None:
        key.check_passphrase(self.passphrase)
        if self.third_passphrase is not None:
            key.check_passphrase(self.third_passphrase)
            if self.third_passphrase == self.passphrase:
                remedy = "Let that person choose one that you don't know."
                raise StudyError("The third person's passphrase is the same as yours.", remedy=remedy)
        if self.seed is not None and len(self.seed) != SEED_BYTES:
            raise ValueError(f"A seed has {SEED_BYTES} bytes, not {len(self.seed)}")


def make_packages(
    study: Study, out: Path, key_folder: Path, sealing: Sealing, progress: Progress = lambda done, total: None
) -> Made:
    """Write one package per reader into `out`, named by the reader's code, and the sealed key into `key_folder`.

    Raises StudyError (`StudyProblemsError` for several) and leaves neither folder behind if anything is wrong.
    """
    study.check()
    sealing.check()
    allocation = allocate(study, sealing.seed or new_seed())
    signing_key = sealing.signing_key or Ed25519PrivateKey.generate()
    public_key = signing_key.public_key().public_bytes_raw().hex()
    check_places(out, key_folder)
    # the key gets its name first: packages never lie there without the key that opens them
    with drafts(key_folder, out) as (keys, packages):
        _write_packages(study, allocation, signing_key, packages, progress)
        _write_keys(keys, allocation, signing_key, public_key, sealing)
    return Made(
        study_id=allocation.study_id,
        packages=tuple(out / reader for reader in study.readers),
        key_folder=key_folder,
        commitment=allocation.commitment,
        fingerprint=fingerprint(public_key),
        has_third_copy=sealing.third_passphrase is not None,
    )


def allocate(study: Study, seed: bytes) -> Allocation:
    """Draw the study's whole allocation from the seed."""
    arms = (study.arms[0].name, study.arms[1].name)
    exams = tuple(sorted(exam.name for exam in study.study_exams))
    practice = tuple(exam.name for exam in study.practice_exams)
    readings = draw_readings(seed, study.study_type, arms, study.readers, exams, practice)
    study_id = identifier(seed, "study")
    return Allocation(study_id, seed, study.study_type, arms, study.readers, exams, practice, readings)


def _write_packages(
    study: Study, allocation: Allocation, signing_key: Ed25519PrivateKey, folder: Path, progress: Progress
) -> None:
    total = len(study.exams) + len(study.readers)
    encoded = folder / ".encoded"
    encoded.mkdir()
    _encode_exams(study, encoded, lambda done: progress(done, total))
    for row, reader in enumerate(study.readers):
        PackageDraft(study, allocation, row, encoded, folder / reader).write(signing_key)
        progress(len(study.exams) + row + 1, total)
    shutil.rmtree(encoded)
    folder.chmod(0o755)


def _encode_exams(study: Study, folder: Path, progress: Callable[[int], None]) -> None:
    """Every exam's four files into a folder of its name; raises with the problems of all exams together."""
    arms = (study.arms[0].name, study.arms[1].name)
    problems: list[StudyError] = []
    seen: dict[str, str] = {}
    for number, exam in enumerate(study.exams):
        progress(number)
        try:
            encoded = encode_exam(
                exam, arms, rule=study.mask_rule, are_empty_masks_allowed=study.are_empty_masks_allowed
            )
        except StudyProblemsError as error:
            problems += error.problems
        else:
            digest = hashlib.sha256(encoded.t1c).hexdigest()
            if digest in seen:
                remedy = f"Leave one of the two out, for instance with --leave-out {exam.name}."
                problems.append(StudyError(f"It is the image of {seen[digest]}.", file=exam.t1c, remedy=remedy))
            seen.setdefault(digest, exam.name)
            if not problems:
                _write_encoded(folder / exam.name, encoded)
    progress(len(study.exams))
    if problems:
        raise StudyProblemsError(problems)


def _write_encoded(folder: Path, encoded: EncodedExam) -> None:
    folder.mkdir()
    parts = {"T1c": encoded.t1c, "FLAIR": encoded.flair, "0": encoded.masks[0], "1": encoded.masks[1]}
    for part, data in parts.items():
        (folder / part).write_bytes(data)


def _write_keys(
    folder: Path, allocation: Allocation, signing_key: Ed25519PrivateKey, public_key: str, sealing: Sealing
) -> None:
    """Sealed files, readable for their owner alone, and what may be known before the study ends."""
    contents = {
        KEY: key.seal_allocation(allocation, sealing.passphrase),
        SIGNING_KEY: key.seal_signing_key(signing_key, allocation.study_id, sealing.passphrase),
        PUBLIC: _public(allocation, public_key),
    }
    if sealing.third_passphrase is not None:
        contents[THIRD_KEY] = key.seal_allocation(allocation, sealing.third_passphrase)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
        flush(folder / name)
    # a key that doesn't open is noticed now, or when the study is over
    if key.open_allocation(folder / KEY, sealing.passphrase, allocation.study_id) != allocation:
        raise StudyError("The sealed key doesn't open.", file=folder / KEY, remedy="Check the disk and try again.")


def _public(allocation: Allocation, public_key: str) -> bytes:
    """Which exam each reading is, without sides: what progress and blinded tables need, and no more."""
    content = {
        "format": "blindread-study",
        "format_version": [1, 0],
        "study_id": allocation.study_id,
        "study_type": allocation.study_type.value,
        "algorithm": allocation.algorithm,
        "commitment": allocation.commitment,
        "public_key": public_key,
        "fingerprint": fingerprint(public_key),
        "readings": [
            {"reader": r.reader, "exam": r.exam, "reading_id": r.reading_id, "position": r.position,
             "is_practice": r.is_practice}
            for r in allocation.readings
        ],
    }  # fmt: skip
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def check_places(out: Path, key_folder: Path) -> None:
    """Raises StudyError unless both folders are free, and apart from each other."""
    out, key_folder = out.absolute(), key_folder.absolute()
    if key_folder.is_relative_to(out) or out.is_relative_to(key_folder):
        remedy = "Put the key where no reader gets to, for instance beside the output folder."
        raise StudyError("The key and the packages would lie in one folder.", file=key_folder, remedy=remedy)
    check_free(key_folder, out)
