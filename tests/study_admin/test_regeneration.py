"""Drawing a study again: by the command's code, and by a third party who has read the algorithm and nothing else."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin.blinding import key
from study_admin.blinding.allocation import allocate
from study_admin.blinding.export import KEY, PUBLIC, THIRD_KEY, Sealing, seal_study
from study_admin.blinding.key import Allocation
from study_admin.blinding.plan import Plan
from study_admin.blinding.public import read_public
from study_admin.blinding.randomisation import writing_order
from study_admin.blinding.regeneration import regenerate
from study_admin.design import Arm, Closing, Exam, GroupSize, Study, StudyType, source_guess
from study_admin.records import SourceFile

pytestmark = pytest.mark.usefixtures("quick_seal")

ARMS = (Arm("hand", ("h",)), Arm("machine", ("m",)))
PASSPHRASE, THIRD = "gravel otter thimble coast lantern fig", "six other words of somebody neutral"
SEALING = Sealing(PASSPHRASE, THIRD, seed=hashlib.sha256(b"a seed for tests").digest())
READERS = ("R01", "R02", "R03", "R04", "R05")


def study_of(study_type: StudyType) -> Study:
    exams = tuple(Exam(f"case{n:02}", Path("t"), Path("f"), {}, is_practice=n < 2) for n in range(11))
    closing = (source_guess(2), Closing("Any?", ("Yes", "No")))
    return Study(ARMS, exams, READERS, (GroupSize(3, 5), GroupSize(2, 4)), study_type=study_type, closing=closing)


FILES = tuple(SourceFile(f"case{n:02}", "T1c", "somewhere", f"{n:064x}") for n in range(11))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    seal_study(study_of(StudyType.BALANCED), {"R04": 1}, tmp_path / "keys", SEALING, FILES)
    return tmp_path / "keys"


def again(keys: Path) -> str:
    """The first difference."""
    found = regenerate(keys / KEY, PASSPHRASE, keys / PUBLIC)
    assert found.is_equal == (found.first_difference == "")
    assert "hand" not in found.first_difference and "machine" not in found.first_difference
    return found.first_difference


@pytest.mark.parametrize("study_type", list(StudyType))
def test_what_was_sealed_is_drawn_again(study_type: StudyType, tmp_path: Path) -> None:
    seal_study(study_of(study_type), {"R04": 1}, tmp_path / "keys", SEALING, FILES)
    assert again(tmp_path / "keys") == ""
    assert regenerate(tmp_path / "keys" / THIRD_KEY, THIRD, tmp_path / "keys" / PUBLIC).is_equal


def reseal(keys: Path, change: Callable[[Allocation], Allocation]) -> None:
    allocation = key.open_allocation(keys / KEY, PASSPHRASE)
    (keys / KEY).write_bytes(key.seal_allocation(change(allocation), PASSPHRASE))


def with_plan(allocation: Allocation, **changes: Any) -> Allocation:
    return replace(allocation, plan=replace(allocation.plan, **changes))


def with_question(allocation: Allocation, place: int, **changes: Any) -> Allocation:
    before, after = allocation.questions[:place], allocation.questions[place + 1 :]
    return replace(allocation, questions=(*before, replace(allocation.questions[place], **changes), *after))


def rewrite(keys: Path, change: Callable[[Any], object]) -> None:
    content = json.loads((keys / PUBLIC).read_text(encoding="utf-8"))
    change(content)
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (keys / PUBLIC).write_text(text, encoding="utf-8")


def test_a_swapped_side_in_the_key_is_found(keys: Path) -> None:
    def swap(a: Allocation) -> Allocation:
        place = next(n for n, r in enumerate(a.readings) if (r.reader, r.position, r.is_practice) == ("R03", 2, False))
        one = a.readings[place]
        other = replace(one, arm_a=one.arm_b, arm_b=one.arm_a)
        return replace(a, readings=(*a.readings[:place], other, *a.readings[place + 1 :]))

    reseal(keys, swap)
    # two practice exams come before it
    assert again(keys) == "Reading 4 of R03: the sides drawn anew are others than those in the sealed key."


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda a: replace(a, readings=a.readings[:-1]), r"There are 33 readings drawn anew, 32 in the sealed key\."),
        (lambda a: replace(a, plan=replace(a.plan, arms=a.plan.arms[::-1])), r"its arms in study\.json and in the se"),
        (lambda a: replace(a, plan=replace(a.plan, chosen={})), r"The plan differs: its chosen in study\.json and"),
        (lambda a: with_plan(a, closing=(3, 0)), r"The plan differs: its closing in study\.json and in the sealed key"),
        (lambda a: with_plan(a, design_sha256="0" * 64), r"The plan differs: its design sha256 in study\.json and in"),
        (lambda a: with_plan(a, texts_sha256={}), r"The plan differs: its texts sha256 in study\.json and in"),
        (lambda a: with_plan(a, sources_sha256=""), r"The plan differs: its sources sha256 in study\.json and in"),
        (
            lambda a: with_question(a, 3, reading_id=a.questions[4].reading_id),
            r"^Closing question 1 of R02: reading id",
        ),
        (
            lambda a: with_question(a, 2, question_id="0" * 16),
            r"^Closing question 2 of R01: question id [0-9a-f]{16} d",
        ),
        (lambda a: replace(a, questions=a.questions[:-1]), r"15 closing questions drawn anew, 14 in the sealed key\."),
        (lambda a: replace(a, seed=bytes(32)), r"The study's identifier drawn anew and in the sealed key differ\."),
        (lambda a: replace(a, exam_groups=a.exam_groups[::-1]), r"Group 1, exams: drawn anew case\d\d, .*; in the sea"),
    ],
)
def test_what_differs_in_the_key(keys: Path, change: Callable[[Allocation], Allocation], difference: str) -> None:
    """33 readings: 5 readers practise twice, 3 read 5 exams, 2 read 4: 10 + 15 + 8."""
    reseal(keys, change)
    assert re.search(difference, again(keys))


def test_what_differs_in_the_public_file(keys: Path) -> None:
    whole = (keys / PUBLIC).read_bytes()

    def exchange(content: Any) -> None:
        one, two = (r for r in content["opening"]["readings"] if r["reader"] == "R02" and r["position"] in (3, 4))
        one["exam"], two["exam"] = two["exam"], one["exam"]

    opening = read_public(keys / PUBLIC).opening
    third, fourth = (r.exam for r in opening.readings if r.reader == "R02" and r.position in (3, 4))
    rewrite(keys, exchange)
    assert again(keys) == f"Reading 5 of R02: exam {third} drawn anew, {fourth} in study.json."
    (keys / PUBLIC).write_bytes(whole)
    rewrite(keys, lambda content: content["opening"].update(commitment="0" * 64))
    assert again(keys) == "The commitment of study.json is another one than that of the new draw."
    (keys / PUBLIC).write_bytes(whole)
    rewrite(keys, lambda content: content["opening"]["reader_groups"].reverse())
    assert again(keys).startswith("Group 1, readers: drawn anew ")
    (keys / PUBLIC).write_bytes(whole)
    rewrite(keys, lambda content: content["questions"][3].update(reading_id=content["questions"][4]["reading_id"]))
    assert again(keys).startswith("Closing question 1 of R02: reading id ")
    (keys / PUBLIC).write_bytes(whole)
    rewrite(keys, lambda content: content["plan"].update(design_sha256="0" * 64))
    assert again(keys).startswith("The plan differs: its design sha256 in study.json")
    (keys / PUBLIC).write_bytes(whole)
    assert again(keys) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format_version=[3, 0]), "written by a newer version"),
        (lambda content: content.update(format="x"), "no study.json of Blindread, or it was altered"),
        (lambda content: content.update(more=1), "no study.json of Blindread, or it was altered"),
        (lambda content: content["plan"].pop("sizes"), "no study.json of Blindread, or it was altered"),
        (lambda content: content["plan"].update(chosen={"R04": "1"}), "no study.json of Blindread, or it was altered"),
        (lambda content: content["opening"]["readings"][0].update(position="1"), "or it was altered"),
        (lambda content: content["questions"][0].update(number="1"), "or it was altered"),
        (lambda content: content["questions"][0].pop("reader"), "or it was altered"),
        (lambda content: content["plan"].update(closing=["2", 0]), "or it was altered"),
        (lambda content: content["opening"].update(algorithm="dice"), "It was drawn by 'dice'; this version draws by"),
        (lambda content: content["opening"].update(study_id="0" * 16), "key of another study"),
        (lambda content: content["plan"]["sizes"].pop(), "The groups hold 5 exams, but the study has 9"),
    ],
)
def test_public_files_that_are_refused(keys: Path, change: Callable[[Any], object], message: str) -> None:
    rewrite(keys, change)
    with pytest.raises(StudyError, match=message):
        again(keys)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_public_file(keys: Path, data: bytes) -> None:
    (keys / PUBLIC).write_bytes(data)
    with pytest.raises(StudyError, match=r"no study\.json of Blindread"):
        again(keys)


# --- the third party: the docstring of randomisation.py, numbered as there, in other words and data structures ---


class ThirdParty:
    """Point 1 and 2: raw words of PCG64 per label, remainders, Fisher-Yates."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def words(self, label: str) -> "np.random.PCG64":
        entropy = int(hmac.digest(self.seed, b"stream|" + label.encode(), "sha256").hex(), 16)
        return np.random.PCG64(np.random.SeedSequence(entropy, pool_size=8))

    @staticmethod
    def below(words: "np.random.PCG64", n: int) -> int:
        largest_multiple = (1 << 64) // n * n
        word = int(words.random_raw())
        while word >= largest_multiple:
            word = int(words.random_raw())
        return word % n

    def shuffle(self, words: "np.random.PCG64", items: list[Any]) -> list[Any]:
        items = items[:]
        i = len(items) - 1
        while i >= 1:
            j = self.below(words, i + 1)
            items[i], items[j] = items[j], items[i]
            i -= 1
        return items

    def identifier(self, label: str) -> str:
        return hmac.digest(self.seed, b"id|" + label.encode(), "sha256")[:8].hex()

    def groups(self, plan: Plan) -> list[tuple[list[str], list[str]]]:
        """Points 3 and 4: (exams, readers) of each group."""
        exams = self.shuffle(self.words("exam groups"), list(plan.exams))
        free = self.shuffle(self.words("reader groups"), [r for r in plan.readers if r not in plan.chosen])
        found = []
        for g, size in enumerate(plan.sizes, 1):
            mine, exams = exams[: size.exams], exams[size.exams :]
            members = [r for r in plan.chosen if plan.chosen[r] == g]
            while len(members) < size.readers:
                members.append(free.pop(0))
            found.append((sorted(mine, key=plan.exams.index), sorted(members, key=plan.readers.index)))
        return found

    def orders(self, label: str, rows: int, columns: int) -> list[list[int]]:
        """Point 5, for groups with more orders than readers."""
        words, found = self.words(label), list[list[int]]()
        while len(found) < rows:
            order = self.shuffle(words, list(range(columns)))
            if order not in found:
                found.append(order)
        return found

    def sides(self, label: str, plan: Plan, rows: int, columns: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Point 6, with the docstring of `balanced_sides`."""
        words = self.words(label)
        if plan.study_type is StudyType.AS_PUBLISHED:
            return np.tile([self.below(words, 2) == 1 for _ in range(columns)], (rows, 1))
        flip = self.below(words, 2)
        r, c = self.shuffle(words, list(range(rows))), self.shuffle(words, list(range(columns)))
        sides = (np.add.outer(r, c) + flip) % 2 == 1
        for _ in range(10 * rows if rows > 1 else 0):
            one = self.below(words, rows)
            other = (one + 1 + self.below(words, rows - 1)) % rows
            differing = np.flatnonzero(sides[one] != sides[other])
            held = int(sides[one, differing].sum())
            taken = self.shuffle(words, differing.tolist())
            sides[one, taken[:held]], sides[other, taken[:held]] = True, False
            sides[one, taken[held:]], sides[other, taken[held:]] = False, True
        return sides

    def table(self, plan: Plan) -> dict[str, tuple[str, str, int, bool, str]]:
        """Points 7 and 8: by identifier, (reader, exam, position, is practice, arm on A)."""
        found = {}
        practice = self.sides("practice sides", plan, len(plan.readers), len(plan.practice))
        for g, (exams, readers) in enumerate(self.groups(plan), 1):
            orders = self.orders(f"order|{g}", len(readers), len(exams))
            sides = self.sides(f"sides|{g}", plan, len(readers), len(exams))
            for m, reader in enumerate(readers):
                row = plan.readers.index(reader)
                for p, exam in enumerate(plan.practice):
                    name = self.identifier(f"reading|{row}|{p + 1}")
                    found[name] = (reader, exam, p + 1, True, plan.arms[0 if practice[row, p] else 1])
                for p, column in enumerate(orders[m]):
                    name = self.identifier(f"reading|{row}|{len(plan.practice) + p + 1}")
                    found[name] = (reader, exams[column], p + 1, False, plan.arms[0 if sides[m, column] else 1])
        return found

    def questions(self, plan: Plan) -> list[tuple[str, str, int, str | None]]:
        """Point 9: (identifier, reader, number of the question from 1, reading)."""
        table, found = self.table(plan), []
        for row, reader in enumerate(plan.readers):
            counted = sorted(
                name for name, (who, _, _, is_practice, _) in table.items() if who == reader and not is_practice
            )
            for number, k in enumerate(plan.closing):
                order = self.shuffle(self.words(f"closing|{row}|{number}"), counted)
                for place in range(max(k, 1)):
                    name = self.identifier(f"closing|{row}|{number}|{place}")
                    found.append((name, reader, number + 1, order[place] if k else None))
        return found


@pytest.mark.parametrize("study_type", list(StudyType))
def test_a_third_party_draws_the_same(study_type: StudyType) -> None:
    plan = Plan(
        study_type=study_type,
        arms=("hand", "machine"),
        readers=tuple(f"R{n:02}" for n in range(1, 10)),
        exams=tuple(f"case{n:02}" for n in range(1, 26)),
        practice=("p1", "p2", "p3"),
        sizes=(GroupSize(4, 8), GroupSize(2, 7), GroupSize(3, 10)),
        chosen={"R07": 2, "R02": 3},
        closing=(0, 4, 7),
        design_sha256="",
        texts_sha256={},
        sources_sha256="",
    )
    for number in range(20):
        seed = hashlib.sha256(b"third party %d" % number).digest()
        ours = allocate(plan, seed)
        theirs = ThirdParty(seed)
        assert {
            r.reading_id: (r.reader, r.exam, r.position, r.is_practice, r.arm_a) for r in ours.readings
        } == theirs.table(plan)
        assert [(q.question_id, q.reader, q.number, q.reading_id) for q in ours.questions] == theirs.questions(plan)
        images = [f"{r.reading_id}_{part}" for r in ours.readings for part in ("T1c", "B", "FLAIR", "A")]
        assert writing_order(seed, 4, images) == theirs.shuffle(theirs.words("writing|4"), sorted(images))
        assert ours.study_id == theirs.identifier("study")
        assert ours.package_id("R03") == theirs.identifier("package|2")
