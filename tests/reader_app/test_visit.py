"""Times and exposure of one visit; expected numbers by hand from a clock that the test turns."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from reader_app.visit import Visit, ranges


class TurnedClock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


def test_time_is_active_for_a_minute_after_the_last_input_and_idle_then() -> None:
    clock = TurnedClock()
    visit = Visit(clock)
    clock.turn(10)
    visit.touch()
    clock.turn(200)  # 60 s active, 140 s idle
    visit.touch()
    clock.turn(5)
    record = visit.record()
    assert (record["active_ms"], record["idle_ms"], record["paused_ms"]) == (75_000, 140_000, 0)
    assert record["duration_ms"] == 215_000


def test_the_first_score_counts() -> None:
    clock = TurnedClock()
    visit = Visit(clock)
    assert visit.record()["first_score_ms"] is None
    clock.turn(12)
    visit.score()
    clock.turn(3)
    visit.score()
    assert visit.record()["first_score_ms"] == 12_000


def test_a_pause_is_neither_active_nor_idle_and_shows_nothing() -> None:
    clock = TurnedClock()
    visit = Visit(clock)
    visit.look([("T1c", "axial", 70)], "one layer")
    clock.turn(20)
    visit.pause()
    visit.look([("T1c", "axial", 99)], "one layer")  # a late repaint behind the cover
    clock.turn(500)
    visit.resume()
    visit.look([("T1c", "axial", 71)], "one layer")
    clock.turn(30)
    record = visit.record()
    assert (record["active_ms"], record["idle_ms"], record["paused_ms"]) == (50_000, 0, 500_000)
    assert record["exposure"] == {"T1c": {"axial": [[70, 71]]}}
    assert visit.looks() == {"layout_ms": {"one layer": 50_000}, "layer_ms": {"T1c": 50_000}}


def test_exposure_is_kept_per_layer_and_plane_as_merged_ranges() -> None:
    visit = Visit(TurnedClock())
    for index in (12, 10, 11, 20, 10):
        visit.look([("T1c", "axial", index), ("FLAIR", "axial", index), ("T1c", "sagittal", 5)], "both layers")
    assert visit.record()["exposure"] == {
        "FLAIR": {"axial": [[10, 12], [20, 20]]},
        "T1c": {"axial": [[10, 12], [20, 20]], "sagittal": [[5, 5]]},
    }


def test_looks_say_how_long_each_layer_and_layout_was_shown() -> None:
    clock = TurnedClock()
    visit = Visit(clock)
    visit.look([("T1c", "axial", 1), ("FLAIR", "axial", 1)], "both layers")
    clock.turn(4)
    visit.look([("FLAIR", "axial", 1)], "one plane")
    clock.turn(6)
    assert visit.looks() == {
        "layout_ms": {"both layers": 4_000, "one plane": 6_000},
        "layer_ms": {"T1c": 4_000, "FLAIR": 10_000},
    }


@given(st.lists(st.tuples(st.sampled_from(["touch", "pause", "resume", "score", "look"]), st.integers(0, 200))))
def test_the_three_kinds_of_time_add_up_to_the_visit(acts: list[tuple[str, int]]) -> None:
    clock = TurnedClock()
    visit = Visit(clock)
    for act, seconds in acts:
        clock.turn(seconds)
        if act == "look":
            visit.look([("T1c", "axial", seconds)], "one layer")
        else:
            getattr(visit, act)()
    record = visit.record()
    assert record["active_ms"] + record["idle_ms"] + record["paused_ms"] == record["duration_ms"]
    assert record["duration_ms"] == clock.now - 1_000


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_the_same_numbers_and_never_touch(numbers: set[int]) -> None:
    merged = ranges(numbers)
    assert {n for low, high in merged for n in range(low, high + 1)} == numbers
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))
