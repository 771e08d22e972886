"""The formats a comparison can be written in. One line here adds one."""

from collections.abc import Callable
from typing import Final

from cli.comparison import csv, html, markdown, text
from cli.comparison.model import Comparison
from cli.reports.json import dump

FORMATS: Final[dict[str, Callable[[Comparison], str]]] = {
    "html": html.render,
    "json": dump,
    "csv": csv.render,
    "markdown": markdown.render,
    "text": text.render,
}
