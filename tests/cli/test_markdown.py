"""The report as Markdown in which no captured value is markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import wording
from cli.reports import FORMATS
from cli.reports.markdown import code, escaped, inline
from cli.schema import Report
from cli.terminal import printable

render = FORMATS["markdown"].render


@pytest.mark.parametrize("verbosity", [0, 2])
def test_golden(report: Report, golden, verbosity: int) -> None:
    golden(f"report-{verbosity}.md", render(report, verbosity))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, words: (here)", "plain, words: (here)"),
        ("<script>", "&lt;script&gt;"),
        ("[a](b) ![c](d)", "\\[a\\](b) !\\[c\\](d)"),
        ("*b* _i_ `c` a|b", "\\*b\\* \\_i\\_ \\`c\\` a\\|b"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("https://x.example www.x.example a@b.example", "https&#58;//x.example www&#46;x.example a&#64;b.example"),
        ("back\\slash", "back&#92;slash"),
        ("a\nb", "a&#92;nb"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_code_spans_only_where_they_hold() -> None:
    assert code("https://x.example/a_b") == "`https://x.example/a_b`"
    assert code("a`b") == "a\\`b"
    assert code("a<b|c") == "a&lt;b\\|c"


def test_no_html_and_no_image(report: Report) -> None:
    shown = render(report, 2)
    assert "<" not in shown
    assert not re.search(r"(?<!\\)\]\(", shown)
    assert "<script" not in shown


def test_tables_keep_their_columns(report: Report) -> None:
    width = 0
    for line in render(report, 2).splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if bars and width:
            assert bars == width, line
        width = bars


@given(st.text())
def test_any_text_stays_text(text: str) -> None:
    for shown in (inline(text), escaped(text)):
        assert "<" not in shown
        assert printable(shown) == shown
        assert not re.search(r"(?<!\\)[`*_|\[\]~$]", shown)
        assert "://" not in shown
    assert not re.match(r"([#>+=-]|\d+[.)])", escaped(text))


def test_reconstruction_and_reveal_are_loud(reconstruction: Report, revealed: Report) -> None:
    shown = render(reconstruction, 0)
    assert shown.count(wording.RECONSTRUCTION) == 2
    assert "## example-trust.example (reconstruction)" in shown
    assert wording.REVEALED in render(revealed, 0)


def test_filters_setups_pages_and_notes_are_said(report: Report) -> None:
    shown = render(report, 0)
    assert "- What Meta's client filtered:" in shown
    assert "- What left all the same:" in shown
    assert "## How the pixels were set up" in shown
    assert "| Contact details (advanced matching) | switched on: AutomaticMatching; fields" in shown
    assert "**Keys that protected-data mode lets through, as declared:** 12 (listed with -v)" in shown
    assert "key\\_11" in render(report, 1)
    assert "## Pages visited" in shown
    assert shown.count("| no event seen") == 5
    assert "- **plain.example**: 1 act, 1 event\n  - R20, Plain" in shown
    assert "**Investigator's notes**" in shown


def test_many_pages_are_cut_to_those_without_an_event(report: Report) -> None:
    many = report.model_copy(update={"pages": report.pages * 3})
    assert "all of them with -v" in render(many, 0)
    assert "hiv-patient-handbook | HIV | 6 events" not in render(many, 0)
    assert render(many, 1).count("hiv-patient-handbook | HIV | 6 events") == 3


def test_statements_and_stories(report: Report) -> None:
    brief = render(report, 0)
    assert "## What could be inferred" in brief
    assert "**… took an interest in HIV and sexual health.**" in brief
    assert "**In order** (times in UTC)" in brief
    story = report.stories[0]
    long = story.model_copy(update={"lines": story.lines * 5})
    many = report.model_copy(update={"inferences": report.inferences * 3, "stories": (long,)})
    assert "further statements: with -v." in render(many, 0)
    assert "further acts: with -v." in render(many, 0)
    assert "with -v" not in render(many, 1)


def test_rules_are_named_by_their_title(report: Report) -> None:
    assert "(“HIV: treatment and prevention”, `topics/hiv`)" in render(report, 0)
    assert "| “HIV: treatment and prevention”, `topics/hiv`, version 2 |" in render(report, 1)
