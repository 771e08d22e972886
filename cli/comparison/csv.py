"""A comparison as a table for a spreadsheet: one row per page, kind of event and column."""

import csv
import io
from typing import Final

from cli.comparison.model import Comparison, PageRow, Signal
from cli.reports.csv import cell

HEADS: Final = (
    "page", "event_name", "pixel_id", "column", "session", "phase", "from_at", "to_at", "opened", "events", "not_sent",
    "clicked_or_searched", "event_ids", "page_events", "page_acts", "band", "score", "topics", "actions", "tied_by",
    "identifiers", "difference", "gone", "new",
)  # fmt: skip


def render(comparison: Comparison) -> str:
    """Return the comparison as CSV (RFC 4180), with a line of column names; `opened` empty: nothing is known."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADS)
    for row in comparison.pages:
        for signal in row.signals or (None,):
            for number in range(len(comparison.columns)):
                writer.writerow([cell(value) for value in _values(comparison, row, signal, number)])
    return buffer.getvalue()


def _values(comparison: Comparison, row: PageRow, signal: Signal | None, number: int) -> tuple[object, ...]:
    column, place = comparison.columns[number], row.cells[number]
    found = signal.cells[number] if signal else None
    change = row.changes[number - 1] if number else None
    return (
        row.page,
        signal.event_name if signal else None,
        signal.pixel_id if signal else None,
        column.letter,
        column.session,
        column.phase,
        column.from_at,
        column.to_at,
        place.opened if place.seen else None,
        (found.events if found else 0) if place.seen else None,
        found.not_sent if found else None,
        " | ".join(found.said) if found else None,
        " | ".join(found.event_ids) if found else None,
        place.events if place.seen else None,
        place.acts if place.seen else None,
        place.band if place.events else None,
        place.score if place.events else None,
        " | ".join(place.topics),
        " | ".join(place.actions),
        place.tied_by,
        " | ".join(place.ties),
        change.difference if change else None,
        " | ".join(change.gone) if change else None,
        " | ".join(change.new) if change else None,
    )
