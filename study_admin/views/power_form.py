"""The fields of a plan: sizes, what is to be shown, and how much scores differ."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QWidget

from reader_app.views import theme
from study_admin.power.plan import MOST, WANTED, Goal, Plan
from study_admin.power.variances import PAPER_SHAPED, Variances, stated
from study_admin.views.fields import Choice, points_field, variance_field, whole_number
from study_admin.views.stage_page import button, caption

_GOALS = {
    Goal.SUPERIORITY: "a difference",
    Goal.NON_INFERIORITY: "not worse",
    Goal.EQUIVALENCE: "equally good",
}
_WANTED = {0.8: "80 %", 0.9: "90 %", 0.95: "95 %"}
_USUAL_MARGIN = 0.5


class PowerForm(QWidget):
    """Gives a plan and its variances; what comes from a pilot stays as exact as it is until somebody edits it."""

    edited = Signal()
    pilot_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._known: Variances | None = PAPER_SHAPED
        self.groups = whole_number("Number of groups", 1, 200)
        self.readers = whole_number("Readers in each group", 1, MOST)
        self.exams = whole_number("Exams in each group", 1, MOST)
        self.goal = Choice(_GOALS, "What the study is to show")
        self.delta = points_field("True difference, second method minus first", -100, 100)
        self.margin = points_field("Margin: the largest difference that would not matter", 0.01, 100)
        self.alpha = QDoubleSpinBox()
        self.wanted = Choice(_WANTED, "Power that is wanted")
        self.between_readers = variance_field("Variance between readers")
        self.between_exams = variance_field("Variance between exams")
        self.single = variance_field("Variance of single readings")
        self.pilot = button("Measure it in a pilot…", self.pilot_wanted.emit, "A table of a small study's scores (CSV)")
        self.usual = button("Assume the paper's shape", lambda: self.show_variances(PAPER_SHAPED))
        self.source = theme.paragraph("", is_quiet=True)
        self._lay_out()
        self._explain()
        self._connect()
        self.show_plan(Plan())
        self.show_variances(PAPER_SHAPED)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 10, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(caption("The study"))
        form.addRow("Groups", self.groups)
        form.addRow("Readers in each", self.readers)
        form.addRow("Exams in each", self.exams)
        form.addRow(caption("What it is to show"))
        form.addRow("Goal", self.goal)
        form.addRow("True difference", self.delta)
        form.addRow("Margin", self.margin)
        form.addRow("Error rate (alpha)", self.alpha)
        form.addRow("Wanted power", self.wanted)
        form.addRow(caption("How much scores differ"))
        form.addRow("Between readers", self.between_readers)
        form.addRow("Between exams", self.between_exams)
        form.addRow("Single readings", self.single)
        for whole_row in (self.source, self.pilot, self.usual):
            form.addRow(whole_row)

    def _explain(self) -> None:
        self.alpha.setRange(0.001, 0.2)
        self.alpha.setDecimals(3)
        self.alpha.setSingleStep(0.005)
        self.alpha.setAccessibleName("Error rate (alpha)")
        self.groups.setToolTip("Each group has its own readers and its own exams; 1: everybody reads everything")
        self.goal.setToolTip(
            "A difference: one method scores higher. Not worse: the second method is less than the margin worse. "
            "Equally good: less than the margin worse or better."
        )
        self.delta.setToolTip(
            "How many points the second method truly scores above the first. Take the smallest difference that would "
            "matter to you, not the one you hope for."
        )
        self.margin.setToolTip("For “not worse” and “equally good”: the largest difference that would not matter")
        words = "Variance of the difference between the two scores of a reading, in points²"
        for field, what in (
            (self.between_readers, "how much readers differ in the method they favour"),
            (self.between_exams, "how much exams differ in the method that does better"),
            (self.single, "what is left: the same reader and exam, another day"),
        ):
            field.setToolTip(f"{words}: {what}")

    def _connect(self) -> None:
        for field in (self.groups, self.readers, self.exams, self.delta, self.margin, self.alpha):
            field.valueChanged.connect(self._tell)
        for variance in (self.between_readers, self.between_exams, self.single):
            variance.valueChanged.connect(self._take_over)
        self.goal.activated.connect(self._change_goal)
        self.wanted.activated.connect(self._tell)

    def _tell(self, *_: object) -> None:
        self.edited.emit()

    def _take_over(self, *_: object) -> None:
        """What a person typed is what is taken."""
        self._known = None
        self.source.setText("As given.")
        self.edited.emit()

    def _change_goal(self, *_: object) -> None:
        """A difference is planned for where one is looked for, and none where none is."""
        is_difference = self.goal.currentData() == Goal.SUPERIORITY
        self.margin.setEnabled(not is_difference)
        self.delta.setValue(Plan.delta if is_difference else 0.0)
        self.edited.emit()

    def show_plan(self, plan: Plan) -> None:
        values = ((self.groups, plan.groups), (self.readers, plan.readers_per_group),
                  (self.exams, plan.exams_per_group), (self.delta, plan.delta), (self.alpha, plan.alpha),
                  (self.margin, _USUAL_MARGIN if plan.margin is None else plan.margin))  # fmt: skip
        self.goal.put(plan.goal)
        self.margin.setEnabled(plan.goal is not Goal.SUPERIORITY)
        for field, value in values:
            field.blockSignals(True)
            field.setValue(value)  # type: ignore[arg-type]
            field.blockSignals(False)
        self.edited.emit()

    def show_variances(self, variances: Variances) -> None:
        values = ((self.between_readers, variances.reader), (self.between_exams, variances.exam),
                  (self.single, variances.residual))  # fmt: skip
        for field, value in values:
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
        self._known = variances
        self.source.setText(f"{variances.source[0].upper()}{variances.source[1:]}.")
        self.edited.emit()

    def put_sizes(self, readers: int, exams: int) -> None:
        """Other sizes of the groups."""
        self.show_plan(replace(self.plan(), readers_per_group=readers, exams_per_group=exams))

    def plan(self) -> Plan:
        """The plan as it is filled in; it may mean nothing."""
        goal = Goal(self.goal.currentData())
        return Plan(
            self.groups.value(), self.readers.value(), self.exams.value(), round(self.delta.value(), 2), goal,
            None if goal is Goal.SUPERIORITY else round(self.margin.value(), 2), round(self.alpha.value(), 3),
        )  # fmt: skip

    def variances(self) -> Variances:
        """StudyError if what was typed can be none."""
        return self._known or stated(self.between_readers.value(), self.between_exams.value(), self.single.value())

    def wanted_power(self) -> float:
        return float(self.wanted.currentData() or WANTED)
