"""Packages end to end: what comes out, what never does, and what is left when something goes wrong."""

import gzip
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.package import open_package
from segmentation.errors import StudyError
from study_admin.blinding import export, key
from study_admin.blinding.export import Made, Sealing, make_packages
from study_admin.blinding.randomisation import writing_order
from study_admin.design import Arm, Closing, GroupSize, Study, StudyProblemsError, StudyType, source_guess
from study_admin.exams import find_exams
from tests.study_admin.made_up_exams import AFFINE, SHAPE, write_exam, write_image

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
PASSPHRASE = "gravel otter thimble coast lantern fig"
SEED = hashlib.sha256(b"a seed for tests").digest()
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a signing key for tests").digest())
SEALING = Sealing(PASSPHRASE, seed=SEED, signing_key=SIGNING_KEY)


pytestmark = pytest.mark.usefixtures("quick_seal")


@pytest.fixture
def study(exams: Path) -> Study:
    found = find_exams(exams, ARMS, practice=("case04",))
    return Study(ARMS, found, ("R01", "R02"), closing=(source_guess(2, "machine"), Closing("Any?", ("Yes", "No"))))


@pytest.fixture
def grouped(study: Study) -> Study:
    """The same in two groups: two readers of three exams, two of two."""
    return replace(study, readers=("R01", "R02", "R03", "R04"), groups=(GroupSize(2, 3), GroupSize(2, 2)))


def make(study: Study, folder: Path, sealing: Sealing = SEALING) -> Made:
    return make_packages(study, folder / "out", folder / "key", sealing)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_each_reader_gets_a_package_that_opens(study: Study, tmp_path: Path) -> None:
    made = make(study, tmp_path)
    assert [path.name for path in made.packages] == ["R01", "R02"]
    for folder in made.packages:
        package = open_package(folder)
        assert package.fingerprint == made.fingerprint
        assert package.manifest.commitment == made.commitment
        assert package.manifest.reader_code == folder.name
        readings = package.manifest.readings
        assert [(r.position, r.is_practice) for r in readings] == [(1, True), *((n, False) for n in range(1, 6))]
        for reading in readings:
            for name in ("T1c", "FLAIR", "A", "B"):
                assert package.read_image(reading.reading_id, name).startswith(b"\x1f\x8b")
        assert sorted(contents(folder)) == sorted(
            ["manifest.json", "manifest.sig", "session.sqlite"]
            + [f"images/{r.reading_id}_{name}.nii.gz" for r in readings for name in ("T1c", "FLAIR", "A", "B")]
        )


def test_the_sides_are_what_the_key_says(study: Study, exams: Path, tmp_path: Path) -> None:
    made = make(study, tmp_path)
    allocation = key.open_allocation(tmp_path / "key" / export.KEY, PASSPHRASE, made.study_id)
    assert allocation.commitment == made.commitment
    for drawn in allocation.readings:
        for side, arm in (("A", drawn.arm_a), ("B", drawn.arm_b)):
            packaged = tmp_path / "out" / drawn.reader / "images" / f"{drawn.reading_id}_{side}.nii.gz"
            voxels = np.frombuffer(gzip.decompress(packaged.read_bytes())[352:], np.uint8)
            assert voxels.sum() == np.asarray(nibabel_data(exams / drawn.exam / f"{arm}.nii.gz")).sum()


def nibabel_data(path: Path) -> npt.NDArray:
    import nibabel

    return np.asarray(nibabel.load(path).dataobj)


def test_closing_questions_of_each_reader(study: Study, tmp_path: Path) -> None:
    for folder in make(study, tmp_path).packages:
        manifest = open_package(folder).manifest
        questions = manifest.protocol.closing_questions
        assert [q.text for q in questions] == ["Which side do you think a computer drew?"] * 2 + ["Any?"]
        asked = [q.reading_id for q in questions]
        assert asked[2] is None
        assert len({*asked[:2]} & {r.reading_id for r in manifest.readings if not r.is_practice}) == 2
        assert len({q.question_id for q in questions}) == 3
        sealed = key.open_allocation(tmp_path / "key" / export.KEY, PASSPHRASE).questions
        drawn = [(q.question_id, q.reading_id) for q in sealed if q.reader == folder.name]
        assert [(q.question_id, q.reading_id) for q in questions] == drawn


def test_images_are_written_in_the_drawn_order(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, write = list[str](), Path.write_bytes

    def note(path: Path, data: bytes) -> int:
        if path.parent.name == "images" and path.parents[1].name == "R02":
            written.append(path.name.removesuffix(".nii.gz"))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", note)
    make(study, tmp_path)
    assert len(written) == 24
    assert written == writing_order(SEED, 1, written) != sorted(written)


@pytest.mark.parametrize("kind", ["study", "grouped"])
def test_swapped_arms_change_mask_voxels_and_their_hashes_alone(
    kind: str, request: pytest.FixtureRequest, exams: Path, tmp_path: Path
) -> None:
    """Two builds, same seed and signing key, the arms' files exchanged: the list of what differs is exact."""
    study = request.getfixturevalue(kind)
    make(study, tmp_path / "one")
    for folder in exams.iterdir():
        (folder / "hand.nii.gz").rename(folder / "x")
        (folder / "machine.nii.gz").rename(folder / "hand.nii.gz")
        (folder / "x").rename(folder / "machine.nii.gz")
    make(study, tmp_path / "two")
    one, two = contents(tmp_path / "one/out"), contents(tmp_path / "two/out")
    assert list(one) == list(two)
    differing = {name for name in one if one[name] != two[name]}
    masks = {name for name in one if re.search(r"images/[0-9a-f]{16}_[AB]\.nii\.gz$", name)}
    hashed = {f"{reader}/{name}" for reader in study.readers for name in ("manifest.json", "manifest.sig")}
    assert differing == masks | hashed
    for name in masks:
        assert len(one[name]) == len(two[name])
        assert one[name][:10] == two[name][:10]
        assert gzip.decompress(one[name])[:352] == gzip.decompress(two[name])[:352]
    for reader in study.readers:
        first, second = (json.loads(files[f"{reader}/manifest.json"]) for files in (one, two))
        for manifest in (first, second):
            for name, entry in manifest["files"].items():
                if f"{reader}/{name}" in masks:
                    entry["sha256"] = ""
        # the commitment covers the files' hashes, under a nonce that only the seed gives
        assert first.pop("commitment") != second.pop("commitment")
        assert first == second  # sizes, ids, session hash: all the same


def test_the_same_again_is_the_same_bytes(study: Study, tmp_path: Path) -> None:
    make(study, tmp_path / "one")
    make(study, tmp_path / "two")
    assert contents(tmp_path / "one/out") == contents(tmp_path / "two/out")


def test_another_seed_shares_no_name(study: Study, tmp_path: Path) -> None:
    make(study, tmp_path / "one")
    make(study, tmp_path / "two", Sealing(PASSPHRASE))
    one, two = ({path.name for path in (tmp_path / build / "out").rglob("images/*")} for build in ("one", "two"))
    assert not one & two
    ids = [path.name[:16] for path in (tmp_path / "one/out").rglob("images/*_A.nii.gz")]
    assert len(set(ids)) == len(ids) == 12  # no reader's id is another reader's


def test_the_two_masks_look_alike_to_the_file_system(study: Study, tmp_path: Path) -> None:
    make(study, tmp_path)
    for a in (tmp_path / "out").rglob("images/*_A.nii.gz"):
        b = a.with_name(a.name.replace("_A", "_B"))
        assert a.read_bytes()[:10] == b.read_bytes()[:10]
        assert gzip.decompress(a.read_bytes())[:352] == gzip.decompress(b.read_bytes())[:352]
        first, second = a.stat(), b.stat()
        for field in ("st_size", "st_mtime_ns", "st_mode", "st_uid", "st_gid", "st_blocks"):
            assert getattr(first, field) == getattr(second, field)
    times = {path.stat().st_mtime for path in (tmp_path / "out/R01").rglob("*")}
    assert times == {315_532_800}  # 1980-01-01 UTC


SECRET = ("case01", "case06", "hand", "machine", "technician", "unet", "fold0", "jones", "smith", "1956", "exams")


def test_no_source_name_anywhere(grouped: Study, tmp_path: Path) -> None:
    """Bytes and UTF-16, also inside gzip and base64-free text, of every file, its name, and its sqlite pages."""
    made = make(grouped, tmp_path)
    secret = {*SECRET, tmp_path.name, SEED.hex(), PASSPHRASE}
    for folder in made.packages:
        for name, data in contents(folder).items():
            layers = [name.encode(), data]
            if name.endswith(".gz"):
                layers.append(gzip.decompress(data))
            for layer in (layer.lower() for layer in layers):
                for word in secret:
                    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                        assert word.lower().encode(encoding) not in layer, (name, word)


def test_the_names_are_found_where_they_are(exams: Path) -> None:
    """The search above would see them: it does in the sources."""
    data = (exams / "case01/hand.nii.gz").read_bytes()
    assert b"jones" in data
    assert b"drawn by hand" in gzip.decompress(data)


def rank_auc(ones: npt.NDArray, zeros: npt.NDArray) -> float:
    """Mann-Whitney: the share of pairs in which the one is larger, ties half."""
    larger = (ones[:, None] > zeros).mean()
    return float(larger + (ones[:, None] == zeros).mean() / 2)


def features(path: Path, order: dict[str, int]) -> list[float]:
    """What a curious reader can see of a mask's file without its voxels."""
    data, state = path.read_bytes(), path.stat()
    head = gzip.decompress(data)[:352]
    other = path.with_name(path.name.translate(str.maketrans("AB", "BA")))
    peer = other.stat() if other.exists() else state
    return [
        *data[:10], *head, len(data), len(path.name), state.st_mtime, state.st_mode, state.st_blocks,
        state.st_ino > peer.st_ino, order[path.name] > order.get(other.name, -1), path.name > other.name,
    ]  # fmt: skip


def largest_departure(files: dict[str, list[Path]]) -> float:
    """Over all features, how far the AUC between the two arms lies from chance."""
    tables = {}
    for arm, paths in files.items():
        order = {entry.name: n for path in {p.parent for p in paths} for n, entry in enumerate(os.scandir(path))}
        tables[arm] = np.array([features(path, order) for path in paths], float)
    one, two = tables.values()
    return max(abs(rank_auc(one[:, n], two[:, n]) - 0.5) for n in range(one.shape[1]))


def chance_band(exams: int) -> float:
    """How far from 0.5 chance takes the AUC of a feature, but for one run in a thousand.

    Three features differ between the masks of a package: which comes first by name, in the folder's own order, and by
    inode. Each is one fair coin per exam, and its AUC the share of heads, so the band is binomial; with two studies
    there are six of them to stay within it (Bonferroni).
    """
    tail, heads = 0.0, exams
    while (tail := tail + comb(exams, heads) / 2**exams) <= 0.001 / (2 * 6):
        heads -= 1
    return heads / exams - 0.5


def leak(packaged: dict[str, list[Path]], share: float) -> None:
    """The files of the first arm get the later time in this share of the exams, those of the second in the rest."""
    for number, (one, two) in enumerate(zip(*packaged.values(), strict=True)):
        later = one if number < share * len(packaged["hand"]) else two
        os.utime(later, (315_532_801, 315_532_801))


def test_nothing_in_the_files_tells_the_arms_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """256 exams, two groups, every feature within what chance gives.

    A leak with an AUC of 0.64 (../shared/reference/reliability.md, P14) is planted afterwards and lies outside; the
    raw files, measured the same way, are told apart perfectly.
    """
    monkeypatch.setattr(os, "fsync", lambda file: None)  # of 2,000 files, whose bytes only are looked at here
    band = chance_band(256)
    for number in range(256):
        write_exam(tmp_path / f"exams/case{number:03}", number)
    found = find_exams(tmp_path / "exams", ARMS)
    for study_type in StudyType:
        place = tmp_path / study_type
        make(Study(ARMS, found, ("R01", "R02"), (GroupSize(1, 128),) * 2, study_type=study_type), place)
        readings = key.open_allocation(place / "key" / export.KEY, PASSPHRASE).readings
        packaged = {
            arm.name: [
                place / "out" / r.reader / "images" / f"{r.reading_id}_{'A' if r.arm_a == arm.name else 'B'}.nii.gz"
                for r in readings
            ]
            for arm in ARMS
        }
        assert len(readings) == 256
        assert largest_departure(packaged) <= band
        leak(packaged, 0.64)
        assert largest_departure(packaged) > band
    raw = {arm.name: [exam.masks[arm.name][0][0] for exam in found] for arm in ARMS}
    assert largest_departure(raw) == 0.5


def test_the_chance_band() -> None:
    """By the normal approximation: 3.76 standard deviations (0.001 over six, two-sided) of 0.5/16; and below 0.14."""
    assert chance_band(256) == pytest.approx(3.76 * 0.5 / 16, abs=1 / 256)
    assert chance_band(256) < 0.14 < chance_band(128)


def test_every_problem_of_every_exam_at_once_and_nothing_written(study: Study, exams: Path, tmp_path: Path) -> None:
    write_image(exams / "case01/hand.nii.gz", np.zeros(SHAPE, np.uint8))
    write_image(exams / "case02/flair.nii.gz", np.arange(64, dtype=np.int16).reshape(4, 4, 4))
    (exams / "case03/t1c.nii.gz").write_bytes(b"no image")
    shutil.copy(exams / "case05/t1c.nii.gz", exams / "case06/t1c.nii.gz")
    with pytest.raises(StudyProblemsError) as error:
        make(study, tmp_path)
    found = [str(problem) for problem in error.value.problems]
    assert [re.search(r"case\d\d/\w+", text)[0] for text in found] == [  # type: ignore[index]
        "case01/hand", "case02/flair", "case03/t1c", "case06/t1c",
    ]  # fmt: skip
    assert "It is the image of case05" in found[3]
    assert [path.name for path in tmp_path.iterdir()] == ["exams"]


def test_a_mask_moved_by_27_mm(study: Study, exams: Path, tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[1, 3] -= 27
    write_image(exams / "case02/machine.nii.gz", np.ones(SHAPE, np.uint8), affine=moved)
    with pytest.raises(StudyProblemsError, match=r"case02/machine\.nii\.gz: By its header it lies 27 mm away"):
        make(study, tmp_path)


def test_what_is_there_is_never_overwritten(study: Study, tmp_path: Path) -> None:
    for name in ("out", "key"):
        (tmp_path / name).mkdir()
        with pytest.raises(StudyError, match=f"{name}: The folder is there already"):
            make(study, tmp_path)
        (tmp_path / name).rmdir()


def test_the_key_never_lies_with_the_packages(study: Study, tmp_path: Path) -> None:
    for out, keys in (("a", "a/key"), ("b/out", "b"), ("c", "c")):
        with pytest.raises(StudyError, match="would lie in one folder"):
            make_packages(study, tmp_path / out, tmp_path / keys, SEALING)


def test_a_full_disk_in_the_middle(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Counter[str]()
    write = Path.write_bytes

    def fill_up(path: Path, data: bytes) -> int:
        written["files"] += 1
        if written["files"] == 40:
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(StudyError, match=r"Writing failed \(No space left on device\)"):
        make(study, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["exams"]


def test_a_third_persons_copy(study: Study, tmp_path: Path) -> None:
    made = make(study, tmp_path, replace(SEALING, third_passphrase="another six words of a neutral person"))
    assert made.has_third_copy
    copy = key.open_allocation(tmp_path / "key" / export.THIRD_KEY, "another six words of a neutral person")
    assert copy == key.open_allocation(tmp_path / "key" / export.KEY, PASSPHRASE)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "key").iterdir()} == {0o600}


def test_the_signing_key_is_kept(study: Study, tmp_path: Path) -> None:
    make(study, tmp_path)
    kept = key.open_signing_key(tmp_path / "key" / export.SIGNING_KEY, PASSPHRASE)
    assert kept.private_bytes_raw() == SIGNING_KEY.private_bytes_raw()


def test_what_may_be_known_names_the_arms_once_and_no_side(study: Study, tmp_path: Path) -> None:
    made = make(study, tmp_path)
    text = (tmp_path / "key" / export.PUBLIC).read_text()
    assert made.commitment in text
    assert "case01" in text
    assert text.count("machine") == text.count("hand") == 1
    assert json.loads(text)["plan"]["arms"] == ["hand", "machine"]
    assert SEED.hex() not in text
    known = {"reading_id", "package_id", "reader", "exam", "position", "is_practice"}
    assert {name for reading in json.loads(text)["opening"]["readings"] for name in reading} == known


@pytest.mark.parametrize(
    ("sealing", "message"),
    [
        (Sealing("short"), "too short"),
        (Sealing(PASSPHRASE, "short"), "too short"),
        (Sealing(PASSPHRASE, PASSPHRASE), "the same as yours"),
        (Sealing("caf\u00e9 gravel otter", "cafe\u0301 gravel otter"), "the same as yours"),  # Unicode TR15
    ],
)
def test_passphrases(study: Study, tmp_path: Path, sealing: Sealing, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        make(study, tmp_path, sealing)


def test_progress_counts_exams_and_readers(study: Study, tmp_path: Path) -> None:
    seen = []
    make_packages(study, tmp_path / "out", tmp_path / "key", SEALING, lambda done, total: seen.append((done, total)))
    # six exams encoded, then hashed, and two readers
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert set(seen) == {(n, 14) for n in range(15)}
