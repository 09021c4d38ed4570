"""Full, read-only and vanished disks, and two instances: nothing is called saved that is not."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reader_app.session.model import Side
from reader_app.session.package import Package, open_package, verify_package
from reader_app.session.results import write_results
from reader_app.session.store import SessionStore
from segmentation.errors import StudyError
from tests.reader_app.making import make_package
from tests.reader_app.session.conftest import SHAPE, open_store

ROOT = Path(__file__).parents[3]


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """A file system in memory; skips where this user may not mount."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def score(store: SessionStore, value: int) -> None:
    store.record_score(store.readings[0].reading_id, Side.A, value, how="key")


def shown(store: SessionStore) -> int | None:
    return store.answers(store.readings[0].reading_id).a.score


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a Linux file system in memory")
def test_a_full_disk_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    place = tmp_path / "small disk"
    with mounted(place, "-t", "tmpfs", "-o", "size=512k", "none"):
        package = open_package(make_package(place / "R01", 2, 0, shape=SHAPE))
        with open_store(package) as store:
            filler = place / "filler"
            filler.write_bytes(b"x" * 4096)
            saved = None
            with filler.open("ab", buffering=0) as file, pytest.raises(StudyError, match="the disk is full") as caught:
                for number in range(10_000):
                    os.write(file.fileno(), b"x" * 512 if _has_room(place) else b"")
                    score(store, number % 11)
                    saved = number % 11
            assert caught.value.file == package.session
            assert "NOT saved" in str(caught.value)
            assert shown(store) == saved
            with pytest.raises(StudyError):
                store.record_comment(store.readings[0].reading_id, None, "x" * 2_000)
            assert shown(store) == saved
            filler.unlink()
            score(store, 11 - (saved or 0) - 1)  # the same store goes on
            last = shown(store)
        with open_store(package) as store:
            assert shown(store) == last
        assert verify_package(package.folder) == []


def _has_room(place: Path) -> bool:
    return os.statvfs(place).f_bavail > 1


def test_a_disk_that_takes_no_more_is_a_sentence_and_the_store_goes_on(package: Package) -> None:
    """Without any right to mount: the system's limit on the size of files stands for the disk's end."""
    with open_store(package) as store:
        score(store, 3)
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (package.session.stat().st_size, old[1]))
        saved = 3
        try:
            with pytest.raises(StudyError, match="NOT saved"):
                for number in range(1_000):
                    store.record_comment(store.readings[0].reading_id, None, f"{number}" + "x" * 1_900)
                    saved = number
            before = store.answers(store.readings[0].reading_id).comment
            assert not before or before.startswith(str(saved))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        score(store, 4)
        assert shown(store) == 4
    with open_store(package) as store:
        assert shown(store) == 4
        assert store.answers(store.readings[0].reading_id).comment == before
        types = [event.type for event in store.events()]
    assert "crash_recovered" not in types


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a Linux file system in memory")
def test_a_read_only_folder_is_refused_at_once(package: Package, tmp_path: Path) -> None:
    place = tmp_path / "read-only"
    with mounted(place, "--bind", str(package.folder)):
        done = subprocess.run(["mount", "-o", "remount,ro,bind", place], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        read_only = open_package(place)
        with pytest.raises(StudyError, match="Nothing can be written into this folder") as caught:
            open_store(read_only)
        assert caught.value.file == place
        assert "Copy the whole package" in caught.value.remedy
        assert verify_package(place) == []  # looking at it is possible


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused_at_once(package: Package) -> None:
    package.folder.chmod(0o555)
    try:
        with pytest.raises(StudyError, match="Nothing can be written"):
            open_store(package)
    finally:
        package.folder.chmod(0o755)


def test_a_folder_that_vanishes_takes_no_answers_with_it(package: Package, tmp_path: Path) -> None:
    with open_store(package) as store:
        score(store, 3)
        package.folder.rename(tmp_path / "moved")
        with pytest.raises(StudyError, match="vanished"):
            score(store, 4)
        assert shown(store) == 3
        (tmp_path / "moved").rename(package.folder)
        score(store, 5)
        assert shown(store) == 5
    with open_store(package) as store:
        assert [e.new for e in store.events() if e.field == "score"] == ["3", "5"]


def test_a_session_replaced_under_our_feet_takes_no_answers(package: Package) -> None:
    """Deleted files take every write without an error, and keep none."""
    with open_store(package) as store:
        score(store, 3)
        data = package.session.read_bytes()
        package.session.unlink()
        package.session.write_bytes(data)
        with pytest.raises(StudyError, match="NOT saved"):
            score(store, 4)
        assert shown(store) == 3
    with open_store(package) as store:
        assert shown(store) == 3


@pytest.mark.parametrize(
    "place, words",
    [
        ("nowhere/r.json", "cannot lie"),
        ("images/r.json", "cannot lie"),
        ("r.txt", "as .json"),
        ("manifest.json", "as .js"),
    ],
)
def test_results_that_cannot_be_written_are_a_sentence(package: Package, place: str, words: str) -> None:
    with open_store(package) as store, pytest.raises(StudyError, match=words):
        write_results(store, package.folder / place)


HOLD = """
import sys, time
from pathlib import Path
from reader_app.session.model import Side
from reader_app.session.package import open_package
from reader_app.session.store import SessionStore
package = open_package(Path(sys.argv[1]))
store = SessionStore.open(package.session, package.manifest, app_version="0.1")
store.record_score(store.readings[0].reading_id, Side.A, 8, how="key")
print("open", flush=True)
time.sleep(600)
"""


def test_a_second_instance_is_refused_and_told_who_has_it(package: Package) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, package.folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout and holder.stdout.readline() == "open\n"
        with pytest.raises(StudyError, match=f"open already on {os.uname().nodename} .process {holder.pid},"):
            open_store(package)
        assert verify_package(package.folder) == []  # looking at it is possible, and disturbs nobody
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with open_store(package) as store:  # the lock died with its owner
        assert shown(store) == 8
        assert [e.type for e in store.events()].count("crash_recovered") == 1
    with open_store(package) as store:
        assert [e.type for e in store.events()].count("crash_recovered") == 1


def test_another_program_that_has_the_file_open_is_a_sentence(package: Package) -> None:
    with closing(sqlite3.connect(package.session, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StudyError, match="cannot be opened: another program has the file open") as caught:
            open_store(package)
        assert caught.value.file == package.session
    open_store(package).close()


def test_one_process_cannot_open_it_twice_either(package: Package) -> None:
    with open_store(package), pytest.raises(StudyError, match=f"process {os.getpid()}"):
        open_store(package)
    open_store(package).close()
