"""One small rehearsal, through everything, that many tests look at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from study_admin.__main__ import main
from study_admin.report import document
from tests.study_admin.quick_seal import quick_seals

Rehearse = Callable[..., int]
SMALL = ("--groups", "2", "--readers-per-group", "2", "--exams-per-group", "3", "--effect", "3", "--repetitions", "30",
         "--drop-out", "0", "--jobs", "1", "--no-pdf")  # fmt: skip


def rehearse(out: Path, *words: object) -> int:
    """The command as it is typed; its exit status."""
    return main(["rehearse", "--out", str(out), *map(str, words or SMALL)])


@pytest.fixture
def plain_report(quick_seal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures, which are most of a small rehearsal's time and are drawn once, in `rehearsed`."""
    for name in ("figures", "panels"):
        monkeypatch.setattr(document, name, lambda *given: {})


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a rehearsal of 2 groups × 2 readers × 3 exams, with a difference of 3 points."""
    out = tmp_path_factory.mktemp("small") / "rehearsal"
    with quick_seals():
        assert rehearse(out) == 0
    return out
