"""What is rehearsed: the design of a study, which is only ever read, and the exams it is rehearsed on."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import TemporaryDirectory

from segmentation.errors import StudyError
from segmentation.whole_file import write_whole
from study_admin.blinding.drafts import drafts
from study_admin.database.connection import as_place
from study_admin.design import Arm, Heads
from study_admin.records import Stage
from study_admin.rehearsal.made_up import FLAIR, MASKS, T1C, write_exam
from study_admin.rehearsal.place import Place, disk
from study_admin.rehearsal.wish import Wish
from study_admin.store import StudyStore
from study_admin.study_file import StudyFile, read_study_file, to_toml
from study_admin.study_folder import StudyFolder, exams_folder
from study_admin.study_keys import ALL

ARMS = (Arm("technician", ("technician.nii.gz",)), Arm("network", ("network.nii.gz",)))
_GUESSES, _PRACTICE = 5, "practice-1"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """A design, where its exams lie (None: to be made up), readers who were put into groups by hand, and remarks."""

    design: StudyFile
    exams: Path | None
    choices: Mapping[str, int]
    called: str
    remarks: tuple[str, ...] = ()


def read_source(wish: Wish) -> Source:
    """Raises StudyError for what is no design. Reads, and writes nothing anywhere."""
    exams = Path(wish.exams).absolute() if wish.exams else None
    if exams is not None and not exams.is_dir():
        raise StudyError("There is no such folder of exams.", file=exams, remedy="Check the name.")
    if not wish.study:
        return Source(_by_numbers(wish), exams, {}, "a design of plain numbers")
    path = Path(wish.study)
    if path.is_dir():
        return _of_folder(StudyFolder(path), exams)
    return Source(read_study_file(path), exams, {}, path.name)


def _by_numbers(wish: Wish) -> StudyFile:
    return StudyFile(
        arms=ARMS, title="Rehearsal of a reader study", groups=wish.groups, readers_per_group=wish.readers_per_group,
        exams_per_group=wish.exams_per_group, guesses=min(_GUESSES, wish.exams_per_group), computer=ARMS[1].name,
        practice=() if wish.exams else (_PRACTICE,), are_empty_masks_allowed=bool(wish.reference),
    )  # fmt: skip


def _of_folder(folder: StudyFolder, exams: Path | None) -> Source:
    """A real study, at whatever stage: its design, its exams, and the groups chosen by hand."""
    if not folder.design.is_file():
        remedy = "Give a study's folder, which holds study.toml, or the file of a design."
        raise StudyError("The folder holds no study.", file=folder.design, remedy=remedy)
    design = read_study_file(folder.design)
    with TemporaryDirectory(prefix="blindread-rehearsal-") as scratch:
        copy = Path(scratch) / "study.sqlite"
        place = _copied(folder, copy)
        with StudyStore.open(place, who="Rehearsal") as store:
            study, readers, stage = store.study, store.readers(), store.stage
    lies_there = exams_folder(study)
    if exams is None and not lies_there.is_dir():
        remedy = "Name the folder they are in now: --exams DIR."
        raise StudyError("The folder of the exams is gone.", file=lies_there, remedy=remedy)
    choices = {reader.code: reader.chosen_group for reader in readers if reader.chosen_group is not None}
    remarks: tuple[str, ...] = ()
    if stage is not Stage.DRAFT:
        remarks = (f"The study itself is {stage.value} already; its design was read, and nothing of it was changed.",)
    return Source(design, exams or lies_there, choices, folder.path.name, remarks)


def _copied(folder: StudyFolder, copy: Path) -> str:
    """The study's database as a copy; SQLite's own, from a connection that cannot write."""
    place = as_place(folder.database)
    if not isinstance(place, Path):
        what = "The study's database is on a server, where a rehearsal mustn't touch it."
        remedy = "Rehearse its design: study-admin rehearse STUDY/study.toml --exams DIR --out DIR."
        raise StudyError(what, file=folder.path, remedy=remedy)
    if not place.is_file():
        raise StudyError("There is no study database.", file=place, remedy="Give the folder of a study.")
    try:
        with (
            closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        what = f"The study database can't be read ({error})."
        remedy = "Close the study's window if it is at work, then start the rehearsal again."
        raise StudyError(what, file=place, remedy=remedy) from error
    return str(copy)


def settle(source: Source, place: Place, wish: Wish, progress: Progress) -> tuple[StudyFile, Path]:
    """The design as it is rehearsed, written into the place, and its exams; made up there if there are none."""
    if source.exams is not None:
        design, exams = source.design, source.exams
    else:
        design, exams = _for_made_up(source.design, wish), place.exams
        _make_exams(design, place, wish.seed, progress)
    text = to_toml(design).encode()
    with disk(place.design):
        if place.design.exists() and place.design.read_bytes() != text:
            remedy = "Choose another folder for the new design, or remove this one."
            raise StudyError("The design has changed since this rehearsal began.", file=place.path, remedy=remedy)
        write_whole(place.design, text, "design")
    return design, exams


def _for_made_up(design: StudyFile, wish: Wish) -> StudyFile:
    """The same design for files of other names; where it takes "all" exams, so many as are wished for."""
    first, second = (
        Arm(arm.name, (mask,)) for arm, mask in zip(design.arms, MASKS, strict=True)
    )  # fmt: skip
    each = wish.exams_per_group if design.exams_per_group == ALL else design.exams_per_group
    return replace(
        design, arms=(first, second), t1c=T1C, flair=FLAIR, left_out=(), heads=Heads.AS_THEY_ARE, brain_mask="",
        practice=tuple(f"practice-{number}" for number in range(1, len(design.practice) + 1)), exams_per_group=each,
    )  # fmt: skip


def _make_exams(design: StudyFile, place: Place, seed: int, progress: Progress) -> None:
    each = design.exams_per_group
    total = sum(each) if isinstance(each, tuple) else int(each) * design.groups
    width = max(3, len(str(total)))
    names = [*design.practice, *(f"exam-{number:0{width}}" for number in range(1, total + 1))]
    if place.exams.exists():
        return
    with drafts(place.exams) as (draft,):
        for number, name in enumerate(names):
            progress(number, len(names))
            write_exam(draft / name, seed, number)
        draft.chmod(0o755)


def forget(path: Path) -> None:
    """Remove what this rehearsal has made, if it is there."""
    with disk(path), suppress(FileNotFoundError):
        rmtree(path)


def copy_file(source: Path, target: Path) -> Path:
    """A copy that may be broken."""
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        copyfile(source, target)
    return target
