"""Tables 1 and 2 of a cohort counted by hand."""

import pytest

from study_admin.design import ExamFacts
from study_admin.report.cohort import NOT_SPECIFIED, cohort, cohort_of
from tests.study_admin.report.reference_material import reference_material

FACTS = (
    ExamFacts("P1", "Mayo", 50, "M", "Glioblastoma", "2001-04-02"),
    ExamFacts("P2", "Mayo", 60, "F", "Astrocytoma", "2004"),
    ExamFacts("P2", "Mayo", None, "", "Glioblastoma", ""),
    ExamFacts("P3", "TCIA", 41, "F", "", "1999-12"),
    ExamFacts("P4", "", 30, "M", "Glioblastoma", "2010"),
)


def test_table_1_has_a_line_a_source_and_one_over_all() -> None:
    """Mayo: ages 50 and 60, mean 55, SD sqrt(50); years 2001 and 2004, median 2002.5."""
    found = cohort_of(FACTS)
    assert [row.source for row in found.sources] == ["Mayo", "TCIA", NOT_SPECIFIED]
    mayo, tcia, _ = found.sources
    assert (mayo.exams, mayo.male, mayo.female, mayo.sex_not_specified) == (3, 1, 1, 1)
    assert (mayo.age_mean, mayo.age_sd) == (55, pytest.approx(50**0.5))
    assert (mayo.first_year, mayo.last_year, mayo.median_year) == (2001, 2004, 2002.5)
    assert (tcia.age_mean, tcia.age_sd) == (41, None)
    assert (found.exams, found.subjects) == (5, 4)
    assert (found.overall.exams, found.overall.male, found.overall.female, found.overall.sex_not_specified) == (
        5, 2, 2, 1,
    )  # fmt: skip
    assert found.overall.age_mean == pytest.approx((50 + 60 + 41 + 30) / 4)


def test_table_2_counts_types_most_frequent_first_and_unspecified_last() -> None:
    rows = [(row.tumour_type, row.exams, row.percent) for row in cohort_of(FACTS).tumour_types]
    assert rows == [("Glioblastoma", 3, 60.0), ("Astrocytoma", 1, 20.0), (NOT_SPECIFIED, 1, 20.0)]


def test_an_exam_without_its_patient_leaves_the_number_of_patients_open() -> None:
    assert cohort_of((*FACTS, ExamFacts())).subjects is None


def test_exams_of_which_nothing_is_known_have_no_ages_and_years() -> None:
    row = cohort_of((ExamFacts(),)).overall
    assert (row.age_mean, row.age_sd, row.first_year, row.median_year) == (None, None, None, None)


def test_the_cohort_of_a_study_is_its_study_exams() -> None:
    found = cohort(reference_material("paper"))
    assert (found.exams, found.subjects) == (100, 50)
    assert [(row.source, row.exams) for row in found.sources] == [("Mayo", 50), ("TCIA", 50)]


def test_the_context_is_what_the_paper_printed() -> None:
    """Table 4 of the paper: nine networks, DeepMedic with 641 exams for training, 100 for testing, median 0.90."""
    found = cohort_of(FACTS).context
    assert len(found) == 9
    assert (found[-1].training, found[-1].test, found[-1].median_dice, found[-1].mean_dice) == (
        641,
        100,
        "0.90",
        "0.87",
    )
