"""What a file tells to somebody who knows how to open it: its bytes, and what is packed or coded in them."""

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import openpyxl
import pyarrow.parquet
import pyreadstat

_HEAD = 1 << 16  # of an image: its header, its extensions, and all voxels of a small one


def told_by(path: Path) -> str:
    """Name, bytes and content of a file in small letters, whatever its kind."""
    return "\n".join([*_told(path.name, path.read_bytes()), _content(path)]).lower()


def words_in(places: Iterable[Path], words: Iterable[str]) -> dict[str, list[str]]:
    """Which of the words are in which files, in large or small letters; of folders, in all files below."""
    words = list(words)
    files = (file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*"))))
    told = ((file.name, told_by(file)) for file in files if file.is_file())
    found = {name: [word for word in words if word.lower() in text] for name, text in told}
    return {name: words for name, words in found.items() if words}


def _told(name: str, data: bytes) -> Iterator[str]:
    yield name
    yield data.decode("latin-1")
    if name.endswith(".gz"):
        with gzip.open(io.BytesIO(data)) as file:
            yield file.read(_HEAD).decode("latin-1")
    elif name.endswith((".xlsx", ".blindread")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                yield from _told(entry.filename, archive.read(entry))


def _content(path: Path) -> str:
    match path.suffix:
        case ".sqlite":
            with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as database:
                return "\n".join(database.iterdump())
        case ".xlsx":
            return "\n".join(f"{sheet.title} {row}" for sheet in openpyxl.load_workbook(path) for row in sheet.values)
        case ".parquet":
            table = pyarrow.parquet.read_table(path)
            return f"{table.schema.metadata} {table.column_names} {table.to_pylist()}"
        case ".sav":
            frame, meta = pyreadstat.read_sav(path)
            return f"{vars(meta)} {frame.to_dict()}"
        case _:
            return ""
