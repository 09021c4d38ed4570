"""The gate in front of every image file: what passes, what is refused, and that places and bytes stay what they are."""

import gzip
import io
import itertools
import os
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation import volumes
from segmentation.errors import StudyError
from segmentation.volumes import Volume

EXAMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "exams"
AFFINE = np.array([[-1.5, 0, 0, 40], [0, -1, 0, 30], [0, 0, 2, -20], [0, 0, 0, 1]], float)


def nifti(array: np.ndarray | None = None, affine: np.ndarray = AFFINE) -> bytearray:
    """An uncompressed image as nibabel, not our encoder, writes it."""
    if array is None:
        array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    return bytearray(nibabel.Nifti1Image(array, affine).to_bytes())


def changed(layout: str, offset: int, *values: float) -> bytes:
    """A good image with some header fields overwritten; offsets are those of the NIfTI-1 standard (nifti1.h)."""
    data = nifti()
    struct.pack_into(layout, data, offset, *values)
    return bytes(data)


# offsets: dim 40, datatype 70, pixdim 76, vox_offset 108, scl_slope 112, units 123, codes 252, srow 280, magic 344
HOSTILE = {
    "empty": (b"", "empty"),
    "text": (b"These are the notes of the study, not an image.\n" * 20, "not a NIfTI-1"),
    "short text": (b"hello", "too short"),
    "truncated": (bytes(nifti()[:-7]), "585 of 592"),
    "truncated gzip": (gzip.compress(bytes(nifti()))[:-12], "breaks off|damaged|end is missing"),
    "gzip without its checksum": (gzip.compress(bytes(nifti()))[:-4], "end is missing"),
    "damaged gzip": (gzip.compress(bytes(nifti()))[:-8] + bytes(8), "damaged"),
    "huge": (gzip.compress(changed("<4h", 40, 3, 32767, 32767, 32767)), "32767 x 32767 x 32767"),
    "many voxels": (changed("<4h", 40, 3, 2048, 2048, 2048), "2048 x 2048 x 2048"),
    "negative size": (changed("<4h", 40, 3, 4, -5, 6), "4 x -5 x 6"),
    "size 0": (changed("<4h", 40, 3, 4, 0, 6), "4 x 0 x 6"),
    "99 dimensions": (changed("<h", 40, 99), "99 dimensions"),
    "2 dimensions": (changed("<h", 40, 2), "2 dimensions"),
    "two volumes": (bytes(nifti(np.zeros((4, 5, 6, 2), np.int16))), "2 volumes.*which.*3-D volume"),
    "colour": (changed("<h", 70, 128), "type 128"),
    "unknown type": (changed("<h", 70, 7), "type 7"),
    "offset before the end of the header": (changed("<f", 108, 0), "byte 0"),
    "offset far away": (changed("<f", 108, 1e9), "byte 1e\\+09"),
    "offset NaN": (changed("<f", 108, np.nan), "byte nan"),
    "offset broken": (changed("<f", 108, 352.5), "byte 352.5"),
    "pixdim NaN": (changed("<f", 80, np.nan), "voxel size"),
    "pixdim infinite": (changed("<f", 84, np.inf), "voxel size"),
    "pixdim 0": (changed("<f", 88, 0), "voxel size"),
    "pixdim 1e30": (changed("<f", 88, 1e30), "voxel size"),
    "metres": (changed("<B", 123, 1), "metres"),
    "no place": (changed("<2h", 252, 0, 0), "patient's left"),
    "affine NaN": (changed("<f", 280, np.nan), "position.*not a number"),
    "affine infinite": (changed("<f", 292, np.inf), "position.*not a number"),
    "affine 1e30": (changed("<f", 280, 1e30), "voxel size"),
    "far away": (changed("<f", 292, 1e30), "10 m"),
    "flat": (changed("<4f", 280, 0, 0, 0, 0), "voxel size"),
    "sheared": (changed("<2f", 280, -1.5, 0.8), "right angles"),
    "quaternion NaN": (
        changed("<2h4x", 252, 1, 0)[:256] + struct.pack("<f", np.nan) + bytes(nifti()[260:]),
        "position",
    ),
    "scaling infinite": (changed("<f", 112, np.inf), "scaling"),
    "scaling without intercept": (changed("<2f", 112, 2, np.nan), "scaling"),
    "header and image apart": (changed("<4s", 344, b"ni1\0"), "not a NIfTI-1"),
    "NaN voxel": (bytes(nifti(np.full((2, 2, 2), np.nan, np.float32))), "not numbers"),
    "value beyond float32": (bytes(nifti(np.full((2, 2, 2), 1e300))), "not numbers"),
    "something behind it": (bytes(nifti()) + b"\0\0secret", "Something else"),
    "two gzip members": (gzip.compress(bytes(nifti())) + gzip.compress(b"more"), "Something else"),
}


@contextmanager
def memory_below(limit: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit


def bomb() -> bytes:
    """A 64 x 64 x 64 header and 256 MB of zeros behind it, in 0.25 MB."""
    head = nifti(np.zeros((64, 64, 64), np.int16))[:352]
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 24)
    return packer.compress(head) + b"".join(packer.compress(block) for _ in range(16)) + packer.flush()


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_file_is_refused_in_a_sentence_with_file_and_remedy(what: str, tmp_path: Path) -> None:
    data, sentence = HOSTILE[what]
    path = tmp_path / ("exam.nii.gz" if data.startswith(b"\x1f\x8b") else "exam.nii")
    path.write_bytes(data)
    with pytest.raises(StudyError, match=sentence) as caught:
        volumes.load(path)
    assert str(path) in str(caught.value) and caught.value.remedy
    with pytest.raises(StudyError, match=sentence):
        volumes.load_bytes(data, "exam")


def test_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(bomb())
    with memory_below(5e6), pytest.raises(StudyError, match="longer than its header says"):  # promised are 0.5 MB
        volumes.load(path)


def test_file_far_beyond_its_header_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "long.nii"
    with path.open("wb") as file:
        file.write(nifti())
        file.truncate(1 << 32)
    with memory_below(1e6), pytest.raises(StudyError, match="far longer than its header says"):
        volumes.load(path)


def test_promised_voxels_are_not_allocated_before_they_are_there() -> None:
    data = gzip.compress(changed("<4h", 40, 3, 512, 512, 512))  # 268 MB promised, 240 bytes there
    with memory_below(1e6), pytest.raises(StudyError, match="breaks off"):
        volumes.load_bytes(data, "x")


def test_folders_missing_files_and_other_names_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "folder.nii.gz").mkdir()
    (tmp_path / "scan.dcm").write_bytes(nifti())
    for name, sentence in [
        ("pipe.nii", "ordinary"),
        ("folder.nii.gz", "folder"),
        ("no.nii", "no such"),
        ("scan.dcm", "end"),
    ]:
        with pytest.raises(StudyError, match=sentence):
            volumes.load(tmp_path / name)


def test_a_link_is_followed_as_data_repositories_consist_of_them(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(nifti())
    (tmp_path / "link.nii").symlink_to("store")
    assert volumes.load(tmp_path / "link.nii").shape == volumes.load_bytes(nifti(), "x").shape


def test_twins_are_refused_whichever_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti())
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(nifti())))
    for name in ("a.nii", "a.nii.gz"):
        with pytest.raises(StudyError, match="lies beside it"):
            volumes.load(tmp_path / name)


def test_voxel_cap_is_the_callers() -> None:
    assert volumes.load_bytes(bytes(nifti()), "x", max_voxels=120).shape == (4, 5, 6)
    with pytest.raises(StudyError, match="4 x 5 x 6"):
        volumes.load_bytes(bytes(nifti()), "x", max_voxels=119)


def test_zeros_at_the_end_are_let_pass() -> None:
    raw = bytes(nifti())
    for data in (raw + bytes(100), gzip.compress(raw + bytes(100)), volumes.pad_gzip(gzip.compress(raw), 5000)):
        assert volumes.load_bytes(data, "x").array[3, 4, 5] == 119


def test_fourth_axis_of_one_is_a_single_volume() -> None:
    assert volumes.load_bytes(bytes(nifti(np.ones((4, 5, 6, 1), np.int16))), "x").shape == (4, 5, 6)


@pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
def test_common_types_stay_what_they_are(kind: str) -> None:
    assert volumes.load_bytes(bytes(nifti(np.ones((2, 3, 4), kind))), "x").array.dtype == np.dtype(kind)


@pytest.mark.parametrize("kind", ["i1", "u2", "i4", "u4", "f8", ">i2", ">f4"])
def test_other_types_and_byte_orders_are_read_right(kind: str) -> None:
    values = np.array([[[0, 1], [2, 100]]], kind)
    header = nibabel.Nifti1Header(endianness=">" if kind.startswith(">") else "<")
    header.set_data_dtype(kind)
    array = volumes.load_bytes(nibabel.Nifti1Image(values, AFFINE, header).to_bytes(), "x").array
    assert array.ravel().tolist() == [0, 1, 2, 100] and array.dtype.isnative
    assert array.dtype == (np.int16 if kind == ">i2" else np.float32)


def test_scaling_is_applied() -> None:
    array = volumes.load_bytes(changed("<2f", 112, 0.5, -10), "x").array
    assert array.dtype == np.float32
    assert array[0, 0, :4].tolist() == [-10.0, -9.5, -9.0, -8.5]  # 0.5 * n - 10


def test_sform_is_preferred_and_qform_taken_without_it() -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), None)
    image.set_qform(np.diag([2.0, 2, 2, 1]), 1)
    image.set_sform(np.diag([-3.0, -3, 3, 1]), 1)
    assert volumes.load_bytes(image.to_bytes(), "x").world_from_voxel[0, 0] == -3
    image.set_sform(None, 0)
    assert volumes.load_bytes(image.to_bytes(), "x").world_from_voxel[0, 0] == 2


# Each row: columns of the direction matrix (RAS) as (axis, sign) of i, j, k, and the nibabel-style code they spell.
DIRECTIONS = [
    tuple(zip(axes, signs, strict=True))
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def tilted(degrees: float) -> np.ndarray:
    """A rotation about x, then about z, written out."""
    a = np.radians(degrees)
    c, s = np.cos(a), np.sin(a)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


@pytest.mark.parametrize("degrees", [0, 12, 25])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_reorient_keeps_every_voxel_at_its_place(direction: tuple, degrees: float) -> None:
    matrix = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(direction):
        matrix[axis, column] = sign
    spacing, origin, marker = (0.8, 1.0, 2.5), np.array([-7.0, 11.0, 3.0]), (1, 4, 2)
    matrix = tilted(degrees) @ matrix * spacing
    # by hand: place = origin + i * first column + j * second + k * third
    place = origin + 1 * matrix[:, 0] + 4 * matrix[:, 1] + 2 * matrix[:, 2]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, origin
    array = np.zeros((5, 6, 7), np.int16)
    array[marker] = 1

    turned = volumes.reorient(Volume(array, affine), "LPS")

    ((i, j, k),) = np.argwhere(turned.array)
    w = turned.world_from_voxel
    assert w[:3, 3] + i * w[:3, 0] + j * w[:3, 1] + k * w[:3, 2] == pytest.approx(place)
    for axis, (name, ends) in enumerate(zip("xyz", (("R", "L"), ("A", "P"), ("I", "S")), strict=True)):
        letters = volumes.axis_letters(w)[axis]
        assert (letters[0][0], letters[1][0]) == ends, name
    assert sorted(turned.spacing_mm) == pytest.approx([0.8, 1.0, 2.5])
    assert turned.array.sum() == 1


def test_reorient_takes_any_code_and_refuses_what_is_none() -> None:
    volume = Volume(np.zeros((2, 3, 4), np.uint8), np.diag([1.0, 1, 1, 1]))
    assert volumes.reorient(volume, "SRA").shape == (4, 2, 3)
    assert volumes.reorient(volume, "RAS") is volume
    for code in ("LRS", "LP", "XYZ", ""):
        with pytest.raises(ValueError, match="orientation"):
            volumes.reorient(volume, code)


def test_letters_of_an_oblique_axis_are_two() -> None:
    # i runs to the left and, by sin 20° = 0.34 > 0.26, to the back; k straight to the feet
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    affine = np.array([[-c, s, 0, 0], [-s, -c, 0, 0], [0, 0, -2, 0], [0, 0, 0, 1]])
    assert volumes.axis_letters(affine) == (("RA", "LP"), ("AL", "PR"), ("S", "I"))


def test_encode_is_deterministic_and_says_nothing_but_the_grid() -> None:
    masks = [np.zeros((6, 7, 8), np.uint8), np.ones((6, 7, 8), bool)]
    first, second = (volumes.encode(Volume(mask, AFFINE), dtype=np.uint8) for mask in masks)
    assert first == volumes.encode(Volume(masks[0].astype(np.float32), AFFINE.copy()), dtype=np.uint8)
    assert first[:10] == second[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert gzip.decompress(first)[:352] == gzip.decompress(second)[:352]


@pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
def test_nibabel_reads_what_encode_wrote(kind: str, tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 200, (5, 6, 7)).astype(kind)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = tilted(12) * (0.9, 0.9, 5.5), (-80.25, 70.5, 12)
    volumes.save(tmp_path / "x.nii.gz", Volume(array, affine))
    image = nibabel.load(tmp_path / "x.nii.gz")
    assert np.array_equal(np.asanyarray(image.dataobj), array) and image.get_data_dtype() == np.dtype(kind)
    assert image.affine == pytest.approx(affine, abs=1e-5)
    assert image.header.get_zooms() == pytest.approx((0.9, 0.9, 5.5))
    assert [p.name for p in tmp_path.iterdir()] == ["x.nii.gz"]


@pytest.mark.parametrize(("value", "kind"), [(2.5, "u1"), (300, "u1"), (-1, "u1"), (40000, "i2"), (np.nan, "f4")])
def test_encode_refuses_to_change_a_value(value: float, kind: str, tmp_path: Path) -> None:
    volume = Volume(np.full((2, 2, 2), value), AFFINE)
    with pytest.raises(StudyError, match="cannot hold"):
        volumes.encode(volume, dtype=kind)
    with pytest.raises(StudyError, match=r"mask\.nii\.gz: .*cannot hold"):
        volumes.save(tmp_path / "mask.nii.gz", volume, dtype=kind)
    assert not list(tmp_path.iterdir())


def test_save_into_no_folder_is_a_sentence(tmp_path: Path) -> None:
    volume = Volume(np.zeros((2, 2, 2), np.uint8), AFFINE)
    with pytest.raises(StudyError, match="cannot be written"):
        volumes.save(tmp_path / "absent" / "x.nii.gz", volume)
    with pytest.raises(StudyError, match=r"\.nii\.gz"):
        volumes.save(tmp_path / "x.nii", volume)


def test_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(StudyError, match=r"x\.nii\.gz: .*No space left on device.*free space"):
        volumes.save(tmp_path / "x.nii.gz", Volume(np.zeros((2, 2, 2), np.uint8), AFFINE))
    assert not list(tmp_path.iterdir())


def test_same_grid() -> None:
    a = Volume(np.zeros((200, 5, 6)), AFFINE)
    moved, stretched = AFFINE.copy(), AFFINE.copy()
    moved[0, 3] += 0.0009
    stretched[0, 0] *= 1.00001  # 199 voxels of 1.5 mm: 0.003 mm at the far end
    assert volumes.is_same_grid(a, Volume(a.array, moved))
    assert not volumes.is_same_grid(a, Volume(a.array, stretched))
    volumes.check_same_grid(a, Volume(a.array, moved), "t1c", "mask")
    with pytest.raises(StudyError, match="mask: It does not lie in the same place as t1c"):
        volumes.check_same_grid(a, Volume(a.array, stretched), "t1c", "mask")
    with pytest.raises(StudyError, match=r"mask: .*size of t1c \(200 x 5 x 5 and 200 x 5 x 6 voxels\)"):
        volumes.check_same_grid(a, Volume(np.zeros((200, 5, 5)), AFFINE), "t1c", "mask")


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 591), st.binary(min_size=1, max_size=4)), max_size=6),
    st.integers(0, 592),
    st.booleans(),
)
def test_gate_knows_only_success_and_study_error(cuts: list, length: int, is_packed: bool) -> None:
    data = nifti()
    for offset, piece in cuts:
        data[offset : offset + len(piece)] = piece
    data = data[: max(length, 0)] if length % 3 == 0 else data
    try:
        volume = volumes.load_bytes(gzip.compress(bytes(data)) if is_packed else bytes(data), "fuzz")
    except StudyError:
        return
    assert np.isfinite(volume.array).all() and np.isfinite(volume.world_from_voxel).all()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)), max_size=4))
def test_gate_survives_damage_to_the_compressed_bytes(cuts: list) -> None:
    data = bytearray(gzip.compress(bytes(nifti()), mtime=0))
    for offset, piece in cuts:
        data[offset : offset + len(piece)] = piece
    try:
        volumes.load_bytes(bytes(data), "fuzz")
    except StudyError:
        return


@pytest.mark.skipif(not EXAMS.exists(), reason="the real exams of ../shared are not on this machine")
@pytest.mark.parametrize("name", ["upenn-00006/t1c", "upenn-00006/seg", "b18-2013-2/flair"])
def test_real_exam_is_read_as_nibabel_reads_it(name: str) -> None:
    path = EXAMS / f"{name}.nii.gz"
    ours, theirs = volumes.load(path), nibabel.load(path)
    assert ours.array.dtype == np.int16 and np.array_equal(ours.array, np.asanyarray(theirs.dataobj))
    assert np.array_equal(ours.world_from_voxel, theirs.affine)
    again = nibabel.Nifti1Image.from_stream(io.BytesIO(gzip.decompress(volumes.encode(ours, dtype=np.int16))))
    assert np.array_equal(np.asanyarray(again.dataobj), ours.array)
