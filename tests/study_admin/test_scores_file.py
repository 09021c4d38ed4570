"""Tables of scores from anywhere: read as what they are, or refused in a sentence with the line and the remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.errors import StudyError
from study_admin.scores_file import ScoresFile, mapping_of, read_scores

PAPER = Path(__file__).parent / "statistics" / "reference" / "paper.csv"
WIDE = """\
reader,group,exam,position,side_of_hand,score_hand,score_net,seconds
R01,G1,E1,1,A,7,8,41.5
R01,G1,E2,2,B,5,5,30
R02,G1,E1,2,B,6,9,
R02,G1,E2,1,A,,4,22
"""
LONG = """\
reader,group,exam,position,source,side,score,seconds
R01,G1,E1,1,hand,A,7,41.5
R01,G1,E1,1,net,B,8,41.5
R01,G1,E2,2,hand,B,5,30
R01,G1,E2,2,net,A,5,30
R02,G1,E1,2,hand,B,6,
R02,G1,E1,2,net,A,9,
R02,G1,E2,1,net,B,4,22
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes, name: str = "scores.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return written


def as_rows(scores: ScoresFile) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By reader and exam: both scores, place, side of the first arm, seconds; None for what is not known."""
    table = scores.pairs
    return {
        (table.readers[table.reader[n]], table.exams[table.exam[n]]): tuple(
            None if each != each else each
            for each in (table.first[n], table.second[n], table.position[n], str(table.side_of_first[n]),
                         table.seconds[n])
        )
        for n in range(len(table))
    }  # fmt: skip


# By hand from WIDE
ROWS = {
    ("R01", "E1"): (7, 8, 1, "A", 41.5),
    ("R01", "E2"): (5, 5, 2, "B", 30),
    ("R02", "E1"): (6, 9, 2, "B", None),
    ("R02", "E2"): (None, 4, 1, "A", 22),
}


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(StudyError) as refused:
        read_scores(path, **options)
    assert refused.value.remedy
    return str(refused.value)


# --- what is read ---


def test_the_frozen_table_is_known_without_options() -> None:
    """statistics.md, section 3: 400 pairs of 20 readers and 100 exams in 5 groups, mean difference 0.34."""
    scores = read_scores(PAPER)
    assert (scores.shape, scores.arms, scores.scale) == ("wide", ("technician", "dl"), (0, 10))
    assert (len(scores.pairs), len(scores.pairs.readers), len(scores.pairs.exams)) == (400, 20, 100)
    assert scores.pairs.groups == ("G1", "G2", "G3", "G4", "G5")
    assert scores.pairs.difference.mean() == pytest.approx(0.34)


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_both_shapes_are_the_same_pairs(text: str, write: Write) -> None:
    scores = read_scores(write(text))
    assert scores.arms == ("hand", "net") and scores.pairs.groups == ("G1",)
    assert as_rows(scores) == ROWS


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_the_arms_can_be_turned_and_their_sides_with_them(text: str, write: Write) -> None:
    scores = read_scores(write(text), arms=["NET", "hand"])
    assert scores.arms == ("net", "hand")
    other = {"A": "B", "B": "A"}
    assert as_rows(scores) == {key: (b, a, p, other[s], t) for key, (a, b, p, s, t) in ROWS.items()}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t").replace(".", ","),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "sep=;\r\n" + text.replace(",", ";"),
        lambda text: "\n".join(f'"{line}"'.replace(",", '","') for line in text.splitlines()),
        lambda text: text.replace("\n", "\n\n") + ",,,,,,,\n",
        lambda text: text.replace("reader,group", "Reader , GROUP").replace("R01,", " R01 ,"),
        lambda text: text.replace(",,", ",NA,").replace("9,\n", "9,NaN\n"),
    ],
    ids=["decimal comma", "semicolon", "tab", "BOM, CRLF", "CR", "sep=", "quotes", "blank lines", "blanks", "NA"],
)
@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_programs_write_the_same_table_in_many_ways(text: str, spoil: Callable[[str], str], write: Write) -> None:
    assert as_rows(read_scores(write(spoil(text)))) == ROWS


def test_words_for_nothing_are_noted(write: Write) -> None:
    notes = read_scores(write(WIDE.replace("A,,4", "A,NA,4"))).notes
    assert "Taken as missing: NA (1 ×)." in notes
    assert "The table has hand before net, so the difference is net minus hand." in notes


def test_other_names_are_mapped(write: Write) -> None:
    long = LONG.replace("reader,group,exam,position,source,side,score", "rater,block,case,no,method,where,rating")
    mapping = {"reader": "rater", "exam": "Case", "arm": "method", "score": "rating", "group": "block",
               "position": "no", "side": "where"}  # fmt: skip
    assert as_rows(read_scores(write(long), mapping)) == ROWS
    wide = WIDE.replace("score_hand,score_net", "by hand,by net").replace("side_of_hand", "left")
    scores = read_scores(write(wide), {"first": "by hand", "second": "by net", "side": "left"})
    assert scores.arms == ("by hand", "by net") and as_rows(scores) == ROWS
    assert read_scores(write(wide), {"first": "by hand", "second": "by net"}, arms=["P", "Q"]).arms == ("P", "Q")


def test_scores_never_change_their_name(write: Write) -> None:
    """Columns that are named hand and net keep their names, whatever order --arms has."""
    path = write(WIDE.replace("score_hand,score_net", "hand,net"))
    mapping = {"first": "hand", "second": "net", "side": "side_of_hand"}
    assert as_rows(read_scores(path, mapping, arms=["hand", "net"])) == ROWS
    for arms in (["net", "hand"], ["hand", "third"]):
        assert "turn first= and second= round" in refusal(path, columns=mapping, arms=arms)
    notes = read_scores(path, mapping, arms=["P", "Q"]).notes
    assert "The scores in hand are called P, those in net Q." in notes


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_a_column_that_is_given_nothing_is_left_alone(text: str, write: Write) -> None:
    spoilt = text.replace(",A,", ",left,").replace(",B,", ",right,").replace("41.5", "soon")
    rows = as_rows(read_scores(write(spoilt), {"side": "", "seconds": ""}))
    assert rows == {key: (a, b, place, "", None) for key, (a, b, place, _, _) in ROWS.items()}


def test_names_that_differ_in_capitals_only_are_told(write: Write) -> None:
    notes = read_scores(write(WIDE + "r01,G1,e2,1,A,5,5,1\n")).notes
    assert "Of the readers, R01 and r01 differ in capitals only; they are taken as different readers." in notes
    assert "Of the exams, E2 and e2 differ in capitals only; they are taken as different exams." in notes
    assert not any("capitals" in note for note in read_scores(write(WIDE)).notes)


def test_scores_that_end_at_half_the_scale_raise_a_doubt(write: Write) -> None:
    path = write("reader,exam,score_a,score_b\nR1,E1,1,5\nR1,E2,,4\n")
    doubt = "No score is above 5, though the scale is taken to go from 0 to 10"
    assert any(note.startswith(doubt) and "--scale 1 5" in note for note in read_scores(path).notes)
    assert not any(doubt in note for note in read_scores(path, scale=(0, 10)).notes)
    assert not any("No score" in note for note in read_scores(write(WIDE)).notes)


def test_a_command_line_maps_columns_in_words(write: Write) -> None:
    assert mapping_of(["Reader=rater", "exam= case number ", "group="]) == {
        "reader": "rater", "exam": "case number", "group": ""
    }  # fmt: skip
    with pytest.raises(StudyError, match=r"'number' isn't ROLE=NAME.*needs quotes"):
        mapping_of(["exam=case", "number"])


def test_without_groups_those_who_share_exams_are_one(write: Write) -> None:
    """By hand: R1 and R2 share E1, R3 reads another exam alone."""
    text = "reader,exam,score_a,score_b\nR1,E1,1,2\nR2,E1,3,4\nR3,E9,5,6\n"
    scores = read_scores(write(text))
    assert list(scores.pairs.group_of_reader) == [0, 0, 1]
    assert any("names no groups" in note for note in scores.notes)
    assert np.isnan(scores.pairs.position).all()


def test_of_three_arms_two_are_named(write: Write) -> None:
    text = LONG + "R01,G1,E1,1,third,,3,41.5\n"
    told = refusal(write(text))
    assert "3 arms: 'hand', 'net', 'third'" in told and "--arms hand net" in told
    scores = read_scores(write(text), arms=["net", "third"])
    assert scores.arms == ("net", "third") and "Left out, as other arms were asked for: hand." in scores.notes
    wide = WIDE.replace("score_net", "score_net,score_third").replace(",8,", ",8,1,").replace(",5,5,", ",5,5,2,")
    wide = wide.replace(",9,", ",9,3,").replace(",,4,", ",,4,4,")
    assert "3 arms" in refusal(write(wide))
    assert as_rows(read_scores(write(wide), arms=["hand", "net"])) == ROWS


def test_a_blinded_table_compares_its_sides(write: Write) -> None:
    scores = read_scores(write("reader,exam,side,score\nR1,E1,A,4\nR1,E1,B,6\n"))
    assert scores.arms == ("A", "B") and any("sides only" in note for note in scores.notes)


def test_a_scale_and_half_points(write: Write) -> None:
    text = "reader,exam,score_a,score_b\nR1,E1,-2,1.5\n"
    assert as_rows(read_scores(write(text), scale=(-3, 3)))["R1", "E1"][:2] == (-2, 1.5)
    assert "too many levels" in refusal(write(text), scale=(0, 5000))
    assert "no levels" in refusal(write(text), scale=(3, 3))


def test_workbooks_and_files_of_spss(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"reader": ["R1", "R2"], "exam": ["E1", "E1"], "score_hand": [3, 4], "score_net": [5.5, np.nan]}
    )
    expected = {("R1", "E1"): (3, 5.5), ("R2", "E1"): (4, None)}
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    pyreadstat.write_sav(frame, str(tmp_path / "a.sav"))
    for name in ("a.xlsx", "a.sav"):
        assert {key: row[:2] for key, row in as_rows(read_scores(tmp_path / name)).items()} == expected
    with pd.ExcelWriter(tmp_path / "b.xlsx") as book:
        for sheet in ("codebook", "wide_pairs"):
            frame.to_excel(book, sheet_name=sheet, index=False)
    assert "Read from the sheet wide_pairs." in read_scores(tmp_path / "b.xlsx").notes


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WIDE + "R01,G1,E2,3,A,5,5,30\n", "Line 6: reader R01 has a row for exam E2 already, line 3"),
        (LONG + "R01,G1,E1,1,net,B,7,41.5\n", "Line 9: reader R01 has scored net of exam E1 in line 3 already"),
        (WIDE.replace(",7,8,", ",7,11,"), "Line 2: 11 in score_net is off the scale from 0 to 10"),
        (WIDE.replace(",7,8,", ",-1,8,"), "Line 2: -1 in score_hand is off the scale"),
        (WIDE.replace(",7,8,", ",seven,8,"), "Line 2: “seven” in score_hand, where a number belongs"),
        (WIDE.replace(",7,8,", ",1_0,8,"), "Line 2: “1_0” in score_hand"),
        (WIDE.replace(",7,8,", ",inf,8,"), "Line 2: “inf” in score_hand"),
        (WIDE.replace(",1,A,", ",1,left,"), "Line 2: “left” in side_of_hand, where A or B belongs"),
        (WIDE.replace(",1,A,", ",1,left,"), "or leave the column alone with --columns side="),
        (WIDE.replace(",7,8,", ",75,8,"), "give the lowest and the highest score of the study, such as --scale 0 100"),
        (WIDE.replace(",7,8,", ",-,8,"), "“-” in score_hand, where a number belongs. Write a number, or leave the cell "
         "empty"),
        (WIDE.replace(",7,8,", ',"7,5",8,'), "A decimal comma is read only where semicolons or tabs stand"),
        (WIDE + "Mean,,,,,6,7,\n", "Line 6: exam is empty. Line 6: group is empty. Write the name, or take the line "
         "away if it is no reading"),
        (WIDE.replace("R01,G1,E1", "R01,NA,E1"), "Line 2: group is “NA”. Write the name"),
        (LONG.replace("1,net,B,8", "1,NA,B,8"), "Line 3: source is “NA”"),
        (LONG.replace("2,net,A,5", "2,Net,A,5"), "Line 5: the arm is written “Net”, and “net” in line 3. Write each "
         "arm in one way."),
        ("# of Monday\n" + WIDE, "The header names 1 column, but line 2 has 8"),
        ("# of Monday\n" + WIDE, "take titles and remarks above it away"),
        (WIDE.replace(",", "|"), "one column only, 'reader|group|exam"),
        (WIDE.replace("R01,G1,E1", ",G1,E1"), "Line 2: reader is empty"),
        (WIDE.replace("R02,G1,E1", "R02,G2,E1"), "Line 4: exam E1 is in group G2, and in group G1 in line 2"),
        (WIDE.replace(",41.5", ",-3"), "Line 2: -3 in seconds is less than no time"),
        (LONG.replace("1,net,B,8", "3,net,B,8"), "Line 3: position differs from line 2"),
        (LONG.replace("net,B,8", "net,A,8"), "Line 3: both arms stand on side A"),
        (WIDE.replace(",score_net", "").replace("8,4", "4").replace("5,3", "3").replace("9,\n", "\n").replace(
            "4,22", "22"), "scores of one arm only, 'hand'"),
        ("\n".join(line for line in LONG.splitlines() if "net" not in line), "scores of one arm only, 'hand'"),
        (WIDE.replace("reader", "who"), "no column reader. Its columns are who, group"),
        (WIDE.replace("score_", "points_"), "nor two columns score_ARM. Its columns are reader"),
        (WIDE.replace("position", "score_net"), "2 columns are named 'score_net'"),
        (WIDE.replace(",41.5", ",41,5"), "The header names 8 columns, but line 2 has 9"),
        (WIDE.replace(",7,8,41.5", ",7,8"), "The header names 8 columns, but line 2 has 7"),
        (WIDE + '"R03,G1\n', "Line 6 can't be taken apart"),
        (WIDE.splitlines()[0], "names of columns and no row"),
        ("", "The table is empty"),
        ("\n\n", "The table is empty"),
        (WIDE.replace("R02", "Müller").encode("latin-1"), "Line 4 is not UTF-8"),
        (WIDE.encode("utf-16"), "not UTF-8"),
        (b"PK\x03\x04" + b"x" * 40, "a workbook under the name of a text file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(text: str | bytes, words: str, write: Write) -> None:
    told = refusal(write(text))
    assert words in told and told.startswith(str(write(text)))


def test_the_first_problems_are_told_and_the_others_counted(write: Write) -> None:
    rows = "".join(f"R{n},G1,E1,1,A,99,5,1\n" for n in range(1, 10))
    told = refusal(write(WIDE.splitlines()[0] + "\n" + rows))
    assert told.count("off the scale") == 5 and "And 4 more." in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": {"raeder": "reader"}}, "no role 'raeder'"),
        ({"columns": {"reader": "rater"}}, "no column 'rater'. Its columns are reader, group"),
        ({"columns": {"rater": "reader"}}, "the role stands first, as in reader=rater"),
        ({"columns": {"reader": "exam"}}, "The column 'exam' is taken for both reader and exam"),
        ({"columns": {"score": "score_hand"}}, "The column of the arms isn't named. Its columns are reader"),
        ({"columns": {"arm": "score_hand"}}, "Add score=NAME to --columns"),
        ({"columns": {"first": "score_hand"}}, "The column of the second arm's scores isn't named"),
        ({"columns": {"first": "score_net", "second": "score_net"}}, "Both arms are mapped"),
        ({"columns": {"reader": ""}}, "no column reader"),
        ({"arms": ["hand", "dl"]}, "no arm 'dl'; it has 'hand', 'net'"),
        ({"arms": ["hand", "Hand"]}, "Two different arms"),
        ({"scale": (0, 5)}, "off the scale from 0 to 5"),
    ],
)
def test_what_cannot_be_asked_for_is_told(options: dict[str, Any], words: str, write: Write) -> None:
    assert words in refusal(write(WIDE), **options)


def test_other_files_are_told_apart(tmp_path: Path, write: Write) -> None:
    assert "can't be read" in refusal(tmp_path / "none.csv")
    assert "can't be read" in refusal(tmp_path)
    assert "the kind .parquet" in refusal(write("x", "a.parquet")) and "CSV UTF-8" in refusal(write("x", "a.xls"))
    assert "can't be opened" in refusal(write("x", "a.xlsx")) and "can't be opened" in refusal(write("x", "a.sav"))
    book = openpyxl.Workbook()
    book.save(tmp_path / "empty.xlsx")
    assert "empty" in refusal(tmp_path / "empty.xlsx")
    book.active.append(["reader", "exam", "score_a", "score_b"])
    book.active.append(["R1", "E1", "=1+1", 3])
    book.save(tmp_path / "formula.xlsx")
    assert "“=1+1” in score_a, where a number belongs" in refusal(tmp_path / "formula.xlsx")
    book.create_sheet("more").append(["reader"])
    book.save(tmp_path / "two.xlsx")
    assert "several sheets: Sheet, more" in refusal(tmp_path / "two.xlsx")


CELLS = ["reader", "exam", "score_a", "score_b", "score", "source", "R1", "E1", "7", "", "NA", "'", '"', "=", "a"]
LINES = st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=5).map(",".join), max_size=6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(content=st.one_of(st.binary(max_size=300), LINES.map("\n".join).map(str.encode)))
def test_nothing_ends_in_a_trace(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        assert len(read_scores(path).pairs) > 0
    except StudyError as error:
        assert error.remedy
