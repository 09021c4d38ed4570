"""What the tests of the admin share."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from study_admin.blinding import key
from tests.study_admin.made_up_exams import write_exam


@pytest.fixture(scope="session")
def any_cipher() -> ChaCha20Poly1305:
    return key._cipher("any", bytes(16))


@pytest.fixture
def quick_seal(any_cipher: ChaCha20Poly1305, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any passphrase opens, at no cost: scrypt is tested with the key, and elsewhere would be most of the time."""
    monkeypatch.setattr(key, "_cipher", lambda passphrase, salt: any_cipher)


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """A folder of six exams, case01 to case06."""
    folder = tmp_path / "exams"
    for number in range(1, 7):
        write_exam(folder / f"case{number:02}", number)
    return folder
