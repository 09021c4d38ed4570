"""What the tests of the admin share."""

from pathlib import Path

import pytest

from study_admin.blinding import key
from tests.study_admin.made_up_exams import write_exam


@pytest.fixture
def quick_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any passphrase opens, at no cost: scrypt is tested with the key, and elsewhere would be most of the time."""
    cheap = key._cipher("any", bytes(16))
    monkeypatch.setattr(key, "_cipher", lambda passphrase, salt: cheap)


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """A folder of six exams, case01 to case06."""
    folder = tmp_path / "exams"
    for number in range(1, 7):
        write_exam(folder / f"case{number:02}", number)
    return folder
