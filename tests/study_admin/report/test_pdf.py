"""The PDF: read back by poppler, and by hand where poppler is not installed."""

import builtins
import logging
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from study_admin.report import document as written_by
from study_admin.report import pdf
from study_admin.report.document import PDF, REPORT, document, write_results
from study_admin.report.results import StudyResults
from tests.study_admin.report.reference_material import results_of_study

needs_pango = pytest.mark.skipif(pdf.obstacle() is not None, reason="Pango is not installed")


@pytest.fixture(scope="module")
def paper() -> StudyResults:
    return results_of_study()


@pytest.fixture(scope="module")
def written(report: Path) -> Path:
    if pdf.obstacle() is not None:
        pytest.skip("Pango is not installed")
    assert (report / PDF).is_file()
    return report


def poppler(tool: str, *words: str | Path) -> str:
    if shutil.which(tool) is None:
        pytest.skip("poppler-utils is not installed")
    return subprocess.run([tool, *map(str, words)], capture_output=True, text=True, check=True).stdout


def test_it_is_a_tagged_a4_document_with_title_language_and_its_fonts(written: Path) -> None:
    content = (written / PDF).read_bytes()
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    assert content.startswith(b"%PDF-1.")
    assert any(b"/Lang (en)" in zlib.decompress(stream) for stream in streams)
    facts = dict(line.split(":", 1) for line in poppler("pdfinfo", written / PDF).splitlines() if ":" in line)
    assert facts["Title"].strip() == "The frozen scores: results"
    assert facts["Tagged"].strip() == "yes" and "A4" in facts["Page size"]
    fonts = [line.split() for line in poppler("pdffonts", written / PDF).splitlines()[2:]]
    assert fonts and all(row[-5] == "yes" for row in fonts)  # embedded
    assert all("+Report" in row[0] for row in fonts)  # ours: none that this computer happens to have


def test_its_pages_have_numbers_a_running_head_and_the_words_of_the_page(written: Path) -> None:
    pages = poppler("pdftotext", "-layout", written / PDF, "-").split("\f")[:-1]
    assert 8 <= len(pages) <= 20
    for number, page in enumerate(pages, 1):
        assert f"{number} of {len(pages)}" in page
        head = r"The frozen scores {9,}\S" if number > 1 else "The frozen scores$"  # with the section's name; the title
        assert re.match(head, page.splitlines()[0])
    words = " ".join(" ".join(pages).split())
    # statistics.md, section 3
    assert "the mean difference was 0.34 points on a scale from 0 to 10 (95 % CI 0.07 to 0.61; p = 0.016)" in words
    (appendix,) = (page for page in pages if "Table A1" in page)
    assert "Appendix: where reporting guidelines are answered" in " ".join(appendix.split("\n")[:6])


def test_no_row_and_no_figure_is_torn_apart(written: Path) -> None:
    """Each caption of a figure is whole on one page, and each reader's line of a table is one line."""
    pages = poppler("pdftotext", "-layout", written / PDF, "-").split("\f")
    html = (written / REPORT).read_text(encoding="utf-8")
    for caption in re.findall(r"<figcaption>(.*?)</figcaption>", html):
        plain = re.sub(r"<[^>]+>", "", caption).replace("&#39;", "'").split()
        assert any(" ".join(plain) in " ".join(page.split()) for page in pages), plain[:4]
    rows = [
        line for page in pages for line in page.splitlines() if re.match(r"\s*R\d\d\s+G\d\s+20\s+20\s+20\s+0$", line)
    ]
    assert len(rows) == 20


@needs_pango
def test_equal_pages_are_equal_bytes_and_nothing_is_complained_of(
    paper: StudyResults, caplog: pytest.LogCaptureFixture
) -> None:
    page = document(paper, {})
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        assert pdf.to_pdf(page) == pdf.to_pdf(page)
    assert not caplog.records


@needs_pango
def test_it_reads_no_file_and_asks_no_server(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """What a name smuggled in would ask for is refused; the page comes all the same."""
    (tmp_path / "secret.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    sources = ((tmp_path / "secret.svg").as_uri(), "https://example.org/a.png")
    page = "".join(f'<img src="{source}">' for source in sources)
    with caplog.at_level(logging.ERROR, logger="weasyprint"):
        assert pdf.to_pdf(f"<!DOCTYPE html><html lang=en><title>x</title>{page}").startswith(b"%PDF")
    assert sum("disallowed protocol" in record.getMessage() for record in caplog.records) == len(sources)


def test_without_pango_the_report_is_whole_but_for_the_pdf_and_says_so_plainly(
    paper: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def lacking(name: str, *others: Any) -> Any:
        if name == "weasyprint":
            print("advice of the library's own")
            raise OSError("cannot load library 'libgobject-2.0-0'")
        return original(name, *others)

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", lacking)
    monkeypatch.setattr(written_by, "figures", lambda results: {})
    pdf._weasyprint.cache_clear()
    try:
        written = {path.name for path in write_results(paper, tmp_path / "report")}
        reason = str(pdf.obstacle())
    finally:
        pdf._weasyprint.cache_clear()
    assert REPORT in written and PDF not in written
    assert "sudo apt-get install libpango-1.0-0" in reason and "\n" not in reason
    assert capsys.readouterr().out == ""


def test_whoever_wants_none_gets_none(paper: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written_by, "figures", lambda results: {})
    assert tmp_path / "report" / PDF not in write_results(paper, tmp_path / "report", with_pdf=False)
