"""study.toml: read strictly, written with every key, and the same again."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader_app.session.model import Anchor, Revision, Scale
from segmentation.errors import StudyError
from study_admin.design import Arm, Closing, Exam, GroupSize, Heads, MaskRule, StudyProblemsError, StudyType
from study_admin.study_file import EXAMPLE, StudyFile, read_closing, read_study_file, to_toml

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("net", ("net.nii.gz",)))
MINIMAL = """\
[[arm]]
name = "hand"
masks = "hand.nii.gz"

[[arm]]
name = "net"
masks = "net.nii.gz"
"""
FULL = StudyFile(
    arms=(Arm("team", ("t1c_*", "flair_*"), is_consensus=True), ARMS[1]),
    title='Tumour "outlines", ÄÖ',
    version="2.1",
    study_type=StudyType.AS_PUBLISHED,
    revision=Revision.UNTIL_NEXT,
    is_surface_allowed=True,
    instruction=("First page.\nTwo lines.", "Second \\ page."),
    t1c="*t1c*.nii.gz",
    flair="*flair*.nii.gz",
    practice=("p1", "p2"),
    left_out=("x*",),
    heads=Heads.BRAIN_ONLY,
    brain_mask="brain.nii.gz",
    mask_rule=MaskRule.NONZERO,
    are_empty_masks_allowed=True,
    question="How good?",
    minimum=1,
    maximum=5,
    anchors=(Anchor(1, "bad"), Anchor(5, "good")),
    groups=3,
    readers_per_group=(2, 2, 1),
    exams_per_group="all",
    readers=("A1", "A2", "B1", "B2", "C1"),
    guesses=4,
    computer="team",
    closing=(
        Closing("Whose is A?", ("A", "B"), "Sure?", ("Very", "A bit"), 2, "team"),
        Closing("Was it long?", ("Yes", "No")),
    ),
    alpha=0.025,
    non_inferiority_margin=0.75,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def exams(count: int, practice: int = 0) -> tuple[Exam, ...]:
    return tuple(
        Exam(f"case{n:03}", Path("t"), Path("f"), {}, is_practice=n < practice) for n in range(count + practice)
    )


def test_a_short_file_has_the_published_defaults(tmp_path: Path) -> None:
    """Mitchell et al. 2020, section 2.4: 5 groups of 20 exams and 4 readers, scores from 0 to 10."""
    design = read_study_file(written(tmp_path, MINIMAL))
    assert design == StudyFile(arms=ARMS)
    study = design.study(exams(100, practice=2))
    study.check()
    assert study.groups == (GroupSize(4, 20),) * 5
    assert (study.readers[0], study.readers[19], len(study.readers)) == ("R01", "R20", 20)
    labels = ["no match", "very poor match", "poor match", "good match", "very good match", "perfect match"]
    assert study.scale == Scale(0, 10, tuple(map(Anchor, (0, 2, 4, 6, 8, 10), labels)))
    assert study.closing == ()


def test_nothing_of_a_full_design_is_lost(tmp_path: Path) -> None:
    plain = StudyFile(arms=ARMS)
    assert not [f.name for f in fields(FULL) if getattr(FULL, f.name) == getattr(plain, f.name)]  # all are exercised
    assert read_study_file(written(tmp_path, to_toml(FULL))) == FULL
    study = FULL.study(exams(8))
    assert study.groups == (GroupSize(2, 3), GroupSize(2, 3), GroupSize(1, 2))
    assert (study.readers, study.heads, study.scale.maximum) == (FULL.readers, Heads.BRAIN_ONLY, 5)
    assert [question.exams for question in study.closing] == [2, 0, 4]
    assert study.closing[2].choices == ("A", "B", "Don't know")
    assert [question.asks_for for question in study.closing] == ["team", "", "team"]
    assert replace(FULL, computer="").study(exams(8)).closing[2].asks_for == ARMS[1].name  # the second, as explained
    for name in ("title", "version", "study_type", "revision", "is_surface_allowed", "instruction", "mask_rule",
                 "are_empty_masks_allowed", "question", "alpha", "non_inferiority_margin"):  # fmt: skip
        assert getattr(study, name) == getattr(FULL, name)


def test_the_example_explains_every_key_and_is_a_design(tmp_path: Path) -> None:
    design = read_study_file(written(tmp_path, EXAMPLE))
    design.study(exams(100)).check()
    without_comments = "\n".join(line for line in EXAMPLE.split("\n") if not line.startswith("# "))
    assert read_study_file(written(tmp_path, without_comments)) == design
    lines = EXAMPLE.split("\n")
    keys = [n for n, line in enumerate(lines) if re.match(r"(# )?\w+ = ", line)]
    assert len(keys) >= 29
    assert all(lines[n - 1].startswith("# ") for n in keys)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)


@given(title=texts, pages=st.lists(texts, max_size=3), alpha=st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, title: str, pages: list[str], alpha: float
) -> None:
    design = replace(FULL, title=title, instruction=tuple(pages), alpha=alpha)
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(to_toml(design), encoding="utf-8", newline="\n")
    assert read_study_file(path) == design


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[study]\ntitel = 'x'\n", 2, "titel is no key of [study]. Did you mean title?"),
        ("[study]\ntitle = 5\n", 2, "title isn't right. It has to be a text in quotes"),
        ("[study]\ntitle = ' '\n", 2, "title isn't right."),
        ("[study]\ntype = 'balancd'\n", 2, 'It has to be "as-published" or "balanced".'),
        ("[study]\nsurface = 1\n", 2, "It has to be true or false."),
        ("[grups]\ncount = 5\n", 1, "[grups] is no section of a design. Did you mean groups?"),
        ("[groups]\n\ncount = true\n", 3, "count isn't right. It has to be a whole number, 1 or more."),
        ("[groups]\ncount = 2\nreaders_per_group = [4, 4, 4]\n", 3, "readers_per_group has 3 numbers, but there are 2"),
        ("[groups]\nexams_per_group = [20, 0]\n", 2, "exams_per_group isn't right."),
        ("[groups]\nexams_per_group = 'some'\n", 2, 'or "all"'),
        ("[groups]\nreaders_per_group = 'all'\n", 1, "no reader is named"),
        ("[readers]\ncodes = 'R01'\n", 2, "It has to be a list of texts"),
        ("[scale]\nanchors = { low = 'bad' }\n", 2, "a table of scores and their names"),
        ("[analysis]\nalpha = '5 %'\n", 2, "It has to be a number."),
        ("[blinding]\nguesses = -1\n", 2, "0 or more"),
        ("[images]\nt1c = ['a', 'b']\n", 2, "t1c isn't right."),
        ("[closing]\ntext = 'Why?'\n", 1, "Begin each with [[closing]]."),
        ("[[closing]]\ntext = 'Why?'\nchoices = ['so']\n", 3, "two choices or more"),
        ("[[closing]]\ntext = 'Why?'\n", 1, "choices is missing in [[closing]]"),
        ("[[study]]\ntitle = 'x'\n", 1, "Begin it with [study]."),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = written(tmp_path, text + MINIMAL)
    with pytest.raises(StudyProblemsError) as error:
        read_study_file(path)
    (problem,) = error.value.problems
    assert str(problem).startswith(f"{path}, line {line}: ")
    assert message in str(problem)


def test_mistakes_in_an_arm(tmp_path: Path) -> None:
    wrong = MINIMAL.replace('masks = "net.nii.gz"', "masks = []\nconsensus = 'yes'").replace('name = "hand"\n', "")
    path = written(tmp_path, wrong)
    with pytest.raises(StudyProblemsError) as error:
        read_study_file(path)
    found = [str(problem).removeprefix(f"{path}, line ") for problem in error.value.problems]
    assert [text.split(" ")[:2] for text in found] == [["1:", "name"], ["6:", "masks"], ["7:", "consensus"]]


@pytest.mark.parametrize(("text", "count"), [("", "0 are"), (MINIMAL.split("\n\n")[0], "1 is"), (MINIMAL * 2, "4 are")])
def test_two_arms_and_no_other_number(tmp_path: Path, text: str, count: str) -> None:
    with pytest.raises(StudyProblemsError, match=f"compares two arms, and {count} there"):
        read_study_file(written(tmp_path, text))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[study\n", "no TOML: .*line 1"),
        (b"[study]\ntitle = unquoted\n", "no TOML"),
        ("[study]\ntitle = 'x'\n".encode("utf-16"), "no text file"),
        (b"#" * (2**20 + 1), "no text file"),
    ],
)
def test_what_is_no_design(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(data)
    with pytest.raises(StudyError, match=message) as error:
        read_study_file(path)
    assert str(error.value).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="can't be read"):
        read_study_file(tmp_path / "study.toml")


def test_as_an_editor_of_windows_saves_it(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(MINIMAL.replace("\n", "\r\n").encode("utf-8-sig"))
    assert read_study_file(path) == StudyFile(arms=ARMS)


def test_shares_add_up() -> None:
    """20 readers and 103 exams over 3 groups: 7 + 7 + 6 and 35 + 34 + 34."""
    codes = tuple(f"R{n:02}" for n in range(20))
    study = StudyFile(ARMS, groups=3, readers_per_group="all", exams_per_group="all", readers=codes).study(exams(103))
    assert study.groups == (GroupSize(7, 35), GroupSize(7, 34), GroupSize(6, 34))


def test_codes_of_many_readers_are_equally_long() -> None:
    readers = StudyFile(ARMS, groups=2, readers_per_group=60).study(exams(40)).readers
    assert (readers[0], readers[-1]) == ("R001", "R120")


def test_closing_questions_in_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "closing.toml"
    path.write_text("[[question]]\ntext = 'Why?'\nchoices = ['so', 'so not']\nexams = 3\n")
    assert read_closing(path) == (Closing("Why?", ("so", "so not"), exams=3),)
    path.write_text("[[question]]\ntext = 'Why?'\nchoises = ['so', 'so not']\n")
    with pytest.raises(StudyProblemsError, match=r"line 3: choises is no key of \[question\]. Did you mean choices"):
        read_closing(path)
    for text in ("", "[study]\n", "question = 1\n", "[[question]\n"):
        path.write_text(text)
        with pytest.raises(StudyError, match="question"):
            read_closing(path)
