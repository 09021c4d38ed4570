"""Which exams are decoded when, without looking at a clock."""

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from reader_app.images import ExamImages
from reader_app.prefetch import Prefetch
from reader_app.session.model import Reading
from segmentation.errors import StudyError
from tests.reader_app.made_exams import MemoryPackage, four_files

IDS = [f"{n:016x}" for n in range(6)]
READINGS = [Reading(name, n + 1, is_practice=False) for n, name in enumerate(IDS)]
ONE_EXAM = 40 * 50 * 30 * (2 + 2 + 1 + 1)  # bytes: two layers of int16, two masks


class SlowPackage(MemoryPackage):
    """A package that reads when it is let, and may be damaged."""

    def __init__(self) -> None:
        super().__init__(four_files())
        self.manifest = SimpleNamespace(protocol=SimpleNamespace(layers=("T1c", "FLAIR")))
        self.go = threading.Event()
        self.go.set()
        self.begun = threading.Event()
        self.damaged: set[str] = set()

    def read_image(self, reading_id: str, name: str) -> bytes:
        self.begun.set()
        self.go.wait(30)
        if reading_id in self.damaged:
            raise StudyError("The image is damaged.", file=f"{reading_id}_{name}.nii.gz")
        return super().read_image(reading_id, name)

    @property
    def decoded(self) -> list[str]:
        return [reading_id for reading_id, name in self.reads if name == "T1c"]


def wait_for_all(prefetch: Prefetch) -> None:
    """Until the one worker has done what was asked of it."""
    prefetch._worker.submit(lambda: None).result(30)


@pytest.fixture
def package() -> SlowPackage:
    return SlowPackage()


def test_the_next_and_the_previous_exam_follow_the_one_asked_for(package: SlowPackage) -> None:
    prefetch = Prefetch(package, READINGS)
    assert prefetch.get(IDS[2]).result(30).reading_id == IDS[2]
    wait_for_all(prefetch)
    assert package.decoded == [IDS[2], IDS[3], IDS[1]]
    assert prefetch.get(IDS[3]).done()
    wait_for_all(prefetch)
    assert package.decoded == [IDS[2], IDS[3], IDS[1], IDS[4]]  # 2 is still there
    prefetch.close()


def test_at_most_three_exams_are_held(package: SlowPackage) -> None:
    prefetch = Prefetch(package, READINGS)
    for name in (IDS[0], IDS[1], IDS[2], IDS[5]):
        prefetch.get(name).result(30)
        wait_for_all(prefetch)
        assert len(prefetch._futures) <= 3
    assert set(prefetch._futures) == {IDS[5], IDS[4]}
    prefetch.close()


@pytest.mark.parametrize(("limit", "held"), [(10 * ONE_EXAM, 3), (2 * ONE_EXAM, 2), (ONE_EXAM, 1), (1, 1)])
def test_nothing_is_fetched_ahead_beyond_the_memory_limit(package: SlowPackage, limit: int, held: int) -> None:
    prefetch = Prefetch(package, READINGS, memory_limit=limit)
    prefetch.get(IDS[2]).result(30)
    wait_for_all(prefetch)
    assert len(package.decoded) == held
    assert prefetch.get(IDS[3]).result(30).reading_id == IDS[3]  # what is asked for always comes
    prefetch.close()


def test_a_reader_who_goes_on_quickly_does_not_wait_for_exams_in_between(package: SlowPackage) -> None:
    package.go.clear()
    prefetch = Prefetch(package, READINGS)
    first = prefetch.get(IDS[0])
    assert package.begun.wait(30)
    skipped = prefetch.get(IDS[2])
    last = prefetch.get(IDS[5])
    package.go.set()
    assert last.result(30).reading_id == IDS[5]
    wait_for_all(prefetch)
    assert package.decoded[:2] == [IDS[0], IDS[5]]  # what was under way ends, what waited is dropped
    assert skipped.cancelled() and first.done()
    prefetch.close()


def test_asking_twice_while_waiting_gives_the_same(package: SlowPackage) -> None:
    package.go.clear()
    prefetch = Prefetch(package, READINGS)
    prefetch.get(IDS[0])
    once = prefetch.get(IDS[3])
    again = prefetch.get(IDS[3])
    package.go.set()
    assert again is once
    assert once.result(30).reading_id == IDS[3]
    prefetch.close()


def test_a_damaged_exam_fails_alone_and_is_tried_again(package: SlowPackage) -> None:
    package.damaged = {IDS[1]}
    prefetch = Prefetch(package, READINGS)
    assert prefetch.get(IDS[0]).result(30).reading_id == IDS[0]
    wait_for_all(prefetch)
    with pytest.raises(StudyError, match="damaged"):
        prefetch.get(IDS[1]).result(30)
    assert prefetch.get(IDS[2]).result(30).reading_id == IDS[2]
    package.damaged = set()
    assert prefetch.get(IDS[1]).result(30).reading_id == IDS[1]
    prefetch.close()


def test_closing_drops_what_waits_and_ends_the_worker(package: SlowPackage) -> None:
    package.go.clear()
    prefetch = Prefetch(package, READINGS)
    prefetch.get(IDS[0])
    waiting: Future[ExamImages] = prefetch.get(IDS[4])
    package.go.set()
    prefetch.close()
    assert waiting.done()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
