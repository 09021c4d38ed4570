"""The form of a study's design: the fields of study.toml that a coordinator decides, in plain words."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from reader_app.session.model import Revision
from segmentation.errors import StudyError
from study_admin.design import Arm, Heads, MaskRule, StudyType
from study_admin.power.plan import Plan, plan_like
from study_admin.study_file import StudyFile
from study_admin.views.fields import Choice, form_of, points_field, text_field, whole_number
from study_admin.views.stage_page import button, caption

BEGINNING = StudyFile(
    arms=(Arm("technician", ("technician.nii.gz",)), Arm("network", ("network.nii.gz",))),
    exams_per_group="all",
    guesses=5,
)
_TYPES = {
    StudyType.BALANCED: "balanced (half and half)",
    StudyType.AS_PUBLISHED: "as published (one draw per exam)",
}
_REVISIONS = {
    Revision.UNTIL_SIGN_OFF: "until the reader signs off",
    Revision.UNTIL_NEXT: "until the next exam is opened",
}
_HEADS = {Heads.AS_THEY_ARE: "the images as they came", Heads.BRAIN_ONLY: "the brain only (needs a brain mask)"}
_RULES = {MaskRule.BINARY: "0 and 1 only", MaskRule.NONZERO: "every label above 0 counts"}
_ALL = "all"


class _Arm(QWidget):
    """One arm: its name, the files of its masks, and whether several technicians drew them."""

    def __init__(self, which: str, changed: Callable[[], None]) -> None:
        super().__init__()
        self.name, self.masks = QLineEdit(), QLineEdit()
        self.name.setAccessibleName(f"Name of the {which} method")
        self.masks.setAccessibleName(f"Mask files of the {which} method")
        self.masks.setPlaceholderText("seg.nii.gz, or t1c_seg*.nii.gz; flair_seg*.nii.gz")
        self.masks.setToolTip(
            "The file's name in each exam's folder; * stands for anything. With two compartments, such as the "
            "enhancing part on T1c and the bright part on FLAIR, two names with ; between them: their union is shown."
        )
        self.is_consensus = QCheckBox("consensus of several files")
        self.is_consensus.setToolTip(
            "Several people drew each mask: of two what both have drawn, of three and more what most have drawn"
        )
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Name", self.name)
        form.addRow("Mask file", self.masks)
        form.addRow("", self.is_consensus)
        for line in (self.name, self.masks):
            line.textEdited.connect(changed)
        self.is_consensus.clicked.connect(changed)

    def show_arm(self, arm: Arm) -> None:
        self.name.setText(arm.name)
        self.masks.setText("; ".join(arm.patterns))
        self.is_consensus.setChecked(arm.is_consensus)

    def arm(self) -> Arm:
        return Arm(self.name.text().strip(), _words(self.masks.text(), ";"), self.is_consensus.isChecked())


class DesignForm(QWidget):
    """Shows a design and gives back the changed one; what the form has no field for stays as it was."""

    edited = Signal()
    power_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._design = BEGINNING
        self._make_fields()
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 8, 8, 8)
        columns.setSpacing(28)
        self.left, right = QVBoxLayout(), QVBoxLayout()
        for column in (self.left, right):
            column.setSpacing(8)
            columns.addLayout(column, 1)
        self._fill_left()
        self._fill_right(right)
        for column in (self.left, right):
            column.addStretch(1)
        self.show_design(BEGINNING)

    def _make_fields(self) -> None:
        def tell(*_: object) -> None:
            self.edited.emit()

        self.title, self.version = text_field("Title, as readers see it"), text_field("Version of the protocol")
        self.study_type = Choice(_TYPES, "How sides are drawn")
        self.revision = Choice(_REVISIONS, "How long a score may be changed")
        self.surface = QCheckBox("readers may turn a 3-D view")
        self.t1c, self.flair = text_field("T1c file"), text_field("FLAIR file")
        self.heads, self.brain_mask = Choice(_HEADS, "What readers see"), text_field("Brain mask file")
        self.rule = Choice(_RULES, "What counts as segmented")
        self.empty = QCheckBox("a mask may be empty")
        self.arms = (_Arm("first", tell), _Arm("second", tell))
        self.practice, self.left_out = text_field("Practice exams"), text_field("Exams to leave out")
        self.groups = whole_number("Number of groups", 1, 200)
        self.readers_each, self.exams_each = text_field("Readers in each group"), text_field("Exams in each group")
        self.readers = text_field("Codes of the readers")
        self.guesses = whole_number("Guesses asked of each reader", 0, 1000)
        self.power = button("How many do I need?…", self.power_wanted.emit, "Power of these numbers, and of others")
        self.has_margin = QCheckBox("non-inferiority, within")
        self.margin = points_field("Margin in points of the scale")
        self.has_margin.toggled.connect(self.margin.setEnabled)
        for line in (
            self.title, self.version, self.t1c, self.flair, self.brain_mask, self.practice, self.left_out,
            self.readers_each, self.exams_each, self.readers,
        ):  # fmt: skip
            line.textEdited.connect(tell)
        for choice in (self.study_type, self.revision, self.heads, self.rule):
            choice.activated.connect(tell)
        for box in (self.surface, self.empty, self.has_margin):
            box.clicked.connect(tell)
        for number in (self.groups, self.guesses, self.margin):
            number.valueChanged.connect(tell)

    def _fill_left(self) -> None:
        margin = QHBoxLayout()
        margin.addWidget(self.has_margin)
        margin.addWidget(self.margin)
        self.left.addWidget(caption("The study"))
        self.left.addWidget(
            form_of(
                ("Title", self.title),
                ("Protocol version", self.version),
                ("Sides are drawn", self.study_type),
                ("Scores may change", self.revision),
                ("", self.surface),
                ("Guesses per reader", self.guesses),
                ("Margin", margin),
            )
        )
        self.left.addWidget(caption("Readers and groups"))
        groups = QHBoxLayout()
        groups.addWidget(self.groups, 1)
        groups.addWidget(self.power)
        self.left.addWidget(
            form_of(
                ("Groups", groups),
                ("Readers in each", self.readers_each),
                ("Exams in each", self.exams_each),
                ("Reader codes", self.readers),
            )
        )
        self.practice.setPlaceholderText("none; for instance case001, case002")
        self.left_out.setPlaceholderText("none")
        self.readers.setPlaceholderText("R01, R02 … as many as there are places")
        self.guesses.setToolTip(
            "After the last score each reader is asked, for so many random exams, which side a computer drew: "
            "it measures the blinding. 0 asks nothing, as published."
        )
        self.exams_each.setToolTip('A number, one for each group with commas between, or "all" to share out all exams')
        self.readers_each.setToolTip("A number, or one for each group with commas between")

    def _fill_right(self, column: QVBoxLayout) -> None:
        column.addWidget(caption("Files in each exam's folder"))
        rows = (
            ("T1c", self.t1c),
            ("FLAIR", self.flair),
            ("Readers see", self.heads),
            ("Brain mask", self.brain_mask),
            ("Practice exams", self.practice),
            ("Leave out", self.left_out),
        )
        column.addWidget(form_of(*rows))
        for words, arm in zip(("One method (arm)", "The other method"), self.arms, strict=True):
            column.addWidget(caption(words))
            column.addWidget(arm)
        column.addWidget(caption("Masks of both"))
        column.addWidget(form_of(("Voxel values", self.rule), ("", self.empty)))

    def show_design(self, design: StudyFile) -> None:
        self._design = design
        for line, words in (
            (self.title, design.title),
            (self.version, design.version),
            (self.t1c, design.t1c),
            (self.flair, design.flair),
            (self.brain_mask, design.brain_mask),
            (self.practice, ", ".join(design.practice)),
            (self.left_out, ", ".join(design.left_out)),
            (self.readers_each, _shares(design.readers_per_group)),
            (self.exams_each, _shares(design.exams_per_group)),
            (self.readers, ", ".join(design.readers)),
        ):
            line.setText(words)
            line.setCursorPosition(0)
        self.study_type.put(design.study_type)
        self.revision.put(design.revision)
        self.heads.put(design.heads)
        self.rule.put(design.mask_rule)
        self.surface.setChecked(design.is_surface_allowed)
        self.empty.setChecked(design.are_empty_masks_allowed)
        for shown, arm in zip(self.arms, design.arms, strict=True):
            shown.show_arm(arm)
        self._put_numbers(design)

    def _put_numbers(self, design: StudyFile) -> None:
        for number, value in ((self.groups, design.groups), (self.guesses, design.guesses)):
            number.blockSignals(True)
            number.setValue(value)
            number.blockSignals(False)
        margin = design.non_inferiority_margin
        self.margin.blockSignals(True)
        self.margin.setValue(1.0 if margin is None else margin)
        self.margin.blockSignals(False)
        self.has_margin.setChecked(margin is not None)
        self.margin.setEnabled(margin is not None)

    def plan(self) -> Plan:
        """The plan of what is filled in, with the published number where "all" are shared out.

        StudyError if a number can't be read.
        """
        design = self.design()
        readers = _each(design.readers_per_group, design.groups, Plan.readers_per_group)
        exams = _each(design.exams_per_group, design.groups, Plan.exams_per_group)
        sizes = list(zip(readers, exams, strict=True))
        return plan_like(sizes, design.alpha, design.non_inferiority_margin)

    def take_plan(self, plan: Plan) -> None:
        """Put a plan's numbers in the place of those that are there."""
        try:
            design = self.design()
        except StudyError:  # what can't be read is what the plan has better
            design = self._design
        margin = design.non_inferiority_margin if plan.margin is None else plan.margin
        self.show_design(
            replace(
                design,
                groups=plan.groups,
                readers_per_group=plan.readers_per_group,
                exams_per_group=plan.exams_per_group,
                alpha=plan.alpha,
                non_inferiority_margin=margin,
            )
        )
        self.edited.emit()

    def design(self) -> StudyFile:
        """The design as it is filled in; StudyError if a number can't be read."""
        return replace(
            self._design,
            arms=tuple(arm.arm() for arm in self.arms),
            title=self.title.text().strip(),
            version=self.version.text().strip(),
            study_type=StudyType(self.study_type.currentData()),
            revision=Revision(self.revision.currentData()),
            is_surface_allowed=self.surface.isChecked(),
            t1c=self.t1c.text().strip(),
            flair=self.flair.text().strip(),
            heads=Heads(self.heads.currentData()),
            brain_mask=self.brain_mask.text().strip(),
            mask_rule=MaskRule(self.rule.currentData()),
            are_empty_masks_allowed=self.empty.isChecked(),
            practice=_words(self.practice.text()),
            left_out=_words(self.left_out.text()),
            groups=self.groups.value(),
            readers_per_group=_read_shares(self.readers_each.text(), "Readers in each", self.groups.value()),
            exams_per_group=_read_shares(self.exams_each.text(), "Exams in each", self.groups.value()),
            readers=_words(self.readers.text()),
            guesses=self.guesses.value(),
            non_inferiority_margin=self.margin.value() if self.has_margin.isChecked() else None,
        )


def _words(text: str, between: str = ",") -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(between) if word.strip())


def _shares(each: int | tuple[int, ...] | str) -> str:
    return ", ".join(str(number) for number in each) if isinstance(each, tuple) else str(each)


def _each(shares: int | tuple[int, ...] | str, groups: int, usual: int) -> tuple[int, ...]:
    if isinstance(shares, tuple):
        return shares
    return (usual if isinstance(shares, str) else shares,) * groups


def _read_shares(text: str, field: str, groups: int) -> int | tuple[int, ...] | str:
    words = _words(text)
    if words == (_ALL,):
        return _ALL
    if words and all(word.isascii() and word.isdigit() for word in words) and len(words) in (1, groups):
        numbers = tuple(int(word) for word in words)
        return numbers[0] if len(numbers) == 1 else numbers
    remedy = f'Give one number, {groups} numbers with commas between, or the word "all".'
    raise StudyError(f"{field}: {text.strip() or 'nothing'!r} can't be read as a number for each group.", remedy=remedy)
