"""All figures of a study's report, by name; each from the numbers of the results and nothing else."""

from collections.abc import Mapping

from study_admin.report.canvas import Figure
from study_admin.report.check_figures import blinding, over_position
from study_admin.report.forest_figures import false_alarms, forest
from study_admin.report.overlap import MaskAgreement
from study_admin.report.overlap_figures import dice_on_volume
from study_admin.report.results import StudyResults
from study_admin.report.score_figures import bland_altman, differences_by_reader, scores, win_tie_loss
from study_admin.statistics.estimates import NotEstimable

_SIMULATED = ("primary", "obuchowski_rockette", "u_statistic", "paired_t", "wilcoxon")
_SHORT = (
    "mixed model (primary)",
    "Obuchowski-Rockette",
    "U-statistic",
    "paired t, as published",
    "Wilcoxon, as published",
)


def figures(results: StudyResults) -> Mapping[str, Figure]:
    """In the order of a results section. What the results cannot give is left out: a study without guesses has no
    figure of the blinding, a table of scores from elsewhere none of the masks."""
    arms, scale, pairs = results.pairs.arms, results.provenance.scale, results.pairs
    drawn: dict[str, Figure | None] = {}
    if not isinstance(results.scores, NotEstimable):
        drawn["scores"] = scores(results.scores, arms, scale)
        drawn["forest"] = forest(results.by_reader, results.by_group, results.primary, arms, scale)
        drawn["differences_by_reader"] = differences_by_reader(results.by_reader, arms)
    if not isinstance(results.win_tie_loss, NotEstimable):
        drawn["win_tie_loss"] = win_tie_loss(results.win_tie_loss, pairs)
    if isinstance(results.overlap, MaskAgreement):
        drawn["dice_on_volume"] = dice_on_volume(results.overlap)
    if not isinstance(results.bland_altman, NotEstimable):
        drawn["bland_altman"] = bland_altman(results.bland_altman, pairs)
    drawn["over_position"] = over_position(pairs, results.validity.side_bias)
    if not isinstance(results.validity.blinding, NotEstimable):
        drawn["blinding"] = blinding(results.validity.blinding, results.provenance.asked_arm)
    drawn["false_alarms"] = _false_alarms(results)
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _false_alarms(results: StudyResults) -> Figure | None:
    found = {
        "primary": results.primary, "obuchowski_rockette": results.obuchowski_rockette,
        "u_statistic": results.u_statistic, **results.as_published,
    }  # fmt: skip
    rows = {
        key: (short, row.false_alarms)
        for key, short in zip(_SIMULATED, _SHORT, strict=True)
        if not isinstance(row := found[key], NotEstimable)
    }
    return false_alarms(rows) if rows else None
