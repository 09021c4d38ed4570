"""One exam to four files: everything that can be wrong with it, and that nothing of its source comes through."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from study_admin.blinding.encoding import EncodedExam, encode_exam
from study_admin.design import Exam, MaskRule, StudyProblemsError
from tests.study_admin.made_up_exams import AFFINE, SHAPE, tumour, write_exam, write_image

ARMS = ("hand", "machine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_exam(tmp_path / "case01", 1)


def exam_in(folder: Path) -> Exam:
    masks = {arm: ((folder / f"{arm}.nii.gz",),) for arm in ARMS}
    return Exam(folder.name, folder / "t1c.nii.gz", folder / "flair.nii.gz", masks)


def encode(folder: Path, **options: object) -> EncodedExam:
    return encode_exam(exam_in(folder), ARMS, **options)  # type: ignore[arg-type]


def decode(data: bytes) -> nibabel.Nifti1Image:
    """By nibabel, not by the code under test."""
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(data.rstrip(b"\0") + bytes(8)))


def problems(folder: Path, **options: object) -> list[str]:
    with pytest.raises(StudyProblemsError) as error:
        encode(folder, **options)
    return [str(problem) for problem in error.value.problems]


def in_patient(image: nibabel.Nifti1Image) -> dict[tuple[float, ...], float]:
    """Value by place in the patient, whatever the order of the axes."""
    places = np.indices(image.shape).reshape(3, -1)
    world = nibabel.affines.apply_affine(image.affine, places.T)
    return dict(zip(map(tuple, np.round(world, 3)), np.asanyarray(image.dataobj).ravel(), strict=True))


def test_every_voxel_stays_in_its_place(folder: Path) -> None:
    encoded = encode(folder)
    for data, name in ((encoded.t1c, "t1c"), (encoded.flair, "flair"), *zip(encoded.masks, ARMS, strict=True)):
        assert in_patient(decode(data)) == in_patient(nibabel.load(folder / f"{name}.nii.gz"))


def test_masks_differ_in_their_voxels_alone(folder: Path) -> None:
    hand, machine = encode(folder).masks
    assert len(hand) == len(machine)
    assert hand[:10] == machine[:10] == bytes.fromhex("1f8b08000000000000ff")
    one, two = gzip.decompress(hand), gzip.decompress(machine)
    assert one[:352] == two[:352]
    assert set(one[352:]) == set(two[352:]) == {0, 1}


def test_nothing_of_the_source_headers_is_left(folder: Path) -> None:
    encoded = encode(folder)
    for data in (encoded.t1c, encoded.flair, *encoded.masks):
        head = gzip.decompress(data)[:352]
        assert head[4:40] == bytes(36)  # data_type, db_name, extents, session_error, regular
        assert head[148:252] == bytes(104)  # descrip, aux_file
        assert head[328:344] == bytes(16)  # intent_name


def test_a_mask_with_other_axes_but_the_same_voxels_is_taken(folder: Path) -> None:
    expected = encode(folder)
    mask = nibabel.load(folder / "machine.nii.gz")
    turned = nibabel.as_closest_canonical(mask)
    write_image(folder / "machine.nii.gz", np.asarray(turned.dataobj), affine=turned.affine)
    assert encode(folder) == expected


def test_labels_need_a_rule(folder: Path) -> None:
    labels = tumour(1, 5.0) * 4
    labels[tumour(1, 3.0) > 0] = 1
    expected = encode(folder)
    write_image(folder / "hand.nii.gz", labels)
    (text,) = problems(folder)
    assert "hand.nii.gz: The mask holds the labels 0, 1, 4." in text
    assert "--mask-rule nonzero" in text
    assert encode(folder, rule=MaskRule.NONZERO) == expected


def test_255_needs_a_rule_too(folder: Path) -> None:
    write_image(folder / "hand.nii.gz", tumour(1, 5.0) * np.uint8(255))
    assert "labels 0, 255" in problems(folder)[0]


def test_a_rounding_error_is_no_fraction(folder: Path) -> None:
    """0.99999997 stands in the masks of ../shared/data/brats2013."""
    expected = encode(folder)
    write_image(folder / "hand.nii.gz", tumour(1, 5.0).astype(np.float32) * np.float32(0.99999997))
    assert encode(folder) == expected


@pytest.mark.parametrize("rule", list(MaskRule))
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (tumour(1, 5.0) * np.float32(0.6), "fractions, not labels"),
        (-tumour(1, 5.0).astype(np.int16), "labels below 0"),
        (np.zeros(SHAPE, np.uint8), "The mask is empty"),
    ],
)
def test_masks_that_no_rule_allows(folder: Path, rule: MaskRule, array: np.ndarray, message: str) -> None:
    write_image(folder / "machine.nii.gz", array)
    (text,) = problems(folder, rule=rule)
    assert text.startswith(f"{folder}/machine.nii.gz: ")
    assert message in text


def test_an_empty_mask_can_be_allowed(folder: Path) -> None:
    write_image(folder / "machine.nii.gz", np.zeros(SHAPE, np.uint8))
    assert not decode(encode(folder, are_empty_masks_allowed=True).masks[1]).get_fdata().any()


def test_27_mm_by_the_header(folder: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 27
    write_image(folder / "hand.nii.gz", tumour(1, 5.0), affine=moved)
    (text,) = problems(folder)
    assert "27 mm away from the exam's T1c" in text
    assert "grid of the T1c" in text


def test_flair_on_another_grid(folder: Path) -> None:
    write_image(folder / "flair.nii.gz", np.ones((10, 11, 8), np.int16) * np.arange(8, dtype=np.int16))
    (text,) = problems(folder)
    assert "(10×11×8 and 20×22×8)" in text
    assert "`segmentation preprocess`" in text


def test_a_rounded_origin_is_the_same_grid(folder: Path) -> None:
    """1e-6 mm, as quaternions round; afterwards both masks have the image's own affine."""
    write_image(folder / "hand.nii.gz", tumour(1, 5.0).astype(np.int16), affine=AFFINE + 1e-6 * np.eye(4, k=3))
    hand, machine = encode(folder).masks
    assert gzip.decompress(hand)[:352] == gzip.decompress(machine)[:352]


def test_everything_wrong_is_said_at_once(folder: Path) -> None:
    write_image(folder / "t1c.nii.gz", np.zeros((*SHAPE, 3), np.int16))
    write_image(folder / "flair.nii.gz", np.full(SHAPE, 7, np.int16))
    (folder / "hand.nii.gz").write_bytes((folder / "hand.nii.gz").read_bytes()[:-40])
    write_image(folder / "machine.nii", tumour(1, 5.0))
    found = problems(folder)
    assert len(found) == 4
    assert "t1c.nii.gz: The file holds 3 volumes" in found[0]
    assert "flair.nii.gz: The image has the value 7 everywhere." in found[1]
    assert "hand.nii.gz: The file is longer" in found[2] or "hand.nii.gz: The image breaks off" in found[2]
    assert "machine.nii lies beside it" in found[3]
