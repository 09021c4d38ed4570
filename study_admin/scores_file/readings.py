"""The rows of a table of scores as readings, each cell checked; what is wrong is told with its line."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan

from segmentation.errors import StudyError
from study_admin.scores_file.cells import SHOWN, Cells
from study_admin.scores_file.columns import Layout, chosen

# What R, SAS, SPSS, Excel and Python write where there is no number
_MISSING = {"na", "n/a", "#n/a", "nan", ".", "null", "none"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CORRECT = "Correct the table and try again."
_NO_NUMBER = "Write a number, or leave the cell empty where there is none."
_COMMA = "A decimal comma is read only where semicolons or tabs stand between the columns: write 7.5, or save it so."
_NO_NAME = (
    "Write the name, or take the line away if it is no reading, such as a sum; a name like NA needs another form."
)
_SCALE = "Correct it, or give the lowest and the highest score of the study, such as --scale 0 100."
_SIDES = "Write A or B, or leave the column alone with --columns side="
_OTHER_SIDE = {"A": "B", "B": "A", "": ""}


@dataclass
class Reading:
    """One reader's scores of one exam; what is not known is nan, or empty."""

    line: int
    reader: str
    exam: str
    group: str
    position: float
    seconds: float
    side_of_first: str = ""
    first: float = nan
    second: float = nan


@dataclass
class Problems:
    """What is wrong with a table, by line, and what to do."""

    file: object
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, line: int, what: str, remedy: str = _CORRECT) -> None:
        self.found.append((line, what, remedy))

    def refuse(self) -> None:
        """StudyError if there are any, with the first of them."""
        if not self.found:
            return
        told = sorted(self.found, key=lambda each: each[0])[:SHOWN]
        more = len(self.found) - len(told)
        what = " ".join(f"Line {line}: {text}." for line, text, _ in told) + (f" And {more} more." if more else "")
        raise StudyError(what, file=str(self.file), remedy=" ".join(dict.fromkeys(remedy for _, _, remedy in told)))


class _Row:
    """One line, read by roles."""

    def __init__(self, cells: Cells, place: int, layout: Layout, problems: Problems, missing: "Counter[str]") -> None:
        self._cells, self._places, self._problems, self._missing = cells, layout.places, problems, missing
        self._texts, self.line = cells.rows[place], cells.lines[place]

    def text(self, role: str) -> str:
        """A name, which must be there if the table has the column; programs write NA where there is none."""
        if role not in self._places:
            return ""
        text = self._texts[self._places[role]]
        if not text or text.casefold() in _MISSING:
            self.wrong(f"{self._column(role)} is {f'“{text}”' if text else 'empty'}", _NO_NAME)
            return ""
        return text

    def number(self, role: str) -> float:
        """A number; nan where there is none."""
        text = self._texts[self._places[role]] if role in self._places else ""
        if text.casefold() in _MISSING:
            self._missing[text] += 1
            return nan
        if not text:
            return nan
        plain = text.replace(",", ".") if self._cells.has_decimal_comma else text
        if not _NUMBER.fullmatch(plain) or abs(float(plain)) > 1e12:
            is_comma = "," in text and bool(_NUMBER.fullmatch(text.replace(",", ".")))
            self.wrong(f"“{text}” in {self._column(role)}, where a number belongs", _COMMA if is_comma else _NO_NUMBER)
            return nan
        return float(plain)

    def score(self, role: str, scale: tuple[int, int]) -> float:
        score = self.number(role)
        if score < scale[0] or score > scale[1]:
            what = f"{score:g} in {self._column(role)} is off the scale from {scale[0]} to {scale[1]}"
            self.wrong(what, _SCALE)
        return score

    def side(self) -> str:
        text = self._texts[self._places["side"]] if "side" in self._places else ""
        if text.casefold() in _MISSING:
            return ""
        if text.upper() not in _OTHER_SIDE:
            self.wrong(f"“{text}” in {self._column('side')}, where A or B belongs", _SIDES)
            return ""
        return text.upper()

    def wrong(self, what: str, remedy: str = _CORRECT) -> None:
        self._problems.add(self.line, what, remedy)

    def reading(self) -> Reading:
        """All but the scores and the side."""
        seconds = self.number("seconds")
        if seconds < 0:
            self.wrong(f"{seconds:g} in {self._column('seconds')} is less than no time")
        return Reading(self.line, self.text("reader"), self.text("exam"), self.text("group"), self.number("position"),
                       seconds)  # fmt: skip

    def _column(self, role: str) -> str:
        return self._cells.columns[self._places[role]]


def readings(
    cells: Cells, layout: Layout, scale: tuple[int, int]
) -> tuple[list[Reading], tuple[str, str], tuple[str, ...]]:
    """The readings of a table, its two arms, and notes of what was read in a way that a reader should know."""
    problems, missing = Problems(cells.file), Counter[str]()
    rows = [_Row(cells, place, layout, problems, missing) for place in range(len(cells.rows))]
    notes: list[str] = []
    if layout.shape == "wide":
        assert layout.arms is not None
        arms, found = layout.arms, [_wide(row, layout, scale) for row in rows]
        _refuse_twins(found, problems)
    else:
        by_arm = [(row.text("arm"), row) for row in rows]
        every = tuple(dict.fromkeys(arm for arm, _ in by_arm if arm))
        _refuse_capitals(by_arm)
        problems.refuse()
        arms = chosen(every, layout.arms, cells)
        found = _long([(arms.index(arm), row) for arm, row in by_arm if arm in arms], arms, scale)
        left = [arm for arm in every if arm not in arms]
        notes += [f"Left out, as other arms were asked for: {', '.join(left)}."] if left else []
    _refuse_two_groups(found, problems)
    problems.refuse()
    words = ", ".join(f"{word} ({times} ×)" for word, times in sorted(missing.items()))
    notes += [f"Taken as missing: {words}."] if words else []
    notes += _alike("reader", [one.reader for one in found]) + _alike("exam", [one.exam for one in found])
    return found, arms, tuple(notes)


def _alike(what: str, names: Sequence[str]) -> list[str]:
    """A note of names that are taken as two, though a typing error may have made them so."""
    first: dict[str, str] = {}
    twins = [(first.setdefault(name.casefold(), name), name) for name in dict.fromkeys(names)]
    told = ", ".join(f"{before} and {name}" for before, name in twins if before != name)
    return [f"Of the {what}s, {told} differ in capitals only; they are taken as different {what}s."] if told else []


def _refuse_capitals(by_arm: Sequence[tuple[str, _Row]]) -> None:
    """Hand and hand would be two arms, and either one half of the scores."""
    first: dict[str, tuple[str, int]] = {}
    told: set[str] = set()
    for arm, row in by_arm:
        before, line = first.setdefault(arm.casefold(), (arm, row.line))
        if before != arm and arm not in told:
            told.add(arm)
            row.wrong(f"the arm is written “{arm}”, and “{before}” in line {line}", "Write each arm in one way.")


def _wide(row: _Row, layout: Layout, scale: tuple[int, int]) -> Reading:
    reading = row.reading()
    reading.first, reading.second = (row.score(role, scale) for role in ("first", "second"))
    side = row.side()
    reading.side_of_first = _OTHER_SIDE[side] if layout.is_side_of_second else side
    return reading


def _long(rows: Iterable[tuple[int, _Row]], arms: tuple[str, str], scale: tuple[int, int]) -> list[Reading]:
    """Two rows a reading, if both arms have one; `rows` come with the place of their arm."""
    found: dict[tuple[str, str], Reading] = {}
    lines: dict[tuple[str, str, int], int] = {}
    for arm, row in rows:
        one, score, side = row.reading(), row.score("score", scale), row.side()
        key = (one.reader, one.exam)
        reading = found.setdefault(key, one)
        if (*key, arm) in lines:
            what = f"reader {one.reader} has scored {arms[arm]} of exam {one.exam} in line {lines[*key, arm]} already"
            row.wrong(what, "Each reader scores each arm of an exam once: keep the row that counts.")
            continue
        lines[*key, arm] = row.line
        _refuse_differences(reading, one, row)
        side_of_first = _OTHER_SIDE[side] if arm else side
        if reading.side_of_first and side_of_first and reading.side_of_first != side_of_first:
            row.wrong(f"both arms stand on side {side} (see line {reading.line})")
        reading.side_of_first = reading.side_of_first or side_of_first
        if arm:
            reading.second = score
        else:
            reading.first = score
    return list(found.values())


def _refuse_differences(reading: Reading, one: Reading, row: _Row) -> None:
    """What belongs to the reading must be the same in both of its rows."""
    for name in ("group", "position", "seconds"):
        before, now = getattr(reading, name), getattr(one, name)
        if before != now and not (before != before and now != now):
            row.wrong(f"{name} differs from line {reading.line}, which is of the same reading",
                      f"Correct it, or leave the column alone: --columns {name}=")  # fmt: skip


def _refuse_twins(found: Sequence[Reading], problems: Problems) -> None:
    first: dict[tuple[str, str], int] = {}
    for one in found:
        line = first.setdefault((one.reader, one.exam), one.line)
        if line != one.line and one.reader and one.exam:
            problems.add(one.line, f"reader {one.reader} has a row for exam {one.exam} already, line {line}",
                         "Each reader reads an exam once: keep the row that counts.")  # fmt: skip


def _refuse_two_groups(found: Sequence[Reading], problems: Problems) -> None:
    for what in ("reader", "exam"):
        first: dict[str, Reading] = {}
        told: set[str] = set()
        for one in found:
            name = getattr(one, what)
            before = first.setdefault(name, one)
            if before.group != one.group and name not in told and before.group and one.group:
                told.add(name)
                problems.add(one.line, f"{what} {name} is in group {one.group}, and in group {before.group} in line "
                             f"{before.line}", "Each reader and each exam belongs to one group: correct the groups, or "
                             "leave the column alone with --columns group=")  # fmt: skip
