"""The report as JSON: the contract, in full."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.reports import FORMATS
from cli.reports.json import _ACTIVE, _escaped, dump, safe
from cli.schema import SCHEMA, Report
from cli.terminal import printable

render = FORMATS["json"].render


def test_golden(report: Report, golden) -> None:
    golden("report.json", render(report, 0))


def test_is_the_whole_report(report: Report) -> None:
    written = json.loads(render(report, 0))
    assert next(iter(written)) == "schema"
    assert written["schema"] == SCHEMA
    assert (
        Report.model_validate({**{key: value for key, value in written.items() if key != "schema"}, "schema": SCHEMA})
        == report
    )


def test_values_are_whole_and_exact(report: Report, hostile: tuple[str, ...]) -> None:
    values = [
        parameter["value"] for event in json.loads(render(report, 0))["events"] for parameter in event["parameters"]
    ]
    assert all(any(text in value for value in values) for text in hostile)


def test_nothing_active_reaches_a_terminal(report: Report) -> None:
    for line in render(report, 0).splitlines():
        assert printable(line) == line


def test_provenance_and_reveal_are_in_it(reconstruction: Report, revealed: Report) -> None:
    assert json.loads(render(reconstruction, 0))["session"]["provenance"] == "reconstruction"
    assert json.loads(render(revealed, 0))["revealed"] is True


@pytest.mark.parametrize("name", ["report", "reconstruction", "revealed"])
def test_in_pieces_it_is_what_it_is_at_once(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    bare = report.model_copy(update={"acts": (), "events": (), "packs": ("a", "b"), "unjoined_events": ("e\x7f",)})
    half = report.model_copy(update={"events": (report.events[0].model_copy(update={"clicked": "a\ud800\nb"}),)})
    for content in (report, bare, half):
        assert "".join(FORMATS["json"].pieces(content, 0)) == dump(content)


@given(st.text(st.characters(exclude_categories=())))
def test_every_active_character_is_an_escape_in_the_same_text(text: str) -> None:
    written = json.dumps(text, ensure_ascii=False)
    assert safe(written) == _ACTIVE.sub(_escaped, written)
    assert json.loads(safe(written)) == text
