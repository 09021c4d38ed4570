"""Volume: a 3-D image and its place in the patient; and the one gate in front of every image file anywhere.

A NIfTI file is judged by its 348 header bytes before anything is allocated, unpacked no further than the header
promises, and read from the very bytes that were judged. Files are written in one canonical form, so that a file
says nothing of the program that made its content.
"""

import math
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from segmentation.errors import StudyError
from segmentation.whole_file import write_whole

MAX_VOXELS = 512**3
_MAX_AXIS = 2048
_HEADER_SIZE, _DATA_OFFSET, _MAX_DATA_OFFSET = 348, 352, 65_536
_ZERO_SLACK = 65_536  # writers that fill their last block leave a few zeros; more is no image
_MAX_OFFSET_MM = 10_000.0
_MAX_COSINE = 0.01  # the screen shows voxels as boxes: axes must stand at right angles
_DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_KEPT = {np.dtype("u1"): 2, np.dtype("i2"): 4, np.dtype("f4"): 16}  # types held as they are, and their NIfTI codes
_OBLIQUE = 0.26  # sine of 15 degrees
_COPY_AGAIN = "Copy the file again from where it came from."
_EXPORT_AGAIN = "Export it again as a 3-D NIfTI image (.nii.gz)."

Letters = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels (i, j, k) and the 4x4 matrix that takes voxel indices to millimetres, +x right, +y front, +z head (NIfTI).

    Voxel centres lie at whole indices. Arrays that were loaded have i fastest in memory (Fortran order).
    """

    array: npt.NDArray
    world_from_voxel: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.array.ndim != 3 or self.world_from_voxel.shape != (4, 4):
            raise ValueError(f"Not a volume: {self.array.shape}, {self.world_from_voxel.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        i, j, k = self.array.shape
        return i, j, k

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel along i, j, k."""
        x, y, z = np.linalg.norm(self.world_from_voxel[:3, :3], axis=0)
        return float(x), float(y), float(z)


@dataclass(frozen=True)
class _Header:
    """What the gate found to be true of a header."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    data_offset: int
    slope: float
    intercept: float
    is_big_endian: bool

    @property
    def byte_count(self) -> int:
        """Size of the unpacked file."""
        return self.data_offset + math.prod(self.shape) * self.dtype.itemsize


def load(path: Path, *, max_voxels: int = MAX_VOXELS) -> Volume:
    """Read a .nii or .nii.gz file; raises StudyError for whatever is not one sound 3-D image.

    int16, uint8 and float32 keep their type; all others, and scaled values, become float32.
    """
    path = Path(path)
    _check_name(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(_MAX_DATA_OFFSET)
            header = _judge(_unpack_head(head, path), path, max_voxels)
            if status.st_size > 2 * header.byte_count + _ZERO_SLACK:  # twice: gzip padded to a sibling's length
                _refuse(path, "The file is far longer than its header says.", _COPY_AGAIN)
            data = head + file.read()
    except OSError as error:
        _refuse(path, f"The file cannot be read ({error.strerror}).", "Check that it is there and may be read.")
    return load_bytes(data, str(path), max_voxels=max_voxels)


def load_bytes(data: bytes, name: str, *, max_voxels: int = MAX_VOXELS) -> Volume:
    """`load` for a file's content that is in memory already, so that a checksum and the image see the same bytes."""
    header = _judge(_unpack_head(data, name), name, max_voxels)
    raw = _unpack(data, header, name)
    import nibabel  # here, for its import takes 0.3 s of a program's start

    nifti = nibabel.Nifti1Header(raw[:_HEADER_SIZE], endianness="><"[not header.is_big_endian], check=False)
    try:
        affine = np.asarray(nifti.get_best_affine(), np.float64)
        array = nifti.raw_data_from_fileobj(BytesIO(raw)).reshape(header.shape, order="F")
    except (ValueError, OSError, nibabel.spatialimages.HeaderDataError) as error:
        raise StudyError(f"The header contradicts itself ({error}).", file=name, remedy=_EXPORT_AGAIN) from error
    _check_affine(affine, name)
    return Volume(_as_kept_type(array, header, name), affine)


def _refuse(name: Path | str, what: str, remedy: str) -> NoReturn:
    raise StudyError(what, file=name, remedy=remedy)


def _check_name(path: Path) -> None:
    """Refuse what is no file, and a.nii beside a.nii.gz: some programs read the one when asked for the other.

    Links to files are followed: data repositories such as git-annex consist of them. A reader's package holds none,
    which `reader_app.session` sees to.
    """
    if path.is_dir():
        _refuse(path, "This is a folder.", "Give one NIfTI file (.nii.gz).")
    if not path.exists():
        _refuse(path, "There is no such file.", "Check the name and the folder.")
    if not path.is_file():
        _refuse(path, "This is not an ordinary file.", "Give a NIfTI file.")
    if path.name.endswith(".nii.gz"):
        twin = path.with_name(path.name.removesuffix(".gz"))
    elif path.name.endswith(".nii"):
        twin = path.with_name(path.name + ".gz")
    else:
        _refuse(path, "The name does not end in .nii or .nii.gz.", _EXPORT_AGAIN)
    if twin.exists():
        _refuse(path, f"{twin.name} lies beside it, so it is unclear which is meant.", "Remove one of the two.")


def _unpack_head(data: bytes, name: Path | str) -> bytes:
    """The first 352 bytes of the image, unpacked if need be."""
    if not data:
        _refuse(name, "The file is empty.", _COPY_AGAIN)
    if not data.startswith(b"\x1f\x8b"):
        return data[:_DATA_OFFSET]
    try:
        return zlib.decompressobj(31).decompress(data[:_MAX_DATA_OFFSET], _DATA_OFFSET)
    except zlib.error:
        _refuse(name, "The compressed data are damaged.", _COPY_AGAIN)


def _judge(head: bytes, name: Path | str, max_voxels: int) -> _Header:
    """Judge a header by its bytes alone."""
    if len(head) < _DATA_OFFSET:
        _refuse(name, "The file is too short for an image.", _COPY_AGAIN)
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", head)[0] == _HEADER_SIZE), None)
    if order is None or head[344:348] != b"n+1\0":
        _refuse(name, "This is not a NIfTI-1 image in one file.", _EXPORT_AGAIN)
    shape = _judge_shape(struct.unpack_from(f"{order}8h", head, 40), name, max_voxels)
    code = struct.unpack_from(f"{order}h", head, 70)[0]
    if code not in _DTYPES:
        _refuse(name, f"Its voxels are of a kind that is no grey value (type {code}).", _EXPORT_AGAIN)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", head, 108)
    if not (_DATA_OFFSET <= offset <= _MAX_DATA_OFFSET and offset == int(offset)):
        _refuse(name, f"The header says that the voxels begin at byte {offset:g}.", _EXPORT_AGAIN)
    _judge_place(head, order, name)
    if math.isnan(slope) or slope == 0 or (slope == 1 and math.isnan(intercept)):
        slope, intercept = 1.0, 0.0  # the standard's "no scaling", and nibabel's
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        _refuse(name, "The header's scaling of the voxel values is not a number.", _EXPORT_AGAIN)
    return _Header(shape, np.dtype(order + _DTYPES[code]), int(offset), slope, intercept, order == ">")


def _judge_shape(dim: Sequence[int], name: Path | str, max_voxels: int) -> tuple[int, int, int]:
    """(i, j, k) of the header's dimension field."""
    if dim[0] == 4 and dim[4] > 1:
        _refuse(name, f"The file holds {dim[4]} volumes; it is unclear which one is meant.", "Give one 3-D volume.")
    if not (dim[0] == 3 or (dim[0] == 4 and dim[4] == 1)):
        _refuse(name, f"The header says {dim[0]} dimensions; an exam's image has three.", "Give one 3-D volume.")
    if not all(1 <= n <= _MAX_AXIS for n in dim[1:4]) or math.prod(dim[1:4]) > max_voxels:
        size = " x ".join(str(n) for n in dim[1:4])
        _refuse(name, f"The header says {size} voxels, which is no size of an exam's image.", _EXPORT_AGAIN)
    return dim[1], dim[2], dim[3]


def _judge_place(head: bytes, order: str, name: Path | str) -> None:
    """The numbers that say where the image lies: finite, in millimetres, and there at all."""
    if not all(0.01 <= size <= 50 for size in struct.unpack_from(f"{order}3f", head, 80)):
        _refuse(name, "The voxel size is not between 0.01 and 50 mm.", _EXPORT_AGAIN)
    if head[123] & 7 in (1, 3):
        _refuse(name, "The header counts in metres or micrometres.", "Export it again in millimetres.")
    q_code, s_code = struct.unpack_from(f"{order}2h", head, 252)
    if q_code <= 0 and s_code <= 0:
        _refuse(name, "The header does not say which side of the image is the patient's left.", _EXPORT_AGAIN)
    numbers = struct.unpack_from(f"{order}12f" if s_code > 0 else f"{order}6f", head, 280 if s_code > 0 else 256)
    if not all(math.isfinite(number) for number in numbers):
        _refuse(name, "The position in the header is not a number.", _EXPORT_AGAIN)


def _check_affine(affine: npt.NDArray[np.float64], name: Path | str) -> None:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((lengths >= 0.01) & (lengths <= 50)).all():
        _refuse(name, "The voxel size is not between 0.01 and 50 mm.", _EXPORT_AGAIN)
    if not (np.abs(affine[:3, 3]) <= _MAX_OFFSET_MM).all():
        _refuse(name, "The image lies more than 10 m away from the scanner.", _EXPORT_AGAIN)
    axes = affine[:3, :3] / lengths
    if np.abs(axes.T @ axes - np.eye(3)).max() > _MAX_COSINE:
        _refuse(name, "The image's axes are not at right angles.", "Resample it to a grid with right angles.")


def _unpack(data: bytes, header: _Header, name: str) -> bytes:
    """The whole image file as `header` promises it, no byte more: anything after it must be zeros."""
    size, rest = header.byte_count, b""
    if data.startswith(b"\x1f\x8b"):
        stream = zlib.decompressobj(31)
        try:
            data = stream.decompress(data, size + _ZERO_SLACK)
        except zlib.error:
            _refuse(name, "The compressed data are damaged.", _COPY_AGAIN)
        if len(data) >= size and not stream.eof:  # the checksum comes only with the end
            _refuse(name, "The file is longer than its header says, or its end is missing.", _COPY_AGAIN)
        rest = stream.unused_data
    if len(data) < size:
        _refuse(name, f"The image breaks off: {len(data)} of {size} bytes are there.", _COPY_AGAIN)
    surplus = len(data) - size
    if surplus > _ZERO_SLACK or surplus != data.count(0, size) or len(rest) != rest.count(0):
        _refuse(name, "Something else follows the image in the file.", _COPY_AGAIN)
    return data


def _as_kept_type(array: npt.NDArray, header: _Header, name: str) -> npt.NDArray:
    is_scaled = (header.slope, header.intercept) != (1.0, 0.0)
    dtype = array.dtype.newbyteorder("=")
    if is_scaled or dtype not in _KEPT:
        dtype = np.dtype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        if is_scaled:
            array = array * np.float64(header.slope) + header.intercept
        array = array.astype(dtype, copy=False)
    if dtype.kind == "f" and not np.isfinite(array).all():
        _refuse(name, "Some voxels are not numbers (NaN or infinite).", "Replace them and save the image again.")
    return array


def encode(volume: Volume, *, dtype: npt.DTypeLike) -> bytes:
    """The canonical .nii.gz of a volume: equal volumes give equal bytes, and equal grids equal headers.

    `dtype` is uint8, int16 or float32. The header is built from zeros, the gzip frame has no name and no time.
    Raises StudyError where a value would change (2.5 or 300 as uint8), so that nothing is cut off unseen; only the
    usual rounding to float32 is let pass.
    """
    kind = np.dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        values = volume.array.astype(kind.newbyteorder("<"))
    is_same = np.isfinite(values).all() if kind.kind == "f" else np.array_equal(values, volume.array)
    if not is_same:
        raise StudyError(f"The image has values that {kind} cannot hold.", remedy="Choose another voxel type.")
    raw = _canonical_header(volume, _KEPT[kind]) + values.tobytes(order="F")
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    frame = b"\x1f\x8b\x08\x00" + bytes(5) + b"\xff"  # no name, time 0, system 255: unknown
    return frame + deflate.compress(raw) + deflate.flush() + struct.pack("<2I", zlib.crc32(raw), len(raw) & 0xFFFFFFFF)


def _canonical_header(volume: Volume, code: int) -> bytes:
    """348 header bytes and "no extensions"; the place is the sform alone, as quaternions round."""
    head = bytearray(_DATA_OFFSET)
    struct.pack_into("<i", head, 0, _HEADER_SIZE)
    struct.pack_into("<8h", head, 40, 3, *volume.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, code, {2: 8, 4: 16, 16: 32}[code])
    struct.pack_into("<8f", head, 76, 1.0, *volume.spacing_mm, 1.0, 1.0, 1.0, 1.0)
    struct.pack_into("<3f", head, 108, _DATA_OFFSET, 1.0, 0.0)
    head[123] = 2  # millimetres
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *volume.world_from_voxel[:3].ravel())
    struct.pack_into("<4s", head, 344, b"n+1\0")
    return bytes(head)


def save(path: Path, volume: Volume, *, dtype: npt.DTypeLike | None = None) -> None:
    """`encode` into a .nii.gz file that appears whole or not at all; without `dtype`, in the volume's own type."""
    path = Path(path)
    if not path.name.endswith(".nii.gz"):
        raise StudyError("Images are written as .nii.gz.", file=path, remedy="Choose a name that ends so.")
    own = volume.array.dtype.newbyteorder("=")
    try:
        data = encode(volume, dtype=dtype if dtype is not None else own if own in _KEPT else np.float32)
    except StudyError as error:
        raise StudyError(error.what, file=path, remedy=error.remedy) from error
    write_whole(path, data, "image")


def pad_gzip(data: bytes, length: int) -> bytes:
    """A gzip file made `length` bytes long by zeros after its end, which readers pass over."""
    if len(data) > length:
        raise ValueError(f"{len(data)} bytes do not fit into {length}")
    return data + bytes(length - len(data))


def reorient(volume: Volume, code: str) -> Volume:
    """The same voxels with axes permuted and flipped so that they run towards the three letters of `code`.

    Nothing is interpolated: an oblique image stays oblique, each axis within 45 degrees or so of its letter.
    """
    from nibabel import orientations

    if "".join(sorted(min(pair) for letter in code for pair in ("LR", "AP", "IS") if letter in pair)) != "AIL":
        raise ValueError(f"Not an orientation: {code!r}")
    wanted = orientations.axcodes2ornt(code)
    change = orientations.ornt_transform(orientations.io_orientation(volume.world_from_voxel), wanted)
    if np.array_equal(change, [[0, 1], [1, 1], [2, 1]]):
        return volume
    array = np.asfortranarray(orientations.apply_orientation(volume.array, change))
    return Volume(array, volume.world_from_voxel @ orientations.inv_ornt_aff(change, volume.shape))


def axis_letters(world_from_voxel: npt.NDArray[np.float64]) -> tuple[Letters, Letters, Letters]:
    """For each voxel axis, the letters at its first and its last voxel; two letters each where it is oblique (> 15°).

    >>> axis_letters(np.diag([-1.0, -1.0, 1.0, 1.0]))
    (('R', 'L'), ('A', 'P'), ('I', 'S'))
    """
    return tuple(_letters_of(axis) for axis in np.asarray(world_from_voxel)[:3, :3].T)  # type: ignore[return-value]


def _letters_of(axis: npt.NDArray[np.float64]) -> Letters:
    unit = axis / np.linalg.norm(axis)
    first, second = np.argsort(-np.abs(unit), kind="stable")[:2]
    components = [first] if abs(unit[second]) <= _OBLIQUE else [first, second]
    positive = "".join(("LR", "PA", "IS")[n][int(unit[n] > 0)] for n in components)
    return positive.translate(str.maketrans("LRPAIS", "RLAPSI")), positive


def is_same_grid(a: Volume, b: Volume, tolerance_mm: float = 1e-3) -> bool:
    """Whether two volumes have equally many voxels in the same places, each corner within the tolerance."""
    if a.shape != b.shape:
        return False
    corners = np.array([[i, j, k, 1.0] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    corners[:, :3] *= np.array(a.shape) - 1
    apart_mm = np.linalg.norm((corners @ (a.world_from_voxel - b.world_from_voxel).T)[:, :3], axis=1)
    return bool(apart_mm.max() <= tolerance_mm)


def check_same_grid(a: Volume, b: Volume, name_a: str, name_b: str) -> None:
    """Raise StudyError unless `b` lies on the grid of `a`; nothing is resampled unseen."""
    if a.shape != b.shape:
        sizes = " and ".join(" x ".join(str(n) for n in v.shape) for v in (b, a))
        what = f"It does not have the size of {name_a} ({sizes} voxels)."
    elif not is_same_grid(a, b):
        what = f"It does not lie in the same place as {name_a}."
    else:
        return
    raise StudyError(what, file=name_b, remedy=f"Save it again on the grid of {name_a}.")
