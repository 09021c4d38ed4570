"""The course of a rehearsal: from the design to the report by the steps of a real study, each of them once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from study_admin import conduct
from study_admin.design import Study
from study_admin.records import Stage
from study_admin.rehearsal import acts
from study_admin.rehearsal.acts import WHO, Caught
from study_admin.rehearsal.computers import at_computer
from study_admin.rehearsal.mishaps import Act
from study_admin.rehearsal.place import Place, disk
from study_admin.rehearsal.readers import Planted, plant, plant_quality
from study_admin.rehearsal.reference import measure, quality
from study_admin.rehearsal.script import Drawn, Reader, cast, read_draw, scripts
from study_admin.rehearsal.seals import PASSPHRASE, sealing_of
from study_admin.rehearsal.sitting import read_package
from study_admin.rehearsal.source import Source, forget, settle
from study_admin.rehearsal.wish import Wish

Show = Callable[[str, str], AbstractContextManager[Callable[[int, int], None]]]  # what is done, in which units
REASON = "A simulated reader stopped before the end, as rehearsed."


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """What the course was: its readings with their sides, what was planted, what the readers did, what was caught."""

    source: Source
    study: Study
    drawn: Drawn
    planted: Planted
    readers: Mapping[str, Reader]
    caught: Sequence[Caught]


def rehearse(wish: Wish, place: Place, source: Source, show: Show, *, with_pdf: bool = True) -> Rehearsed:
    """The whole course in a place that was begun. Interrupted anywhere, the same call goes on. Raises StudyError."""
    course = _Course(wish, place, source, show)
    course.open()
    course.hand_out()
    course.read()
    course.collect()
    course.end(with_pdf=with_pdf)
    return Rehearsed(source, course.study, course.drawn, course.planted, course.readers, course.caught())


class _Course:
    """One rehearsal on its way."""

    def __init__(self, wish: Wish, place: Place, source: Source, show: Show) -> None:
        self._wish, self._place, self._source, self._show = wish, place, source, show

    def caught(self) -> tuple[Caught, ...]:
        """Everything that was broken on purpose, in the order in which it is told."""
        noted = self._place.notes().get("acts", {})
        return tuple(Caught(**{**noted[act.value], "act": act}) for act in Act if act.value in noted)

    # --- the steps ---

    def open(self) -> None:
        """Design and exams checked, drawn and sealed."""
        place = self._place
        with self._show("Making exams", "exam") as progress:
            design, exams = settle(self._source, place, self._wish, progress)
        if not place.study.path.exists():
            with self._show("Checking exams", "exam") as progress:
                conduct.new_study(place.study.path, place.design, exams, who=WHO, progress=progress)
        if self._stage() is Stage.DRAFT:
            if self._source.choices:
                conduct.choose_groups(place.study, self._source.choices, who=WHO, why="as in the study")
            with self._show("Drawing and sealing", "step") as progress:
                conduct.open_study(place.study, sealing_of(self._wish.seed), who=WHO, progress=progress)
        with place.study.store(WHO) as store:
            self.study = store.study
        self._settle_readers(design.computer or self.study.arms[1].name)

    def _settle_readers(self, computer: str) -> None:
        """What each reader will do; with a withdrawal to rehearse, at least one stops half-way."""
        wish = self._wish
        self.drawn = read_draw(self._place.study)
        self.planted = self._plant()
        readers = dict(scripts(self.drawn, self.planted, wish.seed, computer))
        is_complete = all(reader.stop is None for reader in readers.values())
        if Act.WITHDRAWAL in wish.acts and is_complete:
            name = cast(readers, wish.seed)[-1]
            readers[name] = replace(readers[name], stop=len(readers[name].scores) // 2)
        self.readers, self._cast = readers, cast(readers, wish.seed)

    def _plant(self) -> Planted:
        scale = (self.study.scale.minimum, self.study.scale.maximum)
        design, wish = self.drawn.design, self._wish
        if not wish.reference:
            return plant(design, wish.readers, scale, wish.effect)
        measured = self._place.notes().get("dice")
        if measured is None:
            with self._show("Measuring masks", "exam") as progress:
                measured = measure(self.study, wish.reference, progress)
            self._place.note(dice=measured)
        return plant_quality(design, wish.readers, scale, quality(measured, self.drawn.exams, design.exams))

    def hand_out(self) -> None:
        """A package for each reader."""
        if self._stage() is Stage.OPEN:
            self._act(Act.IMAGE, lambda: acts.image_changed(self._place, self._cast[0]))
            with self._show("Writing packages", "step") as progress:
                conduct.export_packages(self._place.study, PASSPHRASE, who=WHO, progress=progress)

    def read(self) -> None:
        """Every reader in turn, at a computer of their own, as far as they come."""
        if self._stage() is not Stage.OPEN:
            return
        with disk(self._place.results):
            self._place.results.mkdir(exist_ok=True)
        self._act(Act.CRASH, lambda: acts.crash(self._place, self.readers[self._cast[0]], self._renewed))
        with self._show("Reading", "reader") as progress:
            for number, reader in enumerate(self.readers.values()):
                progress(number, len(self.readers))
                if not self._results(reader.code):
                    self._read(reader)

    def collect(self) -> None:
        """What was spoilt first, then what is sound."""
        place = self._place
        if self._stage() is not Stage.OPEN:
            return
        whole = self._cast[min(1, len(self._cast) - 1)]
        results = self._results(whole)[0]
        self._act(Act.EARLY_UNBLINDING, lambda: acts.unblinded_early(place))
        self._act(Act.RESULTS, lambda: acts.results_edited(place, results))
        self._act(Act.SESSION, lambda: acts.session_edited(place, place.study.packages / whole))
        self._act(Act.OTHER_STUDY, lambda: acts.results_of_another_study(place))
        with self._show("Collecting", "file") as progress:
            conduct.collect(place.study, [place.results], who=WHO, progress=progress)
        self._act(Act.TWICE, lambda: acts.handed_in_twice(place, results))
        self._act(Act.DATABASE, lambda: acts.database_edited(place))

    def end(self, *, with_pdf: bool) -> None:
        """Lock, unblind, tables, report."""
        place = self._place
        stops = [(reader.code, reader.stop, len(reader.scores)) for reader in self.readers.values()
                 if reader.stop is not None]  # fmt: skip
        reason = REASON if stops else ""
        if self._stage() is Stage.OPEN:
            if stops:
                self._act(Act.WITHDRAWAL, lambda: acts.locked_without(place, stops))
            conduct.lock(place.study, why=reason, who=WHO)
        if self._stage() is Stage.LOCKED:
            conduct.unblind(place.study, PASSPHRASE, reason=reason, who=WHO)
        if not place.tables.exists():
            with self._show("Writing tables", "file") as progress:
                conduct.write_tables(place.study, place.tables, who=WHO, progress=progress)
        if not place.report.exists():
            with self._show("Writing the report", "exam") as progress:
                conduct.write_report(place.study, place.report, who=WHO, progress=progress, with_pdf=with_pdf)

    # --- what they need ---

    def _stage(self) -> Stage:
        with self._place.study.store(WHO) as store:
            return store.stage

    def _act(self, act: Act, do: Callable[[], Caught]) -> None:
        """Once, if it was asked for."""
        noted = self._place.notes().get("acts", {})
        if act in self._wish.acts and act.value not in noted:
            self._place.note(acts={**noted, act.value: do().form()})

    def _results(self, code: str) -> list[Path]:
        return sorted(self._place.results.glob(f"results-{code}-*.json"))

    def _read(self, reader: Reader) -> None:
        with at_computer(self._place.homes, reader.code):
            read_package(
                self._place.study.packages / reader.code, reader.score, profile=reader.profile,
                active_ms=lambda reading: round(1000 * reader.seconds.get(reading.position, 60)),
                closing_choice=reader.answer, exams=reader.stop, sign_off=reader.stop is None, to=self._place.results,
            )  # fmt: skip

    def _renewed(self, code: str) -> Path:
        """A reader's package as it was handed out, though it was opened since."""
        package = self._place.study.packages / code
        forget(package)
        conduct.export_packages(self._place.study, PASSPHRASE, readers=(code,), who=WHO)
        return package


def scores_that_differ(rehearsed: Rehearsed, found_first: np.ndarray, found_second: np.ndarray) -> int:
    """How many scores of the study's own tables are not those that the readers gave; readings in the design's order."""
    design, wrong = rehearsed.drawn.design, 0
    for row in range(len(design)):
        reader = rehearsed.readers[design.readers[design.reader[row]]]
        position = int(design.position[row])
        pair = reader.scores[position]
        given: tuple[float, float] = pair if design.side_of_first[row] == "A" else pair[::-1]
        if reader.stop is not None and position > reader.stop:
            given = (np.nan, np.nan)
        found = (found_first[row], found_second[row])
        wrong += sum(not (a == b or (np.isnan(a) and np.isnan(b))) for a, b in zip(given, found, strict=True))
    return wrong
