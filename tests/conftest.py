"""What all tests share."""

import locale
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

LANGUAGE = locale.setlocale(locale.LC_ALL)
signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, a process ignores Ctrl-C


@pytest.fixture(autouse=True)
def language() -> None:
    """Libraries in C may change the process's locale, by which Python reads the output of other programs."""
    locale.setlocale(locale.LC_ALL, LANGUAGE)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Settings and keys of the app go to a folder of the test run, never to the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("BLINDREAD_HOME", str(folder))
        yield folder
