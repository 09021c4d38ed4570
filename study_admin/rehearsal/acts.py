"""What is broken on purpose: each a real act on real files, and the sentence by which the study's own code says so."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copytree

from reader_app.session.contents import SESSION
from reader_app.session.model import ReaderProfile, Side
from reader_app.session.package import open_package
from reader_app.session.results import Results, read_results
from reader_app.session.store import SessionStore
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.blinding.export import make_packages
from study_admin.design import Arm, Study
from study_admin.exams import find_exams
from study_admin.rehearsal.computers import at_computer
from study_admin.rehearsal.made_up import MASKS, write_exam
from study_admin.rehearsal.mishaps import Act
from study_admin.rehearsal.place import Place, disk
from study_admin.rehearsal.script import Reader
from study_admin.rehearsal.seals import PASSPHRASE, sealing_of
from study_admin.rehearsal.sitting import read_package
from study_admin.rehearsal.source import copy_file, forget
from study_admin.study_folder import StudyFolder, exams_folder

WHO = "Rehearsal"
_DATABASE = "study.sqlite"


@dataclass(frozen=True)
class Caught:
    """`what` was done, whether that was noticed, and the `sentence` that said so: the program's own, if `is_quoted`."""

    act: Act
    title: str
    what: str
    is_caught: bool
    sentence: str
    is_quoted: bool = True

    def form(self) -> dict[str, object]:
        return {**asdict(self), "act": self.act.value}


def image_changed(place: Place, reader: str) -> Caught:
    """One byte of an exam's T1c, in a copy of it, after the study had been opened; then the packages are to be made."""
    with place.study.store(WHO) as store:
        study = store.study
        exam = next(
            reading.exam for reading in store.readings() if reading.reader == reader and not reading.is_practice
        )
    old, new = exams_folder(study), place.broken / "image"
    forget(new)
    with disk(new):
        new.mkdir(parents=True)
        for folder in (folder for folder in old.iterdir() if folder.is_dir() and folder.name != exam):
            (new / folder.name).symlink_to(folder.absolute(), target_is_directory=True)
        copytree(old / exam, new / exam)
    image = next(each.t1c for each in study.exams if each.name == exam).relative_to(old)
    _flip(new / image)

    def export() -> None:
        conduct.export_packages(
            place.study, PASSPHRASE, exams=new, readers=(reader,), out=place.broken / "image-packages", who=WHO
        )

    what = f"One bit of {image} was changed after the study was frozen; then a package was to be made."
    return _refused(place, Act.IMAGE, "An image changed", what, export)


def crash(place: Place, reader: Reader, renew: Callable[[str], Path]) -> Caught:
    """Kill the process that reads in the middle of an exam, and let the reader go on the next day.

    `renew` gives a package that nobody has opened. Caught means: nothing that the process had called saved is missing.
    """
    package, folder = renew(reader.code), place.broken / "crash"
    script = folder / "script.json"
    readings = {at: [*scores, round(1000 * reader.seconds[at])] for at, scores in reader.scores.items()}
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        profile = list(asdict(reader.profile).values())
        script.write_text(json.dumps({"profile": profile, "readings": _for_practice(readings)}), encoding="utf-8")
    wanted = 2 * (len(open_package(package).manifest.readings) // 2) + 1  # between an exam's A and its B
    saved = _killed_after(package, script, wanted, reader.code, place)
    with at_computer(place.homes, reader.code):
        path = read_package(
            package, reader.score, profile=reader.profile, active_ms=lambda reading: 1000, sign_off=False,
            exams=0, to=folder,
        )  # fmt: skip
    before = _before_the_break(read_results(path))
    lost = [each for each in saved if each not in before]
    what = f"The program of {reader.code} was killed in the middle of an exam, and started again the next day."
    return Caught(
        Act.CRASH, "A program killed", what, not lost and bool(before),
        ("Scores that it had called saved were lost." if lost else "No score that it had called saved was lost.")
        + " Its trail has a row crash_recovered, and the reader went on at the same exam.",
        is_quoted=False,
    )  # fmt: skip


def results_edited(place: Place, results: Path) -> Caught:
    """One score in a results file, after it was signed."""
    data = results.read_bytes()
    found = re.search(rb'"score":(\d+)', data)
    assert found
    old = found[1].decode()
    new = "8" if old != "8" else "2"
    copy = copy_file(results, place.broken / "results" / results.name)
    with disk(copy):
        copy.write_bytes(data[: found.start(1)] + new.encode() + data[found.end(1) :])
    what = f"In {results.name} one score was changed from {old} to {new} after the sign-off; then it was collected."
    return _not_taken(place, Act.RESULTS, "A results file edited", what, copy)


def session_edited(place: Place, package: Path) -> Caught:
    """One score in a signed session, by somebody who knows SQLite and takes its triggers away first."""
    folder = place.broken / "session"
    forget(folder)
    copy = copy_file(package / SESSION, folder / SESSION)
    _alter(copy, "UPDATE score SET value = CASE value WHEN 8 THEN 2 ELSE 8 END WHERE (reading_id, side) IN "
                 "(SELECT reading_id, side FROM score LIMIT 1)")  # fmt: skip
    manifest = open_package(package).manifest

    def opened() -> None:
        with at_computer(place.homes, manifest.reader_code):
            SessionStore.open(copy, manifest, app_version="0").close()

    what = f"In the signed session of {manifest.reader_code} one score was changed with a database program."
    return _refused(place, Act.SESSION, "A session edited", what, opened)


def results_of_another_study(place: Place) -> Caught:
    """A whole and genuine results file, of a study of two exams that is made for it."""
    folder = place.broken / "other-study"
    forget(folder)
    for number in range(2):
        write_exam(folder / "exams" / f"exam-{number}", 0, number)
    arms = (Arm("one", MASKS[:1]), Arm("two", MASKS[1:]))
    study = Study(arms, find_exams(folder / "exams", arms), ("R01",), title="Another study")
    made = make_packages(study, folder / "packages", folder / "keys", sealing_of(0, "another study"))
    with at_computer(place.homes, "another study"):
        results = read_package(
            made.packages[0], lambda position, side: 5, profile=ReaderProfile("", None, "", "Somebody else"),
            active_ms=lambda reading: 60_000, to=folder,
        )  # fmt: skip
    what = "The signed results file of another study came in, of a reader with the same code."
    return _not_taken(place, Act.OTHER_STUDY, "A file of another study", what, results)


def handed_in_twice(place: Place, results: Path) -> Caught:
    """The same file once more, after it was taken."""
    (verdict,) = conduct.collect(place.study, [results], who=WHO)
    what = f"{results.name} was handed in a second time."
    is_caught = not verdict.is_taken and not verdict.is_refused
    return Caught(Act.TWICE, "A file handed in twice", what, is_caught, verdict.sentence)


def database_edited(place: Place) -> Caught:
    """One cell in a copy of the study's database, past its triggers and its audit trail."""
    folder = place.broken / "database"
    forget(folder)
    copy_file(place.study.design, folder / "study.toml")
    copy_file(Path(place.study.database), folder / _DATABASE)
    _alter(folder / _DATABASE, "UPDATE handed_out SET place = 'elsewhere' WHERE rowid = 1")

    def audit() -> None:
        conduct.audit(StudyFolder(folder))

    what = "One cell of the study's database was changed behind its audit trail; then the trail was verified."
    return _refused(place, Act.DATABASE, "The study database edited", what, audit)


def unblinded_early(place: Place) -> Caught:
    """While readers are still at work."""
    what = "Somebody tried to unblind the study while its results were still coming in."
    return _refused(
        place, Act.EARLY_UNBLINDING, "Unblinding too early", what,
        lambda: conduct.unblind(place.study, PASSPHRASE, who=WHO),
    )  # fmt: skip


def locked_without(place: Place, stops: Sequence[tuple[str, int, int]]) -> Caught:
    """With readers who stopped (code, exams read, exams due), the study doesn't lock without a reason."""
    who = "; ".join(f"{code} stopped after {done} of {due} exams and never signed" for code, done, due in stops)
    return _refused(
        place, Act.WITHDRAWAL, "A reader withdrew", f"{who}. Then the study was to be locked.",
        lambda: conduct.lock(place.study, who=WHO),
    )  # fmt: skip


# --- what they share ---


def _refused(place: Place, act: Act, title: str, what: str, attempt: Callable[[], object]) -> Caught:
    try:
        attempt()
    except StudyError as error:
        return Caught(act, title, what, True, plain(str(error), place))
    return Caught(act, title, what, False, "Nothing was said.", is_quoted=False)


def _not_taken(place: Place, act: Act, title: str, what: str, file: Path) -> Caught:
    (verdict,) = conduct.collect(place.study, [file], who=WHO)
    return Caught(act, title, what, verdict.is_refused, plain(verdict.sentence, place))


def plain(sentence: str, place: Place) -> str:
    """Without the way to the rehearsal's own folder, which would fill the page."""
    return sentence.replace(f"{place.path.absolute()}/", "").replace(f"{place.path}/", "")


def _flip(path: Path) -> None:
    with disk(path):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.unlink()  # a link to the original would be written through
        path.write_bytes(data)


def _alter(path: Path, statement: str) -> None:
    """As somebody who owns the disk can."""
    with closing(sqlite3.connect(path)) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)


def _killed_after(package: Path, script: Path, wanted: int, reader: str, place: Place) -> list[tuple[str, Side]]:
    """What the process had called saved when it died: it is killed while it works, so there may be more than wanted."""
    command = [sys.executable, "-m", "study_admin.rehearsal.sitting", str(package), str(script)]
    with at_computer(place.homes, reader), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        saved = []
        try:
            for line in _lines(process):
                saved.append(line)
                if len(saved) == wanted:
                    process.kill()
        finally:
            process.kill()  # also if this one is interrupted
    return saved


def _lines(process: "subprocess.Popen[str]") -> Iterator[tuple[str, Side]]:
    assert process.stdout
    for line in process.stdout:
        reading, _, side = line.strip().partition(" ")
        yield reading, Side(side)


def _before_the_break(results: Results) -> set[tuple[str | None, str | None]]:
    """The scores that were in the trail when the session was opened again; none if it never broke."""
    types = [event.type for event in results.events]
    if "crash_recovered" not in types:
        return set()
    before = results.events[: types.index("crash_recovered")]
    return {(event.reading_id, event.side) for event in before if event.type == "score_set"}


def _for_practice(readings: dict[int, list[int]]) -> dict[int, list[int]]:
    """Practice exams have positions of their own, and may be more than the others."""
    return readings | {position: [3, 4, 60_000] for position in range(1, 100) if position not in readings}
