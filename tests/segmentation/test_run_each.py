"""Many exams at once: one that fails, crashes or fills the disk does not stop the others, and each is named."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from segmentation import cohort
from segmentation.errors import StudyError
from segmentation.step_limit import limited


@dataclass(frozen=True)
class Exam:
    """Something with a name."""

    name: str


def _work(exam: Exam, folder: Path) -> int:
    """A different fate for each name."""
    match exam.name:
        case "sentence":
            raise StudyError("The image is torn.", file="t1c.nii.gz", remedy="Copy it again.")
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/mask.nii.gz")
        case "memory":
            raise MemoryError
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "bug":
            raise ZeroDivisionError("1/0")
    with (folder / exam.name).open("a") as file:
        file.write("x")
    return len(exam.name)


def _slow(exam: Exam) -> str:
    """Two steps; "stuck" hangs in its second, in C code that holds the interpreter's lock, as a library may."""
    with limited("reading"):
        time.sleep(0.01)
    with limited("bias field"):
        if exam.name == "stuck":
            re.match("(a+)+$", "a" * 60 + "b")  # would take 2 to the power 60 steps
    return exam.name


def _polite(exam: Exam, folder: Path) -> None:
    """Works on when asked to end, as a training does that finishes its step first."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    (folder / f"{os.getpid()}.pid").touch()
    while True:
        time.sleep(0.05)


def _kept(exam: Exam, folder: Path) -> int | None:
    return 99 if (folder / exam.name).exists() else None


def _threads(_: Exam) -> tuple[str | None, str | None]:
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def test_outcomes_in_order_and_a_failure_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exams = [Exam(name) for name in ("a", "sentence", "full", "memory", "bcd")]
    outcomes = cohort.run_each(partial(_work, folder=tmp_path), exams, jobs=2)
    assert [outcome.name for outcome in outcomes] == ["a", "sentence", "full", "memory", "bcd"]
    assert [outcome.result for outcome in outcomes] == [1, None, None, None, 3]
    assert outcomes[1].error == "t1c.nii.gz: The image is torn. Copy it again."
    assert outcomes[2].error.startswith("out/mask.nii.gz: No space left on device.")
    assert "memory ran out" in outcomes[3].error
    assert "sentence: t1c.nii.gz: The image is torn." in capsys.readouterr().err
    assert cohort.summary(outcomes).splitlines()[0].startswith("2 of 5 exams done in 0.0 s each, 3 failed:")
    assert [outcome.name for outcome in cohort.failed(outcomes)] == ["sentence", "full", "memory"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_worker_costs_its_own_exam_only(tmp_path: Path, jobs: int) -> None:
    exams = [Exam(name) for name in ("a", "killed", "b", "c")]
    outcomes = cohort.run_each(partial(_work, folder=tmp_path), exams, jobs=jobs)
    assert [outcome.result for outcome in outcomes] == [1, None, 1, 1]
    assert "was ended from outside" in outcomes[1].error


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exam_that_hangs_is_given_up_and_named_with_its_step(jobs: int) -> None:
    exams = [Exam(name) for name in ("a", "stuck", "b", "c")]
    outcomes = cohort.run_each(_slow, exams, jobs=jobs, step_limit_s=3)
    assert [outcome.result for outcome in outcomes] == ["a", None, "b", "c"]
    assert outcomes[1].error.startswith("Bias field: not finished after 0.05 min, and given up.")
    assert "--step-minutes" in outcomes[1].error


def test_a_bug_is_loud_but_only_when_the_others_are_done(tmp_path: Path) -> None:
    exams = [Exam(name) for name in ("bug", "a", "b")]
    with pytest.raises(ZeroDivisionError) as error:
        cohort.run_each(partial(_work, folder=tmp_path), exams, jobs=1)
    assert (tmp_path / "a").exists() and (tmp_path / "b").exists()
    assert "bug" in error.value.__notes__[0]


def test_what_is_done_is_kept(tmp_path: Path) -> None:
    exams = [Exam("a"), Exam("b")]
    run = partial(cohort.run_each, partial(_work, folder=tmp_path), kept=partial(_kept, folder=tmp_path), jobs=1)
    assert [outcome.is_kept for outcome in run(exams[:1])] == [False]
    again = run(exams)
    assert [(outcome.result, outcome.is_kept) for outcome in again] == [(99, True), (1, False)]
    assert (tmp_path / "a").read_text() == "x"
    assert "1 kept from before" in cohort.summary(again)


def test_threads_are_set_in_the_workers_and_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert cohort.run_each(_threads, [Exam("a")])[0].result == ("1", "1")
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_jobs_fit_cores_memory_and_exams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 7 * 2**30})())
    assert cohort.fitting_jobs(8, 2.0, 100) == 3  # 7 GiB hold three of 2 GiB
    assert cohort.fitting_jobs(8, 0.5, 5) == 5
    assert cohort.fitting_jobs(1, 20.0, 5) == 1
    with pytest.raises(StudyError, match="from 1 up"):
        cohort.fitting_jobs(0, 1.0, 5)


def test_nothing_to_do() -> None:
    assert cohort.run_each(_threads, []) == ()


def test_a_fingerprint_knows_bytes_and_parameters(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    first = cohort.fingerprint([file], {"b": 1, "a": 2})
    assert first == cohort.fingerprint([file], {"a": 2, "b": 1})
    assert first != cohort.fingerprint([file], {"a": 2, "b": 2})
    file.write_bytes(b"abd")
    assert first != cohort.fingerprint([file], {"a": 2, "b": 1})
    # FIPS 180-2, appendix B.1
    file.write_bytes(b"abc")
    assert cohort.file_sha256(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_interrupt_ends_the_workers(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    text = """
        import os, pathlib, time
        from types import SimpleNamespace
        from segmentation import cohort

        def work(exam):
            pathlib.Path(exam.name).write_text(str(os.getpid()))
            time.sleep(60)

        if __name__ == "__main__":
            cohort.run_each(work, [SimpleNamespace(name=n) for n in "ab"], jobs=1)
    """
    script.write_text(textwrap.dedent(text))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not ((tmp_path / "a").exists() and (tmp_path / "a").read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        worker = int((tmp_path / "a").read_text())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert b"KeyboardInterrupt" in said and not (tmp_path / "b").exists()
    assert not psutil.pid_exists(worker)


PATIENTLY = """
import signal
import sys
from functools import partial
from pathlib import Path
from segmentation import cohort
from tests.segmentation.test_run_each import Exam, _polite
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite started in the background ignores it
    cohort.run_each(partial(_polite, folder=Path(sys.argv[1])), [Exam("a"), Exam("b")], jobs=2, memory_gib=0.1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signals")
@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGKILL]], ids=["Ctrl-C twice", "kill -9"])
def test_no_worker_outlives_the_command(tmp_path: Path, signals: list[signal.Signals]) -> None:
    script = tmp_path / "patiently.py"
    script.write_text(PATIENTLY, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, script, str(tmp_path)]
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
        for number in signals:
            running.send_signal(number)
            time.sleep(0.5)
        running.wait(30)
        _until(lambda: not any(map(psutil.pid_exists, workers)))
    finally:
        running.kill()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
