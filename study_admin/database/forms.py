"""A study as JSON values and back: what the database stores of the design, the exams and the readers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from reader_app.session.canonical import FormatError, canonical_json
from reader_app.session.model import Anchor, Revision, Scale
from segmentation.errors import StudyError
from study_admin.design import Arm, Closing, Exam, ExamFacts, GroupSize, Heads, MaskRule, Study, StudyType

_CHOICES = ("choices", "confidence_choices")
_APART = ("exams", "readers")  # they have tables of their own

_READ: dict[str, Callable[[Any], object]] = {
    "arms": lambda forms: tuple(Arm(form["name"], tuple(form["patterns"]), form["is_consensus"]) for form in forms),
    "groups": lambda forms: tuple(GroupSize(**form) for form in forms),
    "study_type": StudyType,
    "mask_rule": MaskRule,
    "heads": Heads,
    "revision": Revision,
    "scale": lambda form: Scale(
        form["minimum"], form["maximum"], tuple(Anchor(**anchor) for anchor in form["anchors"])
    ),
    "instruction": tuple,
    "closing": lambda forms: tuple(Closing(**form | {key: tuple(form[key]) for key in _CHOICES}) for form in forms),
}


def study_form(study: Study) -> dict[str, Any]:
    """All of it, for the audit trail. StudyError for a name that no database takes."""
    form = {
        "design": design_form(study),
        "exams": [exam_form(exam) for exam in study.exams],
        "readers": list(study.readers),
    }
    try:
        canonical_json(form)
    except UnicodeEncodeError as error:
        what = "The name of a file or folder of this study has bytes that are no letters."
        raise StudyError(what, remedy="Rename it in plain letters.") from error
    return form


def design_form(study: Study) -> dict[str, Any]:
    """JSON values of everything but exams and readers."""
    return {f.name: _form(getattr(study, f.name)) for f in fields(Study) if f.name not in _APART}


def _form(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_form(item) for item in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def exam_form(exam: Exam) -> dict[str, Any]:
    """JSON values of an exam; paths as they were given."""
    return {
        "name": exam.name,
        "t1c": str(exam.t1c),
        "flair": str(exam.flair),
        "masks": {arm: [[str(file) for file in files] for files in parts] for arm, parts in exam.masks.items()},
        "is_practice": exam.is_practice,
        "brain_mask": str(exam.brain_mask) if exam.brain_mask else None,
        "facts": asdict(exam.facts),
    }


def exam_from_form(form: Mapping[str, Any]) -> Exam:
    masks = form["masks"].items()
    return Exam(
        name=form["name"],
        t1c=Path(form["t1c"]),
        flair=Path(form["flair"]),
        masks={arm: tuple(tuple(Path(file) for file in files) for files in parts) for arm, parts in masks},
        is_practice=form["is_practice"],
        brain_mask=Path(form["brain_mask"]) if form["brain_mask"] else None,
        facts=ExamFacts(**form["facts"]),
    )


def study_from_forms(design: Mapping[str, Any], exams: Sequence[Mapping[str, Any]], readers: Sequence[str]) -> Study:
    """The study of `design_form`, `exam_form` and codes; FormatError for forms that aren't such."""
    try:
        values: dict[str, Any] = {name: _READ.get(name, lambda value: value)(value) for name, value in design.items()}
        return Study(**values, exams=tuple(exam_from_form(form) for form in exams), readers=tuple(readers))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError("its design is not one that Blindread wrote") from error
