"""What the page says first: good news only where it is good. Findings of the small rehearsal, altered."""

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study_admin.rehearsal import page
from study_admin.rehearsal.page import document
from study_admin.rehearsal.pictures import overview
from study_admin.rehearsal.place import Place
from study_admin.report.pdf import obstacle, to_pdf

Form = dict[str, Any]


@pytest.fixture
def form(rehearsed: Path) -> Form:
    return dict(json.loads((rehearsed / page.JSON).read_text(encoding="utf-8")))


def _wrong_scores(form: Form) -> None:
    form["course"]["scores"]["wrong"] = 2


def _uncaught(form: Form) -> None:
    form["acts"][4]["is_caught"] = False


def _uneven(form: Form) -> None:
    form["sides"]["largest_excess_of_a_reader"] = 3


def _weak(form: Form) -> None:
    form["power"]["simulated"]["share"] = 0.5
    form["power"]["ways"] = ["9 groups instead of 5: 36 readers."]


def _false_alarms(form: Form) -> None:
    form["power"]["is_of_nothing"] = True
    form["power"]["simulated"] |= {"share": 0.3, "se": 0.05}


def _too_sure(form: Form) -> None:
    form["repetitions"]["covered"] = {"share": 0.8, "se": 0.02, "of": 400}


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (_wrong_scores, "2 scores in the tables are not those that readers gave. Don't start."),
        (_uncaught, "Not noticed: a results file edited."),
        (_uneven, "The sides are not balanced: somewhere one side leads by 3. Don't start."),
        (_weak, "50 % of such studies would show a difference; 80 % are usual. It would take 9 groups instead of 5"),
        (_false_alarms, "With no true difference, 30 % of 30 repetitions called one; 5 % are allowed."),
        (_too_sure, "The analysis is too sure of itself with this design"),
    ],
)
def test_bad_news_is_told_and_marked(alter: Callable[[Form], None], words: str, form: Form) -> None:
    before = list(page.verdict(form))
    assert not [line for line in before if line.startswith("LOOK")]
    alter(form)
    (marked,) = (line for line in page.verdict(form) if line.startswith("LOOK"))
    assert words in marked.replace("\u00a0", " ")


def test_a_study_in_which_nothing_can_be_estimated_is_told_as_such(form: Form, tmp_path: Path) -> None:
    form["course"]["primary"] = {"not_estimable": "there is only one reader"}
    form["course"]["covers"] = None
    form["repetitions"] = form["power"]["simulated"] = None
    form["guesses"] = {"not_estimable": "no reader was asked"}
    text = document(form, overview(form), Place(tmp_path))
    assert "not estimable in this course" in text and "not measured: no reader was asked" in text


def test_it_is_one_page(form: Form, tmp_path: Path) -> None:
    if obstacle() is not None:
        pytest.skip(str(obstacle()))
    pdf = to_pdf(document(form, overview(form), Place(tmp_path)))
    packed = re.findall(rb"/ObjStm.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    text = b"".join(zlib.decompressobj().decompress(data) for data in packed)
    assert len(re.findall(rb"/Type\s*/Page\b", text)) == 1
