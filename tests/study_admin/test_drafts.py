"""Folders that appear whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin.blinding import drafts as module
from study_admin.blinding.drafts import drafts

HOLD = """
import sys, time
from pathlib import Path
from study_admin.blinding.drafts import drafts
with drafts(Path(sys.argv[1])) as (draft,):
    (draft / "half").write_text("written")
    print("ready", flush=True)
    time.sleep(60)
"""


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_all_appear_at_the_end(tmp_path: Path) -> None:
    with drafts(tmp_path / "key", tmp_path / "new/out") as (key, out):
        (key / "k").touch()
        (out / "o").touch()
        assert not (tmp_path / "key").exists()
        assert not (tmp_path / "new/out").exists()
    assert listing(tmp_path) == ["key", "key/k", "new", "new/out", "new/out/o"]


def test_nothing_appears_if_the_block_fails(tmp_path: Path) -> None:
    for error in (StudyError("broken"), KeyboardInterrupt()):
        with pytest.raises(type(error)), drafts(tmp_path / "key", tmp_path / "out") as (key, _):
            (key / "k").touch()
            raise error
        assert listing(tmp_path) == []


def test_nothing_appears_if_the_second_name_fails(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="Writing failed"), drafts(tmp_path / "key", tmp_path / "out"):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/of another").touch()
    assert listing(tmp_path) == ["out", "out/of another"]


def test_what_exists_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(StudyError, match=r"out: The folder is there already"),
        drafts(tmp_path / "key", tmp_path / "out"),
    ):
        pass
    assert listing(tmp_path) == ["out"]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"big: Writing failed \(No space left on device\)"), drafts(tmp_path / "out"):
        raise OSError(28, os.strerror(28), "big")
    assert listing(tmp_path) == []


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "out"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(StudyError, match="Another run is writing here"), drafts(tmp_path / "out"):
        pass
    assert ".out.partial/half" in listing(tmp_path)


def test_what_a_killed_run_left_is_cleaned_by_the_next(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert ".out.partial/half" in listing(tmp_path)
    with drafts(tmp_path / "out") as (out,):
        assert list(out.iterdir()) == []
    assert listing(tmp_path) == ["out"]


def test_a_second_run_at_any_of_the_folders_is_refused(tmp_path: Path) -> None:
    """Two runs into different output folders with one key folder: the second would clear the first one's keys."""
    for second in (("key", "other"), ("other", "key"), ("out", "other")):
        with drafts(tmp_path / "key", tmp_path / "out") as (key, out):
            (key / "k").touch()
            (out / "o").touch()
            with (
                pytest.raises(StudyError, match="Another run is writing here"),
                drafts(*(tmp_path / name for name in second)),
            ):
                pass
            assert listing(tmp_path) == [
                ".key.lock", ".key.partial", ".key.partial/k", ".out.lock", ".out.partial", ".out.partial/o"
            ]  # fmt: skip
        assert listing(tmp_path) == ["key", "key/k", "out", "out/o"]
        for name in ("key", "out"):
            shutil.rmtree(tmp_path / name)


def test_a_lock_on_a_removed_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run opens the lock file of another, which ends before it is locked: what is locked then has no name any more.

    A third run would make a file of that name and lock it as well.
    """
    first, take, opened = drafts(tmp_path / "out"), module._take, Counter[str]()
    first.__enter__()

    def end_first(handle: int) -> None:
        opened["locks"] += 1
        if opened["locks"] == 1:
            first.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        take(handle)

    monkeypatch.setattr(module, "_take", end_first)
    with drafts(tmp_path / "out"):
        assert opened["locks"] == 2
        with pytest.raises(StudyError, match="Another run is writing here"), drafts(tmp_path / "out"):
            pass
    assert listing(tmp_path) == ["out"]
