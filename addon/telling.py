"""One event in one line: for the log, for a flow's comment, and the mark that stands beside the flow."""

from typing import Final

from addon.audit import AssessedEvent
from addon.redaction import Redactor
from rules.model import Band

MARKERS: Final[dict[Band, str]] = {
    "critical": ":rotating_light:",
    "high": ":red_circle:",
    "medium": ":warning:",
    "low": ":mag:",
    "none": ":eye:",
}
"""mitmproxy's names of the marks, by band."""

MAX_LINE: Final = 200


def line(item: AssessedEvent, *, held: bool = False) -> str:
    """Return an event as a log line: score, band, name, page, what it tells, what ties it to a person."""
    event, assessment = item.event, item.assessment
    redactor = Redactor(event.identifiers, reveal=False)
    name, page = one_line(event.event_name or "(no name)"), one_line(redactor.text(event.page_url or "page unknown"))
    parts = (
        f"{assessment.score:3} {assessment.band:<8} {name} {page}",
        one_line(redactor.text(item.clicked or item.searched or item.page_title or "")),
        about(item),
        f"tied by {event.linkability}",
    )
    return f"{'HELD ' if held else ''}{' | '.join(part for part in parts if part)}"


def flow_note(item: AssessedEvent, *, held: bool = False) -> str:
    """Return an event as the comment of its flow, short enough for a column."""
    assessment = item.assessment
    name = one_line(item.event.event_name or "(no name)")
    return f"{'HELD ' if held else ''}{assessment.score} {assessment.band}: {about(item)} | {name}"


def marker(item: AssessedEvent) -> str:
    """Return the mark for an event's band."""
    return MARKERS[item.assessment.band]


def about(item: AssessedEvent) -> str:
    """Return the topics and actions of an event, and other categories where packs for them are switched on."""
    text = ", ".join((*item.assessment.topics, *item.assessment.actions)) or "no health words"
    if item.other is not None and item.other.topics:
        text += f" | apart from health: {', '.join(item.other.topics)} ({item.other.score} {item.other.band})"
    return text


def one_line(text: str) -> str:
    """Return text with control characters escaped: a log line must not be one that a capture wrote."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)[:MAX_LINE]
