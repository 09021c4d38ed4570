"""The exams of the study as the paper's Tables 1 and 2 have them, and its Table 4 as context.

Mitchell et al., J Med Imaging 2020;7:055501. What the paper says is marked as the paper's; ours is measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from study_admin.design import ExamFacts
from study_admin.tables.material import Material

NOT_SPECIFIED = "Not specified"


@dataclass(frozen=True)
class SourceRow:
    """A line of Table 1. Ages are of exams, sexes of exams too; None where nothing is known."""

    source: str
    exams: int
    age_mean: float | None
    age_sd: float | None
    male: int
    female: int
    sex_not_specified: int
    first_year: int | None
    last_year: int | None
    median_year: float | None


@dataclass(frozen=True)
class TumourRow:
    """A line of Table 2."""

    tumour_type: str
    exams: int
    percent: float


@dataclass(frozen=True)
class Network:
    """A line of the paper's Table 4, as it printed it."""

    name: str
    dataset: str
    series: int
    ensemble: int
    training: int
    test: int
    median_dice: str
    mean_dice: str


@dataclass(frozen=True)
class Cohort:
    """Study exams only. `subjects` is None unless every exam names its patient."""

    exams: int
    subjects: int | None
    overall: SourceRow
    sources: tuple[SourceRow, ...]
    tumour_types: tuple[TumourRow, ...]
    context: tuple[Network, ...]


_CONTEXT = (
    Network("EMMA", "BraTS 2017", 4, 21, 285, 146, "N/A", "0.88"),
    Network("Cascaded CNNs", "BraTS 2017", 4, 9, 285, 146, "N/A", "0.87"),
    Network("Brain Tumor U-Net", "BraTS 2017", 4, 15, 285, 146, "N/A", "0.86"),
    Network("NVDLMED", "BraTS 2018", 4, 10, 285, 191, "0.92", "0.88"),
    Network("MIC-DKFZ", "BraTS 2018", 4, 10, 285, 191, "0.92", "0.88"),
    Network("DeepSCAN", "BraTS 2018", 4, 12, 285, 191, "0.92", "0.89"),
    Network("DL_86_61", "BraTS 2018", 4, 7, 285, 191, "0.92", "0.88"),
    Network("Heidelberg", "Heidelberg EORTC", 4, 5, 364, 2273, "0.89 to 0.91", "N/A"),
    Network("DeepMedic of the paper", "Mayo Clinic and public data sets", 2, 5, 641, 100, "0.90", "0.87"),
)


def cohort(material: Material) -> Cohort:
    """The study exams of a material; practice is left out."""
    return cohort_of([material.facts[name] for name in material.exam_codes])


def cohort_of(facts: Sequence[ExamFacts]) -> Cohort:
    """Sources with most exams first, what is not specified last, as the paper has them."""
    subjects = {each.subject for each in facts}
    sources = {each.site for each in facts}
    types = {each.tumour_type for each in facts}
    rows = [_source(site or NOT_SPECIFIED, [each for each in facts if each.site == site]) for site in sources]
    tumours = [
        TumourRow(kind or NOT_SPECIFIED, count, 100 * count / len(facts))
        for kind in types
        if (count := sum(each.tumour_type == kind for each in facts))
    ]
    return Cohort(
        exams=len(facts), subjects=None if "" in subjects else len(subjects), overall=_source("Overall", facts),
        sources=tuple(sorted(rows, key=lambda row: _order(row.source, row.exams))),
        tumour_types=tuple(sorted(tumours, key=lambda row: _order(row.tumour_type, row.exams))), context=_CONTEXT,
    )  # fmt: skip


def _order(name: str, exams: int) -> tuple[bool, int, str]:
    return name == NOT_SPECIFIED, -exams, name


def _source(name: str, facts: Sequence[ExamFacts]) -> SourceRow:
    ages = [each.age for each in facts if each.age is not None]
    years = sorted(_years(facts))
    male, female = (sum(each.sex == sex for each in facts) for sex in "MF")
    return SourceRow(
        source=name, exams=len(facts), age_mean=mean(ages) if ages else None,
        age_sd=stdev(ages) if len(ages) > 1 else None, male=male, female=female,
        sex_not_specified=len(facts) - male - female, first_year=years[0] if years else None,
        last_year=years[-1] if years else None, median_year=float(median(years)) if years else None,
    )  # fmt: skip


def _years(facts: Iterable[ExamFacts]) -> Iterable[int]:
    return (int(each.study_date[:4]) for each in facts if each.study_date)
