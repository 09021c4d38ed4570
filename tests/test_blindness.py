"""The reader's world holds no word for what is compared, no way to it, and no file that tells.

Import contracts see static imports only. So here a reading runs in a process that refuses, by an audit hook, to open
any file of the key or of the admin, and in one where the admin can't be imported at all.
"""

import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from study_admin.blinding.export import Sealing, make_packages
from study_admin.design import Arm, Study, source_guess
from study_admin.exams import find_exams
from tests.study_admin.made_up_exams import write_exam

ROOT = Path(__file__).parents[1]
ARM_WORDS = re.compile(r"\b(arms?|technicians?|networks?|deepmedic|ground.truth)\b", re.IGNORECASE)

WATCHED = """
import sys

def refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "sqlite3.connect", "glob.glob"):
        name = str(arguments[0])
        if "sealed-key" in name or "study_admin" in name or "-coordinator" in name:
            raise RuntimeError(f"the reader's process touches {name}")
    if event == "import" and arguments[0].partition(".")[0] == "study_admin":
        raise RuntimeError(f"the reader's process imports {arguments[0]}")

sys.addaudithook(refuse)
"""

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "study_admin":
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Block())
"""

READING = """
from pathlib import Path
from reader_app.session.model import ReaderProfile, Side
from reader_app.session.package import open_package
from reader_app.session.results import read_results, write_results
from reader_app.session.store import SessionStore

package = open_package(Path(sys.argv[1]))
with SessionStore.open(package.folder / "session.sqlite", package.manifest, app_version="test") as store:
    store.record_profile(ReaderProfile("neuroradiology", 9, "S1", "A Reader"))
    for reading in store.readings:
        for name in ("T1c", "FLAIR", "A", "B"):
            assert package.read_image(reading.reading_id, name)
        store.record_score(reading.reading_id, Side.A, 7, how="key")
        store.record_score(reading.reading_id, Side.B, 8, how="key")
    for question in package.manifest.protocol.closing_questions:
        store.record_closing_answer(question.question_id, question.choices[0], None)
    store.sign_off("A Reader", "I have read all exams")
    results = read_results(write_results(store, Path(sys.argv[2])))
print("read", len(store.readings))
"""


WINDOW = """
from pathlib import Path
from PySide6.QtWidgets import QApplication
from reader_app.desk import Desk
from reader_app.session.package import open_package
from reader_app.session.results import read_results
from reader_app.views.main_window import MainWindow
from reader_app.views.scripted_reader import ScriptedReader

package, pictures = Path(sys.argv[1]), Path(sys.argv[2])
pictures.mkdir()
app = QApplication(["reader-app"])
window = MainWindow(Desk(pictures / "settings"))
reader = ScriptedReader(window, pictures)
failures = []
reader.finished.connect(lambda error: (failures.append(error), window.close()))
window.resize(1440, 960)
window.show()
window.open_package(package)
reader.start()
app.exec()
assert failures == [None], failures
print("read", len(read_results(next(package.glob("results-*.json"))).answers))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    for number in (1, 2, 3):
        write_exam(place / f"exams/case{number:02}", number)
    arms = (Arm("by-hand", ("hand.nii.gz",)), Arm("by-machine", ("machine.nii.gz",)))
    exams = find_exams(place / "exams", arms, practice=("case01",))
    study = Study(arms, exams, ("R01",), closing=(source_guess(1),), is_surface_allowed=True)
    keys = place / "out-coordinator"
    return make_packages(study, place / "out", keys, Sealing("six words that nobody would guess")).packages[0]


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Path:
    """A copy of one's own to read."""
    return Path(shutil.copytree(made, tmp_path / "R01"))


def run(code: str, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_a_reading_touches_neither_key_nor_admin(package: Path, tmp_path: Path) -> None:
    done = run(WATCHED + READING, package, tmp_path / "results.json")
    assert done.stdout == "read 3\n", done.stderr


def test_a_reading_works_where_the_admin_isnt_installed(package: Path, tmp_path: Path) -> None:
    done = run(BLOCKED + READING, package, tmp_path / "results.json")
    assert done.stdout == "read 3\n", done.stderr


@pytest.mark.parametrize("guard", [WATCHED, BLOCKED], ids=["watched", "blocked"])
def test_the_whole_window_needs_neither(guard: str, package: Path, tmp_path: Path) -> None:
    done = run(guard + WINDOW, package, tmp_path / "pictures")
    assert done.stdout == "read 2\n", done.stderr
    left = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert {".sqlite", ".json", ".png", ".gz"} <= {path.suffix for path in left}
    assert leaks(left) == []


# what arms, exams and source files are called, and what stands in the sources' headers
SECRET = ("by-hand", "by-machine", "hand.nii", "machine.nii", "case01", "case02", "case03", "jones", "smith^john",
          "unet_fold0", "drawn by hand", "sealed-key")  # fmt: skip


def leaks(files: list[Path]) -> list[str]:
    """Every secret in names or bytes of what a reading leaves: package, session, settings, results, pictures."""
    found = []
    for path in files:
        data = path.read_bytes()
        layers = [path.name.encode(), data, gzip.decompress(data) if path.suffix == ".gz" else b""]
        for layer in (layer.lower() for layer in layers):
            found += [
                f"{word} in {path.name}"
                for word in SECRET
                for encoding in ("utf-8", "utf-16-le", "utf-16-be")
                if word.encode(encoding) in layer
            ]
    return found


def test_the_search_would_find_them(made: Path) -> None:
    sources = sorted((made.parents[1] / "exams").rglob("*.gz"))
    found = {leak.split(" in ")[0] for leak in leaks(sources)}
    assert found == {"hand.nii", "machine.nii", "jones", "smith^john", "unet_fold0", "drawn by hand"}
    keys = sorted((made.parents[1] / "out-coordinator").iterdir())
    assert {"by-hand", "case01", "sealed-key"} <= {leak.split(" in ")[0] for leak in leaks(keys)}


@pytest.mark.parametrize(
    "touch",
    [
        "open(sys.argv[2])",
        "import study_admin.design",
        "__import__('importlib').import_module('study_admin.blinding.key')",
        "list(__import__('pathlib').Path(sys.argv[2]).parent.iterdir())",
    ],
)
def test_the_watch_would_see_it(made: Path, touch: str) -> None:
    key = made.parents[1] / "out-coordinator/allocation.sealed-key"
    assert key.is_file()
    assert "the reader's process" in run(WATCHED + touch, made, key).stderr


def test_the_reader_app_has_no_word_for_an_arm() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "reader_app").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if ARM_WORDS.search(line)
    ]
    assert found == []
