"""A reader who is killed again and again in the middle of scoring; run as a process of its own by test_durability.

Usage: python -m tests.reader_app.session.killing FOLDER LIVES SEED [ack-too-early]

Each life is a fork, made before SQLite is opened, that opens the session and scores as fast as it can. Each score
that is saved is told through a pipe. Half of the lives end at a random moment from their birth on, half right after
a random number of saved scores. One line of JSON per life goes to stdout: what was told, first the sitting, then each
score, and how many ms the process lived.
"""

import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reader_app.session import session_file
from reader_app.session.model import Side
from reader_app.session.package import Package, open_package
from reader_app.session.store import SessionStore


def live(package: Package, pipe: int, rng: random.Random, is_early: bool) -> None:
    """Score until the end comes from outside."""
    telling: list[bytes] = []
    if is_early:
        _tell_before_commit(pipe, telling)
    store = SessionStore.open(package.session, package.manifest, app_version="0.1")
    os.write(pipe, f"{store.projection.last.sitting}\n".encode())
    readings = [reading.reading_id for reading in store.readings]
    while True:
        reading_id, side, value = rng.choice(readings), rng.choice(list(Side)), rng.randrange(11)
        if store.answers(reading_id).side(side).score == value:
            continue
        saved = f"{reading_id} {side} {value}\n".encode()
        telling[:] = [saved]
        store.record_score(reading_id, side, value, how="slider")
        if not is_early:
            os.write(pipe, saved)


def _tell_before_commit(pipe: int, telling: list[bytes]) -> None:
    """The mistake that the test must be able to see."""
    sound = session_file.transaction

    @contextmanager
    def transaction(*arguments: object) -> Iterator[None]:
        with sound(*arguments):  # type: ignore[arg-type]
            yield
            if telling:
                os.write(pipe, telling[0])

    session_file.transaction = transaction  # type: ignore[assignment]


def kill_one(package: Package, rng: random.Random, is_early: bool) -> tuple[list[str], float]:
    """Bear, let live, kill; returns what was told, and the life's length in ms."""
    seed, soon, acks = rng.random(), rng.uniform(0, 0.06), rng.randrange(1, 12)
    is_by_count = rng.random() < 0.5
    reading, writing = os.pipe()
    born = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            live(package, writing, random.Random(seed), is_early)
        finally:
            os._exit(1)
    os.close(writing)
    told = b""
    until = born + (5 if is_by_count else soon)
    while (left := until - time.monotonic()) > 0 and not (is_by_count and told.count(b"\n") >= acks):
        if select.select([reading], [], [], left)[0]:
            told += os.read(reading, 65_536)
    os.kill(child, signal.SIGKILL)
    lived = (time.monotonic() - born) * 1_000
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the reader died by itself"
    while part := os.read(reading, 65_536):
        told += part
    os.close(reading)
    return told.decode().splitlines(), lived


def main(folder: Path, lives: int, seed: int, is_early: bool) -> None:
    package, rng = open_package(folder), random.Random(seed)
    for _ in range(lives):
        told, lived = kill_one(package, rng, is_early)
        print(json.dumps({"told": told, "lived_ms": lived}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "ack-too-early" in sys.argv[4:])
