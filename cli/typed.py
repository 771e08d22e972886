"""What became of the details a test person typed, in sentences that every format shows."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from cli import wording
from cli.schema import Elsewhere, Event, Guessed, LeftDetail, Persona, PersonSighting, Unmatched

TITLE: Final = "The test person"
INTRODUCTION: Final = (
    "The investigator typed the details of an invented person and stated them in a file. They were looked for in every "
    "request to Meta: in clear, hashed, URL-encoded and in base64, and by their shape, which Meta's client also sends "
    "(which letters are capitals, where digits stand). This report says where they were found, not what they are."
)
NOTHING_LEFT: Final = "No detail was found in any request that left."
NEVER_LEFT: Final = (
    "Not found is no proof of not sent: a salted hash, an encrypted body and what a site's own servers send show "
    "nothing of it."
)
UNMATCHED: Final = (
    "Of the kinds that were given, these values are no form of what was typed. They may be somebody else's, made by "
    "the site, or salted: a salted hash cannot be told from a plain one."
)
COMMON: Final = (
    "A gender, a town, a county or a country is common to many people: that it fits does not by itself show that this "
    "person's was sent."
)
_COMMON_KINDS: Final = frozenset({"ge", "ct", "st", "country"})
_LONGEST: Final = 4
_PLACES: Final = {
    "query": "in the address of the request, parameter {name}",
    "body": "in the body of the request, parameter {name}",
    "path": "in the path of the request's address",
    "header": "in the header {name}",
    "cookie": "in the cookie {name}",
}


class Line(NamedTuple):
    """A detail that left, in the cells of a table."""

    detail: str
    forms: str
    where: str
    pixels: str
    consent: str


def heading(persona: Persona) -> str:
    """Return who a section is about, where the file gave a name for it."""
    return "" if persona.label == "the test person" else wording.capital(persona.label)


def searched(persona: Persona) -> tuple[str, ...]:
    """Return what was given, who stated it, and how far it was looked for."""
    by = f" by {persona.by}" if persona.by else ""
    when = f"Stated{by} {wording.instant(persona.stated_at)}"
    where = wording.count(persona.requests_searched, "request")
    said = [f"{when}: {wording.listed(list(persona.details))}. Looked for in {where}."]
    if persona.requests_not_searched:
        said.append(
            f"{wording.count(persona.requests_not_searched, 'request')} came later and "
            f"{'was' if persona.requests_not_searched == 1 else 'were'} not searched: run pixelwitness persona match "
            "again."
        )
    if persona.requests_cut:
        said.append(f"{wording.count(persona.requests_cut, 'request')} were too long to be searched to the end.")
    return tuple(said)


def headline(persona: Persona) -> str:
    """Return in a sentence how many of the details left."""
    if not persona.left:
        return NOTHING_LEFT
    events = {event for item in persona.left for event in item.event_ids}
    count = len(persona.details) - len(persona.never_left) - len(persona.held_back)
    total = len(persona.details)
    what = f"All {total} details" if count == total > 1 else f"{count} of {wording.count(total, 'detail')}"
    return f"{what} typed left this browser, in {wording.count(len(events), 'event')}."


def lines(persona: Persona) -> tuple[Line, ...]:
    """Return the details that left as cells."""
    return tuple(
        Line(
            detail=wording.capital(item.detail),
            forms="; ".join(item.forms),
            where=_some(item.pages or item.sites),
            pixels=f"{_some(item.pixels)} at {wording.listed(list(item.recipients))}",
            consent=_consent(item),
        )
        for item in persona.left
    )


def _some(texts: tuple[str, ...]) -> str:
    rest = len(texts) - _LONGEST
    shown = " · ".join(texts[:_LONGEST])
    return f"{shown} · and {rest} more" if rest > 0 else shown or "not known"


def _consent(item: LeftDetail) -> str:
    number = wording.count(len(item.event_ids), "event")
    several = len(item.consent) > 1
    states = ", ".join(
        f"{count} {wording.CONSENT_STATES[state]}" if several else wording.CONSENT_STATES[state]
        for state, count in item.consent.items()
    )
    before = (
        "none of them known to be before consent"
        if not item.before_consent
        else f"{'all' if item.before_consent == len(item.event_ids) else item.before_consent} before consent"
    )
    return f"{number}, {before} ({states})"


def stayed(persona: Persona) -> tuple[str, ...]:
    """Return how far what left can be relied on, which details were held back and which were never found."""
    kinds = {item.kind for item in persona.left}
    doubtful = kinds & _COMMON_KINDS and (persona.unmatched or kinds <= _COMMON_KINDS)
    said = [COMMON] if doubtful else []
    if persona.held_back:
        said.append(f"Only in events that did not leave: {wording.listed(list(persona.held_back))}.")
    if persona.never_left:
        said.append(f"Never found: {wording.listed(list(persona.never_left))}. {NEVER_LEFT}")
    return tuple(said)


def elsewhere(item: Elsewhere) -> str:
    """Return a detail in requests without an event, in a sentence."""
    place = _PLACES[item.place].format(name=item.parameter)
    return (
        f"{wording.capital(item.words)}: {place} of {wording.count(item.requests, 'request')} to {item.host} "
        f"({wording.role(item.role)}), which carry no event."
    )


def unmatched(item: Unmatched) -> str:
    """Return an identifier that is no form of what was typed, in a line."""
    text = (
        f"{wording.capital(wording.identifier(item.kind))} {item.value} ({wording.identifier_form(item.form)}), in "
        f"{wording.listed(list(item.parameters))} of {wording.count(len(item.event_ids), 'event')}"
    )
    return f"{text}; {guessed(item.guessed)}" if item.guessed else text


def not_given(persona: Persona) -> str:
    """Return which kinds of personal identifiers could not be compared, or nothing."""
    if not persona.not_given:
        return ""
    kinds = wording.listed(list(persona.not_given))
    return f"Also sent, and not compared because nothing of the kind was stated: {kinds}."


def guessed(found: Guessed) -> str:
    """Return how cheaply a hash is reversed."""
    return (
        f"found among {found.tried:,} guesses ({found.what}): whoever holds the hash can reverse it as cheaply, "
        "in less than a second"
    )


def outside(event: Event) -> tuple[PersonSighting, ...]:
    """Return the sightings in an event that none of its identifiers tells of already."""
    told = {(item.parameter, item.person_note) for item in event.identifiers if item.person_matched}
    return tuple(
        item
        for item in event.person
        if not ({f"this value is {item.words}", f"this is {item.words}"} & _notes(told, _parameter(item)))
    )


def _parameter(item: PersonSighting) -> str:
    return f"cookie {item.parameter}" if item.place == "cookie" else item.parameter


def _notes(told: Iterable[tuple[str, str | None]], parameter: str) -> set[str]:
    return {note for name, note in told if name == parameter and note}


def sighting(item: PersonSighting) -> str:
    """Return a sighting in a sentence."""
    return f"{wording.capital(item.words)}: {place(item)}"


def place(item: PersonSighting) -> str:
    """Return where in a request a sighting stands."""
    return _PLACES[item.place].format(name=item.parameter)
