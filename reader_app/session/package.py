"""The folder one reader receives, opened: its manifest is genuine, and each file is checked as it is read."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reader_app.session.contents import KEEP, SESSION, check_session_bytes, read_session_bytes
from reader_app.session.files import read_plain
from reader_app.session.manifest import (
    ASK_AGAIN,
    IMAGES,
    MANIFEST,
    SIGNATURE,
    Manifest,
    fingerprint,
    image_name,
    read_manifest,
    write_manifest,
)
from reader_app.session.model import Side
from reader_app.session.place import warnings_of
from segmentation.errors import StudyError

__all__ = ["Manifest", "Package", "fingerprint", "open_package", "verify_package", "write_manifest"]

# what file managers leave in folders they have shown
_LITTER = {".ds_store", "thumbs.db", "desktop.ini", ".directory"}


class _MissingImageError(StudyError):
    """An image that the manifest lists is not there."""


@dataclass(frozen=True)
class Package:
    """An opened package: its manifest is genuine, its images are checked one by one as they are read."""

    folder: Path
    manifest: Manifest
    fingerprint: str
    warnings: tuple[str, ...] = ()  # sentences for the reader about the place it lies in

    @property
    def session(self) -> Path:
        return self.folder / SESSION

    def read_image(self, reading_id: str, name: str) -> bytes:
        """The bytes of an image, `name` being a layer or a side; StudyError names the file if a single bit is off."""
        path = self.folder / image_name(reading_id, name)
        promised = self.manifest.files[image_name(reading_id, name)]
        data = read_plain(path, int(promised["size"]), ASK_AGAIN)
        if len(data) != promised["size"] or hashlib.sha256(data).hexdigest() != promised["sha256"]:
            what = "The image is damaged: it is not the one that was handed out."
            raise StudyError(what, file=path, remedy=ASK_AGAIN)
        return data


def open_package(folder: Path) -> Package:
    """Check a package's version, signature, list of files and names; images and session are checked when they are read.

    Raises StudyError naming the file that is wrong.
    """
    folder = Path(folder).absolute()
    if not os.path.lexists(folder / MANIFEST):
        remedy = "Choose the folder that you were given; it holds manifest.json."
        raise StudyError("This is not a Blindread package.", file=folder, remedy=remedy)
    manifest = read_manifest(folder)
    for problem in _problems_of_names(folder, manifest):
        if not isinstance(problem, _MissingImageError):  # its exam cannot be shown, the others can
            raise problem
    return Package(folder, manifest, fingerprint(manifest.public_key), warnings_of(folder))


def _problems_of_names(folder: Path, manifest: Manifest) -> Iterator[StudyError]:
    """Links, missing or doubtful files. Beside the package's own files others may lie, but not among the images."""
    images = folder / IMAGES
    if images.is_symlink() or not images.is_dir():
        yield StudyError("The folder with the images is missing.", file=images, remedy=ASK_AGAIN)
        return
    promised = {Path(name).name for name in manifest.files}
    own = {MANIFEST, SIGNATURE, SESSION, IMAGES}
    for place, names in ((folder, own), (images, promised)):
        try:
            entries = {entry.name: entry for entry in os.scandir(place)}
        except OSError as error:
            yield StudyError(f"The folder cannot be read ({error.strerror}).", file=place, remedy=ASK_AGAIN)
            return
        folded = {name.casefold() for name in names}
        for name, entry in sorted(entries.items()):
            path = place / name
            if entry.is_symlink():
                yield StudyError("There is a link in the package.", file=path, remedy=ASK_AGAIN)
            elif name not in names and name.casefold() in folded:
                what = "The file has the name of another one, but for capitals."
                yield StudyError(what, file=path, remedy=ASK_AGAIN)
            elif place == images and name not in names and not _is_litter(name):
                yield StudyError("The file does not belong to the package.", file=path, remedy="Move it elsewhere.")
        for name in sorted(names - entries.keys()):
            # a fresh copy has no answers
            remedy = KEEP if name == SESSION else ASK_AGAIN
            kind = _MissingImageError if place == images else StudyError
            yield kind("The file is missing.", file=place / name, remedy=remedy)


def _is_litter(name: str) -> bool:
    return name.casefold() in _LITTER or name.startswith("._")


def verify_package(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> list[str]:
    """Check every byte of a package, changing nothing; returns a sentence for each problem, none if it is sound.

    Another process may have the session open, this one may not (see `read_session_bytes`).
    """
    folder = Path(folder).absolute()
    try:
        manifest = read_manifest(folder)
    except StudyError as error:
        return [str(error)]
    package = Package(folder, manifest, fingerprint(manifest.public_key))
    problems = [str(problem) for problem in _problems_of_names(folder, manifest)]
    names = [(r.reading_id, part) for r in manifest.readings for part in (*manifest.protocol.layers, *Side)]
    progress(0, len(names) + 1)
    for done, (reading_id, part) in enumerate(names, 1):
        problems += _problem_of(lambda: package.read_image(reading_id, part))  # noqa: B023  called at once
        progress(done, len(names) + 1)
    problems += _problem_of(lambda: _check_resting_session(package))
    progress(len(names) + 1, len(names) + 1)
    return list(dict.fromkeys(problems))


def _check_resting_session(package: Package) -> None:
    journal = package.folder / f"{SESSION}-journal"
    if journal.is_file() and any(read_plain(journal, 1 << 30, ASK_AGAIN)[:8]):
        what = "The session is open, or was interrupted in the middle of a save."
        remedy = "Close Blindread if it is open; else open the package in it once, then check again."
        raise StudyError(what, file=journal, remedy=remedy)
    check_session_bytes(read_session_bytes(package.session), package.manifest, package.session)


def _problem_of(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except StudyError as error:
        return [str(error)]
    return []
