"""The report of a table of scores: the numbers of R, whatever is missing, and never a trace of code."""

import gc
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.errors import StudyError
from study_admin.report.document import document
from study_admin.report.from_scores import report_scores, results_of
from study_admin.report.json_form import to_json
from study_admin.scores_file import read_scores
from tests.study_admin.report.test_document import Page, check_numbers
from tests.study_admin.statistics.r_values import HERE, from_r

HEAD = "reader,group,exam,position,side_of_hand,score_hand,score_net,seconds\n"
# A page that shows one of these has met a number that is none, or a value of Python's
_TRACES = re.compile(r"\b(?:nan|inf|None|NotEstimable|Traceback|Undefined)\b|\{\{|not_estimable", re.IGNORECASE)
Write = Callable[[str], Path]


@pytest.fixture(scope="module", autouse=True)
def light_collections() -> Iterator[None]:
    """statsmodels collects garbage at each correction of p values, in all that a test run has loaded."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "scores.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def table(
    readers: int = 4, exams: int = 6, groups: int = 2, *, second: Callable[[int, int], object] | None = None
) -> str:
    """Scores of made-up readers; each group has its own exams. Scores by a rule without meaning."""
    rows = []
    for reader in range(readers):
        group = reader % groups
        for place in range(exams):
            hand = (3 * reader + 5 * place) % 11
            net = (hand + (reader * place) % 4) % 11 if second is None else second(hand, reader + place)
            side = "AB"[(reader + place) % 2]
            rows.append(f"R{reader},G{group},E{group}.{place},{place + 1},{side},{hand},{net},{20 + 7 * place}\n")
    return HEAD + "".join(rows)


def report(path: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    """The page's words and the results, after all that must hold for every report was looked at."""
    out = path.parent / "report"
    written = report_scores(path, out, with_pdf=False, **options)
    assert all(each.is_file() for each in written)
    page = check_numbers(out)
    assert not _TRACES.search(page.text + page.captions + " ".join(page.alts))
    for each in written:
        if each.suffix in (".json", ".csv", ".html"):
            assert not re.search(r"\b(?:NaN|nan|Infinity)\b", re.sub(r"base64,[^\"]*", "", each.read_text("utf-8")))
    form = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert read_scores(out / "wide_pairs.csv").pairs.difference.tolist() == pytest.approx(
        read_scores(out / "long.csv").pairs.difference.tolist(), nan_ok=True
    )
    return words((out / "report.html").read_text("utf-8")), form


def analysed(path: Path, *, arms: list[str] | None = None, **options: Any) -> tuple[str, dict[str, Any]]:
    """The page's words and the results without figures, each number of the page looked up; a sixth of the time."""
    results = results_of(read_scores(path, arms=arms), **options)
    html = document(results, {})
    (path.parent / "report.html").write_text(html, encoding="utf-8")
    (path.parent / "results.json").write_bytes(to_json(results))  # raises for a number that is none
    assert not _TRACES.search(check_numbers(path.parent).text)
    form: dict[str, Any] = json.loads(to_json(results))
    return words(html), form


def words(html: str) -> str:
    """All that stands on the page, numbers and all."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?s)<style.*?</style>", "", html))).split())


def reasons(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"not_estimable"}:
            yield value["not_estimable"]
        for each in value.values():
            yield from reasons(each)
    elif isinstance(value, list):
        for each in value:
            yield from reasons(each)


def test_the_frozen_table_gives_the_values_of_r(tmp_path: Path) -> None:
    """paper.json of statistics.md, with the tolerances of its README."""
    path = tmp_path / "paper.csv"
    path.write_bytes((HERE / "paper.csv").read_bytes())
    told, form = analysed(path, margin=0.5)
    r = from_r("main", "paper")
    lmer, split, gallas = r["mixed_difference"], r["or_split_plot"], r["ustat_joint"]
    assert form["primary"]["se"] == pytest.approx(lmer["se"], rel=2e-4)
    assert form["primary"]["df"] == pytest.approx(lmer["df_satterthwaite"], rel=5e-3)
    assert form["primary"]["p"] == pytest.approx(lmer["p_satterthwaite"], rel=2e-3)
    assert form["obuchowski_rockette"]["p"] == pytest.approx(split["p"], rel=1e-8)
    assert form["u_statistic"]["p"] == pytest.approx(gallas["p_t_readers_minus_1"], rel=1e-8)
    assert form["margin"]["p_tost"] == pytest.approx(r["tost"]["mixed_05"]["p_tost"], rel=2e-3)
    assert form["provenance"]["data_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "Readers scored dl higher than technician" in told
    assert "how many were due is not known from a table of scores" in told
    assert "Departures from the plan are not estimable, because a table of scores has no audit trail" in told
    assert "margin of 0.50 points that was given to this analysis" in told
    for what in ("secret seed", "committed", "locked", "came back", "due to score"):
        assert what not in told.lower()


def test_what_the_table_was_is_on_the_page(write: Write) -> None:
    told, form = analysed(write(table().replace(",", ";").replace(";20\n", ";NA\n")), arms=["net", "hand"], alpha=0.1)
    assert form["provenance"]["arms"] == ["net", "hand"] and form["provenance"]["table"] == "scores.csv"
    assert form["provenance"]["level"] == 0.9
    assert form["provenance"]["notes"] == ["Taken as missing: NA (4 ×)."]
    assert "Non-inferiority and equivalence are not estimable, because no margin was given." in told
    flow = form["flow"]
    # By hand: 2 groups of 2 readers and 6 exams
    assert (flow["listed"], flow["crossed"], flow["read"], flow["complete"], flow["missing"]) == (24, 24, 24, 24, 0)
    assert flow["due"] == {"not_estimable": "a table of scores does not tell what was due"}


def test_what_is_missing_is_counted(write: Write) -> None:
    """By hand: of 24 rows one is taken away, two lose a score and one both."""
    lines = table().splitlines(keepends=True)
    del lines[5]
    lines[1:4] = [re.sub(r",\d+,(\d+),(\d+)$", r",,\1,\2", line.rstrip()) + "\n" for line in lines[1:4]]
    lines[2] = re.sub(r",\d*,(\d+),(\d+)$", r",,,\2", lines[2].rstrip()) + "\n"
    _, form = analysed(write("".join(lines)))
    flow = form["flow"]
    assert (flow["listed"], flow["crossed"], flow["read"], flow["complete"], flow["missing"]) == (23, 24, 22, 20, 3)
    assert flow["by_reader"][0]["statuses"] == {"partly_scored": 2, "scored": 2, "unscored": 1}
    assert any("4 of 24 readings lack a complete pair" in sentence for sentence in form["warnings"])


ODD = {
    "one reader": table(readers=1, groups=1),
    "one group": table(groups=1),
    "one exam": table(exams=1),
    "one row": table(readers=1, exams=1, groups=1),
    "all ties": table(second=lambda hand, _: hand),
    "all higher by one": table(second=lambda hand, _: min(hand + 1, 10)),
    "all scores the same": re.sub(r",\d+,\d+,(\d+)\n", r",5,5,\1\n", table()),
    "one reader a group": table(readers=3, groups=3),
    "half pairs only": table(second=lambda _hand, _place: ""),
    "half pairs of both arms": re.sub(r",(\d+),\d+,(\d*[05])\n", r",,\1,\2\n", table(second=lambda _h, _p: 5)),
    "no score at all": re.sub(r",\d+,\d+,(\d+)\n", r",,,\1\n", table()),
    "nothing but scores": "reader,exam,score_hand,score_net\nR1,E1,3,4\nR1,E2,5,5\nR2,E1,6,7\nR2,E2,1,9\n",
    "each exam by one reader": "reader,exam,score_hand,score_net\nR1,E1,3,4\nR1,E2,5,5\nR2,E3,6,7\nR2,E4,1,9\n",
    "half points": table(second=lambda hand, place: min(hand + place / 2, 10)),
    "names of all kinds": table().replace("R0", "Dr. <b>&Müller").replace("R1", "=R.1").replace("G0", "G.0 {{x}}"),
}


DRAWN = ("names of all kinds",)  # the rest are long: eleven figures each
NO_DIFFERENCE = ("one reader", "one exam", "one row", "all ties", "half pairs only", "no score at all")


def check_words(name: str, told: str, form: dict[str, Any]) -> None:
    assert "Table 1" in told
    if name in NO_DIFFERENCE:
        assert "The difference between net and hand is not estimable, because" in told
        assert set(form["primary"]) == {"not_estimable"}
    assert all(reason and reason == reason.strip() for reason in reasons(form))


@pytest.mark.parametrize(
    "name", [name if name in DRAWN else pytest.param(name, marks=pytest.mark.long) for name in ODD]
)
def test_odd_tables_have_their_whole_report(name: str, write: Write) -> None:
    """Figures and tables for R, too."""
    check_words(name, *report(write(ODD[name])))


@pytest.mark.parametrize("name", [name for name in ODD if name not in DRAWN])
def test_odd_tables_are_told_in_words(name: str, write: Write) -> None:
    check_words(name, *analysed(write(ODD[name])))


def test_one_reader_and_one_group_are_named_in_singular(write: Write) -> None:
    told = words(document(results_of(read_scores(write(ODD["one reader"]))), {}))
    assert "1 reader in 1 group and 6 exams have 6 readings in the table; 6 with a score for both arms." in told
    assert "Only 1 reader has complete pairs" in told


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Any pattern of readings, scores and gaps; with and without groups, places, sides and seconds."""
    readers, exams = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    every = [(reader, exam) for reader in range(readers) for exam in range(exams)]
    cells = draw(st.lists(st.sampled_from(every), unique=True, min_size=1))
    score = st.sampled_from(["", "0", "5", "5", "7", "10", "6.5"])
    has = draw(st.sets(st.sampled_from(["position", "side_of_hand", "seconds"])))
    values = {"position": "1234", "side_of_hand": ["A", "B", ""], "seconds": ["", "0", "31.5"]}
    rows = [["reader", "exam", "score_hand", "score_net", *sorted(has)]]
    for reader, exam in cells:
        more = [draw(st.sampled_from(values[name])) for name in sorted(has)]
        rows.append([f"R{reader}", f"E{exam}", draw(score), draw(score), *more])
    return "\n".join(",".join(row) for row in rows)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(text=tables())
def test_any_table_has_its_page(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_text(text, encoding="utf-8")
    results = results_of(read_scores(path))
    json.loads(to_json(results))  # raises for a number that is none
    assert not _TRACES.search(Page(document(results, {})).text)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"alpha": 0.0}, "An alpha of 0"), ({"alpha": 0.7}, "no error rate"), ({"margin": -1.0}, "A margin of -1 points"),
     ({"margin": float("nan")}, "A margin of nan"), ({"scale": (0, 5)}, "off the scale from 0 to 5")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options: dict[str, Any], told: str, write: Write) -> None:
    path = write(table())
    with pytest.raises(StudyError, match=re.escape(told)):
        report_scores(path, path.parent / "report", **options)
    assert not (path.parent / "report").exists()


def test_a_folder_that_is_there_stays_as_it_is(write: Write) -> None:
    path = write(table())
    (path.parent / "report").mkdir()
    with pytest.raises(StudyError, match="there already"):
        report_scores(path, path.parent / "report")
    assert not list((path.parent / "report").iterdir())
