"""The demo study that is shipped: whole, small enough, and as open as its README says."""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from blindread_assets.demo import build
from reader_app.session.package import open_package, verify_package
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.blinding import export, key
from study_admin.blinding.allocation import allocate
from study_admin.blinding.regeneration import regenerate
from study_admin.demo_command import PASSPHRASE, add_demo
from study_admin.records import Stage
from study_admin.study_folder import StudyFolder
from tests.study_admin.scripted_readers import read_package

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "assets/demo"


def test_it_opens_and_is_what_the_readme_says() -> None:
    package = open_package(DEMO / "R01")
    manifest = package.manifest
    assert verify_package(DEMO / "R01") == []
    assert (manifest.reader_code, manifest.protocol.title) == ("R01", "Demo study")
    assert manifest.protocol.is_surface_allowed
    assert [reading.is_practice for reading in manifest.readings] == [True] * 2 + [False] * 6
    assert len(manifest.protocol.closing_questions) == 2


def test_it_fits_into_a_repository() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 25 * 10**6


def test_its_key_is_public_and_is_the_right_one() -> None:
    assert f"`{PASSPHRASE}`" in (DEMO / "README.md").read_text(encoding="utf-8")
    allocation = key.open_allocation(DEMO / "coordinator" / export.KEY, PASSPHRASE)
    manifest = open_package(DEMO / "R01").manifest
    assert (allocation.study_id, allocation.commitment) == (manifest.protocol.study_id, manifest.commitment)
    assert {drawn.reading_id for drawn in allocation.readings} == {r.reading_id for r in manifest.readings}


def test_its_allocation_is_drawn_again_from_the_public_seed() -> None:
    stored = key.open_allocation(DEMO / "coordinator" / export.KEY, PASSPHRASE)
    assert stored == allocate(stored.plan, build.SEED)
    folder = DEMO / "coordinator"
    assert regenerate(folder / export.KEY, PASSPHRASE, folder / export.PUBLIC).is_equal
    assert stored.plan.exams == ("real", "simulated-1", "simulated-2", "simulated-3", "simulated-4", "simulated-5")


def test_where_it_comes_from_is_said() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for words in ("10.7937/TCIA.709X-DN49", "Attribution 4.0", "1993-2004 Louis Collins", "Font Awesome"):
        assert words in notice
    assert "A simulated technician is no person." in (DEMO / "README.md").read_text(encoding="utf-8")


def demo(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_demo(parser.add_subparsers())
    options = parser.parse_args(["demo", *words])
    return int(options.run(options) or 0)


@pytest.fixture
def read(tmp_path: Path) -> Path:
    """The demo as a reader leaves it, by the reader app's own session; score 7 on A, 5 on B."""
    shutil.copytree(DEMO / "R01", tmp_path / "R01")
    read_package(tmp_path / "R01", lambda position, side: 7 if side == "A" else 5)
    return tmp_path


def test_what_was_read_is_reported_with_the_arms_that_stood_on_the_sides(read: Path) -> None:
    assert demo("--output", str(read), "--no-pdf") == 0
    form = json.loads((read / "report/results.json").read_text(encoding="utf-8"))
    sealed = key.open_allocation(DEMO / "coordinator" / export.KEY, PASSPHRASE)
    on_a = {drawn.position: drawn.arm_a for drawn in sealed.readings if not drawn.is_practice}
    found = {row["position"]: (row["first"], row["second"]) for row in form["readings"]}
    assert found == {position: (7, 5) if arm == "technician" else (5, 7) for position, arm in on_a.items()}
    assert form["provenance"]["commitment"] == sealed.commitment
    assert form["overlap"]["dice"]["n"] == 6  # its masks are those that were sealed
    assert (read / "tables/long.csv").is_file() and (read / "report/report.html").is_file()
    with StudyFolder(read / "study").store() as store:
        assert store.stage is Stage.UNBLINDED and store.verify_audit()


def test_it_can_be_done_again_and_takes_nothing_elses_place(read: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for slow in ("write_tables", "write_report"):
        monkeypatch.setattr(conduct, slow, lambda folder, out, **options: (out,))
    (read / "report").mkdir()
    with pytest.raises(StudyError, match="Something other than this demo study lies here"):
        demo("--output", str(read), "--no-pdf")
    (read / "report").rmdir()
    with monkeypatch.context() as broken:
        broken.setattr(conduct, "new_study", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            demo("--output", str(read), "--no-pdf")
    for _ in range(2):
        assert demo("--output", str(read), "--no-pdf") == 0


def _interrupt(*given: object, **options: object) -> None:
    raise KeyboardInterrupt


def test_before_anybody_has_read_it_there_is_nothing_to_report(tmp_path: Path) -> None:
    shutil.copytree(DEMO / "R01", tmp_path / "R01")
    with pytest.raises(StudyError, match=r"No results of the demo study lie here\. Read the demo first"):
        demo("--output", str(tmp_path))
