"""Who reads what, as rows and columns of a picture: planned before the opening, drawn after it. Knows no Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from study_admin.records import ExamRecord, ReaderRecord
from study_admin.views.snapshot import Snapshot


@dataclass(frozen=True)
class Block:
    """Neighbouring rows or columns of one group, counted from 0; `group` counts from 1."""

    group: int
    first: int
    count: int


@dataclass(frozen=True)
class Matrix:
    """Readers in rows and study exams in columns, both by group; a reader reads the exams of the same group.

    A name is empty where the draw will decide it.
    """

    readers: tuple[str, ...]
    exams: tuple[str, ...]
    reader_blocks: tuple[Block, ...]
    exam_blocks: tuple[Block, ...]
    is_drawn: bool

    def group_of_row(self, row: int) -> int:
        return _group_at(self.reader_blocks, row)

    def group_of_column(self, column: int) -> int:
        return _group_at(self.exam_blocks, column)

    def is_read(self, row: int, column: int) -> bool:
        """Whether the reader of a row reads the exam of a column."""
        return self.group_of_row(row) == self.group_of_column(column)

    def words_at(self, row: int, column: int) -> str:
        """What there is to say about one cell."""
        reader = self.readers[row] or "A reader who is drawn"
        exam = self.exams[column] or f"an exam of group {self.group_of_column(column)}, which is drawn,"
        verb = "reads" if self.is_read(row, column) else "doesn't read"
        return f"{reader} {verb} {exam}".rstrip(",") + "."

    def summary(self) -> str:
        """The whole picture in one sentence."""
        blocks = list(zip(self.reader_blocks, self.exam_blocks, strict=True))
        sizes = {(readers.count, exams.count) for readers, exams in blocks}
        total = sum(readers.count * exams.count for readers, exams in blocks)
        if len(blocks) == 1:
            return f"All {len(self.readers)} readers read all {len(self.exams)} exams: {total} readings."
        if len(sizes) == 1:
            readers, exams = next(iter(sizes))
            return f"{len(blocks)} groups of {readers} readers × {exams} exams: {total} readings."
        words = ", ".join(f"{readers.count} × {exams.count}" for readers, exams in blocks)
        return f"{len(blocks)} groups (readers × exams): {words}; {total} readings."


def matrix_of(snapshot: Snapshot) -> Matrix:
    """The study's matrix as far as it is known: before the opening only the readers who were put into a group."""
    return drawn(snapshot.readers, snapshot.exams) if snapshot.opening else planned(snapshot)


def planned(snapshot: Snapshot) -> Matrix:
    """The sizes of the groups, with the names of the readers who were chosen for one."""
    sizes = snapshot.study.group_sizes
    readers: list[str] = []
    for group, size in enumerate(sizes, start=1):
        chosen = [reader.code for reader in snapshot.readers if reader.chosen_group == group]
        readers += chosen + [""] * (size.readers - len(chosen))
    return Matrix(
        readers=tuple(readers),
        exams=("",) * sum(size.exams for size in sizes),
        reader_blocks=_blocks([size.readers for size in sizes]),
        exam_blocks=_blocks([size.exams for size in sizes]),
        is_drawn=False,
    )


def drawn(readers: Sequence[ReaderRecord], exams: Sequence[ExamRecord]) -> Matrix:
    """The groups as they were drawn and stored."""
    placed_readers = sorted((reader.group or 0, reader.code) for reader in readers)
    placed_exams = sorted((exam.group or 0, exam.name) for exam in exams if not exam.is_practice)
    return Matrix(
        readers=tuple(code for _, code in placed_readers),
        exams=tuple(name for _, name in placed_exams),
        reader_blocks=_blocks_of([group for group, _ in placed_readers]),
        exam_blocks=_blocks_of([group for group, _ in placed_exams]),
        is_drawn=True,
    )


def _blocks(counts: Sequence[int]) -> tuple[Block, ...]:
    return tuple(Block(n + 1, sum(counts[:n]), count) for n, count in enumerate(counts))


def _blocks_of(groups: Sequence[int]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for group, members in groupby(groups):
        blocks.append(Block(group, sum(block.count for block in blocks), len(list(members))))
    return tuple(blocks)


def _group_at(blocks: Sequence[Block], index: int) -> int:
    return next(block.group for block in blocks if block.first <= index < block.first + block.count)
