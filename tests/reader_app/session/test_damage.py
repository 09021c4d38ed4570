"""A damaged session file is refused and named, or the damage changed nothing that is stored."""

import errno
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reader_app.session import contents, recovery
from reader_app.session.contents import DamagedSessionError
from reader_app.session.model import Side
from reader_app.session.package import Package, open_package, verify_package
from reader_app.session.recovery import restore_backup
from segmentation.errors import StudyError
from tests.reader_app.session.conftest import open_store, read_all


@pytest.fixture(scope="module")
def used(master: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package whose session has seen a whole reading, with changes of mind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLINDREAD_HOME", str(tmp_path_factory.mktemp("home")))
        package = open_package(Path(shutil.copytree(master, tmp_path_factory.mktemp("used") / "R01")))
        with open_store(package) as store:
            read_all(store)
            for number in range(100):
                reading = store.readings[number % 4]
                store.record_score(reading.reading_id, Side.B, number % 11, how="slider")
                store.record_event("view", reading_id=reading.reading_id, new='{"layout_ms":{"both layers":812}}')
            store.save_view({"zoom": 2.5})
    return package


@pytest.fixture
def spoiled(used: Package, tmp_path: Path) -> Package:
    return open_package(Path(shutil.copytree(used.folder, tmp_path / "spoiled")))


def dump(data: bytes) -> list[str]:
    """All that SQLite finds stored in a file."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        versions = [f"{connection.execute(f'PRAGMA {name}').fetchone()}" for name in ("user_version", "application_id")]
        return [*connection.iterdump(), *versions]


def test_300_flipped_bytes(spoiled: Package) -> None:
    whole = spoiled.session.read_bytes()
    stored = dump(whole)
    rng = random.Random(20)
    accepted = 0
    for _ in range(300):
        data = bytearray(whole)
        place = rng.randrange(len(data))
        data[place] ^= rng.randrange(1, 256)
        spoiled.session.write_bytes(data)
        try:
            open_store(spoiled).close()
        except StudyError as error:
            assert error.file == spoiled.session, place
            assert "coordinator" in error.remedy or "newer Blindread" in error.what, place
        else:
            assert dump(bytes(data)) == stored, place
            accepted += 1
    assert accepted < 150  # free space takes some; were it most, this test would see nothing


def test_100_truncations(spoiled: Package) -> None:
    whole = spoiled.session.read_bytes()
    rng = random.Random(21)
    for length in {0, 1, 99, 100, 4096, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(94))}:
        spoiled.session.write_bytes(whole[:length])
        with pytest.raises(DamagedSessionError, match=r"session\.sqlite: The session file is damaged") as caught:
            open_store(spoiled)
        assert "session.backup.sqlite of " in caught.value.remedy, length


@pytest.mark.parametrize("statement", [
    "UPDATE score SET value = 10 - value",
    "DELETE FROM score WHERE side = 'A'",
    "UPDATE remark SET content = 'other'",
    "INSERT INTO remark SELECT reading_id, 'A', 'cannot_score', 'x' FROM reading WHERE place = 3",
    "UPDATE closing_answer SET choice = 'A'",
    "UPDATE profile SET years_since_certification = 30",
    "INSERT INTO frozen SELECT reading_id FROM reading",
    "UPDATE kept_view SET content = '{}'",
    "CREATE VIEW other AS SELECT 1",
    "CREATE TRIGGER other AFTER INSERT ON event BEGIN DELETE FROM score; END",
    "DROP TRIGGER event_no_update; UPDATE event SET new = '9' WHERE seq = 8",
    "DROP TRIGGER event_no_delete; DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
    "DROP TRIGGER reading_no_update; UPDATE reading SET position = 9 WHERE place = 2",
])  # fmt: skip
def test_what_an_editor_of_databases_could_do(spoiled: Package, statement: str) -> None:
    with closing(sqlite3.connect(spoiled.session)) as connection:
        connection.executescript(statement)
        if "DROP" in statement:  # and a careful one puts the trigger back
            name = statement.split()[2].rstrip(";")
            with closing(sqlite3.connect(":memory:")) as other:
                other.deserialize((spoiled.folder / "session.backup.sqlite").read_bytes())
                (sql,) = other.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
            connection.execute(sql)
    if "max(seq)" in statement:  # a cut tail cannot be seen in the file itself, only by receipt and signature
        open_store(spoiled).close()
        return
    with pytest.raises(DamagedSessionError):
        open_store(spoiled)
    (problem,) = verify_package(spoiled.folder)
    assert "session.sqlite" in problem


def test_any_other_byte_in_the_header(spoiled: Package) -> None:
    """The 100 bytes that steer SQLite (https://www.sqlite.org/fileformat.html, 1.3), each as 2 and as 255."""
    whole = spoiled.session.read_bytes()
    stored = dump(whole)
    for place in range(100):
        for value in {2, 255} - {whole[place]}:
            data = bytearray(whole)
            data[place] = value
            spoiled.session.write_bytes(data)
            try:
                open_store(spoiled).close()
            except StudyError as error:
                assert error.file == spoiled.session
            else:
                assert dump(bytes(data)) == stored, (place, value)


def test_every_flip_in_a_pristine_session_is_found(package: Package) -> None:
    whole = package.session.read_bytes()
    rng = random.Random(22)
    for _ in range(100):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        package.session.write_bytes(data)
        with pytest.raises(StudyError, match=r"session\.sqlite"):
            open_store(package)


# --- the backup ---


def test_a_backup_is_made_after_each_exam_and_at_the_end(package: Package) -> None:
    backup = package.folder / "session.backup.sqlite"
    with open_store(package) as store:
        reading_id = store.readings[0].reading_id
        store.record_event("exam_left", reading_id=reading_id)
        assert not backup.exists()  # nothing to lose yet
        store.record_score(reading_id, Side.A, 5, how="key")
        store.record_event("exam_left", reading_id=reading_id)
        first = dump(backup.read_bytes())
        assert any('INSERT INTO "score"' in line for line in first)
        store.record_score(reading_id, Side.A, 6, how="key")
    assert dump(backup.read_bytes()) == dump(package.session.read_bytes())


def test_a_damaged_session_is_restored_and_nothing_is_deleted(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
    data = bytearray(package.session.read_bytes())
    data[: len(data) // 2] = bytes(len(data) // 2)
    package.session.write_bytes(data)
    with pytest.raises(DamagedSessionError):
        open_store(package)
    kept = restore_backup(package.folder)
    assert kept.read_bytes() == bytes(data)
    assert kept.parent == package.folder
    assert verify_package(package.folder) == []
    with open_store(package) as store:
        assert store.gaps() == []
        (restored,) = [event for event in store.events() if event.type == "restored"]
        assert kept.name in (restored.new or "")


def test_a_session_that_the_disk_cannot_read_is_restored_too(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(package) as store:
        read_all(store)
    sound = contents.read_plain

    def read_plain(path: Path, most: int, remedy: str) -> bytes:
        if path == package.session and not list(package.folder.glob("session.damaged-*")):
            raise StudyError("The file cannot be read.", file=path) from OSError(errno.EIO, "Input/output error")
        return sound(path, most, remedy)

    for module in (contents, recovery):
        monkeypatch.setattr(module, "read_plain", read_plain)
    with pytest.raises(DamagedSessionError, match="the disk cannot read it"):
        open_store(package)
    restore_backup(package.folder)
    with open_store(package) as store:
        assert store.gaps() == []


def test_what_was_saved_after_the_backup_is_taken_over(package: Package) -> None:
    """Damage in the tables of answers: the trail itself is whole and longer than the backup's."""
    with open_store(package) as store:
        reading_id = store.readings[1].reading_id
        store.record_score(reading_id, Side.A, 5, how="key")
        store.record_event("exam_left", reading_id=reading_id)
        backup = (package.folder / "session.backup.sqlite").read_bytes()
        store.record_score(reading_id, Side.A, 9, how="key")
        store.record_score(reading_id, Side.B, 2, how="key")
    (package.folder / "session.backup.sqlite").write_bytes(backup)
    with closing(sqlite3.connect(package.session)) as connection:
        connection.executescript("UPDATE score SET value = 0")
    restore_backup(package.folder)
    with open_store(package) as store:
        answers = store.answers(reading_id)
        assert (answers.a.score, answers.b.score) == (9, 2)


def test_a_forged_tail_is_not_taken_over(package: Package) -> None:
    with open_store(package) as store:
        reading_id = store.readings[1].reading_id
        store.record_score(reading_id, Side.A, 5, how="key")
        store.record_event("exam_left", reading_id=reading_id)
        backup = (package.folder / "session.backup.sqlite").read_bytes()
        store.record_score(reading_id, Side.A, 9, how="key")
    (package.folder / "session.backup.sqlite").write_bytes(backup)
    with closing(sqlite3.connect(package.session)) as connection:
        connection.executescript("DROP TRIGGER event_no_update; UPDATE event SET new = '1' WHERE new = '9'")
    restore_backup(package.folder)
    with open_store(package) as store:
        assert store.answers(reading_id).a.score == 5


def test_only_a_damaged_session_is_restored(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
        with pytest.raises(StudyError, match="open already"):
            restore_backup(package.folder)
    with pytest.raises(StudyError, match="sound"):
        restore_backup(package.folder)


def test_without_a_sound_backup_nothing_is_touched(package: Package) -> None:
    with open_store(package) as store:
        read_all(store)
    package.session.write_bytes(b"x" * 5_000)
    backup = package.folder / "session.backup.sqlite"
    backup.write_bytes(backup.read_bytes()[:5_000])
    with pytest.raises(StudyError, match=r"session\.backup\.sqlite"):
        restore_backup(package.folder)
    backup.unlink()
    with pytest.raises(StudyError, match="nothing to restore"):
        restore_backup(package.folder)
    assert package.session.read_bytes() == b"x" * 5_000
