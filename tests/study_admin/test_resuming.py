"""Handing out that was interrupted, and goes on; and what may lie in its way."""

import multiprocessing
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from reader_app.session.package import verify_package
from segmentation.errors import StudyError
from study_admin.blinding.export import Sealing, seal_study, write_packages
from study_admin.design import Study
from study_admin.records import Opening
from tests.study_admin.grouped_study import (
    PASSPHRASE,
    READERS,
    Export,
    contents,
    exporting,
    grouped_study,
    listing,
    opened,
)
from tests.study_admin.scripted_readers import read_package

pytestmark = pytest.mark.usefixtures("quick_seal")


@pytest.fixture
def study(exams: Path) -> Study:
    return grouped_study(exams)


@pytest.fixture
def opening(study: Study, tmp_path: Path) -> Opening:
    return opened(study, tmp_path / "keys")


@pytest.fixture
def export(study: Study, opening: Opening, tmp_path: Path) -> Export:
    return exporting(study, opening, tmp_path)


def test_cancelled_and_taken_up_again(export: Export, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == total - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(progress=stop)
    out = tmp_path / "out"
    assert listing(out) == ["R01", "R02"]
    before = {path: path.stat().st_ino for path in sorted(out.rglob("*"))}
    assert [item.reader for item in export()] == list(READERS)
    assert listing(out) == list(READERS)
    assert {path: path.stat().st_ino for path in before} == before
    assert all(verify_package(out / reader) == [] for reader in READERS)


@pytest.mark.skipif(sys.platform == "win32", reason="a process forks")
@pytest.mark.parametrize("as_files", [False, True])
def test_killed_and_taken_up_again(as_files: bool, export: Export, tmp_path: Path) -> None:
    """kill -9 from within, in the middle of the second package: 24 files encoded, 16 of the first, then one more.

    As files: when the second file has been written and hasn't got its name yet.
    """
    ending = ".blindread" if as_files else ""

    def dying() -> None:
        done, calls = (Path.rename if as_files else Path.write_bytes), Counter[str]()

        def count(path: Path, *arguments: object) -> object:
            calls["all"] += 1
            if calls["all"] == (4 if as_files else 42):  # two renames a file
                os.kill(os.getpid(), signal.SIGKILL)
            return done(path, *arguments)  # type: ignore[arg-type]

        setattr(Path, done.__name__, count)
        export(as_files=as_files)

    child = multiprocessing.get_context("fork").Process(target=dying)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert [name for name in listing(tmp_path / "out") if not name.startswith(".")] == [f"R01{ending}"]
    assert ".export.partial" in listing(tmp_path / "out")
    assert len(export(as_files=as_files)) == 4
    assert listing(tmp_path / "out") == [reader + ending for reader in READERS]


def test_cancelled_before_the_first_package(export: Export, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == total - 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(progress=stop)
    assert listing(tmp_path) == ["exams", "keys"]


@pytest.mark.parametrize("as_files", [False, True])
def test_a_full_disk_in_the_middle(
    as_files: bool, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = Path.write_bytes, Counter[str]()

    def fill_up(path: Path, data: bytes) -> int:
        written["files"] += 1
        if written["files"] == 45:  # 24 encoded, 16 of the first package, then the second
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_up)
        with pytest.raises(StudyError, match=r"Writing failed \(No space left on device\)"):
            export(as_files=as_files)
    ending = ".blindread" if as_files else ""
    assert listing(tmp_path / "out") == [f"R01{ending}"]
    assert len(export(as_files=as_files)) == 4
    assert listing(tmp_path / "out") == [reader + ending for reader in READERS]


def test_a_reader_who_began_is_left_alone(export: Export, tmp_path: Path) -> None:
    first = export()
    read_package(tmp_path / "out/R02", lambda position, side: 7, exams=1)
    before = contents(tmp_path / "out")
    assert export() == first
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("kind", ["note", "file", "link", "other reader", "damaged", "lost image", "altered"])
def test_what_lies_in_the_way_is_refused_by_name(kind: str, export: Export, tmp_path: Path) -> None:
    place = tmp_path / "out/R02"
    if kind in ("note", "file", "link"):
        place.parent.mkdir()
        if kind == "note":
            place.mkdir()
            (place / "note.txt").write_text("mine")
        elif kind == "file":
            place.write_text("mine")
        else:
            place.symlink_to(tmp_path / "nowhere")
    elif kind == "other reader":
        export(readers=["R03"])
        (tmp_path / "out/R03").rename(place)
    else:
        export(readers=["R02"])
        image = min(place.glob("images/*_A.nii.gz"))
        if kind == "damaged":
            image.write_bytes(image.read_bytes()[:-1] + b"x")
        elif kind == "lost image":
            image.unlink()
        else:
            manifest = place / "manifest.json"
            manifest.write_bytes(manifest.read_bytes().replace(b"Reader study", b"Raider study"))
    before = contents(tmp_path / "out")
    with pytest.raises(StudyError, match=rf"^{place}: .*package of R02 should|^{place}: Another package lies where"):
        export()
    assert contents(tmp_path / "out") == before
    assert listing(tmp_path / "out") == ["R02"]


def test_a_package_of_another_opening(study: Study, export: Export, tmp_path: Path) -> None:
    other = seal_study(study, {"R03": 1}, tmp_path / "other keys", Sealing(PASSPHRASE))
    write_packages(study, other, tmp_path / "other keys", PASSPHRASE, tmp_path / "out", readers=["R01"])
    with pytest.raises(StudyError, match=r"out/R01: Another package lies .* of another reader, study or opening"):
        export()


@pytest.mark.parametrize("kind", ["short", "other reader"])
def test_a_doubtful_file_in_the_way(kind: str, export: Export, tmp_path: Path) -> None:
    export(as_files=True, readers=["R01"])
    first, second = tmp_path / "out/R01.blindread", tmp_path / "out/R02.blindread"
    if kind == "short":
        first.write_bytes(first.read_bytes()[:-100])
    else:
        first.rename(second)
    with pytest.raises(StudyError, match=r"out/R0[12]\.blindread: .*package"):
        export(as_files=True)
    assert len(listing(tmp_path / "out")) == 1
