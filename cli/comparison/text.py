"""A comparison for a terminal: plain text of bounded width, one block for each page."""

from collections.abc import Sequence
from typing import Final

from cli import wording
from cli.comparison import words
from cli.comparison.model import Comparison, PageCell, PageRow, Signal
from cli.reports.text import Page
from cli.terminal import columns, printable

WIDTH: Final = 96
_NARROWEST: Final = 14
_FIRST: Final = 0.36
_LONGEST_SAID: Final = 40


def render(comparison: Comparison, *, width: int = WIDTH) -> str:
    """Return the comparison as plain text."""
    page = Page(width)
    page.heading(words.TITLE, "=")
    if comparison.revealed:
        page.say(wording.REVEALED, first="!! ")
    if any(column.provenance == "reconstruction" for column in comparison.columns):
        page.say(wording.RECONSTRUCTION, first="!! ")
    page.blank()
    for column in comparison.columns:
        page.say(column.label, first=f"{column.letter}  ")
        page.say(words.column(column), indent=3)
        if column.from_at and column.to_at:
            page.say(f"{wording.instant(column.from_at)} to {wording.instant(column.to_at)}", indent=3)
    page.blank()
    for total in comparison.totals:
        page.say(total.text)
    for row in comparison.pages:
        if row.comparable:
            _page(page, row, comparison)
    alone = [row for row in comparison.pages if not row.comparable]
    if alone:
        page.heading(words.NOT_IN_BOTH, "-")
    for row in alone:
        page.say(row.page or words.PAGE_UNKNOWN, first="- ")
        for column, cell in zip(comparison.columns, row.cells, strict=True):
            if cell.seen:
                page.say(
                    ", ".join(part for part in (words.cell(cell), words.band(cell)) if part),
                    first=f"  {column.letter}  ",
                )
    page.heading("What this does not show", "-")
    for caution in comparison.cautions:
        page.say(caution, first="- ")
    return str(page)


def _brief(cell: PageCell) -> str:
    return ", ".join(part for part in (words.cell(cell), words.band(cell)) if part)


def _page(page: Page, row: PageRow, comparison: Comparison) -> None:
    """Add the block of one page."""
    page.heading(row.page or words.PAGE_UNKNOWN, "-")
    _line(page, "", [column.letter for column in comparison.columns])
    _line(page, "opened", [str(cell.opened) if cell.seen else words.NOT_OPENED for cell in row.cells])
    for signal in row.signals:
        _line(page, words.signal(signal), _counts(signal, row))
    _line(page, "strongest", [words.band(cell) for cell in row.cells])
    _line(page, "about", [words.about(cell) for cell in row.cells])
    _line(
        page, "tied by", [wording.LINKABILITY[cell.tied_by] if cell.tied_by is not None else "" for cell in row.cells]
    )
    for change in row.changes:
        if change.difference == "not_comparable":
            continue  # its cell says that the page was not opened
        page.say(f"{change.letter}: {change.text}.", indent=2)
        if change.gone:
            page.say(f"no more: {'; '.join(change.gone)}", indent=5)
        if change.new:
            page.say(f"new: {'; '.join(change.new)}", indent=5)


def _counts(signal: Signal, row: PageRow) -> list[str]:
    """Return how often one kind of event was sent in each column."""
    shown = []
    for cell, place in zip(signal.cells, row.cells, strict=True):
        if cell is None:
            shown.append("none" if place.seen else "")
            continue
        said = ", ".join(f"“{_cut(text)}”" for text in cell.said)
        held = f" ({cell.not_sent} held back)" if cell.not_sent else ""
        shown.append(f"{cell.events}{held} {said}".rstrip())
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SAID else f"{text[:_LONGEST_SAID]}…"


def _line(page: Page, name: str, cells: Sequence[str]) -> None:
    """Add one line of a page's table; cells that are too long go on below."""
    if name and not any(cells):
        return
    first = int(page.width * _FIRST)
    own = max((page.width - first - 2 * len(cells)) // len(cells), _NARROWEST)
    stacks = [_wrapped(name, first), *(_wrapped(cell, own) for cell in cells)]
    widths = [first, *([own] * len(cells))]
    for number in range(max(len(stack) for stack in stacks)):
        parts = [stack[number] if number < len(stack) else "" for stack in stacks]
        page.lines.append("  ".join(_padded(part, size) for part, size in zip(parts, widths, strict=True)).rstrip())


def _wrapped(text: str, width: int) -> list[str]:
    inner = Page(width)
    inner.width = width
    inner.say(text)
    return inner.lines


def _padded(text: str, width: int) -> str:
    shown = printable(text)
    return shown + " " * max(width - columns(shown), 0)
