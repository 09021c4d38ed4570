"""The opening of a study: what is drawn and fixed, and that nothing is left if any of it fails."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.export import KEY, PUBLIC, SIGNING_KEY, THIRD_KEY, seal_study, source_files, write_packages
from study_admin.design import Arm, Exam, MaskRule, Study, source_guess
from study_admin.records import Opening, SourceFile
from tests.study_admin.grouped_study import ARMS, PASSPHRASE, SEALING, contents, grouped_study, listing, opened
from tests.study_admin.made_up_exams import SHAPE, write_exam, write_image

pytestmark = pytest.mark.usefixtures("quick_seal")


@pytest.fixture
def study(exams: Path) -> Study:
    return grouped_study(exams)


@pytest.fixture
def opening(study: Study, tmp_path: Path) -> Opening:
    return opened(study, tmp_path / "keys")


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


def test_a_third_persons_copy(study: Study, tmp_path: Path) -> None:
    sealing = replace(SEALING, third_passphrase="another six words of a neutral person")
    assert seal_study(study, {}, tmp_path / "keys", sealing).has_third_copy
    assert THIRD_KEY in listing(tmp_path / "keys")


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
        ("arm hand 1.1", "hand.nii.gz"), ("arm hand 1.2", "machine.nii.gz"), ("arm hand 2.1", "hand.nii.gz"),
        ("arm machine", "machine.nii.gz"),
    ]  # fmt: skip
    assert all(file.sha256 == hashlib.sha256(Path(file.path).read_bytes()).hexdigest() for file in found)


@pytest.mark.parametrize("name", ["T1c", "FLAIR", "brain mask"])
def test_an_arm_called_as_an_image(name: str, study: Study, tmp_path: Path) -> None:
    """Each file keeps a role of its own, and the hash under it is its own."""
    brain = write_image(tmp_path / "brain.nii.gz", np.ones(SHAPE, np.uint8))
    exams = tuple(
        replace(exam, brain_mask=brain, masks={name: exam.masks["hand"], "machine": exam.masks["machine"]})
        for exam in study.exams
    )
    own = replace(study, arms=(Arm(name, ("hand.nii.gz",)), ARMS[1]), exams=exams)
    files = source_files(own)
    assert len({(file.exam, file.role) for file in files}) == len(files) == 6 * 5
    opening = seal_study(own, {}, tmp_path / "keys", SEALING, files)
    assert len(write_packages(own, opening, tmp_path / "keys", PASSPHRASE, tmp_path / "out", files=files)) == 4


THIRD = "another six words of a neutral person"


@pytest.mark.parametrize("kind", ["truncated", "of another allocation", "of another signing key"])
@pytest.mark.parametrize("name", [KEY, THIRD_KEY, SIGNING_KEY])
def test_a_sealed_file_that_doesnt_open_is_noticed_at_once(
    kind: str, name: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk keeps isn't what was sealed."""
    write = Path.write_bytes
    signing = key.seal_signing_key(Ed25519PrivateKey.generate(), "0" * 16, PASSPHRASE)
    seal_study(study, {}, tmp_path / "others", replace(SEALING, third_passphrase=THIRD, signing_key=None, seed=None))
    other = tmp_path / "others" / name

    def spoil(path: Path, data: bytes) -> int:
        if path.name == name:
            data = {"truncated": data[:-1], "of another allocation": other.read_bytes()}.get(kind, signing)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", spoil)
    with pytest.raises(StudyError, match=name):
        seal_study(study, {}, tmp_path / "keys", replace(SEALING, third_passphrase=THIRD))
    assert listing(tmp_path) == ["exams", "others"]


def test_a_key_that_opens_to_something_else(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right study and passphrase, and another content: of the signing key first, then of the third copy."""
    seal = key.seal_signing_key
    with monkeypatch.context() as patch:
        patch.setattr(key, "seal_signing_key", lambda _, *rest: seal(Ed25519PrivateKey.generate(), *rest))
        with pytest.raises(StudyError, match=rf"{SIGNING_KEY}: What was sealed isn't what it should be"):
            seal_study(study, {}, tmp_path / "keys", SEALING)
    seal_all = key.seal_allocation

    def swap(allocation: key.Allocation, passphrase: str) -> bytes:
        kept = allocation if passphrase == PASSPHRASE else replace(allocation, readings=allocation.readings[1:])
        return seal_all(kept, passphrase)

    monkeypatch.setattr(key, "seal_allocation", swap)
    with pytest.raises(StudyError, match=rf"{THIRD_KEY}: The key isn't the one that the study was opened with"):
        seal_study(study, {}, tmp_path / "keys", replace(SEALING, third_passphrase=THIRD))
    assert listing(tmp_path) == ["exams"]


def test_what_is_fixed_stands_in_the_key_and_the_public_file(study: Study, tmp_path: Path) -> None:
    """Hashes of the texts by hand, from JSON written here; of design and files, that everything moves them.

    Which arm a question asks for is part of the design, and not of the text, which readers can check by its hash.
    """
    own = replace(
        study, question="Welche Kontur stimmt?", instruction=("Eins.", "Zwei."), closing=(source_guess(1, "hand"),)
    )
    files = (SourceFile("case02", "T1c", "a", "2" * 64), SourceFile("case01", "T1c", "b", "1" * 64))
    opening = seal_study(own, {}, tmp_path / "keys", SEALING, files)
    plan = json.loads((tmp_path / "keys" / PUBLIC).read_text(encoding="utf-8"))["plan"]
    sealed = key.open_allocation(tmp_path / "keys" / KEY, PASSPHRASE)
    assert (plan["design_sha256"], plan["sources_sha256"], plan["texts_sha256"], plan["closing"]) == (
        sealed.plan.design_sha256, sealed.plan.sources_sha256, sealed.plan.texts_sha256, [1],
    )  # fmt: skip
    assert plan["sources_sha256"] == sha256(f'[["case01","T1c","{"1" * 64}"],["case02","T1c","{"2" * 64}"]]')
    assert plan["texts_sha256"] == {
        "question": sha256('"Welche Kontur stimmt?"'),
        "instruction": sha256('["Eins.","Zwei."]'),
        "scale": sha256(
            '{"anchors":[{"label":"no match","value":0},{"label":"very poor match","value":2},'
            '{"label":"poor match","value":4},{"label":"good match","value":6},{"label":"very good match","value":8},'
            '{"label":"perfect match","value":10}],"maximum":10,"minimum":0}'
        ),
        "closing": sha256(
            '[{"choices":["A","B","Don\'t know"],"confidence_choices":["A guess","Fairly sure","Certain"],'
            '"confidence_text":"How sure are you?","exams":1,"text":"Which side do you think a computer drew?"}]'
        ),
    }
    others = {
        seal_study(changed, {}, tmp_path / f"keys{number}", SEALING, files).commitment
        for number, changed in enumerate(
            (
                replace(own, non_inferiority_margin=0.5),
                replace(own, alpha=0.1),
                replace(own, question="Another?"),
                replace(own, mask_rule=MaskRule.NONZERO),
                replace(own, closing=(source_guess(2, "hand"),)),
                replace(own, closing=(source_guess(1, "machine"),)),
                replace(own, closing=(source_guess(1),)),
            )
        )
    }
    assert len({*others, opening.commitment, opened(own, tmp_path / "with other files").commitment}) == 9


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_where_the_exams_lie_is_not_fixed(study: Study, tmp_path: Path) -> None:
    moved = tuple(replace(exam, t1c=Path("/elsewhere/t1c.nii.gz")) for exam in study.exams)
    one = seal_study(replace(study, non_inferiority_margin=1), {}, tmp_path / "one", SEALING)
    two = seal_study(replace(study, non_inferiority_margin=1.0, exams=moved), {}, tmp_path / "two", SEALING)
    assert one.commitment == two.commitment
