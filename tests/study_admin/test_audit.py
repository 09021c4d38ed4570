"""The audit trail: what it says of each change, that it only grows, and that nothing is altered without a trace."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin.audit import row_hash
from study_admin.records import AuditRow
from study_admin.store import StudyStore
from tests.study_admin.kept_study import (
    WHO,
    handed_out,
    make_files,
    make_opening,
    make_store,
    open_by_draw,
    package_id,
    whole_study,
)

COLUMNS = ("seq", "utc", "who", "what", "subject", "old", "new", "why", "prev_hash", "hash")
ROWS = 13  # new, choose group, open, 4 times hand out, 4 times collect, lock, unblind


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a study with something in every table."""
    folder = tmp_path_factory.mktemp("whole")
    whole_study(folder / "study.sqlite", folder).close()
    return (folder / "study.sqlite").read_bytes()


@pytest.fixture
def path(whole: bytes, tmp_path: Path) -> Path:
    (tmp_path / "study.sqlite").write_bytes(whole)
    return tmp_path / "study.sqlite"


def alter(path: Path, *statements: str) -> None:
    """As somebody would who owns the disk: without the triggers, which are put back after it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        changed = connection.total_changes
        for statement in statements:
            connection.execute(statement)
        assert connection.total_changes > changed, "the alteration found nothing to alter"
        for _, sql in triggers:
            connection.execute(sql)


def verify(path: Path) -> str:
    with StudyStore.open(path, who=WHO) as store:
        return store.verify_audit()


# --- what it says ---


def test_the_hash_of_a_row_can_be_worked_out_by_hand() -> None:
    row = AuditRow(2, "2026-03-02T08:00:00.000000Z", "Ä", "choose group", "R01", "", "2", "", "0" * 64, "")
    text = (
        '{"new":"2","old":"","prev_hash":"' + "0" * 64 + '","seq":2,"subject":"R01",'
        '"utc":"2026-03-02T08:00:00.000000Z","what":"choose group","who":"Ä","why":""}'
    )
    assert row_hash(row) == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_each_change_has_its_row(path: Path) -> None:
    with StudyStore.open(path, who=WHO) as store:
        rows = store.audit()
    assert [(row.what, row.subject, row.why) for row in rows] == [
        ("new", "study", ""),
        ("choose group", "R01", "knows the second site"),
        ("open", "study", ""),
        *(("hand out", f"R0{number}", "") for number in range(1, 5)),
        *(("collect", f"R0{number}", "") for number in range(1, 5)),
        ("lock", "study", "all are back"),
        ("unblind", "study", ""),
    ]
    assert len(rows) == ROWS
    assert [row.seq for row in rows] == list(range(1, ROWS + 1))
    assert {row.who for row in rows} == {WHO}
    assert [row.utc for row in rows] == sorted(row.utc for row in rows)
    assert rows[0].prev_hash == "0" * 64
    assert [row.prev_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]


def test_a_row_tells_what_was_before_and_after(path: Path, tmp_path: Path) -> None:
    with make_store(tmp_path / "other.sqlite") as store:
        store.choose_groups({"R01": 1})
        store.choose_groups({"R01": 2}, why="moved")
        store.choose_groups({"R01": 2}, why="no change, no row")
        store.choose_groups({"R01": None})
        rows = [(row.what, row.old, row.new, row.why) for row in store.audit()[1:]]
    assert rows == [("choose group", "", "1", ""), ("choose group", "1", "2", "moved"), ("choose group", "2", "", "")]
    with StudyStore.open(path, who=WHO) as store:
        _, _, opened, given, *_ = store.audit()
        collected = store.audit()[-3]
        (item,) = store.collected_history(package_id("R04"))
    opening, first = json.loads(opened.new), make_opening()
    assert opening["commitment"] == first.commitment
    assert opening["reader_groups"] == [["R02", "R03"], ["R04", "R01"]]
    assert (opening["readings"], opening["source_files"]) == (12, len(make_files()))
    assert json.loads(given.new) == vars(handed_out("R01"))
    assert json.loads(collected.new) == {
        "package_id": package_id("R04"), "file_name": "results-R04.json", "sha256": item.sha256,
    }  # fmt: skip


def test_no_arm_stands_beside_a_reading_before_the_unblinding(tmp_path: Path) -> None:
    """Arms are named in the design and the files; nothing names one together with a reading or a side."""
    with make_store(tmp_path / "study.sqlite") as store:
        open_by_draw(store, make_opening())
        store.record_handed_out([handed_out("R01")])
        store.lock("for the test")
        for row in store.audit()[1:]:
            assert "hand" not in row.old + row.new
            assert "machine" not in row.old + row.new
    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as connection:
        for table in ("reading", "opening", "handed_out", "collected", "locking", "arm_on_a", "unblinding"):
            for row in connection.execute(f"SELECT * FROM {table}"):
                assert "machine" not in str(row)


def test_acts_without_a_change_are_noted(path: Path) -> None:
    with StudyStore.open(path, who="B. Jones") as store:
        store.note("write tables", "tables-1", {"files": 12}, why="for the analyst")
        row = store.audit()[-1]
        assert (row.who, row.what, row.subject, row.old, row.new, row.why) == (
            "B. Jones", "write tables", "tables-1", "", '{"files":12}', "for the analyst",
        )  # fmt: skip
        assert store.verify_audit() == row.hash
        for act in ("unblind", " collect "):
            with pytest.raises(ValueError, match="Not for note"):
                store.note(act, "study")


@pytest.mark.parametrize("text", ["a\u202eb", "a\x00b", "x" * 2_001])
def test_a_reason_that_cannot_be_shown_is_refused(tmp_path: Path, text: str) -> None:
    with make_store(tmp_path / "study.sqlite") as store:
        with pytest.raises(StudyError, match="This reason can't be kept"):
            store.choose_groups({"R01": 1}, why=text)
        assert store.readers()[0].chosen_group is None


# --- it only grows ---


def _statements() -> Iterator[str]:
    columns = {
        "audit": "why", "opening": "algorithm", "reading": "exam", "source_file": "path", "handed_out": "place",
        "collected": "who", "locking": "why", "arm_on_a": "arm", "unblinding": "reason",
    }  # fmt: skip
    for table, column in columns.items():
        yield f"UPDATE {table} SET {column} = {column}"
        yield f"DELETE FROM {table}"
        yield f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    for table, column in {"study": "design", "exam": "name", "reader": "chosen_group"}.items():
        yield f"UPDATE {table} SET {column} = {column}"
        yield f"DELETE FROM {table}"
        yield f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    row = "'2026-03-02T08:00:00.000000Z', 'x', 'x', 'x', '', '', ''"
    yield f"INSERT OR REPLACE INTO audit SELECT {ROWS + 1}, {row}, prev_hash, hash FROM audit WHERE seq = 3"
    yield f"INSERT INTO audit SELECT {ROWS + 2}, {row}, hash, '{'f' * 64}' FROM audit WHERE seq = {ROWS}"
    yield f"INSERT INTO audit SELECT {ROWS + 1}, {row}, hash, '{'f' * 64}' FROM audit WHERE seq = 3"


@pytest.mark.parametrize("statement", list(_statements()))
def test_an_accident_with_another_program_changes_nothing(path: Path, statement: str) -> None:
    head = verify(path)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert verify(path) == head


def test_a_row_that_continues_the_chain_is_let_in(path: Path) -> None:
    """Otherwise the test above could not tell a trigger from a mistake in its statement."""
    row = "'2026-03-02T08:00:00.000000Z', 'x', 'x', 'x', '', '', ''"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            f"INSERT INTO audit SELECT {ROWS + 1}, {row}, hash, '{'f' * 64}' FROM audit WHERE seq = {ROWS}"
        )
    with pytest.raises(StudyError, match=f"row {ROWS + 1} of its audit trail was altered"):
        verify(path)


# --- nothing is altered without a trace ---


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_a_row_is_covered(path: Path, column: str) -> None:
    other = {
        "seq": "99", "utc": "'2027-01-01T00:00:00.000000Z'", "prev_hash": f"'{'a' * 64}'", "hash": f"'{'b' * 64}'",
    }.get(column, "'other'")  # fmt: skip
    alter(path, f"UPDATE audit SET {column} = {other} WHERE seq = 5")
    with pytest.raises(StudyError, match=r"study\.sqlite: .*row (5|99) of its audit trail was altered|before row 6"):
        verify(path)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("DELETE FROM audit WHERE seq = 5",), "before row 6 was removed or exchanged"),
        (("UPDATE audit SET seq = 99 WHERE seq = 5", "UPDATE audit SET seq = 5 WHERE seq = 6",
          "UPDATE audit SET seq = 6 WHERE seq = 99"), "row 5 of its audit trail was altered"),
        (("DELETE FROM audit",), "its audit trail is empty"),
        ((f"DELETE FROM audit WHERE seq = {ROWS}",), "of the unblinding"),
        (("UPDATE study SET design = replace(design, 'good', 'well')",), "of the exams and readers"),
        (("UPDATE exam SET content = replace(content, 'e03/', 'e04/') WHERE place = 3",), "of the exams and readers"),
        (("UPDATE reader SET chosen_group = 1 WHERE code = 'R02'",), "otherwise of the chosen groups"),
        (("UPDATE reader SET chosen_group = NULL",), "otherwise of the chosen groups"),
        (("UPDATE opening SET commitment = replace(commitment, '0', '1')",), "otherwise of the readings and files"),
        (("UPDATE reading SET position = 3 WHERE place = 2",), "otherwise of the readings and files"),
        ((f"UPDATE source_file SET sha256 = '{'0' * 64}' WHERE role = 'T1c'",), "otherwise of the readings and files"),
        (("DELETE FROM source_file WHERE exam = 'case05'",), "otherwise of the readings and files"),
        (("UPDATE handed_out SET place = 'x' WHERE seq = 2",), "otherwise of the packages handed out"),
        (("UPDATE collected SET content = x'7b7d' WHERE seq = 1",), "otherwise of the results collected"),
        ((f"UPDATE collected SET content = x'7b7d', sha256 = '{hashlib.sha256(b'{}').hexdigest()}' WHERE seq = 1",),
         "otherwise of the results collected"),
        (("UPDATE collected SET content = (SELECT content FROM collected WHERE seq = 2) WHERE seq = 1",),
         "otherwise of the results collected"),
        (("UPDATE collected SET who = 'x'",), "otherwise of the results collected"),
        (("DELETE FROM collected WHERE seq = 4",), "otherwise of the results collected"),
        (("UPDATE locking SET why = 'x'",), "otherwise of the locking"),
        (("UPDATE unblinding SET reason = 'x'",), "of the unblinding"),
        (("UPDATE arm_on_a SET arm = CASE arm WHEN 'hand' THEN 'machine' ELSE 'hand' END",), "of the unblinding"),
        (("DELETE FROM arm_on_a", "DELETE FROM unblinding"), "of the unblinding"),
    ],
)  # fmt: skip
def test_each_table_is_held_against_the_trail(path: Path, statements: tuple[str, ...], words: str) -> None:
    alter(path, *statements)
    with pytest.raises(StudyError, match=words):
        verify(path)


def test_results_that_are_not_as_they_came_are_not_given_out(path: Path) -> None:
    alter(path, "UPDATE collected SET content = x'7b7d' WHERE reader = 'R02'")
    with (
        StudyStore.open(path, who=WHO) as store,
        pytest.raises(StudyError, match="results of R02 are not as they came"),
    ):
        store.collected()


def test_one_flipped_bit_is_found_or_changes_nothing(whole: bytes, tmp_path: Path) -> None:
    """Places spread over the whole file; what lies in free space may change, for nothing is read from there."""
    path = tmp_path / "study.sqlite"
    path.write_bytes(whole)
    expected = _contents(path)
    found = 0
    for place in range(7, len(whole), len(whole) // 100):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            assert _contents(path) == expected, f"byte {place}"
        except StudyError:
            found += 1
    assert found > 30


def _contents(path: Path) -> tuple[object, ...]:
    with StudyStore.open(path, who=WHO) as store:
        return (
            store.verify_audit(), store.audit(), store.study, store.stage, store.opening, store.readers(),
            store.exams(), store.source_files(), store.handed_out(), store.collected(), store.unblinding,
        )  # fmt: skip
