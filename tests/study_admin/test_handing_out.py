"""From the opening to packages: what comes out, what is left after an interruption, and what is refused."""

import gzip
import hashlib
import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.package import open_package, verify_package
from reader_app.session.parcel import unpack_parcel
from segmentation.errors import StudyError
from study_admin.blinding.export import (
    KEY,
    SIGNING_KEY,
    THIRD_KEY,
    Sealing,
    make_packages,
    seal_study,
    source_files,
    write_packages,
)
from study_admin.design import Arm, Exam, GroupSize, Heads, Study, StudyProblemsError
from study_admin.exams import find_exams
from study_admin.records import HandedOut, Opening
from tests.study_admin.made_up_exams import SHAPE, write_exam, write_image
from tests.study_admin.scripted_readers import read_package

pytestmark = pytest.mark.usefixtures("quick_seal")

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
PASSPHRASE = "gravel otter thimble coast lantern fig"
SEALING = Sealing(
    PASSPHRASE,
    seed=hashlib.sha256(b"a seed for tests").digest(),
    signing_key=Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a signing key for tests").digest()),
)
READERS = ("R01", "R02", "R03", "R04")


@pytest.fixture
def study(exams: Path) -> Study:
    """Two readers of three exams, two of two, and one exam to practise on."""
    found = find_exams(exams, ARMS, practice=("case04",))
    return Study(ARMS, found, READERS, (GroupSize(2, 3), GroupSize(2, 2)))


@pytest.fixture
def opening(study: Study, tmp_path: Path) -> Opening:
    return seal_study(study, {"R03": 1}, tmp_path / "keys", SEALING)


@pytest.fixture
def export(study: Study, opening: Opening, tmp_path: Path) -> Callable[..., tuple[HandedOut, ...]]:
    files = source_files(study)

    def write(**options: object) -> tuple[HandedOut, ...]:
        given = {"study": study, "opening": opening, "key_folder": tmp_path / "keys", "passphrase": PASSPHRASE}
        return write_packages(**{**given, "out": tmp_path / "out", "files": files, **options})  # type: ignore[arg-type]

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_opening(study: Study, opening: Opening, tmp_path: Path) -> None:
    assert [len(exams) for exams in opening.exam_groups] == [3, 2]
    assert [len(readers) for readers in opening.reader_groups] == [2, 2]
    assert "R03" in opening.reader_groups[0]
    assert len(opening.readings) == 4 * 1 + 2 * 3 + 2 * 2
    assert len({reading.package_id for reading in opening.readings}) == 4
    assert not opening.has_third_copy
    assert listing(tmp_path / "keys") == [KEY, SIGNING_KEY, "study.json"]


def test_opening_twice_is_refused(study: Study, opening: Opening, tmp_path: Path) -> None:
    before = contents(tmp_path / "keys")
    with pytest.raises(StudyError, match="keys: The folder is there already"):
        seal_study(study, {}, tmp_path / "keys", SEALING)
    assert contents(tmp_path / "keys") == before


def test_opening_on_a_full_disk_leaves_nothing(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = Path.write_bytes, Counter[str]()

    def fill_up(path: Path, data: bytes) -> int:
        calls["files"] += 1
        if calls["files"] == 2:
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(StudyError, match="No space left on device"):
        seal_study(study, {}, tmp_path / "keys", SEALING)
    assert listing(tmp_path) == ["exams"]


def test_too_many_chosen_for_a_group(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="R01, R02, R03 were chosen for group 2, which has 2 places"):
        seal_study(study, {"R01": 2, "R02": 2, "R03": 2}, tmp_path / "keys", SEALING)
    assert listing(tmp_path) == ["exams"]


def test_each_reader_gets_the_exams_of_their_group(
    opening: Opening, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path
) -> None:
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
    opening = seal_study(study, {}, tmp_path / "keys", SEALING)
    write_packages(study, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out")
    made = make_packages(study, tmp_path / "at once", tmp_path / "other keys", SEALING)
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")
    assert made.commitment == opening.commitment
    assert (tmp_path / "keys/study.json").read_bytes() == (tmp_path / "other keys/study.json").read_bytes()


def test_one_reader_needs_only_their_exams(
    opening: Opening, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    (item,) = export(readers=["R03"], progress=lambda done, total: seen.append((done, total)))
    assert (item.reader, listing(tmp_path / "out")) == ("R03", ["R03"])
    # three exams and one for practice, hashed and encoded, and one package
    assert seen[0] == (0, 9) and seen[-1] == (9, 9)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_unknown_reader(export: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"The study has no reader R09\. Choose among R01, R02, R03, R04"):
        export(readers=["R01", "R09"])
    assert not (tmp_path / "out").exists()


def test_cancelled_and_taken_up_again(export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == total - 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(progress=stop)
    out = tmp_path / "out"
    assert listing(out) == ["R01", "R02"]
    before = {path: path.stat().st_ino for path in sorted(out.rglob("*"))}
    assert [item.reader for item in export()] == list(READERS)
    assert listing(out) == list(READERS)
    assert {path: path.stat().st_ino for path in before} == before
    assert all(verify_package(out / reader) == [] for reader in READERS)


@pytest.mark.skipif(sys.platform == "win32", reason="a process forks")
@pytest.mark.parametrize("as_files", [False, True])
def test_killed_and_taken_up_again(
    as_files: bool, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path
) -> None:
    """kill -9 from within, in the middle of the second package: 24 files encoded, 16 of the first, then one more.

    As files: when the second file has been written and hasn't got its name yet.
    """
    ending = ".blindread" if as_files else ""

    def dying() -> None:
        done, calls = (Path.rename if as_files else Path.write_bytes), Counter[str]()

        def count(path: Path, *arguments: object) -> object:
            calls["all"] += 1
            if calls["all"] == (4 if as_files else 42):  # two renames a file
                os.kill(os.getpid(), signal.SIGKILL)
            return done(path, *arguments)  # type: ignore[arg-type]

        setattr(Path, done.__name__, count)
        export(as_files=as_files)

    child = multiprocessing.get_context("fork").Process(target=dying)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert [name for name in listing(tmp_path / "out") if not name.startswith(".")] == [f"R01{ending}"]
    assert ".export.partial" in listing(tmp_path / "out")
    assert len(export(as_files=as_files)) == 4
    assert listing(tmp_path / "out") == [reader + ending for reader in READERS]


def test_cancelled_before_the_first_package(export: Callable[..., object], tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == total - 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(progress=stop)
    assert listing(tmp_path) == ["exams", "keys"]


@pytest.mark.parametrize("as_files", [False, True])
def test_a_full_disk_in_the_middle(
    as_files: bool, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = Path.write_bytes, Counter[str]()

    def fill_up(path: Path, data: bytes) -> int:
        written["files"] += 1
        if written["files"] == 45:  # 24 encoded, 16 of the first package, then the second
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_up)
        with pytest.raises(StudyError, match=r"Writing failed \(No space left on device\)"):
            export(as_files=as_files)
    ending = ".blindread" if as_files else ""
    assert listing(tmp_path / "out") == [f"R01{ending}"]
    assert len(export(as_files=as_files)) == 4
    assert listing(tmp_path / "out") == [reader + ending for reader in READERS]


def test_a_reader_who_began_is_left_alone(export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path) -> None:
    first = export()
    read_package(tmp_path / "out/R02", lambda position, side: 7, exams=1)
    before = contents(tmp_path / "out")
    assert export() == first
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("kind", ["note", "file", "link", "other reader", "damaged", "lost image", "altered"])
def test_what_lies_in_the_way_is_refused_by_name(
    kind: str, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path
) -> None:
    place = tmp_path / "out/R02"
    if kind in ("note", "file", "link"):
        place.parent.mkdir()
        if kind == "note":
            place.mkdir()
            (place / "note.txt").write_text("mine")
        elif kind == "file":
            place.write_text("mine")
        else:
            place.symlink_to(tmp_path / "nowhere")
    elif kind == "other reader":
        export(readers=["R03"])
        (tmp_path / "out/R03").rename(place)
    else:
        export(readers=["R02"])
        image = min(place.glob("images/*_A.nii.gz"))
        if kind == "damaged":
            image.write_bytes(image.read_bytes()[:-1] + b"x")
        elif kind == "lost image":
            image.unlink()
        else:
            manifest = place / "manifest.json"
            manifest.write_bytes(manifest.read_bytes().replace(b"Reader study", b"Raider study"))
    before = contents(tmp_path / "out")
    with pytest.raises(StudyError, match=rf"^{place}: .*package of R02 should|^{place}: Another package lies where"):
        export()
    assert contents(tmp_path / "out") == before
    assert listing(tmp_path / "out") == ["R02"]


def test_a_package_of_another_opening(
    study: Study, export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path
) -> None:
    other = seal_study(study, {"R03": 1}, tmp_path / "other keys", Sealing(PASSPHRASE))
    write_packages(study, other, tmp_path / "other keys", PASSPHRASE, tmp_path / "out", readers=["R01"])
    with pytest.raises(StudyError, match=r"out/R01: Another package lies .* of another reader, study or opening"):
        export()


def test_files_to_mail(export: Callable[..., tuple[HandedOut, ...]], tmp_path: Path) -> None:
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


@pytest.mark.parametrize("kind", ["short", "other reader"])
def test_a_doubtful_file_in_the_way(kind: str, export: Callable[..., object], tmp_path: Path) -> None:
    export(as_files=True, readers=["R01"])
    first, second = tmp_path / "out/R01.blindread", tmp_path / "out/R02.blindread"
    if kind == "short":
        first.write_bytes(first.read_bytes()[:-100])
    else:
        first.rename(second)
    with pytest.raises(StudyError, match=r"out/R0[12]\.blindread: .*package"):
        export(as_files=True)
    assert len(listing(tmp_path / "out")) == 1


def test_a_changed_source_is_refused_before_anything_is_written(
    exams: Path, export: Callable[..., object], tmp_path: Path
) -> None:
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


def test_every_file_is_written_down(study: Study, tmp_path: Path) -> None:
    """Hashes by hand; the roles of masks with several compartments and technicians."""
    folder = write_exam(tmp_path / "more", 9)
    paths = {name: folder / f"{name}.nii.gz" for name in ("t1c", "flair", "hand", "machine")}
    brain = write_image(folder / "brain.nii.gz", np.ones(SHAPE, np.uint8))
    masks = {"hand": ((paths["hand"], paths["machine"]), (paths["hand"],)), "machine": ((paths["machine"],),)}
    exam = Exam("more", paths["t1c"], paths["flair"], masks, brain_mask=brain)
    found = source_files(replace(study, exams=(exam,)))
    assert [(file.role, Path(file.path).name) for file in found] == [
        ("T1c", "t1c.nii.gz"), ("FLAIR", "flair.nii.gz"), ("brain mask", "brain.nii.gz"),
        ("hand 1.1", "hand.nii.gz"), ("hand 1.2", "machine.nii.gz"), ("hand 2.1", "hand.nii.gz"),
        ("machine", "machine.nii.gz"),
    ]  # fmt: skip
    assert all(file.sha256 == hashlib.sha256(Path(file.path).read_bytes()).hexdigest() for file in found)


def test_keys_that_dont_fit(study: Study, opening: Opening, export: Callable[..., object], tmp_path: Path) -> None:
    seal_study(study, {}, tmp_path / "other", Sealing(PASSPHRASE))
    with pytest.raises(StudyError, match="key of another study"):
        export(key_folder=tmp_path / "other")
    mixed = Path(shutil.copytree(tmp_path / "keys", tmp_path / "mixed"))
    same_seed = replace(SEALING, signing_key=Ed25519PrivateKey.generate())
    seal_study(study, {"R03": 1}, tmp_path / "third", same_seed)
    shutil.copy(tmp_path / "third" / SIGNING_KEY, mixed / SIGNING_KEY)
    with pytest.raises(StudyError, match=r"signing\.sealed-key: This key doesn't sign for this study"):
        export(key_folder=mixed)
    assert not (tmp_path / "out").exists()


def test_a_study_that_was_changed_after_the_opening(
    study: Study, export: Callable[..., object], tmp_path: Path
) -> None:
    for changed in (
        replace(study, arms=study.arms[::-1]),
        replace(study, exams=study.exams[:-1], groups=(GroupSize(2, 3), GroupSize(2, 1))),
        replace(study, groups=study.groups[::-1]),
    ):
        with pytest.raises(StudyError, match="aren't those with which it was opened"):
            export(study=changed)
    assert not (tmp_path / "out").exists()


def test_packages_never_lie_with_the_key(export: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="would lie in one folder"):
        export(out=tmp_path / "keys/packages")


def test_a_third_persons_copy(study: Study, tmp_path: Path) -> None:
    sealing = replace(SEALING, third_passphrase="another six words of a neutral person")
    assert seal_study(study, {}, tmp_path / "keys", sealing).has_third_copy
    assert THIRD_KEY in listing(tmp_path / "keys")


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
