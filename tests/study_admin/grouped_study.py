"""A study of six made-up exams in two groups, as the tests of opening and handing out use it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from study_admin.blinding.export import Sealing, seal_study, source_files, write_packages
from study_admin.design import Arm, GroupSize, Study
from study_admin.exams import find_exams
from study_admin.records import HandedOut, Opening

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
PASSPHRASE = "gravel otter thimble coast lantern fig"
SEALING = Sealing(
    PASSPHRASE,
    seed=hashlib.sha256(b"a seed for tests").digest(),
    signing_key=Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a signing key for tests").digest()),
)
READERS = ("R01", "R02", "R03", "R04")

Export = Callable[..., tuple[HandedOut, ...]]


def grouped_study(exams: Path) -> Study:
    """Two readers of three exams, two of two, and one exam to practise on."""
    found = find_exams(exams, ARMS, practice=("case04",))
    return Study(ARMS, found, READERS, (GroupSize(2, 3), GroupSize(2, 2)))


def opened(study: Study, keys: Path) -> Opening:
    return seal_study(study, {"R03": 1}, keys, SEALING, source_files(study))


def exporting(study: Study, opening: Opening, folder: Path) -> Export:
    """`write_packages` from `keys` to `out` in a folder, with what is given in place of that."""
    files = source_files(study)

    def write(**options: object) -> tuple[HandedOut, ...]:
        given = {"study": study, "opening": opening, "key_folder": folder / "keys", "passphrase": PASSPHRASE}
        return write_packages(**{**given, "out": folder / "out", "files": files, **options})  # type: ignore[arg-type]

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
