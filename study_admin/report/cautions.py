"""What a reader of the report must be warned of: one sentence each (statistics.md, section 6)."""

from collections.abc import Iterator, Mapping

import numpy as np

from study_admin.report.circumstances import Flow
from study_admin.report.methods import MethodRow, Row
from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.mixed import AT_ZERO, MixedDifference
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.validity import Validity

MANY = 0.2  # ties, or scores at an end of the scale
_UNEVEN = 0.55  # share of readings with one arm on one side
_LACKING = 0.05
_NAMES = {"primary": "mixed model", "obuchowski_rockette": "Obuchowski-Rockette", "u_statistic": "U-statistic"}


def cautions(
    pairs: Pairs, flow: Flow, rows: Mapping[str, Row], mixed: MixedDifference | NotEstimable, validity: Validity,
    scale: tuple[int, int], alpha: float,
) -> tuple[str, ...]:  # fmt: skip
    """All that apply."""
    table = pairs.complete
    return (
        *_of_size(table, flow), *_of_variances(mixed), *_of_methods(rows, alpha), *_of_scores(table, scale),
        *_of_validity(table, validity, alpha),
    )  # fmt: skip


def _of_size(table: Pairs, flow: Flow) -> Iterator[str]:
    if len(table.readers) < 5:
        have = "1 reader has" if len(table.readers) == 1 else f"{len(table.readers)} readers have"
        yield f"Only {have} complete pairs; fewer than 5 say little about other readers."
    if len(table.groups) < 2:
        yield "There is one group only, so nothing tells groups of readers and exams apart."
    readers_of_exam = np.bincount(table.exam, minlength=len(table.exams))
    lone = int(np.sum(readers_of_exam == 1))
    if lone:
        yield f"{lone} of {len(table.exams)} exams have complete pairs of one reader only."
    if isinstance(flow.due, NotEstimable):
        yield from _of_a_table(flow)
    elif flow.missing_share > _LACKING:
        yield (
            f"{flow.missing} of {flow.due} readings that were due lack a complete pair; the analyses take them as "
            "missing at random."
        )


def _of_a_table(flow: Flow) -> Iterator[str]:
    """What may be missing where nobody knows what was due."""
    lacking = flow.crossed - flow.complete
    if lacking > _LACKING * flow.crossed:
        yield (
            f"If each reader was due to read each exam of the group, {lacking} of {flow.crossed} readings lack a "
            "complete pair. The table does not tell; the analyses take them as missing at random."
        )


def _of_variances(mixed: MixedDifference | NotEstimable) -> Iterator[str]:
    if isinstance(mixed, NotEstimable):
        yield f"The primary analysis is {mixed}."
        return
    for name, why in mixed.variance_components.left_out.items():
        if why == AT_ZERO:
            yield (
                f"The variance between {name}s is estimated at 0, which a small study may do by chance: read the "
                "primary test beside the two others."
            )
        else:
            yield f"The variance between {name}s could not be told: {why}."


def _of_methods(rows: Mapping[str, Row], alpha: float) -> Iterator[str]:
    tests = {name: row for name, row in rows.items() if isinstance(row, MethodRow)}
    if len({test.is_significant for test in tests.values()}) > 1:
        words = "; ".join(f"{_NAMES[name]} p = {test.p:.2g}" for name, test in tests.items())
        yield f"The three methods disagree across alpha = {alpha:g}: {words}. Take the result as undecided."


def _of_scores(table: Pairs, scale: tuple[int, int]) -> Iterator[str]:
    if not len(table):
        return
    ties = float(np.mean(table.difference == 0))
    if ties > MANY:
        yield (
            f"{100 * ties:.1f} % of the pairs are ties (above {100 * MANY:.0f} %); wins and losses say more than ranks."
        )
    for arm, scores in zip(table.arms, (table.first, table.second), strict=True):
        for end, word in zip(scale, ("lowest", "highest"), strict=True):
            share = float(np.mean(scores == end))
            if share > MANY:
                yield f"{100 * share:.1f} % of the scores of {arm} are the {word} of the scale, {end}."


def _of_validity(table: Pairs, validity: Validity, alpha: float) -> Iterator[str]:
    sides = table.side_of_first[table.side_of_first != ""]
    share = float(np.mean(sides == "A")) if len(sides) else 0.5
    if max(share, 1 - share) > _UNEVEN:
        yield f"The sides are not balanced: {table.arms[0]} stood on side A in {100 * share:.1f} % of the pairs."
    bias = validity.side_bias
    if not isinstance(bias, NotEstimable) and isinstance(bias.side_a, Estimate) and bias.side_a.p < alpha:
        yield f"Side A was worth {bias.side_a.estimate:.2f} points, whichever arm stood there."
    seen = validity.without_looking
    if not isinstance(seen, NotEstimable) and seen.unseen:
        yield f"{len(seen.unseen)} readings were scored with no slice of the tumour on the screen."
    blinding = validity.blinding
    if not isinstance(blinding, NotEstimable) and not isinstance(blinding.bang_both, NotEstimable):
        index = blinding.bang_both
        low = (index.ci95_by_reader or index.ci95)[0]
        if low > 0:
            yield f"Readers guessed the sides better than chance (Bang's index {index.estimate:.2f})."
