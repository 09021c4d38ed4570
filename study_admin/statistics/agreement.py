"""How far the readers agree with each other about one arm: by group, where all read the same exams, and over all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from study_admin.statistics.alpha_kappa import LEVELS, Alpha, WeightedKappa, krippendorff_alpha, weighted_kappa
from study_admin.statistics.crossed import Crossed, crossed
from study_admin.statistics.estimates import Interval, NotEstimable
from study_admin.statistics.icc import IntraclassCorrelations, intraclass_correlations
from study_admin.statistics.likelihood import Array
from study_admin.statistics.pairs import Pairs

POOLED = "intraclass correlation over all groups, from variance components by REML"


@dataclass(frozen=True)
class GroupAgreement:
    """Readers of one group on their exams."""

    icc: IntraclassCorrelations | NotEstimable
    alpha: Alpha | NotEstimable
    kappa: WeightedKappa | NotEstimable


@dataclass(frozen=True)
class PooledIcc:
    """Shares of the exams' variance in the whole: with (`agreement`) and without (`consistency`) that of readers.

    Intervals are from the REML information, by the delta method on the logit, which keeps them between 0 and 1.
    """

    agreement: float
    agreement_ci95: Interval | NotEstimable
    consistency: float
    consistency_ci95: Interval | NotEstimable
    exam: float
    reader: float
    residual: float


@dataclass(frozen=True)
class ArmAgreement:
    """One arm's scores in all groups."""

    by_group: Mapping[str, GroupAgreement]
    alpha: Alpha | NotEstimable
    pooled_icc: PooledIcc | NotEstimable


def agreement(pairs: Pairs, levels: Sequence[int] = LEVELS) -> Mapping[str, ArmAgreement]:
    """By arm. Complete pairs only, so that both arms are judged on the same readings; `levels` is the whole scale."""
    table = pairs.complete
    return {
        arm: ArmAgreement(
            by_group={
                name: _of_group(table_of(table.where(table.group == code), arm), levels)
                for code, name in enumerate(table.groups)
            },
            alpha=krippendorff_alpha(table_of(table, arm)),
            pooled_icc=pooled_icc(table, arm),
        )
        for arm in pairs.arms
    }


def table_of(pairs: Pairs, arm: str) -> Array:
    """Scores of one arm as exams x readers, nan where there is none."""
    table = np.full((len(pairs.exams), len(pairs.readers)), np.nan)
    table[pairs.exam, pairs.reader] = scores_of(pairs, arm)
    return table


def scores_of(pairs: Pairs, arm: str) -> Array:
    return (pairs.first, pairs.second)[pairs.arms.index(arm)]


def pooled_icc(pairs: Pairs, arm: str) -> PooledIcc | NotEstimable:
    """One number for the study: vc / (vc + vr + ve) of score ~ (1|exam) + (1|reader) (statistics.md, row 14b)."""
    if len(pairs.readers) < 2:
        return NotEstimable(POOLED, "there is only one reader")
    factors = {"exam": pairs.exam, "reader": pairs.reader}
    model = crossed(POOLED, scores_of(pairs, arm), np.ones((len(pairs), 1)), factors)
    if isinstance(model, NotEstimable):
        return model
    if "exam" not in model.factors:
        return NotEstimable(POOLED, "no exam was scored by two readers")
    exam, reader, residual = model.variance("exam"), model.variance("reader"), model.residual
    return PooledIcc(
        agreement=exam / (exam + reader + residual),
        agreement_ci95=_share_interval(model, ("reader",)),
        consistency=exam / (exam + residual),
        consistency_ci95=_share_interval(model, ()),
        exam=exam,
        reader=reader,
        residual=residual,
    )


def _share_interval(model: Crossed, others: Sequence[str]) -> Interval | NotEstimable:
    """Of exam / (exam + others + residual). With the logit log(exam) - log(rest) its slopes are 1/exam and -1/rest."""
    exam = model.variance("exam")
    rest = sum(model.variance(factor) for factor in others) + model.residual
    if exam <= 0:
        return NotEstimable(POOLED, "the variance between exams is estimated at 0")
    slopes = {factor: -1 / rest if factor in others else 0.0 for factor in model.factors} | {"exam": 1 / exam}
    half = float(norm.isf(0.025)) * model.variance_of(slopes, -1 / rest) ** 0.5
    low, high = (float(expit(log(exam / rest) + sign * half)) for sign in (-1, 1))
    return low, high


def _of_group(scores: Array, levels: Sequence[int]) -> GroupAgreement:
    return GroupAgreement(intraclass_correlations(scores), krippendorff_alpha(scores), weighted_kappa(scores, levels))
