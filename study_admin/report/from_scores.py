"""The report of a table of scores from anywhere, without a study: the same page, as far as scores can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segmentation.errors import StudyError
from study_admin.blinding.drafts import check_free
from study_admin.report.circumstances import Flow, Provenance, ReaderFlow, software
from study_admin.report.document import write_results
from study_admin.report.for_r import as_tables
from study_admin.report.methods import MARGIN
from study_admin.report.overlap import METHOD
from study_admin.report.results import WITHOUT_LOOKING, StudyResults, analyse_pairs
from study_admin.scores_file import ScoresFile, read_scores
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.pairs import Pairs

ALPHA = 0.05
DUE = NotEstimable("what was due", "a table of scores does not tell what was due")
_MASKS = NotEstimable(METHOD, "a table of scores holds no masks")
_LOOKING = NotEstimable(WITHOUT_LOOKING, "a table of scores does not tell what was on the screen")
_GUESSES = NotEstimable("blinding indices", "a table of scores holds no guesses of the readers")
_PLAN = NotEstimable("departures from the plan", "a table of scores has no audit trail")
_NO_MARGIN = NotEstimable(MARGIN, "no margin was given")


def report_scores(
    path: Path, out: Path, *, columns: Mapping[str, str] | None = None, scale: tuple[int, int] | None = None,
    arms: Sequence[str] | None = None, margin: float | None = None, alpha: float = ALPHA,
    with_pdf: bool = True,
) -> tuple[Path, ...]:  # fmt: skip
    """Write the report of a table into a new folder, whole or not at all, with the table as it was read beside it.

    `columns`, `scale` and `arms` are those of `read_scores`. Raises StudyError for what can't be read or analysed as
    asked, and if the folder is there.
    """
    check_free(out)
    _check(margin, alpha)
    scores = read_scores(path, columns, scale, arms)
    results = results_of(scores, margin=margin, alpha=alpha)
    return write_results(results, out, beside=as_tables(scores.pairs), with_pdf=with_pdf)


def results_of(scores: ScoresFile, *, margin: float | None = None, alpha: float = ALPHA) -> StudyResults:
    """The results of a table; what only a study can tell is not estimable, with its reason."""
    found = analyse_pairs(
        scores.pairs, _provenance(scores, margin, alpha), flow_of(scores.pairs), guesses=_GUESSES, looks=_LOOKING,
        departures=_PLAN, overlap=_MASKS,
    )  # fmt: skip
    return replace(found, margin=_NO_MARGIN if margin is None else found.margin)


def flow_of(pairs: Pairs) -> Flow:
    """What the table has a row of, what was read of it, and the complete pairs."""
    readers = tuple(_flow_of(pairs, code) for code in range(len(pairs.readers)))
    read, complete = (sum(getattr(each, name) for each in readers) for name in ("read", "complete"))
    listed = len(pairs)
    crossed = np.bincount(pairs.group_of_reader) @ np.bincount(pairs.group_of_exam)
    return Flow(
        groups=len(pairs.groups), readers=len(pairs.readers), exams=len(pairs.exams), readers_collected=DUE,
        readers_signed_off=DUE, due=DUE, listed=listed, crossed=int(crossed), read=read, complete=complete,
        missing=listed - complete, missing_share=(listed - complete) / listed, by_reader=readers,
    )  # fmt: skip


def _flow_of(pairs: Pairs, code: int) -> ReaderFlow:
    """Words as in design.csv."""
    rows = pairs.reader == code
    given = (~np.isnan(pairs.first[rows])).astype(int) + ~np.isnan(pairs.second[rows])
    counts = {word: int(np.sum(given == n)) for n, word in enumerate(("unscored", "partly_scored", "scored"))}
    return ReaderFlow(
        reader=pairs.readers[code], group=pairs.groups[pairs.group_of_reader[code]], due=DUE,
        read=len(given) - counts["unscored"], complete=counts["scored"], missing=len(given) - counts["scored"],
        statuses={word: count for word, count in counts.items() if count},
    )  # fmt: skip


def _provenance(scores: ScoresFile, margin: float | None, alpha: float) -> Provenance:
    return Provenance(
        title=f"Scores in {scores.name}", version="", study_id="", study_type="", question="", arms=scores.arms,
        scale=scores.scale, alpha=alpha, level=1 - alpha, margin=margin, data_sha256=scores.sha256, algorithm="",
        commitment="", audit_head="", audit_rows=0, unblinded_utc="", software=software(), table=scores.name,
        notes=scores.notes,
    )  # fmt: skip


def _check(margin: float | None, alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise StudyError(f"An alpha of {alpha:g} is no error rate.", remedy="Take 0.05, as is usual.")
    if margin is not None and not 0 < margin < float("inf"):
        raise StudyError(f"A margin of {margin:g} points is none.", remedy="Give one above 0, such as --margin 0.5.")
