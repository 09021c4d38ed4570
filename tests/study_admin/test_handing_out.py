"""From the opening to packages: what comes out, and what is refused."""

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.model import Anchor, Revision
from reader_app.session.package import open_package, verify_package
from reader_app.session.parcel import unpack_parcel
from segmentation.errors import StudyError
from study_admin.blinding.export import (
    SIGNING_KEY,
    Sealing,
    make_packages,
    seal_study,
    source_files,
    write_packages,
)
from study_admin.design import (
    ExamFacts,
    GroupSize,
    Heads,
    MaskRule,
    Study,
    StudyProblemsError,
    source_guess,
)
from study_admin.records import HandedOut, Opening
from tests.study_admin.grouped_study import (
    PASSPHRASE,
    READERS,
    SEALING,
    Export,
    contents,
    exporting,
    grouped_study,
    listing,
    opened,
)
from tests.study_admin.made_up_exams import SHAPE, write_image

pytestmark = pytest.mark.usefixtures("quick_seal")


@pytest.fixture
def study(exams: Path) -> Study:
    return grouped_study(exams)


@pytest.fixture
def opening(study: Study, tmp_path: Path) -> Opening:
    return opened(study, tmp_path / "keys")


@pytest.fixture
def export(study: Study, opening: Opening, tmp_path: Path) -> Export:
    return exporting(study, opening, tmp_path)


def test_each_reader_gets_the_exams_of_their_group(opening: Opening, export: Export, tmp_path: Path) -> None:
    handed_out = export()
    assert [item.reader for item in handed_out] == list(READERS)
    assert listing(tmp_path / "out") == list(READERS)
    for item in handed_out:
        folder = tmp_path / "out" / item.reader
        manifest = open_package(folder).manifest
        assert verify_package(folder) == []
        assert item == HandedOut(item.reader, manifest.package_id, manifest.trail_head, str(folder))
        assert (manifest.commitment, manifest.public_key) == (opening.commitment, opening.public_key)
        due = [r for r in opening.readings if r.reader == item.reader]
        assert {r.package_id for r in due} == {item.package_id}
        assert [(r.reading_id, r.position, r.is_practice) for r in due] == [
            (r.reading_id, r.position, r.is_practice) for r in manifest.readings
        ]
        group = next(n for n, readers in enumerate(opening.reader_groups) if item.reader in readers)
        assert {r.exam for r in due if not r.is_practice} == set(opening.exam_groups[group])


def test_both_ways_give_the_same_packages(study: Study, tmp_path: Path) -> None:
    files = source_files(study)
    opening = seal_study(study, {}, tmp_path / "keys", SEALING, files)
    write_packages(study, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out", files=files)
    made = make_packages(study, tmp_path / "at once", tmp_path / "other keys", SEALING)
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")
    assert made.commitment == opening.commitment
    assert (tmp_path / "keys/study.json").read_bytes() == (tmp_path / "other keys/study.json").read_bytes()


def test_one_reader_needs_only_their_exams(opening: Opening, export: Export, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    (item,) = export(readers=["R03"], progress=lambda done, total: seen.append((done, total)))
    assert (item.reader, listing(tmp_path / "out")) == ("R03", ["R03"])
    # three exams and one for practice, hashed and encoded, and one package
    assert seen[0] == (0, 9) and seen[-1] == (9, 9)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_unknown_reader(export: Export, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"The study has no reader R09\. Choose among R01, R02, R03, R04"):
        export(readers=["R01", "R09"])
    assert not (tmp_path / "out").exists()


def test_files_to_mail(export: Export, tmp_path: Path) -> None:
    folders = export()
    parcels = export(as_files=True, out=tmp_path / "mail")
    assert listing(tmp_path / "mail") == [f"{reader}.blindread" for reader in READERS]
    (tmp_path / "unpacked").mkdir()
    for folder, parcel in zip(folders, parcels, strict=True):
        assert parcel == replace(folder, place=str(tmp_path / f"mail/{folder.reader}.blindread"))
        unpacked = unpack_parcel(Path(parcel.place), tmp_path / "unpacked")
        assert contents(unpacked) == contents(Path(folder.place))
    before = {path: path.stat().st_ino for path in (tmp_path / "mail").iterdir()}
    assert export(as_files=True, out=tmp_path / "mail") == parcels
    assert {path: path.stat().st_ino for path in (tmp_path / "mail").iterdir()} == before


def test_a_changed_source_is_refused_before_anything_is_written(exams: Path, export: Export, tmp_path: Path) -> None:
    mask = exams / "case01/machine.nii.gz"
    shutil.copy(exams / "case02/machine.nii.gz", mask)
    (exams / "case04/flair.nii.gz").unlink()
    (exams / "case05/t1c.nii.gz").touch()  # another time, the same bytes
    with pytest.raises(StudyProblemsError) as error:
        export()
    missing, changed = error.value.problems
    assert str(changed).startswith(f"{mask}: The file is another one than when the study was opened.")
    assert str(missing).startswith(f"{exams}/case04/flair.nii.gz: The file can't be read (No such file")
    assert listing(tmp_path) == ["exams", "keys"]


def test_keys_that_dont_fit(study: Study, opening: Opening, export: Export, tmp_path: Path) -> None:
    seal_study(study, {}, tmp_path / "other", Sealing(PASSPHRASE))
    with pytest.raises(StudyError, match="key of another study"):
        export(key_folder=tmp_path / "other")
    mixed = Path(shutil.copytree(tmp_path / "keys", tmp_path / "mixed"))
    same_seed = replace(SEALING, signing_key=Ed25519PrivateKey.generate())
    seal_study(study, {"R03": 1}, tmp_path / "third", same_seed, source_files(study))
    shutil.copy(tmp_path / "third" / SIGNING_KEY, mixed / SIGNING_KEY)
    with pytest.raises(StudyError, match=r"signing\.sealed-key: This key doesn't sign for this study"):
        export(key_folder=mixed)
    assert not (tmp_path / "out").exists()


def test_a_study_that_was_changed_after_the_opening(study: Study, export: Export, tmp_path: Path) -> None:
    for changed in (
        replace(study, arms=study.arms[::-1]),
        replace(study, exams=study.exams[:-1], groups=(GroupSize(2, 3), GroupSize(2, 1))),
        replace(study, groups=study.groups[::-1]),
        replace(study, title="Another title"),
        replace(study, version="2"),
        replace(study, alpha=0.2),
        replace(study, non_inferiority_margin=0.5),
        replace(study, mask_rule=MaskRule.NONZERO),
        replace(study, are_empty_masks_allowed=True),
        replace(study, heads=Heads.BRAIN_ONLY),
        replace(study, revision=Revision.UNTIL_NEXT),
        replace(study, is_surface_allowed=True),
        replace(study, exams=(replace(study.exams[0], facts=ExamFacts("P1")), *study.exams[1:])),
    ):
        with pytest.raises(StudyError, match=r"design isn't the one with which it was opened\."):
            export(study=changed)
    for text, changed in (
        ("question", replace(study, question="Which is best?")),
        ("instruction", replace(study, instruction=("Look.",))),
        ("closing", replace(study, closing=(source_guess(1),))),
        ("scale", replace(study, scale=replace(study.scale, anchors=(Anchor(0, "none"),)))),
    ):
        with pytest.raises(StudyError, match=rf"the one with which it was opened: {text} differ\."):
            export(study=changed)
    for files in ((), source_files(study)[1:]):
        with pytest.raises(StudyError, match="files and their hashes isn't the one with which it was opened"):
            export(files=files)
    assert not (tmp_path / "out").exists()


def test_packages_never_lie_with_the_key(export: Export, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="would lie in one folder"):
        export(out=tmp_path / "keys/packages")


def test_words_and_scale_of_the_study_reach_the_reader(study: Study, tmp_path: Path) -> None:
    scale = replace(study.scale, minimum=2, maximum=8, anchors=study.scale.anchors[1:5])
    own = replace(study, scale=scale, question="Which outline is truer?", instruction=("Read this.", "And this."))
    opening = seal_study(own, {}, tmp_path / "keys", SEALING)
    write_packages(own, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out", readers=["R01"])
    protocol = open_package(tmp_path / "out/R01").manifest.protocol
    assert (protocol.scale, protocol.question, protocol.instruction) == (scale, own.question, own.instruction)


def test_heads_are_cut_out_if_the_study_says_so(study: Study, exams: Path, tmp_path: Path) -> None:
    brain = exams / "case01/brain.nii.gz"
    inside = np.zeros(SHAPE, np.uint8)
    inside[8:12, 8:12, 2:6] = 1
    write_image(brain, inside)
    cut = tuple(replace(exam, brain_mask=brain) for exam in study.exams)
    own = replace(study, exams=cut, heads=Heads.BRAIN_ONLY)
    opening = seal_study(own, {}, tmp_path / "keys", SEALING)
    write_packages(own, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out", readers=["R01"])
    package = open_package(tmp_path / "out/R01")
    data = gzip.decompress(package.read_image(package.manifest.readings[0].reading_id, "T1c"))
    assert (np.frombuffer(data[352:], np.int16).reshape(SHAPE, order="F") == 0).mean() > 0.5
