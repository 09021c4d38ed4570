"""What each stage of a study allows, and which draws may open one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin import store as store_module
from study_admin.records import Opening, Stage
from study_admin.store import StudyStore
from tests.study_admin.kept_study import (
    EXAM_GROUPS,
    arms_on_a,
    handed_out,
    make_opening,
    make_store,
    make_study,
    open_and_hand_out,
    open_by_draw,
    results_of,
)


def stage_draft(store: StudyStore, folder: Path) -> None:
    pass


def stage_open(store: StudyStore, folder: Path) -> None:
    open_and_hand_out(store)


def stage_locked(store: StudyStore, folder: Path) -> None:
    open_and_hand_out(store)
    store.lock("for the test")


def stage_unblinded(store: StudyStore, folder: Path) -> None:
    stage_locked(store, folder)
    store.record_unblinding(arms_on_a(make_opening()), "a pilot")


ACTS: dict[str, Callable[[StudyStore, Path], None]] = {
    "replace": lambda store, folder: store.replace_study(make_study()),
    "choose": lambda store, folder: store.choose_groups({"R01": 2}),
    "open": lambda store, folder: open_by_draw(store, make_opening()),
    "hand out": lambda store, folder: store.record_handed_out([replace(handed_out("R01"), place="elsewhere")]),
    "collect": lambda store, folder: store.record_collected(*results_of("R01", folder), "results.json", after=None),
    "lock": lambda store, folder: store.lock("for the test"),
    "unblind": lambda store, folder: store.record_unblinding(arms_on_a(make_opening()), "a pilot"),
}


@pytest.mark.parametrize(
    ("reach", "allowed", "sentence"),
    [
        (stage_draft, {"replace", "choose", "open"}, "has not been opened yet"),
        (stage_open, {"hand out", "collect", "lock"}, "has been opened: its design|not locked yet"),
        (stage_locked, {"unblind"}, "has been opened: its design|is locked: nothing is handed out or collected"),
        (stage_unblinded, set(), "was unblinded already"),
    ],
)
def test_each_stage_allows_its_acts_and_no_other(
    where: str,
    tmp_path: Path,
    reach: Callable[[StudyStore, Path], None],
    allowed: set[str],
    sentence: str,
) -> None:
    with make_store(where) as store:
        reach(store, tmp_path)
        before = store.audit()
        for act in ACTS.keys() - allowed:
            with pytest.raises(StudyError, match=sentence):
                ACTS[act](store, tmp_path)
        assert store.audit() == before
        for act in [act for act in ACTS if act in allowed]:
            ACTS[act](store, tmp_path)
        store.verify_audit()


def _without_last_reading(opening: Opening) -> Opening:
    return replace(opening, readings=opening.readings[:-1])


def _one_exam_of_the_other_group(opening: Opening) -> Opening:
    *rest, last = opening.readings
    return replace(opening, readings=(*rest, replace(last, exam="case02")))


def _practice_as_study(opening: Opening) -> Opening:
    first, *rest = opening.readings
    return replace(opening, readings=(replace(first, is_practice=False, position=3), *rest))


def _unequal_groups(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R03", "R04"), ("R01",)))


def _an_exam_in_both_groups(opening: Opening) -> Opening:
    return replace(opening, exam_groups=(EXAM_GROUPS[0], ("case03", "case04")))


def _a_strange_reader(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R03"), ("R05", "R01")))


def _one_package_for_two(opening: Opening) -> Opening:
    return replace(opening, readings=tuple(replace(r, package_id="0" * 16) for r in opening.readings))


def _a_reading_of_nobody(opening: Opening) -> Opening:
    last = opening.readings[-1]
    return replace(opening, readings=(*opening.readings, replace(last, reading_id="9" * 16, reader="R09")))


def _against_a_choice(opening: Opening) -> Opening:
    return replace(opening, reader_groups=(("R02", "R01"), ("R04", "R03")))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_last_reading, "R04 was not drawn exactly the exams"),
        (_one_exam_of_the_other_group, "R04 was not drawn exactly the exams"),
        (_practice_as_study, "R01 was not drawn exactly the exams"),
        (_unequal_groups, "groups of readers"),
        (_an_exam_in_both_groups, "groups of exams"),
        (_a_strange_reader, "groups of readers"),
        (_one_package_for_two, "one package for each reader"),
        (_a_reading_of_nobody, "a reading of nobody"),
        (_against_a_choice, "R01 was put into group 2"),
    ],
)
def test_a_study_opens_only_if_each_has_exactly_its_own(
    where: str, spoil: Callable[[Opening], Opening], words: str
) -> None:
    with make_store(where) as store:
        store.choose_groups({"R01": 2})
        with pytest.raises(StudyError, match=words):
            open_by_draw(store, spoil(make_opening()))
        assert store.stage is Stage.DRAFT
        assert store.readings() == store.source_files() == ()
        open_by_draw(store, make_opening())


@pytest.mark.parametrize(
    ("reach", "acts"),
    [
        (stage_draft, ("replace", "choose", "open")),
        (stage_open, ("hand out", "collect", "lock")),
        (stage_locked, ("unblind",)),
    ],
)
def test_a_change_without_its_row_in_the_trail_does_not_happen(
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reach: Callable[[StudyStore, Path], None],
    acts: tuple[str, ...],
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("no row today")

    with make_store(where) as store:
        reach(store, tmp_path)
        stage, before = store.stage, store.audit()
        monkeypatch.setattr(store_module, "append", fail)
        for act in acts:
            with pytest.raises(ArithmeticError, match="no row today"):
                ACTS[act](store, tmp_path)
            assert (store.stage, store.audit()) == (stage, before)
            store.verify_audit()  # the tables are what the trail says
