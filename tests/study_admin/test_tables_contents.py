"""What stands in the tables. Expected rows are written by hand from the table in `small_study`."""

import csv
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reader_app.session.model import PUBLISHED_SCALE
from segmentation.errors import StudyError
from study_admin.tables import write_material
from study_admin.tables.circumstances import closing_table, design_table
from study_admin.tables.columns import one_line, rows_of, table, unique_names
from study_admin.tables.csv_files import guarded, read_long, unguarded, write_csv
from study_admin.tables.history import ScoreHistory, histories
from study_admin.tables.scores import long_columns, long_table
from study_admin.tables.wide import imrmc, score_tables, wide_pairs
from tests.study_admin.small_study import DEEP, TECH, Trail, cells, small_material, small_study
from tests.study_admin.told import words_in

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "statistics"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "opened"
    write_material(small_material(is_unblinded=True), folder)
    return folder


@pytest.fixture(scope="module")
def blinded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "blinded"
    write_material(small_material(is_unblinded=False), folder)
    return folder


# --- scores ---


def test_each_score_stands_by_its_arm_whatever_its_side(opened: Path) -> None:
    assert cells(opened / "long.csv", "reader", "group", "exam", "position", "source", "side", "score") == [
        "R01 G1 E002 1 Tech-nician A 7", "R01 G1 E002 1 deep B 9",
        "R01 G1 E001 2 Tech-nician B 5", "R01 G1 E001 2 deep A 10",
        "R02 G1 E001 1 Tech-nician A -", "R02 G1 E001 1 deep B 3",
        "R02 G1 E002 2 Tech-nician B -", "R02 G1 E002 2 deep A -",
        "R03 G2 E003 1 Tech-nician B 10", "R03 G2 E003 1 deep A 0",
        "R03 G2 E004 2 Tech-nician A -", "R03 G2 E004 2 deep B -",
        "R04 G2 E004 1 Tech-nician A -", "R04 G2 E004 1 deep B -",
        "R04 G2 E003 2 Tech-nician B -", "R04 G2 E003 2 deep A -",
    ]  # fmt: skip


def test_a_missing_score_says_why(opened: Path) -> None:
    assert cells(opened / "long.csv", "missing_why", "missing_reason")[:12] == [
        "- -", "- -", "- -", "- -",
        "cannot_score_side motion artefact", "- -",
        "cannot_score_exam no tumour", "cannot_score_exam no tumour",
        "- -", "- -", "not_scored -", "not_scored -",
    ]  # fmt: skip
    assert cells(opened / "long.csv", "missing_why")[12:] == ["not_collected"] * 4


def test_time_visits_and_changes_come_from_the_trail(opened: Path) -> None:
    """40.25 s and 10 s in two visits; 4 changed to 5; the 10 that was typed as 1, 0 is no change."""
    rows = cells(opened / "long.csv", "seconds", "visits", "first_score", "changes")
    assert rows[:6] == ["50.25 2 7 0", "50.25 2 9 0", "61.001 1 4 1", "61.001 1 10 0", "- 1 - 0", "- 1 3 0"]
    assert rows[-1] == "- - - -"
    times = cells(opened / "long.csv", "first_saved_utc", "last_saved_utc")
    assert times[2] == "2026-03-02T08:00:14.000000Z 2026-03-02T08:00:15.000000Z"
    assert times[4] == "- -"


def test_pairs_stand_in_one_row(opened: Path) -> None:
    assert (opened / "wide_pairs.csv").read_text(encoding="utf-8") == (
        "reader,group,exam,position,side_of_tech_nician,score_tech_nician,score_deep,seconds\n"
        "R01,G1,E002,1,A,7,9,50.25\n"
        "R01,G1,E001,2,B,5,10,61.001\n"
        "R02,G1,E001,1,A,,3,\n"
        "R02,G1,E002,2,B,,,5.0\n"
        "R03,G2,E003,1,B,10,0,30.0\n"
        "R03,G2,E004,2,A,,,\n"
        "R04,G2,E004,1,A,,,\n"
        "R04,G2,E003,2,B,,,\n"
    )


def test_raters_stand_in_columns(opened: Path) -> None:
    assert (opened / "wide_raters_tech_nician.csv").read_text(encoding="utf-8") == (
        "exam,group,r01,r02,r03,r04\nE001,G1,5,,,\nE002,G1,7,,,\nE003,G2,,,10,\nE004,G2,,,,\n"
    )
    assert (opened / "wide_raters_deep.csv").read_text(encoding="utf-8") == (
        "exam,group,r01,r02,r03,r04\nE001,G1,10,3,,\nE002,G1,9,,,\nE003,G2,,,0,\nE004,G2,,,,\n"
    )


def test_imrmc_gets_the_scores_that_are_there(opened: Path) -> None:
    assert (opened / "imrmc.csv").read_text(encoding="utf-8") == (
        "readerID,caseID,modalityID,score\n"
        "R01,E002,Tech-nician,7\nR01,E002,deep,9\nR01,E001,Tech-nician,5\nR01,E001,deep,10\n"
        "R02,E001,deep,3\nR03,E003,Tech-nician,10\nR03,E003,deep,0\n"
    )


@pytest.mark.parametrize("name", ["paper", "null"])
def test_the_reference_set_comes_out_byte_for_byte(name: str, tmp_path: Path) -> None:
    """From the same scores, one row each, our wide_pairs.csv is the frozen file of statistics.md."""
    if not REFERENCE.exists():
        pytest.skip("the reference set (../shared) is not on this machine")
    frozen = REFERENCE / f"{name}.csv"
    write_csv(wide_pairs(reference_long(frozen), PUBLISHED_SCALE), tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.csv").read_bytes() == frozen.read_bytes()


def reference_long(frozen: Path) -> pd.DataFrame:
    columns = long_columns(("technician", "dl"), PUBLISHED_SCALE)
    rows = []
    with frozen.open(encoding="utf-8", newline="") as file:
        for pair in csv.DictReader(file):
            side = pair["side_of_technician"]
            known = {"reader": pair["reader"], "group": pair["group"], "exam": pair["exam"]}
            known |= {"position": int(pair["position"]), "seconds": float(pair["seconds"])}
            for source, its_side in (("technician", side), ("dl", "AB".replace(side, ""))):
                score = {"source": source, "side": its_side, "score": int(pair[f"score_{source}"])}
                rows.append(dict.fromkeys(column.name for column in columns) | known | score)
    return table("long", "", columns, rows).frame


# --- what is around them ---


def test_design_shows_what_was_due_and_how_far_it_is(opened: Path) -> None:
    sides = ("side_of_tech_nician", "side_of_deep")
    assert cells(opened / "design.csv", "reader", "exam", "position", *sides, "status") == [
        "R01 E002 1 A B scored", "R01 E001 2 B A scored",
        "R02 E001 1 A B cannot_score_side", "R02 E002 2 B A cannot_score_exam",
        "R03 E003 1 B A scored", "R03 E004 2 A B unscored", "R04 E004 1 A B not_collected",
        "R04 E003 2 B A not_collected",
    ]  # fmt: skip
    assert set(cells(opened / "design.csv", "algorithm", "commitment")) == {"blindread-pcg64-2 " + "c0" * 32}


def test_design_never_says_scored_of_a_reading_without_both_scores(opened: Path) -> None:
    """And each status that it can have is told in the codebook, with a label."""
    key = ("reader", "exam")
    status = dict(zip(cells(opened / "design.csv", *key), cells(opened / "design.csv", "status"), strict=True))
    scores = cells(opened / "wide_pairs.csv", "score_tech_nician", "score_deep")
    scored = {r for r, pair in zip(cells(opened / "wide_pairs.csv", *key), scores, strict=True) if "-" not in pair}
    assert {reading for reading, word in status.items() if word == "scored"} == scored
    with (opened / "codebook.csv").open(encoding="utf-8", newline="") as file:
        (line,) = (row for row in csv.DictReader(file) if (row["table"], row["variable"]) == ("design", "status"))
    words = line["values"].split("; ")
    assert set(status.values()) | {"partly_scored"} == set(words)
    assert [label.split(":")[0] for label in line["value_labels"].split("; ")] == words


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ([("score", "A")], "partly_scored"),
        ([("why", "A")], "partly_scored"),
        ([("why", "A"), ("why", "B")], "cannot_score_side"),
        ([("score", "A"), ("why", "")], "cannot_score_exam"),
        ([("why", ""), ("score", "A"), ("score", "B")], "scored"),
    ],
)
def test_status_of_a_reading(answers: list[tuple[str, str]], word: str) -> None:
    trail = Trail("R01")
    for kind, side in answers:
        if kind == "score":
            trail.score(1, side, 5)
        else:
            trail.add("cannot_score", 1, side, "cannot_score", "motion")
    material = small_material(is_unblinded=False)
    mine = next(item for item in material.collected if item.reader == "R01")
    design = design_table(replace(material, collected=(replace(mine, results=trail.results()),)))
    assert rows_of(design.frame)[0]["status"] == word


def test_exams_keep_their_names_and_facts(opened: Path) -> None:
    assert cells(opened / "exams.csv") == [
        "E001 case-b G1 P7 Oslo 61.5 F '=2+5 2019-04", "E002 case-a G1 - - - - - -",
        "E003 case-c G2 - - - - - -", "E004 case-d G2 - - - - - -",
    ]  # fmt: skip


def test_readers_have_no_names(opened: Path) -> None:
    columns = ("reader", "group", "specialty", "years_since_certification", "site", "due", "scored", "is_collected")
    assert cells(opened / "readers.csv", *columns) == [
        "R01 G1 Neuroradiology 12 S1 2 2 yes", "R02 G1 - - - 2 2 yes", "R03 G2 - - - 2 1 yes", "R04 G2 - - - 2 0 no",
    ]  # fmt: skip
    signed = cells(opened / "readers.csv", "signed_off_utc")
    assert signed == ["2026-03-02T08:00:18.000000Z", "2026-03-02T08:00:10.000000Z", "-", "-"]
    written = [path.read_bytes() for path in opened.rglob("*") if path.is_file()]
    assert not any(b"Secret" in data for data in written)


def test_closing_answers_name_the_arm_on_the_chosen_side(opened: Path) -> None:
    columns = ("reader", "question", "exam", "position", "choice", "chosen_source", "confidence")
    assert cells(opened / "closing.csv", *columns) == [
        "R01 Q1 E001 2 A deep Certain", "R02 Q1 E002 2 Don't know - -", "R03 Q1 E003 1 - - -",
    ]  # fmt: skip


def test_codebook_has_a_line_for_every_column(opened: Path) -> None:
    written = {path.stem: path for path in opened.glob("*.csv") if path.stem != "codebook"}
    lines = cells(opened / "codebook.csv", "table", "variable")
    for name, path in written.items():
        head = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert [line for line in lines if line.split()[0] == name] == [f"{name} {column}" for column in head]


def test_practice_is_nowhere(opened: Path) -> None:
    assert all(b"train" not in path.read_bytes() for path in opened.rglob("*.csv"))


# --- blinded ---


def test_blinded_tables_have_sides_and_no_arm(blinded: Path) -> None:
    assert cells(blinded / "long.csv", "reader", "exam", "side", "score")[:6] == [
        "R01 E002 A 7", "R01 E002 B 9", "R01 E001 A 10", "R01 E001 B 5", "R02 E001 A -", "R02 E001 B 3",
    ]  # fmt: skip
    assert cells(blinded / "wide_pairs.csv", "score_a", "score_b")[:2] == ["7 9", "10 5"]
    assert cells(blinded / "wide_raters_A.csv", "exam", "r01")[0] == "E001 10"
    assert cells(blinded / "imrmc.csv", "modalityID", "score")[:2] == ["A 7", "B 9"]
    assert words_in([blinded], [TECH, "tech_nician", DEEP]) == {}


def test_arms_are_found_in_every_format_once_the_study_is_unblinded(opened: Path) -> None:
    """So the search for them in the blinded tables could fail."""
    found = words_in([opened], [TECH, DEEP])
    assert {Path(name).suffix for name, arms in found.items() if len(arms) == 2} >= {
        ".csv", ".xlsx", ".parquet", ".sav", ".xpt"
    }  # fmt: skip


def test_blinded_tables_are_equal_whichever_arm_stands_where(tmp_path: Path) -> None:
    """Nothing in them can follow from the sides: the study with its arms' names exchanged gives the same bytes."""
    study = small_study()
    exchanged = replace(small_material(is_unblinded=False), study=replace(study, arms=study.arms[::-1]))
    write_material(small_material(is_unblinded=False), tmp_path / "one")
    write_material(exchanged, tmp_path / "other")
    for path in (path for path in (tmp_path / "one").rglob("*") if path.suffix in (".csv", ".txt", ".R", ".parquet")):
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()


# --- read again ---


@pytest.mark.parametrize("is_unblinded", [True, False])
def test_long_read_again_gives_equal_tables(is_unblinded: bool, tmp_path: Path) -> None:
    material = small_material(is_unblinded=is_unblinded)
    write_material(material, tmp_path / "tables")
    long = read_long(tmp_path / "tables" / "long.csv", PUBLISHED_SCALE)
    pd.testing.assert_frame_equal(long, long_table(material).frame)
    for again in (*score_tables(long, PUBLISHED_SCALE), imrmc(long, PUBLISHED_SCALE)):
        write_csv(again, tmp_path / "again.csv")
        assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "tables" / f"{again.name}.csv").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("score,", "points,", 1),
        lambda text: text.replace(",7,", ",7.5,", 1),
        lambda text: text.replace("R01,", "", 1),
        lambda text: "",
        lambda text: text.replace(",", ";"),
    ],
)
def test_another_table_is_refused_by_name(change: object, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    write_csv(long_table(small_material(is_unblinded=True)), path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(StudyError, match=r"This is no long table") as caught:
        read_long(path, PUBLISHED_SCALE)
    assert str(path) in str(caught.value)


# --- the rules one by one ---


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "＝1", "'=1", "''-", "'tis", "plain", "a=1"])
def test_the_guard_can_be_taken_away(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text)[0] not in "=+-@＝"


def test_cells_have_one_line() -> None:
    assert one_line("a\r\nb\u2028c\td\x07") == "a / b / c d"


def test_names_are_variables_for_all_programs() -> None:
    """Lower case, at most 32 or 8 letters, no leading underscore or digit, none twice, no reserved word of SPSS."""
    names = unique_names(["Rö-1", "RO_1", "_x", "1a", "WITH", "日本", "n" * 40, "n" * 41])
    assert names == ("ro_1", "ro_1_2", "x", "n1a", "with_1", "x_2", "n" * 32, "n" * 30 + "_2")
    assert unique_names(["score_technician", "score_tech"], longest=8) == ("score_te", "score_2")


def test_a_time_that_is_none_counts_as_not_recorded() -> None:
    for wrong in ("soon", -1, 1.5, True, None, 10**12, [1]):
        trail = Trail("R01")
        trail.add("exam_opened", 1, new={"visit": 1})
        trail.leave(1, wrong if not isinstance(wrong, float) else str(wrong))
        (history,) = histories(trail.events).values()
        assert history.seconds is None and history.visits == 1


def test_a_one_that_becomes_ten_on_another_visit_is_a_change() -> None:
    trail = Trail("R01")
    trail.score(1, "A", 1, "key")
    trail.leave(1, 1)
    trail.score(1, "A", 10, "key")
    (history,) = histories(trail.events).values()
    assert (history.scores["A"].values, history.scores["A"].changes) == ([1, 10], 1)
    assert history.scores["B"] == ScoreHistory()


def test_a_score_taken_back_and_given_again_is_no_change() -> None:
    trail = Trail("R01")
    trail.score(1, "A", 6)
    trail.add("score_cleared", 1, "A", "score", None, "clear")
    trail.score(1, "A", 6)
    (history,) = histories(trail.events).values()
    assert history.scores["A"].changes == 0


def test_readers_stand_in_the_stored_order_in_every_table() -> None:
    """The material holds R03's results before those of R01."""
    rows = rows_of(closing_table(small_material(is_unblinded=True)).frame)
    assert [row["reader"] for row in rows] == ["R01", "R02", "R03"]
