"""Numbers as a page shows them, rounded by hand."""

import re

import pytest

from study_admin.report.shown import Notes, Shown, Tables

FORM = {
    "p": {"large": 0.181, "usual": 0.0164634, "small": 0.00412, "tiny": 6.47748e-05, "none": 1e-16, "edge": 0.09951},
    "difference": -0.346, "nearly_none": -0.001, "share": 0.32499, "ci": [-0.5, 0.25], "unknown": None,
    "empty": {"not_estimable": "there is only <one> reader"}, "names": ["a", "b"],
}  # fmt: skip


def text(markup: str) -> str:
    return markup.split(">", 1)[1].rsplit("<", 1)[0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("p.large", "0.18"), ("p.usual", "0.016"), ("p.small", "0.0041"), ("p.tiny", "6.5 × 10⁻⁵"),
        ("p.none", "1.0 × 10⁻¹⁶"), ("p.edge", "0.10"),
    ],
)  # fmt: skip
def test_a_p_value_has_two_digits_that_count(path: str, expected: str) -> None:
    assert text(Shown(FORM).p(path)) == expected


def test_numbers_are_rounded_with_a_true_minus_and_none_before_nought() -> None:
    shown = Shown(FORM)
    assert text(shown.number("difference")) == "−0.35"
    assert text(shown.number("nearly_none")) == "0.00"
    assert text(shown.number("share", 1, times=100)) == "32.5"
    assert shown.interval("ci") == '<data value="ci.0">−0.50</data> to <data value="ci.1">0.25</data>'


def test_what_is_not_there_is_said_and_its_reason_is_no_html() -> None:
    shown = Shown(FORM)
    reason = '<span class="none">not estimable, because there is only &lt;one&gt; reader</span>'
    assert shown.number("empty") == shown.p("empty") == shown.interval("empty.ci") == shown.number("empty.se") == reason
    assert shown.number("unknown") == '<span class="none">–</span>'
    assert not shown.has("empty.se") and not shown.has("unknown") and shown.has("ci.1")


def test_a_path_that_leads_nowhere_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Shown(FORM).number("p.missing")


def test_reasons_that_are_too_long_for_a_cell_stand_below_the_table_once_each() -> None:
    form = {"a": {"not_estimable": "x < y"}, "b": {"not_estimable": "no z"}, "c": 1.5, "d": None}
    notes = Notes(Shown(form))
    cells = [re.sub(r"<[^>]+>", "", notes.number(name)) for name in ("b", "a", "c", "b", "d")]
    assert cells == ["n.e.a", "n.e.b", "1.50", "n.e.a", "–"]
    below = re.sub(r"</?(p|sup)[^>]*>", "", notes.below())
    assert below == "n.e.: a&nbsp;not estimable, because no z; b&nbsp;not estimable, because x &lt; y."
    assert notes.below() == ""


def test_tables_are_numbered_as_they_come_and_what_is_not_there_has_no_number() -> None:
    tables = Tables()
    assert [tables.new(name) for name in ("scores", "agreement", "scores", "checks")] == [1, 2, 1, 3]
    assert tables.at("agreement") == "Table 2" and tables.at("overlap") == "–"
    assert tables.at("scores", "overlap", "checks") == "Tables 1 and 3"
