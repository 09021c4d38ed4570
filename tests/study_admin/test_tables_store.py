"""Tables made from the study database, which its audit trail has to confirm."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin.records import Collected
from study_admin.store import StudyStore
from study_admin.tables import write_tables
from tests.study_admin.small_study import cells, small_material


def test_tables_from_the_store(tmp_path: Path) -> None:
    """A draft has nothing to tabulate; an opened study has what is due, with sides only."""
    material = small_material(is_unblinded=False)
    with StudyStore.create(tmp_path / "study.sqlite", material.study, who="A. Miller") as store:
        with pytest.raises(StudyError, match="not open yet"):
            write_tables(store, tmp_path / "early")
        assert not (tmp_path / "early").exists()
        store.open_study(material.study, [], lambda chosen: material.opening)
        head = store.verify_audit()
        files = write_tables(store, tmp_path / "tables")
    assert f"trail up to row 2, hash {head}\n" in (tmp_path / "tables" / "README.txt").read_text(encoding="utf-8")
    assert tmp_path / "tables" / "long.csv" in files and all(path.is_file() for path in files)
    assert cells(tmp_path / "tables" / "long.csv", "reader", "exam", "side", "missing_why")[:2] == [
        "R01 E002 A not_collected", "R01 E002 B not_collected",
    ]  # fmt: skip


def open_store(folder: Path) -> StudyStore:
    material = small_material(is_unblinded=False)
    store = StudyStore.create(folder / "study.sqlite", material.study, who="A. Miller")
    store.open_study(material.study, [], lambda chosen: material.opening)
    return store


def test_no_table_is_made_of_a_database_that_is_not_what_its_trail_says(tmp_path: Path) -> None:
    """Somebody lowers the bar after the study opened, and puts the guards of the tables back."""
    store = open_store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        changed = database.execute("UPDATE study SET design = replace(design, '\"alpha\":0.05', '\"alpha\":0.20')")
        assert changed.rowcount == 1
        for _, statement in triggers:
            database.execute(statement)
    assert store.study.alpha == 0.2
    with pytest.raises(StudyError, match="study database is damaged") as caught:
        write_tables(store, tmp_path / "tables")
    assert "study.sqlite" in str(caught.value) and not (tmp_path / "tables").exists()


def test_no_table_mixes_the_study_before_and_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)

    def overtaken() -> tuple[Collected, ...]:
        with StudyStore.open(tmp_path / "study.sqlite", who="B. Other") as other:
            other.note("refuse", "results-R01.json")
        return ()

    monkeypatch.setattr(store, "collected", overtaken)
    with pytest.raises(StudyError, match="was changed while its tables"):
        write_tables(store, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()
    monkeypatch.undo()
    write_tables(store, tmp_path / "tables")
