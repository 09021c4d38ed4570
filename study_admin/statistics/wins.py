"""Wins, ties and losses of the second arm: the clinician's number, which needs no distances between scores (row 10)."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy import stats

from study_admin.statistics.estimates import Estimate, Interval, NotEstimable
from study_admin.statistics.pairs import Pairs
from study_admin.statistics.ustatistic import u_statistic

WINS = "wins, ties and losses"
NET_BENEFIT = "net benefit, SE by the U-statistic of the signs, t on min(readers, exams) - 1 df"


@dataclass(frozen=True)
class WinTieLoss:
    """A win is a pair in which the second arm has the higher score. Ratios are None where nothing was lost.

    `net_benefit` is clustered; the sign test and the Bradley-Terry error take the readings as independent.
    """

    method: str
    wins: int
    ties: int
    losses: int
    win_share: float | None  # ties left out
    win_share_ci95: Interval | None  # Clopper-Pearson, ignores clustering
    sign_test_p: float | None  # ignores clustering
    win_probability: float  # ties count half
    net_benefit: float  # (wins - losses) / pairs
    net_benefit_test: Estimate | NotEstimable
    net_benefit_se_naive: float | None
    win_ratio: float | None
    win_odds: float | None
    log_odds: float | None  # Bradley-Terry of two, row 11
    log_odds_se_naive: float | None
    davidson_nu: float | None


def win_tie_loss(pairs: Pairs) -> WinTieLoss | NotEstimable:
    """Counts, the sign test, and the net benefit with the clustered SE of row 6 on the signs."""
    table = pairs.complete
    n = len(table)
    if not n:
        return NotEstimable(WINS, "no reading has both scores")
    signs = np.sign(table.difference)
    w, t, losses = (int(np.sum(signs == sign)) for sign in (1, 0, -1))
    sign_test = stats.binomtest(w, w + losses) if w + losses else None
    share = sign_test.proportion_ci(0.95, "exact") if sign_test else None
    net = u_statistic(table, signs, NET_BENEFIT)
    both = w > 0 and losses > 0
    return WinTieLoss(
        method=WINS, wins=w, ties=t, losses=losses,
        win_share=w / (w + losses) if sign_test else None,
        win_share_ci95=(float(share.low), float(share.high)) if share else None,
        sign_test_p=float(sign_test.pvalue) if sign_test else None,
        win_probability=(w + t / 2) / n, net_benefit=(w - losses) / n,
        net_benefit_test=net if isinstance(net, NotEstimable) else net.test,
        net_benefit_se_naive=float(signs.std(ddof=1)) / sqrt(n) if n > 1 else None,
        win_ratio=w / losses if losses else None,
        win_odds=(w + t / 2) / (losses + t / 2) if losses + t else None,
        log_odds=log(w / losses) if both else None,
        log_odds_se_naive=sqrt(1 / w + 1 / losses) if both else None,
        davidson_nu=t / sqrt(w * losses) if both else None,
    )  # fmt: skip
