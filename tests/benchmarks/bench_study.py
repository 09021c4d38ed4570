"""A study of the paper's size on small volumes: 100 exams, 20 readers in 5 groups, from folders to unblinded tables.

Run by `make bench`. Every step goes through the command line's own code, every score through the real session store.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from study_admin.__main__ import main as study_admin
from tests.study_admin.made_up_exams import write_exam
from tests.study_admin.scripted_readers import packages_in, read_package

EXAMS, LIMIT_S = 100, 120
DESIGN = """
[study]
type = "{study_type}"
[[arm]]
name = "technician"
masks = "hand.nii.gz"
[[arm]]
name = "network"
masks = "machine.nii.gz"
[blinding]
guesses = {guesses}
"""


def main() -> None:
    for study_type, guesses in (("balanced", 5), ("as-published", 0)):
        with tempfile.TemporaryDirectory() as scratch:
            _run(Path(scratch), study_type, guesses)


def _run(scratch: Path, study_type: str, guesses: int) -> None:
    for number in range(EXAMS):
        write_exam(scratch / f"exams/case{number:03}", number)
    (scratch / "study.toml").write_text(DESIGN.format(study_type=study_type, guesses=guesses))
    (scratch / "words.txt").write_text("gravel otter thimble coast lantern fig\n")
    (scratch / "third.txt").write_text("six other words of a third person\n")
    study, own = str(scratch / "study"), ["--passphrase-file", str(scratch / "words.txt")]
    steps = {
        "new": [study, "--design", f"{scratch}/study.toml", "--exams", f"{scratch}/exams"],
        "open": [study, *own, "--third-person-passphrase-file", f"{scratch}/third.txt"],
        "export": [study, *own],
        "read": [],
        "collect": [study, f"{scratch}/study/packages"],
        "lock": [study],
        "unblind": [study, *own],
        "tables": [study],
    }
    spent = {}
    for step, words in steps.items():
        with _timed(spent, step):
            if step == "read":
                for folder in packages_in(scratch / "study/packages"):
                    read_package(folder, lambda position, side: (position + (side == "B")) % 11)
            else:
                with contextlib.redirect_stdout(io.StringIO()):
                    assert study_admin([step, *words]) == 0
    parts = ", ".join(f"{step} {seconds:.1f}" for step, seconds in spent.items())
    print(f"{EXAMS} exams × 20 readers, {study_type}: {sum(spent.values()):.0f} s ({LIMIT_S}); {parts}")


@contextlib.contextmanager
def _timed(spent: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    spent[step] = time.perf_counter() - start


if __name__ == "__main__":
    main()
