"""What ties sessions to one another, in the formats of `pixelwitness links`. Every value is redacted already."""

import csv
import io
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from jinja2 import Template

from cli import link_words, wording
from cli.linked import History, LinkedIdentifier, Links
from cli.reports.csv import cell
from cli.reports.html import environment
from cli.reports.json import printed
from cli.reports.linked_text import histories
from cli.reports.text import Page

TITLE: Final = "What joins these sessions"
INTRODUCTION: Final = (
    "Sessions are tied where the same identifier came with events of both. Whoever received both could tell that they "
    "came from one browser, account or address. It does not say that anybody did, nor that one person sat there."
)
APART: Final = "No identifier ties one session to another."
WIDTH: Final = 88


def across(links: Links) -> list[History]:
    """Return Meta's histories that reach over several sessions."""
    return [item for item in links.histories if item.level == "meta" and len(item.sessions) > 1]


def within(links: Links) -> list[History]:
    """Return Meta's histories of one session each."""
    return [item for item in links.histories if item.level == "meta" and len(item.sessions) == 1]


def bonds(links: Links) -> list[LinkedIdentifier]:
    """Return the identifiers that came with events of several sessions, the strongest first."""
    return [one for item in across(links) for one in item.identifiers if len(one.sessions) > 1]


def remarks(links: Links) -> Iterable[str]:
    """Yield what is to be minded when reading: two captures of one browsing, reconstructions, missing cookies."""
    for shared in links.shared_events:
        yield (
            f"{shared.sessions[0]} and {shared.sessions[1]} hold {wording.count(shared.events, 'event')} in common: "
            "captures of the same browsing. That they are tied says nothing new."
        )
    built = [item.id for item in links.sessions if item.provenance == "reconstruction"]
    if built:
        verb = "is a reconstruction" if len(built) == 1 else "are reconstructions"
        yield f"{wording.listed(built)} {verb}: invented identifiers, evidence of nothing."
    for item in links.sessions:
        if not item.linkability_complete:
            yield f"Cookies are missing in a capture of {item.id}: it may be tied to others by more than is shown."
    if links.revealed:
        yield wording.REVEALED


def summary(links: Links) -> str:
    """Return in a sentence how many sessions are tied."""
    found = across(links)
    if not found:
        return APART
    tied = {session for item in found for session in item.sessions}
    parts = [f"{wording.listed(list(item.sessions))} by {_chief(item)}" for item in found[:3]]
    more = f", and {wording.count(len(found) - 3, 'further group')}" if len(found) > 3 else ""
    return f"{len(tied)} of {wording.count(len(links.sessions), 'session')} are tied: {'; '.join(parts)}{more}."


def _chief(history: History) -> str:
    several = [one for one in history.identifiers if len(one.sessions) > 1]
    return several[0].name if several else "steps"


def text(links: Links, verbosity: int = 0) -> str:
    """Return the links as plain text."""
    page = Page(WIDTH)
    page.heading(TITLE, "=")
    page.say(INTRODUCTION)
    page.blank()
    page.say(summary(links))
    for remark in remarks(links):
        page.say(remark, first="! ")
    page.blank()
    for item in links.sessions:
        when = "no request" if item.started_at is None else link_words.span(item.started_at, item.ended_at or "")
        page.say(
            f"{item.id}: {when}; {wording.count(item.events, 'event')}, {item.unjoined_events} without anything that "
            "joins",
            first="- ",
        )
    histories(page, across(links) or within(links), verbosity, sessions=True)
    if across(links) and within(links):
        number = wording.count(len(within(links)), "further history", "further histories")
        page.blank()
        page.say(f"{number} within one session: see its report.")
    page.blank()
    page.say(link_words.NOT_SHOWN)
    return str(page)


def json_text(links: Links, _verbosity: int = 0) -> str:
    """Return the links as one JSON object; `schema` names its version."""
    content = links.model_dump(mode="json")
    return printed({"schema": content.pop("schema_version"), **content})


_COLUMNS: Final[dict[str, Callable[[History, int, LinkedIdentifier], object]]] = {
    "level": lambda item, _, __: item.level,
    "pixel_id": lambda item, _, __: item.pixel_id,
    "history": lambda _, number, __: number,
    "identifier": lambda _, __, one: one.name,
    "kind": lambda _, __, one: one.kind,
    "value": lambda _, __, one: one.value,
    "link": lambda _, __, one: one.link,
    "resolvable_by": lambda _, __, one: one.resolvable_by,
    "lifetime_days": lambda _, __, one: round(one.lifetime.seconds / 86_400, 2) if one.lifetime else None,
    "created_at": lambda _, __, one: one.created_at,
    "first_seen_at": lambda _, __, one: one.first_seen_at,
    "last_seen_at": lambda _, __, one: one.last_seen_at,
    "events": lambda _, __, one: one.events,
    "sessions": lambda _, __, one: " | ".join(one.sessions),
    "sites": lambda _, __, one: " | ".join(one.sites),
    "pixels": lambda _, __, one: " | ".join(one.pixel_ids),
    "through": lambda _, __, one: one.through.name if one.through else None,
    "through_event": lambda _, __, one: one.through.event_id if one.through else None,
    "through_page": lambda _, __, one: one.through.page_url if one.through else None,
    "history_events": lambda item, _, __: item.events,
    "history_acts": lambda item, _, __: item.acts,
    "history_health_acts": lambda item, _, __: item.health_acts,
    "history_sessions": lambda item, _, __: " | ".join(item.sessions),
}


def csv_text(links: Links, _verbosity: int = 0) -> str:
    """Return one row for every identifier of every history as CSV, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for number, item in enumerate(links.histories, 1):
        for one in item.identifiers:
            writer.writerow([cell(column(item, number, one)) for column in _COLUMNS.values()])
    return buffer.getvalue()


@cache
def _template() -> Template:
    return environment().get_template("links.html.j2")


def html(links: Links, _verbosity: int = 0) -> str:
    """Return the links as one HTML page that loads nothing and runs no script."""
    page = _template().render(
        links=links,
        title=TITLE,
        introduction=INTRODUCTION,
        summary=summary(links),
        remarks=list(remarks(links)),
        across=across(links),
        within=within(links),
        apart=APART,
    )
    return f"{page.lstrip()}\n"


LINK_FORMATS: Final[dict[str, Callable[[Links, int], str]]] = {
    "text": text,
    "json": json_text,
    "csv": csv_text,
    "html": html,
}
