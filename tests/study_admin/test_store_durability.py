"""Two programs at one study, a disk that fails, and a process that is killed: nothing is half-done or lost."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segmentation.errors import StudyError
from study_admin import store as store_module
from study_admin.database import sqlite_file
from study_admin.store import StudyStore
from tests.study_admin.kept_study import (
    WHO,
    make_files,
    make_opening,
    make_store,
    open_by_draw,
)


def test_a_second_writer_waits(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with make_store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=store.note, args=("verify", "study"))
        waiting.start()
        time.sleep(0.2)
        other.execute("COMMIT")
        waiting.join()
        assert store.audit()[-1].what == "verify"


def test_a_second_writer_that_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    monkeypatch.setattr(sqlite_file, "_WAIT_S", 0.05)
    with StudyStore.open(path, who=WHO) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StudyError, match=r"study\.sqlite: Nothing was changed: another program keeps"):
            store.note("verify", "study")
        other.execute("COMMIT")
        store.note("verify", "study")


def test_a_store_opened_in_another_thread_frees_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSIX frees a process's locks on a file when it closes any handle of it."""
    path = tmp_path / "study.sqlite"
    begin = (
        f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"
    )
    with make_store(path) as store:
        append = store_module.append

        def append_while_others_come(*arguments: Any) -> None:
            append(*arguments)
            opener.start()
            opener.join(0.3)
            done = subprocess.run([sys.executable, "-c", begin, str(path)], check=False, capture_output=True, text=True)
            assert "database is locked" in done.stderr

        opener = threading.Thread(target=StudyStore.open, args=(path,), kwargs={"who": WHO})
        monkeypatch.setattr(store_module, "append", append_while_others_come)
        store.note("verify", "study")
        opener.join()
        store.verify_audit()


WRITER = """
import sys
from study_admin.store import StudyStore
store = StudyStore.open(sys.argv[1], who=sys.argv[2])
for number in range(int(sys.argv[3])):
    store.note("note", "study", number)
    print(number, flush=True)
"""


def _writer(where: str, who: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, where, who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def test_several_programs_make_one_chain(where: str) -> None:
    with make_store(where) as store:
        writers = [_writer(where, f"writer {number}", 15) for number in range(3)]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
        for writer in writers:
            writer.communicate()
        assert len(store.audit()) == 1 + 3 * 15
        store.verify_audit()
        for number in range(3):
            rows = [row.new for row in store.audit() if row.who == f"writer {number}"]
            assert rows == [str(note) for note in range(15)]


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_what_was_acknowledged_survives_kill_9(where: str) -> None:
    acknowledged = 0
    make_store(where).close()
    for life in range(5):
        writer = _writer(where, f"life {life}", 10_000)
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(3 + 7 * life)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.communicate()[0].splitlines()
        acknowledged += len(lines)
        with StudyStore.open(where, who=WHO) as store:
            found = len(store.audit()) - 1
            assert acknowledged <= found <= acknowledged + 1  # the last may be there without its word
            acknowledged = found
            store.verify_audit()


def test_a_full_disk_changes_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.sqlite"
    make_store(path).close()
    before = path.read_bytes()
    settings = sqlite_file._SETTINGS
    monkeypatch.setattr(sqlite_file, "_SETTINGS", (*settings, f"max_page_count = {len(before) // 4096 + 1}"))
    with StudyStore.open(path, who=WHO) as store:
        with pytest.raises(StudyError, match=r"Nothing was changed: the disk is full\. Free some space"):
            open_by_draw(store, make_opening(), [replace(f, path=f.path + "x" * 9_000) for f in make_files()])
        assert path.read_bytes() == before
        monkeypatch.setattr(sqlite_file, "_SETTINGS", settings)
        open_by_draw(store, make_opening())
        store.verify_audit()


def test_a_file_that_went_away_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with make_store(path) as store:
        path.rename(tmp_path / "moved.sqlite")
        with pytest.raises(StudyError, match=r"study\.sqlite: Nothing was changed: the file or its folder is gone"):
            store.note("verify", "study")
        with pytest.raises(StudyError, match=r"study\.sqlite: .* gone"):
            _ = store.study
        assert not path.exists()
