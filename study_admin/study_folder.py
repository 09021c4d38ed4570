"""A study's folder: where its files lie, and how it is made and its design replaced."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from reader_app.session.files import write_whole
from segmentation.errors import StudyError
from study_admin.blinding.drafts import check_free, drafts
from study_admin.database.connection import as_place
from study_admin.design import Study
from study_admin.store import StudyStore


@dataclass(frozen=True)
class StudyFolder:
    """Where a study's files lie. Nothing in it is for a reader but what `packages` holds."""

    path: Path

    @property
    def design(self) -> Path:
        return self.path / "study.toml"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def packages(self) -> Path:
        return self.path / "packages"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def database(self) -> str:
        """The study database: a file in the folder, or the URL that `database.url` holds."""
        try:
            return self._url.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return str(self.path / "study.sqlite")

    @property
    def _url(self) -> Path:
        return self.path / "database.url"

    def put_url(self, url: str) -> None:
        """Remember where the database is; for its owner alone, for there may be a password in it."""
        self._url.touch(mode=0o600)
        self._url.write_text(url + "\n", encoding="utf-8")

    def store(self, who: str = "") -> StudyStore:
        """The study database, opened."""
        if not self.path.is_dir():
            remedy = "Connect its drive, or choose where the folder is now."
            raise StudyError("There is no such folder.", file=self.path, remedy=remedy)
        if not self.design.is_file():
            remedy = "A study's folder holds study.toml and study.sqlite: choose it, or put study.toml back."
            raise StudyError("The folder holds no study.", file=self.design, remedy=remedy)
        return StudyStore.open(self.database, who=who or user())


def user() -> str:
    """The name that the audit trail gets if nobody gives another one."""
    return getpass.getuser()


def check_place(folder: Path, exams: Path, database: str = "") -> None:
    """Raises StudyError if a study can't be made in this folder, before anybody waits for its exams to be checked."""
    check_free(folder)
    if folder.absolute().is_relative_to(exams.absolute()):
        remedy = "Choose a folder beside that of the exams."
        raise StudyError("The study would lie among the exams, and count as one of them.", file=folder, remedy=remedy)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}."):
            pass
    except OSError as error:
        remedy = "Choose a folder that you may write to."
        raise StudyError(
            f"No folder can be made here ({error.strerror}).", file=folder.parent, remedy=remedy
        ) from error
    place = as_place(database) if database else None
    if isinstance(place, Path) and place.exists():
        raise StudyError("There is a file already.", file=place, remedy="Choose another name for the database.")


def write_study(folder: Path, design: Path, study: Study, *, database: str = "", who: str = "") -> None:
    """Make the folder of a new study, with a copy of its design and the database; whole or not at all."""
    place = str(as_place(database)) if database.startswith("sqlite") else database  # wherever it is opened from
    with drafts(folder) as (draft,):
        made = StudyFolder(draft)
        made.design.write_bytes(design.read_bytes())
        if database:
            made.put_url(place)
        else:
            StudyStore.create(made.database, study, who=who or user()).close()
        draft.chmod(0o755)
    if database:
        try:
            StudyStore.create(place, study, who=who or user()).close()
        except BaseException:
            rmtree(folder)  # it holds a copy of the design and the address only
            raise


def exams_folder(study: Study) -> Path:
    """The folder in which a study's exams were found."""
    first = study.exams[0]
    return next(parent for parent in first.t1c.parents if parent.name == first.name).parent


def with_exams_in(study: Study, folder: Path) -> Study:
    """The study with its exams where they are now: the same names in another folder."""
    old, new = exams_folder(study), folder.absolute()

    def moved(path: Path) -> Path:
        return new / path.relative_to(old)

    exams = [
        replace(
            exam,
            t1c=moved(exam.t1c),
            flair=moved(exam.flair),
            masks={
                arm: tuple(tuple(moved(path) for path in files) for files in compartments)
                for arm, compartments in exam.masks.items()
            },
            brain_mask=exam.brain_mask and moved(exam.brain_mask),
        )
        for exam in study.exams
    ]
    return replace(study, exams=tuple(exams))


@contextmanager
def replacing(design: Path, new: Path) -> Iterator[None]:
    """Let `design` be a copy of `new` once the block has ended well; all that can fail on the disk comes before it."""
    try:
        draft = design.with_name(f".{design.name}.new")
        write_whole(draft, new.read_bytes())
        try:
            yield
            draft.replace(design)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        remedy = "Check the free space and the permissions, then do it again."
        raise StudyError(f"The design can't be written ({error.strerror}).", file=design, remedy=remedy) from error
