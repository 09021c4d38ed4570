"""All that a study found, as one object: every number of the report's text, tables and figures is one of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from study_admin.records import AuditRow
from study_admin.report.cautions import cautions
from study_admin.report.circumstances import Deviation, Flow, Provenance, deviations, flow, guesses, provenance
from study_admin.report.cohort import Cohort, cohort
from study_admin.report.methods import Row, as_published, margin_of, row
from study_admin.report.overlap import METHOD, MaskAgreement
from study_admin.statistics.agreement import ArmAgreement, agreement
from study_admin.statistics.bland_altman import LimitsOfAgreement, limits_of_agreement
from study_admin.statistics.blinding_indices import Guess
from study_admin.statistics.bootstrap import Bootstrap, bootstrap, weighted_median
from study_admin.statistics.by_unit import Units, by_group, by_reader
from study_admin.statistics.descriptives import Descriptives, describe
from study_admin.statistics.effects import EffectSizes, effect_sizes
from study_admin.statistics.estimates import Estimate, FTest, Interval, NotEstimable
from study_admin.statistics.leniency import Leniency, leniency
from study_admin.statistics.looking import Looks
from study_admin.statistics.margins import MarginTest
from study_admin.statistics.mixed import (
    PRIMARY,
    BothScores,
    ComponentTest,
    MixedDifference,
    group_by_arm,
    mixed_both_scores,
    mixed_difference,
)
from study_admin.statistics.pairs import Pairs, from_frame
from study_admin.statistics.split_plot import split_plot
from study_admin.statistics.ustatistic import u_statistic
from study_admin.statistics.validity import Validity, validity
from study_admin.statistics.wins import WinTieLoss, win_tie_loss
from study_admin.tables.material import Material
from study_admin.tables.scores import long_table
from study_admin.tables.wide import wide_pairs

WITHOUT_LOOKING = "scores given without looking"
NO_MASKS = NotEstimable(METHOD, "the masks were not looked at")
NO_FACTS = NotEstimable("cohort", "nothing is known of the exams but their scores")


@dataclass(frozen=True)
class Components:
    """Variances of the paired difference, in points squared; why one is not in the model is in `left_out`."""

    reader: float | NotEstimable
    exam: float | NotEstimable
    residual: float
    total: float
    left_out: Mapping[str, str]
    tests: Mapping[str, ComponentTest]


@dataclass(frozen=True)
class NetBenefit:
    """Wins minus losses over pairs, with the clustered test; `details` has the other ways to put it."""

    wins: int
    ties: int
    losses: int
    net_benefit: float
    se: float | NotEstimable
    df: float | NotEstimable
    p: float | NotEstimable
    ci95: Interval | NotEstimable
    details: WinTieLoss


@dataclass(frozen=True)
class StudyResults:
    """Differences are the second arm minus the first. A thing that the scores cannot give is a NotEstimable."""

    provenance: Provenance
    flow: Flow
    pairs: Pairs
    primary: Row
    margin: MarginTest | NotEstimable
    obuchowski_rockette: Row
    u_statistic: Row
    as_published: Mapping[str, Row]
    both_scores: BothScores | NotEstimable
    variance_components: Components | NotEstimable
    design_effect: float | NotEstimable
    effective_pairs: float | NotEstimable
    scores: Descriptives | NotEstimable
    medians: Mapping[str, Bootstrap | NotEstimable]  # first, second, difference
    win_tie_loss: NetBenefit | NotEstimable
    effect_sizes: EffectSizes | NotEstimable
    by_reader: Units
    by_group: Units
    group_by_arm: FTest | NotEstimable
    agreement: Mapping[str, ArmAgreement]
    bland_altman: LimitsOfAgreement | NotEstimable
    leniency: Leniency | NotEstimable
    validity: Validity
    warnings: tuple[str, ...]
    deviations: tuple[Deviation, ...] | NotEstimable
    cohort: Cohort | NotEstimable
    overlap: MaskAgreement | NotEstimable


def analyse(
    material: Material, trail: Sequence[AuditRow] = (), *, looks: Sequence[Looks] | NotEstimable = (),
    overlap: MaskAgreement | NotEstimable = NO_MASKS,
) -> StudyResults:  # fmt: skip
    """The results of an unblinded study; `trail` is its audit trail, for deviations from the plan."""
    long = long_table(material)
    scale = material.study.scale
    pairs = from_frame(wide_pairs(long.frame, scale).frame, scale=(scale.minimum, scale.maximum))
    return analyse_pairs(
        replace(pairs, arms=(material.arms[0], material.arms[1])), provenance(material, long), flow(material),
        guesses=guesses(material), looks=looks, departures=deviations(trail), exams=cohort(material), overlap=overlap,
    )  # fmt: skip


def analyse_pairs(
    pairs: Pairs, origin: Provenance, readings: Flow, *, guesses: Sequence[Guess] | NotEstimable = (),
    looks: Sequence[Looks] | NotEstimable = (), departures: tuple[Deviation, ...] | NotEstimable = (),
    exams: Cohort | NotEstimable = NO_FACTS, overlap: MaskAgreement | NotEstimable = NO_MASKS,
) -> StudyResults:  # fmt: skip
    """The same from a table of paired scores that was made anywhere."""
    alpha, (least, greatest) = origin.alpha, origin.scale
    mixed, wins = mixed_difference(pairs), win_tie_loss(pairs)
    test = mixed if isinstance(mixed, NotEstimable) else mixed.test
    rows = {
        "primary": row("primary", test, alpha),
        "obuchowski_rockette": row("obuchowski_rockette", _test(split_plot(pairs)), alpha),
        "u_statistic": row("u_statistic", _test(u_statistic(pairs)), alpha),
    }
    checks = _checks(pairs, guesses, looks)
    return StudyResults(
        provenance=origin, flow=readings, pairs=pairs, **rows, margin=margin_of(test, origin.margin, alpha),
        as_published=as_published(pairs, wins, alpha), both_scores=mixed_both_scores(pairs),
        variance_components=_components(mixed),
        design_effect=mixed if isinstance(mixed, NotEstimable) else mixed.design_effect,
        effective_pairs=mixed if isinstance(mixed, NotEstimable) else mixed.effective_pairs,
        scores=describe(pairs), medians=_medians(pairs), win_tie_loss=_net_benefit(wins),
        effect_sizes=effect_sizes(pairs), by_reader=by_reader(pairs), by_group=by_group(pairs),
        group_by_arm=group_by_arm(pairs), agreement=agreement(pairs, range(least, greatest + 1)),
        bland_altman=limits_of_agreement(pairs), leniency=leniency(pairs), validity=checks,
        warnings=cautions(pairs, readings, rows, mixed, checks, origin.scale, alpha), deviations=departures,
        cohort=exams, overlap=overlap,
    )  # fmt: skip


def _checks(pairs: Pairs, guesses: Sequence[Guess] | NotEstimable, looks: Sequence[Looks] | NotEstimable) -> Validity:
    """With the reason where there are no guesses or looks to be had."""
    checks = validity(
        pairs, guesses=() if isinstance(guesses, NotEstimable) else guesses,
        looks=() if isinstance(looks, NotEstimable) else looks,
    )  # fmt: skip
    if isinstance(guesses, NotEstimable):
        checks = replace(checks, blinding=guesses)
    return replace(checks, without_looking=looks) if isinstance(looks, NotEstimable) else checks


def _test(result: object) -> Estimate | NotEstimable:
    test = result if isinstance(result, NotEstimable) else getattr(result, "test", None)
    assert isinstance(test, Estimate | NotEstimable)
    return test


def _components(mixed: MixedDifference | NotEstimable) -> Components | NotEstimable:
    if isinstance(mixed, NotEstimable):
        return mixed
    found = mixed.variance_components
    reader, exam = (
        found.by_name[name] if name in found.by_name else NotEstimable(PRIMARY, found.left_out[name])
        for name in ("reader", "exam")
    )
    return Components(reader, exam, found.residual, found.total, found.left_out, mixed.component_tests)


def _medians(pairs: Pairs) -> Mapping[str, Bootstrap | NotEstimable]:
    table = pairs.complete
    values = {"first": table.first, "second": table.second, "difference": table.difference}
    return {name: bootstrap(pairs, weighted_median, values=each) for name, each in values.items()}


def _net_benefit(wins: WinTieLoss | NotEstimable) -> NetBenefit | NotEstimable:
    if isinstance(wins, NotEstimable):
        return wins
    counts = (wins.wins, wins.ties, wins.losses, wins.net_benefit)
    test = wins.net_benefit_test
    if isinstance(test, NotEstimable):
        return NetBenefit(*counts, test, test, test, test, wins)
    return NetBenefit(*counts, test.se, test.df, test.p, test.ci95, wins)
