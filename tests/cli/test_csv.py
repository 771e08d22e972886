"""The report as a table that a spreadsheet can open without harm."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.reports import FORMATS
from cli.reports.csv import cell
from cli.schema import Report
from cli.terminal import printable

render = FORMATS["csv"].render
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width forms


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(report, 0), newline="")))


def test_golden(report: Report, golden) -> None:
    golden("report.csv", render(report, 0))


def test_one_row_per_event(report: Report) -> None:
    assert [row["event"] for row in rows(report)] == [event.id for event in report.events]
    assert {row["act"] for row in rows(report)} == {act.id for act in report.acts}


def test_provenance_and_reveal_are_columns(reconstruction: Report, revealed: Report) -> None:
    assert {(row["provenance"], row["revealed"]) for row in rows(reconstruction)} == {("reconstruction", "false")}
    assert {(row["provenance"], row["revealed"]) for row in rows(revealed)} == {("recorded", "true")}


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_formulas_are_disarmed(start: str) -> None:
    assert cell(f"{start}1+1").startswith("'")
    assert not cell(f" {start}1+1").lstrip().startswith(FORMULA_STARTS)


def test_ordinary_cells_stay_as_they_are() -> None:
    assert [cell(value) for value in ("a=b", 12, None, True)] == ["a=b", "12", "", "true"]


@given(st.text())
def test_no_cell_is_a_formula_or_acts(text: str) -> None:
    shown = cell(text)
    assert not shown.lstrip().startswith(FORMULA_STARTS)
    assert printable(shown) == shown


def test_hostile_report(report: Report) -> None:
    for row in rows(report):
        assert not any(value.startswith(FORMULA_STARTS) for value in row.values())
        assert all(printable(value) == value for value in row.values())


def test_every_record_is_one_line(report: Report) -> None:
    assert len(render(report, 0).splitlines()) == 1 + len(report.events)


def test_filters_and_origins_are_columns(report: Report) -> None:
    found = {row["event"]: row for row in rows(report)}
    search, derived = (event for event in report.events if event.event_name == "Search")
    assert found[search.id]["filtered"].startswith("Protected-data mode: the client cut")
    assert found[search.id]["still_left"] == "the site's name | what was searched for | identifiers: em, fbp"
    assert (found[search.id]["agent"], found[search.id]["library"]) == ("tmgoogletagmanager", "2.9.383")
    assert found[search.id]["page_evidence"].startswith("A fingerprint")
    assert found[derived.id]["derived_from"] == search.id
