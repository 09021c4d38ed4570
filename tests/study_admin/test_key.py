"""The sealed key: opens for its passphrase and its study, and for nothing else."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.allocation import allocate
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan
from study_admin.blinding.randomisation import secret_bytes
from study_admin.design import GroupSize, StudyType

PASSPHRASE = "gravel otter thimble coast lantern fig"
SEED = hashlib.sha256(b"a seed for tests").digest()


@pytest.fixture(scope="module")
def allocation() -> Allocation:
    sizes = (GroupSize(1, 2), GroupSize(2, 1))
    plan = Plan(
        study_type=StudyType.BALANCED,
        arms=("hand", "net"),
        readers=("R01", "R02", "R03"),
        exams=("E1", "Ü2", "E3"),
        practice=("P1",),
        sizes=sizes,
        chosen={"R02": 1},
        closing=(1, 0),
        design_sha256="d" * 64,
        texts_sha256={"question": "e" * 64},
        sources_sha256="f" * 64,
    )
    return replace(allocate(plan, SEED), study_id="00112233aabbccdd")


@pytest.fixture(scope="module")
def sealed(allocation: Allocation) -> bytes:
    return key.seal_allocation(allocation, PASSPHRASE)


@pytest.fixture
def file(tmp_path: Path, sealed: bytes) -> Path:
    path = tmp_path / "allocation.sealed-key"
    path.write_bytes(sealed)
    return path


def test_round_trip(file: Path, allocation: Allocation) -> None:
    assert key.open_allocation(file, PASSPHRASE, allocation.study_id) == allocation
    assert key.open_allocation(file, PASSPHRASE) == allocation


def test_opens_by_the_published_recipe(sealed: bytes, allocation: Allocation) -> None:
    """RFC 7914 and RFC 8439 by hand, as a third party without our code would do it."""
    line, _, ciphertext = sealed.partition(b"\n")
    head = json.loads(line)
    assert (head["kdf"]["n"], head["kdf"]["r"], head["kdf"]["p"]) == (131072, 8, 1)
    secret = Scrypt(bytes.fromhex(head["kdf"]["salt"]), 32, 131072, 8, 1).derive(PASSPHRASE.encode())
    tag = b"blindread-sealed-key-v1\0" + line
    content = ChaCha20Poly1305(secret).decrypt(bytes.fromhex(head["nonce"]), ciphertext, tag)
    assert json.loads(content)["seed"] == SEED.hex()
    assert (
        hashlib.sha256(b"blindread-commitment-v1\0" + secret_bytes(SEED, "commitment nonce") + content).hexdigest()
        == allocation.commitment
    )


def test_nothing_of_the_content_shows(sealed: bytes) -> None:
    # words long enough not to turn up in random bytes
    for word in (b'"reading_id"', b'"arm_a":"hand"', b'"seed"', SEED, SEED.hex().encode()):
        assert word not in sealed


def test_the_same_words_from_another_keyboard_open_it(tmp_path: Path, allocation: Allocation) -> None:
    """é as one character and as e with an accent (Unicode TR15)."""
    file = tmp_path / "key"
    file.write_bytes(key.seal_allocation(allocation, "caf\u00e9 gravel otter thimble"))
    assert key.open_allocation(file, "cafe\u0301 gravel otter thimble") == allocation


def test_wrong_passphrase(file: Path) -> None:
    with pytest.raises(StudyError, match=r"allocation\.sealed-key: The passphrase is wrong, or the file was changed"):
        key.open_allocation(file, PASSPHRASE.upper())


def test_key_of_another_study(file: Path) -> None:
    with pytest.raises(StudyError, match=r"key of another study \(00112233aabbccdd, not ffffffffffffffff\)"):
        key.open_allocation(file, PASSPHRASE, "f" * 16)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"study_id":"0', b'"study_id":"1'), (b'"format_version":[2,0]', b'"format_version":[2,1]')],
)
def test_the_head_is_sealed_too(file: Path, sealed: bytes, old: bytes, new: bytes) -> None:
    assert old in sealed
    file.write_bytes(sealed.replace(old, new))
    with pytest.raises(StudyError, match="or the file was changed"):
        key.open_allocation(file, PASSPHRASE)


@pytest.mark.parametrize("place", [-1, -17, -200])
def test_a_changed_byte_is_noticed(file: Path, sealed: bytes, place: int) -> None:
    changed = bytearray(sealed)
    changed[place] ^= 1
    file.write_bytes(changed)
    with pytest.raises(StudyError, match="or the file was changed"):
        key.open_allocation(file, PASSPHRASE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"not a key",
        b"[" * 4000 + b"\n",
        b'{"format":"blindread-sealed-key"}\n',
        b"{}" * 100_000,
        b"\xff\xfe\n\x00",
    ],
)
def test_what_is_no_key(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(StudyError):
        key.open_allocation(file, PASSPHRASE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kdf", {"name": "scrypt", "n": 2**30, "r": 8, "p": 1, "salt": "0" * 32}),  # 1 TiB of memory
        ("kdf", {"name": "scrypt", "n": 2, "r": 8, "p": 1, "salt": "0" * 32}),
        ("kdf", None),
        ("nonce", "00"),
        ("nonce", 7),
        ("study_id", "../../etc"),
    ],
)
def test_a_file_doesnt_choose_what_opening_costs(file: Path, sealed: bytes, field: str, value: object) -> None:
    line, _, rest = sealed.partition(b"\n")
    file.write_bytes(json.dumps({**json.loads(line), field: value}).encode() + b"\n" + rest)
    with pytest.raises(StudyError, match="no sealed key of Blindread, or it is damaged"):
        key.open_allocation(file, PASSPHRASE)


@pytest.mark.parametrize(("major", "age"), [(b"1", "an older"), (b"3", "a newer")])
def test_other_version(file: Path, sealed: bytes, major: bytes, age: str) -> None:
    file.write_bytes(sealed.replace(b'"format_version":[2,0]', b'"format_version":[%s,0]' % major))
    with pytest.raises(StudyError, match=f"sealed by {age} version of Blindread"):
        key.open_allocation(file, PASSPHRASE)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="can't be read"):
        key.open_allocation(tmp_path / "nowhere", PASSPHRASE)


def test_signing_key(tmp_path: Path, file: Path) -> None:
    signing = Ed25519PrivateKey.generate()
    path = tmp_path / "signing.sealed-key"
    path.write_bytes(key.seal_signing_key(signing, "00112233aabbccdd", PASSPHRASE))
    opened = key.open_signing_key(path, PASSPHRASE, "00112233aabbccdd")
    assert opened.private_bytes_raw() == signing.private_bytes_raw()
    with pytest.raises(StudyError, match="doesn't hold the signing key"):
        key.open_signing_key(file, PASSPHRASE)


def test_commitment_tells_allocations_apart(allocation: Allocation) -> None:
    first, *rest = allocation.readings
    swapped = replace(first, arm_a=first.arm_b, arm_b=first.arm_a)
    plan = allocation.plan
    plans = [
        replace(plan, arms=plan.arms[::-1]),
        replace(plan, study_type=StudyType.AS_PUBLISHED),
        replace(plan, practice=()),
        replace(plan, sizes=plan.sizes[::-1]),
        replace(plan, chosen={}),
        replace(plan, closing=(2, 0)),
        replace(plan, design_sha256="0" * 64),
        replace(plan, texts_sha256={"question": "0" * 64}),
        replace(plan, sources_sha256=""),
    ]
    others = [
        replace(allocation, readings=(swapped, *rest)),
        replace(allocation, seed=bytes(32)),
        replace(allocation, study_id="0" * 16),
        replace(allocation, algorithm="another"),
        replace(allocation, exam_groups=allocation.exam_groups[::-1]),
        replace(allocation, reader_groups=allocation.reader_groups[::-1]),
        replace(allocation, questions=allocation.questions[::-1]),
        *(replace(allocation, plan=plan) for plan in plans),
    ]
    assert len({allocation.commitment, *(other.commitment for other in others)}) == 8 + len(plans)


@pytest.mark.parametrize("passphrase", ["", "short", "aaaaaaaaaaaaaaaa", "12345678901"])
def test_a_passphrase_that_a_computer_guesses(passphrase: str) -> None:
    with pytest.raises(StudyError, match="six random words"):
        key.check_passphrase(passphrase)
