"""What a table is made of: named, typed and labelled columns, and names that every statistics program takes."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pandas as pd

LONGEST_NAME = 32  # SAS; SPSS takes 64
LONGEST_ALIAS = 8  # SAS transport files, version 5
# SPSS refuses these as names of variables
_RESERVED = {"all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"}


class Kind(StrEnum):
    """The type of a column, in the codebook's words."""

    TEXT = "text"
    WHOLE = "integer"
    DECIMAL = "decimal"
    TIME = "time"  # text: ISO 8601 with its zone, which every program can parse and none mangles


class Measure(StrEnum):
    """The level of measurement, in the words of SPSS."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    SCALE = "scale"


_DTYPES = {Kind.TEXT: "string", Kind.TIME: "string", Kind.WHOLE: "Int64", Kind.DECIMAL: "Float64"}


@dataclass(frozen=True)
class Column:
    """One line of the codebook. `value_labels` holds all values or none: half-labelled scales break JASP."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    measure: Measure = Measure.NOMINAL
    unit: str = ""
    values: str = ""
    missing: str = "never"
    alias: str = ""  # what an 8-letter name is made from; empty: the name
    value_labels: Mapping[Any, str] = field(default_factory=dict)  # by value; each label tells its value, too
    is_remark: bool = False  # free text of any length, which SAS transport files (200 bytes) cannot hold

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.WHOLE, Kind.DECIMAL)


@dataclass(frozen=True)
class Table:
    """A table and its codebook; the frame's columns are exactly those, in that order, with nullable types."""

    name: str
    label: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame

    @property
    def aliases(self) -> tuple[str, ...]:
        """Names of at most 8 letters, in the order of the columns."""
        return unique_names([column.alias or column.name for column in self.columns], longest=LONGEST_ALIAS)


def table(name: str, label: str, columns: Iterable[Column], rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table of rows that hold every column; None and the empty text are missing, texts are made one line."""
    columns, rows = tuple(columns), list(rows)
    series = {column.name: typed([row[column.name] for row in rows], column.kind) for column in columns}
    return Table(name, label, columns, pd.DataFrame(series))


def typed(values: Sequence[Any], kind: Kind) -> "pd.Series[Any]":
    if kind in (Kind.TEXT, Kind.TIME):
        values = [None if value is None else one_line(str(value)) or None for value in values]
    return pd.Series(values, dtype=_DTYPES[kind])


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values; what is missing is None."""
    plain = frame.astype(object)
    return [dict(zip(frame.columns, row, strict=True)) for row in plain.where(plain.notna(), None).to_numpy().tolist()]


def one_line(text: str) -> str:
    """Text that fits into one cell of any program: lines joined by ' / ', nothing that can't be shown.

    >>> one_line("oedema missed\\n\\nleft temporal ")
    'oedema missed / left temporal'
    """
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    shown = " / ".join(line for line in lines if line)
    return "".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cs"))


def slug(text: str) -> str:
    """Lower snake case of letters, digits and single underscores, a letter first; empty if nothing of that is left.

    >>> slug("Müller's U-Net 2")
    'muller_s_u_net_2'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"n{name}" if name[:1].isdigit() else name


def unique_names(texts: Sequence[str], *, prefix: str = "", longest: int = LONGEST_NAME) -> tuple[str, ...]:
    """Names of variables for texts of any kind, in their order; twins get a number at their end.

    >>> unique_names(["R-1", "R_1", "by", "日本"])
    ('r_1', 'r_1_2', 'by_1', 'x')
    """
    names: list[str] = []
    for text in texts:
        stem = prefix + (slug(text) or "x")
        stem = f"{stem}_1" if stem in _RESERVED else stem
        name, number = stem[:longest].rstrip("_"), 1
        while name in names:
            number += 1
            end = f"_{number}"
            name = stem[: longest - len(end)].rstrip("_") + end
        names.append(name)
    return tuple(names)
