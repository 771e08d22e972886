"""The formats a report can be written in. One line here adds one."""

from collections.abc import Callable
from typing import Final, NamedTuple

from cli.reports import csv, html, json, markdown, text
from cli.schema import Report


class Format(NamedTuple):
    """How to write a report in one format, and the suffix of such a file.

    `render(report, verbosity)` is pure. Verbosity 0, 1 or 2 is the depth of text and Markdown; the other
    formats always hold everything.
    """

    render: Callable[[Report, int], str]
    suffix: str


FORMATS: Final[dict[str, Format]] = {
    "html": Format(html.render, ".html"),
    "json": Format(json.render, ".json"),
    "csv": Format(csv.render, ".csv"),
    "markdown": Format(markdown.render, ".md"),
    "text": Format(text.render, ".txt"),
}
