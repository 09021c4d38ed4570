"""What comes back is taken if it answers a package of the study and continues what was taken before; else refused."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reader_app.session.model import Side
from reader_app.session.package import open_package
from reader_app.session.results import Results, read_results
from segmentation.errors import StudyError
from study_admin.collection import Verdict, collect
from study_admin.database.errors import OvertakenError
from study_admin.records import Stage
from study_admin.store import StudyStore
from tests.reader_app.making import make_package, make_protocol
from tests.reader_app.session.test_results import key_of, rechain, resign
from tests.study_admin.running_study import copy_of, hand_out
from tests.study_admin.scripted_readers import read_package


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The readers' computer."""
    monkeypatch.setenv("BLINDREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_out(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(handed_out: Path, tmp_path: Path) -> Path:
    return copy_of(handed_out, tmp_path / "study")


@pytest.fixture
def store(study: Path) -> Iterator[StudyStore]:
    with StudyStore.open(study / "study.sqlite", who="A. Coordinator") as store:
        yield store


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def five(position: int, side: Side) -> int:
    return 5


def judged(store: StudyStore, path: Path) -> Verdict:
    (verdict,) = collect(store, [path])
    return verdict


def refused(store: StudyStore, path: Path, *words: str) -> None:
    """Refused for this reason, said with the file's name, put down in the audit, and nothing else changed."""
    before, rows = store.collected(), len(store.audit())
    verdict = judged(store, path)
    assert verdict.is_refused and not verdict.is_taken
    assert path.name in verdict.sentence
    for word in words:
        assert word in verdict.sentence
    assert store.collected() == before
    (row,) = store.audit()[rows:]
    assert (row.what, row.subject, json.loads(row.new)) == ("refuse", path.name, verdict.sentence)


def test_a_sound_file_is_taken_as_it_came(store: StudyStore, study: Path, inbox: Path) -> None:
    path = read_package(study / "packages/R01", five, to=inbox)
    verdict = judged(store, path)
    receipt = read_results(path).receipt
    assert verdict.is_taken and not verdict.is_refused and verdict.path == path
    assert receipt and receipt.code in verdict.sentence and "R01 scored 3 of 3 exams and signed off" in verdict.sentence
    (kept,) = store.collected()
    assert (kept.reader, kept.file_name, kept.who) == ("R01", path.name, "A. Coordinator")
    assert kept.results == read_results(path)
    assert store.audit()[-1].what == "collect"


def test_the_same_again_counts_once_whatever_its_name(store: StudyStore, study: Path, inbox: Path) -> None:
    path = read_package(study / "packages/R01", five, to=inbox)
    copy = Path(shutil.copy(path, inbox / "results-of-R01 (1).json"))
    taken, again = collect(store, [path, copy])
    assert taken.is_taken and (again.is_taken, again.is_refused) == (False, False)
    assert "counts once" in again.sentence
    assert len(store.collected()) == 1


def test_a_newer_version_replaces_the_older_and_an_older_one_is_left(
    store: StudyStore, study: Path, inbox: Path
) -> None:
    package = study / "packages/R01"
    old = read_package(package, five, exams=1, to=inbox).rename(inbox / "old.json")
    verdict = judged(store, old)
    assert verdict.is_taken and "scored 1 of 3 exams and has not signed off yet" in verdict.sentence
    new = read_package(package, five, to=inbox)
    verdict = judged(store, new)
    assert verdict.is_taken and "replaces an earlier version" in verdict.sentence
    (kept,) = store.collected()
    assert not kept.results.is_incomplete
    assert len(store.collected_history(kept.package_id)) == 2
    verdict = judged(store, old)
    assert (
        not verdict.is_taken and not verdict.is_refused and "older than what the study has of R01" in verdict.sentence
    )
    assert store.collected() == (kept,)


def test_what_was_read_on_two_computers_is_refused_naming_the_first_row_that_differs(
    store: StudyStore, study: Path, inbox: Path, tmp_path: Path
) -> None:
    package = study / "packages/R01"
    first = json.loads(read_package(package, five, exams=1, to=inbox).read_text())["events"]
    copy = Path(shutil.copytree(package, tmp_path / "copy"))
    assert judged(store, read_package(package, five, to=inbox)).is_taken
    # after the last row of the first file the sitting ends, in both alike; then each goes its own way
    other = read_package(copy, lambda position, side: 6, to=inbox / "other.json")
    assert first[-1]["type"] == "export"
    refused(store, other, f"Row {len(first) + 2} of its trail differs", "R01", "two computers")


def test_a_new_computer_is_told_with_its_row(store: StudyStore, study: Path, inbox: Path, home: Path) -> None:
    package = study / "packages/R01"
    judged(store, read_package(package, five, exams=1, to=inbox))
    shutil.rmtree(home)  # and with it the key
    path = read_package(package, five, to=inbox)
    events = json.loads(path.read_text())["events"]
    row = [event["seq"] for event in events if event["type"] == "install"][1]
    verdict = judged(store, path)
    assert verdict.is_taken and f"another computer than that (row {row} of its trail)" in verdict.sentence


# --- files that were not written by the reader's app ---


@pytest.mark.parametrize("score", ["11", "7.5", "-1", '"7"'])
def test_a_score_that_is_none_is_refused_whoever_signed_it(
    store: StudyStore, study: Path, inbox: Path, home: Path, score: str
) -> None:
    package = open_package(study / "packages/R01")
    path = read_package(package.folder, five, to=inbox)
    form = json.loads(path.read_text())
    event = next(event for event in form["events"] if event["type"] == "score_set")
    event["new"] = score
    path.write_text(json.dumps(form))
    refused(store, path, "cannot be used")  # as anybody can do it
    rechain(form["events"])
    form["trail_head"] = form["events"][-1]["hash"]
    resign(path, form, key_of(home, package))
    refused(store, path, f"row {event['seq']} of its trail is impossible")  # as only the reader could


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"null", b"[" * 100_000, b"\xff\xfe", b"PK\x03\x04", b"SQLite format 3\0" + bytes(4096)]
)
def test_other_files_are_refused(store: StudyStore, inbox: Path, content: bytes) -> None:
    path = inbox / "results-R01.json"
    path.write_bytes(content)
    refused(store, path, "cannot be used", "Ask the reader to send the file again")


def test_a_link_is_refused(store: StudyStore, study: Path, inbox: Path) -> None:
    path = inbox / "link.json"
    path.symlink_to(read_package(study / "packages/R01", five))
    refused(store, path, "link")


def test_a_file_with_half_its_bytes_is_refused(store: StudyStore, study: Path, inbox: Path) -> None:
    path = read_package(study / "packages/R01", five, to=inbox)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(store, path, "cannot be used")


def test_results_of_another_study_are_refused(store: StudyStore, inbox: Path, tmp_path: Path) -> None:
    package = make_package(tmp_path / "other" / "R01", 2, 1, make_protocol(), (12, 14, 10))
    refused(store, read_package(package, five, to=inbox), "another study", "A made-up study")


def _of_this_study(store: StudyStore, folder: Path, reader: str, package_id: str) -> Path:
    """A package that somebody else made, with all that can be copied from one that was handed out."""
    opening = store.opening
    assert opening
    protocol = replace(make_protocol(), study_id=opening.study_id)
    return make_package(folder, 3, 1, protocol, (12, 14, 10), reader_code=reader, package_id=package_id)


def test_a_package_that_was_not_handed_out_is_refused(store: StudyStore, inbox: Path, tmp_path: Path) -> None:
    package = _of_this_study(store, tmp_path / "X", "R01", "0123456789abcdef")
    refused(store, read_package(package, five, to=inbox), "R01", "not handed out")


def test_a_package_whose_export_was_interrupted_is_refused_until_it_is_run_again(
    store: StudyStore, study: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was drawn and written, and the program ended before it was put down."""
    path = read_package(study / "packages/R01", five, to=inbox)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(store, "handed_out", lambda: ())
        refused(store, path, "package of reader R01 is not recorded as handed out",
                "Run the export once more (`study-admin export`), then collect again.")  # fmt: skip
    assert judged(store, path).is_taken


@pytest.mark.parametrize("reader", ["R01", "R02"])
def test_a_package_with_another_design_is_refused(store: StudyStore, inbox: Path, tmp_path: Path, reader: str) -> None:
    """It has the id of the package of R01, but other exams; or the code of another reader."""
    package_id = store.handed_out()[0].package_id
    package = _of_this_study(store, tmp_path / "X", reader, package_id)
    refused(store, read_package(package, five, to=inbox), "not the one that was handed out to R01")


@pytest.mark.parametrize(
    "name", ["results-\u202egnp.json", "results-\n\x1b[31m.json", "=1+1.json", "x" * 240 + ".json"]
)
def test_odd_file_names_are_no_trouble(store: StudyStore, study: Path, inbox: Path, name: str) -> None:
    path = read_package(study / "packages/R01", five, to=inbox).rename(inbox / name)
    verdict = judged(store, path)
    assert verdict.is_taken
    assert "\u202e" not in verdict.sentence and "\x1b" not in verdict.sentence
    bad = inbox / f"bad-{name}"[:250]
    bad.write_bytes(b"{}")
    assert judged(store, bad).is_refused


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\u2028"])
def test_a_line_break_in_a_file_name_fakes_no_second_line(
    store: StudyStore, study: Path, inbox: Path, mark: str
) -> None:
    path = read_package(study / "packages/R01", five, to=inbox).rename(inbox / f"results-evil{mark}name.json")
    verdict = judged(store, path)
    assert verdict.is_taken and verdict.sentence.startswith("results-evil name.json: taken.")
    bad, gone = inbox / f"bad{mark}name.json", inbox / f"gone{mark}name.json"
    bad.write_bytes(b"{}")
    sentences = [verdict.sentence, judged(store, bad).sentence, judged(store, path).sentence]
    assert store.audit()[-1].subject == "bad name.json"
    sentences.append(judged(store, gone).sentence)
    assert [len(sentence.splitlines()) for sentence in sentences] == [1, 1, 1, 1]
    assert "bad name.json: " in sentences[1] and "gone name.json: " in sentences[3]


# --- two who collect at once ---


def interleaved(
    monkeypatch: pytest.MonkeyPatch, store: StudyStore, study: Path, path: Path, others: list[Path]
) -> Verdict:
    """Collect a file while a second program, which began after us, takes others in the moment before ours is kept."""
    keep = store.record_collected

    def overtaken(content: bytes, results: Results, name: str, *, after: str | None) -> None:
        if others:
            with StudyStore.open(study / "study.sqlite", who="B. Other") as second:
                assert judged(second, others.pop(0)).is_taken
        keep(content, results, name, after=after)

    monkeypatch.setattr(store, "record_collected", overtaken)
    return judged(store, path)


def test_an_older_file_never_replaces_a_newer_one_that_somebody_else_takes_meanwhile(
    monkeypatch: pytest.MonkeyPatch, store: StudyStore, study: Path, inbox: Path
) -> None:
    package = study / "packages/R01"
    old = read_package(package, five, exams=1, to=inbox).rename(inbox / "old.json")
    new = read_package(package, five, to=inbox)
    verdict = interleaved(monkeypatch, store, study, old, [new])
    assert not verdict.is_taken and not verdict.is_refused and "older than what the study has" in verdict.sentence
    (kept,) = store.collected()
    assert (kept.who, kept.results) == ("B. Other", read_results(new)) and not kept.results.is_incomplete
    store.verify_audit()


def test_a_newer_file_is_judged_again_and_follows_the_older_one_that_somebody_else_takes_meanwhile(
    monkeypatch: pytest.MonkeyPatch, store: StudyStore, study: Path, inbox: Path
) -> None:
    package = study / "packages/R01"
    old = read_package(package, five, exams=1, to=inbox).rename(inbox / "old.json")
    new = read_package(package, five, to=inbox)
    verdict = interleaved(monkeypatch, store, study, new, [old])
    assert verdict.is_taken and "replaces an earlier version" in verdict.sentence
    kept = store.collected_history(store.collected()[0].package_id)
    assert [item.results for item in kept] == [read_results(old), read_results(new)]


def test_another_trail_that_somebody_else_takes_meanwhile_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch, store: StudyStore, study: Path, inbox: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(study / "packages/R01", tmp_path / "copy"))
    first = read_package(study / "packages/R01", five, exams=1, to=inbox).rename(inbox / "first.json")
    other = read_package(copy, lambda position, side: 6, to=inbox)
    verdict = interleaved(monkeypatch, store, study, other, [first])
    assert verdict.is_refused and "of its trail differs" in verdict.sentence
    assert [item.results for item in store.collected()] == [read_results(first)]


def test_who_is_overtaken_again_and_again_gives_up_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, store: StudyStore, study: Path, inbox: Path
) -> None:
    tries = []

    def overtaken(content: bytes, results: Results, name: str, *, after: str | None) -> None:
        tries.append(after)
        raise OvertakenError("Other results of R01 were collected at this moment.", file=name, remedy="Again.")

    path = read_package(study / "packages/R01", five, to=inbox)
    monkeypatch.setattr(store, "record_collected", overtaken)
    refused(store, path, "at this moment")
    assert 1 < len(tries) < 10


# --- many at once ---


def test_a_folder_is_searched_for_results_and_each_gets_a_verdict(store: StudyStore, study: Path) -> None:
    for reader in ("R01", "R02"):
        read_package(study / "packages" / reader, five)
    (study / "packages/R01/results-bad.json").write_bytes(b"{}")
    (study / "packages/.R09.partial").mkdir()
    (study / "packages/.R09.partial/results-hidden.json").write_bytes(b"{}")
    (study / "packages/results-link.json").symlink_to(study / "packages/R01/manifest.json")
    steps: list[tuple[int, int]] = []
    verdicts = collect(store, [study / "packages"], lambda done, total: steps.append((done, total)))
    assert [(v.path.parent.name, v.is_taken) for v in verdicts] == [("R01", True), ("R01", False), ("R02", True)]
    assert steps == [(0, 3), (1, 3), (2, 3)]


def test_a_file_that_is_named_twice_is_judged_once(store: StudyStore, study: Path) -> None:
    path = read_package(study / "packages/R01", five)
    assert len(collect(store, [path, path.parent, path])) == 1


def test_paths_that_lead_nowhere_are_told_and_leave_no_trace(store: StudyStore, inbox: Path) -> None:
    rows = len(store.audit())
    nowhere, empty = collect(store, [inbox / "nix.json", inbox])
    assert nowhere.is_refused and "no such file" in nowhere.sentence
    assert empty.is_refused and "no results file" in empty.sentence
    assert len(store.audit()) == rows


class _StopError(Exception):
    pass


def test_what_was_taken_before_an_interruption_stays(store: StudyStore, study: Path) -> None:
    for reader in ("R01", "R02"):
        read_package(study / "packages" / reader, five)

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise _StopError

    with pytest.raises(_StopError):
        collect(store, [study / "packages"], stop)
    assert [item.reader for item in store.collected()] == ["R01"]
    assert [v.is_taken for v in collect(store, [study / "packages"])] == [False, True]


def test_nothing_is_taken_after_locking(store: StudyStore, study: Path) -> None:
    path = read_package(study / "packages/R01", five)
    store.lock("for the test")
    assert store.stage is Stage.LOCKED
    with pytest.raises(StudyError, match="the study is locked"):
        collect(store, [path])
    assert store.collected() == ()


def test_no_sentence_and_no_audit_row_tells_an_arm_or_a_score(store: StudyStore, study: Path, inbox: Path) -> None:
    rows = len(store.audit())
    path = read_package(study / "packages/R01", five, to=inbox)
    words = [verdict.sentence for verdict in collect(store, [path, path])]
    words += [row.old + row.new + row.why for row in store.audit()[rows:]]
    for word in ("machine", "by hand"):
        assert word not in " ".join(words)


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d + b" ", lambda d: d.replace(b'"5"', b'"6"', 1)])
def test_any_other_byte_is_refused(
    store: StudyStore, study: Path, inbox: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = read_package(study / "packages/R01", five, to=inbox)
    path.write_bytes(spoil(path.read_bytes()))
    refused(store, path, "cannot be used")
