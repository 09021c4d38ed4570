"""What the tests of the admin share."""

from pathlib import Path

import pytest

from tests.study_admin.made_up_exams import write_exam


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """A folder of six exams, case01 to case06."""
    folder = tmp_path / "exams"
    for number in range(1, 7):
        write_exam(folder / f"case{number:02}", number)
    return folder
