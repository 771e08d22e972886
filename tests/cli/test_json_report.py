"""The report as JSON: the contract, in full."""

import json

from cli.reports import FORMATS
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
