"""Every format of a comparison: what it shows, and that no captured value acts on its reader."""

import csv
import io
import json
from html.parser import HTMLParser

import pytest

from cli.comparison.build import compare
from cli.comparison.csv import HEADS
from cli.comparison.formats import FORMATS
from cli.comparison.model import SCHEMA, Comparison
from cli.comparison.selection import Selection
from cli.comparison.text import render as render_text
from cli.schema import Report


@pytest.fixture(scope="module")
def comparison(report: Report) -> Comparison:
    """Return three columns: all of a visit, before a choice, and the visit without some of its events."""
    session = report.session.model_copy(update={"id": "later", "complete": False})
    later = report.model_copy(update={"session": session, "events": report.events[3:], "pages": report.pages[1:]})
    parts = [(Selection(report.session.id), report), (Selection(report.session.id, "before"), report)]
    found = compare([*parts, (Selection("later"), later)])
    return found.model_copy(update={"generated_at": "2026-03-03T09:00:00.000Z", "tool_version": "1.2.3"})


@pytest.mark.parametrize(
    ("form", "suffix"), [("text", "txt"), ("markdown", "md"), ("csv", "csv"), ("html", "html"), ("json", "json")]
)
def test_golden(comparison: Comparison, golden, form: str, suffix: str) -> None:
    golden(f"comparison.{suffix}", FORMATS[form](comparison))


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_format_lets_a_value_act(comparison: Comparison, form: str) -> None:
    text = FORMATS[form](comparison)
    assert not [character for character in text if character in "\x1b\x00\x07\u202e\u202c"]
    if form in {"html", "markdown"}:
        assert "<script" not in text.lower()
        assert "<img" not in text.lower()


def test_html_is_well_formed_and_loads_nothing(comparison: Comparison) -> None:
    open_tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "img", "iframe", "object", "link", "a"}
            assert not [name for name, _ in attrs if name in {"src", "href", "style"} or name.startswith("on")]
            if tag not in {"meta", "br"}:
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    reader = Reader()
    reader.feed(FORMATS["html"](comparison))
    reader.close()
    assert not open_tags


def test_csv_has_a_row_for_every_kind_of_event_and_column(comparison: Comparison) -> None:
    heads, *rows = list(csv.reader(io.StringIO(FORMATS["csv"](comparison))))
    assert tuple(heads) == HEADS
    assert len(rows) == sum(max(len(row.signals), 1) * 3 for row in comparison.pages)
    assert all(len(row) == len(HEADS) for row in rows)
    assert not [value for row in rows for value in row if value.startswith(("=", "+", "-", "@"))]


def test_json_is_the_comparison(comparison: Comparison) -> None:
    content = json.loads(FORMATS["json"](comparison))
    assert content["schema"] == SCHEMA
    assert Comparison.model_validate(content) == comparison


@pytest.mark.parametrize("width", [20, 60, 96, 160])
def test_text_keeps_its_width_where_columns_fit(comparison: Comparison, width: int) -> None:
    lines = render_text(comparison, width=width).splitlines()
    if width >= 96:
        assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_cautions_and_warnings_stand_in_every_form(comparison: Comparison, form: str) -> None:
    revealed = comparison.model_copy(update={"revealed": True})
    text = " ".join(FORMATS[form](revealed).split())
    assert "proves nothing by itself" in text
    assert "counts are lower bounds" in text
    assert "Identifiers" in text
