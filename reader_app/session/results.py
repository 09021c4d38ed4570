"""The one file that goes back to the coordinator: the whole trail, what it adds up to, and the reader's signature.

The export is an event of the trail, and it is written before the file: so the file tells of its own making and holds
the trail up to and including that event. If writing the file then fails, the trail has an export without a file,
which harms nobody; the other way round there could be files of which the trail knows nothing. Each later file
contains all earlier exports.

Everything in the file but the key and the signature follows from its events. Reading it derives all of it again and
accepts no other content, whoever signed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reader_app.session.canonical import FormatError, canonical_json, read_canonical_json
from reader_app.session.files import read_plain, write_whole
from reader_app.session.forms import HASH, SIGNED, Design, items, matching, members, newness
from reader_app.session.manifest import IMAGES, MANIFEST
from reader_app.session.model import ClosingAnswer, ReaderProfile, ReadingAnswers
from reader_app.session.projection import Projection, project
from reader_app.session.store import SessionStore
from reader_app.session.trail import COLUMNS, Event, Receipt, columns_of, event_from_row, receipt_of, verify
from segmentation.errors import StudyError

FORMAT, FORMAT_VERSION = "blindread-results", (1, 0)
_TAG = b"blindread-results-v1\0"
MOST_BYTES, _MOST_EVENTS = 256 << 20, 500_000
ASK_AGAIN = "Ask the reader to send the file again, as Blindread wrote it."


@dataclass(frozen=True)
class Results:
    """What a reader sent back. Practice is in the events alone; `design.readings` says which exams are practice."""

    design: Design
    is_incomplete: bool  # not signed off
    answers: Mapping[str, ReadingAnswers]  # by reading_id; study exams in the reader's order
    closing_answers: Mapping[str, ClosingAnswer]
    profile: ReaderProfile | None
    receipt: Receipt | None
    events: tuple[Event, ...]
    public_key: str

    @property
    def trail_head(self) -> str:
        return self.events[-1].hash


def results_name(store: SessionStore) -> str:
    """The name of a results file, equal for every export of one session."""
    return f"results-{store.reader_code}-{store.projection.design.package_id}.json"


def write_results(store: SessionStore, path: Path) -> Path:
    """Write the signed results into a folder, under `results_name`, or to a path; returns where they lie.

    Before the sign-off they are marked as incomplete. The file appears whole or not at all and replaces an earlier
    one. Raises StudyError if it cannot be written.
    """
    path = Path(path).absolute()
    if path.is_dir():
        path /= results_name(store)
    if path.suffix != ".json" or path.name == MANIFEST:
        raise StudyError("Results are written as .json.", file=path, remedy="Choose a name that ends so.")
    if not path.parent.is_dir() or path.parent == store.path.with_name(IMAGES):
        raise StudyError("Results cannot lie in this folder.", file=path.parent, remedy="Choose another one.")
    store.record_export({"file": path.name, "is_incomplete": not store.is_signed_off})
    events = tuple(store.events())
    form = _form(project(events), events) | {"public_key": store.public_key}
    form["signature"] = store.sign(_TAG + canonical_json(form))
    try:
        write_whole(path, canonical_json(form))
    except OSError as error:
        what = f"The results could not be written ({error.strerror})."
        remedy = "Check the folder and the free space, or choose another place; your answers are safe in the session."
        raise StudyError(what, file=path, remedy=remedy) from error
    return path


def _form(projection: Projection, events: Sequence[Event]) -> dict[str, Any]:
    """All that follows from the events."""
    design, answers = projection.design, projection.answers
    return {
        "format": FORMAT,
        "format_version": list(FORMAT_VERSION),
        "package_id": design.package_id,
        "reader_code": design.reader_code,
        "study_id": design.protocol.study_id,
        "is_incomplete": projection.signed is None,
        "readings": [asdict(reading) for reading in design.readings],
        "answers": [
            {"reading_id": r.reading_id, "position": r.position, **asdict(answers.of(r.reading_id))}
            for r in design.study_readings
        ],
        "closing_answers": {question_id: asdict(answer) for question_id, answer in answers.closing.items()},
        "profile": asdict(answers.profile) if answers.profile else None,
        "receipt": _receipt_form(receipt_of(projection.signed)) if projection.signed else None,
        "trail_head": events[-1].hash,
        "events": [columns_of(event) for event in events],
    }


def _receipt_form(receipt: Receipt) -> dict[str, Any]:
    return asdict(receipt) | {"utc": receipt.utc.isoformat()}


def read_results(path: Path) -> Results:
    """Read a results file, whoever it is from; StudyError for anything that the store could not have written."""
    return parse_results(read_plain(Path(path), MOST_BYTES, ASK_AGAIN), path)


def parse_results(data: bytes, path: Path) -> Results:
    """`read_results` of bytes; `path` is what a StudyError names.

    Signature first, then form, chain, the rules of the study, and that all the rest follows from the events. Whether
    the file answers a package that was handed out is for the coordinator's side to compare (`design`, first hash).
    """
    try:
        form = read_canonical_json(data)
        is_newer = newness(form, FORMAT, FORMAT_VERSION, "These results were", path)
        _check_signature(form)
        return _results(form, is_newer)
    except FormatError as error:
        raise StudyError(f"This results file cannot be used: {error}.", file=path, remedy=ASK_AGAIN) from error


def _check_signature(form: dict[str, Any]) -> None:
    signature = matching(form.get("signature"), SIGNED, "its signature")
    public_key = matching(form.get("public_key"), HASH, "its key")
    signed = {name: value for name, value in form.items() if name != "signature"}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _TAG + canonical_json(signed))
    except (InvalidSignature, ValueError) as error:
        raise FormatError("it is not as it was signed") from error


def _results(form: dict[str, Any], is_newer: bool) -> Results:
    rows = items(form.get("events"), _MOST_EVENTS, "its trail")
    events = tuple(event_from_row([members(row, COLUMNS, "a row")[name] for name in COLUMNS]) for row in rows)
    verify(events)
    projection = project(events)
    derived = _form(projection, events) | {"format_version": form["format_version"]}
    given = members(form, (*derived, "public_key", "signature"), "the file", is_newer)
    if canonical_json({name: given[name] for name in derived}) != canonical_json(derived):
        raise FormatError("its answers differ from their history")
    if form["public_key"] not in projection.public_keys:
        raise FormatError("its key is not one of the session's")
    return Results(
        design=projection.design,
        is_incomplete=projection.signed is None,
        answers={r.reading_id: projection.answers.of(r.reading_id) for r in projection.design.study_readings},
        closing_answers=projection.answers.closing,
        profile=projection.answers.profile,
        receipt=receipt_of(projection.signed) if projection.signed else None,
        events=events,
        public_key=form["public_key"],
    )
