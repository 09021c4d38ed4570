"""Stage 1: describe the study, choose the folder of exams, see what is found in it and what is missing, write it."""

import tempfile
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.design import ExamFacts, Study, StudyProblemsError
from study_admin.power.plan import Plan
from study_admin.records import Stage
from study_admin.study_file import StudyFile, read_study_file, to_toml
from study_admin.survey import Survey, look
from study_admin.views.background import Progress
from study_admin.views.design_form import BEGINNING, DesignForm
from study_admin.views.exam_rows import entries_of_study, entries_of_survey, with_problems
from study_admin.views.fields import scrolled
from study_admin.views.found_view import FoundView
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, ask_folder, button, whole_path
from study_admin.views.thumbnail_view import Thumbnails, ThumbnailsView
from study_admin.views.walk import Walk

_NEW = (
    "Choose the folder that holds one sub-folder per exam, fill in the form, and look at what is found. Nothing is "
    "written before everything is there."
)
_DRAFT = "The study is written. Until it is opened you can change everything; look again, then write the changes."
_FIXED = "The study is open: its design and its exams are fixed."
_DESIGN, _FOUND, _PICTURES = range(3)


class ExamsPage(StagePage):
    """Form, findings and pictures; the highlighted button looks first and writes when all is there."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Exams")
        self.form, self.found = DesignForm(), FoundView()
        self.thumbnails = Thumbnails(self)
        self.found.watch(self.thumbnails)
        self.pictures = ThumbnailsView(self.thumbnails)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self._design_tab = self._form_tab()
        self.tabs.addTab(self._design_tab, "Design")
        self.tabs.addTab(self.found, "What was found")
        self.tabs.addTab(self.pictures, "Pictures")
        self.body.addWidget(self.tabs)
        self.look_button = button("Look", self.look, "See what is found; nothing is written")
        self.write_button = button("Write the study…", self.write, "Check every image, then write the study's folder")
        self.load_button = button("Take over a study.toml…", self._load)
        self.discard_button = button("Discard the changes", self.discard, "Shows the study as it is written")
        self.add_steps(self.write_button, self.load_button, self.discard_button)
        self._steps.insertWidget(self._steps.count() - 1, self.look_button)
        self.form.edited.connect(self._outdate)
        self.form.power_wanted.connect(walk.power_wanted)
        self._is_looked_at = False
        self._problems = 0  # that looking has found
        self._shown: Study | None = None
        self._is_fixed = False
        self._as_written: object = None
        self.show_study(None)

    def _form_tab(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        self.exams_folder = self._place("Folder of exams", self._choose_exams, column)
        self.facts_file = self._place("Table of exams", self._choose_facts, column)
        self.facts_file.setPlaceholderText(
            "none; or a CSV file: exam, subject, site, age, sex, tumour_type, study_date"
        )
        self.study_folder = self._place("Study folder", self._choose_study, column)
        self.study_folder.setPlaceholderText("a new folder, for the study itself; nothing of it goes to a reader")
        column.addWidget(self.form)
        return scrolled(inside)

    def _place(self, name: str, choose: object, column: QVBoxLayout) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.textEdited.connect(self._outdate)
        label = theme.paragraph(name)
        label.setFixedWidth(130)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(line, 1)
        chooser = button("Choose…", choose)  # type: ignore[arg-type]
        chooser.setAccessibleName(f"Choose: {name}")
        row.addWidget(chooser)
        column.addLayout(row)
        return line

    # --- showing ---

    def forget(self) -> None:
        self._shown = None
        self.thumbnails.forget()

    def _filled_in(self) -> tuple[object, ...]:
        """All that the form holds; what can't be read as a design is like no other."""
        try:
            design: StudyFile | None = self.form.design()
        except StudyError:
            design = None
        return design, self.exams_folder.text(), self.facts_file.text(), self.study_folder.text()

    @property
    def is_unwritten(self) -> bool:
        """Whether the form holds something that isn't written."""
        return not self._is_fixed and self._filled_in() != self._as_written

    def discard(self) -> None:
        """Show what is written once more, or an empty form."""
        self._shown = None
        self.show_study(self.walk.snapshot)

    def show_study(self, snapshot: Snapshot | None) -> None:
        is_fixed = snapshot is not None and snapshot.stage is not Stage.DRAFT
        self.sentence.setText(_FIXED if is_fixed else _DRAFT if snapshot else _NEW)
        for widget in (self._design_tab, self.look_button, self.write_button, self.load_button):
            widget.setEnabled(not is_fixed)
        self.write_button.setText("Write the changes" if snapshot else "Write the study")
        self.study_folder.setEnabled(snapshot is None)
        study = snapshot.study if snapshot else None
        is_fixed_now = is_fixed and not self._is_fixed
        self._is_fixed = is_fixed
        if study is None or study != self._shown or is_fixed_now:  # else what was filled in meanwhile stays
            self._shown, self._is_looked_at, self._problems = study, False, 0
            if snapshot is None:
                self._show_new()
            else:
                self._show_written(snapshot)
            self._as_written = self._filled_in()
        self._offer()

    def _show_new(self) -> None:
        for line in (self.exams_folder, self.facts_file, self.study_folder):
            line.clear()
        self.form.show_design(BEGINNING)
        self._show_entries(())
        self.tabs.setCurrentIndex(_DESIGN)

    def _show_written(self, snapshot: Snapshot) -> None:
        assert self.walk.folder
        folder = snapshot.exams_folder
        self.exams_folder.setText(str(folder or ""))
        self._find_facts(folder)
        self.study_folder.setText(str(self.walk.folder.path))
        try:
            self.form.show_design(read_study_file(self.walk.folder.design))
        except StudyError as error:
            self.walk.troubled.emit(error)
        self._show_entries(entries_of_study(snapshot.study))
        self.found.show_words((), snapshot.study.warnings())
        self.tabs.setCurrentIndex(_FOUND)

    def _show_entries(self, entries: tuple) -> None:
        if entries != self.found.entries:
            self.thumbnails.forget()
        self.found.show_exams(entries)
        self.pictures.show_exams(entries)
        count = len(entries)
        self.tabs.setTabText(_FOUND, f"What was found ({count})" if count else "What was found")
        for tab in (_FOUND, _PICTURES):
            self.tabs.setTabEnabled(tab, bool(count))

    def _offer(self) -> None:
        """Writing comes after looking: the highlighted button says which it is."""
        is_ready = self._is_looked_at and not self._problems
        self.write_button.setEnabled(is_ready)
        theme.mark(self.write_button, is_ready)
        theme.mark(self.look_button, not is_ready)
        self.look_button.setDefault(not is_ready)
        is_changed = self.walk.snapshot is not None and self.is_unwritten
        self.discard_button.setVisible(is_changed)
        self.walk.is_unwritten = is_changed
        count = self._problems
        words = ["Changes are not written."] if is_changed else []
        words += [f"{count} problem{'' if count == 1 else 's'}; each says its remedy."] if count else []
        self.problem = " ".join(words)
        self.walk.rail_changed.emit()

    def _outdate(self) -> None:
        """What was found belongs to another design now."""
        self._is_looked_at = False
        self._offer()

    def take_plan(self, plan: Plan) -> None:
        """Put a plan's numbers into the form; they are written with the study."""
        self.form.take_plan(plan)
        self.tabs.setCurrentIndex(_DESIGN)

    # --- choosing ---

    def _choose_exams(self) -> None:
        folder = ask_folder(self, "Choose the folder that holds one sub-folder per exam", self._start())
        if folder is None:
            return
        self.exams_folder.setText(str(folder))
        if not self.study_folder.text():
            self.study_folder.setText(str(folder.with_name(f"{folder.name}-study")))
        self._find_facts(folder)
        self._outdate()

    def _find_facts(self, folder: Path | None) -> None:
        """The table that lies with the exams, if there is one."""
        table = folder / "exams.csv" if folder else None
        self.facts_file.setText(str(table) if table and table.is_file() else "")

    def _choose_facts(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose the table of exams", str(self._start()), "Tables (*.csv)")
        if name:
            self.facts_file.setText(name)
            self._outdate()

    def _choose_study(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Name the new folder of the study", str(self._start()))
        if name:
            self.study_folder.setText(name)
            self._offer()

    def _load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose a study.toml", str(self._start()), "Designs (*.toml)")
        if not name:
            return
        try:
            self.form.show_design(read_study_file(Path(name)))
        except StudyError as error:
            self.walk.troubled.emit(error)
        else:
            self._outdate()

    def _start(self) -> Path:
        try:
            return whole_path(self.exams_folder) or Path.home()
        except StudyError:
            return Path.home()

    # --- acts ---

    def _given(self) -> tuple[StudyFile, Path, Path | None] | None:
        """Design, folder of exams and their table as filled in; None, and words, if something is missing."""
        try:
            design = self.form.design()
            folder, facts = whole_path(self.exams_folder), whole_path(self.facts_file)
            if folder is None:
                raise StudyError("No folder of exams is chosen.", remedy="Choose the one with a sub-folder per exam.")
        except StudyError as error:
            self.walk.troubled.emit(error)
            return None
        return design, folder, facts

    def look(self) -> None:
        """See what is found by name, and list all that is missing; nothing is written."""
        self.walk.act_begun.emit()
        given = self._given()
        if given is None:
            return
        design, folder, facts = given
        try:
            found = look(design, folder, facts_file=facts)
        except StudyError as error:
            self.walk.troubled.emit(error)
            return
        self._is_looked_at = True
        self.thumbnails.forget()  # a file may have been replaced
        self._show_found(found, folder)

    def _show_found(self, found: Survey, folder: Path) -> None:
        self._show_entries(entries_of_survey(found, folder))
        self.tabs.setTabEnabled(_FOUND, True)
        self.found.show_words(found.problems, found.warnings)
        self.tabs.setCurrentIndex(_FOUND)
        self._say_problems(len(found.all_problems))

    def _say_problems(self, count: int) -> None:
        self._problems = count
        self._offer()

    def write(self) -> None:
        """Check every image, and write the study, or the changes to it, if nothing is wrong."""
        given = self._given()
        if given is None:
            return
        design, folder, facts = given
        try:
            place = whole_path(self.study_folder)
        except StudyError as error:
            self.walk.troubled.emit(error)
            return
        missing = self._missing(place, facts)
        if place is None or missing:
            self.walk.troubled.emit(missing)
            return
        study, who = self.walk.folder, self.walk.who

        def act(progress: Progress) -> Path:
            with tempfile.TemporaryDirectory(prefix="blindread-") as draft:
                toml = Path(draft) / "study.toml"
                toml.write_text(to_toml(design), encoding="utf-8")
                if study is None:
                    conduct.new_study(place, toml, folder, facts=facts, who=who, progress=progress)
                else:
                    conduct.update_study(study, toml, folder, facts=facts, who=who, progress=progress)
            return place

        self.walk.do(
            "Checking every image",
            act,
            self._written,
            cancelled="Cancelled; nothing was written.",
            failed=lambda error: self._show_refused(error, design, folder, facts),
        )

    def _missing(self, place: Path | None, facts: Path | None) -> StudyError | None:
        if place is None:
            return StudyError("The study has no folder yet.", remedy="Choose where it shall lie, apart from the exams.")
        if facts is None and self._shown and any(exam.facts != ExamFacts() for exam in self._shown.exams):
            remedy = "Choose the table of exams again, else subjects, sites and ages would be lost."
            return StudyError("The study knows more of its exams than would be written.", remedy=remedy)
        return None

    def _written(self, place: Path) -> None:
        if self.walk.folder is None:
            self.walk.open(place, lambda: self._go_on(place))
        else:
            self.discard()  # else two forms of one design would look like a change
            self.walk.told.emit("The changes are written.")

    def _go_on(self, place: Path) -> None:
        self.walk.stage_wanted.emit(1)
        self.walk.told.emit(f"The study is written into {place}.")

    def _show_refused(self, error: StudyError, design: StudyFile, folder: Path, facts: Path | None) -> None:
        """Each problem at its exam, what concerns the whole study above them."""
        if not isinstance(error, StudyProblemsError):
            self.walk.troubled.emit(error)
            return
        found = look(design, folder, facts_file=facts)
        entries, rest = with_problems(entries_of_survey(found, folder), error.problems, folder)
        self._show_entries(entries)
        self.found.show_words(rest, found.warnings)
        self.tabs.setCurrentIndex(_FOUND)
        self._say_problems(len(error.problems))

    def stop(self) -> None:
        self.thumbnails.close()
