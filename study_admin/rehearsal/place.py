"""The folder of a rehearsal: what lies where, and what is done already."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentation.errors import StudyError
from segmentation.whole_file import write_whole
from study_admin.study_folder import StudyFolder

if TYPE_CHECKING:  # a wish holds readers, whose numbers take scipy
    from study_admin.rehearsal.wish import Wish

FORMAT = "blindread-rehearsal-notes 1.0"
NOTES = "notes.json"
PAGE = "rehearsal.html"  # written last


@dataclass(frozen=True)
class Place:
    """A rehearsal's own folder. Nothing is ever written anywhere else."""

    path: Path

    @property
    def study(self) -> StudyFolder:
        return StudyFolder(self.path / "study")

    @property
    def design(self) -> Path:
        return self.path / "study.toml"

    @property
    def exams(self) -> Path:
        return self.path / "exams"

    @property
    def results(self) -> Path:
        return self.path / "results"

    @property
    def broken(self) -> Path:
        """Copies of what was broken on purpose."""
        return self.path / "broken"

    @property
    def homes(self) -> Path:
        """The simulated readers' own computers, which sign their results."""
        return self.path / "computers"

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    def check(self, wish: "Wish") -> None:
        """Raises StudyError unless the folder is new or empty, or that of the same wish; writes nothing."""
        for given in (wish.study, wish.exams):
            if given and Path(given).is_dir() and self.path.is_relative_to(Path(given)):
                remedy = "Choose a folder beside it: what is rehearsed is never written to."
                raise StudyError(f"The rehearsal would lie in {given}.", file=self.path, remedy=remedy)
        if (self.path / NOTES).is_file():
            known, wanted = self.notes().get("wish"), _as_noted(wish)
            if known != wanted:
                what = f"A rehearsal with other settings lies here ({_difference(known, wanted)})."
                remedy = "Choose another folder, or say the same settings to go on with that one."
                raise StudyError(what, file=self.path, remedy=remedy)
            return
        with disk(self.path):
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                remedy = "Choose a new or an empty folder; nothing in this one was touched."
                raise StudyError("Something other than a rehearsal lies here.", file=self.path, remedy=remedy)

    def begin(self, wish: "Wish") -> None:
        """Take the folder, or go on in it. Raises like `check`."""
        self.check(wish)
        if not (self.path / NOTES).is_file():
            with disk(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            self._write({"format": FORMAT, "wish": _as_noted(wish)})

    def notes(self) -> dict[str, Any]:
        """What was noted so far."""
        path = self.path / NOTES
        try:
            notes = json.loads(path.read_bytes())
            if notes["format"] != FORMAT:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Choose another folder, and leave this one alone."
            raise StudyError("The notes of this rehearsal can't be read.", file=path, remedy=remedy) from error
        return dict(notes)

    def note(self, **found: Any) -> None:
        """Keep something that an interrupted rehearsal must not lose."""
        self._write(self.notes() | found)

    def _write(self, notes: Mapping[str, Any]) -> None:
        write_whole(self.path / NOTES, json.dumps(notes, indent=1, ensure_ascii=False).encode() + b"\n", "notes file")


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Whatever the disk refuses is said in a sentence."""
    try:
        yield
    except OSError as error:
        remedy = "Check the free space and the permissions, then run it again: what is done is kept."
        what = f"The rehearsal can't be written ({error.strerror or error})."
        raise StudyError(what, file=error.filename or path, remedy=remedy) from error


def _as_noted(wish: "Wish") -> dict[str, Any]:
    return dict(json.loads(json.dumps(wish.identity())))


def _difference(known: Any, wanted: Mapping[str, Any]) -> str:
    """The first setting that differs."""
    if not isinstance(known, dict):
        return "its settings can't be read"
    for name, value in wanted.items():
        if known.get(name) != value:
            if isinstance(value, dict) and isinstance(known.get(name), dict):
                return _difference(known[name], value)
            return f"{name}: {known.get(name)!r}, and now {value!r}"
    return "some are missing"
