"""The readers' packages: each appears whole or not at all, and what is there already is never written again.

Exams are checked and encoded once, into a hidden folder beside the packages; only when all that are needed are sound
are packages put together from them.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.package import Manifest, fingerprint, open_package
from reader_app.session.parcel import ENDING, unpack_parcel, write_parcel
from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.drafts import check_free, drafts, flush, scratch
from study_admin.blinding.encoding import EncodedExam, encode_exam
from study_admin.blinding.key import Allocation
from study_admin.blinding.package import PackageDraft
from study_admin.blinding.sealing import (
    KEY,
    PUBLIC,
    SIGNING_KEY,
    THIRD_KEY,
    Sealing,
    draw_study,
    open_sealed,
    public_half,
    seal_study,
    write_keys,
)
from study_admin.blinding.sources import Progress, check_sources, source_files
from study_admin.design import Exam, Study, StudyProblemsError
from study_admin.records import HandedOut, Opening, SourceFile

__all__ = [
    "KEY", "PUBLIC", "SIGNING_KEY", "THIRD_KEY", "Made", "Sealing", "check_places", "make_packages", "seal_study",
    "source_files", "write_packages",
]  # fmt: skip


def _silent(done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True)
class Made:
    """What a run has made, as far as it may be printed."""

    study_id: str
    packages: tuple[Path, ...]
    key_folder: Path
    commitment: str
    fingerprint: str
    has_third_copy: bool


def make_packages(study: Study, out: Path, key_folder: Path, sealing: Sealing, progress: Progress = _silent) -> Made:
    """Open a study and write all packages into `out`, named by the readers' codes: all of it, or nothing.

    Raises StudyError (`StudyProblemsError` for several) and leaves neither folder behind if anything is wrong.
    """
    study.check()
    sealing.check()
    check_places(out, key_folder)
    exams = len(study.exams)
    total = 2 * exams + len(study.readers)
    # the key gets its name first: packages never lie there without the key that opens them
    with drafts(key_folder, out) as (keys, packages):
        encoded = packages / ".encoded"
        encoded.mkdir()
        _encode_exams(study, study.exams, encoded, lambda done: progress(done, total))
        files = source_files(study, lambda done, _: progress(exams + done, total))
        allocation, signing_key = draw_study(study, {}, sealing, files)
        for done, reader in enumerate(study.readers, start=2 * exams + 1):
            PackageDraft(study, allocation, reader, encoded, packages / reader).write(signing_key)
            progress(done, total)
        rmtree(encoded)
        packages.chmod(0o755)
        opening = write_keys(keys, allocation, signing_key, sealing)
    return Made(
        study_id=opening.study_id,
        packages=tuple(out / reader for reader in study.readers),
        key_folder=key_folder,
        commitment=opening.commitment,
        fingerprint=fingerprint(opening.public_key),
        has_third_copy=opening.has_third_copy,
    )


def write_packages(
    study: Study,
    opening: Opening,
    key_folder: Path,
    passphrase: str,
    out: Path,
    *,
    readers: Sequence[str] | None = None,
    as_files: bool = False,
    progress: Progress = _silent,
    files: Sequence[SourceFile] = (),
    done_with: Callable[[HandedOut], None] = lambda item: None,
) -> tuple[HandedOut, ...]:
    """Write the packages of an opened study that aren't in `out` yet; for all readers, or for those named.

    A package is a folder named by the reader's code, or with `as_files` one file to mail. What lies there already and
    is genuine stays as it is, and is among what is returned: after an interruption the same call goes on. `files`
    are the sources as they were at the opening, needed if it was sealed with them. `progress` may raise to cancel.
    `done_with` is told of each package as soon as it lies there, whatever happens to the next one.
    """
    wanted = _wanted(study, readers)
    check_apart(out, key_folder)
    allocation, signing_key = _open_keys(study, opening, key_folder, passphrase, files)
    export = _Export(study, allocation, signing_key, out, as_files)
    there = {reader: export.place(reader).exists() or export.place(reader).is_symlink() for reader in wanted}
    was_there = out.exists()
    done: dict[str, HandedOut] = {}
    try:
        with scratch(out / "export") as draft:
            for reader in (reader for reader in wanted if there[reader]):
                done[reader] = export.check(reader, draft)
                done_with(done[reader])
            missing = [reader for reader in wanted if not there[reader]]
            exams = _needed(study, allocation, missing)
            total = len(exams) * (2 if files else 1) + len(missing)
            if files:
                check_sources(exams, files, lambda number: progress(number, total))
            before = total - len(exams) - len(missing)
            _encode_exams(study, exams, draft, lambda number: progress(before + number, total))
            for number, reader in enumerate(missing, start=1):
                done[reader] = export.write(reader, draft)
                done_with(done[reader])
                progress(total - len(missing) + number, total)
    finally:
        if not was_there:
            with suppress(OSError):
                out.rmdir()  # if nothing came to lie in it
    return tuple(done[reader] for reader in wanted)


@dataclass(frozen=True, repr=False)
class _Export:
    """Where the packages of an opened study go, one by one."""

    study: Study
    allocation: Allocation
    signing_key: Ed25519PrivateKey
    out: Path
    as_files: bool

    def place(self, reader: str) -> Path:
        return self.out / (reader + ENDING if self.as_files else reader)

    def write(self, reader: str, encoded: Path) -> HandedOut:
        """Write a reader's package, whole or not at all."""
        place = self.place(reader)
        if not self.as_files:
            with drafts(place) as (draft,):
                manifest = PackageDraft(self.study, self.allocation, reader, encoded, draft).write(self.signing_key)
            return self._handed_out(manifest)
        folder = encoded / f".{reader}"
        manifest = PackageDraft(self.study, self.allocation, reader, encoded, folder).write(self.signing_key)
        ready = encoded / place.name  # a killed run leaves nothing but in the hidden folder, which the next one clears
        write_parcel(folder, ready)
        ready.rename(place)
        flush(self.out)
        rmtree(folder)
        return self._handed_out(manifest)

    def check(self, reader: str, empty: Path) -> HandedOut:
        """What lies where a package should; StudyError unless it is this reader's own, unchanged."""
        place = self.place(reader)
        # scores may be in a folder that somebody has opened: never advise to delete it
        remedy = "Move it elsewhere without opening or deleting it, or choose another folder."
        try:
            folder = unpack_parcel(place, empty) if self.as_files else place
            package = open_package(folder)
            for name in package.manifest.files:
                reading_id, _, part = Path(name).name.removesuffix(".nii.gz").partition("_")
                package.read_image(reading_id, part)
        except StudyError as error:
            what = f"Something that isn't a sound package lies where the package of {reader} should ({error})."
            raise StudyError(what, file=place, remedy=remedy) from error
        found = package.manifest
        if (found.package_id, found.reader_code, found.commitment, found.public_key) != (
            self.allocation.package_id(reader), reader, self.allocation.commitment, public_half(self.signing_key),
        ):  # fmt: skip
            what = f"Another package lies where that of {reader} should: of another reader, study or opening."
            raise StudyError(what, file=place, remedy=remedy)
        if self.as_files:
            rmtree(folder)
        return self._handed_out(found)

    def _handed_out(self, manifest: Manifest) -> HandedOut:
        place = self.place(manifest.reader_code).absolute()
        return HandedOut(manifest.reader_code, manifest.package_id, manifest.trail_head, str(place))


def _wanted(study: Study, readers: Sequence[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(readers or ()) - set(study.readers))
    if unknown:
        remedy = f"Choose among {', '.join(study.readers)}."
        raise StudyError(f"The study has no reader {' and no '.join(unknown)}.", remedy=remedy)
    return tuple(reader for reader in study.readers if readers is None or reader in readers)


def _open_keys(
    study: Study, opening: Opening, key_folder: Path, passphrase: str, files: Sequence[SourceFile]
) -> tuple[Allocation, Ed25519PrivateKey]:
    """Both keys, after making sure that they are of this opening and that the study still is what it was then."""
    allocation = open_sealed(key_folder / KEY, passphrase, opening, study, files)
    signing_key = key.open_signing_key(key_folder / SIGNING_KEY, passphrase, opening.study_id)
    if public_half(signing_key) != opening.public_key:
        remedy = "Take the key folder as it was written when the study opened."
        raise StudyError("This key doesn't sign for this study.", file=key_folder / SIGNING_KEY, remedy=remedy)
    return allocation, signing_key


def _needed(study: Study, allocation: Allocation, readers: Sequence[str]) -> tuple[Exam, ...]:
    names = {drawn.exam for drawn in allocation.readings if drawn.reader in readers}
    return tuple(exam for exam in study.exams if exam.name in names)


def _encode_exams(study: Study, exams: Sequence[Exam], folder: Path, progress: Callable[[int], None]) -> None:
    """Every exam's four files into a folder of its name; raises with the problems of all exams together."""
    arms = (study.arms[0].name, study.arms[1].name)
    problems: list[StudyError] = []
    seen: dict[str, str] = {}
    for number, exam in enumerate(exams):
        progress(number)
        try:
            encoded = encode_exam(
                exam,
                arms,
                rule=study.mask_rule,
                are_empty_masks_allowed=study.are_empty_masks_allowed,
                heads=study.heads,
            )
        except StudyProblemsError as error:
            problems += error.problems
        else:
            digest = hashlib.sha256(encoded.t1c).hexdigest()
            if digest in seen:
                remedy = f"Leave one of the two out, for instance with --leave-out {exam.name}."
                problems.append(StudyError(f"It is the image of {seen[digest]}.", file=exam.t1c, remedy=remedy))
            seen.setdefault(digest, exam.name)
            if not problems:
                _write_encoded(folder / exam.name, encoded)
    progress(len(exams))
    if problems:
        raise StudyProblemsError(problems)


def _write_encoded(folder: Path, encoded: EncodedExam) -> None:
    folder.mkdir()
    parts = {"T1c": encoded.t1c, "FLAIR": encoded.flair, "0": encoded.masks[0], "1": encoded.masks[1]}
    for part, data in parts.items():
        (folder / part).write_bytes(data)


def check_places(out: Path, key_folder: Path) -> None:
    """Raises StudyError unless both folders are free, and apart from each other."""
    check_apart(out, key_folder)
    check_free(key_folder, out)


def check_apart(out: Path, key_folder: Path) -> None:
    """Raises StudyError if one of the two folders lies in the other."""
    out, key_folder = out.absolute(), key_folder.absolute()
    if key_folder.is_relative_to(out) or out.is_relative_to(key_folder):
        remedy = "Put the key where no reader gets to, for instance beside the output folder."
        raise StudyError("The key and the packages would lie in one folder.", file=key_folder, remedy=remedy)
