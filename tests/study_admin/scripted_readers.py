"""Readers whose scores a test decides: the rehearsal's own, each a person who is the same whenever asked for."""

from collections.abc import Callable
from pathlib import Path

from reader_app.session.contents import SESSION
from reader_app.session.model import ClosingQuestion, ReaderProfile, Reading, Side
from reader_app.session.package import open_package
from study_admin.rehearsal import sitting
from study_admin.rehearsal.sitting import DeskClock, Scores

_EXPOSURE = {"T1c": {"axial": [[2, 5]]}, "FLAIR": {"axial": [[3, 4]]}}


def read_package(
    folder: Path,
    scores: Scores,
    *,
    sign_off: bool = True,
    exams: int | None = None,
    clock: DeskClock | None = None,
    profile: ReaderProfile | None = None,
    comment: Callable[[int, Side], str] = lambda position, side: "",
    closing_choice: Callable[[ClosingQuestion], str] = lambda question: question.choices[-1],
    to: Path | None = None,
) -> Path:
    """As `sitting.read_package`, by the person that the package's code names, and who sees few slices."""
    who = profile or profile_of(open_package(folder).manifest.reader_code)
    return sitting.read_package(
        folder, scores, profile=who, active_ms=active_ms, exposure=_EXPOSURE, sign_off=sign_off, exams=exams,
        clock=clock, comment=comment, closing_choice=closing_choice, to=to,
    )  # fmt: skip


def profile_of(code: str) -> ReaderProfile:
    """A person who is the same whenever a code is asked for."""
    number = sum(map(ord, code))
    return ReaderProfile("Neuroradiology", 5 + number % 20, f"S{1 + number % 3}", f"Dr {code}")


def active_ms(reading: Reading) -> int:
    """How long an exam was looked at: 40 s to 104 s, the same whenever a reading is asked for."""
    return 40_000 + int(reading.reading_id[:4], 16) % 64 * 1_000


def packages_in(folder: Path) -> list[Path]:
    """The package folders below a folder, by reader's code."""
    return sorted(path.parent for path in folder.rglob(SESSION))
