"""The files of tables, each read back by a program that did not write it, where there is one."""

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet
import pyreadstat
import pytest

from reader_app.session.model import Anchor, Scale
from segmentation.errors import StudyError
from study_admin.tables import csv_files, write_material
from study_admin.tables.columns import Column, Kind, Table, table
from study_admin.tables.scores import score_column
from study_admin.tables.scripts import r_script
from study_admin.tables.statistical_files import write_sav, write_xpt
from tests.study_admin.run_by_r import line_of, run_r
from tests.study_admin.small_study import FORMULA, small_material

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "statistics"
SCORE_TABLES = ("long", "wide_pairs", "wide_raters_tech_nician", "wide_raters_deep")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "opened"
    write_material(small_material(is_unblinded=True), folder)
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_csv_is_as_statistics_programs_want_it(opened: Path) -> None:
    for path in opened.glob("*.csv"):
        data = path.read_bytes()
        assert not data.startswith(b"\xef\xbb\xbf") and b"\r" not in data and data.endswith(b"\n")
        head, *lines = rows(path)
        assert {len(line) for line in lines} <= {len(head)}
        assert not any(cell.startswith(("=", "+", "@")) or "\n" in cell for line in lines for cell in line)
        if path.stem != "imrmc":
            assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name) for name in head)


def test_excel_gets_semicolons_a_bom_and_the_comma(opened: Path) -> None:
    data = (opened / "for_excel" / "wide_pairs.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfreader;group;exam;position;")
    assert b"\r\nR01;G1;E001;2;B;5;10;61,001\r\n" in data
    assert {path.name for path in (opened / "for_excel").iterdir()} == {path.name for path in opened.glob("*.csv")}


@pytest.mark.parametrize("name", SCORE_TABLES)
def test_sav_holds_values_labels_and_levels(name: str, opened: Path) -> None:
    """ReadStat wrote it and reads it; PSPP reads it in a test below."""
    frame, meta = pyreadstat.read_sav(opened / f"{name}.sav")
    assert as_text(frame) == unguarded_rows(opened / f"{name}.csv")
    codebook = {row[1]: row for row in rows(opened / "codebook.csv") if row[0] == name}
    assert meta.column_names_to_labels == {column: row[2] for column, row in codebook.items()}
    assert meta.variable_measure == {column: row[7] for column, row in codebook.items()}
    score = "score" if name == "long" else "score_deep" if name == "wide_pairs" else "r01"
    assert sorted(meta.variable_value_labels[score]) == list(range(11))
    assert meta.variable_value_labels[score][8] == "8 very good match"


@pytest.mark.parametrize("name", SCORE_TABLES)
def test_xpt_holds_the_same_under_short_names(name: str, opened: Path) -> None:
    """Read by pandas, which shows the zero of IBM floats as 5.4e-79."""
    frame = pd.read_sas(opened / f"{name}.xpt", format="xport", encoding="utf-8")
    frame = frame.map(lambda value: 0.0 if isinstance(value, float) and abs(value) < 1e-70 else value)
    remarks = {"missing_reason", "side_comment", "exam_comment"}
    head, *lines = unguarded_rows(opened / f"{name}.csv", with_head=True)
    kept = [number for number, column in enumerate(head) if column not in remarks]
    assert as_text(frame) == [[line[number] for number in kept] for line in lines]
    aliases = [row[8] for row in rows(opened / "codebook.csv") if row[0] == name and row[8]]
    assert list(frame.columns) == aliases and max(map(len, aliases)) <= 8


@pytest.mark.parametrize("name", SCORE_TABLES)
def test_parquet_has_types_and_nulls(name: str, opened: Path) -> None:
    read = pyarrow.parquet.read_table(opened / f"{name}.parquet")
    kinds = {"text": "large_string", "time": "large_string", "integer": "int64", "decimal": "double"}
    codebook = [row for row in rows(opened / "codebook.csv") if row[0] == name]
    assert [str(kind) for kind in read.schema.types] == [kinds[row[3]] for row in codebook]
    values = [["" if value is None else str(value) for value in row.values()] for row in read.to_pylist()]
    assert values == unguarded_rows(opened / f"{name}.csv", is_exact=True)


def test_workbook_holds_every_table_and_runs_nothing(opened: Path) -> None:
    book = openpyxl.load_workbook(opened / "study.xlsx")
    assert set(book.sheetnames) == {path.stem for path in opened.glob("*.csv")}
    for sheet in book:
        values = [["" if value is None else str(value) for value in row] for row in sheet.values]
        expected = unguarded_rows(opened / f"{sheet.title}.csv", with_head=True, is_exact=True)
        assert [[number(cell) for cell in line] for line in values] == [[number(c) for c in line] for line in expected]
        assert all(cell.data_type in "sn" for row in sheet.iter_rows() for cell in row)
    cell = next(cell for row in book["long"].iter_rows() for cell in row if cell.value == FORMULA)
    assert cell.data_type == "s" and cell.quotePrefix


def unguarded_rows(path: Path, *, with_head: bool = False, is_exact: bool = False) -> list[list[str]]:
    """The CSV file's rows without apostrophes before formulas, numbers as floats unless exact."""
    head, *lines = rows(path)
    plain = [[cell[1:] if cell.startswith(("'=", "'+", "'-", "'@")) else cell for cell in line] for line in lines]
    found = plain if is_exact else [[number(cell) for cell in line] for line in plain]
    return [head, *found] if with_head else found


def number(cell: str) -> str:
    return str(float(cell)) if re.fullmatch(r"\d+(\.\d+)?", cell) else cell


def as_text(frame: pd.DataFrame) -> list[list[str]]:
    return [["" if value is np.nan or value != value else str(value) for value in row] for row in frame.to_numpy()]


def test_labels_are_for_all_values_or_none() -> None:
    """A scale with two anchors still has a label for each of its values, no two the same."""
    column = score_column("score", "", Scale(1, 5, (Anchor(1, "bad"), Anchor(5, "good"))))
    assert column.value_labels == {1: "1 bad", 2: "2 bad +", 3: "3 bad +", 4: "4 bad +", 5: "5 good"}


def test_long_and_foreign_texts_survive(tmp_path: Path) -> None:
    """2,000 letters of two bytes each: whole in .sav, left out of .xpt as a remark, cut there at 200 bytes if not."""
    text = "é" * 2_000
    columns = (Column("code", "Ünï"), Column("remark", "Remark", is_remark=True), Column("age", "", Kind.DECIMAL))
    made = table("t", "Täble", columns, [{"code": text, "remark": text, "age": 61.5}])
    write_sav(made, tmp_path / "t.sav")
    frame, meta = pyreadstat.read_sav(tmp_path / "t.sav")
    assert frame.to_numpy().tolist() == [[text, text, 61.5]]
    assert meta.column_names_to_labels["code"] == "Ünï"
    write_xpt(made, tmp_path / "t.xpt", "T")
    frame = pd.read_sas(tmp_path / "t.xpt", format="xport", encoding="utf-8")
    assert frame.to_numpy().tolist() == [["é" * 100, 61.5]]


def test_scripts_name_every_column_of_every_score_table(opened: Path) -> None:
    for script in ("import.sps", "import.sas"):
        text = (opened / script).read_text(encoding="utf-8")
        assert max(map(len, text.splitlines())) <= 250  # SPSS reads no longer lines
        assert text.isascii()
        for name in SCORE_TABLES:
            after = text[text.index(f"{name}.csv") :]
            for column in rows(opened / f"{name}.csv")[0]:
                assert re.search(rf"^    {column} ?[A-Z0-9$]?", after, re.MULTILINE)
    sas = (opened / "import.sas").read_text(encoding="utf-8")
    assert "position = 'Place of the exam in this reader''s list (1 = first read)'" in sas
    assert "    side_comment $30\n" in sas  # the formula and its apostrophe


def test_pspp_reads_what_is_for_spss(opened: Path, tmp_path: Path) -> None:
    if not shutil.which("pspp"):
        pytest.skip("PSPP is not installed")
    folder = tmp_path / "tables"
    shutil.copytree(opened, folder)
    end = "SAVE TRANSLATE /OUTFILE='{0}' /TYPE=CSV /FIELDNAMES /REPLACE.\n"
    script = (folder / "import.sps").read_text(encoding="utf-8")
    for name in SCORE_TABLES:
        script += f"DATASET ACTIVATE {name}.\n" + end.format(f"{name}.from_csv")
    for name in SCORE_TABLES:
        script += f"GET FILE='{name}.sav'.\n" + end.format(f"{name}.from_sav")
    (folder / "all.sps").write_text(script, encoding="utf-8")
    ran = subprocess.run(["pspp", "all.sps"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    for name in SCORE_TABLES:
        for source in ("from_csv", "from_sav"):
            read = [[number(cell.strip()) for cell in line] for line in rows(folder / f"{name}.{source}")[1:]]
            guarded = [[number(cell) for cell in line] for line in rows(opened / f"{name}.csv")[1:]]
            assert read == (guarded if source == "from_csv" else unguarded_rows(opened / f"{name}.csv"))


# --- the analysis in R ---


@pytest.mark.parametrize("name", ["paper", "null"])
def test_analysis_gives_the_reference_values(name: str, tmp_path: Path) -> None:
    """Against the frozen R values of ../shared (statistics.md), with the tolerances of their README."""
    if not REFERENCE.exists():
        pytest.skip("the reference set (../shared) is not on this machine")
    expected = pd.read_json(REFERENCE / f"{name}.json", typ="series")
    shutil.copy(REFERENCE / f"{name}.csv", tmp_path / "wide_pairs.csv")
    script = r_script(("technician", "dl"), 0.05, 0.5)
    (tmp_path / "analysis.R").write_text(script, encoding="utf-8")
    output = run_r(tmp_path)
    for label, key, df, p in (
        ("paired t", "naive_paired_t", "df", "p"),
        ("Obuchowski-Rockette split plot", "or_split_plot", "df_hillis", "p"),
    ):
        values = expected[key]
        wanted = {"estimate": values["estimate"], "se": values["se"], "df": values[df], "p": values[p]}
        assert line_of(output, label) == pytest.approx(wanted, rel=1e-4)
    ustat = expected["ustat_joint"]
    assert line_of(output, "U-statistic")["se"] == pytest.approx(ustat["se"], abs=1e-6)
    assert line_of(output, "U-statistic")["p"] == pytest.approx(ustat["p_t_readers_minus_1"], rel=1e-5)
    wins = expected["win_tie_loss"]
    assert f"second higher {wins['wins']}, equal {wins['ties']}, lower {wins['losses']};" in output
    if "lmerTest is not installed" not in output:
        mixed, found = expected["mixed_difference"], line_of(output, "mixed model")
        assert found["estimate"] == pytest.approx(mixed["estimate"], abs=2e-4)
        assert found["se"] == pytest.approx(mixed["se"], abs=2e-4)
        assert found["df"] == pytest.approx(mixed["df_satterthwaite"], rel=5e-3)
        assert found["p"] == pytest.approx(mixed["p_satterthwaite"], rel=2e-3)
        assert f"p {expected['tost']['mixed_05']['p_noninferior']:.3g}"[:6] in output


def test_analysis_says_what_it_cannot_compute(opened: Path) -> None:
    """Two readers in two groups have no partner to be compared with; the rest is there. Means by hand: (7+5+10)/3."""
    output = run_r(opened)
    assert "Readings due 8, with both scores 3; readers 2, exams 3, groups 2" in output
    assert "Readings without both scores: R02 2 R03 1 R04 2" in output
    assert re.search(r"score_tech_nician +mean 7\.3333", output)
    assert re.search(r"Obuchowski-Rockette split plot +not computed: no group has two readers", output)
    assert "second higher 2, equal 0, lower 1" in output


def test_analysis_of_blinded_tables_says_so(tmp_path: Path) -> None:
    script = r_script(("A", "B"), 0.05, 0.5, is_blinded=True)
    assert "still blinded" in script and 'first <- "score_a"' in script and "margin <- NA" in script
    assert "@" not in script


# --- whole or not at all ---


def test_a_folder_that_is_there_is_refused(opened: Path) -> None:
    before = {path: path.read_bytes() for path in opened.rglob("*") if path.is_file()}
    with pytest.raises(StudyError, match="there already"):
        write_material(small_material(is_unblinded=True), opened)
    assert before == {path: path.read_bytes() for path in opened.rglob("*") if path.is_file()}


def stop_at(step: int, error: BaseException) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == step:
            raise error

    return progress


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_half_written_stays(error: BaseException, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "tables"
    with pytest.raises((KeyboardInterrupt, StudyError)):
        write_material(small_material(is_unblinded=True), out, stop_at(20, error))
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    "spoil", [lambda text: text.replace(",7,", ",8,", 1), lambda text: text.replace("R01,", "R0,"), lambda text: "x"]
)
def test_a_long_table_that_reads_otherwise_than_it_was_written_is_not_kept(
    spoil: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = csv_files.write_csv

    def spoilt(made: Table, path: Path) -> None:
        write(made, path)
        path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")

    monkeypatch.setattr(csv_files, "write_csv", spoilt)
    with pytest.raises(StudyError, match="long table") as caught:
        write_material(small_material(is_unblinded=True), tmp_path / "tables")
    assert "long.csv" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    files = write_material(
        small_material(is_unblinded=True), tmp_path / "tables", lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, len(files)) for done in range(len(files) + 1)]
    assert sorted(files) == sorted(path for path in (tmp_path / "tables").rglob("*") if path.is_file())


def test_readme_says_what_is_missing_and_under_which_conditions(opened: Path) -> None:
    text = (opened / "README.txt").read_text(encoding="utf-8")
    assert "Unblinded 2026-04-01 12:30 UTC by A. Miller, before all had signed off: R04 fell ill" in text
    assert "Readings due 8, with both scores 3." in text
    assert f"Verified against the audit trail up to row 57, hash {'ad' * 32}\n" in text
    assert "R02 2 of 2 without both scores; R03 1 of 2 without both scores; R04 not collected." in text
    for name in (path.name for path in opened.iterdir() if path.suffix in (".csv", ".R", ".sps", ".sas", ".xlsx")):
        assert name in text


def test_pairs_do_not_claim_to_hold_both_scores_in_every_row(opened: Path) -> None:
    """Of the eight rows three have both; the label is whole in SAS, which takes 40 letters."""
    _, meta = pyreadstat.read_xport(opened / "wide_pairs.xpt")
    assert meta.file_label.strip() == "One row a reading; a score may be empty"
    text = (opened / "README.txt").read_text(encoding="utf-8")
    assert re.search(r"wide_pairs\.csv +One row a reading; a score may be empty\n", text)
    assert "wide_pairs a row may hold one score or none" in " ".join(text.split())


def test_readme_and_codebook_say_where_the_seed_is(opened: Path) -> None:
    text = " ".join((opened / "README.txt").read_text(encoding="utf-8").split())
    assert "The seed of the draw is in no table" in text and "`study-admin regenerate`" in text
    (label,) = (row[2] for row in rows(opened / "codebook.csv") if row[:2] == ["design", "algorithm"])
    assert "stays in the sealed key" in label and "study-admin regenerate" in label
