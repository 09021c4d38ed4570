"""A study small enough to write its tables by hand: four readers in two groups, four exams in two groups.

| reader | group | exam, in the order read     | side A     | what the reader did                                    |
|--------|-------|-----------------------------|------------|--------------------------------------------------------|
| R01    | G1    | E002 (case-a), E001 (case-b)| tech, deep | 7 and 9; 10 (typed 1, 0) and 4, changed to 5           |
| R02    | G1    | E001, E002                  | tech, deep | A cannot be scored, 3; the exam cannot be scored       |
| R03    | G2    | E003 (case-c), E004 (case-d)| deep, tech | 0 and 10; then stopped                                 |
| R04    | G2    | E004, E003                  | tech, deep | nothing came back                                      |
"""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reader_app.session.clock import UTC_FORMAT
from reader_app.session.forms import Design
from reader_app.session.model import ClosingQuestion, Protocol, Reading
from reader_app.session.projection import Projection, json_text
from reader_app.session.results import Results
from reader_app.session.trail import Event, genesis, receipt_of, sealed
from study_admin.design import Arm, Exam, ExamFacts, GroupSize, Study
from study_admin.records import AuditRow, Collected, ExamRecord, Opening, ReaderRecord, ReadingRecord, Unblinding
from study_admin.tables.material import Material

TECH, DEEP = "Tech-nician", "deep"
EXAMS = ("train", "case-b", "case-a", "case-c", "case-d")  # in the stored order; the first is practice
ORDERS = {
    "R01": ("case-a", "case-b"),
    "R02": ("case-b", "case-a"),
    "R03": ("case-c", "case-d"),
    "R04": ("case-d", "case-c"),
}
ON_A = {
    "R01": (TECH, DEEP),
    "R02": (TECH, DEEP),
    "R03": (DEEP, TECH),
    "R04": (TECH, DEEP),
}
ABOUT = {"R01": 2, "R02": 2, "R03": 1, "R04": 1}  # the exam that the closing question is about
FACTS = ExamFacts("P7", "Oslo", 61.5, "F", "=2+5", "2019-04")
FORMULA = '=HYPERLINK("http://x","y"), a'


def reading_id(reader: str, position: int, *, is_practice: bool = False) -> str:
    return f"{int(reader[1:]):02}{int(is_practice)}{position:013}"


class Trail:
    """Writes events as a reader's app would, a second apart, through the rules of the session."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        readings = [Reading(reading_id(reader, 1, is_practice=True), 1, True)]
        readings += [Reading(reading_id(reader, position), position, False) for position in (1, 2)]
        question = ClosingQuestion(
            f"{int(reader[1:]):016}", "Which side do you think a computer drew?", ("A", "B", "Don't know"),
            "How sure are you?", ("A guess", "Certain"), reading_id(reader, ABOUT[reader]),
        )  # fmt: skip
        protocol = Protocol("5" * 16, "A small study", "1", "balanced", closing_questions=(question,))
        self.design = Design(f"{int(reader[1:]):016x}", reader, protocol, tuple(readings))
        self.events = [genesis(self.design)]
        self.projection = Projection(self.events[0])
        self.now = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def add(self, kind: str, position: int = 0, side: str = "", field: str = "", new: object = None, how: str = "",
            is_practice: bool = False) -> None:  # fmt: skip
        self.now += timedelta(seconds=1)
        reading = reading_id(self.reader, position, is_practice=is_practice) if position else None
        old = self.projection.current(kind, reading, side or None, field) if field or kind == "profile" else None  # type: ignore[arg-type]
        event = Event(
            len(self.events) + 1, self.now.strftime(UTC_FORMAT), 0, 0, "", "a" * 16, self.reader, "0.1", "1", kind,
            reading, side or None, field or None, json_text(old), json_text(new), how or None, self.events[-1].hash,
        )  # fmt: skip
        self.projection.add(event := sealed(event))
        self.events.append(event)

    def score(self, position: int, side: str, value: int, how: str = "slider", is_practice: bool = False) -> None:
        reading = reading_id(self.reader, position, is_practice=is_practice)
        has_one = self.projection.current("score_set", reading, side, "score") is not None  # type: ignore[arg-type]
        kind = "score_changed" if has_one else "score_set"
        self.add(kind, position, side, "score", value, how, is_practice)

    def leave(self, position: int, active_ms: object) -> None:
        self.add("exam_left", position, new={"active_ms": active_ms, "left": "next", "visit": 1})

    def results(self) -> Results:
        signed = self.projection.signed
        return Results(
            design=self.design,
            is_incomplete=signed is None,
            answers={r.reading_id: self.projection.answers.of(r.reading_id) for r in self.design.study_readings},
            closing_answers=self.projection.answers.closing,
            profile=self.projection.answers.profile,
            receipt=receipt_of(signed) if signed else None,
            events=tuple(self.events),
            public_key="0" * 64,
        )

    def profile(self, specialty: str, years: int | None, site: str) -> None:
        values = {"specialty": specialty, "years_since_certification": years, "site_code": site, "name": "Dr Secret"}
        self.add("profile", new=values)

    def close(self, choice: str, confidence: str | None = None) -> None:
        question = self.design.protocol.closing_questions[0].question_id
        new = {"choice": choice, "confidence": confidence}
        self.add("closing_answer", ABOUT[self.reader], field=question, new=new)


def first_reader() -> Trail:
    """Times are 08:00:01 for the first event, a second more for each."""
    trail = Trail("R01")
    trail.profile("Neuroradiology", 12, "S1")  # :01
    trail.score(1, "A", 2, is_practice=True)  # :02
    trail.add("exam_opened", 1, new={"visit": 1})  # :03
    trail.score(1, "A", 7)  # :04
    trail.score(1, "B", 9)  # :05
    trail.add("comment", 1, "A", "comment", FORMULA)  # :06
    trail.add("comment", 1, "", "comment", "edge\n\nfuzzy")  # :07
    trail.leave(1, 40_250)  # :08
    trail.add("exam_opened", 1, new={"visit": 2})  # :09
    trail.leave(1, 10_000)  # :10
    trail.add("exam_opened", 2, new={"visit": 1})  # :11
    trail.score(2, "A", 1, "key")  # :12
    trail.score(2, "A", 10, "key")  # :13
    trail.score(2, "B", 4)  # :14
    trail.score(2, "B", 5)  # :15
    trail.leave(2, 61_001)  # :16
    trail.close("A", "Certain")  # :17
    trail.add("sign_off", new={"name": "Dr Secret", "meaning": "Mine", "count": 2})  # :18
    return trail


def second_reader() -> Trail:
    trail = Trail("R02")
    trail.profile("", None, "")  # :01
    trail.add("exam_opened", 1, new={"visit": 1})  # :02
    trail.add("cannot_score", 1, "A", "cannot_score", "motion artefact")  # :03
    trail.score(1, "B", 3)  # :04
    trail.leave(1, "soon")  # :05, a note that the app would not write
    trail.add("exam_opened", 2, new={"visit": 1})  # :06
    trail.add("cannot_score", 2, "", "cannot_score", "no tumour")  # :07
    trail.leave(2, 5_000)  # :08
    trail.close("Don't know")  # :09
    trail.add("sign_off", new={"name": "Dr Secret", "meaning": "Mine", "count": 2})  # :10
    return trail


def third_reader() -> Trail:
    trail = Trail("R03")
    trail.add("exam_opened", 1, new={"visit": 1})  # :01
    trail.score(1, "A", 0)  # :02
    trail.score(1, "B", 10)  # :03
    trail.leave(1, 30_000)  # :04
    return trail


def small_study() -> Study:
    files = {name: ((Path("m.nii.gz"),),) for name in (TECH, DEEP)}
    return Study(
        arms=(Arm(TECH, ("t.nii.gz",)), Arm(DEEP, ("d.nii.gz",))),
        exams=tuple(Exam(name, Path("t1c"), Path("flair"), files, name == "train") for name in EXAMS),
        readers=tuple(ORDERS),
        groups=(GroupSize(2, 2), GroupSize(2, 2)),
        title="A small study",
    )


def small_material(*, is_unblinded: bool) -> Material:
    readings = tuple(
        ReadingRecord(reading_id(reader, position, is_practice=practice), f"{int(reader[1:]):016x}", reader, exam,
                      position, practice)
        for reader, order in ORDERS.items()
        for practice, position, exam in ((True, 1, "train"), (False, 1, order[0]), (False, 2, order[1]))
    )  # fmt: skip
    opening = Opening(
        study_id="5" * 16, algorithm="blindread-pcg64-2", commitment="c0" * 32, public_key="0" * 64,
        exam_groups=(("case-b", "case-a"), ("case-c", "case-d")), reader_groups=(("R01", "R02"), ("R03", "R04")),
        readings=readings, has_third_copy=True,
    )  # fmt: skip
    on_a = {reading_id(r, position): arm for r, arms in ON_A.items() for position, arm in enumerate(arms, 1)}
    utc = datetime(2026, 4, 1, 12, 30, tzinfo=UTC)
    return Material(
        study=small_study(),
        opening=opening,
        exams=tuple(ExamRecord(n, n == "train", None, FACTS if n == "case-b" else ExamFacts()) for n in EXAMS),
        readers=tuple(ReaderRecord(code, None, number // 2 + 1) for number, code in enumerate(ORDERS)),
        # in another order than the readers stand in the study
        collected=tuple(_collected(trail) for trail in (third_reader(), first_reader(), second_reader())),
        audit_end=AuditRow(57, "", "A. Miller", "unblind", "study", "", "", "", "", "ad" * 32),
        unblinding=Unblinding(on_a, utc, "A. Miller", "R04 fell ill") if is_unblinded else None,
    )


def _collected(trail: Trail) -> Collected:
    name, utc = f"results-{trail.reader}.json", datetime(2026, 3, 20, tzinfo=UTC)
    return Collected(trail.reader, trail.design.package_id, name, "ab" * 32, utc, "A. Miller", trail.results())


def cells(path: Path, *columns: str) -> list[str]:
    """Some columns of a CSV file, each row as one text."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [" ".join(row[column] or "-" for column in columns or row) for row in rows]
