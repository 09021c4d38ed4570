"""DICOM series: chosen by their words, refused when slices are missing, read to the same place as their NIfTI twin."""

from pathlib import Path

import numpy as np
import pytest

from segmentation.commands.preprocess import with_series
from segmentation.errors import StudyError
from segmentation.exams import find_exam
from segmentation.preprocessing.dicom import Series, choose, read, series_in
from segmentation.preprocessing.images import engine, to_itk
from segmentation.preprocessing.pipeline import Settings
from segmentation.volumes import Volume

PLACE = np.array([[-3.0, 0, 0, 90], [0, -3.0, 0, 110], [0, 0, 6.0, -60], [0, 0, 0, 1]])


def _volume(seed: int = 1) -> Volume:
    return Volume(np.random.default_rng(seed).integers(0, 900, (24, 20, 12)).astype(np.int16), PLACE)


def save_series(
    folder: Path, volume: Volume, description: str, number: int, *, agent: str = "", skip: int = -1
) -> None:
    """Write a volume as one DICOM file a slice, through SimpleITK."""
    sitk = engine()
    folder.mkdir(parents=True, exist_ok=True)
    image = to_itk(volume, np.int16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = image.GetDirection()
    cosines = [direction[0], direction[3], direction[6], direction[1], direction[4], direction[7]]
    for k in range(image.GetSize()[2]):
        if k == skip:
            continue
        slice_ = image[:, :, k]
        position = image.TransformIndexToPhysicalPoint((0, 0, k))
        tags = {
            "0008|0060": "MR",
            "0008|103e": description,
            "0018|0010": agent,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000e": f"1.2.826.0.1.3680043.2.1125.1.{number}",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.1.{number}.{k}",
            "0020|0011": str(number),
            "0020|0013": str(k),
            "0020|0032": "\\".join(f"{value:.6f}" for value in position),
            "0020|0037": "\\".join(f"{value:.6f}" for value in cosines),
            "0018|0050": "6",
            "0010|0020": "X",
        }
        for tag, value in tags.items():
            slice_.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}-{k:03}.dcm"))
        writer.Execute(slice_)


def test_a_series_is_read_to_its_place(tmp_path: Path) -> None:
    volume = _volume()
    save_series(tmp_path, volume, "AX T1 POST", 7)
    found = read(choose(series_in(tmp_path), "t1c", None, tmp_path), tmp_path)
    assert np.array_equal(found.array, volume.array)
    assert np.allclose(found.world_from_voxel, PLACE, atol=1e-4)


def test_series_are_chosen_by_their_words(tmp_path: Path) -> None:
    for number, (words, agent) in enumerate(
        [("AX T1", ""), ("AX T1", "Gadovist"), ("AX T2 FLAIR", ""), ("AX T2", ""), ("DWI POST T1", "")], start=1
    ):
        save_series(tmp_path / f"{number}", _volume(number), words, number, agent=agent)
    found = series_in(tmp_path)
    assert [series.number for series in found] == ["1", "2", "3", "4", "5"]
    assert choose(found, "t1c", None, tmp_path).number == "2"
    assert choose(found, "flair", None, tmp_path).number == "3"
    assert choose(found, "t1c", "ax t2", tmp_path).number == "4"  # whatever the site says
    assert choose(found, "t1c", found[0].uid, tmp_path).number == "1"


def _series(*descriptions: str) -> list[Series]:
    files = tuple(str(n) for n in range(20))
    return [Series(f"1.{n}", str(n), words, words.lower(), False, files) for n, words in enumerate(descriptions)]


def test_two_that_fit_are_named_and_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        choose(_series("AX T1 POST", "COR T1 POST", "AX FLAIR"), "t1c", None, tmp_path)
    assert 'Several series may be the T1c: 0 "AX T1 POST" (20 files); 1 "COR T1 POST"' in str(error.value)
    assert '--t1c-series "PATTERN"' in str(error.value)
    with pytest.raises(StudyError, match='No series looks like the FLAIR: 0 "AX T2"'):
        choose(_series("AX T2"), "flair", None, tmp_path)


def test_a_missing_slice_is_noticed(tmp_path: Path) -> None:
    save_series(tmp_path, _volume(), "T1 +C", 1, skip=5)
    with pytest.raises(StudyError, match="missing, or lie at unequal distances"):
        read(series_in(tmp_path)[0], tmp_path)


def test_two_volumes_in_one_series_are_noticed(tmp_path: Path) -> None:
    save_series(tmp_path / "a", _volume(), "T1 +C", 1)
    save_series(tmp_path / "b", _volume(2), "T1 +C", 1)
    both = [series.files for series in series_in(tmp_path)]
    one = Series("1", "1", "T1 +C", "t1 +c", False, (*both[0], *both[1]))
    with pytest.raises(StudyError, match="more than one volume"):
        read(one, tmp_path)


def test_a_person_is_asked_where_words_do_not_tell(tmp_path: Path) -> None:
    for number, words in enumerate(("AX T1 POST", "COR T1 POST", "AX FLAIR"), start=1):
        save_series(tmp_path / "a", _volume(number), words, number)
    exam = find_exam(tmp_path / "a")
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return " 2"

    chosen = with_series(exam, Settings(), answer)
    assert chosen.t1c_series == series_in(tmp_path / "a")[1].uid and chosen.flair_series is None
    assert len(asked) == 1 and '2: 2 "COR T1 POST" (12 files)' in asked[0]
    assert with_series(exam, Settings(), lambda _: "") == exam
    assert with_series(exam, Settings(t1c_series="ax t1*"), answer) == exam and len(asked) == 1


def test_no_series_at_all(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(StudyError, match="no MR series"):
        series_in(tmp_path)
