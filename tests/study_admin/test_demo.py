"""The demo study that is shipped: whole, small enough, and as open as its README says."""

from pathlib import Path

from blindread_assets.demo import build
from reader_app.session.package import open_package, verify_package
from study_admin.blinding import export, key
from study_admin.blinding.allocation import allocate
from study_admin.blinding.regeneration import regenerate

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "assets/demo"


def test_it_opens_and_is_what_the_readme_says() -> None:
    package = open_package(DEMO / "R01")
    manifest = package.manifest
    assert verify_package(DEMO / "R01") == []
    assert (manifest.reader_code, manifest.protocol.title) == ("R01", "Demo study")
    assert manifest.protocol.is_surface_allowed
    assert [reading.is_practice for reading in manifest.readings] == [True] * 2 + [False] * 5
    assert len(manifest.protocol.closing_questions) == 2


def test_it_fits_into_a_repository() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 25 * 10**6


def test_its_key_is_public_and_is_the_right_one() -> None:
    assert f"`{build.PASSPHRASE}`" in (DEMO / "README.md").read_text(encoding="utf-8")
    allocation = key.open_allocation(DEMO / "coordinator" / export.KEY, build.PASSPHRASE)
    manifest = open_package(DEMO / "R01").manifest
    assert (allocation.study_id, allocation.commitment) == (manifest.protocol.study_id, manifest.commitment)
    assert {drawn.reading_id for drawn in allocation.readings} == {r.reading_id for r in manifest.readings}


def test_its_allocation_is_drawn_again_from_the_public_seed() -> None:
    stored = key.open_allocation(DEMO / "coordinator" / export.KEY, build.PASSPHRASE)
    assert stored == allocate(stored.plan, build.SEED)
    folder = DEMO / "coordinator"
    assert regenerate(folder / export.KEY, build.PASSPHRASE, folder / export.PUBLIC).is_equal
    assert stored.plan.exams == ("real", "simulated-1", "simulated-2", "simulated-3", "simulated-4")


def test_where_it_comes_from_is_said() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for words in ("10.7937/TCIA.709X-DN49", "Attribution 4.0", "1993-2004 Louis Collins", "Font Awesome"):
        assert words in notice
    assert "No second segmentation here is a person's work" in (DEMO / "README.md").read_text(encoding="utf-8")
