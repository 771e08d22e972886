"""The report as a table: one row per event, safe to open in a spreadsheet.

A cell that a spreadsheet could take for a formula begins with an apostrophe; control characters are
written as visible escapes. Several values in one cell are joined by ` | `.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from addon.vocabulary import ConsentState
from cli import sentences, typed
from cli.schema import Act, Event, Report
from cli.terminal import printable

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width forms


def cell(value: object) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    shown = printable(text)
    return f"'{shown}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else shown


def _joined(values: Iterable[str]) -> str:
    """Return several values as one, each once."""
    return " | ".join(dict.fromkeys(values))


class Row(NamedTuple):
    """One event with the report, the act and Meta's history it belongs to (its number), and its browser id's origin.

    `made` is what the visitor had chosen when the event's browser id was made.
    """

    report: Report
    event: Event
    act: Act | None
    history: int | None = None
    made: ConsentState | None = None


_COLUMNS: Final[dict[str, Callable[[Row], object]]] = {
    "provenance": lambda row: row.report.session.provenance,
    "revealed": lambda row: row.report.revealed,
    "session": lambda row: row.report.session.id,
    "event": lambda row: row.event.id,
    "act": lambda row: row.act.id if row.act else None,
    "act_kind": lambda row: row.act.kind if row.act else None,
    "occurred_at": lambda row: row.event.occurred_at,
    "client_time": lambda row: row.event.client_time,
    "site": lambda row: row.event.site,
    "page_url": lambda row: row.event.page_url,
    "page_url_from": lambda row: row.event.page_url_from,
    "page_evidence": lambda row: row.event.page_evidence,
    "page_title": lambda row: row.event.page_title,
    "page_class": lambda row: row.event.page_class,
    "page_class_reason": lambda row: sentences.page_class(row.event),
    "logged_in": lambda row: row.event.logged_in,
    "frame": lambda row: row.event.frame,
    "event_name": lambda row: row.event.event_name,
    "event_kind": lambda row: row.event.kind,
    "trigger": lambda row: row.event.trigger,
    "derived_from": lambda row: row.event.derived_from,
    "library": lambda row: row.event.library,
    "agent": lambda row: row.event.agent,
    "clicked": lambda row: row.event.clicked,
    "searched": lambda row: row.event.searched,
    "band": lambda row: row.event.band,
    "score": lambda row: row.event.score,
    "tier": lambda row: row.event.tier,
    "topics": lambda row: _joined(row.event.topics),
    "actions": lambda row: _joined(row.event.actions),
    "words": lambda row: _joined(finding.text for finding in row.event.findings),
    "fields": lambda row: _joined(finding.field for finding in row.event.findings),
    "rules": lambda row: _joined(f"{finding.rule}@{finding.version}" for finding in row.event.findings),
    "filtered": lambda row: _joined(note.text for note in row.event.filters),
    "still_left": lambda row: _joined(row.event.still_left),
    "review": lambda row: row.event.review.state,
    "review_reason": lambda row: row.event.review.reason,
    "linkability": lambda row: row.event.linkability,
    "linkability_complete": lambda row: row.event.linkability_complete,
    "identifiers": lambda row: _joined(
        f"{found.kind}={found.value} ({found.source})" for found in row.event.identifiers
    ),
    "joined_by": lambda row: _joined(tie.name for tie in row.event.ties if tie.name is not None),
    "history": lambda row: row.history,
    "browser_id_made": lambda row: row.made,
    "consent": lambda row: row.event.consent.state,
    "consent_basis": lambda row: row.event.consent.basis,
    "consent_contradictions": lambda row: _joined(
        sentences.contradiction(item) for item in row.event.consent.contradictions
    ),
    "consent_statements": lambda row: _joined(sentences.statement(item) for item in row.event.consent.statements),
    "delivery": lambda row: row.event.delivery,
    "recipient_host": lambda row: row.event.recipient_host,
    "pixel_id": lambda row: row.event.pixel_id,
    "address": lambda row: sentences.address(row.event.client_ip, row.report.session.public_address),
    "requests": lambda row: len(row.event.requests),
    "request_sha256": lambda row: _joined(request.sha256 for request in row.event.requests),
    "tool_version": lambda row: row.report.session.tool_version,
    "ruleset_digest": lambda row: row.report.session.ruleset_digest,
}


_OTHER_COLUMNS: Final[dict[str, Callable[[Row], object]]] = {
    "other_band": lambda row: row.event.other.band if row.event.other else None,
    "other_score": lambda row: row.event.other.score if row.event.other else None,
    "other_categories": lambda row: _joined(row.event.other.categories) if row.event.other else None,
    "other_words": lambda row: _joined(item.text for item in row.event.other.findings) if row.event.other else None,
    "other_rules": lambda row: (
        _joined(f"{item.rule}@{item.version}" for item in row.event.other.findings) if row.event.other else None
    ),
    "packs": lambda row: _joined(row.report.packs),
}
"""Columns of a report made with optional packs: they stand last and are no part of the health columns."""


_PERSON_COLUMNS: Final[dict[str, Callable[[Row], object]]] = {
    "person_details": lambda row: _joined(item.detail for item in row.event.person),
    "person_forms": lambda row: _joined(f"{item.words}, {typed.place(item)}" for item in row.event.person),
    "person_unmatched": lambda row: _joined(
        f"{found.kind}={found.value} ({found.parameter})"
        for found in row.event.identifiers
        if found.person_matched is False
    ),
}
"""Columns of a report on a session with a test person; they stand last."""


class _Echo:
    """A file whose `write` gives back the line it was given, as the writer of a row does in turn."""

    def write(self, line: str) -> str:
        """Return a line."""
        return line


def pieces(report: Report, _verbosity: int = 0) -> Iterator[str]:
    """Yield the events as lines of CSV (RFC 4180), after a line of column names."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    columns = _COLUMNS | (_OTHER_COLUMNS if report.packs else {}) | (_PERSON_COLUMNS if report.test_persons else {})
    yield writer.writerow(columns)
    acts = {identity: act for act in report.acts for identity in act.event_ids}
    known = [item for item in report.histories if item.level == "meta"]
    numbers = {identity: number for number, item in enumerate(known, 1) for identity in item.event_ids}
    made = {
        identity: item.state
        for item in report.consent_findings
        if item.what == "browser_id"
        for identity in item.event_ids
    }
    for event in report.events:
        row = Row(report, event, acts.get(event.id), numbers.get(event.id), made.get(event.id))
        yield writer.writerow([cell(column(row)) for column in columns.values()])
