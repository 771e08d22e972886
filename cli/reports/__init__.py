"""The formats a report can be written in. One line here adds one."""

from collections.abc import Callable
from typing import Final, NamedTuple

from cli.reports import csv, json, text
from cli.schema import Report


class Format(NamedTuple):
    """How to write a report in one format, and the suffix of such a file.

    `render(report, verbosity)` is pure; verbosity 0, 1 or 2 matters to the formats read in a terminal.
    """

    render: Callable[[Report, int], str]
    suffix: str


FORMATS: Final[dict[str, Format]] = {
    "json": Format(json.render, ".json"),
    "csv": Format(csv.render, ".csv"),
    "text": Format(text.render, ".txt"),
}
