"""What the names in results.json mean: the codebook that lies beside it, one line for each value."""

import csv
import io
from collections.abc import Iterator
from importlib.resources import files

CODEBOOK = "results_codebook.csv"
_BLOCK = "@"


def results_codebook() -> bytes:
    """The codebook as CSV: path, type, unit, meaning. Steps in capitals (ARM, READER, N) stand for any name or place.

    What recurs, such as the members of a test, is written once in the source, as a block, and told for each here.
    """
    source = files("study_admin.report").joinpath("templates", CODEBOOK).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(source)))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], lineterminator="\n")
    writer.writeheader()
    blocks = [row for row in rows if row["path"].startswith(_BLOCK)]
    for row in rows:
        if not row["path"].startswith(_BLOCK):
            writer.writerows(_told(row, blocks))
    return out.getvalue().encode()


def _told(row: dict[str, str], blocks: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """A line, or those of all members of its block."""
    if not row["type"].startswith(_BLOCK):
        yield row
        return
    for member in blocks:
        block, _, name = member["path"].partition(".")
        if block == row["type"]:
            told = {"path": f"{row['path']}.{name}", "type": member["type"], "unit": member["unit"]}
            if member["unit"] == "points" and row["unit"]:
                told["unit"] = row["unit"]
            yield from _told({**told, "meaning": f"{row['meaning']}: {member['meaning']}"}, blocks)
