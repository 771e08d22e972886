"""What the live page shows of acts and events, as plain data for JSON.

Everything comes from the models of a report, which have passed `addon.redaction`, and is worded as reports word it.
`shown` is the last step: no control or direction character of a capture reaches the page.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from addon.vocabulary import DELIVERY_STRENGTH, Delivery
from cli import sentences, wording
from cli.headline import BAND_RANK
from cli.reports import html
from cli.schema import Event, Mark, OtherCategories, PublicAddress
from cli.summary import Entry, Quote, excerpt
from cli.terminal import printable
from rules.model import Band

Json = dict[str, Any]

_AROUND: Final = 70
_LONGEST: Final = 240
_QUOTES: Final = 2
_TIES: Final = 3
_LENGTH: Final = re.compile(r"\(\d+ (?:characters|digits)\)")
_EVENTS: Final = 40
_REQUESTS: Final = 20
_PARAMETERS: Final = 400


def shown(value: Any) -> Any:
    """Return JSON data with every text in it made safe to show (see `cli.terminal.printable`)."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def severity(band: Band, score: int) -> Json:
    """Return a band as shape, word and number: none of them needs colour."""
    return {"band": band, "glyph": wording.BAND_GLYPHS[band], "word": wording.BANDS[band], "score": score}


def arrival(events: Sequence[Event], held: frozenset[str]) -> Json:
    """Return what is known of the delivery of events; `held` are the ids of those that were held back."""
    kept_back = sum(event.id in held for event in events)
    strongest: Delivery = max(
        (event.delivery for event in events), key=DELIVERY_STRENGTH.__getitem__, default="unknown"
    )
    left = sum(event.delivery != "not_sent" for event in events)
    if events and kept_back == len(events):
        return {"kind": "held", "text": "held back: did not leave", "glyph": "⊘"}
    text = wording.DELIVERIES_SHORT[strongest]
    if kept_back:
        text += f"; {kept_back} of {len(events)} held back"
    elif 0 < left < len(events):
        text += f"; {len(events) - left} of {len(events)} not sent"
    glyphs = {"answered": "✓", "sent": "→", "unknown": "?", "not_sent": "✕"}
    return {"kind": "part_held" if kept_back else strongest, "text": text, "glyph": glyphs[strongest]}


def card(entry: Entry, held: frozenset[str]) -> Json:
    """Return an act as it stands in the list, with its events beneath; `held`: ids of events held back."""
    events = sorted((*entry.events, *entry.other_events), key=lambda event: (event.occurred_at, event.id))
    quotes = [quote for quote in entry.quotes if quote.findings] or list(entry.quotes)
    data = {
        "id": entry.act.id,
        "kind": wording.ACTS[entry.kind],
        "title": html.cut(sentences.entry_title(entry).partition(": ")[2], _LONGEST),
        "at": entry.at,
        "site": entry.site,
        "url": html.cut(entry.page_url, _LONGEST),
        "severity": severity(entry.band, entry.score),
        "standing": entry.standing,
        "special": entry.tier == "special_risk",
        "topics": list(entry.topics),
        "about": [wording.category(name) for name in (*entry.topics, *entry.actions)],
        "quotes": [_quote(quote, _AROUND) for quote in quotes[:_QUOTES]],
        "more_quotes": max(0, len(quotes) - _QUOTES),
        "ties": [_LENGTH.sub("", sentences.tie_short(tie)) for tie in entry.ties[:_TIES]],
        "more_ties": max(0, len(entry.ties) - _TIES),
        "tied": {"key": entry.linkability, "text": wording.LINKABILITY[entry.linkability]},
        "consent": {
            "state": entry.consent.state,
            "text": wording.CONSENT_STATES[entry.consent.state],
            "before": entry.before_consent,
            "basis": wording.CONSENT_BASES[entry.consent.basis],
        },
        "arrival": arrival(entry.events or events, held),
        "review": _review_of(entry),
        "judged": [event.id for event in entry.events] if entry.standing != "nothing" else [],
        "events": [_line(event, event.id in held) for event in events[:_EVENTS]],
        "more_events": max(0, len(events) - _EVENTS),
        "total": len(events),
        "other": _other_short(events),
    }
    return dict(shown(data))


def _line(event: Event, held: bool) -> Json:
    delivery = arrival([event], frozenset({event.id}) if held else frozenset())
    return {
        "id": event.id,
        "name": html.cut(event.event_name, 80) or "(no name)",
        "says": wording.event_name(event.event_name) or "",
        "at": event.occurred_at,
        "pixel": event.pixel_id,
        "host": event.recipient_host,
        "requests": len(event.requests),
        "severity": severity(event.band, event.score),
        "arrival": delivery,
        "review": event.review.state,
    }


def _quote(quote: Quote, around: int) -> Json:
    return {
        "where": wording.capital(", ".join(wording.field(name) for name in quote.fields)),
        "segments": [[part.text, part.marked] for part in excerpt(quote.segments, around)],
        "points": sum(found.points for found in quote.findings),
    }


def _review_of(entry: Entry) -> Json:
    states = [event.review.state for event in entry.events]
    if not states or entry.standing == "nothing":
        return {"state": "none", "text": ""}
    if all(state == "confirmed" for state in states):
        return {"state": "confirmed", "text": "confirmed"}
    if all(state == "dismissed" for state in states):
        return {"state": "dismissed", "text": "dismissed"}
    done = sum(state != "unreviewed" for state in states)
    return {"state": "open", "text": f"{done} of {len(states)} reviewed" if done else "not yet reviewed"}


def _other_short(events: Iterable[Event]) -> Json | None:
    strongest = max(
        (event.other for event in events if event.other and BAND_RANK[event.other.band]),
        key=lambda other: other.score,
        default=None,
    )
    if strongest is None:
        return None
    return {
        "severity": severity(strongest.band, strongest.score),
        "about": [wording.category(name) for name in strongest.categories],
    }


def act_detail(
    entry: Entry,
    held: frozenset[str],
    titles: Mapping[str, str],
    sources: Mapping[str, str],
    stated: PublicAddress | None,
    *,
    reconstruction: bool,
) -> Json:
    """Return an act in full: what left and why it counts, then the full decode and ledger of each of its events.

    `titles` are those of the rules by id, `sources` the names of the captures by id.
    """
    events = sorted((*entry.events, *entry.other_events), key=lambda event: (-event.score, event.occurred_at))
    known = {event.id: event for event in events}
    data = {
        "card": card(entry, held),
        "sent": sentences.made_to_send(entry, reconstruction=reconstruction),
        "quotes": [
            {
                **_quote(quote, 180),
                "findings": [
                    {
                        "points": f"{found.points:+d}",
                        "kind": f"{wording.capital(wording.rule_kind(found.kind))}: {wording.category(found.category)}",
                        "reason": found.reason,
                    }
                    for found in quote.findings
                ],
                "note": "; ".join(part for part in (sentences.repeated(quote), html.quote_note(quote)) if part),
            }
            for quote in entry.quotes
        ],
        "facts": [
            _fact("Consent", sentences.consent(entry.consent), *sentences.consent_proofs(entry.consent)),
            _fact("Tied to a person by", sentences.link(entry.linkability, complete=entry.linkability_complete)),
            *[_fact("", sentences.tie_short(tie), sentences.tie_details(tie)) for tie in entry.ties],
            _fact("Network address", sentences.address(entry.events[0].client_ip if entry.events else None, stated)),
            *[
                _fact("" if number else "Filtered by Meta's client", f"{note.text} ({note.parameter})")
                for number, note in enumerate(entry.filters)
            ],
            *([_fact("Left all the same", "; ".join(entry.still_left))] if entry.filters and entry.still_left else []),
        ],
        "events": [event_detail(event, event.id in held, titles, sources, stated, known) for event in events[:_EVENTS]],
        "more_events": max(0, len(events) - _EVENTS),
    }
    return dict(shown(data))


def _fact(label: str, text: str, *notes: str) -> list[str]:
    """Return a fact as label, text and notes, each a line of its own."""
    return [label, wording.capital(text), *(wording.capital(note) for note in notes if note)]


def event_detail(
    event: Event,
    held: bool,
    titles: Mapping[str, str],
    sources: Mapping[str, str],
    stated: PublicAddress | None,
    others: Mapping[str, Event],
) -> Json:
    """Return everything about one event: facts, ledger, words, requests, identifiers, every parameter."""
    derived = (f"derived from {sentences.derived_from(event, others)}",) if event.derived_from else ()
    page_notes = (
        f"address from {wording.PAGE_URL_FROM[event.page_url_from]}",
        f"sent by {wording.FRAMES[event.frame]}; {wording.PAGE_CLASSES[event.page_class]}",
        event.page_evidence or "",
    )
    facts = [
        _fact("Event", sentences.event_name(event.event_name), f"id {event.id}"),
        _fact("Came about", sentences.came_about(event), *derived),
        _fact("Page", html.cut(event.page_url) or "not known", *page_notes),
        *([_fact("Page before", html.cut(event.referrer_url))] if event.referrer_url else []),
        _fact("Recipient", event.recipient_host, f"pixel {event.pixel_id}, owner not known"),
        _fact("When", wording.instant(event.occurred_at), f"the pixel states {wording.instant(event.client_time)}"),
        _fact("Consent", sentences.consent(event.consent), *sentences.consent_proofs(event.consent)),
        _fact("Tied to a person by", sentences.link(event.linkability, complete=event.linkability_complete)),
        _fact("Network address", sentences.address(event.client_ip, stated)),
        _fact(
            "Arrival",
            "held back by the proxy because you asked for it: it did not leave"
            if held
            else wording.DELIVERIES[event.delivery],
        ),
        _fact("Review", sentences.review(event)),
        *[_fact("Filtered by Meta's client", f"{note.text} ({note.parameter})") for note in event.filters],
    ]
    tables = [
        *_ledger(event, titles, ""),
        *(_ledger(event.other, titles, f"{wording.OTHER_TITLE}: ") if event.other else []),
        _table(
            "Identifiers", ["What", "Value", "How it came along", "The test person's?"], html.identifier_rows(event)
        ),
        _table(
            "Requests that carried it",
            ["Time", "Request", "Arrival", "SHA-256 of its bytes"],
            html.request_rows(event, dict(sources))[:_REQUESTS],
        ),
        _table(
            "Every parameter, decoded",
            ["Name", "Value", "Meaning", "In"],
            html.parameter_rows(event)[:_PARAMETERS],
        ),
    ]
    return {**_line(event, held), "facts": facts, "tables": [table for table in tables if table["rows"]]}


def _ledger(judged: Event | OtherCategories, titles: Mapping[str, str], prefix: str) -> list[Json]:
    return [
        _table(f"{prefix}How the score came about", ["Step", "Points", "Sum"], html.step_rows(judged)),
        _table(
            f"{prefix}Words that scored",
            ["Points", "Words", "Where", "Rule and reason"],
            html.finding_rows(judged, titles),
        ),
        _table(f"{prefix}Looked like it and did not count", ["Words", "Where", "Why not"], html.near_miss_rows(judged)),
    ]


def _table(title: str, heads: list[str], rows: Sequence[html.Row]) -> Json:
    return {
        "title": title,
        "heads": heads,
        "rows": [[[cell.text, cell.code, cell.note] for cell in row.cells] for row in rows],
    }


def mark_line(mark: Mark) -> Json:
    """Return what the investigator stated, for the timeline and the list of marks."""
    return dict(
        shown(
            {
                "at": mark.at,
                "kind": mark.kind,
                "word": wording.MARKS[mark.kind],
                "site": mark.site,
                "text": html.cut(sentences.mark(mark), _LONGEST),
            }
        )
    )
