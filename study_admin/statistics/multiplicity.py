"""p values of several tests looked at together (row 23)."""

from collections.abc import Mapping
from dataclasses import dataclass

from statsmodels.stats.multitest import multipletests


@dataclass(frozen=True)
class Adjusted:
    """`holm` keeps the chance of any false alarm, `benjamini_hochberg` the expected share of false ones."""

    method: str
    p: Mapping[str, float]
    holm: Mapping[str, float]
    benjamini_hochberg: Mapping[str, float]


def adjust(p: Mapping[str, float]) -> Adjusted:
    """Both corrections of these p values by name."""
    names, values = list(p), list(p.values())

    def corrected(method: str) -> dict[str, float]:
        if not values:
            return {}
        return dict(zip(names, map(float, multipletests(values, method=method)[1]), strict=True))

    return Adjusted("Holm; Benjamini-Hochberg", dict(p), corrected("holm"), corrected("fdr_bh"))
