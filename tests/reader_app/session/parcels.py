"""Parcels taken apart and put together again, as a hostile sender could."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reader_app.session.parcel import (
    unpack_parcel,
)
from segmentation.errors import StudyError


def names_in(folder: Path) -> list[str]:
    """Hidden ones, too; the reader's keys aside."""
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(parcel: Path, match: str | None = None) -> StudyError:
    """Nothing but the parcel is there afterwards."""
    with pytest.raises(StudyError, match=match) as caught:
        unpack_parcel(parcel)
    assert str(parcel) in str(caught.value) and caught.value.remedy
    assert names_in(parcel.parent) == [parcel.name]
    return caught.value


def rezip(
    parcel: Path, change: Callable[[list[tuple[zipfile.ZipInfo, bytes]]], object], kind: int = zipfile.ZIP_STORED
) -> None:
    """Take the parcel apart and zip it again after a change, by the standard library."""
    with zipfile.ZipFile(parcel) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    change(entries)
    with warnings.catch_warnings(), zipfile.ZipFile(parcel, "w", kind) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of a name that stands there twice
        for entry, data in entries:
            entry.compress_type = kind
            archive.writestr(entry, data)
