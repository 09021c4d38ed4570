"""The page: each number on it is one of results.json, it needs no other file, and nothing of it is a trace of code."""

import errno
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segmentation.errors import StudyError
from study_admin.blinding.export import Sealing, seal_study, write_packages
from study_admin.blinding.sources import source_files
from study_admin.blinding.unblinding import open_sides
from study_admin.collection import collect
from study_admin.design import Arm, Study, source_guess
from study_admin.exams import find_exams
from study_admin.report.document import PDF, REPORT, RESULTS, document, write_report, write_results
from study_admin.report.results import StudyResults, analyse
from study_admin.store import StudyStore
from study_admin.tables.material import Material
from tests.study_admin.made_up_exams import write_exam
from tests.study_admin.quick_seal import quick_seals
from tests.study_admin.report.reference_material import reference_material, results_of_study
from tests.study_admin.scripted_readers import packages_in, read_package

WORDS = "six words that only this test needs"
# Words with digits in them, and what a page says of its own order
_FIXED = re.compile(r"\b(Table|Figure) A?\d+\b|ICC\([23],[1k]\)|\b95\s%|SHA-256|\b[A-Za-z_]\w*\d\w*")
_NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")
_NO_TEXT = ("style", "head")


class Page(HTMLParser):
    """Numbers marked as results, and the text outside of them and of what is marked as fixed or as a name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.marked: list[tuple[str, float, str]] = []
        self.text, self.captions = "", ""
        self.sources: list[str] = []
        self.alts: list[str] = []
        self._open: list[tuple[str, str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.text += " "
        self.sources += [str(given[name]) for name in ("src", "href") if name in given]
        if tag == "img":
            self.alts.append(given.get("alt") or "")
        if tag not in ("img", "meta", "link", "br"):
            self._open.append((tag, given.get("class") or "", given))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _, _ in self._open]
        classes = {name for _, names, _ in self._open for name in names.split()}
        if any(tag in _NO_TEXT for tag in tags) or classes & {"fixed", "name"}:
            return
        if "data" in tags:
            given = next(each for tag, _, each in reversed(self._open) if tag == "data")
            self.marked.append((str(given["value"]), float(given.get("data-times") or 1), data))
        elif "figcaption" in tags:
            self.captions += data
        else:
            self.text += data


def value_at(form: Any, path: str) -> float:
    """Names may hold dots: whatever a path begins with is a step of it."""
    while path:
        steps = {str(n): each for n, each in enumerate(form)} if isinstance(form, list) else form
        step = max((name for name in steps if f"{path}.".startswith(f"{name}.")), key=len)
        form, path = steps[step], path[len(step) + 1 :]
    return float(form)


def agrees(shown: str, value: float) -> bool:
    """Whether the text is the value, rounded to the digits it has."""
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    mantissa, _, power = shown.translate(digits).partition(" × 10")
    number, scale = float(mantissa), 10 ** float(power or 0)
    step = 10 ** -len(mantissa.partition(".")[2]) * scale
    return abs(number * scale - value) <= step / 2 * (1 + 1e-9)


def numbers_in(form: Any) -> Iterator[float]:
    if isinstance(form, dict | list):
        for each in form.values() if isinstance(form, dict) else form:
            yield from numbers_in(each)
    elif isinstance(form, int | float) and not isinstance(form, bool):
        yield float(form)
    elif isinstance(form, str):
        yield from (float(found.replace("−", "-")) for found in _NUMBER.findall(form))


@pytest.fixture(scope="module")
def paper() -> StudyResults:
    return results_of_study()


@pytest.fixture(scope="module")
def written(report: Path) -> Path:
    return report


def check_numbers(folder: Path) -> Page:
    """Each marked number is that of its path; what is left of the text has none that results.json has not."""
    page = Page((folder / REPORT).read_text(encoding="utf-8"))
    form = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    assert page.marked
    wrong = [each for each in page.marked if not agrees(each[2], value_at(form, each[0]) * each[1])]
    assert not wrong
    sentences = " ".join(form["warnings"])
    strays = [found for found in _NUMBER.findall(_FIXED.sub("", page.text)) if found not in sentences]
    assert not strays
    return page


def test_every_number_of_the_text_is_in_results_json(written: Path) -> None:
    page = check_numbers(written)
    shown = {path: text for path, _, text in page.marked}
    # statistics.md, section 3: 0.3400, SE 0.13334, df 28.34, p 0.0165; naive p 6.48e-5
    assert (shown["primary.estimate"], shown["primary.se"], shown["primary.df"]) == ("0.34", "0.133", "28.3")
    assert (shown["primary.p"], shown["as_published.paired_t.p"]) == ("0.016", "6.5 × 10⁻⁵")
    assert len(page.marked) > 400


def test_every_number_of_a_caption_is_in_results_json(written: Path) -> None:
    page = Page((written / REPORT).read_text(encoding="utf-8"))
    known = sorted(set(numbers_in(json.loads((written / RESULTS).read_text(encoding="utf-8")))))
    known += [100 * each for each in known]
    assert page.captions
    for found in _NUMBER.findall(_FIXED.sub("", page.captions)):
        assert any(agrees(found, each) for each in known), found


def test_the_page_stands_alone_and_its_figures_can_be_read_out(written: Path) -> None:
    page = Page((written / REPORT).read_text(encoding="utf-8"))
    assert page.sources and all(source.startswith("data:image/") for source in page.sources)
    assert all(len(alt) > 40 for alt in page.alts)
    pictures = sorted(path.name for path in (written / "figures").iterdir())
    assert len(pictures) == 2 * len(page.alts)
    assert not re.search(r"https?://|@import|url\(", (written / REPORT).read_text(encoding="utf-8"))


def test_the_first_sentence_says_who_was_scored_higher(paper: StudyResults) -> None:
    words = " ".join(Page(document(paper, {})).text.split())
    assert "Readers scored dl higher than technician: the mean difference was" in words
    assert "dl is not inferior to technician" in words
    assert "equivalence within the margin is not shown" in words  # R: p of TOST 0.12


def test_without_a_difference_none_is_claimed() -> None:
    words = " ".join(Page(document(analyse(reference_material("null", margin=None)), {})).text.split())
    assert "No difference could be shown between dl and technician:" in words
    assert "not estimable, because no margin was fixed before the study opened" in words


def few(material: Material, readers: int) -> Material:
    return replace(material, collected=material.collected[:readers])


@pytest.mark.parametrize("readers", [0, 1, 2, 5])
def test_a_study_with_little_is_told_in_words(readers: int, tmp_path: Path) -> None:
    write_results(analyse(few(reference_material("paper"), readers)), tmp_path / "report", with_pdf=False)
    page = check_numbers(tmp_path / "report")
    assert "nan" not in page.text.lower().split() and "None" not in page.text and "{" not in page.text
    if readers < 2:
        assert "The difference between dl and technician is not estimable, because" in " ".join(page.text.split())


def test_names_are_no_html(paper: StudyResults) -> None:
    sly = replace(paper, provenance=replace(paper.provenance, title="<script>alert(1)</script>", question="a <b> c"))
    html = document(sly, {})
    assert "<script" not in html and "a <b> c" not in html


def test_equal_results_give_equal_pages(paper: StudyResults, written: Path, tmp_path: Path) -> None:
    write_results(paper, tmp_path / "again", with_pdf=False)
    names = {path.relative_to(written) for path in written.rglob("*.*")} - {Path(PDF)}
    assert Path(REPORT) in names and len(names) > 10
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()


# --- through the real store ---


@pytest.fixture(scope="module")
def read_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two readers, one practice exam and three that count, all scored and collected; R02 is a point more lenient."""
    folder = tmp_path_factory.mktemp("report") / "study"
    for number in range(1, 5):
        write_exam(folder / "exams" / f"case{number:02}", number)
    arms = (Arm("by hand", ("hand.nii.gz",)), Arm("machine", ("machine.nii.gz",)))
    exams = find_exams(folder / "exams", arms, practice=("case01",))
    study = Study(
        arms=arms, exams=exams, readers=("R01", "R02"), title="Two readers", closing=(source_guess(1, "machine"),)
    )
    with quick_seals(), StudyStore.create(folder / "study.sqlite", study, who="A. Coordinator") as store:
        opening = seal_study(study, {}, folder / "keys", Sealing(WORDS))
        store.open_study(study, source_files(study), lambda chosen: opening)
        store.record_handed_out(write_packages(study, opening, folder / "keys", WORDS, folder / "packages"))
        files = [
            read_package(package, lambda position, side, more=more: 3 + more + position + (side == "A"))  # type: ignore[misc]
            for more, package in enumerate(packages_in(folder / "packages"))
        ]
        assert all(verdict.is_taken for verdict in collect(store, files))
    return folder


def unblind(store: StudyStore, folder: Path, why: str = "") -> None:
    store.lock(why=why)
    assert store.opening
    key, files = folder / "keys" / "allocation.sealed-key", store.source_files()
    with quick_seals():
        store.record_unblinding(open_sides(key, WORDS, store.opening, store.study, files))


def test_before_the_unblinding_there_is_no_report(read_study: Path, tmp_path: Path) -> None:
    with (
        StudyStore.open(read_study / "study.sqlite", who="A. Analyst") as store,
        pytest.raises(StudyError, match="not unblinded yet"),
    ):
        write_report(store, tmp_path / "report")
    assert not list(tmp_path.iterdir())


def seen_share(exam: Path) -> float:
    """Of the slices with a voxel of either mask, read by nibabel; scripted readers show axial slices 2 to 5 only."""
    masks = [np.asarray(nibabel.load(exam / name).dataobj) > 0 for name in ("hand.nii.gz", "machine.nii.gz")]  # type: ignore[attr-defined]
    slices = np.flatnonzero((masks[0] | masks[1]).any(axis=(0, 1)))
    tumour = range(int(slices[0]), int(slices[-1]) + 1)
    return sum(2 <= number <= 5 for number in tumour) / len(tumour)


def test_a_study_through_the_store_is_reported_whole(read_study: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(read_study, tmp_path / "study"))
    steps: list[tuple[int, int]] = []
    with StudyStore.open(study / "study.sqlite", who="A. Analyst") as store:
        unblind(store, study, "the third reader fell ill")

        def tell(done: int, total: int) -> None:
            steps.append((done, total))

        written = write_report(store, tmp_path / "report", tell, with_pdf=False)
        head = store.audit()[-1].hash
    form = json.loads((tmp_path / "report" / RESULTS).read_text(encoding="utf-8"))
    assert {path.name for path in written} >= {REPORT, RESULTS}
    assert all(path.is_file() for path in written)
    assert form["provenance"]["audit_head"] == head
    assert (form["flow"]["due"], form["flow"]["complete"]) == (6, 6)
    assert form["deviations"][-1]["why"] == "the third reader fell ill"
    # each exam has side A one point above side B, so that a difference is 1 or -1 by where the first arm stood
    for row in form["readings"]:
        assert row["first"] - row["second"] == (1 if row["side_of_first"] == "A" else -1)
    assert sum(map(sum, form["validity"]["blinding"]["counts"])) == 2
    assert any("Only 2 readers" in sentence for sentence in form["warnings"])
    assert form["overlap"]["dice"]["n"] == 3
    shares = {row["exam"]: row["share"] for row in form["validity"]["without_looking"]["readings"]}
    for code, name in (("E001", "case02"), ("E002", "case03"), ("E003", "case04")):
        assert shares[code] == pytest.approx(seen_share(study / "exams" / name))
    pictures = {path.name for path in (tmp_path / "report" / "figures").iterdir()}
    assert {"lowest_dice.png", "largest_differences.png", "dice_on_volume.svg"} <= pictures
    assert steps == sorted(steps) and steps[-1] == (3, 3)
    check_numbers(tmp_path / "report")


def test_masks_that_were_changed_are_not_measured_and_named_by_nobody(read_study: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(read_study, tmp_path / "study"))
    with StudyStore.open(study / "study.sqlite", who="A. Analyst") as store:
        unblind(store, study, "")
        mask = Path(store.study.study_exams[0].masks["machine"][0][0])
        kept = mask.read_bytes()
        mask.write_bytes(kept + b"0")
        try:
            write_report(store, tmp_path / "report", with_pdf=False)
        finally:
            mask.write_bytes(kept)
    form = json.loads((tmp_path / "report" / RESULTS).read_text(encoding="utf-8"))
    why = "the masks could not be used: The file is another one than when the study was opened"
    assert form["overlap"] == form["validity"]["without_looking"] == {"not_estimable": why}
    assert form["flow"]["complete"] == 6
    assert "case02" not in (tmp_path / "report" / REPORT).read_text(encoding="utf-8")


def test_a_disk_that_fails_leaves_nothing(paper: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("study_admin.report.document.flush", full)
    with pytest.raises(StudyError, match="No space left"):
        write_results(paper, tmp_path / "report", with_pdf=False)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(read_study: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with (
        StudyStore.open(read_study / "study.sqlite", who="A. Analyst") as store,
        pytest.raises(StudyError, match="there already"),
    ):
        write_report(store, tmp_path / "report")
    assert not list((tmp_path / "report").iterdir())
