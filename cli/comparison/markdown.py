"""A comparison as Markdown: one table of pages and columns, then what differs on each page."""

from cli import wording
from cli.comparison import words
from cli.comparison.model import Comparison, PageCell
from cli.reports.markup import code, escaped, inline, table


def render(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    lines = [f"# {words.TITLE}", ""]
    if comparison.revealed:
        lines += [f"> **{wording.REVEALED}**", ""]
    if any(column.provenance == "reconstruction" for column in comparison.columns):
        lines += [f"> **{wording.RECONSTRUCTION}**", ""]
    lines += [
        f"- **{column.letter}**: {inline(column.label)}. {inline(words.column(column))}."
        for column in comparison.columns
    ]
    lines += ["", *(f"{inline(total.text)}\n" for total in comparison.totals)]
    heads = ["Page", *(column.letter for column in comparison.columns), "Difference"]
    rows = [
        [
            code(row.page) if row.page else words.PAGE_UNKNOWN,
            *(_cell(cell) for cell in row.cells),
            "; ".join(f"{change.letter}: {change.text}" for change in row.changes),
        ]
        for row in comparison.pages
    ]
    lines += table(heads, rows)
    for row in comparison.pages:
        told = [change for change in row.changes if change.gone or change.new]
        if told:
            lines += [f"**{code(row.page) if row.page else words.PAGE_UNKNOWN}**", ""]
            for change in told:
                if change.gone:
                    lines.append(f"- {change.letter}, no more: {'; '.join(inline(fact) for fact in change.gone)}")
                if change.new:
                    lines.append(f"- {change.letter}, new: {'; '.join(inline(fact) for fact in change.new)}")
            lines.append("")
    lines += ["## What this does not show", "", *(f"- {escaped(caution)}" for caution in comparison.cautions)]
    return "\n".join(lines).rstrip() + "\n"


def _cell(cell: PageCell) -> str:
    tied = wording.LINKABILITY[cell.tied_by] if cell.tied_by is not None else ""
    return ", ".join(part for part in (words.cell(cell), words.band(cell), tied) if part)
