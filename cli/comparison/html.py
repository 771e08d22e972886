"""A comparison as one HTML file, in the looks of the report: no script, nothing loaded from anywhere."""

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from cli import wording
from cli.comparison import words
from cli.comparison.model import Comparison
from cli.reports.html import cut, shown

_HERE: Final = Path(__file__).parent
_LONGEST_SAID: Final = 120


@cache
def _template() -> Template:
    """Return the compiled template."""
    environment = Environment(
        loader=FileSystemLoader([_HERE, _HERE.parent / "reports"]),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=wording, say=words, cut=cut, longest_said=_LONGEST_SAID)
    return environment.get_template("comparison.html.j2")


def render(comparison: Comparison) -> str:
    """Return the comparison as one self-contained HTML document."""
    reconstruction = any(column.provenance == "reconstruction" for column in comparison.columns)
    page = _template().render(comparison=comparison, reconstruction=reconstruction)
    return f"{page.lstrip()}\n"
