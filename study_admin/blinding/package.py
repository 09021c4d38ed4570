"""One reader's package, put together from exams that are encoded already."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.model import ClosingQuestion, Protocol, Reading
from reader_app.session.package import Manifest, write_manifest
from reader_app.session.store import create_session
from study_admin.blinding.drafts import flush
from study_admin.blinding.key import Allocation
from study_admin.blinding.randomisation import DrawnReading, writing_order
from study_admin.design import Study

# any constant will do; this one is the first that zip files can hold
CONSTANT_TIME = 315_532_800  # 1980-01-01 00:00:00 UTC
SESSION, IMAGES = "session.sqlite", "images"


@dataclass(frozen=True)
class PackageDraft:
    """One reader's package in the making."""

    study: Study
    allocation: Allocation
    reader: str
    encoded: Path  # a folder per exam with T1c, FLAIR, and a mask "0" and "1" by the order of the arms
    folder: Path

    @property
    def _drawn(self) -> tuple[DrawnReading, ...]:
        return tuple(drawn for drawn in self.allocation.readings if drawn.reader == self.reader)

    def write(self, signing_key: Ed25519PrivateKey) -> Manifest:
        """Write the whole folder and sign it; the same draft gives the same bytes."""
        (self.folder / IMAGES).mkdir(parents=True)
        files = self._write_images()
        package_id = self.allocation.package_id(self.reader)
        protocol = self._protocol()
        readings = tuple(Reading(drawn.reading_id, drawn.position, drawn.is_practice) for drawn in self._drawn)
        session = self.folder / SESSION
        trail_head = create_session(
            session, package_id=package_id, reader_code=self.reader, protocol=protocol, readings=readings
        )
        manifest = Manifest(
            package_id=package_id,
            reader_code=self.reader,
            protocol=protocol,
            readings=readings,
            files=files,
            session_sha256=hashlib.sha256(session.read_bytes()).hexdigest(),
            trail_head=trail_head,
            commitment=self.allocation.commitment,
            public_key=signing_key.public_key().public_bytes_raw().hex(),
        )
        write_manifest(self.folder, manifest, signing_key)
        _neutralise(self.folder)
        return manifest

    def _write_images(self) -> dict[str, dict[str, str | int]]:
        sources = {}
        for drawn in self._drawn:
            first, second = ("A", "B") if drawn.arm_a == self.allocation.plan.arms[0] else ("B", "A")
            for part, name in (("T1c", "T1c"), ("FLAIR", "FLAIR"), ("0", first), ("1", second)):
                sources[f"{drawn.reading_id}_{name}"] = self.encoded / drawn.exam / part
        files: dict[str, dict[str, str | int]] = {}
        row = self.allocation.plan.readers.index(self.reader)
        for image in writing_order(self.allocation.seed, row, list(sources)):
            name, data = f"{IMAGES}/{image}.nii.gz", sources[image].read_bytes()
            (self.folder / name).write_bytes(data)
            files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        return dict(sorted(files.items()))

    def _protocol(self) -> Protocol:
        study = self.study
        return Protocol(
            study_id=self.allocation.study_id,
            title=study.title,
            version=study.version,
            study_type=study.study_type.value,
            scale=study.scale,
            question=study.question,
            instruction=study.instruction,
            revision=study.revision,
            closing_questions=tuple(self._closing_questions()),
            is_surface_allowed=study.is_surface_allowed,
        )

    def _closing_questions(self) -> Iterator[ClosingQuestion]:
        for drawn in self.allocation.questions:
            if drawn.reader == self.reader:
                question = self.study.closing[drawn.number - 1]
                yield ClosingQuestion(
                    question_id=drawn.question_id,
                    text=question.text,
                    choices=question.choices,
                    confidence_text=question.confidence_text,
                    confidence_choices=question.confidence_choices,
                    reading_id=drawn.reading_id,
                )


def _neutralise(folder: Path) -> None:
    """One time and one mode for everything in a package, all of it on the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (CONSTANT_TIME, CONSTANT_TIME))
        flush(path)
    folder.chmod(0o755)
    os.utime(folder, (CONSTANT_TIME, CONSTANT_TIME))
