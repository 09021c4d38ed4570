"""The mixed models of the study: the primary analysis, the model of both scores, and the groups (rows 3, 4, 24)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from study_admin.statistics.estimates import Estimate, FTest, NotEstimable, VarianceComponents
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.reml import CannotFitError, Fit, fit

PRIMARY = "mixed model of the paired differences, REML, Satterthwaite df"
BOTH_SCORES = "mixed model of both scores, REML, Satterthwaite df"
GROUPS = "group × arm, F test in the mixed model of the paired differences"
AT_ZERO = "estimated at 0"


@dataclass(frozen=True)
class MixedDifference:
    """The primary result. `effective_pairs` is what the readings are worth as independent ones."""

    test: Estimate
    variance_components: VarianceComponents
    log_likelihood: float
    design_effect: float
    effective_pairs: float
    pairs: int
    reader_effects: Mapping[str, float]  # BLUPs of the difference; empty if readers are not in the model
    component_tests: Mapping[str, "ComponentTest"]


@dataclass(frozen=True)
class ComponentTest:
    """Likelihood ratio of the model with and without a variance; p from half a chi square, as 0 is on the border."""

    ratio: float
    p: float


@dataclass(frozen=True)
class BothScores:
    """The model of the scores themselves; takes half pairs too. `westfall_d` is the effect over the total SD."""

    test: Estimate
    variance_components: VarianceComponents
    log_likelihood: float
    scores: int
    westfall_d: float


def mixed_difference(pairs: Pairs, values: Array | None = None) -> MixedDifference | NotEstimable:
    """d ~ 1 + (1|reader) + (1|exam) by REML, t with Satterthwaite df (row 3): the primary analysis.

    `values` stands in for the differences of the complete pairs (z scores, signs). What cannot be told from the
    residual (exams read by one reader each) is left out and named; so is a variance estimated at 0.
    """
    table = pairs.complete
    d = table.difference if values is None else values
    model = _model_of_difference(table, d)
    if isinstance(model, NotEstimable):
        return model
    test, factors = model.contrast(PRIMARY, [1.0]), _factors(table)
    if isinstance(test, NotEstimable):
        return test
    effect = test.se**2 / (float(d.var(ddof=1)) / len(d))
    blups = model.effects(list(factors).index("reader")) if "reader" in factors else ()
    return MixedDifference(
        test=test, variance_components=_components(model, factors, _left_out(table)),
        log_likelihood=model.log_likelihood, design_effect=effect, effective_pairs=len(d) / effect, pairs=len(d),
        reader_effects=dict(zip(table.readers, map(float, blups), strict=False)),
        component_tests={name: _component_test(model, d, factors, name) for name in factors},
    )  # fmt: skip


def mixed_test(pairs: Pairs) -> Estimate | NotEstimable:
    """The test of `mixed_difference` alone, in a third of the time; for simulations."""
    model = _model_of_difference(pairs.complete, pairs.complete.difference)
    return model if isinstance(model, NotEstimable) else model.contrast(PRIMARY, [1.0])


def mixed_both_scores(pairs: Pairs) -> BothScores | NotEstimable:
    """score ~ arm + (1|reader) + (1|exam) + (1|reader:exam) + (1|reader:arm) + (1|exam:arm) by REML (row 4).

    Equal to the primary analysis where every pair is complete; Westfall's d divides by the root of all variances.
    """
    n, arm = len(pairs), np.repeat([0, 1], len(pairs))
    scores = np.concatenate([pairs.first, pairs.second])
    reader, exam, pair = (np.tile(codes, 2) for codes in (pairs.reader, pairs.exam, np.arange(n)))
    given = ~np.isnan(scores)
    reason = _too_small(pairs.complete)
    if reason:
        return NotEstimable(BOTH_SCORES, reason)
    terms = {
        "reader": reader, "exam": exam, "reader:exam": pair, "reader:arm": 2 * reader + arm, "exam:arm": 2 * exam + arm
    }  # fmt: skip
    coded = {name: np.unique(codes[given], return_inverse=True)[1] for name, codes in terms.items()}
    factors, left_out = _usable(coded, int(given.sum()))
    if _is_one_reader_an_exam(pairs):
        factors, left_out = _without_twins(factors, left_out)
    x = np.column_stack([np.ones(int(given.sum())), arm[given]])
    try:
        model = fit(scores[given], x, list(factors.values()))
    except CannotFitError as error:
        return NotEstimable(BOTH_SCORES, str(error))
    test = model.contrast(BOTH_SCORES, [0.0, 1.0])
    if isinstance(test, NotEstimable):
        return test
    components = _components(model, factors, left_out)
    return BothScores(
        test=test, variance_components=components, log_likelihood=model.log_likelihood, scores=int(given.sum()),
        westfall_d=test.estimate / float(np.sqrt(components.total)),
    )  # fmt: skip


def group_by_arm(pairs: Pairs) -> FTest | NotEstimable:
    """Do the groups differ in the difference of the arms? F of d ~ group + (1|reader) + (1|exam) (row 24)."""
    table = pairs.complete
    if len(table.groups) < 2:
        return NotEstimable(GROUPS, "there is only one group")
    reason = _too_small(table)
    if not reason and len(table.readers) <= len(table.groups):
        reason = "no group has more than one reader"
    if reason:
        return NotEstimable(GROUPS, reason)
    x = np.eye(len(table.groups))[table.group]
    x[:, 0] = 1
    try:
        model = fit(table.difference, x, list(_factors(table).values()))
    except CannotFitError as error:
        return NotEstimable(GROUPS, str(error))
    return model.f_test(GROUPS, np.eye(len(table.groups))[1:])


def _model_of_difference(table: Pairs, d: Array) -> Fit | NotEstimable:
    reason = _too_small(table)
    if reason:
        return NotEstimable(PRIMARY, reason)
    try:
        return fit(d, np.ones((len(d), 1)), list(_factors(table).values()))
    except CannotFitError as error:
        return NotEstimable(PRIMARY, str(error))


def _factors(table: Pairs) -> dict[str, Codes]:
    return _usable({"reader": table.reader, "exam": table.exam}, len(table))[0]


def _left_out(table: Pairs) -> dict[str, str]:
    return _usable({"reader": table.reader, "exam": table.exam}, len(table))[1]


def _too_small(table: Pairs) -> str:
    """Why nothing can be said about other readers and exams than these, or an empty text."""
    if len(table) < 2:
        return "fewer than two readings have both scores"
    if len(table.readers) < 2:
        return "there is only one reader"
    if len(table.exams) < 2:
        return "there is only one exam"
    return ""


def _usable(factors: Mapping[str, Codes], rows: int) -> tuple[dict[str, Codes], dict[str, str]]:
    """The factors whose variance can be told from the residual, and why the others are left out."""
    usable, left_out = {}, {}
    for name, codes in factors.items():
        if len(np.unique(codes)) < rows:
            usable[name] = codes
        else:
            left_out[name] = f"each {name} has one value only, so that its variance is part of the residual"
    return usable, left_out


def _is_one_reader_an_exam(pairs: Pairs) -> bool:
    return len(pairs.exams) == len(pairs)


def _without_twins(
    factors: Mapping[str, Codes], left_out: Mapping[str, str]
) -> tuple[dict[str, Codes], dict[str, str]]:
    """Where each exam has one reader, exam and reading are the same thing: the reading carries both."""
    twins = {"exam": "each exam has one reader, so that its variance is part of reader:exam"}
    kept = {name: codes for name, codes in factors.items() if name not in twins}
    return kept, {**left_out, **twins}


def _components(model: Fit, factors: Mapping[str, Codes], left_out: Mapping[str, str]) -> VarianceComponents:
    by_name = dict(zip(factors, model.variances[:-1], strict=True))
    zeros = {name: AT_ZERO for name, variance in by_name.items() if variance == 0}
    return VarianceComponents(by_name, model.variances[-1], {**left_out, **zeros})


def _component_test(model: Fit, d: Array, factors: Mapping[str, Codes], name: str) -> ComponentTest:
    without = fit(d, np.ones((len(d), 1)), [codes for other, codes in factors.items() if other != name])
    ratio = max(2 * (model.log_likelihood - without.log_likelihood), 0.0)
    return ComponentTest(ratio, float(stats.chi2.sf(ratio, 1)) / 2)
