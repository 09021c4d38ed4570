"""What the tests of the admin share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine

from tests.study_admin.made_up_exams import write_exam
from tests.study_admin.office import Office
from tests.study_admin.quick_seal import quick_seals

SERVER = os.environ.get("BLINDREAD_TEST_DATABASE", "")


@pytest.fixture
def quick_seal() -> Iterator[None]:
    with quick_seals():
        yield


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """A folder of six exams, case01 to case06."""
    folder = tmp_path / "exams"
    for number in range(1, 7):
        write_exam(folder / f"case{number:02}", number)
    return folder


@pytest.fixture
def sealed_office(exams: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, exams, capsys)


@pytest.fixture
def office(sealed_office: Office, quick_seal: None) -> Office:
    return sealed_office


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Where a study database may be made: a file, or an empty PostgreSQL database by BLINDREAD_TEST_DATABASE."""
    if not SERVER:
        return str(tmp_path / "study.sqlite")
    with create_engine(SERVER, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    return SERVER
