"""Build the demo study anew: `python -m blindread_assets.demo.build --upenn ../shared/data/exams/upenn-00006`.

Seed, signing key and passphrase of the demo are public, so that anybody can check what it does: nothing is secret in
it, and nothing of it may be used for a study. The same images give the same package, byte for byte; the sealed keys
differ from build to build, for a seal has a new salt each time.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segmentation import volumes
from segmentation.__main__ import main as segmentation
from segmentation.errors import StudyError
from segmentation.phantom.simulation import Settings, make_exam
from segmentation.phantom.tumour import Volumes
from segmentation.volumes import Volume
from study_admin.blinding.encoding import encode_exam
from study_admin.blinding.export import Sealing, make_packages
from study_admin.demo_command import DESIGN, PASSPHRASE
from study_admin.exams import find_exams

HERE = Path(__file__).parent
SEED = hashlib.sha256(b"Blindread's demo study; this seed is public").digest()
SIGNING_SEED = hashlib.sha256(b"Blindread's demo study; this signing key is public").digest()
SIMULATION = Settings(2039, volumes=Volumes(20, 160))
SIMULATED = (*DESIGN.practice, "simulated-1", "simulated-2", "simulated-3", "simulated-4", "simulated-5")
LARGEST_BYTES = 25 * 10**6


def main(arguments: Sequence[str] | None = None) -> int:
    """Make `R01` and `coordinator` in the demo's folder, in place of those that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upenn", type=Path, required=True, help="folder of the exam upenn-00006 (CC BY 4.0)")
    parser.add_argument("--out", type=Path, default=HERE, help="where to put it (default: here)")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(dir=options.out) as scratch:
            exams, built = Path(scratch) / "exams", Path(scratch) / "built"
            _simulated(exams)
            _real(options.upenn, exams / "real")
            _segmented(exams, Path(scratch) / "masks")
            _encode(exams)
            _package(exams, built)
            for name in ("R01", "coordinator"):
                shutil.rmtree(options.out / name, ignore_errors=True)
            (built / "packages/R01").rename(options.out / "R01")
            (built / "coordinator").rename(options.out / "coordinator")
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _simulated(exams: Path) -> None:
    """People who do not exist; the technician arm is what the simulated technicians agree on."""
    exams.mkdir()
    for number, name in enumerate(SIMULATED, 1):
        made = make_exam(SIMULATION, exams / f"sim-{number:03d}")
        (exams / name).mkdir()
        for old, new in (("t1c", "t1c"), ("flair", "flair"), ("consensus", "technician")):
            (made / f"{old}.nii.gz").rename(exams / name / f"{new}.nii.gz")
        shutil.rmtree(made)


def _real(source: Path, folder: Path) -> None:
    """The collection's own segmentation, all labels joined, stands where a technician's would."""
    folder.mkdir()
    for name in ("t1c", "flair"):
        shutil.copyfile(source / f"{name}.nii.gz", folder / f"{name}.nii.gz")
    labels = volumes.load(source / "seg.nii.gz")
    whole = Volume((labels.array > 0).astype(np.uint8), labels.world_from_voxel)
    volumes.save(folder / "technician.nii.gz", whole)


def _segmented(exams: Path, masks: Path) -> None:
    """The network arm: the ensemble that ships, by the command that anybody would type."""
    code = segmentation(
        ["predict", str(exams), str(masks), "--skull-stripped", "--co-registered", "--mask", "technician*"]
    )
    if code:
        raise StudyError(f"segmentation predict ended with {code}.", remedy="See above.")
    for exam in exams.iterdir():
        (masks / exam.name / "mask.nii.gz").rename(exam / "network.nii.gz")


def _encode(exams: Path) -> None:
    """Each file as the package will have it, so that the study's own exams can be made of the package again."""
    first, second = DESIGN.arms
    for exam in find_exams(exams, (first, second), practice=DESIGN.practice):
        encoded = encode_exam(exam, (first.name, second.name))
        exam.t1c.write_bytes(encoded.t1c)
        exam.flair.write_bytes(encoded.flair)
        for arm, content in zip((first, second), encoded.masks, strict=True):
            exam.masks[arm.name][0][0].write_bytes(content)


def _package(exams: Path, built: Path) -> None:
    first, second = DESIGN.arms
    study = DESIGN.study(find_exams(exams, (first, second), practice=DESIGN.practice))
    sealing = Sealing(PASSPHRASE, seed=SEED, signing_key=Ed25519PrivateKey.from_private_bytes(SIGNING_SEED))
    made = make_packages(study, built / "packages", built / "coordinator", sealing)
    size = sum(path.stat().st_size for path in made.packages[0].rglob("*") if path.is_file())
    print(f"{made.packages[0].name}: {size / 1e6:.1f} MB, fingerprint {made.fingerprint}")
    if size > LARGEST_BYTES:
        remedy = "Simulate fewer or coarser exams."
        raise StudyError(f"The demo would take {size / 1e6:.0f} MB; it may take 25.", remedy=remedy)


if __name__ == "__main__":
    sys.exit(main())
