"""Simulated studies without a true effect: how often does each test see one? Written to type_one_error.json.

    python -m study_admin.statistics.null_studies [--studies 2000] [--seed 20260101]

The design is the paper's (5 groups of 4 readers and 20 exams). A score is a mean + reader + exam + reading +
arm × reader + arm × exam + noise, all normal, rounded and clipped to 0..10; only the arm's variances between readers
and exams differ between scenarios. The other variances are those that give, rounded and clipped, the spread of the
paper's scores.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats

from study_admin.statistics.estimates import Estimate, NotEstimable
from study_admin.statistics.mixed import mixed_test
from study_admin.statistics.pairs import Pairs, pairs
from study_admin.statistics.published import paired_t, wilcoxon_p
from study_admin.statistics.split_plot import split_plot
from study_admin.statistics.type_one_error import FILE, SCENARIOS, Scenario
from study_admin.statistics.ustatistic import u_statistic

STUDIES, SEED, ALPHA = 2000, 20260101, 0.05


@dataclass(frozen=True)
class ScoreModel:
    """Standard deviations in points of what both arms share, and of the noise of one score.

    A quarter of the scores are clipped, so that of a difference between the arms `shown` is left in them.
    """

    mean: float = 7.5
    reader: float = 1.15
    exam: float = 2.35
    reading: float = 1.4
    noise: float = 1.2
    shown: float = 0.8


def split_plot_table(groups: int = 5, readers: int = 4, exams: int = 20) -> Pairs:
    """A complete design without scores: every reader of a group reads every exam of it."""
    rows = [(g, r, e) for g in range(groups) for r in range(readers) for e in range(exams)]
    return pairs(
        [f"R{g * readers + r + 1:03}" for g, r, _ in rows], [f"E{g * exams + e + 1:04}" for g, _, e in rows],
        [0.0] * len(rows), [0.0] * len(rows), group=[f"G{g + 1:02}" for g, _, _ in rows],
    )  # fmt: skip


def null_study(
    design: Pairs, scenario: Scenario, random: np.random.Generator, model: ScoreModel | None = None
) -> Pairs:
    """One study of this design in which the arms do not differ on average."""
    model = model or ScoreModel()
    readers, exams, n = len(design.readers), len(design.exams), len(design)
    shared = (
        model.mean
        + model.reader * random.standard_normal(readers)[design.reader]
        + model.exam * random.standard_normal(exams)[design.exam]
        + model.reading * random.standard_normal(n)
    )
    half = (
        scenario.between_readers * random.standard_normal(readers)[design.reader]
        + scenario.between_exams * random.standard_normal(exams)[design.exam]
    ) / (2 * model.shown)
    noise = model.noise * random.standard_normal((2, n))
    first, second = (np.clip(np.round(shared + sign * half + noise[i]), 0, 10) for i, sign in enumerate((-1, 1)))
    return replace(design, first=first, second=second)


def p_values(study: Pairs) -> Mapping[str, float]:
    """The p of every test; 1 where it cannot be computed."""
    split, u, net = split_plot(study), u_statistic(study), u_statistic(study, np.sign(study.difference))
    wins, losses = int(np.sum(study.difference > 0)), int(np.sum(study.difference < 0))
    return {
        "primary": _p(mixed_test(study)),
        "obuchowski_rockette": 1.0 if isinstance(split, NotEstimable) else split.test.p,
        "u_statistic": 1.0 if isinstance(u, NotEstimable) else u.test.p,
        "net_benefit": 1.0 if isinstance(net, NotEstimable) else net.test.p,
        "paired_t": _p(paired_t(study)),
        "wilcoxon": wilcoxon_p(study.difference, "wilcox"),
        "wilcoxon_pratt": wilcoxon_p(study.difference, "pratt"),
        "sign_test": float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0,
    }


def measure(studies: int, seed: int, report: Callable[[str], None]) -> dict[str, object]:
    """Rejection rates of all scenarios, each with a stream of its own, so that one can be repeated alone.

    `first_p` are the p values of each stream's first study: whether a program still is the one that measured.
    """
    design = split_plot_table()
    rates: dict[str, dict[str, float]] = {}
    first: dict[str, Mapping[str, float]] = {}
    for number, scenario in enumerate(SCENARIOS):
        random = np.random.default_rng([seed, number])
        ps = [p_values(null_study(design, scenario, random)) for _ in range(studies)]
        rates[scenario.name] = {method: float(np.mean([p[method] < ALPHA for p in ps])) for method in ps[0]}
        first[scenario.name] = ps[0]
        report(f"{scenario.name}: {rates[scenario.name]}")
    return {"studies": studies, "seed": seed, "alpha": ALPHA, "design": "5 x 4 x 20", "rates": rates, "first_p": first}


def _p(test: Estimate | NotEstimable) -> float:
    return 1.0 if isinstance(test, NotEstimable) else test.p


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the false alarms of each test on simulated null studies.")
    parser.add_argument("--studies", type=int, default=STUDIES, help="studies of each scenario")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=FILE)
    chosen = parser.parse_args()
    found = measure(chosen.studies, chosen.seed, print)
    chosen.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
