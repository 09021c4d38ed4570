"""Versions of the study database: what is upgraded, with its backup, and what is refused untouched."""

import errno
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from reader_app.session.contents import SESSION
from segmentation.errors import StudyError
from study_admin import migrations
from study_admin.database import sqlite_file
from study_admin.schema import APPLICATION_ID, metadata
from study_admin.store import StudyStore
from tests.reader_app.making import make_package
from tests.study_admin.kept_study import WHO, make_store, make_study, open_and_hand_out

NEXT = """
import os
import signal
from alembic import op
revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("CREATE TABLE site (code TEXT PRIMARY KEY) STRICT")
    op.execute("ALTER TABLE reader ADD COLUMN site TEXT")
    {then}
"""
# more than SQLite keeps in memory, so that pages of the upgrade are in the file when the process dies
DIES = 'op.execute("INSERT INTO site VALUES (hex(zeroblob(4000000)))"); os.kill(os.getpid(), signal.SIGKILL)'
FAILS = 'op.execute("INSERT INTO site VALUES (hex(zeroblob(4000000)))"); op.execute("CREATE TABLE site (x)")'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    place = tmp_path / "study" / "study.sqlite"
    with make_store(place) as store:
        open_and_hand_out(store)
    return place


def next_version(tmp_path: Path, then: str = "pass") -> Path:
    """The folder of migrations of a made-up later Blindread."""
    folder = tmp_path / "later"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "rev_0002_next.py").write_text(NEXT.replace("{then}", then), encoding="utf-8")
    return folder


def backups(path: Path) -> list[Path]:
    return [other for other in path.parent.iterdir() if other != path]


def test_the_migrations_make_what_the_schema_says() -> None:
    with create_engine("sqlite://").begin() as connection:
        migrations.upgrade(connection, migrations.newest())
        context = MigrationContext.configure(connection, opts={"version_table": migrations.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert migrations.version_of(connection) == migrations.newest()


def test_the_file_says_whose_and_of_which_version_it_is(path: Path) -> None:
    """At the places that the SQLite file format gives them."""
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == migrations.newest() == 1


# --- upgrades ---


def test_an_older_file_is_backed_up_and_upgraded(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(migrations, "FOLDER", next_version(tmp_path))
    with StudyStore.open(path, who=WHO) as store:
        assert store.study == make_study()
        store.verify_audit()
    (backup,) = backups(path)
    assert backup.name.startswith("study.backup-0001-2")
    assert backup.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT site FROM reader").fetchall() == [(None,)] * 4
        with pytest.raises(sqlite3.IntegrityError):  # the triggers are there as before
            connection.execute("DELETE FROM audit")
    StudyStore.open(path, who=WHO)
    assert backups(path) == [backup]
    monkeypatch.undo()
    with pytest.raises(StudyError, match="made by a newer Blindread"):
        StudyStore.open(path, who=WHO)
    with StudyStore.open(backup, who=WHO) as store:
        assert store.study == make_study()


def test_an_upgrade_that_fails_changes_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(migrations, "FOLDER", next_version(tmp_path, FAILS))
    with pytest.raises(StudyError, match=r"study\.sqlite: The database fails \(table site already exists\)"):
        StudyStore.open(path, who=WHO)
    assert path.read_bytes() == before
    monkeypatch.undo()
    StudyStore.open(path, who=WHO).verify_audit()


OPENER = """
import sys
from pathlib import Path
from study_admin import migrations
from study_admin.store import StudyStore
migrations.FOLDER = Path(sys.argv[2])
StudyStore.open(sys.argv[1], who="B. Jones")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_an_upgrade_killed_in_the_middle_leaves_the_old_study(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    later = next_version(tmp_path, DIES)
    killed = subprocess.run([sys.executable, "-c", OPENER, str(path), str(later)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() != before, "the upgrade had not reached the file: this test shows nothing"
    with StudyStore.open(path, who=WHO) as store:
        assert store.study == make_study()
        store.verify_audit()
    assert path.read_bytes() == before
    (backup,) = backups(path)
    assert backup.read_bytes() == before


def test_without_room_for_a_backup_nothing_is_upgraded(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(migrations, "FOLDER", next_version(tmp_path))
    monkeypatch.setattr(sqlite_file, "write_whole", full)
    with pytest.raises(StudyError, match=r"study\.backup-0001-.*no backup can be made \(No space left"):
        StudyStore.open(path, who=WHO)
    assert path.read_bytes() == before
    assert backups(path) == []


# --- what is refused, and stays as it is ---


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def newer(path: Path) -> None:
    change(path, "PRAGMA user_version = 2")


def newer_inside_only(path: Path) -> None:
    change(path, "UPDATE blindread_revision SET version_num = '0002'")


def no_version(path: Path) -> None:
    change(path, "PRAGMA user_version = 0")


def of_another_program(path: Path) -> None:
    change(path, "PRAGMA application_id = 0x47504B47")  # GeoPackage


def text(path: Path) -> None:
    path.write_text("study_id,reader\n" * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_readers_session(path: Path) -> None:
    package = make_package(path.parent.parent / "package")
    path.write_bytes((package / SESSION).read_bytes())


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5_000])


def with_a_trigger(path: Path) -> None:
    change(path, "CREATE TRIGGER spy AFTER INSERT ON collected BEGIN SELECT 1; END")


def without_a_trigger(path: Path) -> None:
    change(path, "DROP TRIGGER audit_update_settled")


def with_a_weaker_trigger(path: Path) -> None:
    change(
        path,
        "DROP TRIGGER audit_update_settled",
        "CREATE TRIGGER audit_update_settled BEFORE UPDATE ON audit WHEN false BEGIN SELECT 1; END",
    )


def with_a_table(path: Path) -> None:
    change(path, "CREATE TABLE arms_by_reading (x)")


def with_a_column(path: Path) -> None:
    change(path, "ALTER TABLE reading ADD COLUMN arm TEXT")


def with_an_endless_view(path: Path) -> None:
    """Who reads the version from it never comes back."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS version_num FROM n WHERE x = 0"
    change(path, "DROP TABLE blindread_revision", f"CREATE VIEW blindread_revision AS {endless}")


def write_ahead(path: Path) -> None:
    change(path, "PRAGMA journal_mode = WAL")


def of_broken_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5 * 4096 : 5 * 4096 + 8] = b"\xff" * 8
    path.write_bytes(data)


def with_a_broken_schema(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE audit", b"CREATE TABLE \xff\xfe\xfdit"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer, "made by a newer Blindread"),
        (newer_inside_only, "version of its tables is not that of the file"),
        (no_version, "holds no study of Blindread"),
        (of_another_program, "holds no study of Blindread"),
        (text, "holds no study of Blindread"),
        (empty, "holds no study of Blindread"),
        (a_readers_session, "holds no study of Blindread"),
        (cut_off, "is damaged"),
        (with_a_trigger, "its tables were altered"),
        (without_a_trigger, "its tables were altered"),
        (with_a_weaker_trigger, "its tables were altered"),
        (with_a_table, "its tables were altered"),
        (with_a_column, "its tables were altered"),
        (with_an_endless_view, "its tables were altered"),
        (write_ahead, "write-ahead logging"),
        (of_broken_pages, "is damaged"),
        (with_a_broken_schema, "is damaged"),
    ],
)
def test_what_is_not_ours_is_refused_and_left_as_it_is(path: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StudyError, match=rf"study\.sqlite: .*{words}"):
        StudyStore.open(path, who=WHO)
    assert path.read_bytes() == before
    assert backups(path) == []


def test_a_place_without_a_study_is_told(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing.sqlite", tmp_path):
        with pytest.raises(StudyError, match="There is no study database"):
            StudyStore.open(place, who=WHO)
    assert list(tmp_path.iterdir()) == []
