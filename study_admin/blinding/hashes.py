"""What of a study is fixed by its hash when it opens: all of its design, each of its texts, and the source files."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from reader_app.session.canonical import canonical_json
from segmentation.errors import StudyError
from study_admin.design import Study
from study_admin.records import SourceFile

ASKS = "asks_for"


def design_form(study: Study) -> dict[str, Any]:
    """JSON values of everything but paths: an exam is its name, its facts, and whether it is for practice.

    Numbers that may be fractions are written as such, so that a margin of 1 and one of 1.0 are the same. A question
    that asks for no arm has the form of those that were written before there were others.
    """
    margin = study.non_inferiority_margin
    exams = [{"name": exam.name, "is_practice": exam.is_practice, "facts": asdict(exam.facts)} for exam in study.exams]
    closing = [{name: value for name, value in asdict(each).items() if value or name != ASKS} for each in study.closing]
    numbers = {"alpha": float(study.alpha), "non_inferiority_margin": None if margin is None else float(margin)}
    return {**asdict(replace(study, exams=())), **numbers, "closing": closing, "exams": exams}


def design_sha256(study: Study) -> str:
    """Hex SHA-256 of `design_form` as canonical JSON. StudyError for a name that no JSON takes."""
    try:
        return _sha256(design_form(study))
    except UnicodeEncodeError as error:
        what = "The name of an exam's folder has bytes that are no letters."
        raise StudyError(what, remedy="Rename it in plain letters.") from error


def texts_sha256(study: Study) -> dict[str, str]:
    """Of what readers are told and asked, each by itself: whoever has a text can check it without the rest."""
    form = design_form(replace(study, closing=tuple(replace(each, asks_for="") for each in study.closing)))
    return {name: _sha256(form[name]) for name in ("scale", "question", "instruction", "closing")}


def sources_sha256(files: Sequence[SourceFile]) -> str:
    """Over exam, role and hash of every file, sorted; where they lie doesn't count. Empty if there are none."""
    return _sha256(sorted([file.exam, file.role, file.sha256] for file in files)) if files else ""


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
