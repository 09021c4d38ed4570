"""Opening a study: draw, check the draw, and write the key folder, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.allocation import allocate, check_allocation
from study_admin.blinding.drafts import drafts, flush
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import check_study, plan_of
from study_admin.blinding.public import PublicFacts, public_bytes, public_facts, read_public
from study_admin.blinding.randomisation import SEED_BYTES, new_seed
from study_admin.design import Study
from study_admin.records import Opening, SourceFile

KEY, THIRD_KEY, SIGNING_KEY = "allocation.sealed-key", "allocation-third-person.sealed-key", "signing.sealed-key"
PUBLIC = "study.json"


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
        """Raises StudyError for passphrases that a computer guesses, or that two people share."""
        key.check_passphrase(self.passphrase)
        if self.third_passphrase is not None:
            key.check_passphrase(self.third_passphrase)
            if key.normal(self.third_passphrase) == key.normal(self.passphrase):
                remedy = "Let that person choose one that you don't know."
                raise StudyError("The third person's passphrase is the same as yours.", remedy=remedy)
        if self.seed is not None and len(self.seed) != SEED_BYTES:
            raise ValueError(f"A seed has {SEED_BYTES} bytes, not {len(self.seed)}")


def seal_study(
    study: Study, chosen: Mapping[str, int], key_folder: Path, sealing: Sealing, files: Sequence[SourceFile] = ()
) -> Opening:
    """Draw everything and seal it into `key_folder`; `chosen` names readers whose group isn't drawn, from 1.

    Design and `files` are committed to with it. Raises StudyError (`StudyProblemsError` for several) and leaves no
    folder if anything is wrong with the study, if the draw didn't give each exam exactly its readers and each reader
    exactly their exams, or if what was sealed doesn't open.
    """
    allocation, signing_key = draw_study(study, chosen, sealing, files)
    with drafts(key_folder) as (folder,):
        return write_keys(folder, allocation, signing_key, sealing)


def draw_study(
    study: Study, chosen: Mapping[str, int], sealing: Sealing, files: Sequence[SourceFile] = ()
) -> tuple[Allocation, Ed25519PrivateKey]:
    """The checked draw and the key that will sign, in memory alone."""
    study.check()
    sealing.check()
    allocation = allocate(plan_of(study, chosen, files), sealing.seed or new_seed())
    check_allocation(study, allocation)
    return allocation, sealing.signing_key or Ed25519PrivateKey.generate()


def write_keys(folder: Path, allocation: Allocation, signing_key: Ed25519PrivateKey, sealing: Sealing) -> Opening:
    """Sealed files, readable for their owner alone, and what may be known before the study ends."""
    facts = public_facts(allocation, public_half(signing_key), has_third_copy=sealing.third_passphrase is not None)
    contents = {
        KEY: key.seal_allocation(allocation, sealing.passphrase),
        SIGNING_KEY: key.seal_signing_key(signing_key, allocation.study_id, sealing.passphrase),
        PUBLIC: public_bytes(facts),
    }
    if sealing.third_passphrase is not None:
        contents[THIRD_KEY] = key.seal_allocation(allocation, sealing.third_passphrase)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
        flush(folder / name)
    _check_keys(folder, allocation, facts, sealing)
    return facts.opening


def _check_keys(folder: Path, allocation: Allocation, facts: PublicFacts, sealing: Sealing) -> None:
    """Opens all that was sealed: a key that doesn't open is noticed now, or when the study is over."""
    passphrases = {KEY: sealing.passphrase, THIRD_KEY: sealing.third_passphrase}
    opening = facts.opening
    for name, passphrase in passphrases.items():
        if passphrase is not None and open_sealed(folder / name, passphrase, opening) != allocation:
            raise _unsound(folder / name)
    signing_key = key.open_signing_key(folder / SIGNING_KEY, sealing.passphrase, opening.study_id)
    if public_half(signing_key) != opening.public_key:
        raise _unsound(folder / SIGNING_KEY)
    if read_public(folder / PUBLIC) != facts:
        raise _unsound(folder / PUBLIC)


def _unsound(path: Path) -> StudyError:
    return StudyError("What was sealed isn't what it should be.", file=path, remedy="Check the disk and try again.")


def open_sealed(
    path: Path, passphrase: str, opening: Opening, study: Study | None = None, files: Sequence[SourceFile] = ()
) -> Allocation:
    """A sealed allocation that is the one of this opening: of this study, committed to, and of the same readings.

    With `study` its design and its files have to be those that were sealed, too. Raises StudyError otherwise, or if
    the passphrase is wrong.
    """
    allocation = key.open_allocation(path, passphrase, opening.study_id)
    if allocation.commitment != opening.commitment:
        what = "The key isn't the one that the study was opened with: it doesn't match the commitment."
        raise StudyError(what, file=path, remedy="Take the key that was sealed then, or the third person's copy.")
    known = public_facts(allocation, opening.public_key, has_third_copy=opening.has_third_copy).opening
    if not _is_same(known, opening):
        what = "The study's groups or readings aren't those of the sealed key: the study database was altered."
        raise StudyError(what, file=path, remedy="Go back to a backup of the study database.")
    if study is not None:
        check_study(study, files, allocation.plan)
    return allocation


def _is_same(one: Opening, other: Opening) -> bool:
    """Whether groups and readings are the same, in whatever order they are kept."""
    groups = [[set(group) for group in (*each.exam_groups, *each.reader_groups)] for each in (one, other)]
    return groups[0] == groups[1] and set(one.readings) == set(other.readings)


def public_half(signing_key: Ed25519PrivateKey) -> str:
    """Hex, as it stands in packages."""
    return signing_key.public_key().public_bytes_raw().hex()
