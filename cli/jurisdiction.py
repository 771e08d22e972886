"""What bears on the criteria of two jurisdictions at one event: the criterion, and the facts of this event. No verdict.

The criteria are those of `wording.LEGAL_NOTES`, in short; a report prints them in full once.
"""

from collections.abc import Iterator
from typing import Final

from cli import sentences, wording
from cli.schema import Event, Jurisdiction
from rules.unchecked import unchecked

_UK_EU: Final = (
    "Article 9(1) GDPR and UK GDPR: data concerning health (Article 4(15)) are a special category, which can be "
    "revealed by inference. Article 5(3) of Directive 2002/58/EC and, in the United Kingdom, regulation 6 of PECR: "
    "storing or reading information on the visitor's device has its own rule on consent."
)
_US: Final = (
    "HHS OCR's bulletin on online tracking (revised 18 March 2024) distinguishes pages behind a login from public "
    "pages; American Hospital Association v. Becerra (N.D. Tex., 20 June 2024) vacated part of it for public pages. "
    "The FTC has acted on health information in event names, addresses and hashed contact details outside HIPAA."
)
_MOST_WORDS: Final = 5

_made = unchecked(Jurisdiction)


def jurisdictions(event: Event) -> tuple[Jurisdiction, ...]:
    """Return what of an event with health content bears on the criteria of two jurisdictions, or nothing."""
    if event.band == "none":
        return ()
    return (
        _made(area=wording.UK_EU, criterion=_UK_EU, facts=tuple(_in_europe(event))),
        _made(area=wording.US, criterion=_US, facts=tuple(_in_the_us(event))),
    )


def _in_europe(event: Event) -> Iterator[str]:
    yield _words(event)
    yield _tie(event)
    yield f"consent at that moment: {sentences.consent(event.consent)}"
    for item in event.consent.contradictions:
        yield sentences.contradiction(item)


def _in_the_us(event: Event) -> Iterator[str]:
    yield f"kind of page: {sentences.page_class(event)}"
    yield sentences.login(event)
    yield _words(event)
    yield _tie(event)
    for item in event.consent.statements:
        if item.kind in {"us_privacy", "gpp", "global_privacy_control", "limited_data_use"}:
            yield sentences.statement(item)
    yield "whether HIPAA applies to the organisation is not known from a capture"


def _words(event: Event) -> str:
    found = list(
        dict.fromkeys(f"“{item.text}” ({wording.field(item.field)})" for item in event.findings if item.points > 0)
    )
    return "words that scored: " + (", ".join(found[:_MOST_WORDS]) or "none by themselves")


def _tie(event: Event) -> str:
    return f"tied to a person by: {sentences.link(event.linkability, complete=event.linkability_complete)}"
