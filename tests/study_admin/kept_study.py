"""A small study for the tests of the database: four readers and four exams in two groups, drawn by hand."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from reader_app.session.clock import Moment
from reader_app.session.model import Anchor, Revision, Scale
from reader_app.session.results import Results, read_results
from study_admin.design import (
    Arm,
    Closing,
    Exam,
    ExamFacts,
    GroupSize,
    Heads,
    MaskRule,
    Study,
    StudyType,
    source_guess,
)
from study_admin.records import HandedOut, Opening, ReadingRecord, SourceFile
from study_admin.store import StudyStore
from tests.reader_app.making import make_package
from tests.study_admin.scripted_readers import read_package

READERS = ("R01", "R02", "R03", "R04")
EXAM_GROUPS = (("case03", "case02"), ("case05", "case04"))  # case01 is for practice
READER_GROUPS = (("R02", "R03"), ("R04", "R01"))
WHO = "A. Miller"


def make_study() -> Study:
    """With a value other than the default in every field."""
    return Study(
        arms=(Arm("hand", ("t1c_hand*.nii.gz", "flair_hand*.nii.gz"), True), Arm("machine", ("machine.nii.gz",))),
        exams=tuple(_exam(number) for number in range(1, 6)),
        readers=READERS,
        groups=(GroupSize(2, 2), GroupSize(2, 2)),
        title="Umrisse – eine Studie",
        version="1.2",
        study_type=StudyType.AS_PUBLISHED,
        mask_rule=MaskRule.NONZERO,
        are_empty_masks_allowed=True,
        heads=Heads.BRAIN_ONLY,
        scale=Scale(1, 5, (Anchor(1, "bad"), Anchor(5, "good"))),
        question="How good is it?",
        instruction=("First page.", "Second page."),
        revision=Revision.UNTIL_NEXT,
        closing=(source_guess(2, "machine"), Closing("Anything else?", ("yes", "no"))),
        is_surface_allowed=False,
        alpha=0.025,
        non_inferiority_margin=0.75,
    )


def _exam(number: int) -> Exam:
    folder = Path("/exams") / f"case{number:02}"
    hand = ((folder / "t1c_hand1.nii.gz", folder / "t1c_hand2.nii.gz"), (folder / "flair_hand1.nii.gz",))
    facts = ExamFacts(f"P{number}", "Ulm", 61.7, "F", "glioblastoma, IDH-wildtype", "2019-04")
    return Exam(
        name=folder.name,
        t1c=folder / "t1c.nii.gz",
        flair=folder / "flair.nii.gz",
        masks={"hand": hand, "machine": ((folder / "machine.nii.gz",),)},
        is_practice=number == 1,
        brain_mask=folder / "brain.nii.gz",
        facts=facts if number == 2 else ExamFacts(),
    )


def make_opening() -> Opening:
    return Opening(
        study_id="5" * 16,
        algorithm="drawn with dice",
        commitment="0c" * 32,
        public_key="ab" * 32,
        exam_groups=EXAM_GROUPS,
        reader_groups=READER_GROUPS,
        readings=tuple(reading for reader in READERS for reading in _readings(reader)),
        has_third_copy=True,
    )


def _readings(reader: str) -> Iterator[ReadingRecord]:
    group = next(number for number, readers in enumerate(READER_GROUPS) if reader in readers)
    for is_practice, exams in ((True, ("case01",)), (False, EXAM_GROUPS[group])):
        for position, exam in enumerate(exams, 1):
            yield ReadingRecord(some_id(f"{reader} {exam}"), package_id(reader), reader, exam, position, is_practice)


def some_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def package_id(reader: str) -> str:
    return some_id(f"package of {reader}")


def make_files() -> tuple[SourceFile, ...]:
    """In the order in which the store gives them back."""
    return tuple(
        SourceFile(exam.name, role, f"/exams/{exam.name}/{role}", hashlib.sha256(exam.name.encode()).hexdigest())
        for exam in make_study().exams
        for role in ("FLAIR", "T1c", "hand 1.1")
    )


def handed_out(reader: str, head: str = "1d" * 32) -> HandedOut:
    return HandedOut(reader, package_id(reader), head, f"packages/{reader}")


def arms_on_a(opening: Opening) -> dict[str, str]:
    """In the order of the readings, the practice exams with them."""
    return {
        reading.reading_id: ("hand", "machine")[place % 2] for place, reading in enumerate(opening.readings)
    }  # fmt: skip


def every_second() -> Iterator[Moment]:
    for second in count():
        minutes, seconds = divmod(second, 60)
        yield Moment(f"2026-03-02T08:{minutes:02}:{seconds:02}.000000Z", 0, second * 10**9)


def make_store(where: str | Path) -> StudyStore:
    return StudyStore.create(where, make_study(), who=WHO, clock=every_second().__next__)


def open_by_draw(store: StudyStore, opening: Opening, files: Sequence[SourceFile] | None = None) -> None:
    """Open a study by a draw that was made before."""
    store.open_study(store.study, make_files() if files is None else files, lambda chosen: opening)


def open_and_hand_out(store: StudyStore) -> None:
    open_by_draw(store, make_opening())
    store.record_handed_out([handed_out(reader) for reader in READERS])


def results_of(reader: str, folder: Path, *, exams: int | None = None) -> tuple[bytes, Results]:
    """A results file of a reader's package in `folder`, which is made if it isn't there; later ones continue it."""
    package = folder / reader
    if not package.exists():
        make_package(package, 2, 1, reader_code=reader, package_id=package_id(reader))
    path = read_package(package, lambda position, side: 5 + position, exams=exams, to=folder)
    return path.read_bytes(), read_results(path)


def collect_all(store: StudyStore, folder: Path) -> None:
    for reader in READERS:
        content, results = results_of(reader, folder)
        store.record_collected(content, results, f"results-{reader}.json", after=None)


def whole_study(where: str | Path, folder: Path) -> StudyStore:
    """A study from the first act to the unblinding, with something in every table."""
    store = make_store(where)
    store.choose_groups({"R01": 2}, why="knows the second site")
    open_and_hand_out(store)
    collect_all(store, folder)
    store.lock(why="all are back")
    store.record_unblinding(arms_on_a(make_opening()))
    return store


def with_exams(study: Study, count: int) -> Study:
    """The study with the practice exam and the first exams only, in one group."""
    return replace(study, exams=study.exams[: count + 1], groups=(GroupSize(4, count),), closing=())
