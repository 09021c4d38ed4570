"""One exam to four files: everything that can be wrong with it, and that nothing of its source comes through."""

import gzip
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from study_admin.blinding.encoding import EncodedExam, encode_exam, load_exam
from study_admin.design import Exam, Heads, MaskRule, StudyProblemsError
from tests.study_admin.made_up_exams import AFFINE, SHAPE, tumour, write_exam, write_image

ARMS = ("hand", "machine")
RAW = Path(__file__).parents[3] / "shared/data/raw/TCGA-FG-6692"


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


def exam_of_a_team(folder: Path, *compartments: tuple[str, ...]) -> Exam:
    """`hand` by compartments, each a list of files."""
    plain = exam_in(folder)
    files = tuple(tuple(folder / f"{name}.nii.gz" for name in names) for names in compartments)
    return replace(plain, masks={"hand": files, "machine": plain.masks["machine"]})


def team(folder: Path) -> dict[str, np.ndarray]:
    """Four masks in files: three of one compartment, in different types and axes, and one of another."""
    drawn = {name: tumour(seed, 4.0) for seed, name in enumerate(("anna", "ben", "carl"), start=20)}
    drawn["flair"] = np.roll(tumour(30, 3.0), 4, axis=0)
    write_image(folder / "anna.nii.gz", drawn["anna"].astype(np.float32))
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(drawn["ben"], AFFINE))
    write_image(folder / "ben.nii.gz", np.asarray(turned.dataobj), affine=turned.affine)
    write_image(folder / "carl.nii.gz", drawn["carl"].astype(np.int16))
    write_image(folder / "flair.nii.gz", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))
    write_image(folder / "bright.nii.gz", drawn["flair"])
    return drawn


def shown(encoded: EncodedExam, place: int = 0) -> np.ndarray:
    """A mask in the axes of the made-up images, which are those of the package."""
    image = decode(encoded.masks[place])
    np.testing.assert_array_equal(image.affine, AFFINE)
    return np.asarray(image.dataobj)


def test_consensus_of_technicians_and_union_of_compartments(folder: Path) -> None:
    drawn = team(folder)
    votes = drawn["anna"].astype(int) + drawn["ben"] + drawn["carl"]
    assert len(np.unique(votes)) == 4  # they do differ
    encoded = encode_exam(exam_of_a_team(folder, ("anna", "ben", "carl"), ("bright",)), ARMS)
    np.testing.assert_array_equal(shown(encoded), (votes >= 2) | (drawn["flair"] > 0))
    two = encode_exam(exam_of_a_team(folder, ("anna", "carl")), ARMS)
    np.testing.assert_array_equal(shown(two), drawn["anna"] & drawn["carl"])


def test_every_technicians_file_is_checked(folder: Path) -> None:
    team(folder)
    write_image(folder / "anna.nii.gz", tumour(1, 5.0) * np.uint8(2))
    write_image(folder / "carl.nii.gz", tumour(1, 5.0)[:, :, :4])
    with pytest.raises(StudyProblemsError) as error:
        encode_exam(exam_of_a_team(folder, ("anna", "ben", "carl"), ("bright",)), ARMS)
    found = [str(problem) for problem in error.value.problems]
    assert len(found) == 2
    assert "anna.nii.gz: The mask holds the labels 0, 2." in found[0]
    assert "carl.nii.gz: It has another number of voxels" in found[1]


def test_a_compartment_may_be_empty_but_not_the_tumour(folder: Path) -> None:
    team(folder)
    write_image(folder / "bright.nii.gz", np.zeros(SHAPE, np.uint8))
    loaded = load_exam(exam_of_a_team(folder, ("anna",), ("bright",)), ARMS)
    assert loaded.empty_files == (folder / "bright.nii.gz",)
    np.testing.assert_array_equal(loaded.masks[0], tumour(20, 4.0))
    apart = np.zeros(SHAPE, np.uint8)
    apart[0, 0, 0] = 1
    write_image(folder / "ben.nii.gz", apart)
    with pytest.raises(StudyProblemsError, match="The 3 masks leave no tumour together") as error:
        encode_exam(exam_of_a_team(folder, ("anna", "ben"), ("bright",)), ARMS)
    assert len(error.value.problems) == 1


def test_only_brain_and_both_tumours_are_shown(folder: Path) -> None:
    brain = np.zeros(SHAPE, np.float32)
    brain[4:10, 3:18, 1:7] = 0.99999997
    write_image(folder / "brain.nii.gz", brain)
    exam = replace(exam_in(folder), brain_mask=folder / "brain.nii.gz")
    before, after = encode_exam(exam, ARMS), encode_exam(exam, ARMS, heads=Heads.BRAIN_ONLY)
    seen = (brain > 0) | (tumour(1, 5.0) > 0) | (tumour(5001, 5.0) > 0)
    assert 0 < (seen & (brain == 0)).sum() < seen.sum() < seen.size
    for whole, cut in ((before.t1c, after.t1c), (before.flair, after.flair)):
        np.testing.assert_array_equal(decode(cut).dataobj, np.where(seen, decode(whole).dataobj, 0))
    assert after.masks == before.masks
    assert encode_exam(exam, ARMS[::-1], heads=Heads.BRAIN_ONLY).t1c == after.t1c  # the cut doesn't know the arms


def test_brain_masks_that_do_not_fit(folder: Path) -> None:
    brain = folder / "brain.nii.gz"
    exam = replace(exam_in(folder), brain_mask=brain)
    for array, message in (
        (np.zeros(SHAPE, np.uint8), "The brain mask is empty"),
        (np.full(SHAPE, 0.5, np.float32), "fractions, not labels"),
        (np.ones((4, 4, 4), np.uint8), "another number of voxels"),
    ):
        write_image(brain, array)
        with pytest.raises(StudyProblemsError, match=message) as error:
            encode_exam(exam, ARMS, heads=Heads.BRAIN_ONLY)
        assert len(error.value.problems) == 1
        assert str(error.value).startswith(str(brain))
    with pytest.raises(StudyProblemsError, match="case01 has no brain mask"):
        encode(folder, heads=Heads.BRAIN_ONLY)


@pytest.mark.skipif(not RAW.is_dir(), reason="the real exams (../shared) are not on this machine")
def test_a_raw_clinical_exam() -> None:
    """TCGA-FG-6692: five algorithms stand for five technicians; its FLAIR lies elsewhere, so the T1 stands in."""
    five = tuple(sorted((RAW / "algorithms").glob("segalg_*.nii.gz")))
    masks = {"five": (five,), "fused": ((RAW / "algorithms/segfusion_mav.nii.gz",),)}
    brain = RAW / "hdbet_mask_t1c.nii.gz"
    exam = Exam("raw", RAW / "t1c.nii.gz", RAW / "t1.nii.gz", masks, brain_mask=brain)
    arms = ("five", "fused")
    encoded = encode_exam(exam, arms, rule=MaskRule.NONZERO, heads=Heads.BRAIN_ONLY)
    votes = sum((np.asarray(nibabel.load(path).dataobj) > 0).astype(int) for path in five)
    volumes_vox = [int(decode(data).get_fdata().sum()) for data in encoded.masks]
    assert volumes_vox == [int((votes >= 3).sum()), 535 + 4743 + 1507]  # see tests/segmentation/test_consensus.py
    assert (decode(encoded.t1c).get_fdata() > 0).sum() <= (nibabel.load(brain).get_fdata() > 0).sum() + sum(volumes_vox)
    with pytest.raises(StudyProblemsError, match=r"flair\.nii\.gz: It has another number of voxels"):
        encode_exam(replace(exam, flair=RAW / "flair.nii.gz"), arms, rule=MaskRule.NONZERO)
