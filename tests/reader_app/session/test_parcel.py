"""The one file to mail: it gives back the package as it was signed, or it gives nothing."""

import errno
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from reader_app.session import parcel as module
from reader_app.session.manifest import ASK_AGAIN
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
from tests.reader_app.session.parcels import contents, names_in


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
