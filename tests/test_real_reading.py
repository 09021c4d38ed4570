"""A whole study on real exams: packaged, read by real key presses, killed in the middle, resumed, and one file out."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reader_app.session.model import Side
from reader_app.session.results import read_results
from study_admin.blinding.export import Sealing, make_packages
from study_admin.design import Arm, MaskRule, Study, source_guess
from study_admin.exams import find_exams
from tests.desktop import Desktop

ROOT = Path(__file__).parents[1]
EXAMS = ROOT.parent / "shared/data/exams"
DEMO = ROOT / "assets/demo/R01"
# expert against a real network's segmentation of the same tumour
WITH_BOTH = (
    "b18-2013-3", "b18-CBICA-ALU", "b18-CBICA-AQN", "b18-TCIA01-201", "b18-TCIA01-425", "b18-TCIA01-499",
    "b18-TCIA02-135", "b18-TCIA02-370", "b18-TCIA02-606", "b18-TCIA03-265", "b18-TCIA10-628",
)  # fmt: skip


@pytest.fixture
def real_package(tmp_path: Path) -> Path:
    """Ten study exams and one for practice, for one reader."""
    if not EXAMS.is_dir():
        pytest.skip("the real exams (../shared) are not on this machine; the demo study stands in")
    exams = tmp_path / "exams"
    for name in WITH_BOTH:
        (exams / name).mkdir(parents=True)
        for file in ("t1c.nii.gz", "flair.nii.gz", "seg.nii.gz", "segnet_deepbrainseg_it0.nii.gz"):
            (exams / name / file).symlink_to(EXAMS / name / file)
    arms = (Arm("expert", ("seg.nii.gz",)), Arm("network", ("segnet_deepbrainseg_it0.nii.gz",)))
    study = Study(
        arms=arms,
        exams=find_exams(exams, arms, practice=(WITH_BOTH[0],)),
        readers=("R01",),
        title="Real exams",
        mask_rule=MaskRule.NONZERO,
        closing=(source_guess(2),),
    )
    sealing = Sealing("words that only this test needs to know")
    return make_packages(study, tmp_path / "packages", tmp_path / "coordinator", sealing).packages[0]


@pytest.fixture
def demo_package(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "R01"))


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[list[Desktop]]:
    """Whatever was started is gone afterwards."""
    started: list[Desktop] = []
    yield started
    for desk in started:
        desk.stop()


def test_ten_real_exams_with_a_kill_after_the_fifth(real_package: Path, tmp_path: Path, desks: list[Desktop]) -> None:
    _read_with_a_kill(real_package, tmp_path, desks, practice=1, exams=10, kill_after=5)


def test_the_demo_study_with_a_kill_after_the_second(demo_package: Path, tmp_path: Path, desks: list[Desktop]) -> None:
    _read_with_a_kill(demo_package, tmp_path, desks, practice=2, exams=6, kill_after=2)


def _read_with_a_kill(
    package: Path, tmp_path: Path, desks: list[Desktop], *, practice: int, exams: int, kill_after: int
) -> None:
    rng = random.Random(20)
    pressed = [(rng.randint(0, 10), rng.randint(0, 10)) for _ in range(exams)]

    desk = Desktop(package, tmp_path / "home")
    desks.append(desk)
    desk.start()
    _pass_the_first_pages(desk)
    for number in range(1, practice + 1):
        desk.wait_for_title(rf"Practice {number} of {practice}")
        if number == 1:
            desk.press("Escape")  # the three hints of the first visit
        _score(desk, 5, 5)
        desk.press("Return")
    for number in range(1, kill_after + 1):
        desk.wait_for_title(rf"Exam {number} of {exams}\b")
        _score(desk, *pressed[number - 1])
        desk.press("Return")
    desk.wait_for_title(rf"Exam {kill_after + 1} of {exams}\b")
    desk.kill()

    desk = Desktop(package, tmp_path / "home")
    desks.append(desk)
    desk.start()
    for number in range(kill_after + 1, exams + 1):
        desk.wait_for_title(rf"Exam {number} of {exams}\b")
        _score(desk, *pressed[number - 1])
        desk.press("Return")
    _answer_two_closing_questions_and_sign(desk)
    assert desk.quit() == 0

    results = read_results(next(package.glob("results-*.json")))
    order = [reading.reading_id for reading in results.design.study_readings]
    assert [tuple(results.answers[key].side(side).score for side in Side) for key in order] == pressed
    assert [event.type for event in results.events].count("crash_recovered") == 1


def _pass_the_first_pages(desk: Desktop) -> None:
    desk.wait_for_title("Welcome")
    desk.press("Return")
    desk.wait_for_title("Profile")
    for words in ("A Reader", "Neuroradiology", "9", "S1"):
        desk.write(words)
        desk.press("Return")
    desk.wait_for_title("Introduction")
    desk.press("Return", "Return", "Return")


def _score(desk: Desktop, a: int, b: int) -> None:
    """A, then B; a lone 1 waits for a 0, so Tab says that none will come."""
    for value in (a, b):
        desk.press(*str(value))
        if value == 1:
            desk.press("Tab")


def _answer_two_closing_questions_and_sign(desk: Desktop) -> None:
    for number in (1, 2):
        desk.wait_for_title(f"Question {number} of 2")
        desk.press("3", "1", "Return")
    desk.wait_for_title("Review")
    desk.press("Return")
    desk.wait_for_title("Sign-off")
    desk.press("Return")
    desk.wait_for_title("Receipt")
