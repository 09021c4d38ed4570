"""DICOM series in a folder, at any depth: which one is the T1c and which the FLAIR, and reading it as one volume."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmentation.errors import StudyError
from segmentation.preprocessing.images import engine, from_itk
from segmentation.volumes import Volume

_DESCRIPTION, _PROTOCOL, _MODALITY, _NUMBER, _AGENT = "0008|103e", "0018|1030", "0008|0060", "0020|0011", "0018|0010"
_POSITION, _ORIENTATION = "0020|0032", "0020|0037"
_CONTRAST = r"(\+ ?c\b|\bc\+|post|gad|\bgd|contrast|\bkm\b|\bce\b|t1c)"
_NOT_WANTED = r"scout|localizer|localiser|survey|perf|dwi|adc|swi|mra|subtract|dti|\bsub\b"
_MIN_SLICES = 10
_UNEVEN = 0.1  # of the slice distance: more is a gap, not rounding
_SAME_PLACE_MM = 0.01
_LISTED = 12
_COPY_AGAIN = "Export the series again, complete."


@dataclass(frozen=True)
class Series:
    """One series: its number, its words, and its files in the order of the slices."""

    uid: str
    number: str
    description: str
    words: str
    has_agent: bool
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f'{self.number or "?"} "{self.description}" ({len(self.files)} files)'


def series_in(folder: Path) -> tuple[Series, ...]:
    """All MR series below a folder, by their number; raises StudyError if there is none."""
    reader = engine().ImageSeriesReader
    found = []
    for place in sorted({file.parent for file in folder.rglob("*") if file.is_file()}):
        for uid in reader.GetGDCMSeriesIDs(str(place)):
            files = reader.GetGDCMSeriesFileNames(str(place), uid)
            tags = _tags(files[0], (_DESCRIPTION, _PROTOCOL, _MODALITY, _NUMBER, _AGENT))
            if tags[_MODALITY] in ("MR", ""):
                where = str(place.relative_to(folder)) if place != folder else ""
                words = f"{tags[_DESCRIPTION]} {tags[_PROTOCOL]} {where}".lower()
                name = tags[_DESCRIPTION] or tags[_PROTOCOL] or where
                found.append(Series(uid, tags[_NUMBER], name, words, bool(tags[_AGENT]), tuple(files)))
    if not found:
        raise StudyError("There is no MR series in this folder.", file=folder, remedy="Copy the DICOM files into it.")
    return tuple(sorted(found, key=lambda series: (len(series.number), series.number, series.uid)))


def choose(found: Sequence[Series], role: str, pattern: str | None, folder: Path) -> Series:
    """The series of the role, `t1c` or `flair`, by its UID or description; raises StudyError naming all that may be it.

    Without a pattern: FLAIR in its words; T1 in its words and either contrast agent in them or in the header.
    """
    option = f'Say which one by its description: --{role}-series "PATTERN".'
    if pattern is not None:
        fitting = [s for s in found if s.uid == pattern or fnmatch.fnmatch(s.description.lower(), pattern.lower())]
    else:
        fitting = [series for series in found if _is_likely(series, role)]
    if len(fitting) == 1:
        return fitting[0]
    what = "Several series may be" if fitting else "No series looks like"
    listed = "; ".join(str(series) for series in (fitting or found)[:_LISTED])
    raise StudyError(f"{what} the {role.upper().replace('C', 'c')}: {listed}.", file=folder, remedy=option)


def read(series: Series, folder: Path) -> Volume:
    """The series as one volume; raises StudyError for gaps, several images in one place, and colours."""
    sitk = engine()
    _check_slices(series, folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(series.files)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        what = f"Series {series} can't be read ({str(error).strip().splitlines()[-1]})."
        raise StudyError(what, file=folder, remedy=_COPY_AGAIN) from error
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        raise StudyError(f"Series {series} is no grey 3-D image.", file=folder, remedy="Choose another series.")
    return from_itk(sitk.Cast(image, sitk.sitkFloat32))


def _is_likely(series: Series, role: str) -> bool:
    is_flair = re.search(r"flair|dark.?fluid", series.words) is not None
    if re.search(_NOT_WANTED, series.words) or (len(series.files) < _MIN_SLICES and len(series.files) != 1):
        return False
    if role == "flair":
        return is_flair
    is_t1 = re.search(r"t1|mprage|bravo|spgr|mp-rage", series.words) is not None
    return is_t1 and not is_flair and (series.has_agent or re.search(_CONTRAST, series.words) is not None)


def _check_slices(series: Series, folder: Path) -> None:
    """One image per place, at equal distances."""
    if len(series.files) == 1:
        return  # enhanced DICOM: all slices in one file
    places = []
    for file in series.files:
        tags = _tags(file, (_POSITION, _ORIENTATION))
        if not tags[_POSITION] or not tags[_ORIENTATION]:
            raise StudyError("A slice does not say where it lies.", file=file, remedy=_COPY_AGAIN)
        row, column = np.array(tags[_ORIENTATION].split("\\"), float).reshape(2, 3)
        places.append(float(np.cross(row, column) @ np.array(tags[_POSITION].split("\\"), float)))
    steps = np.diff(np.sort(places))
    if steps.min() < _SAME_PLACE_MM:
        what = f"Series {series} has several images in one place, so it holds more than one volume."
        raise StudyError(what, file=folder, remedy="Export one volume of it as a series or as NIfTI.")
    if np.abs(steps - np.median(steps)).max() > _UNEVEN * np.median(steps):
        what = f"Slices of series {series} are missing, or lie at unequal distances."
        raise StudyError(what, file=folder, remedy=_COPY_AGAIN)


def _tags(file: str, wanted: Sequence[str]) -> dict[str, str]:
    reader = engine().ImageFileReader()
    reader.SetFileName(file)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise StudyError("The DICOM file is damaged.", file=file, remedy=_COPY_AGAIN) from error
    return {tag: reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else "" for tag in wanted}
