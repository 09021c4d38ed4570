"""200 times kill -9 in the middle of scoring: what the reader was told is saved, is.

This proves nothing about power cuts: a killed process leaves the system's caches alive.
"""

import json
import os
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from reader_app.session.model import Side
from reader_app.session.package import Package, open_package, verify_package
from tests.reader_app.session.conftest import open_store

ROOT = Path(__file__).parents[3]
LIVES = 25  # of one session; more would make its trail, and each opening, long

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes, which Windows has not")


def kill(folder: Path, seed: int, *options: str) -> list[list[str]]:
    """What each killed life was told is saved."""
    command = [sys.executable, "-m", "tests.reader_app.session.killing", folder, str(LIVES), str(seed), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line)["told"] for line in done.stdout.splitlines()]


def saved_in(package: Package) -> dict[str, list[str]]:
    """The scores in the trail, by sitting; the opening checks chain, tables and pages."""
    saved: dict[str, list[str]] = {}
    with open_store(package) as store:
        for event in store.events():
            if event.field == "score":
                saved.setdefault(event.sitting, []).append(f"{event.reading_id} {event.side} {event.new}")
    return saved


def lost(told: list[list[str]], saved: dict[str, list[str]]) -> int:
    """How many scores were told and are not there, in the order they were told.

    A life may have saved one score more than it told: the end came between the disk and the word.
    """
    missing = 0
    for sitting, *words in filter(None, told):
        kept = saved.get(sitting, [])
        assert len(kept) <= len(words) + 1
        missing += sum(word != there for word, there in zip_longest(words, kept[: len(words)]))
    return missing


@pytest.mark.parametrize("seed", range(8))
def test_25_kills_lose_nothing(package: Package, seed: int) -> None:
    told = kill(package.folder, seed)
    assert len(told) == LIVES
    assert sum(map(len, told)) > 2 * LIVES  # it did score
    assert lost(told, saved_in(package)) == 0
    assert verify_package(package.folder) == []


def test_a_store_that_told_too_early_would_be_caught(package: Package) -> None:
    told = kill(package.folder, 99, "ack-too-early")
    assert lost(told, saved_in(package)) > 0


DIE_IN_COMMIT = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # pages go into the file before the COMMIT
connection.execute("BEGIN")
connection.execute("UPDATE score SET value = 0")
connection.execute("INSERT INTO kept_view VALUES (1, ?, ?)", ("x" * 500_000, "0" * 64))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_save_cut_in_the_middle_is_taken_back(package: Package) -> None:
    """The journal of a killed process is played back at the next opening; verifying, which writes nothing, says so."""
    with open_store(package) as store:
        store.record_score(store.readings[0].reading_id, Side.A, 5, how="key")
    whole = package.session.read_bytes()
    subprocess.run([sys.executable, "-c", DIE_IN_COMMIT, package.session], check=False)
    assert package.session.read_bytes() != whole
    assert "in the middle of a save" in verify_package(package.folder)[0]
    with open_store(package) as store:
        assert store.answers(store.readings[0].reading_id).a.score == 5
    assert verify_package(package.folder) == []


def test_the_first_save_cut_in_the_middle_leaves_the_session_as_it_was_handed_out(package: Package) -> None:
    subprocess.run([sys.executable, "-c", DIE_IN_COMMIT, package.session], check=False)
    open_store(open_package(package.folder)).close()
