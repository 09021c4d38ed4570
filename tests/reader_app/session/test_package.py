"""A package is what was signed, or its opening says which file is not."""

import contextlib
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reader_app.session.package import Package, fingerprint, open_package, verify_package
from segmentation.errors import StudyError
from tests.reader_app.making import SIGNING_KEY, make_package, make_protocol
from tests.reader_app.session.conftest import SHAPE, open_store, read_all, spoil

SMALL = make_protocol()


@pytest.fixture(scope="module")
def small_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("small") / "R01", 1, 1, SMALL, SHAPE)


@pytest.fixture
def small(small_master: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_master, tmp_path / "small"))


NUMBER_OF_FILES = 2 * 4 + 3


def test_the_fingerprint_is_that_of_the_key() -> None:
    """Expected value: sha256sum of the public key of RFC 8032, section 7.1, test 1."""
    public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert fingerprint(public_key) == "21fe 31df a154 a261 626b f854 046f d227 1b7b ed4b 6abe 45aa"


def test_a_sound_package_has_no_problems(small: Path) -> None:
    package = open_package(small)
    steps: list[tuple[int, int]] = []
    assert verify_package(small, lambda done, total: steps.append((done, total))) == []
    assert steps[0] == (0, 9) and steps[-1] == (9, 9)
    assert package.warnings == ()
    for reading in package.manifest.readings:
        for name in ("T1c", "FLAIR", "A", "B"):
            path = small / f"images/{reading.reading_id}_{name}.nii.gz"
            assert package.read_image(reading.reading_id, name) == path.read_bytes()


@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("number", range(NUMBER_OF_FILES))
def test_a_changed_byte_in_any_file_is_found_and_named(small: Path, number: int, where: str) -> None:
    files = sorted(path for path in small.rglob("*") if path.is_file())
    assert len(files) == NUMBER_OF_FILES
    path = files[number]
    data = bytearray(path.read_bytes())
    data[{"first": 0, "middle": len(data) // 2, "last": -1}[where]] ^= 1
    path.write_bytes(data)
    (problem,) = verify_package(small)
    assert path.name in problem
    with pytest.raises(StudyError) as caught:
        use_everything(small)
    assert path.name in str(caught.value)


def use_everything(folder: Path) -> None:
    """What the reader app does with a package."""
    package = open_package(folder)
    for reading in package.manifest.readings:
        for name in ("T1c", "FLAIR", "A", "B"):
            package.read_image(reading.reading_id, name)
    open_store(package).close()


@pytest.mark.parametrize("number", range(NUMBER_OF_FILES))
def test_a_missing_file_is_named(small: Path, number: int) -> None:
    path = sorted(path for path in small.rglob("*") if path.is_file())[number]
    path.unlink()
    with pytest.raises(StudyError, match=r"missing|not a Blindread package"):
        use_everything(small)
    assert verify_package(small)


def test_a_missing_image_keeps_no_other_from_being_read(small: Path) -> None:
    first, second = sorted((small / "images").iterdir())[:2]
    first.unlink()
    package = open_package(small)
    reading_id, name = second.name.removesuffix(".nii.gz").split("_")
    assert package.read_image(reading_id, name) == second.read_bytes()


@pytest.mark.parametrize("number", range(NUMBER_OF_FILES))
def test_a_link_is_refused(small: Path, number: int) -> None:
    path = sorted(path for path in small.rglob("*") if path.is_file())[number]
    path.symlink_to(path.rename(small.parent / "elsewhere"))
    with pytest.raises(StudyError, match="link") as caught:
        open_package(small)
    assert caught.value.file == path


def test_damaged_images_spoil_their_own_exam_only(small: Path) -> None:
    first, second = open_package(small).manifest.readings
    path = small / f"images/{first.reading_id}_A.nii.gz"
    path.write_bytes(path.read_bytes()[:-1])
    package = open_package(small)
    with pytest.raises(StudyError, match="damaged") as caught:
        package.read_image(first.reading_id, "A")
    assert caught.value.file == path
    path.write_bytes(b"x" * 1_000_000)
    with pytest.raises(StudyError, match="larger"):
        package.read_image(first.reading_id, "A")
    assert package.read_image(second.reading_id, "A")
    with pytest.raises(KeyError):
        package.read_image("../../../etc", "A")


def test_files_that_are_not_in_the_manifest(small: Path) -> None:
    for litter in (".DS_Store", "images/Thumbs.db", "images/._x", "results-R01.json", "session.lock", "notes.txt"):
        (small / litter).write_bytes(b"x")
    open_package(small)  # file managers and readers leave things
    (small / "images/extra.nii.gz").write_bytes(b"x")
    with pytest.raises(StudyError, match="does not belong") as caught:
        open_package(small)
    assert caught.value.file == small / "images/extra.nii.gz"


def test_twins_but_for_capitals_are_refused(small: Path) -> None:
    path = next((small / "images").iterdir())
    shutil.copy(path, path.with_name(path.name.upper()))
    with pytest.raises(StudyError, match="capitals"):
        open_package(small)


def test_any_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(StudyError, match="not a Blindread package"):
            open_package(folder)


# --- manifests that are well signed, but not what the admin writes ---


def resign(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    write_signed(folder, data)


def write_signed(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sig").write_text(SIGNING_KEY.sign(b"blindread-package-v1\0" + data).hex())


def rename_reading(manifest: dict[str, Any], new: str) -> None:
    old = manifest["readings"][0]["reading_id"]
    manifest["readings"][0]["reading_id"] = new
    manifest["files"] = {name.replace(old, new): entry for name, entry in manifest["files"].items()}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(note="x"),
        lambda m: m.pop("commitment"),
        lambda m: m.update(format="other"),
        lambda m: m.update(format_version=[1]),
        lambda m: m.update(format_version="1.0"),
        lambda m: m.update(package_id="0" * 15),
        lambda m: m.update(reader_code="R01\n"),
        lambda m: m.update(reader_code="../R01"),
        lambda m: m["protocol"].update(note="x"),
        lambda m: m["protocol"].update(title="\u202egnp"),
        lambda m: m["protocol"].update(layers=[]),
        lambda m: m["protocol"].update(layers=["T1c", "../x"]),
        lambda m: m["protocol"]["scale"].update(maximum=11),
        lambda m: m["protocol"]["scale"].update(minimum=True),
        lambda m: m["protocol"]["scale"]["anchors"].clear(),
        lambda m: m["readings"].append(m["readings"][0]),
        lambda m: m["readings"].reverse(),
        lambda m: m["readings"][0].update(position=2),
        lambda m: m["readings"][0].update(is_practice=1),
        lambda m: rename_reading(m, "../../../../etc/x"),
        lambda m: rename_reading(m, "A" * 16),
        lambda m: rename_reading(m, "٠" * 16),
        lambda m: rename_reading(m, "0" * 15 + "\n"),
        lambda m: m["files"].pop(next(iter(m["files"]))),
        lambda m: m["files"].update({"images/../session.sqlite": {"sha256": "0" * 64, "size": 1}}),
        lambda m: next(iter(m["files"].values())).update(size=2**40),
        lambda m: next(iter(m["files"].values())).update(size="1"),
        lambda m: next(iter(m["files"].values())).update(sha256="0" * 63),
    ],
)
def test_a_signed_manifest_must_have_the_form_too(small: Path, change: Callable[[dict[str, Any]], object]) -> None:
    resign(small, change)
    with pytest.raises(StudyError, match="damaged") as caught:
        open_package(small)
    assert caught.value.file == small / "manifest.json"
    assert len(verify_package(small)) == 1


def test_500_odd_manifests_are_refused_in_a_sentence_or_sound(small: Path) -> None:
    rng = random.Random(23)
    whole = (small / "manifest.json").read_text()
    opened = 0
    for _ in range(500):
        (small / "manifest.json").write_text(whole)
        resign(small, lambda manifest: spoil(manifest, rng))
        with contextlib.suppress(StudyError):  # anything else is a bug
            use_everything(small)
            opened += 1
    assert opened < 50


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"format":NaN}'])
def test_other_bytes_are_no_manifest(small: Path, data: bytes) -> None:
    write_signed(small, data)
    with pytest.raises(StudyError, match="manifest is damaged"):
        open_package(small)


def test_a_huge_manifest_is_not_read(small: Path) -> None:
    with (small / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(StudyError, match="larger"):
        open_package(small)


def test_another_signer_shows_in_the_fingerprint_only(small: Path) -> None:
    """Nothing in a package can tell who should have signed it: the fingerprint in the invitation does."""
    package = open_package(small)
    other = make_package(small.parent / "other", 1, 1, SMALL, SHAPE, package_id="f" * 16)
    assert open_package(other).fingerprint == package.fingerprint


def test_a_newer_format_is_refused_and_untouched(small: Path) -> None:
    resign(small, lambda m: m.update(format_version=[2, 0], news="x"))
    (small / "manifest.sig").write_text("signed in another way")
    before = digests(small)
    with pytest.raises(StudyError) as caught:
        open_package(small)
    sentence = "This package was made by a newer Blindread (format 2). Install the current version."
    assert str(caught.value).endswith(sentence)
    assert digests(small) == before


def test_a_newer_minor_version_may_say_more(small: Path) -> None:
    def add(manifest: dict[str, Any]) -> None:
        manifest["news"] = "x"
        manifest["format_version"] = [1, 1]

    resign(small, add)
    assert len(open_package(small).manifest.readings) == 2
    assert verify_package(small) == []


def test_the_session_of_a_newer_version_is_refused_and_untouched(small: Path) -> None:
    session = small / "session.sqlite"
    data = bytearray(session.read_bytes())
    data[60:64] = (2).to_bytes(4)  # user_version: https://www.sqlite.org/fileformat.html, section 1.3
    session.write_bytes(data)
    package = open_package(small)
    before = digests(small)
    with pytest.raises(StudyError, match=r"newer Blindread \(format 2\). Install the current version.") as caught:
        open_store(package)
    assert caught.value.file == session
    assert {k: v for k, v in digests(small).items() if k != "session.lock"} == before


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_the_session_of_another_reader_is_refused(package: Package, tmp_path: Path) -> None:
    protocol = make_protocol(questions=2)
    other = open_package(make_package(tmp_path / "R02", 3, 1, protocol, SHAPE, reader_code="R02", package_id="f" * 16))
    with open_store(other) as store:
        read_all(store)
    shutil.copy(other.session, package.session)
    with pytest.raises(StudyError, match="reader R02") as caught:
        open_store(package)
    assert caught.value.file == package.session
    assert "reader R02" in verify_package(package.folder)[0]


def test_a_session_with_other_exams_is_refused(package: Package, tmp_path: Path) -> None:
    """Same package id and reader, other design: only the signed manifest tells."""
    other = open_package(make_package(tmp_path / "other", 2, 1, make_protocol(questions=2), SHAPE))
    open_store(other).close()
    shutil.copy(other.session, package.session)
    with pytest.raises(StudyError, match="not the signed one"):
        open_store(package)


def test_an_emptied_session_is_not_the_pristine_one(package: Package) -> None:
    """A session made anew by the same program has the same genesis; the one that was handed out had other bytes."""
    data = bytearray(package.session.read_bytes())
    data[24:28] = data[92:96] = (99).to_bytes(4)  # file change counter and version-valid-for: no logical change
    package.session.write_bytes(data)
    with pytest.raises(StudyError, match="handed out"):
        open_store(package)
