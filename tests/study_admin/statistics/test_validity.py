"""The checks in one place: what is given is passed on, what is not says so."""

from study_admin.statistics.blinding_indices import BlindingIndices, Guess
from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.looking import Looks, WithoutLooking
from study_admin.statistics.pairs import from_frame
from study_admin.statistics.reading_order import CarryOver, Learning, ReadingTime, SideBias
from study_admin.statistics.repeats import Repeats
from study_admin.statistics.validity import validity
from tests.study_admin.statistics.r_values import scores


def test_a_table_from_elsewhere_has_the_checks_of_its_columns() -> None:
    found = validity(from_frame(scores("paper")))
    assert isinstance(found.side_bias, SideBias)
    assert isinstance(found.learning, Learning)
    assert isinstance(found.carry_over, CarryOver)
    assert isinstance(found.reading_time, ReadingTime)
    for missing in (found.without_looking, found.blinding, found.repeats):
        assert isinstance(missing, NotEstimable)


def test_a_study_with_everything_has_all_checks() -> None:
    found = validity(
        from_frame(scores("paper")),
        looks=[Looks("R01", "E001", [{"T1c": {"axial": [[1, 3]]}}], {"axial": (1, 3)})],
        guesses=[Guess("R01", "A", "A"), Guess("R02", None, "B")],
        repeated=[(("R01", "E001", "dl"), 4.0), (("R01", "E001", "dl"), 6.0)],
    )
    assert isinstance(found.without_looking, WithoutLooking)
    assert found.without_looking.whole == 1
    assert isinstance(found.blinding, BlindingIndices)
    assert found.blinding.counts == ((1, 0, 0), (0, 0, 1))
    assert isinstance(found.repeats, Repeats)
    assert found.repeats.df == 1
