"""A coordinator's desk for the tests of the commands."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from study_admin.__main__ import main
from tests.study_admin.scripted_readers import packages_in, read_package

WORDS, OTHERS = "gravel otter thimble coast lantern fig", "six other words of a third person"
DESIGN = """
[[arm]]
name = "hand"
masks = "hand.nii.gz"
[[arm]]
name = "machine"
masks = "machine.nii.gz"
[groups]
count = 2
readers_per_group = 1
exams_per_group = 3
"""


def alter(path: Path, statement: str) -> None:
    """Alter a database as somebody who owns the disk can, and put its triggers back."""
    with closing(sqlite3.connect(path)) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        assert database.execute(statement).rowcount == 1
        for _, sql in triggers:
            database.execute(sql)


class Office:
    """A coordinator's desk: a folder of exams, a design, two passphrases, and the commands."""

    def __init__(self, folder: Path, exams: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.exams, self._capsys = folder, exams, capsys
        self.study, self.design = folder / "study", folder / "study.toml"
        self.design.write_text(DESIGN)
        (folder / "words.txt").write_text(f"{WORDS}\n")
        (folder / "others.txt").write_text(f"{OTHERS}\n")
        self.own = ("--passphrase-file", folder / "words.txt")
        self.third = ("--third-person-passphrase-file", folder / "others.txt")

    def run(self, *words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    def do(self, command: str, *words: object) -> str:
        code, out, err = self.run(command, self.study, *words)
        assert code == 0, err
        return out

    def refused(self, command: str, *words: object, is_recorded: bool = False) -> str:
        before = self.state()
        code, _, err = self.run(command, self.study, *words)
        assert code == 2
        assert is_recorded or self.state() == before
        return err

    def state(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.study.rglob("*") if path.is_file()}

    def new(self) -> str:
        return self.do("new", "--design", self.design, "--exams", self.exams)

    def opened(self) -> "Office":
        self.new()
        self.do("open", *self.own, *self.third)
        return self

    def read(self) -> list[Path]:
        self.do("export", *self.own)
        folders = packages_in(self.study / "packages")
        return [read_package(folder, lambda position, side: position, to=self.folder) for folder in folders]
