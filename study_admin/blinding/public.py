"""`study.json`: what may be known of an opened study, enough to draw it again with the seed. It holds no side.

Whoever has a text of the study can check it: its hash is the SHA-256 of the text as JSON, with sorted keys, without
blanks and in UTF-8 (a question is its words in quotation marks).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reader_app.session.files import read_plain
from reader_app.session.package import fingerprint
from segmentation.errors import StudyError
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan, plan_from_form
from study_admin.blinding.randomisation import DrawnQuestion
from study_admin.records import Opening, ReadingRecord

FORMAT, FORMAT_VERSION = "blindread-study", [2, 0]
_LARGEST = 64 * 2**20
_REMEDY = "Take study.json as it was written when the study opened."


@dataclass(frozen=True)
class PublicFacts:
    """What the study was drawn for, and what came of it."""

    plan: Plan
    opening: Opening
    questions: tuple[DrawnQuestion, ...]  # who is asked about which reading at the end


def public_facts(allocation: Allocation, public_key: str, *, has_third_copy: bool) -> PublicFacts:
    """What may be known of an allocation."""
    a = allocation
    readings = tuple(
        ReadingRecord(r.reading_id, a.package_id(r.reader), r.reader, r.exam, r.position, r.is_practice)
        for r in a.readings
    )
    opening = Opening(
        study_id=a.study_id,
        algorithm=a.algorithm,
        commitment=a.commitment,
        public_key=public_key,
        exam_groups=a.exam_groups,
        reader_groups=a.reader_groups,
        readings=readings,
        has_third_copy=has_third_copy,
    )
    return PublicFacts(a.plan, opening, a.questions)


def public_bytes(facts: PublicFacts) -> bytes:
    """The file, made for people to read."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "fingerprint": fingerprint(facts.opening.public_key)}
    content |= asdict(facts)
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_public(path: Path) -> PublicFacts:
    """The facts in a `study.json`; StudyError if it is damaged, or of another version."""
    data = read_plain(path, _LARGEST, _REMEDY)
    try:
        content = json.loads(data)
        if content["format"] == FORMAT and content["format_version"][0] > FORMAT_VERSION[0]:
            remedy = "Read it with the version of Blindread that wrote it, or a newer one."
            raise StudyError("The file was written by a newer version of Blindread.", file=path, remedy=remedy)
        facts = _from_content(content)
        is_whole = public_bytes(facts) == data
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise StudyError("This is no study.json of Blindread, or it was altered.", file=path, remedy=_REMEDY)
    return facts


def _from_content(content: Mapping[str, Any]) -> PublicFacts:
    """Whatever has another type or an unknown member comes out otherwise than it went in, and so shows."""
    opening = content["opening"]
    readings = tuple(
        ReadingRecord(**{**r, "position": int(r["position"]), "is_practice": bool(r["is_practice"])})
        for r in opening["readings"]
    )
    groups = {
        name: tuple(tuple(map(str, group)) for group in opening[name]) for name in ("exam_groups", "reader_groups")
    }
    questions = tuple(DrawnQuestion(**{**q, "number": int(q["number"])}) for q in content["questions"])
    known = Opening(**{**opening, **groups, "readings": readings})
    return PublicFacts(plan_from_form(content["plan"]), known, questions)
