"""One file goes back: it holds all of the session, and only what the session can have held."""

import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader_app.session.canonical import canonical_json
from reader_app.session.model import ClosingAnswer, Side
from reader_app.session.package import Package
from reader_app.session.projection import json_text
from reader_app.session.results import read_results, write_results
from reader_app.session.trail import Event, sealed
from segmentation.errors import StudyError
from tests.reader_app.session.conftest import open_store, read_all, spoil


@pytest.fixture
def signed(package: Package, tmp_path: Path) -> Path:
    """Results of a finished session."""
    with open_store(package) as store:
        read_all(store)
        store.sign_off("A. Reader", "I have read them all")
        return write_results(store, tmp_path)


def test_results_hold_what_was_answered(package: Package, signed: Path) -> None:
    assert signed.name == f"results-R01-{package.manifest.package_id}.json"
    results = read_results(signed)
    # scores as conftest.read_all gives them: 1, 2 for practice, then 3, 4 and so on
    scores = [(answers.a.score, answers.b.score) for answers in results.answers.values()]
    assert scores == [(3, 4), (5, 6), (7, 8)]
    assert list(results.answers) == [r.reading_id for r in package.manifest.readings if not r.is_practice]
    assert not results.is_incomplete
    assert results.receipt and results.receipt.count == 3
    assert results.profile and results.profile.site_code == "S1"
    assert results.design == package.manifest.design
    assert results.events[0].hash == package.manifest.trail_head
    assert results.events[-1].type == "export"
    assert set(results.closing_answers.values()) == {ClosingAnswer("B", "sure")}
    assert read_results(signed) == results


def test_practice_is_in_the_trail_and_marked_but_not_in_the_answers(package: Package, signed: Path) -> None:
    practice = package.manifest.readings[0].reading_id
    results = read_results(signed)
    assert practice not in results.answers
    assert any(event.reading_id == practice and event.field == "score" for event in results.events)
    form = json.loads(signed.read_text("utf-8"))
    assert [r["reading_id"] for r in form["readings"] if r["is_practice"]] == [practice]
    assert practice not in [answer["reading_id"] for answer in form["answers"]]


def test_before_sign_off_results_are_incomplete(package: Package, tmp_path: Path) -> None:
    with open_store(package) as store:
        store.record_score(store.readings[1].reading_id, Side.A, 4, how="key")
        results = read_results(write_results(store, tmp_path / "so far.json"))
    assert results.is_incomplete
    assert results.receipt is None
    assert [answers.a.score for answers in results.answers.values()] == [4, None, None]


def test_exporting_again_adds_to_the_trail_and_changes_no_answer(package: Package, signed: Path) -> None:
    first = read_results(signed)
    with open_store(package) as store:
        second = read_results(write_results(store, signed.parent))
    assert second.answers == first.answers
    assert second.receipt == first.receipt
    assert second.events[: len(first.events)] == first.events
    assert [event.type for event in second.events].count("export") == 2
    assert [path.name for path in signed.parent.glob("*.json*")] == [signed.name]  # and no draft was left


def test_500_flipped_bits_are_all_refused(signed: Path) -> None:
    data = signed.read_bytes()
    rng = random.Random(5)
    for _ in range(500):
        place = rng.randrange(len(data) * 8)
        spoiled = bytearray(data)
        spoiled[place // 8] ^= 1 << place % 8
        signed.write_bytes(spoiled)
        with pytest.raises(StudyError) as caught:
            read_results(signed)
        assert caught.value.file == signed


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"[" * 200_000, b"\xff", b'{"format":"blindread-results"}'])
def test_other_files_are_no_results(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(data)
    with pytest.raises(StudyError, match="cannot be used"):
        read_results(path)


# --- a reader's computer that signs anything ---


def key_of(home: Path, package: Package) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex((home / "keys" / f"{package.manifest.package_id}.key").read_text())
    )


def resign(path: Path, form: dict[str, Any], key: Ed25519PrivateKey) -> None:
    form.pop("signature", None)
    spelled = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    form["signature"] = key.sign(b"blindread-results-v1\0" + spelled).hex()
    path.write_bytes(json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def rechain(events: list[dict[str, Any]]) -> None:
    """Hash all events anew, as someone would who knows how."""
    for number, event in enumerate(events):
        if number:
            event["prev_hash"] = events[number - 1]["hash"]
        event["hash"] = sealed(Event(**event)).hash


def test_resigning_without_a_change_is_accepted(package: Package, signed: Path, home: Path) -> None:
    form = json.loads(signed.read_text("utf-8"))
    rechain(form["events"])
    resign(signed, form, key_of(home, package))
    read_results(signed)


@pytest.mark.parametrize("score", ["NaN", "7.5", "7.0", "11", "-1", '"7"', "true", "null", "[7]", "1e400", "٧"])
def test_what_is_no_score_is_refused_though_well_signed(package: Package, signed: Path, home: Path, score: str) -> None:
    form = json.loads(signed.read_text("utf-8"))
    event = next(e for e in form["events"] if e["type"] == "score_set" and e["new"] == "5")
    event["new"] = score
    rechain(form["events"])
    form["trail_head"] = form["events"][-1]["hash"]
    resign(signed, form, key_of(home, package))
    with pytest.raises(StudyError, match="row"):
        read_results(signed)


@pytest.mark.parametrize("score", [float("nan"), 7.5, 7.0, 11, "7", True, None, 6])
def test_answers_must_follow_from_the_trail_though_well_signed(
    package: Package, signed: Path, home: Path, score: object
) -> None:
    form = json.loads(signed.read_text("utf-8"))
    form["answers"][1]["a"]["score"] = score  # 5 in the trail
    resign(signed, form, key_of(home, package))
    with pytest.raises(StudyError, match="cannot be used"):
        read_results(signed)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(reader_code="R02"),
        lambda f: f.update(is_incomplete=True),
        lambda f: f.update(note="x"),
        lambda f: f.update(profile=None),
        lambda f: f.update(receipt=None),
        lambda f: f.update(trail_head="0" * 64),
        lambda f: f.update(format_version=[1]),
        lambda f: f["answers"].append(f["answers"][0]),
        lambda f: f["answers"].pop(),
        lambda f: f["answers"].reverse(),
        lambda f: f["readings"][0].update(is_practice=False),
        lambda f: f["events"].append(f["events"][-1]),
        lambda f: f["events"].pop(3),
        lambda f: f["events"].clear(),
        lambda f: f["events"][3].update(note="x"),
        lambda f: f["events"][3].pop("boot_id"),
        lambda f: f["events"][3].update(seq=4.0),
    ],
)
def test_any_other_content_is_refused_though_well_signed(
    package: Package, signed: Path, home: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    form = json.loads(signed.read_text("utf-8"))
    change(form)
    resign(signed, form, key_of(home, package))
    with pytest.raises(StudyError, match="cannot be used"):
        read_results(signed)


def test_500_odd_files_are_refused_in_a_sentence_though_well_signed(package: Package, signed: Path, home: Path) -> None:
    """Also odd values inside the events' own JSON, with all hashes made anew."""
    whole, rng, key = json.loads(signed.read_text("utf-8")), random.Random(24), key_of(home, package)
    honest = read_results(signed)
    for number in range(500):
        form = json.loads(json.dumps(whole))
        event = rng.choice(form["events"])
        if number % 3 == 0:
            spoil(form, rng)
        elif number % 3 == 1:
            spoil(event, rng)
        else:
            content = [json.loads(event["new"] or "null")]
            spoil(content, rng)
            event["new"] = json_text(content[0]) if content[0] == content[0] else "NaN"
        with contextlib.suppress(
            TypeError, AttributeError, ValueError, LookupError
        ):  # where it is too odd to be chained
            rechain(form["events"])
            form["trail_head"] = form["events"][-1]["hash"]
        resign(signed, form, key)
        with contextlib.suppress(StudyError):  # anything else is a bug
            assert read_results(signed).answers == honest.answers


@pytest.mark.parametrize("day", ["2026-02-31", "2026-13-01", "0000-01-01"])
def test_a_day_that_no_calendar_has_is_refused_though_well_signed(
    package: Package, signed: Path, home: Path, day: str
) -> None:
    form = json.loads(signed.read_text("utf-8"))
    next(event for event in form["events"] if event["type"] == "sign_off")["utc"] = f"{day}T08:00:00.000000Z"
    rechain(form["events"])
    form["trail_head"] = form["events"][-1]["hash"]
    resign(signed, form, key_of(home, package))
    with pytest.raises(StudyError, match="utc is malformed"):
        read_results(signed)


def test_another_key_is_refused(signed: Path) -> None:
    form = json.loads(signed.read_text("utf-8"))
    key = Ed25519PrivateKey.generate()
    form["public_key"] = key.public_key().public_bytes_raw().hex()
    resign(signed, form, key)
    with pytest.raises(StudyError, match="not one of the session's"):
        read_results(signed)


def test_a_newer_version_is_refused_in_a_sentence(signed: Path) -> None:
    form = json.loads(signed.read_text("utf-8")) | {"format_version": [2, 0]}
    signed.write_bytes(canonical_json(form))
    with pytest.raises(StudyError, match=r"newer Blindread \(format 2\). Install the current version."):
        read_results(signed)


def test_two_sign_offs_or_answers_after_one_are_refused(package: Package, signed: Path, home: Path) -> None:
    form = json.loads(signed.read_text("utf-8"))
    results = read_results(signed)
    last = asdict(results.events[-1])
    late = last | {"seq": last["seq"] + 1, "type": "comment", "field": "comment", "side": "A", "old": None,
                   "new": json_text("late"), "reading_id": next(iter(results.answers))}  # fmt: skip
    form["events"].append(late)
    rechain(form["events"])
    form["trail_head"] = form["events"][-1]["hash"]
    resign(signed, form, key_of(home, package))
    with pytest.raises(StudyError, match="after the sign-off"):
        read_results(signed)
