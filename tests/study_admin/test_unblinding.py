"""Opening the sealed key at the end: the sides are those of the packages, and no other key or study passes."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from reader_app.session.package import open_package
from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.export import KEY, THIRD_KEY, Sealing, seal_study, source_files, write_packages
from study_admin.blinding.unblinding import open_sides
from study_admin.design import Arm, GroupSize, Study, StudyType
from study_admin.exams import find_exams
from study_admin.records import Opening

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
PASSPHRASE, THIRD = "gravel otter thimble coast lantern fig", "six other words of somebody neutral"
SEALING = Sealing(PASSPHRASE, THIRD, seed=hashlib.sha256(b"a seed for tests").digest())


@pytest.fixture
def study(exams: Path) -> Study:
    found = find_exams(exams, ARMS, practice=("case04",))
    return Study(ARMS, found, ("R01", "R02", "R03"), (GroupSize(2, 3), GroupSize(1, 2)))


@pytest.fixture
def opening(study: Study, tmp_path: Path) -> Opening:
    return seal_study(study, {}, tmp_path / "keys", SEALING)


@pytest.mark.usefixtures("quick_seal")
@pytest.mark.parametrize("study_type", list(StudyType))
def test_the_sides_are_those_of_the_packages(study_type: StudyType, study: Study, exams: Path, tmp_path: Path) -> None:
    """By the voxels themselves, read from sources and packages with nibabel and numpy."""
    study = replace(study, study_type=study_type)
    opening = seal_study(study, {}, tmp_path / "keys", SEALING)
    write_packages(study, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out")
    on_a = open_sides(tmp_path / "keys" / KEY, PASSPHRASE, opening, study)
    assert set(on_a) == {reading.reading_id for reading in opening.readings}
    for reading in opening.readings:
        package = open_package(tmp_path / "out" / reading.reader)
        shown = np.frombuffer(gzip.decompress(package.read_image(reading.reading_id, "A"))[352:], np.uint8)
        sums = {a.name: int(np.asarray(nibabel.load(exams / reading.exam / a.patterns[0]).dataobj).sum()) for a in ARMS}
        assert sums["hand"] != sums["machine"]
        assert shown.sum() == sums[on_a[reading.reading_id]]


@pytest.mark.usefixtures("quick_seal")
def test_the_third_persons_copy_gives_the_same(study: Study, opening: Opening, tmp_path: Path) -> None:
    own = open_sides(tmp_path / "keys" / KEY, PASSPHRASE, opening, study)
    assert open_sides(tmp_path / "keys" / THIRD_KEY, THIRD, opening, study) == own


@pytest.mark.usefixtures("quick_seal")
def test_wrong_passphrase(study: Study, opening: Opening, tmp_path: Path) -> None:
    for name, passphrase in ((KEY, THIRD), (THIRD_KEY, PASSPHRASE)):
        with pytest.raises(StudyError, match=rf"{name}: The passphrase is wrong, or the file was changed"):
            open_sides(tmp_path / "keys" / name, passphrase, opening, study)


@pytest.mark.usefixtures("quick_seal")
def test_key_of_another_study(study: Study, opening: Opening, tmp_path: Path) -> None:
    seal_study(study, {}, tmp_path / "other", Sealing(PASSPHRASE))
    with pytest.raises(StudyError, match=rf"other/{KEY}: This is the key of another study \([0-9a-f]{{16}}, not "):
        open_sides(tmp_path / "other" / KEY, PASSPHRASE, opening, study)


@pytest.mark.usefixtures("quick_seal")
def test_a_key_that_was_sealed_anew(study: Study, opening: Opening, tmp_path: Path) -> None:
    """One seed, so one study's identifier, but arms named the other way round: the commitment tells."""
    seal_study(replace(study, arms=study.arms[::-1]), {}, tmp_path / "other", SEALING)
    with pytest.raises(StudyError, match=r"it doesn't match the commitment"):
        open_sides(tmp_path / "other" / KEY, PASSPHRASE, opening, study)


@pytest.mark.usefixtures("quick_seal")
def test_a_study_database_that_was_altered(study: Study, opening: Opening, tmp_path: Path) -> None:
    """Two exams exchanged between readings: their sides would count for the wrong exam."""
    one, two, *rest = (reading for reading in opening.readings if not reading.is_practice)
    exchanged = (replace(one, exam=two.exam), replace(two, exam=one.exam), *rest)
    practice = tuple(reading for reading in opening.readings if reading.is_practice)
    altered = [
        replace(opening, readings=practice + exchanged),
        replace(opening, readings=opening.readings[:-1]),
        replace(opening, reader_groups=opening.reader_groups[::-1]),
    ]
    for other in altered:
        with pytest.raises(StudyError, match="the study database was altered"):
            open_sides(tmp_path / "keys" / KEY, PASSPHRASE, other, study)
    shuffled = replace(opening, readings=opening.readings[::-1])  # a database may keep them in any order
    assert len(open_sides(tmp_path / "keys" / KEY, PASSPHRASE, shuffled, study)) == len(opening.readings)


@pytest.mark.usefixtures("quick_seal")
def test_a_design_that_was_changed_after_the_opening(study: Study, tmp_path: Path) -> None:
    files = source_files(study)
    opening = seal_study(study, {}, tmp_path / "keys", SEALING, files)
    own = tmp_path / "keys" / KEY
    before = {reading.reading_id: reading.arm_a for reading in key.open_allocation(own, PASSPHRASE).readings}
    moved = tuple(replace(file, path="elsewhere") for file in files[::-1])
    assert open_sides(own, PASSPHRASE, opening, study, moved) == before
    with pytest.raises(StudyError, match="design isn't the one with which it was opened"):
        open_sides(own, PASSPHRASE, opening, replace(study, non_inferiority_margin=3.0), files)
    for others in ((), files[1:], (replace(files[0], sha256="0" * 64), *files[1:])):
        with pytest.raises(StudyError, match="files and their hashes isn't the one with which it was opened"):
            open_sides(own, PASSPHRASE, opening, study, others)
