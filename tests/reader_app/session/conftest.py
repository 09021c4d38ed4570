"""What the tests of the session share: packages to spoil, and a home for the reader's keys."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reader_app.session.model import ReaderProfile, Side
from reader_app.session.package import Package, open_package
from reader_app.session.parcel import write_parcel
from reader_app.session.store import SessionStore
from tests.reader_app.making import make_package, make_protocol

SHAPE = (12, 14, 10)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This computer, as far as the session knows it."""
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untouched package of one practice exam and three that count, with two closing questions."""
    return make_package(tmp_path_factory.mktemp("master") / "R01", 3, 1, make_protocol(questions=2), SHAPE)


@pytest.fixture
def package(master: Path, tmp_path: Path) -> Package:
    return open_package(Path(shutil.copytree(master, tmp_path / "R01")))


@pytest.fixture
def store(package: Package) -> Iterator[SessionStore]:
    with open_store(package) as store:
        yield store


def open_store(package: Package, **options: object) -> SessionStore:
    return SessionStore.open(package.session, package.manifest, app_version="0.1", **options)  # type: ignore[arg-type]


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**70, 7.5, "", "x", "\u202e", "0" * 16, [], [[]], {}, {"a": []}, ["A"], [1, 0],
)  # fmt: skip


def spoil(form: Any, rng: random.Random) -> None:
    """Put an odd value, or the value of a neighbour, somewhere into a JSON value."""
    place = form
    while True:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not (isinstance(place[key], dict | list) and place[key]) or rng.random() < 0.1:
            break
        place = place[key]
    others = list(place.values() if isinstance(place, dict) else place)
    place[key] = rng.choice([*ODD_VALUES, *others])


def read_all(store: SessionStore) -> None:
    """Answer all there is to answer: scores 1, 2, 3 ... in the order of reading, A before B."""
    store.record_profile(ReaderProfile("neuroradiology", 9, "S1", "A. Reader"))
    for number, reading in enumerate(store.readings):
        for side in Side:
            store.record_score(reading.reading_id, side, 2 * number + (side is Side.B) + 1, how="key")
        store.record_event("exam_left", reading_id=reading.reading_id, new='{"visit":1}')
    store.record_comment(store.readings[1].reading_id, Side.B, "Oedema,\nnot tumour – größer")
    for question in store.protocol.closing_questions:
        store.record_closing_answer(question.question_id, "B", "sure")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package nobody has opened: two exams, eleven files."""
    return make_package(tmp_path_factory.mktemp("source") / "R01", 1, 1, make_protocol(), SHAPE)


@pytest.fixture(scope="module")
def whole(source: Path) -> Path:
    write_parcel(source, source.parent / "R01.blindread")
    return source.parent / "R01.blindread"


@pytest.fixture
def parcel(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return Path(shutil.copy(whole, tmp_path / "mail" / "R01.blindread"))
