"""The one file to mail: it gives back the package as it was signed, or it gives nothing."""

import errno
import hashlib
import os
import random
import shutil
import stat
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reader_app.session import parcel as module
from reader_app.session.manifest import ASK_AGAIN, MANIFEST, SIGNATURE, read_manifest, write_manifest
from reader_app.session.model import Side
from reader_app.session.package import open_package, verify_package
from reader_app.session.parcel import (
    PlaceError,
    check_not_parcel,
    is_parcel,
    open_received,
    unpack_parcel,
    unpacked_folder,
    verify_parcel,
    write_parcel,
)
from segmentation.errors import StudyError
from tests.reader_app.making import make_package, make_protocol
from tests.reader_app.session.conftest import SHAPE, open_store

FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package nobody has opened: two exams, eleven files."""
    return make_package(tmp_path_factory.mktemp("source") / "R01", 1, 1, make_protocol(), SHAPE)


@pytest.fixture(scope="module")
def whole(source: Path) -> Path:
    write_parcel(source, source.parent / "R01.blindread")
    return source.parent / "R01.blindread"


@pytest.fixture
def parcel(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return Path(shutil.copy(whole, tmp_path / "mail" / "R01.blindread"))


def names_in(folder: Path) -> list[str]:
    """Hidden ones, too; the reader's keys aside."""
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(parcel: Path, match: str | None = None) -> StudyError:
    """Nothing but the parcel is there afterwards."""
    with pytest.raises(StudyError, match=match) as caught:
        unpack_parcel(parcel)
    assert str(parcel) in str(caught.value) and caught.value.remedy
    assert names_in(parcel.parent) == [parcel.name]
    return caught.value


def rezip(
    parcel: Path, change: Callable[[list[tuple[zipfile.ZipInfo, bytes]]], object], kind: int = zipfile.ZIP_STORED
) -> None:
    """Take the parcel apart and zip it again after a change, by the standard library."""
    with zipfile.ZipFile(parcel) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    change(entries)
    with warnings.catch_warnings(), zipfile.ZipFile(parcel, "w", kind) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of a name that stands there twice
        for entry, data in entries:
            entry.compress_type = kind
            archive.writestr(entry, data)


def test_what_is_unpacked_is_what_was_packed(source: Path, parcel: Path) -> None:
    folder = unpack_parcel(parcel)
    assert folder == parcel.parent / "R01"
    assert contents(folder) == contents(source)
    assert verify_package(folder) == []
    assert names_in(parcel.parent) == ["R01", "R01.blindread"]  # no draft, no lock


def test_equal_packages_give_equal_parcels_with_nothing_of_their_making(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "elsewhere"))
    for path in copy.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    write_parcel(copy, tmp_path / "X.blindread")
    assert (tmp_path / "X.blindread").read_bytes() == whole.read_bytes()
    with zipfile.ZipFile(whole) as archive:
        names = archive.namelist()
        assert names == sorted(contents(source))
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.create_system, entry.extra, entry.comment) == (3, b"", b"")
        assert archive.comment == b""


def test_a_package_that_was_opened_is_not_handed_out(source: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "R01"))
    open_store(open_package(copy)).close()
    with pytest.raises(StudyError, match="opened already"):
        write_parcel(copy, tmp_path / "R01.blindread")
    assert names_in(tmp_path) == ["R01"]


def test_a_damaged_image_is_not_handed_out(source: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "R01"))
    image = next((copy / "images").iterdir())
    image.write_bytes(image.read_bytes()[:-1])
    with pytest.raises(StudyError, match=image.name):
        write_parcel(copy, tmp_path / "R01.blindread")
    assert names_in(tmp_path) == ["R01"]


def test_a_parcel_replaces_nothing(source: Path, parcel: Path) -> None:
    before = parcel.read_bytes()
    with pytest.raises(StudyError, match="name that is free"):
        write_parcel(source, parcel)
    assert parcel.read_bytes() == before


def test_a_full_disk_leaves_no_part_of_a_parcel(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "flush", full)
    with pytest.raises(StudyError, match="No space left"):
        write_parcel(source, tmp_path / "R01.blindread")
    assert names_in(tmp_path) == []


def test_a_full_disk_leaves_nothing_half_unpacked(parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([None] * 5)

    def full(handle: int) -> None:
        if next(left, "full") == "full":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "flush", full)
    with pytest.raises(StudyError, match="No space left"):
        unpack_parcel(parcel)
    assert names_in(parcel.parent) == ["R01.blindread"]


def test_what_a_killed_unpacking_left_is_no_hindrance(source: Path, parcel: Path) -> None:
    left = parcel.parent / ".R01.partial"
    (left / "images").mkdir(parents=True)
    (left / "images" / "half").write_bytes(b"x")
    (left / "session.lock").write_bytes(b"")
    assert contents(unpack_parcel(parcel)) == contents(source)
    assert not left.exists()


def test_scores_are_never_overwritten_by_opening_the_parcel_again(parcel: Path) -> None:
    package = open_received(parcel)
    reading_id = package.manifest.readings[1].reading_id
    with open_store(package) as store:
        store.record_score(reading_id, Side.A, 7, how="key")
    before = contents(package.folder)
    again = open_received(parcel)
    assert again.folder == package.folder
    assert contents(package.folder) == before
    with open_store(again) as store:
        assert store.answers(reading_id).a.score == 7


@pytest.mark.parametrize("kind", ["another package", "folder", "file", "link"])
def test_another_thing_in_the_way_is_refused_by_name_and_kept(parcel: Path, tmp_path: Path, kind: str) -> None:
    place = parcel.parent / "R01"
    if kind == "another package":
        make_package(place, 1, 1, make_protocol(), SHAPE, package_id="99887766554433aa")
    elif kind == "folder":
        place.mkdir()
        (place / "letter.txt").write_text("mine")
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = contents(parcel.parent)
    with pytest.raises(StudyError, match="in the way") as caught:
        unpack_parcel(parcel)
    assert str(place) in str(caught.value)
    assert contents(parcel.parent) == before


def test_it_may_be_unpacked_elsewhere(parcel: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    folder = unpack_parcel(parcel, tmp_path / "desk")
    assert folder == tmp_path / "desk" / "R01" and contents(folder) == contents(source)
    assert names_in(parcel.parent) == ["R01.blindread"]


def test_a_place_where_nothing_can_be_written_is_an_error_of_its_own(parcel: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match="Choose a folder of your own"):
        unpack_parcel(parcel, tmp_path / "file")


def test_a_second_window_waits_its_turn(parcel: Path) -> None:
    draft = parcel.parent / ".R01.partial"
    draft.mkdir()
    lock = module.SessionLock(draft)
    with pytest.raises(StudyError, match="open already"):
        unpack_parcel(parcel)
    lock.release()
    unpack_parcel(parcel)


@pytest.mark.parametrize("name", ["R01.blindread", "R01 (1).blindread", "R01.BLINDREAD", "R01.blindread.zip"])
def test_mail_programs_may_rename_it(parcel: Path, name: str) -> None:
    renamed = parcel.rename(parcel.with_name(name))
    assert is_parcel(renamed)
    assert open_received(renamed).folder == parcel.parent / "R01"


# --- hostile files ---


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "/evil.txt", "C:\\evil.txt", "images/../../evil", "images\\x", "evil.txt", "Manifest.json",
     "SESSION.SQLITE", "images/0123456789abcdef_A.nii.gz", "a" * 300, "images", "session.sqlite-journal",
     "session.lock", ".", "..", "con", "manifest.json\u202e", "évil"],
)  # fmt: skip
def test_a_name_that_was_not_signed_is_refused(parcel: Path, tmp_path: Path, name: str) -> None:
    rezip(parcel, lambda entries: entries.append((zipfile.ZipInfo(name), b"x")))
    refused(parcel, "does not belong")
    assert names_in(tmp_path) == ["mail"]


def test_a_hidden_name_is_refused(parcel: Path) -> None:
    """Before a NUL stands a signed name, behind it another."""
    rezip(parcel, lambda entries: entries.append((zipfile.ZipInfo("manifestXjson"), b"x")))
    parcel.write_bytes(parcel.read_bytes().replace(b"manifestXjson", b"manifest\0json"))
    refused(parcel, "hidden")


@pytest.mark.parametrize("name", ["session.sqlite", "manifest.json"])
def test_a_name_that_stands_there_twice_is_refused(parcel: Path, name: str) -> None:
    rezip(parcel, lambda entries: entries.append((zipfile.ZipInfo(name), b"x")))
    refused(parcel, "twice")


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO | 0o644, stat.S_IFCHR])
def test_links_and_devices_are_refused(parcel: Path, mode: int) -> None:
    def change(entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        entries[0][0].external_attr = mode << 16

    rezip(parcel, change)
    refused(parcel, "folder or a link")


def test_folders_are_refused(parcel: Path) -> None:
    rezip(parcel, lambda entries: entries.append((zipfile.ZipInfo("images/"), b"")))
    refused(parcel, "folder or a link")


def test_a_compressed_parcel_is_refused(parcel: Path) -> None:
    """So no file can swell while it is unpacked."""
    rezip(parcel, lambda entries: None, zipfile.ZIP_DEFLATED)
    refused(parcel, "compressed")


def test_an_encrypted_parcel_is_refused(parcel: Path) -> None:
    data = bytearray(parcel.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # general purpose flag, bit 0 (APPNOTE 4.4.4)
    parcel.write_bytes(data)
    refused(parcel, "encrypted")


def test_a_missing_file_is_named(parcel: Path) -> None:
    rezip(parcel, lambda entries: entries.pop())
    refused(parcel, "session.sqlite is missing")
    rezip(parcel, lambda entries: entries.pop())
    rezip(parcel, lambda entries: [entries.pop() for entry in list(entries) if "manifest" in entries[-1][0].filename])
    refused(parcel, "no manifest")


def test_a_changed_file_is_refused_though_its_checksum_fits(parcel: Path) -> None:
    for number in range(11):
        whole = parcel.read_bytes()

        def change(entries: list[tuple[zipfile.ZipInfo, bytes]], number: int = number) -> None:
            entry, data = entries[number]
            entries[number] = (entry, data[:-1] + bytes([data[-1] ^ 1]))

        rezip(parcel, change)
        refused(parcel)
        parcel.write_bytes(whole)


def test_a_longer_file_is_refused_before_it_is_unpacked(parcel: Path) -> None:
    def change(entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        entries[0] = (entries[0][0], entries[0][1] + bytes(1000))

    rezip(parcel, change)
    refused(parcel, "not as large")


def local_header(name: str, data: bytes) -> bytes:
    """APPNOTE 4.3.7, of a stored file."""
    sizes = (zlib.crc32(data), len(data), len(data), len(name), 0)
    return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, *sizes) + name.encode()


def listed(name: str, data: bytes, offset: int) -> bytes:
    """APPNOTE 4.3.12, of a stored file."""
    sizes = (zlib.crc32(data), len(data), len(data), len(name))
    rest = (0, 0, 0, 0, 0o100644 << 16, offset)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", (3 << 8) | 20, 20, 0, 0, 0, 33, *sizes, *rest) + name.encode()


def nested_parcel(folder: Path) -> tuple[Path, int]:
    """A parcel of a package that somebody signed, and what it would unpack to: each image lies in the one before."""
    manifest = read_manifest(make_package(folder / "R01", 2, 1, make_protocol(), SHAPE))
    data, images, offset = bytes(300_000), {}, 0
    for name in reversed(manifest.files):
        images[name] = data
        data = local_header(name, data) + data
    key = Ed25519PrivateKey.generate()
    files = {name: {"sha256": hashlib.sha256(image).hexdigest(), "size": len(image)} for name, image in images.items()}
    (folder / "R01" / MANIFEST).unlink()
    (folder / "R01" / SIGNATURE).unlink()
    public_key = key.public_key().public_bytes_raw().hex()
    write_manifest(folder / "R01", replace(manifest, files=files, public_key=public_key), key)
    directory = []
    for name in manifest.files:
        directory.append(listed(name, images[name], offset))
        offset += len(local_header(name, b""))
    for name in (MANIFEST, SIGNATURE, "session.sqlite"):
        content = (folder / "R01" / name).read_bytes()
        directory.append(listed(name, content, len(data)))
        data += local_header(name, content) + content
    shutil.rmtree(folder / "R01")
    count, length = len(directory), sum(map(len, directory))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, len(data), 0)
    (folder / "R01.blindread").write_bytes(data + b"".join(directory) + end)
    return folder / "R01.blindread", sum(map(len, images.values()))


def test_files_inside_one_another_are_refused(tmp_path: Path) -> None:
    """Each is as large as it says, has its checksum and is signed; yet all are many times as large as the parcel."""
    (tmp_path / "mail").mkdir()
    parcel, unpacked = nested_parcel(tmp_path / "mail")
    assert unpacked > 5 * parcel.stat().st_size
    refused(parcel, "overlap")


def test_a_gap_between_files_is_refused(parcel: Path) -> None:
    with zipfile.ZipFile(parcel) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    for at in (0, 5, len(entries) - 1):
        with zipfile.ZipFile(parcel, "w") as archive:
            for number, (name, data) in enumerate(entries):
                archive.writestr(name, data)
                if number == at:
                    archive.fp.write(b"hidden")  # type: ignore[union-attr]
                    archive.start_dir += len(b"hidden")  # type: ignore[attr-defined]
        refused(parcel, "lies between")


def test_a_session_larger_than_any_that_was_handed_out_is_refused(
    parcel: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature covers its hash, not its size, and anybody can sign a package of his own."""
    monkeypatch.setattr(module, "_MOST_SESSION", (source / "session.sqlite").stat().st_size)
    unpack_parcel(parcel, tmp_path)
    monkeypatch.setattr(module, "_MOST_SESSION", (source / "session.sqlite").stat().st_size - 1)
    refused(parcel, "larger than any")
    with pytest.raises(StudyError, match="larger than"):
        write_parcel(source, tmp_path / "R02.blindread")


def test_bytes_are_counted_while_they_are_unpacked(parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a zip library gives for a file, no more than was declared gets onto the disk."""
    most = 0

    def endless(self: zipfile.ZipExtFile, count: int = -1) -> bytes:
        nonlocal most
        most = max([most, *(path.stat().st_size for path in parcel.parent.glob(".R01.partial/**/*.gz"))])
        assert most < 10 << 20
        return bytes(1 << 20)

    with zipfile.ZipFile(parcel) as archive:
        kept = {name: archive.read(name) for name in (MANIFEST, SIGNATURE)}
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, entry, pwd=None: kept[entry.filename])
    monkeypatch.setattr(zipfile.ZipExtFile, "read", endless)
    refused(parcel, "incomplete or was altered")
    assert most == 0


def test_a_long_list_of_files_is_refused_before_it_is_read(parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_DIRECTORY", 2000)
    rezip(parcel, lambda entries: entries.extend((zipfile.ZipInfo(f"{n}"), b"") for n in range(100)))
    refused(parcel, "too many")


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 22, b"PK\x05\x06" + bytes(18), b"%PDF-1.7 a letter" * 40])
def test_other_files_are_no_parcels(parcel: Path, data: bytes) -> None:
    parcel.write_bytes(data)
    refused(parcel, "cannot be unpacked")


def test_a_parcel_inside_another_file_is_refused(parcel: Path) -> None:
    data = parcel.read_bytes()
    for odd in (b"#!/bin/sh\n" + data, data + b"\n", data[:-1], data[: len(data) // 2], data + data):
        parcel.write_bytes(odd)
        refused(parcel)


def test_a_newer_version_is_told_as_such(parcel: Path) -> None:
    def change(entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        number = next(n for n, (entry, _) in enumerate(entries) if entry.filename == "manifest.json")
        entry, data = entries[number]
        entries[number] = (entry, data.replace(b'"format_version":[1,0]', b'"format_version":[2,0]'))

    rezip(parcel, change)
    assert refused(parcel, "newer Blindread").remedy == "Install the current version."


@FUZZ
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8))
def test_changed_bytes_give_the_signed_package_or_a_sentence(whole: Path, source: Path, seed: int, count: int) -> None:
    """Half of the changes hit what zip itself wrote: headers and the list of files."""
    rng = random.Random(seed)
    data = bytearray(whole.read_bytes())
    directory = data.index(b"PK\x01\x02")
    for _ in range(count):
        place = rng.randrange(directory, len(data)) if rng.random() < 0.5 else rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                data[place] ^= 1 << rng.randrange(8)
            case 2:
                del data[place : place + rng.randrange(1, 40)]
    _unpack_odd(bytes(data), whole.parent / "odd", source)


@FUZZ
@given(names=st.lists(st.text(max_size=40), max_size=4), at=st.integers(0, 11))
def test_odd_names_are_refused_in_a_sentence(whole: Path, source: Path, names: list[str], at: int) -> None:
    place = whole.parent / "named"
    place.mkdir(exist_ok=True)
    path = Path(shutil.copy(whole, place / "R01.blindread"))
    infos = []
    for name in names:
        info = zipfile.ZipInfo()
        info.filename = info.orig_filename = name.encode("utf-8", "replace").decode()
        infos.append((info, b"x"))
    rezip(path, lambda entries: entries.__setitem__(slice(at, at), infos))
    _unpack_odd(path.read_bytes(), place, source)


def _unpack_odd(data: bytes, place: Path, source: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "R01.blindread"
    path.write_bytes(data)
    before = names_in(place.parent)
    try:
        folder = unpack_parcel(path)
    except StudyError:
        assert names_in(place) == [path.name]
    else:
        assert contents(folder) == contents(source)
    assert names_in(place.parent) == before


# --- verified as it is ---


def test_a_parcel_is_verified_without_a_trace(parcel: Path) -> None:
    before = parcel.read_bytes()
    assert verify_parcel(parcel) == []
    assert names_in(parcel.parent) == [parcel.name] and parcel.read_bytes() == before


def test_a_problem_inside_names_the_parcel_and_no_folder_that_is_gone(
    parcel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who signs could make such a parcel: its bytes are as signed, and make no sense."""
    monkeypatch.setattr(module, "verify_package", lambda folder: [f"{folder / 'session.sqlite'}: Odd. {ASK_AGAIN}"])
    (problem,) = verify_parcel(parcel)
    assert problem.startswith(f"{parcel}/session.sqlite: Odd. ") and "your scores are in it" not in problem


def test_no_room_for_the_temporary_folder_is_a_sentence(parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    (problem,) = verify_parcel(parcel)
    assert problem.startswith(f"{parcel}: ") and "No space left" in problem


def test_the_folder_beside_a_parcel_is_known_by_its_content(parcel: Path, tmp_path: Path) -> None:
    assert unpacked_folder(parcel) is None
    folder = unpack_parcel(parcel)
    assert unpacked_folder(parcel) == folder
    shutil.rmtree(folder)
    make_package(folder, 1, 1, make_protocol(), SHAPE, package_id="f" * 16)
    assert unpacked_folder(parcel) is None
    check_not_parcel(folder)
    parcel.write_bytes(b"no zip")
    with pytest.raises(StudyError, match="holds no answers"):
        check_not_parcel(parcel)
