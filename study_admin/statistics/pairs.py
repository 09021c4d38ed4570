"""The table every method reads: one row a reading with the scores of both arms, frozen, checked once.

A score that was not given is nan; so are an unknown position and unknown seconds. Rows with one score only are half
pairs: they count in the flow and in the model of both scores, and nowhere else.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from segmentation.errors import StudyError
from study_admin.statistics.likelihood import Array, Codes

_SCORE, _SIDE, _SHOWN = "score_", "side_of_", 5


@dataclass(frozen=True, eq=False)
class Pairs:
    """Paired scores. `reader`, `group` and `exam` are codes: places in the sorted names `readers`, `groups`, `exams`.

    Every name has at least one row, each reader and each exam one group. Make it by `pairs` or `from_frame`.
    """

    arms: tuple[str, str]
    readers: tuple[str, ...]
    groups: tuple[str, ...]
    exams: tuple[str, ...]
    reader: Codes
    group: Codes
    exam: Codes
    position: Array
    first: Array
    second: Array
    side_of_first: NDArray[np.str_]  # A, B, or empty where it is not known
    seconds: Array

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def difference(self) -> Array:
        """Second arm minus first arm; nan in a half pair."""
        return self.second - self.first

    @cached_property
    def complete(self) -> "Pairs":
        """The rows with both scores."""
        return self.where(~np.isnan(self.difference))

    @cached_property
    def group_of_reader(self) -> Codes:
        return _one_each(self.reader, self.group, len(self.readers))

    @cached_property
    def group_of_exam(self) -> Codes:
        return _one_each(self.exam, self.group, len(self.exams))

    def where(self, rows: NDArray[np.bool_]) -> "Pairs":
        """The rows that are true, with the names that are left."""
        if rows.all():
            return self
        fields: dict[str, Any] = {}
        for one, many in (("reader", "readers"), ("group", "groups"), ("exam", "exams")):
            left, codes = np.unique(getattr(self, one)[rows], return_inverse=True)
            fields[one], fields[many] = codes, tuple(getattr(self, many)[code] for code in left)
        for name in ("position", "first", "second", "side_of_first", "seconds"):
            fields[name] = getattr(self, name)[rows]
        return replace(self, **fields)


def pairs(
    reader: Sequence[str],
    exam: Sequence[str],
    first: Sequence[float] | Array,
    second: Sequence[float] | Array,
    *,
    group: Sequence[str] | None = None,
    position: Sequence[float] | Array | None = None,
    side_of_first: Sequence[str] | None = None,
    seconds: Sequence[float] | Array | None = None,
    arms: tuple[str, str] = ("first", "second"),
) -> Pairs:
    """Paired scores from arrays. Without `group`, readers and exams that hang together by readings are a group.

    Raises StudyError if a reader scores an exam twice, or a reader or an exam is in two groups.
    """
    n = len(reader)
    readers, reader_codes = _coded(reader)
    exams, exam_codes = _coded(exam)
    groups, group_codes = _coded(group) if group is not None else _linked(reader_codes, exam_codes)
    unknown = np.full(n, np.nan)
    table = Pairs(
        arms=arms, readers=readers, groups=groups, exams=exams, reader=reader_codes, group=group_codes,
        exam=exam_codes, first=np.asarray(first, float), second=np.asarray(second, float),
        position=unknown if position is None else np.asarray(position, float),
        side_of_first=np.array([""] * n if side_of_first is None else list(side_of_first), dtype=np.str_),
        seconds=unknown if seconds is None else np.asarray(seconds, float),
    )  # fmt: skip
    _refuse(_structure_problems(table))
    return table


def from_frame(frame: pd.DataFrame, *, scale: tuple[float, float] | None = None, file: str | None = None) -> Pairs:
    """Paired scores from a table like wide_pairs.csv: reader, exam and two columns score_ARM, the first arm's first.

    group, position, side_of_ARM (of the first arm) and seconds may be there; other columns are left alone. `scale` is
    the least and the greatest score there can be. Raises StudyError naming up to five problems with their rows.
    """
    columns = [str(name) for name in frame.columns]
    scores = [name for name in columns if name.startswith(_SCORE)]
    missing = [name for name in ("reader", "exam") if name not in columns]
    if missing or len(scores) != 2:
        lacks = f"It has no column {' and no column '.join(missing)}." if missing else ""
        counts = f"It has {len(scores)} columns that begin with {_SCORE}." if len(scores) != 2 else ""
        raise StudyError(
            f"This is no table of paired scores. {lacks} {counts}".replace("  ", " ").rstrip(), file=file,
            remedy="It needs reader, exam and exactly two columns of scores, one for each arm.",
        )  # fmt: skip
    arms = (scores[0].removeprefix(_SCORE), scores[1].removeprefix(_SCORE))
    problems: list[str] = []
    texts = {name: _texts(frame[name], name, problems) for name in ("reader", "exam", "group") if name in columns}
    numbers = {
        name: _numbers(frame[name], name, problems) for name in (*scores, "position", "seconds") if name in columns
    }
    if scale:
        problems += [problem for name in scores for problem in _off_scale(numbers[name], name, scale)]
    side = f"{_SIDE}{arms[0]}"
    sides = _sides(frame[side], side, problems) if side in columns else None
    _refuse(problems, file)
    try:
        return pairs(
            texts["reader"], texts["exam"], numbers[scores[0]], numbers[scores[1]], group=texts.get("group"),
            position=numbers.get("position"), seconds=numbers.get("seconds"), side_of_first=sides, arms=arms,
        )  # fmt: skip
    except StudyError as error:
        raise StudyError(error.what, file=file, remedy=error.remedy) from None


def _coded(names: Sequence[str]) -> tuple[tuple[str, ...], Codes]:
    values, codes = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
    return tuple(str(value) for value in values), codes


def _linked(reader: Codes, exam: Codes) -> tuple[tuple[str, ...], Codes]:
    """Groups by who read what: parts of the study that share no reader and no exam."""
    if not len(reader):
        return (), reader
    readers, size = int(reader.max()) + 1, int(reader.max()) + int(exam.max()) + 2
    links = sparse.coo_matrix((np.ones(len(reader)), (reader, exam + readers)), shape=(size, size))
    part = csgraph.connected_components(links, directed=False)[1][reader]
    return _coded([f"group {code + 1}" for code in part])


def _one_each(units: Codes, group: Codes, n: int) -> Codes:
    groups = np.zeros(n, dtype=np.intp)
    groups[units] = group
    return groups


def _structure_problems(table: Pairs) -> list[str]:
    cells, counts = np.unique(np.stack([table.reader, table.exam]), axis=1, return_counts=True)
    twice = cells[:, counts > 1].T
    problems = [
        f"Reader {table.readers[reader]} has more than one row for exam {table.exams[exam]}." for reader, exam in twice
    ]
    for what, names, units in (("Reader", table.readers, table.reader), ("Exam", table.exams, table.exam)):
        places = np.unique(np.stack([units, table.group]), axis=1)
        unit, times = np.unique(places[0], return_counts=True)
        for code in unit[times > 1]:
            where = " and ".join(table.groups[group] for group in places[1][places[0] == code])
            problems.append(f"{what} {names[code]} is in the groups {where}; each belongs to one.")
    return problems


def _texts(column: "pd.Series[Any]", name: str, problems: list[str]) -> list[str]:
    texts = ["" if missing else str(value).strip() for value, missing in zip(column, column.isna(), strict=True)]
    problems += _in_rows([not text for text in texts], lambda _: f"has no {name}")
    return texts


def _numbers(column: "pd.Series[Any]", name: str, problems: list[str]) -> Array:
    numbers = pd.to_numeric(column, errors="coerce").astype("float64").to_numpy(na_value=np.nan)
    values = list(column)
    is_there = [not missing and str(value).strip() != "" for value, missing in zip(values, column.isna(), strict=True)]
    is_text = [there and bool(np.isnan(number)) for there, number in zip(is_there, numbers, strict=True)]
    problems += _in_rows(is_text, lambda row: f"has “{values[row]}” in {name}, where a number belongs")
    problems += _in_rows(np.isinf(numbers), lambda _: f"has an infinite number in {name}")
    return np.asarray(numbers, float)


def _sides(column: "pd.Series[Any]", name: str, problems: list[str]) -> list[str]:
    sides = ["" if missing else str(value).strip() for value, missing in zip(column, column.isna(), strict=True)]
    problems += _in_rows(
        [side not in ("", "A", "B") for side in sides],
        lambda row: f"has “{sides[row]}” in {name}, where A or B belongs",
    )
    return sides


def _off_scale(scores: Array, name: str, scale: tuple[float, float]) -> list[str]:
    outside = (scores < scale[0]) | (scores > scale[1])
    return _in_rows(
        outside, lambda row: f"has {scores[row]:g} in {name}, outside the scale from {scale[0]:g} to {scale[1]:g}"
    )


def _in_rows(is_wrong: Iterable[bool], what: Callable[[int], str]) -> list[str]:
    """A sentence for each row that is wrong; rows are counted as a spreadsheet does, the first one of data being 2."""
    return [f"Row {row + 2} {what(row)}." for row, wrong in enumerate(is_wrong) if wrong]


def _refuse(problems: Sequence[str], file: str | None = None) -> None:
    if problems:
        more = len(problems) - _SHOWN
        rest = f" And {more} more." if more > 0 else ""
        raise StudyError(" ".join(problems[:_SHOWN]) + rest, file=file, remedy="Correct the table and try again.")
