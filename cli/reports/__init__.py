"""The formats a report can be written in. One line here adds one."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from cli.reports import csv, html, json, markdown, text
from cli.schema import Report


class Format(NamedTuple):
    """How to write a report in one format, and the suffix of such a file.

    `pieces(report, verbosity)` makes the text piece by piece, so that a long one is never in memory whole. Verbosity
    0, 1 or 2 is the depth of text and Markdown; the other formats always hold everything.
    """

    pieces: Callable[[Report, int], Iterable[str]]
    suffix: str

    def render(self, report: Report, verbosity: int) -> str:
        """Return the whole text."""
        return "".join(self.pieces(report, verbosity))


FORMATS: Final[dict[str, Format]] = {
    "html": Format(html.pieces, ".html"),
    "json": Format(json.pieces, ".json"),
    "csv": Format(csv.pieces, ".csv"),
    "markdown": Format(markdown.pieces, ".md"),
    "text": Format(text.pieces, ".txt"),
}
