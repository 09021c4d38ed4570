"""A seal at no cost, for tests of something else: scrypt takes half a second a time, and is tested with the key."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from study_admin.blinding import key


def _cipher(passphrase: str, salt: bytes) -> ChaCha20Poly1305:
    """One SHA-256 in place of scrypt: another passphrase, file or study is refused as ever."""
    return ChaCha20Poly1305(hashlib.sha256(salt + key.normal(passphrase).encode()).digest())


@contextmanager
def quick_seals() -> Iterator[None]:
    """What is sealed in here opens in here only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key, "_cipher", _cipher)
        yield
