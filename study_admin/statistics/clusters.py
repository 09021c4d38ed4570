"""Cross-checks that need no model: t tests of cluster means, and the two-way cluster-robust SE (row 7).

The t tests of reader, exam and group means each take one level as the only one that varies; see the false alarms of
each in statistics.md, section 4, before any is quoted.
"""

from dataclasses import dataclass

import numpy as np

from study_admin.statistics.estimates import Estimate, NotEstimable, t_estimate
from study_admin.statistics.likelihood import Array, Codes
from study_admin.statistics.pairs import Pairs

ROBUST = "two-way cluster-robust, t on min(readers, exams) - 1 df"


@dataclass(frozen=True)
class ClusterRobust:
    """Variances of the mean by reader, exam and pair. `is_raised`: a part was above the sum, and was used instead."""

    test: Estimate
    v_reader: float
    v_exam: float
    v_pair: float
    is_raised: bool


def reader_means_t(pairs: Pairs) -> Estimate | NotEstimable:
    """t of the readers' mean differences: takes the exams as fixed."""
    return _means_t("t of reader means (exams fixed)", pairs.complete.difference, pairs.complete.reader)


def exam_means_t(pairs: Pairs) -> Estimate | NotEstimable:
    """t of the exams' mean differences: takes the readers as fixed."""
    return _means_t("t of exam means (readers fixed)", pairs.complete.difference, pairs.complete.exam)


def group_means_t(pairs: Pairs) -> Estimate | NotEstimable:
    """t of the groups' mean differences: valid, and weak with few groups."""
    return _means_t("t of group means", pairs.complete.difference, pairs.complete.group)


def cluster_robust(pairs: Pairs) -> ClusterRobust | NotEstimable:
    """V_reader R/(R-1) + V_exam C/(C-1) - V_pair N/(N-1), not below either part (Cameron, Gelbach & Miller 2011)."""
    table = pairs.complete
    readers, exams, n = len(table.readers), len(table.exams), len(table)
    if min(readers, exams) < 2:
        return NotEstimable(ROBUST, "it takes two readers and two exams with both scores")
    d = table.difference
    e = d - d.mean()
    v_reader = float(np.sum(np.bincount(table.reader, e) ** 2)) * readers / (readers - 1) / n**2
    v_exam = float(np.sum(np.bincount(table.exam, e) ** 2)) * exams / (exams - 1) / n**2
    v_pair = float(e @ e) * n / (n - 1) / n**2
    both = v_reader + v_exam - v_pair
    used = max(both, v_reader, v_exam)
    test = t_estimate(ROBUST, float(d.mean()), float(np.sqrt(used)), min(readers, exams) - 1)
    return test if isinstance(test, NotEstimable) else ClusterRobust(test, v_reader, v_exam, v_pair, used > both)


def _means_t(method: str, d: Array, codes: Codes) -> Estimate | NotEstimable:
    means = np.bincount(codes, d) / np.bincount(codes)
    if len(means) < 2:
        return NotEstimable(method, "there is only one mean")
    return t_estimate(method, float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means))), len(means) - 1)
