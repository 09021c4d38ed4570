"""Shares of a tumour's slices that were on the screen, counted by hand."""

import pytest

from study_admin.statistics.estimates import NotEstimable
from study_admin.statistics.looking import Looks, WithoutLooking, share_seen, without_looking

TUMOUR = {"axial": (10, 19), "coronal": (40, 59)}


def found(*looks: Looks) -> WithoutLooking:
    result = without_looking(looks)
    assert isinstance(result, WithoutLooking), result
    return result


@pytest.mark.parametrize(
    ("shown", "share"),
    [
        ([], 0.0),
        ([(0, 9), (20, 30)], 0.0),  # just beside it, on both sides
        ([(10, 10)], 0.1),
        ([(0, 12), (12, 14)], 0.5),  # slice 12 twice counts once
        ([(0, 100)], 1.0),
    ],
)
def test_share_of_ten_slices(shown: list[tuple[int, int]], share: float) -> None:
    assert share_seen(shown, (10, 19)) == share


def test_a_reading_has_the_share_of_its_best_plane_over_visits_and_layers() -> None:
    first = {"T1c": {"axial": [[5, 12]], "coronal": [[50, 50]]}, "FLAIR": {"axial": [[12, 13]]}}
    second = {"T1c": {"axial": [[19, 25]]}}
    reading = found(Looks("R1", "E1", [first, second], TUMOUR)).readings[0]
    # axial 10..13 and 19: 5 of 10; coronal 1 of 20. T1c alone 10, 11, 12, 19; FLAIR alone 12, 13.
    assert reading.share == 0.5
    assert reading.by_layer == {"FLAIR": 0.2, "T1c": 0.4}


def test_readings_are_sorted_into_seen_hardly_seen_and_unseen() -> None:
    def looks(reader: str, exam: str, last: int) -> Looks:
        return Looks(reader, exam, [{"T1c": {"axial": [[0, last]]}}], TUMOUR)

    result = found(
        looks("R1", "E1", 19), looks("R1", "E2", 9), looks("R2", "E1", 11), looks("R2", "E2", 14),
        Looks("R2", "E3", [], TUMOUR), Looks("R2", "E4", [{}], TUMOUR),
    )  # fmt: skip
    assert [(one.reader, one.exam) for one in result.unseen] == [("R1", "E2")]
    assert [(one.reader, one.exam) for one in result.hardly_seen] == [("R2", "E1")]
    assert (result.whole, result.without_record) == (1, 2)
    assert result.mean_by_reader == pytest.approx({"R1": 0.5, "R2": 0.35})
    assert result.median_share == pytest.approx(0.35)  # of 0, 0.2, 0.5, 1


def test_without_records_there_is_no_answer() -> None:
    assert isinstance(without_looking([]), NotEstimable)
    assert isinstance(without_looking([Looks("R1", "E1", [], TUMOUR)]), NotEstimable)
