"""Regions: files of FSL, nilearn or alone; sides by the template's x; ml of tumour by hand. On a tiny made-up atlas."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from segmentation import volumes
from segmentation.atlas import regions
from segmentation.atlas.regions import load_atlas, shares, shares_csv
from segmentation.errors import StudyError
from segmentation.volumes import Volume

LAS = np.array([[-1.0, 0, 0, 3.5], [0, 1, 0, -3], [0, 0, 1, -1], [0, 0, 0, 1]])  # i runs to the left: x = 3.5 - i
CORTICAL = ["Frontal_Pole", "Insular_Cortex"]
DEEP = [
    "Left_Cerebral_White_Matter",
    "Left_Cerebral_Cortex",
    "Left_Thalamus",
    "Right_Cerebral_White_Matter",
    "Right_Cerebral_Cortex_",
]
TEXT = ("HarvardOxford-Cortical_index.txt", "HarvardOxford-Subcortical_index.txt")
IMAGES = ("HarvardOxford-cort-maxprob-thr25-1mm.nii.gz", "HarvardOxford-sub-maxprob-thr25-1mm.nii.gz")


def write(folder: Path, cortical: np.ndarray, deep: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(IMAGES, (cortical, deep), strict=True):
        volumes.save(folder / name, Volume(array.astype(np.uint8), LAS))
    for name, lines in zip(TEXT, (CORTICAL, DEEP), strict=True):
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def atlas(tmp_path: Path) -> Path:
    """Along i, from the right (0-3) to the left (4-7); rows of j are worked out in the test."""
    cortical, deep = np.zeros((8, 3, 2)), np.zeros((8, 3, 2))
    cortical[:, 0] = 1
    deep[:4], deep[4:] = 4, 1  # white matter everywhere
    deep[4:, 2] = 3
    deep[:4, 2] = 5
    cortical[4:, 2] = 2
    return write(tmp_path / "atlas", cortical, deep)


def test_sides_come_from_x_and_deep_regions_lie_on_top(atlas: Path) -> None:
    found = load_atlas(atlas)
    named = np.array(found.names, object)[found.labels.array]
    assert (named[:4, 0] == "Right Frontal Pole").all() and (named[4:, 0] == "Left Frontal Pole").all()
    assert (named[:4, 1] == "Right Cerebral White Matter").all() and (
        named[4:, 1] == "Left Cerebral White Matter"
    ).all()
    assert (named[4:, 2] == "Left Thalamus").all()  # over the insula of the cortical map
    assert (named[:4, 2] == "").all()  # a hemisphere's whole cortex is no region


def test_layouts_of_fsl_and_nilearn(atlas: Path, tmp_path: Path) -> None:
    """FSL keeps the images in a folder and the names, as XML, above it."""
    expected = load_atlas(atlas)
    folder = tmp_path / "fsl" / "data" / "atlases" / "HarvardOxford"
    folder.mkdir(parents=True)
    for name in IMAGES:
        shutil.copy(atlas / name, folder / name)
    for kind, lines in (("Cortical", CORTICAL), ("Subcortical", DEEP)):
        labels = "".join(f'<label index="{n}" x="1">{line.replace("_", " ")}</label>' for n, line in enumerate(lines))
        (folder.parent / f"HarvardOxford-{kind}.xml").write_text(f"<atlas><data>{labels}</data></atlas>")
    for given in (tmp_path / "fsl", folder.parent, folder):
        found = load_atlas(given)
        assert found.names == expected.names and np.array_equal(found.labels.array, expected.labels.array)
        assert len(regions.atlas_files(given)) == 4


def test_what_is_missing_or_wrong_is_said_with_the_way_to_get_it(atlas: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no \*-cort-maxprob-thr25-1mm.nii.gz here.*fetch_atlas_harvard_oxford"):
        load_atlas(_empty(tmp_path))
    with pytest.raises(StudyError, match="no such folder"):
        load_atlas(tmp_path / "absent")
    (atlas / TEXT[0]).write_text("Frontal_Pole\n")
    with pytest.raises(StudyError, match="labels up to 2, but 1 have a name"):
        load_atlas(atlas)
    (atlas / TEXT[0]).unlink()
    (atlas / "HarvardOxford-Cortical.xml").write_text("<atlas><label")
    with pytest.raises(StudyError, match="can't be read"):
        load_atlas(atlas)
    (atlas / "HarvardOxford-Cortical.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><atlas/>')
    with pytest.raises(StudyError, match="entities"):
        load_atlas(atlas)


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    return tmp_path / "empty" / "deeper"


def test_shares_by_hand() -> None:
    """Voxels of 2 mm³ = 0.002 ml. Of 6 tumour voxels 3 lie in b, 2 in a, 1 in none; b has 5, a 4."""
    labels = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 0, 0]).reshape(12, 1, 1)
    tumour = np.zeros((12, 1, 1), bool)
    tumour[[2, 3, 4, 5, 6, 9]] = True
    found = shares(tumour, labels, ["", "a", "b"], 0.002)
    assert [(s.region, round(s.tumour_ml, 6), round(s.region_ml, 6)) for s in found] == [
        ("b", 0.006, 0.01),
        ("a", 0.004, 0.008),
        (regions.NO_REGION, 0.002, 0.0),
    ]
    assert [s.share_of_tumour for s in found] == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    rows = list(csv.DictReader(shares_csv(found).splitlines()))
    assert rows[0]["share_of_region"] == "0.6000" and rows[2]["share_of_region"] == ""
    assert shares(np.zeros_like(tumour), labels, ["", "a", "b"], 0.002) == ()


def test_colours_are_told_apart_from_the_tumour_and_alike_on_both_sides(atlas: Path) -> None:
    names = load_atlas(atlas).names
    colours = regions.palette(names)
    assert np.array_equal(colours[names.index("Left Frontal Pole")], colours[names.index("Right Frontal Pole")])
    red, green, blue = colours[1:].T
    assert not ((red > 0.8) & (green < 0.35) & (blue < 0.35)).any()
    assert len(np.unique(colours[1:].round(3), axis=0)) == 2 + 2 + 1  # plain names: two cortical, WM, cortex, thalamus
