"""Results come back: each file is verified against what was handed out, and taken whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app.session.canonical import MAX_NAME, MAX_TEXT, without_unshowable
from reader_app.session.files import files_below, read_plain
from reader_app.session.model import Status
from reader_app.session.results import ASK_AGAIN, MOST_BYTES, Results, parse_results
from reader_app.session.trail import common_rows
from segmentation.errors import StudyError
from study_admin.database.errors import OvertakenError
from study_admin.records import HandedOut, Stage
from study_admin.store import StudyStore

RESULTS = "results-*.json"  # as reader_app.session.results names them
_FOLDERS_DEEP = 3
_TRIES = 5  # to be the one who takes a reader's file, should others collect at the same time


@dataclass(frozen=True)
class Verdict:
    """What became of a file; `sentence` names it and says why."""

    path: Path
    is_taken: bool
    sentence: str
    is_refused: bool = False  # what is neither taken nor refused was there already


def collect(
    store: StudyStore, paths: Sequence[Path], progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Verdict, ...]:
    """Take results files, or all those below a folder, into the study; a verdict on each, in their order.

    A file that fails in anything is refused whole, and the refusal is recorded; a path that leads to no results file is
    refused without a record, for nothing came. A file that is there already counts once, an older one is left, and a
    newer one replaces the older if its trail continues that one's. `progress` may raise: what was taken until then
    stays. Raises StudyError where nothing can be collected: before the study opens, and after it was locked.
    """
    if store.stage is not Stage.OPEN:
        what = f"Nothing can be collected: the study is {'not open yet' if store.stage is Stage.DRAFT else 'locked'}."
        raise StudyError(what, remedy="Results are taken from its opening until it is locked.")
    collection = _Collection(store)
    found = [(path, problem) for place in paths for path, problem in _files(Path(place))]
    found = list({path.absolute(): (path, problem) for path, problem in found}.values())
    verdicts = []
    for done, (path, problem) in enumerate(found):
        progress(done, len(found))  # before each file: cancelled after the last one, its verdict would be lost
        verdicts.append(_refusal(path, problem) if problem else collection.judge(path))
    return tuple(verdicts)


def _refusal(path: Path, error: StudyError) -> Verdict:
    return Verdict(path, False, _one_line(str(error)), is_refused=True)


def _one_line(text: str, limit: int = MAX_TEXT) -> str:
    """Fit for a line of a list, whoever named the file that it tells of: a break in a name begins no second line."""
    return " ".join(without_unshowable(text, limit).splitlines())


def _files(place: Path) -> Iterator[tuple[Path, StudyError | None]]:
    """The files meant by a path, or what is wrong with the path itself."""
    if not place.is_dir():
        missing = StudyError("There is no such file or folder.", file=place, remedy="Check the name.")
        yield place, None if os.path.lexists(place) else missing
        return
    try:
        paths = list(files_below(place, RESULTS, _FOLDERS_DEEP))
    except StudyError as error:
        yield place, error
        return
    if not paths:
        remedy = "Save the readers' files there under the names that they came with, or name each file."
        yield place, StudyError("There is no results file (results-….json) in this folder.", file=place, remedy=remedy)
    yield from ((path, None) for path in paths)


class _Collection:
    """What was handed out, and what has come back of it."""

    def __init__(self, store: StudyStore) -> None:
        self._store = store
        opening = store.opening
        self._study_id = opening.study_id if opening else ""
        self._handed = {item.package_id: item for item in store.handed_out()}
        self._drawn = {reading.package_id for reading in store.readings()}
        self._known = self._latest()

    def _latest(self) -> dict[str, tuple[str, Results]]:
        """SHA-256 and content of what has come back, by package."""
        return {item.package_id: (item.sha256, item.results) for item in self._store.collected()}

    def judge(self, path: Path) -> Verdict:
        """Verify a file, and take it if it is sound and new."""
        try:
            data = read_plain(path, MOST_BYTES, ASK_AGAIN)
            results = parse_results(data, path)
            self._check_origin(results, path)
            for _ in range(_TRIES - 1):
                try:
                    return self._take(data, results, path)
                except OvertakenError:  # somebody else collected results of this reader since we looked
                    self._known = self._latest()
            return self._take(data, results, path)
        except StudyError as error:
            refusal = _refusal(path, error)
        self._store.note("refuse", _name(path), refusal.sentence)
        return refusal

    def _check_origin(self, results: Results, path: Path) -> HandedOut:
        """Raises StudyError unless the file answers a package of this study, exactly as it was handed out.

        The hash of the first event covers the whole design: reader, exams, order, scale and every text.
        """
        design = results.design
        if design.protocol.study_id != self._study_id:
            what = f"These results are of another study, {design.protocol.title!r}."
            raise StudyError(what, file=path, remedy="Collect them there.")
        handed = self._handed.get(design.package_id)
        if handed is None:
            what = f"These results of reader {design.reader_code} are of a package that was not handed out."
            remedy = "Ask the reader which package was read."
            if design.package_id in self._drawn:  # the export was interrupted after it had written the package
                what = f"The package of reader {design.reader_code} is not recorded as handed out, though it was drawn."
                remedy = "Run the export once more (`study-admin export`), then collect again."
            raise StudyError(what, file=path, remedy=remedy)
        if (handed.reader, handed.trail_head) != (design.reader_code, results.events[0].hash):
            what = f"The package that was read is not the one that was handed out to {handed.reader}."
            remedy = "Ask the reader for the whole package folder, and compare it with what was exported."
            raise StudyError(what, file=path, remedy=remedy)
        return handed

    def _take(self, data: bytes, results: Results, path: Path) -> Verdict:
        package_id, reader = results.design.package_id, results.design.reader_code
        digest, known = self._known.get(package_id, (None, None))
        if known:
            common = common_rows(known.events, results.events)
            if common < min(len(known.events), len(results.events)):
                what = (
                    f"Row {common + 1} of its trail differs from what {reader} sent before; what was collected stays."
                )
                remedy = "Keep both files and ask the reader whether the package was read on two computers."
                raise StudyError(what, file=path, remedy=remedy)
            if len(results.events) == len(known.events):
                return Verdict(path, False, f"{_name(path)}: is in the study already; it counts once.")
            if len(results.events) < len(known.events):
                return Verdict(path, False, f"{_name(path)}: is older than what the study has of {reader}; it is left.")
        self._store.record_collected(data, results, _name(path), after=digest)
        self._known[package_id] = (hashlib.sha256(data).hexdigest(), results)
        return Verdict(path, True, f"{_name(path)}: {_account(results)}{_difference(known, results)}")


def _name(path: Path) -> str:
    """Fit for a sentence and for the database, whoever named the file."""
    return _one_line(path.name, MAX_NAME) or "a file"


def _account(results: Results) -> str:
    """How far the reader came; nothing of a score."""
    done = sum(answers.status is Status.SCORED for answers in results.answers.values())
    head = f"taken. {results.design.reader_code} scored {done} of {len(results.answers)} exams"
    receipt = results.receipt
    if receipt is None:
        return f"{head} and has not signed off yet."
    return f"{head} and signed off on {receipt.utc:%d %B %Y}; receipt {receipt.code}, to compare with the reader's."


def _difference(known: Results | None, results: Results) -> str:
    if known is None:
        return ""
    said = " It replaces an earlier version."
    if known.public_key != results.public_key:
        # a trail has a key's install event before anything can be signed with it (checked by parse_results)
        row = next(event.seq for event in results.events if results.public_key in (event.new or ""))
        said += f" It was signed on another computer than that (row {row} of its trail); ask the reader if that is so."
    return said
