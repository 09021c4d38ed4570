"""Finding exams by their names, and the table of what they are."""

from pathlib import Path

import pytest

from segmentation.errors import StudyError
from study_admin.design import Arm, Exam, ExamFacts, StudyProblemsError
from study_admin.exams import find_exams, read_facts

ARMS = (Arm("hand", ("hand.nii.gz",)), Arm("net", ("net_*.nii.gz",)))
FILES = ("t1c.nii.gz", "flair.nii.gz", "hand.nii.gz", "net_x.nii.gz")


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def texts(error: pytest.ExceptionInfo[StudyProblemsError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def test_finds_exams_practice_first(tmp_path: Path) -> None:
    for name in ("c", "a", "b", "d"):
        make(tmp_path / name, *FILES, "notes.txt")
    make(tmp_path / ".hidden")
    (tmp_path / "list.csv").touch()
    exams = find_exams(tmp_path, ARMS, practice=("d", "b"), left_out=("[aA]*",))
    assert [(exam.name, exam.is_practice) for exam in exams] == [("d", True), ("b", True), ("c", False)]
    assert exams[2] == Exam(
        "c",
        tmp_path / "c/t1c.nii.gz",
        tmp_path / "c/flair.nii.gz",
        {"hand": ((tmp_path / "c/hand.nii.gz",),), "net": ((tmp_path / "c/net_x.nii.gz",),)},
    )


def test_all_problems_at_once(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES)
    make(tmp_path / "b", "t1c.nii.gz", "hand.nii.gz")
    make(tmp_path / "c", *FILES, "net_y.nii.gz")
    with pytest.raises(StudyProblemsError) as error:
        find_exams(tmp_path, ARMS, practice=("z",))
    found = texts(error)
    assert len(found) == 4
    assert found[0].startswith(f"{tmp_path}/z: There is no exam of this name.")
    assert found[1].startswith(f"{tmp_path}/b: No NIfTI image for FLAIR matches 'flair.nii*'.")
    assert "leave out b" in found[2]
    assert "2 images for arm net match 'net_*.nii.gz': net_x.nii.gz and net_y.nii.gz." in found[3]
    assert "Name the one to use, for instance net_x.nii.gz" in found[3]
    assert str(error.value).count("\n") == 3


def test_one_file_for_both_arms(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES)
    with pytest.raises(StudyProblemsError, match="The file is both arm hand and arm net"):
        find_exams(tmp_path, (ARMS[0], Arm("net", ("hand*",))))


@pytest.mark.parametrize("pattern", ["/etc/passwd", ""])
def test_what_is_no_pattern(tmp_path: Path, pattern: str) -> None:
    make(tmp_path / "a", *FILES)
    with pytest.raises(StudyProblemsError, match="no pattern of a file name"):
        find_exams(tmp_path, (ARMS[0], Arm("net", (pattern,))))


def test_no_folder_no_exams(tmp_path: Path) -> None:
    with pytest.raises(StudyProblemsError, match="no sub-folder"):
        find_exams(tmp_path, ARMS)
    with pytest.raises(Exception, match="The folder can't be read"):
        find_exams(tmp_path / "nowhere", ARMS)


def test_compartments_technicians_and_a_brain_mask(tmp_path: Path) -> None:
    team = ("t1c_hand1.nii.gz", "t1c_hand2.nii.gz", "t1c_hand3.nii", "flair_hand2.nii.gz")
    folder = make(tmp_path / "a", "t1c.nii.gz", "flair.nii.gz", "brain.nii.gz", "net_x.nii.gz", *team)
    hand = Arm("hand", ("t1c_hand*", "flair_hand*"), is_consensus=True)
    (exam,) = find_exams(tmp_path, (hand, ARMS[1]), brain_mask="brain.nii.gz")
    assert exam.brain_mask == folder / "brain.nii.gz"
    assert exam.masks == {
        "hand": (tuple(folder / name for name in team[:3]), (folder / team[3],)),
        "net": ((folder / "net_x.nii.gz",),),
    }


def test_what_is_missing_of_compartments_and_brain(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES, "flair_hand1.nii.gz")
    hand = Arm("hand", ("t1c_hand*", "flair_hand*"), is_consensus=True)
    with pytest.raises(StudyProblemsError) as error:
        find_exams(tmp_path, (hand, ARMS[1]), brain_mask="brain.nii.gz")
    found = texts(error)
    assert len(found) == 2
    assert "No NIfTI image for brain mask matches" in found[0]
    assert "No NIfTI image for arm hand, compartment 1 matches" in found[1]


def test_a_consensus_that_takes_in_the_other_arm(tmp_path: Path) -> None:
    make(tmp_path / "a", *FILES)
    with pytest.raises(StudyProblemsError, match=r"net_x\.nii\.gz: The file is both arm all and arm net") as error:
        find_exams(tmp_path, (Arm("all", ("[hn]*",), is_consensus=True), ARMS[1]))
    assert len(error.value.problems) == 1


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "exams.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_of_facts(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "exam,subject,site,age,sex,tumour_type,study_date\n"
        'a,S1,Zürich,61.5,F,"glioma, grade 4",2019-05-31\n'
        "b,S2,,61,m,,2019-05\n"
        "\n"
        "c\n",
    )
    found = read_facts(path, ["a", "b", "c", "d"])
    assert found.problems == ()
    assert found.facts == {
        "a": ExamFacts("S1", "Zürich", 61.5, "F", "glioma, grade 4", "2019-05-31"),
        "b": ExamFacts("S2", "", 61.0, "M", "", "2019-05"),
        "c": ExamFacts(),
    }


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_as_excel_saves_it(tmp_path: Path, delimiter: str) -> None:
    """With a byte order mark, Windows line ends, and the semicolons and decimal commas of half of Europe."""
    text = "Exam;Age;Tumour type\r\na;61,5;Glioma\r\n".replace(";", delimiter)
    found = read_facts(table(tmp_path, text, "utf-8-sig"), ["a"])
    assert (found.facts["a"], found.problems) == (ExamFacts(age=61.5, tumour_type="Glioma"), ())


@pytest.mark.parametrize(
    ("rows", "exam", "message"),
    [
        ("z,S1,,,,,", "", "line 2: There is no exam 'z'."),
        ("a,S1,,,,,\na,S2,,,,,", "a", "line 3: a stands there twice."),
        ("a,S1,,,,,\nb,S1,,,,,", "b", "b and a are exams of one subject, S1."),
        ("a,,,121,,,", "a", "'121' is no age"),
        ("a,,,-1,,,", "a", "'-1' is no age"),
        ("a,,,nan,,,", "a", "'nan' is no age"),
        ("a,,,,x,,", "a", "'X' is no sex"),
        ("a,,,,,,31.05.2019", "a", "'31.05.2019' is no date"),
        ("a,,,,,,2019-02-30", "a", "'2019-02-30' is no date"),
        ("a,,,,,,2019-13", "a", "'2019-13' is no date"),
        ("a,,\u200bX,,,,", "a", "the site can't be used"),
    ],
)
def test_wrong_facts(tmp_path: Path, rows: str, exam: str, message: str) -> None:
    path = table(tmp_path, f"exam,subject,site,age,sex,tumour_type,study_date\n{rows}\n")
    ((name, problem),) = read_facts(path, ["a", "b"]).problems
    assert name == exam
    assert message.casefold() in str(problem).casefold()
    assert str(problem).startswith(str(path))


def test_rows_of_exams_that_are_left_out_are_passed_over(tmp_path: Path) -> None:
    found = read_facts(table(tmp_path, "exam,age\na,1\nz,999\n"), ["a"], {"z"})
    assert (set(found.facts), found.problems) == ({"a"}, ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name,age\na,1\n", "no column exam"),
        (b"exam,ages\na,1\n", "'ages' has no place"),
        (b"exam,age,age\na,1,2\n", "two columns age"),
        (b"exam,site\na,Basel, Bern\n", "more cells than the heading"),
        ("exam,site\na,Zürich\n".encode("cp1252"), "isn't in UTF-8"),
        ("exam,site\na,Zürich\n".encode("utf-16"), "isn't in UTF-8"),
        (b'exam,site\na,"Basel\n', "damaged"),
        (b"", "no column exam"),
        (b"exam\n" + b"a\n" * 2**21, "too large"),
    ],
)
def test_what_is_no_table(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "exams.csv"
    path.write_bytes(data)
    with pytest.raises(StudyError, match=message) as error:
        read_facts(path, ["a"])
    assert str(error.value).startswith(str(path))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="can't be read"):
        read_facts(tmp_path / "exams.csv", ["a"])
