"""Small valid packages with made-up images, for the tests of everything that opens one."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.model import ClosingQuestion, Protocol, Reading, Revision, Side
from reader_app.session.package import Manifest, write_manifest
from reader_app.session.store import create_session
from segmentation.volumes import Volume, encode

# a fixed key: packages of equal arguments are equal, byte for byte
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PACKAGE_ID = "00112233445566aa"


def make_protocol(*, revision: Revision = Revision.UNTIL_SIGN_OFF, questions: int = 0, readings: int = 3) -> Protocol:
    """A protocol with some closing questions; the first is about the first study exam, the others about all."""
    asked = tuple(
        ClosingQuestion(
            question_id=f"{0xC0 + number:016x}",
            text="On which side would you like to work?",
            choices=("A", "B", "no difference"),
            confidence_text="How sure are you?",
            confidence_choices=("a guess", "sure"),
            reading_id=reading_id(1) if number == 0 and readings else None,
        )
        for number in range(questions)
    )
    return Protocol(
        study_id="5" * 16, title="A made-up study", version="1", study_type="balanced", revision=revision,
        closing_questions=asked, is_surface_allowed=True,
    )  # fmt: skip


def reading_id(position: int, *, is_practice: bool = False) -> str:
    """The id that `make_package` gives to the exam at a position."""
    return hashlib.sha256(f"{position} {is_practice}".encode()).hexdigest()[:16]


def make_readings(readings: int, practice: int) -> tuple[Reading, ...]:
    return tuple(
        Reading(reading_id(position, is_practice=is_practice), position, is_practice)
        for is_practice, count in ((True, practice), (False, readings))
        for position in range(1, count + 1)
    )


def make_package(
    folder: Path,
    readings: int = 3,
    practice: int = 1,
    protocol: Protocol | None = None,
    shape: tuple[int, int, int] = (24, 28, 20),
    *,
    reader_code: str = "R01",
    package_id: str = PACKAGE_ID,
) -> Path:
    """Write a valid signed package into a folder, which is made, and return the folder.

    Each exam is a bright ball in a head-like ellipsoid; the two masks are balls of slightly different place and size.
    """
    (folder / "images").mkdir(parents=True)
    order = make_readings(readings, practice)
    files: dict[str, dict[str, str | int]] = {}
    for number, reading in enumerate(order):
        for name, data in _images(number, shape).items():
            path = f"images/{reading.reading_id}_{name}.nii.gz"
            (folder / path).write_bytes(data)
            files[path] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    protocol = protocol or make_protocol()
    session = folder / "session.sqlite"
    head = create_session(session, package_id=package_id, reader_code=reader_code, protocol=protocol, readings=order)
    manifest = Manifest(
        package_id=package_id,
        reader_code=reader_code,
        protocol=protocol,
        readings=order,
        files=files,
        session_sha256=hashlib.sha256(session.read_bytes()).hexdigest(),
        trail_head=head,
        commitment="0c" * 32,
        public_key=SIGNING_KEY.public_key().public_bytes_raw().hex(),
    )
    write_manifest(folder, manifest, SIGNING_KEY)
    return folder


def _images(number: int, shape: tuple[int, int, int]) -> dict[str, bytes]:
    """T1c, FLAIR and the masks A and B, encoded, on a grid of 2 x 2 x 3 mm with RAS axes."""
    spacing = np.array([2.0, 2.0, 3.0])
    world_from_voxel = np.diag([*spacing, 1.0])
    world_from_voxel[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    noise = np.random.default_rng(number).normal(0, 20, shape)
    head = _distance(shape, (0.5, 0.5, 0.5), np.array(shape) * 0.45) < 1
    centre = (0.4 + 0.02 * (number % 8), 0.55, 0.5)
    tumour = _distance(shape, centre, np.array([4.0, 4.0, 3.0])) < 1
    images = {
        "T1c": np.where(head, 400 + noise, 0) + 500 * tumour,
        "FLAIR": np.where(head, 300 + noise, 0) + 300 * tumour,
    }
    found = {name: encode(Volume(array.clip(0).astype(np.int16), world_from_voxel), dtype=np.int16)
             for name, array in images.items()}  # fmt: skip
    for side, (shift, radius) in {Side.A: (0.0, 4.0), Side.B: (0.04, 3.4)}.items():
        place = (centre[0] + shift, centre[1], centre[2])
        mask = (_distance(shape, place, np.array([radius, radius, radius * 0.75])) < 1).astype(np.uint8)
        found[side.value] = encode(Volume(mask, world_from_voxel), dtype=np.uint8)
    return found


def _distance(shape: tuple[int, int, int], centre: Sequence[float], radii: np.ndarray) -> np.ndarray:
    """Of each voxel from a relative place, in radii."""
    grid = np.indices(shape).reshape(3, -1).T
    offset = (grid - np.array(centre) * (np.array(shape) - 1)) / radii
    distance: np.ndarray = np.sqrt((offset**2).sum(axis=1)).reshape(shape)
    return distance
