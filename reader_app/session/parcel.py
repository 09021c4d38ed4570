"""A package as one file to mail: `R01.blindread`, a zip of what its signed manifest names, and of nothing else.

Nothing in it is compressed (the images are already), and everything that a zip could tell of its making is constant:
one package gives one parcel, byte for byte.
"""

import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from reader_app.session.contents import SESSION
from reader_app.session.files import flush, flush_folder, read_plain
from reader_app.session.lock import LOCK, SessionLock
from reader_app.session.manifest import (
    ASK_AGAIN,
    IMAGES,
    MANIFEST,
    MOST_MANIFEST,
    MOST_SIGNATURE,
    SIGNATURE,
    Manifest,
    parse_manifest,
    read_manifest,
)
from reader_app.session.package import Package, open_package, verify_package
from segmentation.errors import StudyError

ENDING = ".blindread"
_ENDINGS = (ENDING, ".zip")  # some mail programs add the second
_FETCH = "Save the file from the mail or the drive again; if it stays so, ask your study coordinator for a new one."
_EXPORT = "Export the package again."
_MOST_FILE = 1 << 30
_MOST_SESSION = 64 << 20  # nobody has answered in it yet: it is the manifest once more, as tables
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can bear
_UNIX, _PLAIN_FILE = 3, (stat.S_IFREG | 0o644) << 16
_CHUNK = 1 << 20
_END = struct.Struct("<4s4H2LH")  # end of central directory: the last bytes of a zip without a comment
_MOST_DIRECTORY = 4 << 20
_UTF_8 = 1 << 11  # flag of a name that is not in code page 437 (APPNOTE 4.4.4)
_LOCAL_HEADER = 30  # bytes before the name of each file (APPNOTE 4.3.7)
# all that zipfile is known to raise for a damaged or hostile file
_BROKEN = (zipfile.BadZipFile, RuntimeError, ValueError, LookupError, EOFError, OverflowError, struct.error)


class PlaceError(StudyError):
    """Nothing can be written where the package should be unpacked; another folder may do."""


def open_received(path: Path, into: Path | None = None) -> Package:
    """Open what a reader received: the folder, or the parcel, which is unpacked first (see `unpack_parcel`)."""
    path = Path(path)
    return open_package(unpack_parcel(path, into) if is_parcel(path) else path)


def is_parcel(path: Path) -> bool:
    """Whether a path claims to be a parcel, by its name."""
    return path.suffix.casefold() in _ENDINGS and path.is_file()


# --- the coordinator's side ---


def write_parcel(folder: Path, path: Path) -> None:
    """Write a package that nobody has opened yet as one file, which appears whole or not at all.

    Raises StudyError if the package is not as it was signed, if `path` is there already, or if the disk fails.
    """
    path = Path(path).absolute()
    if path.suffix != ENDING or os.path.lexists(path):
        remedy = f"Choose a name that is free and ends in {ENDING}."
        raise StudyError("A parcel cannot be written under this name.", file=path, remedy=remedy)
    manifest = read_manifest(folder)
    draft = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        draft = Path(name)
        with os.fdopen(handle, "wb") as file:
            _write_zip(file, folder, manifest)
            file.flush()
            flush(file.fileno())
        draft.chmod(0o644)
        draft.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        what = f"The parcel could not be written ({error.strerror or error})."
        raise StudyError(what, file=path, remedy="Check the folder and the free space, then try again.") from error
    except zipfile.LargeZipFile as error:
        what = "The package is too large for one file (2 GiB at most)."
        raise StudyError(what, file=folder, remedy="Hand out the folder instead.") from error
    finally:
        if draft:
            draft.unlink(missing_ok=True)


def _write_zip(file: IO[bytes], folder: Path, manifest: Manifest) -> None:
    signed = _signed(manifest)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted([MANIFEST, SIGNATURE, *signed]):
            data = read_plain(folder / name, _MOST_SESSION if name == SESSION else _MOST_FILE, _EXPORT)
            if name in signed and hashlib.sha256(data).hexdigest() != signed[name][0]:
                what = "The file is not as it was signed." if name != SESSION else "The package was opened already."
                raise StudyError(what, file=folder / name, remedy=_EXPORT)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            archive.writestr(entry, data)


def _signed(manifest: Manifest) -> dict[str, tuple[str, int | None]]:
    """SHA-256 and size of each file the manifest vouches for; the session's size follows from its hash."""
    images = {name: (str(entry["sha256"]), int(entry["size"])) for name, entry in manifest.files.items()}
    return {SESSION: (manifest.session_sha256, None), **images}


# --- the reader's side ---


def unpack_parcel(parcel: Path, into: Path | None = None) -> Path:
    """Unpack a parcel into a folder named by the reader's code, beside the parcel or in `into`; returns that folder.

    The folder appears whole or not at all. If it is there already with the same package it is left as it is, for
    scores may be in it. Raises StudyError for a parcel that is not as it was signed, and for another thing in the way;
    `PlaceError` if nothing can be written there.
    """
    parcel = Path(parcel).absolute()
    with _opened(parcel) as archive:
        entries = _entries(archive, parcel)
        manifest = _manifest(archive, entries, parcel)
        folder = (into or parcel.parent).absolute() / manifest.reader_code
        if os.path.lexists(folder):
            _check_same(folder, manifest, parcel)
            return folder
        _check_names(entries, manifest, parcel)
        signed = _signed(manifest)
        with _draft(folder) as draft:
            for name in sorted(entries):
                with archive.open(entries[name]) as source:
                    _extract(source, draft / name, entries[name].file_size, signed.get(name))
    return folder


def verify_parcel(parcel: Path) -> list[str]:
    """Check every byte of a parcel in a temporary folder; a sentence for each problem, none if it is sound.

    Nothing appears beside the parcel, and what was unpacked there before is not looked at.
    """
    parcel = Path(parcel).absolute()
    try:
        with tempfile.TemporaryDirectory(prefix="blindread-") as place:
            folder = unpack_parcel(parcel, Path(place))
            problems = verify_package(folder)
    except StudyError as error:
        return [str(error)]
    except OSError as error:
        what = f"The file cannot be unpacked into a temporary folder ({error.strerror or error})."
        return [str(StudyError(what, file=parcel, remedy="Check the free space, then try again."))]
    # the folder is gone, and no scores were in it
    return [problem.replace(str(folder), str(parcel)).replace(ASK_AGAIN, _FETCH) for problem in problems]


def unpacked_folder(parcel: Path) -> Path | None:
    """The folder beside a parcel that it was unpacked into; None if it is not there, or cannot be told."""
    parcel = Path(parcel).absolute()
    with suppress(StudyError), _opened(parcel) as archive:
        manifest = _manifest(archive, _entries(archive, parcel), parcel)
        folder = parcel.parent / manifest.reader_code
        _check_same(folder, manifest, parcel)
        return folder
    return None


def check_not_parcel(path: Path) -> None:
    """Raises StudyError for a parcel where answers are wanted, and says where they are."""
    if not is_parcel(path):
        return
    if folder := unpacked_folder(path):
        remedy = f"Name the folder beside it that it was unpacked into: {folder}"
    else:
        remedy = "Name the folder that it was unpacked into; if that was not done yet, open the file and read first."
    raise StudyError("A file as it was mailed holds no answers.", file=path, remedy=remedy)


@contextmanager
def _opened(parcel: Path) -> Iterator[zipfile.ZipFile]:
    """The parcel as a zip, after a look at its size; every way in which it can be broken is a StudyError."""
    try:
        with parcel.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _refusal("it is not an ordinary file", parcel)
            end = _check_end(file, parcel)
            with zipfile.ZipFile(file) as archive:
                _check_layout(archive, end, parcel)
                yield archive
    except _BROKEN as error:
        raise _refusal("it is incomplete or was altered", parcel) from error
    except OSError as error:
        what = f"The file cannot be read ({error.strerror or error})."
        raise StudyError(what, file=parcel, remedy=_FETCH) from error


def _refusal(why: str, parcel: Path) -> StudyError:
    return StudyError(f"This file cannot be unpacked: {why}.", file=parcel, remedy=_FETCH)


def _check_end(file: IO[bytes], parcel: Path) -> int:
    """Where the files end and their list begins.

    The list must be as small as ours, and end the parcel: `zipfile` would read any into memory.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END.size))
    mark, *_, length, start, comment = _END.unpack(file.read(_END.size).rjust(_END.size, b"\0"))
    if mark != b"PK\x05\x06" or comment or start + length + _END.size != size:
        raise _refusal("it is incomplete or no Blindread package", parcel)
    if length > _MOST_DIRECTORY:
        raise _refusal("it lists too many files", parcel)
    file.seek(0)
    return start


def _check_layout(archive: zipfile.ZipFile, end: int, parcel: Path) -> None:
    """File lies behind file, as we write them, so that all together are no larger than the parcel.

    Files inside one another would unpack to many times its size.
    """
    place = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset != place:
            raise _refusal("its files overlap, or something lies between them", parcel)
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF_8 else "cp437")
        place += _LOCAL_HEADER + len(name) + entry.compress_size
    if place != end:
        raise _refusal("its files overlap, or something lies between them", parcel)


def _entries(archive: zipfile.ZipFile, parcel: Path) -> dict[str, zipfile.ZipInfo]:
    """By name; only plain, uncompressed, unencrypted files, no name twice, and none but for capitals."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        mode = entry.external_attr >> 16
        if entry.filename.endswith("/") or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refusal(f"{entry.filename[:60]!a} in it is a folder or a link", parcel)
        if entry.flag_bits & 1 or entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise _refusal(f"{entry.filename[:60]!a} in it is encrypted or compressed", parcel)
        if entry.orig_filename in entries or entry.filename != entry.orig_filename:
            raise _refusal(f"the name {entry.orig_filename[:60]!a} in it stands there twice or is hidden", parcel)
        entries[entry.filename] = entry
    return entries


def _manifest(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], parcel: Path) -> Manifest:
    def read(name: str, most: int) -> bytes:
        entry = entries.get(name)
        if entry is None or entry.file_size > most:
            raise _refusal(f"it holds no {name}, so it is no Blindread package", parcel)
        return archive.read(entry)

    try:
        return parse_manifest(read(MANIFEST, MOST_MANIFEST), lambda: read(SIGNATURE, MOST_SIGNATURE), parcel / MANIFEST)
    except StudyError as error:
        if error.remedy != ASK_AGAIN:
            raise
        raise StudyError(error.what, file=error.file, remedy=_FETCH) from error  # no scores are in a parcel


def _check_names(entries: Mapping[str, zipfile.ZipInfo], manifest: Manifest, parcel: Path) -> None:
    """Exactly the files that the signature covers, of exactly the sizes it covers."""
    signed = _signed(manifest)
    expected = {MANIFEST, SIGNATURE, *signed}
    for name in sorted(entries.keys() - expected):
        raise _refusal(f"it holds {name[:60]!a}, which does not belong to the package", parcel)
    for name in sorted(expected - entries.keys()):
        raise _refusal(f"{name} is missing in it", parcel)
    for name, (_, size) in signed.items():
        if entries[name].file_size != size and size is not None:
            raise _refusal(f"{name} in it is not as large as it was signed", parcel)
    if entries[SESSION].file_size > _MOST_SESSION:
        raise _refusal(f"{SESSION} in it is larger than any that was handed out", parcel)


def _check_same(folder: Path, manifest: Manifest, parcel: Path) -> None:
    """Raises StudyError unless the folder in the way is this very package, unpacked before."""
    if (folder / MANIFEST).is_file() and read_manifest(folder).package_id == manifest.package_id:
        return
    what = f"{parcel.name} is to be unpacked here, but another folder or file is in the way."
    raise StudyError(what, file=folder, remedy=f"Move {parcel.name} into an empty folder and open it there.")


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A hidden folder that takes its name at the end; what an interrupted unpacking left there is cleared away."""
    draft = folder.with_name(f".{folder.name}.partial")
    try:
        draft.mkdir(exist_ok=True)
        lock = SessionLock(draft)  # another window may be unpacking the same parcel
    except OSError as error:
        what = f"The package cannot be unpacked here ({error.strerror})."
        raise PlaceError(what, file=folder.parent, remedy="Choose a folder of your own on this computer.") from error
    try:
        _clear(draft)
        (draft / IMAGES).mkdir()
        yield draft
        for inner in (draft / IMAGES, draft):
            flush_folder(inner)
        lock.release()
        (draft / LOCK).unlink()
        draft.rename(folder)
        flush_folder(folder.parent)
    except BaseException as error:
        with suppress(OSError):
            lock.release()
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError):
            what = f"The package could not be unpacked ({error.strerror or error})."
            remedy = "Check the free space and the folder, then open the file again."
            raise StudyError(what, file=folder, remedy=remedy) from error
        raise


def _clear(draft: Path) -> None:
    for entry in os.scandir(draft):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name != LOCK:
            Path(entry.path).unlink()


def _extract(source: IO[bytes], path: Path, size: int, signed: tuple[str, int | None] | None) -> None:
    """Copy one file; its bytes are what was signed, or nothing stays. Manifest and signature were checked before."""
    digest, count = hashlib.sha256(), 0
    with path.open("xb") as file:
        while chunk := source.read(_CHUNK):
            count += len(chunk)
            if count > size:
                raise ValueError(f"{path.name} is longer than was declared")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        flush(file.fileno())
    if signed and digest.hexdigest() != signed[0]:
        raise ValueError(f"{path.name} is not as it was signed")
