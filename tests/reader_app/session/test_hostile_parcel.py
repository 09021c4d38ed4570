"""Parcels that nobody at the study made: refused in a sentence, and nothing of them stays."""

import hashlib
import random
import shutil
import stat
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reader_app.session import parcel as module
from reader_app.session.manifest import MANIFEST, SIGNATURE, read_manifest, write_manifest
from reader_app.session.parcel import (
    unpack_parcel,
    write_parcel,
)
from segmentation.errors import StudyError
from tests.reader_app.making import make_package, make_protocol
from tests.reader_app.session.conftest import SHAPE
from tests.reader_app.session.parcels import contents, names_in, refused, rezip

FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
